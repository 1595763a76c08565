//! Our programs on a host: found by their hash, brought there once a version, run with their arguments on standard
//! input.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::ModuleResult;
use super::error::SshError;
use super::host::Host;
use super::session::{Command, Output};
use super::{Ssh, quoted};
use crate::clients::retry::Budget;

/// Where a host keeps our programs, each as `NAME-SHA256`, owned by root.
pub const LIBEXEC: &str = "/usr/local/libexec/socle";
/// The environment variable that names the folder of the programs on this machine.
pub const PROGRAMS_VARIABLE: &str = "SOCLE_HOST_PROGRAMS";
/// What `uname -m` says on the hosts that we have programs for.
const ARCHITECTURES: [&str; 2] = ["x86_64", "aarch64"];

/// The exit statuses of our own lines of shell, and the word that begins what they complain.
const MISSING: u32 = 127;
const NO_BUILD: u32 = 126;
const OURS: &str = "socle: ";

/// The programs that can be brought to hosts.
#[derive(Debug, Default)]
pub struct Programs {
    folders: Vec<PathBuf>,
    read: Mutex<HashMap<PathBuf, Arc<Program>>>,
}

/// One program for one architecture.
#[derive(Debug)]
struct Program {
    content: Vec<u8>,
    /// Lower-case hexadecimal.
    sha256: String,
}

/// Whether a program may change the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It looks, and says what it would change.
    Check,
    /// It changes what is not as wanted.
    Apply,
}

/// What to do about a program that is not on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Bring it.
    Upload,
    /// Say so, as [`SshError::NotPrepared`]: for a refresh, which never changes a host.
    Report,
}

/// How a program of ours is on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramStanding {
    /// It is not there.
    Missing,
    /// Something else is in its place.
    Changed,
    /// It is there, byte by byte.
    Intact,
}

/// A run of a program.
#[derive(Clone, Copy, Debug)]
pub struct ProgramCall<'a> {
    /// The program: `hardening`.
    pub name: &'a str,
    /// Its arguments. They go over standard input, so they may hold secrets.
    pub arguments: &'a Map<String, Value>,
    /// Whether it may change the host.
    pub mode: Mode,
    /// What to do when it is not there.
    pub missing: Missing,
}

impl Programs {
    /// The programs of `$SOCLE_HOST_PROGRAMS/ARCHITECTURE/NAME`, else of `host-programs/ARCHITECTURE/NAME` beside this
    /// program.
    pub fn installed() -> Self {
        let named = std::env::var_os(PROGRAMS_VARIABLE).map(PathBuf::from);
        let beside = std::env::current_exe().ok();
        let beside = beside.and_then(|program| Some(program.parent()?.join("host-programs")));
        Self::of([named, beside].into_iter().flatten())
    }

    /// The programs of these folders; an earlier one wins.
    pub fn of(folders: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { folders: folders.into_iter().collect(), read: Mutex::default() }
    }

    fn files<'a>(&'a self, architecture: &'a str, name: &'a str) -> impl Iterator<Item = PathBuf> + 'a {
        self.folders.iter().map(move |folder| folder.join(architecture).join(name))
    }

    /// The program, read once a run.
    fn find(&self, architecture: &str, name: &str) -> Option<Arc<Program>> {
        self.files(architecture, name).find_map(|file| self.read(&file))
    }

    fn read(&self, file: &Path) -> Option<Arc<Program>> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(program) = read.get(file) {
            return Some(Arc::clone(program));
        }
        let content = std::fs::read(file).ok()?;
        let program = Arc::new(Program { sha256: hexadecimal(&Sha256::digest(&content)), content });
        read.insert(file.to_owned(), Arc::clone(&program));
        Some(program)
    }

    /// The builds that there are of a program.
    fn builds(&self, name: &str) -> Vec<(&'static str, Arc<Program>)> {
        let build = |architecture| Some((architecture, self.find(architecture, name)?));
        ARCHITECTURES.into_iter().filter_map(build).collect()
    }
}

impl Ssh {
    /// Runs a host program and reads its result. Where the program is installed, this is one round trip.
    ///
    /// # Errors
    /// Why it did not run, that its end was not seen, or that it failed.
    pub async fn run_program(
        &self,
        host: &Host,
        call: ProgramCall<'_>,
        budget: &Budget,
    ) -> Result<ModuleResult, SshError> {
        let builds = self.programs.builds(call.name);
        let line = run_line(self.as_root(host), call.name, call.mode, &builds);
        let stdin = arguments(call);
        let step = format!("run {}", call.name);
        let command = Command { step: &step, line: &line, stdin: &stdin };
        let mut output = self.run(host, command, budget).await?;
        if let Some(architecture) = complaint(&output, MISSING) {
            let found = builds.iter().find(|(known, _)| *known == architecture);
            let (Some((_, program)), Missing::Upload) = (found, call.missing) else {
                return Err(SshError::NotPrepared { host: host.to_string(), name: call.name.to_owned() });
            };
            self.install(host, call.name, program, budget).await?;
            output = self.run(host, command, budget).await?;
        }
        self.result(host, call.name, &output)
    }

