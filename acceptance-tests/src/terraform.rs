//! The real Terraform or OpenTofu at work in a folder of its own.
//!
//! Nothing of the user's reaches it: no configuration, no credentials, no plugin cache, no registry. Providers are
//! development overrides, so nothing is installed and no `init` is needed.

use std::ffi::OsStr;
use std::fmt::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, io};

use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use crate::fault_proxy::FaultProxy;
use crate::plan::Plan;

/// A command line that speaks Terraform's language.
#[derive(Debug, Clone)]
pub struct Program {
    path: PathBuf,
}

/// A root module in a temporary folder, with its own state.
#[derive(Debug)]
pub struct Workspace {
    folder: TempDir,
    program: Program,
    overrides: Vec<(String, PathBuf)>,
    mirror: Option<PathBuf>,
    environment: Vec<(String, String)>,
    plans: AtomicUsize,
}

/// A command that ended with an error.
pub struct Failure {
    /// The arguments.
    pub command: String,
    /// How it ended.
    pub status: ExitStatus,
    /// What it had to say, errors and warnings alike.
    pub diagnostics: Vec<Diagnostic>,
    /// All of its standard output.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
}

/// An error or a warning, as the program reports it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Diagnostic {
    /// `error` or `warning`.
    pub severity: String,
    /// One line.
    pub summary: String,
    /// The rest; may be empty.
    #[serde(default)]
    pub detail: String,
    /// The resource that it is about.
    #[serde(default)]
    pub address: Option<String>,
    /// The piece of configuration that it points at.
    #[serde(default)]
    pub snippet: Option<Snippet>,
}

/// The lines of configuration that a diagnostic points at.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Snippet {
    /// The lines.
    pub code: String,
}

