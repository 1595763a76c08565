//! `forget`: removes the backups that no rule keeps, and the data that only they used.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rustic_core::repofile::SnapshotFile;
use rustic_core::{PruneOptions, Repository};

use super::check::{examine, record};
use super::journal::JournalError;
use super::lock::Mode;
use super::repository::{Absent, Opened, RepositoryError, format_error, guarded};
use super::session::Session;
use super::stop::StopReason;
use crate::configuration::ConfigurationError;
use crate::facts;
use crate::retention::{Backup, Verdict, plan};
use crate::status::{Forget, Outcome};

/// Whether anything is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// What would be removed is told.
    Tell,
    /// It is removed.
    Remove,
}

/// Why nothing was forgotten, or not everything.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    /// The last check found something.
    #[error("the last check found: {0}. Nothing is forgotten until `check` finds nothing")]
    CheckFailed(String),
    /// The check before forgetting found something.
    #[error("the repository is damaged: {0}. Nothing is forgotten")]
    Damaged(String),
    /// The repository cannot be used.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// The time zone is not known.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// The records cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The command is to end.
    #[error(transparent)]
    Stopped(#[from] StopReason),
}

/// Forgets, and records how it went.
pub fn forget(session: &mut Session, effect: Effect) -> Result<Outcome, ForgetError> {
    session.event("started", facts! {});
    let done = guarded("forget", || weigh_and_remove(session, effect));
    let forget = match &done {
        Ok((removed, kept)) => Forget {
            at: Timestamp::now(),
            outcome: Outcome::Success,
            removed: *removed,
            kept: *kept,
            problems: Vec::new(),
        },
        Err(error) => Forget {
            at: Timestamp::now(),
            outcome: Outcome::Failure,
            removed: 0,
            kept: 0,
            problems: vec![error.to_string()],
        },
    };
    let event = if done.is_ok() { "finished" } else { "failed" };
    session
        .event(event, facts! { "removed": forget.removed, "kept": forget.kept, "problems": forget.problems });
    if effect == Effect::Remove {
        session.journal.update(|status| status.last_forget = Some(forget))?;
    }
    done.map(|_| Outcome::Success)
}

fn weigh_and_remove(session: &mut Session, effect: Effect) -> Result<(u64, u64), ForgetError> {
    if let Some(check) = session.journal.status().last_check.as_ref().filter(|check| !check.ok) {
        return Err(ForgetError::CheckFailed(check.problems.join("; ")));
    }
    let opened = session.open(Absent::Fail)?;
    let lock = session.vault.lock(&opened, Mode::Exclusive).map_err(RepositoryError::from)?;
    let problems = examine(&session.vault, &opened, 0)?;
    session.stop.check()?;
    if !problems.is_empty() {
        let told = problems.join("; ");
        record(session, 0, problems)?;
        return Err(ForgetError::Damaged(told));
    }
    let backups = session.vault.backups(&opened)?;
    let verdicts = verdicts(session, &backups)?;
    let gone: BTreeSet<_> = verdicts.iter().filter(|v| !v.is_kept()).map(|v| v.id.as_str()).collect();
    let counts = (gone.len() as u64, (verdicts.len() - gone.len()) as u64);
    if effect == Effect::Remove {
        remove(session, &opened, &backups, &gone)?;
        let known = session.vault.known(&opened)?;
        session.journal.update(|status| status.repository = Some(known))?;
    }
    drop(lock);
    Ok(counts)
}

fn verdicts(
    session: &Session,
    backups: &[(SnapshotFile, Backup<String>)],
) -> Result<Vec<Verdict<String>>, ForgetError> {
    let known: Vec<_> = backups.iter().map(|(_, backup)| backup.clone()).collect();
    let verdicts = plan(&known, &session.configuration.retention, &session.configuration.zone()?);
    for verdict in &verdicts {
        let event = if verdict.is_kept() { "keeps" } else { "forgets" };
        session.event(event, facts! { "snapshot": verdict.id, "reasons": verdict.reasons });
    }
    Ok(verdicts)
}

fn remove(
    session: &Session,
    opened: &Opened,
    backups: &[(SnapshotFile, Backup<String>)],
    gone: &BTreeSet<&str>,
) -> Result<(), ForgetError> {
    let chosen = backups.iter().filter(|(_, backup)| gone.contains(backup.id.as_str()));
    let ids: Vec<_> = chosen.map(|(snapshot, _)| snapshot.id).collect();
    if !ids.is_empty() {
        opened.delete_snapshots(&ids).map_err(format_error("remove backups"))?;
    }
    session.stop.check()?;
    prune(opened)?;
    Ok(())
}

/// The exclusive lock is held, so what nobody refers to can go at once.
fn prune(opened: &Repository<impl rustic_core::Open>) -> Result<(), RepositoryError> {
    let options = PruneOptions::default().instant_delete(true);
    let plan = opened.prune_plan(&options).map_err(format_error("find unused data"))?;
    opened.prune(&options, plan).map_err(format_error("remove unused data"))
}
