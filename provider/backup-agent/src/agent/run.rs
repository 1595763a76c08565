//! `run`: makes a backup.

use jiff::Timestamp;
use rustic_core::repofile::SnapshotFile;
use rustic_core::{BackupOptions, IndexedIds, ParentOptions, Repository, SnapshotOptions};

use super::dump::{DumpError, DumpSource};
use super::files::{FileSource, FilesError, outermost};
use super::journal::JournalError;
use super::lock::{Cipher, Mode, hostname};
use super::process::{ProcessError, Program};
use super::repository::{Absent, RepositoryError, Vault, format_error, guarded};
use super::session::Session;
use super::sizes::{self, Sizes};
use super::stop::{Stop, StopReason};
use crate::configuration::{Command, Files, Postgresql, Source};
use crate::facts;
use crate::quantity::Span;
use crate::retention::Completeness;
use crate::status::{KnownRepository, Outcome, Run};

/// The command after a backup has a time of its own, because that of the run may be over.
const POST_TIME: Span = Span::seconds(300);

/// Why there is no backup, or none that is complete.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The repository cannot be used.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// The files cannot be backed up.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The databases cannot be dumped.
    #[error(transparent)]
    Dump(#[from] DumpError),
    /// The command before the backup failed.
    #[error("source.files.pre: {0}")]
    Pre(#[source] ProcessError),
    /// The command after the backup failed.
    #[error("source.files.post: {0}")]
    Post(#[source] PostError),
    /// So did the command after it.
    #[error("{first}; and then source.files.post: {post}")]
    AlsoPost {
        /// What went wrong first.
        first: Box<RunError>,
        /// How the command after it failed.
        post: PostError,
    },
    /// The command is to end.
    #[error(transparent)]
    Stopped(#[from] StopReason),
    /// The records cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// How the command after a backup failed.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// By itself.
    #[error(transparent)]
    Failed(ProcessError),
    /// It was ended.
    #[error("it took longer than {POST_TIME} and was ended")]
    Late,
}

/// What a run made.
#[derive(Debug)]
struct Made {
    snapshot: String,
    bytes_read: u64,
    bytes_added: u64,
    problems: Vec<String>,
    repository: KnownRepository,
}

/// Makes a backup, and records how it went.
pub fn run(session: &mut Session) -> Result<Outcome, RunError> {
    let begun = Run {
        started_at: Timestamp::now(),
        finished_at: None,
        outcome: Outcome::Running,
        snapshot: None,
        bytes_read: 0,
        bytes_added: 0,
        problems: Vec::new(),
    };
    session.journal.update(|status| status.last_run = Some(begun.clone()))?;
    session.event("started", facts! {});
    match guarded("make a backup", || make(session, begun.started_at)) {
        Ok(made) => record(session, &begun, made),
        Err(error) => {
            let problem = error.to_string();
            session.event("failed", facts! { "problem": problem });
            let failed = Run {
                outcome: Outcome::Failure,
                finished_at: Some(Timestamp::now()),
                problems: vec![problem],
                ..begun
            };
            session.journal.update(|status| status.last_run = Some(failed))?;
            Err(error)
        }
    }
}

fn record(session: &mut Session, begun: &Run, made: Made) -> Result<Outcome, RunError> {
    let outcome = if made.problems.is_empty() { Outcome::Success } else { Outcome::Incomplete };
    let run = Run {
        finished_at: Some(Timestamp::now()),
        outcome,
        snapshot: Some(made.snapshot),
        bytes_read: made.bytes_read,
        bytes_added: made.bytes_added,
        problems: made.problems,
        ..begun.clone()
    };
    session.event(
        "finished",
        facts! {
            "outcome": run.outcome,
            "snapshot": run.snapshot,
            "seconds": run.seconds(),
            "bytes_read": run.bytes_read,
            "bytes_added": run.bytes_added,
            "problems": run.problems,
        },
    );
    session.journal.update(|status| {
        status.repository = Some(made.repository);
        if outcome == Outcome::Success {
            status.last_success_at = run.finished_at;
            status.last_success = Some(run.clone());
        }
        status.last_run = Some(run);
    })?;
    Ok(outcome)
}

fn make(session: &mut Session, started_at: Timestamp) -> Result<Made, RunError> {
    let opened = session.open(Absent::Make)?;
    let lock = session.vault.lock(&opened, Mode::Shared).map_err(RepositoryError::from)?;
    // From here on a repository that is gone is noticed, also when this first run fails.
    let known = session.vault.known(&opened)?;
    session.journal.update(|status| status.repository = Some(known))?;
    for done in session.vault.keep_keys(&opened)? {
        session.event(done, facts! {});
    }
    let indexed = opened.to_indexed_ids().map_err(format_error("read the index"))?;
    let read = match &session.configuration.source {
        Source::Files(files) => back_up_files(session, &indexed, files)?,
        Source::Postgresql(server) => back_up_databases(session, &indexed, server, started_at)?,
    };
    let cipher = Cipher::new(&indexed.key());
    let Read { mut snapshot, problems, sizes } = read;
    if !sizes.is_empty() {
        // The index has only now what was just written.
        let reopened =
            session.open(Absent::Fail)?.to_indexed_ids().map_err(format_error("read the index"))?;
        snapshot.tree = sizes::correct(&reopened, &session.vault.objects, &cipher, snapshot.tree, &sizes)?;
    }
    if problems.is_empty() || !sizes.is_empty() {
        let completeness =
            if problems.is_empty() { Completeness::Complete } else { Completeness::Incomplete };
        snapshot = settle(&session.vault, &indexed, snapshot, completeness)?;
    }
    let repository = session.vault.known(&indexed)?;
    drop(lock);
    let summary = snapshot.summary.unwrap_or_default();
    Ok(Made {
        snapshot: snapshot.id.to_hex().as_str().to_owned(),
        bytes_read: summary.total_bytes_processed,
        bytes_added: summary.data_added_packed,
        problems,
        repository,
    })
}

/// A backup as it is first committed: marked as incomplete.
#[derive(Debug)]
struct Read {
    snapshot: SnapshotFile,
    problems: Vec<String>,
    sizes: Sizes,
}

fn back_up_databases<S: IndexedIds>(
    session: &Session,
    repository: &Repository<S>,
    server: &Postgresql,
    started_at: Timestamp,
) -> Result<Read, RunError> {
    let source = DumpSource::begin(server, &session.stop, started_at)?;
    session.event("dumping", facts! { "databases": source.databases(), "server_version": source.version() });
    session.vault.gate.require(source.witness());
    let paths = [source.root()];
    let archived = repository.archive(&options_of_streams(), &source, new_snapshot(&session.vault)?, &paths);
    session.stop.check()?;
    // What went wrong with a dump says more than what came of it.
    source.failure().map_or(Ok(()), Err)?;
    let snapshot = archived.map_err(format_error("back up the dumps"))?;
    Ok(Read { snapshot, problems: Vec::new(), sizes: source.sizes() })
}

fn back_up_files<S: IndexedIds>(
    session: &Session,
    repository: &Repository<S>,
    files: &Files,
) -> Result<Read, RunError> {
    match prepare(session, files) {
        // It failed by itself: there is nothing to undo.
        Err(failed @ RunError::Pre(_)) => Err(failed),
        prepared => {
            let read = || read_files(session, repository, files);
            let read = prepared.and_then(|()| guarded("back up the files", read));
            clean_up(session, files, read)
        }
    }
}

/// Runs the command before the backup.
fn prepare(session: &Session, files: &Files) -> Result<(), RunError> {
    let Some(pre) = &files.pre else { return Ok(()) };
    let done = hook(session, "pre_command", pre, &session.stop);
    // Of one that was ended with the run nobody knows how far it came.
    session.stop.check()?;
    done.map_err(RunError::Pre)
}

/// Runs the command after the backup, whatever became of it: also when the run is to end, in a time of its own.
fn clean_up(session: &Session, files: &Files, read: Result<Read, RunError>) -> Result<Read, RunError> {
    let Some(post) = &files.post else { return read };
    let stop = Stop::default();
    stop.after(POST_TIME);
    let cleaned = hook(session, "post_command", post, &stop).map_err(|error| match stop.check() {
        Ok(()) => PostError::Failed(error),
        Err(_) => PostError::Late,
    });
    match (read, cleaned) {
        (read, Ok(())) => read,
        (Ok(_), Err(post)) => Err(RunError::Post(post)),
        (Err(first), Err(post)) => Err(RunError::AlsoPost { first: first.into(), post }),
    }
}

fn read_files<S: IndexedIds>(
    session: &Session,
    repository: &Repository<S>,
    files: &Files,
) -> Result<Read, RunError> {
    let source = FileSource::new(files)?;
    let paths = outermost(&files.paths);
    let archived = repository.archive(&options(), &source, new_snapshot(&session.vault)?, &paths);
    session.stop.check()?;
    let findings = source.findings();
    let snapshot = archived.map_err(format_error("back up the files"))?;
    Ok(Read { snapshot, problems: findings.told(), sizes: findings.sizes() })
}

/// Replaces the backup as it was first committed by what it turned out to be: the new one is written before the old one
/// is removed, so a backup that is killed here is there twice or marked as incomplete.
fn settle<S: IndexedIds>(
    vault: &Vault,
    repository: &Repository<S>,
    first: SnapshotFile,
    completeness: Completeness,
) -> Result<SnapshotFile, RunError> {
    let step = "commit the backup";
    let first_id = first.id;
    let mut settled = first;
    if completeness == Completeness::Complete {
        settled.tags = tags(vault.tag());
    }
    repository.save_snapshots(vec![settled.clone()]).map_err(format_error(step))?;
    repository.delete_snapshots(&[first_id]).map_err(format_error(step))?;
    let of_this_run =
        |(snapshot, _): &(SnapshotFile, _)| snapshot.tree == settled.tree && snapshot.time == settled.time;
    let found = vault.backups(repository)?.into_iter().find(of_this_run);
    let missing = || RepositoryError::Format { step, cause: "it is not in the repository".to_owned() };
    Ok(found.map(|(snapshot, _)| snapshot).ok_or_else(missing)?)
}

fn tags(tag: &str) -> rustic_core::StringList {
    let mut tags = rustic_core::StringList::default();
    tags.add(tag.to_owned());
    tags
}

fn new_snapshot(vault: &Vault) -> Result<SnapshotFile, RepositoryError> {
    let program = concat!("socle-backup ", env!("CARGO_PKG_VERSION")).to_owned();
    let options = SnapshotOptions::default().host(hostname()).command(program.clone());
    let mut snapshot = options.to_snapshot().map_err(format_error("begin a backup"))?;
    snapshot.program_version = program;
    snapshot.tags = tags(&vault.incomplete_tag());
    Ok(snapshot)
}

fn options() -> BackupOptions {
    BackupOptions::default().no_scan(true)
}

/// A stream is read whatever the last backup knows of it.
fn options_of_streams() -> BackupOptions {
    options().parent_opts(ParentOptions::default().force(true))
}

fn hook(session: &Session, event: &str, command: &Command, stop: &Stop) -> Result<(), ProcessError> {
    let Some((program, arguments)) = command.0.split_first() else { return Ok(()) };
    session.event(event, facts! { "program": program });
    // Its output is not waited for: what it leaves running may keep it open.
    Program::new(program).args(arguments).without_output().start(stop)?.finish()
}
