//! `restore`: puts a backup into an empty place; or the repository itself back to what it was.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use jiff::Timestamp;
use rustic_core::repofile::SnapshotFile;
use rustic_core::{IndexedFull, LocalDestination, LsOptions, Repository, RestoreOptions};

use super::journal::JournalError;
use super::lock::{Mode, RepositoryLock};
use super::objects::ObjectError;
use super::postgresql::{Server, any_programs, programs_of};
use super::process::{Account, ProcessError};
use super::refill::{RefillError, read_manifest, refill};
use super::repository::{Absent, Opened, RepositoryError, format_error, guarded};
use super::session::Session;
use super::storage::digest;
use crate::facts;
use crate::object_history::{Version, objects_at};
use crate::status::{Outcome, Restore};

/// What is restored, and where to.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The beginning of a snapshot's id; none: the newest complete one.
    pub snapshot: Option<String>,
    /// The repository as it was then; none: as it is.
    pub at: Option<Timestamp>,
    /// Where to.
    pub target: Target,
}

/// Where a backup is restored to.
#[derive(Debug, Clone)]
pub enum Target {
    /// A folder that is empty or not there: all files of the backup, dumps too.
    Folder(PathBuf),
    /// A PostgreSQL server that has none of the databases.
    Server {
        /// The folder of its socket.
        socket: PathBuf,
        /// Its port.
        port: u16,
        /// The role that connects.
        user: String,
        /// The system user that the tools run as.
        system_user: String,
    },
    /// The repository itself: its objects as they were are put back; nothing is removed.
    Repository,
}