/// Why a command could not do its work.
#[derive(thiserror::Error)]
pub enum TerraformError {
    /// The program is nowhere.
    #[error("{name} is not in PATH: install it, or set {variable} to its path")]
    NotFound {
        /// The program.
        name: &'static str,
        /// The variable that may name it.
        variable: &'static str,
    },
    /// The program cannot be started.
    #[error("cannot run {program}: {source}")]
    Start {
        /// The program.
        program: String,
        /// The system's answer.
        source: io::Error,
    },
    /// A file of the workspace cannot be written or read.
    #[error("cannot use {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The command ended with an error.
    #[error(transparent)]
    Failed(Box<Failure>),
    /// The answer is not what the program promises.
    #[error("{command} did not answer in its JSON format: {source}")]
    Json {
        /// The arguments.
        command: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl Program {
    /// Terraform: `$TERRAFORM`, else `terraform` in `PATH`.
    pub fn terraform() -> Result<Self, TerraformError> {
        Self::find("terraform", "TERRAFORM")
            .ok_or(TerraformError::NotFound { name: "terraform", variable: "TERRAFORM" })
    }

    /// The program at `path`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The program that `variable` names, else `name` in `PATH`.
    pub(crate) fn find(name: &str, variable: &str) -> Option<Self> {
        let named = env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
        let path = env::var_os("PATH").unwrap_or_default();
        let mut candidates = env::split_paths(&path).map(|folder| folder.join(name));
        named.or_else(|| candidates.find(|candidate| candidate.is_file())).map(Self::at)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Workspace {
    /// An empty root module.
    pub fn new(program: &Program) -> Result<Self, TerraformError> {
        let folder =
            tempfile::tempdir().map_err(|source| TerraformError::File { path: env::temp_dir(), source })?;
        Ok(Self {
            folder,
            program: program.clone(),
            overrides: Vec::new(),
            mirror: None,
            environment: Vec::new(),
            plans: AtomicUsize::new(0),
        })
    }

    /// Uses the provider `source` (`socle-platform/socle`) from the folder that holds its binary.
    #[must_use]
    pub fn with_provider(mut self, source: &str, folder: &Path) -> Self {
        self.overrides.push((source.to_owned(), folder.to_owned()));
        self
    }

    /// Installs providers from that mirror, by `init`.
    #[must_use]
    pub fn with_mirror(mut self, folder: &Path) -> Self {
        self.mirror = Some(folder.to_owned());
        self
    }

    /// Sets a variable for the program and its providers, which otherwise see none of the test's.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Points the standard AWS chain at `aws`. moto verifies no signature, so any credentials will do.
    #[must_use]
    pub fn with_aws(self, aws: &FaultProxy) -> Self {
        self.with_variable("AWS_ENDPOINT_URL", &aws.url())
            .with_variable("AWS_REGION", "eu-west-3")
            .with_variable("AWS_ACCESS_KEY_ID", "test")
            .with_variable("AWS_SECRET_ACCESS_KEY", "test")
            .with_variable("AWS_EC2_METADATA_DISABLED", "true")
    }

    /// The folder of the root module.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file of the root module, over an earlier one of that name.
    pub fn write(&self, name: &str, text: &str) -> Result<(), TerraformError> {
        let path = self.folder().join(name);
        fs::write(&path, text).map_err(|source| TerraformError::File { path, source })
    }

    /// Reads a file of the root module.
    pub fn read(&self, name: &str) -> Result<String, TerraformError> {
        let path = self.folder().join(name);
        fs::read_to_string(&path).map_err(|source| TerraformError::File { path, source })
    }

    /// Errors and warnings of `validate`, but for the one about development overrides.
    pub fn validate(&self) -> Result<Vec<Diagnostic>, TerraformError> {
        #[derive(Deserialize)]
        struct Validation {
            diagnostics: Vec<Diagnostic>,
        }
        // An invalid configuration is an answer here, not a failure.
        let output = self.output(&["validate", "-json"])?;
        let validation: Validation = json("validate", &text(&output.stdout))?;
        Ok(validation.diagnostics.into_iter().filter(|diagnostic| !diagnostic.is_about_overrides()).collect())
    }

    /// Plans, after a refresh.
    pub fn plan(&self) -> Result<Plan, TerraformError> {
        self.plan_with(&[])
    }

    /// Plans with more arguments: `-refresh=false`, `-refresh-only`, `-destroy`, `-generate-config-out=FILE`.
    pub fn plan_with(&self, arguments: &[&str]) -> Result<Plan, TerraformError> {
        let file = self.folder().join(format!("plan-{}", self.plans.fetch_add(1, Ordering::Relaxed)));
        let out = format!("-out={}", file.display());
        self.run(&[&["plan", "-json", "-input=false", &out], arguments].concat())?;
        let shown = self.run(&["show", "-json", &file.to_string_lossy()])?;
        Plan::parse(file, &shown)
            .map_err(|source| TerraformError::Json { command: "show -json".to_owned(), source })
    }

    /// Plans and applies.
    pub fn apply(&self) -> Result<(), TerraformError> {
        self.run(&["apply", "-json", "-input=false", "-auto-approve"]).map(drop)
    }

    /// Applies exactly that plan.
    pub fn apply_plan(&self, plan: &Plan) -> Result<(), TerraformError> {
        self.run(&["apply", "-json", "-input=false", &plan.file().to_string_lossy()]).map(drop)
    }

    /// Destroys all that is in the state.
    pub fn destroy(&self) -> Result<(), TerraformError> {
        self.run(&["destroy", "-json", "-input=false", "-auto-approve"]).map(drop)
    }

    /// Brings an existing object under `address`, which the configuration must have.
    pub fn import(&self, address: &str, id: &str) -> Result<(), TerraformError> {
        self.run(&["import", "-input=false", address, id]).map(drop)
    }

    /// Plans the `import` blocks of the configuration, and answers the configuration that the program writes for them.
    pub fn generate_configuration(&self) -> Result<String, TerraformError> {
        self.plan_with(&["-generate-config-out=generated.tf"])?;
        self.read("generated.tf")
    }

    /// The values of a resource in the state; null when it is not there.
    pub fn state_of(&self, address: &str) -> Result<Value, TerraformError> {
        let state: Value = json("show", &self.run(&["show", "-json"])?)?;
        let resources = state["values"]["root_module"]["resources"].as_array().cloned().unwrap_or_default();
        let found = resources.into_iter().find(|resource| resource["address"] == address);
        Ok(found.map_or(Value::Null, |resource| resource["values"].clone()))
    }

    /// The value of an output in the state.
    pub fn output_value(&self, name: &str) -> Result<Value, TerraformError> {
        json("output", &self.run(&["output", "-json", name])?)
    }

    /// The schemas of all providers of the configuration.
    pub fn schemas(&self) -> Result<Value, TerraformError> {
        json("providers schema", &self.run(&["providers", "schema", "-json"])?)
    }

    /// Checks that a plan has nothing to do, with a refresh and without.
    ///
    /// # Panics
    /// When there is something to do, or the plan fails.
    #[track_caller]
    pub fn assert_plan_is_empty(&self) {
        for arguments in [&[][..], &["-refresh=false"]] {
            match self.plan_with(arguments) {
                Ok(plan) => assert!(plan.is_empty(), "the plan {arguments:?} is not empty:\n{plan}"),
                Err(error) => panic!("the plan {arguments:?} failed: {error}"),
            }
        }
    }

    /// Runs a command that must succeed, and answers its standard output.
    pub fn run(&self, arguments: &[&str]) -> Result<String, TerraformError> {
        let output = self.output(arguments)?;
        if output.status.success() {
            Ok(text(&output.stdout))
        } else {
            Err(TerraformError::Failed(Box::new(Failure::of(arguments, &output))))
        }
    }

    fn output(&self, arguments: &[&str]) -> Result<Output, TerraformError> {
        let settings = self.write_settings()?;
        let mut command = self.command(&settings);
        command.args(arguments);
        command.output().map_err(|source| TerraformError::Start { program: format!("{command:?}"), source })
    }

    /// The program in the folder, without arguments: for what the other methods do not cover.
    pub fn command(&self, settings: &Path) -> Command {
        let mut command = Command::new(self.program.path());
        command
            .current_dir(self.folder())
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder())
            .env("TF_CLI_CONFIG_FILE", settings)
            .env("TF_CLI_ARGS", "-no-color")
            .env("TF_IN_AUTOMATION", "1")
            .env("CHECKPOINT_DISABLE", "1")
            .envs(self.environment.iter().map(|(name, value)| (OsStr::new(name), OsStr::new(value))));
        command
    }

    /// The program's own configuration: our providers, and no other way to get one.
    fn write_settings(&self) -> Result<PathBuf, TerraformError> {
        let overrides = self.overrides.iter().fold(String::new(), |mut lines, (source, folder)| {
            // Writing to a string cannot fail.
            let _ = writeln!(lines, "    {source:?} = {:?}", folder.display().to_string());
            lines
        });
        let mirror = self.mirror.clone().unwrap_or_else(|| self.folder().join(".no-providers"));
        let text = format!(
            "provider_installation {{\n  dev_overrides {{\n{overrides}  }}\n  filesystem_mirror {{\n    path = {:?}\n  }}\n}}\n",
            mirror.display().to_string()
        );
        self.write(".settings", &text)?;
        Ok(self.folder().join(".settings"))
    }
}

impl Diagnostic {
    fn is_about_overrides(&self) -> bool {
        self.severity == "warning" && self.summary.contains("development overrides")
    }
}

impl TerraformError {
    /// Whether the program said `words`, wherever its lines were broken.
    pub fn says(&self, words: &str) -> bool {
        matches!(self, Self::Failed(failure) if failure.says(words))
    }
}

impl Failure {
    fn of(arguments: &[&str], output: &Output) -> Self {
        let stdout = text(&output.stdout);
        Self {
            command: arguments.join(" "),
            status: output.status,
            diagnostics: stdout.lines().filter_map(diagnostic_in).collect(),
            stdout,
            stderr: text(&output.stderr),
        }
    }

    /// Whether the program said `words`, wherever its lines were broken.
    pub fn says(&self, words: &str) -> bool {
        let said = self.diagnostics.iter().flat_map(|diagnostic| [&diagnostic.summary, &diagnostic.detail]);
        said.chain([&self.stderr]).any(|text| unbroken(text).contains(&unbroken(words)))
    }
}

/// A diagnostic in a line of the program's `-json` output.
fn diagnostic_in(line: &str) -> Option<Diagnostic> {
    #[derive(Deserialize)]
    struct Line {
        diagnostic: Diagnostic,
    }
    let line: Line = serde_json::from_str(line).ok()?;
    Some(line.diagnostic)
}

/// The words without the frame and the line breaks that the program puts around them.
fn unbroken(text: &str) -> String {
    text.split_whitespace().filter(|word| !matches!(*word, "│" | "╷" | "╵")).collect::<Vec<_>>().join(" ")
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "`{}` failed ({})", self.command, self.status)?;
        for diagnostic in &self.diagnostics {
            writeln!(formatter, "{diagnostic}")?;
        }
        write!(formatter, "--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address.as_deref().unwrap_or("-");
        let code = self.snippet.as_ref().map_or("", |snippet| snippet.code.trim());
        write!(formatter, "{}: {} [{address}: {code}]\n  {}", self.severity, self.summary, self.detail)
    }
}

// A test prints its error by `Debug`; escaped line breaks would make that unreadable.
impl fmt::Debug for TerraformError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl std::error::Error for Failure {}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn json<T: serde::de::DeserializeOwned>(command: &str, text: &str) -> Result<T, TerraformError> {
    serde_json::from_str(text).map_err(|source| TerraformError::Json { command: command.to_owned(), source })
}
