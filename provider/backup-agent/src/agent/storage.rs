//! The repository's files as `rustic_core` wants them, on the objects of a bucket in restic's own layout.
//!
//! Writing a snapshot commits a backup. `rustic_core` goes on after errors of the source, so the [`Gate`] stands there:
//! no snapshot is written after a failed write, nor when what the backup reads from says that it is not whole.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use rustic_core::{BytesList, ErrorKind, FileType, Id, ReadBackend, RusticError, RusticResult, WriteBackend};
use sha2::{Digest, Sha256};

use super::objects::{ObjectError, Objects};
use crate::object_history::Version;

/// The files of a repository.
#[derive(Debug)]
pub struct Storage {
    objects: Arc<Objects>,
    view: View,
    gate: Arc<Gate>,
    /// Keys that were written, for the case that they turn out to fit nothing.
    written_keys: Mutex<Vec<String>>,
}

/// Which state of the repository is seen.
#[derive(Debug)]
pub enum View {
    /// As it is.
    Now,
    /// As it was, by key; nothing can be written.
    Past(BTreeMap<String, Version>),
}

/// What must hold before a backup is committed.
#[derive(Default)]
pub struct Gate {
    state: Mutex<GateState>,
}

#[derive(Default)]
struct GateState {
    failed_write: Option<String>,
    conditions: Vec<Condition>,
}

/// Says why a backup must not be committed.
type Condition = Box<dyn Fn() -> Result<(), String> + Send>;

/// Why a backup is not committed, or a file not read.
#[derive(Debug, thiserror::Error)]
enum StorageError {
    #[error("the backup is not committed: {0}")]
    NotCommitted(String),
    #[error("{0} does not have the content that its name promises: it was changed or damaged")]
    Damaged(String),
    #[error("the repository is seen as it was; it cannot be changed")]
    Past,
}

impl Storage {
    /// The repository's files as they are.
    pub fn now(objects: Arc<Objects>, gate: Arc<Gate>) -> Self {
        Self { objects, view: View::Now, gate, written_keys: Mutex::default() }
    }

    /// The repository's files as they were.
    pub fn past(objects: Arc<Objects>, versions: BTreeMap<String, Version>) -> Self {
        Self { objects, view: View::Past(versions), gate: Arc::default(), written_keys: Mutex::default() }
    }

    /// Whether the repository is seen as it was.
    pub fn is_past(&self) -> bool {
        matches!(self.view, View::Past(_))
    }

    /// The objects of the keys that were written through this.
    pub fn written_keys(&self) -> Vec<String> {
        self.written_keys.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The version of a file to read; an error when it was not there.
    fn version(&self, key: &str) -> Result<Option<&str>, ObjectError> {
        match &self.view {
            View::Now => Ok(None),
            View::Past(versions) => versions
                .get(key)
                .map(|version| Some(version.id.as_str()))
                .ok_or_else(|| ObjectError::NotFound(key.to_owned())),
        }
    }

    fn files(&self, folder: &str) -> Result<Vec<(String, u64)>, ObjectError> {
        match &self.view {
            View::Now => {
                Ok(self.objects.list(folder)?.into_iter().map(|listed| (listed.key, listed.size)).collect())
            }
            View::Past(versions) => {
                let below =
                    versions.range(folder.to_owned()..).take_while(|(key, _)| key.starts_with(folder));
                Ok(below.map(|(key, version)| (key.clone(), version.size)).collect())
            }
        }
    }

    fn write(&self, tpe: FileType, id: &Id, content: &Bytes) -> RusticResult<()> {
        let key = key_of(tpe, id);
        if self.is_past() {
            return Err(failed("write", &key, StorageError::Past));
        }
        if matches!(tpe, FileType::Snapshot | FileType::Index) {
            self.gate.check(tpe).map_err(|error| failed("write", &key, error))?;
        }
        if tpe == FileType::Key {
            self.written_keys.lock().unwrap_or_else(PoisonError::into_inner).push(key.clone());
        }
        // Two agents that begin at once must not both make a repository.
        let written = match tpe {
            FileType::Config => self.objects.create(&key, content),
            _ => self.objects.put(&key, content),
        };
        written.map_err(|error| {
            // Somebody else made the repository: nothing of it is missing.
            if tpe != FileType::Config {
                self.gate.note_failure(&error.to_string());
            }
            failed("write", &key, error)
        })
    }
}

impl ReadBackend for Storage {
    fn location(&self) -> String {
        format!("{:?}", self.objects)
    }

    fn list_with_size(&self, tpe: FileType) -> RusticResult<Vec<(Id, u32)>> {
        let folder =
            if tpe == FileType::Config { "config".to_owned() } else { format!("{}/", tpe.dirname()) };
        let files = self.files(&folder).map_err(|error| failed("list", &folder, error))?;
        if tpe == FileType::Config {
            let config = files.into_iter().filter(|(key, _)| key == "config");
            return Ok(config.map(|(_, size)| (Id::default(), capped(size))).collect());
        }
        // What is not named by an id is not the repository's.
        let named = files.into_iter().filter_map(|(key, size)| {
            let id = Id::from_str(key.rsplit('/').next()?).ok()?;
            (key == key_of(tpe, &id)).then_some((id, capped(size)))
        });
        Ok(named.collect())
    }

