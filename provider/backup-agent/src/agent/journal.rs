//! What a command leaves on its host: the policy's records, and the lock that keeps a second command away.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::configuration::Configuration;
use crate::metrics;
use crate::status::{EVENTS_FILE, Event, Outcome, STATUS_FILE, Status};

/// The name of the file whose lock a command holds.
const LOCK_FILE: &str = "lock";

/// A file of events that is larger is put aside.
const LARGEST_EVENTS: u64 = 1 << 20;

/// The records of a policy while a command works for it.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    metrics_file: Option<PathBuf>,
    policy: String,
    command: &'static str,
    status: Status,
    _lock: File,
}

/// Why records cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A command of the same policy works on this machine.
    #[error("another command of the policy {0} is running on this machine")]
    Busy(String),
    /// A file could not be read or written.
    #[error("cannot {verb} {}: {source}", path.display())]
    File {
        /// What was to be done.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The status is not what the agent wrote.
    #[error("{}: is no status of the agent: {source}; move it away, the next run makes a new one", path.display())]
    Status {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
}

/// Facts of an event: `facts! { "snapshot": id }`.
#[macro_export]
macro_rules! facts {
    ($($key:literal : $value:expr),* $(,)?) => {
        serde_json::Map::from_iter([$(($key.to_owned(), serde_json::json!($value))),*])
    };
}

/// Who only looks whether a command runs holds the lock for an instant.
const LOOK: Duration = Duration::from_secs(2);

/// The file, once it is locked; none when somebody else holds it longer than a look takes.
fn locked(file: File) -> Option<io::Result<File>> {
    let (give, take) = mpsc::channel();
    // Nothing waits for a lock with a limit. Where it comes too late, the file is dropped with it.
    thread::spawn(move || give.send(file.lock().map(|()| file)));
    take.recv_timeout(LOOK).ok()
}

impl Journal {
    /// Opens the records for a command, and keeps other commands of the policy away until this is dropped.
    pub fn open(configuration: &Configuration, command: &'static str) -> Result<Self, JournalError> {
        let folder = configuration.folder();
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.map_err(|source| failed("make", &folder, source))?;
        let path = folder.join(LOCK_FILE);
        let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
        let lock = lock.map_err(|source| failed("open", &path, source))?;
        let lock = locked(lock).ok_or_else(|| JournalError::Busy(configuration.name.clone()))?;
        let lock = lock.map_err(|source| failed("lock", &path, source))?;
        let status = read_status(configuration)?;
        let mut journal = Self {
            folder,
            metrics_file: configuration.metrics_file.clone(),
            policy: configuration.name.clone(),
            command,
            status,
            _lock: lock,
        };
        journal.settle_what_was_killed()?;
        Ok(journal)
    }

    /// What is known.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Writes what is known from now on.
    pub fn update(&mut self, change: impl FnOnce(&mut Status)) -> Result<(), JournalError> {
        change(&mut self.status);
        let text = serde_json::to_string_pretty(&self.status).unwrap_or_default() + "\n";
        replace(&self.folder.join(STATUS_FILE), &text, 0o600)?;
        let Some(path) = &self.metrics_file else { return Ok(()) };
        replace(path, &metrics::render(&self.status), 0o644)
    }

    /// Tells what happened, on standard output and in the file of events. A full disk does not stop a backup: what then
    /// cannot be written is on standard output.
    pub fn event(&self, event: &str, facts: Map<String, Value>) {
        let event = Event {
            at: Timestamp::now(),
            policy: self.policy.clone(),
            command: self.command.to_owned(),
            event: event.to_owned(),
            facts,
        };
        let line = serde_json::to_string(&event).unwrap_or_default();
        let _ = writeln!(io::stdout().lock(), "{line}");
        let _ = append(&self.folder.join(EVENTS_FILE), &line);
    }

    /// A run that is `running` while nobody holds the lock was killed.
    fn settle_what_was_killed(&mut self) -> Result<(), JournalError> {
        let is_running =
            |status: &Status| status.last_run.as_ref().is_some_and(|r| r.outcome == Outcome::Running);
        if !is_running(&self.status) {
            return Ok(());
        }
        self.update(settle)
    }
}

/// What is known of a policy, whether a command is running or not.
pub fn read_status(configuration: &Configuration) -> Result<Status, JournalError> {
    let path = configuration.folder().join(STATUS_FILE);
    match fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text).map_err(|source| JournalError::Status { path, source }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Status::new(&configuration.name)),
        Err(source) => Err(failed("read", &path, source)),
    }
}

/// What is known of a policy; a run that was killed is told as such.
pub fn observe(configuration: &Configuration) -> Result<Status, JournalError> {
    let mut status = read_status(configuration)?;
    let lock = File::open(configuration.folder().join(LOCK_FILE));
    if lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
        settle(&mut status);
    }
    Ok(status)
}

fn settle(status: &mut Status) {
    if let Some(run) = status.last_run.as_mut().filter(|run| run.outcome == Outcome::Running) {
        run.outcome = Outcome::Failure;
        run.problems.push("the run was killed, or the machine went down".to_owned());
    }
}

/// Replaces a file as a whole: after a crash it is the old one or the new one.
fn replace(path: &Path, text: &str, mode: u32) -> Result<(), JournalError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    let written = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    written().map_err(|source| failed("write", path, source))
}

fn append(path: &Path, line: &str) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|file| file.len() > LARGEST_EVENTS) {
        fs::rename(path, path.with_extension("jsonl.1"))?;
    }
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    file.write_all(format!("{line}\n").as_bytes())
}

fn failed(verb: &'static str, path: &Path, source: io::Error) -> JournalError {
    JournalError::File { verb, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    /// Whether somebody waits for the lock of a file. Source: proc(5), locks.
    fn is_waited_for(file: &Path) -> bool {
        let inode = format!(":{} ", fs::metadata(file).unwrap().ino());
        let locks = fs::read_to_string("/proc/locks").unwrap();
        locks.lines().any(|lock| lock.contains(" -> ") && lock.contains(&inode))
    }

    #[test]
    fn who_only_looks_keeps_no_command_away() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let look = File::open(&file).unwrap();
        look.lock_shared().unwrap();
        let command = File::open(&file).unwrap();
        let command = thread::spawn(move || locked(command).is_some_and(|lock| lock.is_ok()));
        while !is_waited_for(file.path()) && !command.is_finished() {
            thread::yield_now();
        }
        drop(look);
        assert!(command.join().unwrap());
    }

    #[test]
    fn a_command_keeps_another_away() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let first = locked(File::open(&file).unwrap()).unwrap().unwrap();
        assert!(locked(File::open(&file).unwrap()).is_none());
        drop(first);
        assert!(locked(File::open(&file).unwrap()).is_some());
    }
}