    /// Makes sure that a program is on the host, and gives the path of it.
    ///
    /// # Errors
    /// Why it is not.
    pub async fn ensure_program(&self, host: &Host, name: &str, budget: &Budget) -> Result<String, SshError> {
        let builds = self.programs.builds(name);
        let line = find_line(name, &builds, "printf %s \"$p\"");
        let step = format!("find {name}");
        let output = self.run(host, Command { step: &step, line: &line, stdin: &[] }, budget).await?;
        if let Some(program) = self.missing(host, name, &builds, &output)? {
            return self.install(host, name, program, budget).await;
        }
        self.has_build(host, name, &output)?;
        let output = self.succeeded(host, &step, output)?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Looks whether a program is on the host as it is here, and gives the path of it there. Changes nothing.
    ///
    /// # Errors
    /// Why it is not known.
    pub async fn look_at_program(
        &self,
        host: &Host,
        name: &str,
        budget: &Budget,
    ) -> Result<(String, ProgramStanding), SshError> {
        let builds = self.programs.builds(name);
        let line = hash_line(name, &builds);
        let step = format!("look at {name}");
        let output = self.run(host, Command { step: &step, line: &line, stdin: &[] }, budget).await?;
        // So a forced command answers, which knows no build.
        if let Some(program) = self.missing(host, name, &builds, &output)? {
            return Ok((path(name, &program.sha256), ProgramStanding::Missing));
        }
        self.has_build(host, name, &output)?;
        let output = self.succeeded(host, &step, output)?;
        let said = String::from_utf8_lossy(&output.stdout);
        let (path, hash) = said.split_once(' ').unwrap_or((&said, ""));
        let standing = match hash.trim() {
            "" => ProgramStanding::Missing,
            hash if path.ends_with(hash) => ProgramStanding::Intact,
            _ => ProgramStanding::Changed,
        };
        Ok((path.to_owned(), standing))
    }

    /// Makes sure that a program is on the host as it is here, and gives the path of it. Unlike
    /// [`ensure_program`](Self::ensure_program) it reads all of the program there: for one that the host starts by itself.
    ///
    /// # Errors
    /// Why it is not.
    pub async fn bring_program(&self, host: &Host, name: &str, budget: &Budget) -> Result<String, SshError> {
        let (place, standing) = self.look_at_program(host, name, budget).await?;
        if standing == ProgramStanding::Intact {
            return Ok(place);
        }
        let builds = self.programs.builds(name);
        let build = builds.iter().find(|(_, program)| path(name, &program.sha256) == place);
        let (_, program) = build.ok_or_else(|| self.no_program(host, name, "of the host"))?;
        self.install(host, name, program, budget).await
    }

    /// Brings a file to a host, and gives the path of it: a new one that only the login user can read.
    ///
    /// # Errors
    /// Why it is not there.
    pub async fn upload(&self, host: &Host, content: &[u8], budget: &Budget) -> Result<String, SshError> {
        let command = Command { step: "upload a file", line: UPLOAD, stdin: content };
        let output = self.run(host, command, budget).await?;
        let output = self.succeeded(host, command.step, output)?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    async fn install(
        &self,
        host: &Host,
        name: &str,
        program: &Program,
        budget: &Budget,
    ) -> Result<String, SshError> {
        let line = install_line(self.as_root(host), name, &program.sha256);
        let step = format!("install {name}");
        let command = Command { step: &step, line: &line, stdin: &program.content };
        let output = self.run(host, command, budget).await?;
        self.succeeded(host, &step, output)?;
        Ok(path(name, &program.sha256))
    }

    fn has_build(&self, host: &Host, name: &str, output: &Output) -> Result<(), SshError> {
        match complaint(output, NO_BUILD) {
            Some(architecture) => Err(self.no_program(host, name, &architecture)),
            None => Ok(()),
        }
    }

    /// The build that the host lacks, when it says that it lacks one.
    fn missing<'b>(
        &self,
        host: &Host,
        name: &str,
        builds: &'b [(&'static str, Arc<Program>)],
        output: &Output,
    ) -> Result<Option<&'b Program>, SshError> {
        let Some(architecture) = complaint(output, MISSING) else { return Ok(None) };
        let found = builds.iter().find(|(known, _)| *known == architecture);
        let (_, program) = found.ok_or_else(|| self.no_program(host, name, &architecture))?;
        Ok(Some(program))
    }

    fn no_program(&self, host: &Host, name: &str, architecture: &str) -> SshError {
        let tried: Vec<_> =
            self.programs.files(architecture, name).map(|file| file.display().to_string()).collect();
        let tried = if tried.is_empty() { "nothing".to_owned() } else { tried.join(", ") };
        let (host, name, architecture) = (host.to_string(), name.to_owned(), architecture.to_owned());
        SshError::NoProgram { host, name, architecture, tried }
    }

    fn result(&self, host: &Host, name: &str, output: &Output) -> Result<ModuleResult, SshError> {
        self.has_build(host, name, output)?;
        if let Some(error) = self.no_sudo(host, output).filter(|_| output.stdout.is_empty()) {
            return Err(error);
        }
        match ModuleResult::parse(&output.stdout) {
            Ok(result) if result.failed || output.status != 0 => {
                let (host, name, message) = (host.to_string(), name.to_owned(), result.failure_in_words());
                Err(SshError::Module { host, name, message, answer: Box::new(result) })
            }
            Ok(result) => Ok(result),
            Err(problem) => {
                let cause = if output.stderr.is_empty() { problem } else { super::excerpt(&output.stderr) };
                let (host, name) = (host.to_string(), name.to_owned());
                Err(SshError::NoResult { host, name, status: output.status, cause })
            }
        }
    }
}

