//! The command line: what it says, and what becomes of it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::journal;
use super::run::{self, RunError};
use super::session::{Session, SessionError, read_configuration};
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
    Run,
    /// Print what is known of the policy, as JSON.
    Status,
    /// Print what is known of the policy, in Prometheus' text format.
    Metrics,
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
}

/// Does what the command line says. Exit codes: 0 done, 1 failed, 3 done and something is missing or did not hold.
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
        Command::Run => Ok(run::run(&mut Session::begin(configuration, "run")?)?),
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
