//! What every command works with.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::runtime::Runtime;

use super::journal::{Journal, JournalError};
use super::objects::{ConnectError, Objects, event_loop};
use super::process::Program;
use super::repository::{Absent, Cache, Opened, RepositoryError, Vault};
use super::secret::SecretError;
use super::stop::Stop;
use crate::configuration::{Configuration, ConfigurationError, IoClass, Limits};

/// A command at work: its records are open, its limits are set.
#[derive(Debug)]
pub struct Session {
    /// What the policy wants.
    pub configuration: Configuration,
    /// Its records.
    pub journal: Journal,
    /// Whether to stop.
    pub stop: Stop,
    /// Its repository, not opened yet.
    pub vault: Vault,
    /// Calls of S3 run on it.
    _runtime: Runtime,
}

/// Why a command cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The configuration cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: std::path::PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The configuration is refused.
    #[error("{}: {source}", path.display())]
    Configuration {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong.
        source: ConfigurationError,
    },
    /// The records cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A secret cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// There is no way to S3.
    #[error(transparent)]
    Connect(#[from] ConnectError),
}

/// Reads the configuration of a policy.
pub fn read_configuration(path: &Path) -> Result<Configuration, SessionError> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|source| SessionError::Read { path: path.to_owned(), source })?;
    Configuration::parse(&text)
        .map_err(|source| SessionError::Configuration { path: path.to_owned(), source })
}

impl Session {
    /// Begins a command.
    pub fn begin(configuration: Configuration, command: &'static str) -> Result<Self, SessionError> {
        let journal = Journal::open(&configuration, command)?;
        let stop = Stop::default();
        // Before there are other threads: they take it over.
        be_humble(configuration.limits, &journal, &stop);
        let runtime = event_loop(&stop)?;
        let objects = Objects::of(&configuration, runtime.handle().clone(), &stop)?;
        let cache = if matches!(command, "run" | "forget") { Cache::Use } else { Cache::Bypass };
        let vault = Vault::of(&configuration, Arc::new(objects), cache)?;
        stop.after(configuration.limits.time);
        Ok(Self { configuration, journal, stop, vault, _runtime: runtime })
    }

    /// Opens the repository, which must be the one of the last run.
    pub fn open(&self, absent: Absent) -> Result<Opened, RepositoryError> {
        self.vault.open(self.journal.status().repository.as_ref(), absent)
    }

    /// Tells what happened.
    pub fn event(&self, event: &str, facts: Map<String, Value>) {
        self.journal.event(event, facts);
    }
}

/// Lets others go first. That it cannot (a container may not) is told and stops nothing.
fn be_humble(limits: Limits, journal: &Journal, stop: &Stop) {
    let cannot = |what: &str, error: &dyn std::fmt::Display| {
        journal.event("warning", crate::facts! { "problem": format!("cannot set {what}: {error}") });
    };
    if let Err(error) = rustix::process::setpriority_process(None, i32::from(limits.nice)) {
        cannot("limits.nice", &error);
    }
    let class: &[&str] = match limits.io {
        IoClass::BestEffort => &["--class", "2", "--classdata", "7"],
        IoClass::Idle => &["--class", "3"],
    };
    let own = std::process::id().to_string();
    let set = Program::new("ionice").args(class).args(["--pid", &own]).output(stop);
    if let Err(error) = set {
        cannot("limits.io", &error);
    }
}