fn arguments(call: ProgramCall<'_>) -> Vec<u8> {
    let mut arguments = call.arguments.clone();
    arguments.insert("_ansible_check_mode".to_owned(), (call.mode == Mode::Check).into());
    // A map of strings and values always has a text.
    serde_json::to_vec(&arguments).unwrap_or_default()
}

/// The architecture that one of our own lines complains of.
fn complaint(output: &Output, status: u32) -> Option<String> {
    let said = output.stderr.lines().last()?.strip_prefix(OURS)?;
    (output.status == status).then(|| said.to_owned())
}

fn path(name: &str, sha256: &str) -> String {
    format!("{LIBEXEC}/{name}-{sha256}")
}

/// A line of shell that runs the program of the host's architecture, as root. Check mode stands on the command line, where
/// a rule of sudo can see it.
fn run_line(as_root: &str, name: &str, mode: Mode, builds: &[(&str, Arc<Program>)]) -> String {
    let check = if mode == Mode::Check { " --check" } else { "" };
    find_line(name, builds, &format!("exec {as_root}\"$p\"{check}"))
}

/// A line of shell that does something with the path `$p` of the program of the host's architecture.
fn find_line(name: &str, builds: &[(&str, Arc<Program>)], then: &str) -> String {
    let place = place_line(name, builds);
    format!("{place}[ -x \"$p\" ] || {{ echo \"{OURS}$m\" >&2; exit {MISSING}; }}; {then}")
}

/// A line of shell that prints the path of the program of the host's architecture, and the hash of what is there.
fn hash_line(name: &str, builds: &[(&str, Arc<Program>)]) -> String {
    let place = place_line(name, builds);
    format!("{place}h=$(sha256sum -- \"$p\" 2>/dev/null) || h=; printf '%s %s' \"$p\" \"${{h%% *}}\"")
}

/// The beginning of a line of shell: `$p` is the path of the program of the host's architecture.
fn place_line(name: &str, builds: &[(&str, Arc<Program>)]) -> String {
    let mut line = "m=$(uname -m); case $m in ".to_owned();
    for (architecture, program) in builds {
        // Writing to a string cannot fail.
        let _ = write!(line, "{architecture}) p={};; ", path(name, &program.sha256));
    }
    let _ = write!(line, "*) echo \"{OURS}$m\" >&2; exit {NO_BUILD};; esac; ");
    line
}

/// Reads standard input into a new file, and prints its path.
const UPLOAD: &str = "umask 077; f=$(mktemp \"${TMPDIR:-/tmp}/socle.XXXXXXXX\") || exit 1; \
                      cat >\"$f\" || { rm -f \"$f\"; exit 1; }; printf %s \"$f\"";

/// What root does with an uploaded file: copies it where nobody else can write, checks the copy's hash, and only then
/// gives it its name.
const INSTALL: &str = "set -eu; umask 022; d=$2; mkdir -p \"$d\"; chown 0:0 \"$d\"; chmod 0755 \"$d\"; \
                       t=$(mktemp \"$d/.upload.XXXXXXXX\"); trap 'rm -f \"$t\"' EXIT; cp -- \"$1\" \"$t\"; \
                       h=$(sha256sum \"$t\"); if [ \"${h%% *}\" != \"$4\" ]; then \
                       echo 'the uploaded file is not what was sent' >&2; exit 1; fi; \
                       chown 0:0 \"$t\"; chmod 0755 \"$t\"; sync \"$t\"; mv -f -- \"$t\" \"$d/$3-$4\"";

/// A line of shell that installs the program on standard input. When the connection breaks in the middle, the hash of
/// what arrived is wrong, and nothing is installed.
fn install_line(as_root: &str, name: &str, sha256: &str) -> String {
    format!(
        "umask 077; f=$(mktemp \"${{TMPDIR:-/tmp}}/socle.XXXXXXXX\") || exit 1; trap 'rm -f \"$f\"' EXIT; \
         cat >\"$f\" || exit 1; {as_root}sh -c {} sh \"$f\" {LIBEXEC} {name} {sha256}",
        quoted(INSTALL)
    )
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