    fn read_full(&self, tpe: FileType, id: &Id) -> RusticResult<Bytes> {
        let key = key_of(tpe, id);
        let version = self.version(&key).map_err(|error| failed("read", &key, error))?;
        let content = self.objects.get(&key, version).map_err(|error| failed("read", &key, error))?;
        let is_named_by_content = tpe != FileType::Config;
        if is_named_by_content && digest(&content) != id.to_hex().as_str() {
            return Err(failed("read", &key, StorageError::Damaged(key.clone())));
        }
        Ok(content)
    }

    fn read_partial(
        &self,
        tpe: FileType,
        id: &Id,
        _cacheable: bool,
        offset: u32,
        length: u32,
    ) -> RusticResult<Bytes> {
        let key = key_of(tpe, id);
        let version = self.version(&key).map_err(|error| failed("read", &key, error))?;
        let part = self.objects.get_range(&key, version, offset, length);
        part.map_err(|error| failed("read", &key, error))
    }

    fn warmup_path(&self, tpe: FileType, id: &Id) -> String {
        key_of(tpe, id)
    }
}

impl WriteBackend for Storage {
    fn write_bytes(&self, tpe: FileType, id: &Id, _cacheable: bool, content: BytesList) -> RusticResult<()> {
        self.write(tpe, id, &joined(&content))
    }

    fn remove(&self, tpe: FileType, id: &Id, _cacheable: bool) -> RusticResult<()> {
        let key = key_of(tpe, id);
        if self.is_past() {
            return Err(failed("remove", &key, StorageError::Past));
        }
        self.objects.delete(&key).map_err(|error| failed("remove", &key, error))
    }
}

impl Gate {
    /// Adds what must hold.
    pub fn require(&self, condition: impl Fn() -> Result<(), String> + Send + 'static) {
        self.lock().conditions.push(Box::new(condition));
    }

    /// An index needs only that all before it was written; a snapshot all the rest too.
    fn check(&self, tpe: FileType) -> Result<(), StorageError> {
        let state = self.lock();
        if let Some(failure) = &state.failed_write {
            return Err(StorageError::NotCommitted(failure.clone()));
        }
        if tpe != FileType::Snapshot {
            return Ok(());
        }
        state.conditions.iter().try_for_each(|holds| holds().map_err(StorageError::NotCommitted))
    }

    fn note_failure(&self, failure: &str) {
        self.lock().failed_write.get_or_insert_with(|| failure.to_owned());
    }

    fn lock(&self) -> MutexGuard<'_, GateState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Gate({} conditions)", self.lock().conditions.len())
    }
}

/// Where a file is in restic's layout.
pub fn key_of(tpe: FileType, id: &Id) -> String {
    let name = id.to_hex();
    let name = name.as_str();
    match tpe {
        FileType::Config => "config".to_owned(),
        FileType::Pack => format!("data/{}/{name}", &name[..2]),
        other => format!("{}/{name}", other.dirname()),
    }
}

/// The name of a file with this content.
pub fn digest(content: &[u8]) -> String {
    use std::fmt::Write;
    Sha256::digest(content).iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn joined(content: &BytesList) -> Bytes {
    match content.slice() {
        [one] => one.clone(),
        pieces => {
            let mut whole = BytesMut::with_capacity(content.size());
            for piece in pieces {
                whole.extend_from_slice(piece);
            }
            whole.freeze()
        }
    }
}

fn failed(verb: &str, key: &str, cause: impl std::error::Error + Send + Sync + 'static) -> Box<RusticError> {
    RusticError::with_source(ErrorKind::Backend, format!("cannot {verb} {key}: {cause}"), cause)
}

fn capped(size: u64) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_where_restic_puts_them() {
        let name = "abcd".repeat(16);
        let id = Id::from_str(&name).unwrap();
        assert_eq!(key_of(FileType::Pack, &id), format!("data/ab/{name}"));
        assert_eq!(key_of(FileType::Snapshot, &id), format!("snapshots/{name}"));
        assert_eq!(key_of(FileType::Key, &id), format!("keys/{name}"));
        assert_eq!(key_of(FileType::Config, &id), "config");
    }

    #[test]
    fn after_a_failed_write_neither_index_nor_snapshot_is_written() {
        let gate = Gate::default();
        assert!(gate.check(FileType::Snapshot).is_ok());
        gate.note_failure("a pack is missing");
        assert!(gate.check(FileType::Index).is_err());
        assert!(gate.check(FileType::Snapshot).unwrap_err().to_string().contains("a pack is missing"));
    }

    #[test]
    fn a_snapshot_waits_for_every_condition_and_an_index_for_none() {
        let gate = Gate::default();
        gate.require(|| Ok(()));
        gate.require(|| Err("pg_dump failed".to_owned()));
        assert!(gate.check(FileType::Index).is_ok());
        assert!(gate.check(FileType::Snapshot).unwrap_err().to_string().contains("pg_dump failed"));
    }
}
