//! A project in GitLab, as far as its pipeline shows: a repository with branches, and jobs that run on this machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{env, fs, io};

use sandbox::cache::Cache;
use sandbox::gitlab_ci_local::{self, GitlabCiLocalError};
use tempfile::TempDir;

use crate::servers::{Servers, ServersError};

/// Whose pipelines Vault knows: the path of the project.
pub const PROJECT: &str = "example-social/infrastructure";

/// Why a pipeline runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Commits came to the branch.
    Push,
    /// The branch is to be merged.
    MergeRequest,
    /// It is night.
    Schedule,
}

/// A project with its own repository.
#[derive(Debug)]
pub struct Project {
    folder: TempDir,
    protected: Vec<&'static str>,
    environment: Vec<(String, String)>,
}

/// How a pipeline ended.
#[derive(Debug)]
pub struct Pipeline {
    /// Whether all jobs that ran succeeded.
    pub passed: bool,
    /// All that the jobs printed.
    pub log: String,
}

/// Why there is no pipeline.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// A program cannot be started, or a file not be used.
    #[error("cannot {step}: {source}")]
    Io {
        /// What was attempted.
        step: String,
        /// The system's answer.
        source: io::Error,
    },
    /// git refuses.
    #[error("git {words:?}: {said}")]
    Git {
        /// Its arguments.
        words: Vec<String>,
        /// What it printed.
        said: String,
    },
    /// There is no runner.
    #[error(transparent)]
    Runner(#[from] GitlabCiLocalError),
    /// The cache names no folder.
    #[error(transparent)]
    Cache(#[from] sandbox::cache::CacheError),
    /// The sandbox signs no token.
    #[error(transparent)]
    Token(#[from] ServersError),
}

impl Cause {
    const fn name(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::MergeRequest => "merge_request_event",
            Self::Schedule => "schedule",
        }
    }
}

impl Project {
    /// A project that holds what is in `folder`, with these protected branches.
    pub fn of(folder: &Path, protected: &[&'static str]) -> Result<Self, ProjectError> {
        let own = tempfile::tempdir().map_err(failed("make a folder"))?;
        let project = Self { folder: own, protected: protected.to_vec(), environment: Vec::new() };
        copy(folder, project.folder())?;
        project.git(&["init", "--quiet", "--initial-branch=main"])?;
        project.git(&["remote", "add", "origin", &format!("https://gitlab.example.social/{PROJECT}.git")])?;
        project.git(&["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main"])?;
        Ok(project)
    }

    /// Sets a variable for all jobs, in place of an earlier one.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Where the files are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file.
    pub fn write(&self, path: &str, text: &str) -> Result<(), ProjectError> {
        fs::write(self.folder().join(path), text).map_err(failed(&format!("write {path}")))
    }

    /// Commits all that is there to the branch, which goes on from where the project is, or is checked out when it exists.
    pub fn commit(&self, message: &str) -> Result<(), ProjectError> {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message])
    }

    /// Makes a branch here, and goes on on it.
    pub fn branch(&self, name: &str) -> Result<(), ProjectError> {
        self.git(&["checkout", "--quiet", "-B", name])
    }

    /// Takes back the last commit, by a commit.
    pub fn revert(&self) -> Result<(), ProjectError> {
        self.git(&["revert", "--no-edit", "HEAD"])
    }

    /// Runs these jobs of the pipeline that `cause` makes of the branch that is checked out. Of what they need, only what is
    /// among them runs, before them. Their tokens are the sandbox's.
    pub fn run(&self, sandbox: &Servers, cause: Cause, jobs: &[&str]) -> Result<Pipeline, ProjectError> {
        let mut runner = self.runner(sandbox, cause)?;
        let output = runner.args(jobs).output().map_err(failed("run gitlab-ci-local"))?;
        Ok(Pipeline { passed: output.status.success(), log: text(&output) })
    }

    /// The names of the jobs that the pipeline would have.
    pub fn jobs(&self, sandbox: &Servers, cause: Cause) -> Result<Vec<String>, ProjectError> {
        let output = self.runner(sandbox, cause)?.arg("--list-csv").output();
        let output = output.map_err(failed("run gitlab-ci-local"))?;
        let listed = text(&output);
        let lines = listed.lines().skip_while(|line| !line.starts_with("name;")).skip(1);
        Ok(lines.filter_map(|line| line.split(';').next()).map(str::to_owned).collect())
    }

    fn runner(&self, sandbox: &Servers, cause: Cause) -> Result<Command, ProjectError> {
        let branch = self.head()?;
        let mut token = vec!["--ref", &branch];
        if self.protected.contains(&branch.as_str()) {
            token.push("--protected");
        }
        let vault = sandbox.run("token", &token)?;
        let aws = sandbox.run("token", &[&token[..], &["--audience", "sts.amazonaws.com"]].concat())?;
        let mut runner = gitlab_ci_local::command(&Cache::of_this_user()?, || ())?;
        runner.current_dir(self.folder()).stdin(Stdio::null()).env_clear();
        // Jobs run in a shell of this machine: there is no image to run them in.
        runner.args(["--force-shell-executor", "--shell-isolation", "--timestamps=false"]);
        runner.args(["--variable", &format!("CI_PIPELINE_SOURCE={}", cause.name())]);
        runner.envs(self.environment.iter().cloned());
        runner.env("HOME", self.folder().join(".home")).env("CHECKPOINT_DISABLE", "1");
        // It issues no `id_tokens`.
        runner.env("VAULT_ID_TOKEN", vault.trim()).env("AWS_ID_TOKEN", aws.trim());
        Ok(runner)
    }

    fn head(&self) -> Result<String, ProjectError> {
        let mut git = self.git_command(&["symbolic-ref", "--short", "HEAD"]);
        let output = git.output().map_err(failed("run git"))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn git(&self, words: &[&str]) -> Result<(), ProjectError> {
        let output = self.git_command(words).output().map_err(failed("run git"))?;
        if output.status.success() {
            return Ok(());
        }
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Err(ProjectError::Git { words, said: text(&output) })
    }

    /// git, as nobody's user: no configuration of the machine's reaches it.
    fn git_command(&self, words: &[&str]) -> Command {
        let mut git = Command::new("git");
        git.args(words).current_dir(self.folder());
        for (name, value) in [("NAME", "Deployer"), ("EMAIL", "deployer@example.social")] {
            git.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
        }
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        git
    }
}

/// A path with these folders before the machine's own.
pub fn path_with(folders: &[PathBuf]) -> String {
    let machine = env::var_os("PATH").unwrap_or_default();
    let all = folders.iter().cloned().chain(env::split_paths(&machine));
    env::join_paths(all).unwrap_or(machine).to_string_lossy().into_owned()
}

fn copy(from: &Path, into: &Path) -> Result<(), ProjectError> {
    let mut copy = Command::new("cp");
    let status = copy.arg("-R").arg(from.join(".")).arg(into).status().map_err(failed("run cp"))?;
    let refused = || io::Error::other(format!("cp ended with {status}"));
    if status.success() { Ok(()) } else { Err(failed("copy the example")(refused())) }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn failed(step: &str) -> impl Fn(io::Error) -> ProjectError {
    let step = step.to_owned();
    move |source| ProjectError::Io { step: step.clone(), source }
}
