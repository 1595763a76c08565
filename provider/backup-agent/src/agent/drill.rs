//! `drill`: proves that the newest backup can be restored, and measures how much would be lost and how long it takes.

use std::path::PathBuf;

use jiff::Timestamp;
use rustic_core::repofile::SnapshotFile;
use rustic_core::{IndexedFull, Repository};

use super::journal::JournalError;
use super::lock::{LockError, Mode};
use super::postgresql::{Server, any_programs, programs_of};
use super::process::{Account, ProcessError};
use super::refill::{RefillError, read_manifest, refill};
use super::repository::{Absent, RepositoryError, format_error, guarded, moment};
use super::restore::{RestoreError, restore_files};
use super::scratch::{Scratch, ScratchError};
use super::session::Session;
use super::stop::StopReason;
use crate::configuration::{Drill as Wanted, Files, Postgresql, Query, Source};
use crate::facts;
use crate::manifest::Manifest;
use crate::status::{Drill, Outcome, seconds_between};

/// Nothing of the live world is followed or told: what is restored is only asked.
const MUTE: [&str; 2] = ["--no-publications", "--no-subscriptions"];

/// Why nothing was proved.
#[derive(Debug, thiserror::Error)]
pub enum DrillError {
    /// The policy has no drill.
    #[error("the policy has no `drill`: say what is to be proved")]
    None,
    /// The repository cannot be used.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// There is no throwaway place.
    #[error(transparent)]
    Scratch(#[from] ScratchError),
    /// The databases cannot be restored.
    #[error(transparent)]
    Refill(#[from] RefillError),
    /// The files cannot be restored.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// A tool is missing.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The command is to end.
    #[error(transparent)]
    Stopped(#[from] StopReason),
    /// The records cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// What a drill saw.
#[derive(Debug)]
struct Seen {
    snapshot: String,
    rpo: f64,
    rto: f64,
    problems: Vec<String>,
}

/// Proves the newest backup, and records how it went.
pub fn drill(session: &mut Session) -> Result<Outcome, DrillError> {
    let wanted = session.configuration.drill.clone().ok_or(DrillError::None)?;
    let began = Timestamp::now();
    session.event("started", facts! {});
    let proved = guarded("prove the backup", || prove(session, &wanted, began));
    let at = Timestamp::now();
    let record = match &proved {
        Ok(seen) => Drill {
            at,
            ok: seen.problems.is_empty(),
            snapshot: Some(seen.snapshot.clone()),
            rpo_seconds: Some(seen.rpo),
            rto_seconds: Some(seen.rto),
            problems: seen.problems.clone(),
        },
        Err(error) => Drill {
            at,
            ok: false,
            snapshot: None,
            rpo_seconds: None,
            rto_seconds: None,
            problems: vec![error.to_string()],
        },
    };
    let event = if record.ok { "finished" } else { "failed" };
    session.event(
        event,
        facts! { "snapshot": record.snapshot, "rpo_seconds": record.rpo_seconds,
        "rto_seconds": record.rto_seconds, "problems": record.problems },
    );
    let outcome = if record.ok { Outcome::Success } else { Outcome::Failure };
    session.journal.update(|status| status.last_drill = Some(record))?;
    proved.map(|_| outcome)
}

fn prove(session: &Session, wanted: &Wanted, began: Timestamp) -> Result<Seen, DrillError> {
    let opened = session.open(Absent::Fail)?;
    let _lock = session.vault.lock(&opened, Mode::Shared).map_err(RepositoryError::from)?;
    let indexed = opened.to_indexed().map_err(format_error("read the index"))?;
    let snapshot = session.vault.find(&indexed, None)?;
    let id = snapshot.id.to_hex().as_str().to_owned();
    session.event("restoring", facts! { "snapshot": id });
    let (from, problems) = match &session.configuration.source {
        Source::Postgresql(server) => prove_databases(session, wanted, server, &indexed, &snapshot)?,
        Source::Files(files) => prove_files(session, wanted, files, &indexed, &snapshot)?,
    };
    session.stop.check()?;
    let seen = Seen {
        snapshot: id,
        rpo: seconds_between(from, began),
        rto: seconds_between(began, Timestamp::now()),
        problems,
    };
    Ok(within_bounds(seen, wanted))
}

/// A restore that works and comes too late is a failure too.
fn within_bounds(mut seen: Seen, wanted: &Wanted) -> Seen {
    let bounds = [("rpo", seen.rpo, wanted.max_rpo), ("rto", seen.rto, wanted.max_rto)];
    for (name, measured, bound) in bounds {
        if let Some(bound) = bound.filter(|bound| measured > bound.duration().as_secs_f64()) {
            seen.problems.push(format!("{name} is {measured:.0} s, more than drill.max_{name}, {bound}"));
        }
    }
    seen
}

fn prove_databases<S: IndexedFull>(
    session: &Session,
    wanted: &Wanted,
    live: &Postgresql,
    repository: &Repository<S>,
    snapshot: &SnapshotFile,
) -> Result<(Timestamp, Vec<String>), DrillError> {
    let manifest = read_manifest(repository, snapshot)?;
    let owner = Account::named(&wanted.system_user)?;
    let scratch = Scratch::make(
        &wanted.scratch,
        &session.configuration.name,
        Some(&owner),
        std::slice::from_ref(&live.socket),
    )?;
    scratch.demand_room(manifest.room())?;
    let throwaway = scratch.server(&owner, &programs(live, &manifest), &session.stop)?;
    let server = &throwaway.server;
    session.event("server_started", facts! {});
    let mut problems = refill(repository, snapshot, &manifest, server, &MUTE)?;
    for query in &wanted.queries {
        problems.extend(ask(server, &manifest, query).err());
    }
    Ok((manifest.started_at, problems))
}

fn programs(live: &Postgresql, manifest: &Manifest) -> PathBuf {
    let major = manifest.server_version.split('.').next().and_then(|major| major.parse().ok());
    live.programs.clone().unwrap_or_else(|| major.map_or_else(any_programs, programs_of))
}

/// The answer that was expected, or a sentence.
fn ask(server: &Server, manifest: &Manifest, query: &Query) -> Result<(), String> {
    let mut names = manifest.databases.keys();
    let only = names.next().filter(|_| names.next().is_none());
    let database = query.database.as_ref().or(only);
    let database = database.ok_or_else(|| format!("{:?}: say which `database` to ask", query.sql))?;
    let answer = server.ask(database, query.sql.trim_end().trim_end_matches(';'));
    let answer = answer.map_err(|error| format!("{:?} failed: {error}", query.sql))?;
    if answer == query.expect {
        return Ok(());
    }
    Err(format!("{:?} answers {answer:?} instead of {:?}", query.sql, query.expect))
}

fn prove_files<S: IndexedFull>(
    session: &Session,
    wanted: &Wanted,
    files: &Files,
    repository: &Repository<S>,
    snapshot: &SnapshotFile,
) -> Result<(Timestamp, Vec<String>), DrillError> {
    let scratch = Scratch::make(&wanted.scratch, &session.configuration.name, None, &files.paths)?;
    let bytes = snapshot.summary.as_ref().map_or(0, |summary| summary.total_bytes_processed);
    scratch.demand_room(bytes.saturating_add(bytes / 10))?;
    let target = scratch.folder().join("files");
    restore_files(repository, snapshot, &target)?;
    let is_there = |path: &PathBuf| {
        let restored = target.join(path.strip_prefix("/").unwrap_or(path));
        restored.symlink_metadata().is_ok_and(|found| found.len() > 0)
    };
    let missing = wanted.files.iter().filter(|path| !is_there(path));
    let problems = missing.map(|path| format!("{} is not there or empty", path.display())).collect();
    let from = moment(&snapshot.time).ok_or_else(|| RepositoryError::Format {
        step: "read the backup",
        cause: "it has no time".to_owned(),
    })?;
    Ok((from, problems))
}

impl From<LockError> for DrillError {
    fn from(error: LockError) -> Self {
        Self::Repository(error.into())
    }
}
