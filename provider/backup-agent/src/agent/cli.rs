//! The command line: what it says, and what becomes of it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use jiff::Timestamp;

use super::check::{self, CheckError};
use super::drill::{self, DrillError};
use super::forget::{self, Effect, ForgetError};
use super::journal;
use super::keys;
use super::repository::RepositoryError;
use super::restore::{self, RestoreError, Target, Wanted};
use super::run::{self, RunError};
use super::session::{Session, SessionError, read_configuration};
use crate::configuration::Configuration;
use crate::metrics;
use crate::status::Outcome;

/// Backs up a policy's data into a repository in the restic format, and proves that it can be restored.
#[derive(Debug, Parser)]
#[command(name = "socle-backup", version)]
pub struct CommandLine {
    /// The policy's configuration file.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a backup.
    Run {
        /// Forget afterwards, also when the backup is incomplete.
        #[arg(long)]
        forget: bool,
    },
    /// Remove the backups that no rule of the retention keeps, and the data that only they used.
    Forget {
        /// Only tell what would be removed.
        #[arg(long)]
        dry_run: bool,
    },
    /// Check that the repository is whole.
    Check {
        /// The share of the data that is read and verified. Default: the configuration's.
        #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
        read_data: Option<u8>,
    },
    /// Give the repository the keys that the configuration wants: after a change of a password, without a backup.
    Keys,
    /// Put a backup into an empty place, or the repository itself back to what it was.
    Restore(RestoreArguments),
    /// Prove that the newest backup can be restored.
    Drill,
    /// Print what is known of the policy, as JSON.
    Status,
    /// Print what is known of the policy, in Prometheus' text format.
    Metrics,
}

/// What to restore, and where to.
#[derive(Debug, Args)]
pub struct RestoreArguments {
    /// The beginning of a snapshot's id. Default: the newest complete one.
    #[arg(long, value_name = "ID")]
    snapshot: Option<String>,
    /// See the repository as it was then, also what was deleted or overwritten since: `2026-11-24T02:00:00Z`.
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    #[command(flatten)]
    target: TargetArguments,
    /// The port of the server.
    #[arg(long, default_value_t = 5432, requires = "server")]
    port: u16,
    /// The role that connects to the server.
    #[arg(long, default_value = "postgres", requires = "server")]
    user: String,
    /// The system user that talks to the server.
    #[arg(long, default_value = "postgres", requires = "server")]
    system_user: String,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct TargetArguments {
    /// Restore all files of the backup (dumps too) into this folder, which must be empty or not there.
    #[arg(long, value_name = "FOLDER")]
    target: Option<PathBuf>,
    /// Restore roles and databases into the PostgreSQL server with its socket in this folder, which must have none of them.
    #[arg(long, value_name = "SOCKET FOLDER")]
    server: Option<PathBuf>,
    /// Put the repository's objects back as they were at `--at`, after they were deleted or overwritten.
    #[arg(long)]
    repository: bool,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It could not begin.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// No backup.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Nothing was forgotten.
    #[error(transparent)]
    Forget(#[from] ForgetError),
    /// Nothing was checked.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// The keys are not as wanted.
    #[error(transparent)]
    Keys(#[from] RepositoryError),
    /// Nothing was restored.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// Nothing was proved.
    #[error(transparent)]
    Drill(#[from] DrillError),
}

/// Does what the command line says. Exit codes: 0 done, 1 not done, 2 a wrong command line, 3 done and something is
/// missing or did not hold.
pub fn main() -> ExitCode {
    let _ = log::set_logger(&Warnings).map(|()| log::set_max_level(log::LevelFilter::Warn));
    match perform(CommandLine::parse()) {
        Ok(Outcome::Success) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(3),
        Err(error) => {
            eprintln!("socle-backup: {error}");
            ExitCode::FAILURE
        }
    }
}

fn perform(line: CommandLine) -> Result<Outcome, CommandError> {
    let configuration = read_configuration(&line.config)?;
    match line.command {
        Command::Run { forget } => {
            let made = run::run(&mut Session::begin(configuration.clone(), "run")?)?;
            if forget {
                self::forget(configuration, Effect::Remove)?;
            }
            Ok(made)
        }
        Command::Forget { dry_run } => {
            forget(configuration, if dry_run { Effect::Tell } else { Effect::Remove })
        }
        Command::Check { read_data } => {
            let percent = read_data.unwrap_or(configuration.check.read_data_percent);
            Ok(check::check(&mut Session::begin(configuration, "check")?, percent)?)
        }
        Command::Keys => Ok(keys::keep(&mut Session::begin(configuration, "keys")?)?),
        Command::Restore(arguments) => {
            Ok(restore::restore(&mut Session::begin(configuration, "restore")?, &arguments.into())?)
        }
        Command::Drill => Ok(drill::drill(&mut Session::begin(configuration, "drill")?)?),
        Command::Status => {
            let status = journal::observe(&configuration).map_err(SessionError::from)?;
            println!("{}", serde_json::to_string_pretty(&status).unwrap_or_default());
            Ok(Outcome::Success)
        }
        Command::Metrics => {
            let status = journal::observe(&configuration).map_err(SessionError::from)?;
            print!("{}", metrics::render(&status));
            Ok(Outcome::Success)
        }
    }
}

fn forget(configuration: Configuration, effect: Effect) -> Result<Outcome, CommandError> {
    Ok(forget::forget(&mut Session::begin(configuration, "forget")?, effect)?)
}

impl From<RestoreArguments> for Wanted {
    fn from(arguments: RestoreArguments) -> Self {
        let RestoreArguments { snapshot, at, target, port, user, system_user } = arguments;
        let target = match (target.target, target.server) {
            (Some(folder), _) => Target::Folder(folder),
            (None, Some(socket)) => Target::Server { socket, port, user, system_user },
            (None, None) => Target::Repository,
        };
        Self { snapshot, at, target }
    }
}

/// What `rustic_core` warns of, on standard error: it goes to the unit's journal.
struct Warnings;

impl log::Log for Warnings {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            eprintln!("{}: {}", record.level().as_str().to_lowercase(), record.args());
        }
    }

    fn flush(&self) {}
}