/// Why nothing was restored, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The target has something in it.
    #[error("{} is not empty: restore into a folder of its own", .0.display())]
    NotEmpty(PathBuf),
    /// The target cannot be used.
    #[error("cannot use {}: {source}", path.display())]
    Target {
        /// The folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// What was restored is not what was backed up.
    #[error("{files} files below {} are not as they were backed up", path.display())]
    Differs {
        /// The folder.
        path: PathBuf,
        /// How many.
        files: u64,
    },
    /// A moment is missing.
    #[error("--repository needs --at TIME: the moment before the damage")]
    NoMoment,
    /// The bucket holds nothing of that moment.
    #[error(
        "the bucket has no versions of a repository of {0}: was versioning on, and does keep_deleted_for reach that far?"
    )]
    NoHistory(Timestamp),
    /// The repository cannot be used.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// An object cannot be put back.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The server does not take the dumps.
    #[error(transparent)]
    Refill(#[from] RefillError),
    /// A tool is missing.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The records cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// What was restored.
#[derive(Debug)]
struct Restored {
    /// The backup; none when it was the repository itself.
    snapshot: Option<String>,
    /// What could not be, in sentences.
    missing: Vec<String>,
}

/// Restores, and records how it went.
pub fn restore(session: &mut Session, wanted: &Wanted) -> Result<Outcome, RestoreError> {
    session.event("started", facts! { "at": wanted.at });
    let restored = guarded("restore", || match &wanted.target {
        Target::Repository => put_back(session, wanted.at),
        _ => restore_backup(session, wanted),
    });
    let (outcome, snapshot, problems) = match &restored {
        Ok(Restored { snapshot, missing }) if missing.is_empty() => {
            (Outcome::Success, snapshot.clone(), Vec::new())
        }
        Ok(Restored { snapshot, missing }) => (Outcome::Incomplete, snapshot.clone(), missing.clone()),
        Err(error) => (Outcome::Failure, None, vec![error.to_string()]),
    };
    let event = if restored.is_ok() { "finished" } else { "failed" };
    session.event(event, facts! { "outcome": outcome, "snapshot": snapshot, "problems": problems });
    let record = Restore { at: Timestamp::now(), outcome, snapshot, problems };
    session.journal.update(|status| status.last_restore = Some(record))?;
    restored.map(|_| outcome)
}

fn restore_backup(session: &Session, wanted: &Wanted) -> Result<Restored, RestoreError> {
    let (opened, _lock) = open(session, wanted.at)?;
    let indexed = opened.to_indexed().map_err(format_error("read the index"))?;
    let snapshot = session.vault.find(&indexed, wanted.snapshot.as_deref())?;
    match &wanted.target {
        Target::Folder(folder) => restore_files(&indexed, &snapshot, folder)?,
        Target::Server { socket, port, user, system_user } => {
            let manifest = read_manifest(&indexed, &snapshot)?;
            let major = manifest.server_version.split('.').next().and_then(|major| major.parse().ok());
            let server = Server {
                account: Account::named(system_user)?,
                user: user.clone(),
                socket: socket.clone(),
                port: *port,
                programs: major.map_or_else(any_programs, programs_of),
                stop: session.stop.clone(),
            };
            let differences = refill(&indexed, &snapshot, &manifest, &server, &[])?;
            if !differences.is_empty() {
                return Err(RefillError::Differs(differences).into());
            }
        }
        Target::Repository => {}
    }
    Ok(Restored { snapshot: Some(snapshot.id.to_hex().as_str().to_owned()), missing: Vec::new() })
}

/// The past needs no lock: nobody can change it.
fn open(
    session: &Session,
    at: Option<Timestamp>,
) -> Result<(Opened, Option<RepositoryLock>), RepositoryError> {
    if let Some(moment) = at {
        return Ok((session.vault.open_at(moment)?, None));
    }
    let opened = session.open(Absent::Fail)?;
    let lock = session.vault.lock(&opened, Mode::Shared)?;
    Ok((opened, Some(lock)))
}

/// Restores all files of a backup into a folder that is empty, and compares them with the backup.
pub fn restore_files<S: IndexedFull>(
    repository: &Repository<S>,
    snapshot: &SnapshotFile,
    folder: &Path,
) -> Result<(), RestoreError> {
    let unusable = |source| RestoreError::Target { path: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(unusable)?;
    if fs::read_dir(folder).map_err(unusable)?.next().is_some() {
        return Err(RestoreError::NotEmpty(folder.to_owned()));
    }
    let root = repository.node_from_snapshot_and_path(snapshot, "");
    let root = root.map_err(format_error("find the files of the backup"))?;
    let what = LsOptions::default();
    let files = repository.ls(&root, &what).map_err(format_error("list the files of the backup"))?;
    let path = format!("{}/", folder.display());
    let destination = LocalDestination::new(&path, true, false).map_err(format_error("use the target"))?;
    let step = format_error("restore the files");
    let options = RestoreOptions::default();
    let plan = repository.prepare_restore(&options, files.clone(), &destination, false).map_err(&step)?;
    repository.restore(plan, &options, files.clone(), &destination).map_err(&step)?;
    // Read again, and compared with what the backup says: not what was meant to be written counts.
    let verifying = RestoreOptions::default().verify_existing(true);
    let left = repository.prepare_restore(&verifying, files.clone(), &destination, true).map_err(&step)?;
    let files = left.stats.files.restore + left.stats.files.modify;
    if files == 0 { Ok(()) } else { Err(RestoreError::Differs { path: folder.to_owned(), files }) }
}

/// Writes each object as it was then, where it is missing or another one now. Nothing is removed, and no version: what
/// others wrote since stays. Then the repository must open.
fn put_back(session: &mut Session, at: Option<Timestamp>) -> Result<Restored, RestoreError> {
    let moment = at.ok_or(RestoreError::NoMoment)?;
    let objects = &session.vault.objects;
    let history = objects.history("")?;
    let now = objects_at(history.clone(), Timestamp::MAX);
    let mut then = objects_at(history, moment);
    // Those who held them are gone.
    then.retain(|key, _| !key.starts_with("locks/"));
    if !then.contains_key("config") {
        return Err(RestoreError::NoHistory(moment));
    }
    let lost: Vec<(&String, &Version)> =
        then.iter().filter(|(key, version)| now.get(*key) != Some(version)).collect();
    // `config` and keys last: until then nobody takes it for a repository.
    let (rest, heads): (Vec<_>, Vec<_>) =
        lost.iter().partition(|(key, _)| key.contains('/') && !key.starts_with("keys/"));
    let mut missing = Vec::new();
    for (key, version) in rest.iter().chain(&heads) {
        let content: Bytes = objects.get(key, Some(&version.id))?;
        let name = key.rsplit('/').next().unwrap_or_default();
        if *key != "config" && digest(&content) != name {
            missing.push(format!("{key} was damaged even then: it is left out; give an earlier moment"));
            continue;
        }
        objects.put(key, &content)?;
    }
    session.event("put_back", facts! { "objects": lost.len() - missing.len() });
    let opened = session.open(Absent::Fail)?;
    let known = session.vault.known(&opened)?;
    session.journal.update(|status| status.repository = Some(known))?;
    Ok(Restored { snapshot: None, missing })
}
