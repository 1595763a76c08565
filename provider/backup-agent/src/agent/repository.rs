//! Opening the repository: making it once, telling that it is ours, and keeping its keys as the configuration wants them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use rustic_core::repofile::{KeyFile, MasterKey, SnapshotFile};
use rustic_core::{
    ConfigOptions, Credentials, FileType, KeyOptions, Open, OpenStatus, ReadBackend, Repository,
    RepositoryBackends, RepositoryOptions, RusticError, WriteBackend,
};

use super::lock::{Cipher, LockError, Mode, RepositoryLock, hostname};
use super::objects::{ObjectError, Objects};
use super::secret::{self, SecretError, Value};
use super::storage::{Gate, Storage, key_of};
use crate::configuration::Configuration;
use crate::object_history::objects_at;
use crate::retention::{Backup, Completeness};
use crate::status::KnownRepository;

/// Packs are of this size: a few of them are in memory at once.
const PACK_SIZE: &str = "16MiB";

/// The repository of a policy.
#[derive(Debug)]
pub struct Vault {
    /// Its objects.
    pub objects: Arc<Objects>,
    /// What must hold before a backup is committed.
    pub gate: Arc<Gate>,
    passwords: Passwords,
    tag: String,
    location: String,
    cache: Option<PathBuf>,
    lock_wait: std::time::Duration,
}

/// The passwords that the configuration names.
#[derive(Debug)]
struct Passwords {
    current: Value,
    previous: Option<Value>,
    recovery: Option<Value>,
}

/// Whether a repository is made where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// It is made, unless it was there before.
    Make,
    /// It is an error.
    Fail,
}

/// Whether what was read of the repository is kept on the host (encrypted, as it is there).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cache {
    /// For what comes every night.
    Use,
    /// For what proves that the repository itself is whole.
    Bypass,
}

/// An open repository.
pub type Opened = Repository<OpenStatus>;

/// Why the repository cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// A password cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// There is none.
    #[error("there is no repository at {0} yet: make the first backup")]
    None(String),
    /// It was there and is gone.
    #[error(
        "the repository {id} at {location} is gone: its `config` was deleted. Nothing new is made in its place. If the \
         bucket is versioned, `socle-backup restore --repository --at TIME` puts back what was there; to begin anew, move \
         status.json away"
    )]
    Gone {
        /// Where it was.
        location: String,
        /// Its id.
        id: String,
    },
    /// There are data and no `config`.
    #[error(
        "{0} holds parts of a repository without its `config`: somebody deleted it, or the place belongs to something \
         else. `socle-backup restore --repository --at TIME` puts back what was there"
    )]
    Headless(String),
    /// Another one is in its place.
    #[error(
        "at {location} is the repository {found}, not {known} of the last run: somebody replaced it. If that was you, \
         move status.json away"
    )]
    Another {
        /// Where.
        location: String,
        /// The id that was found.
        found: String,
        /// The id of the last run.
        known: String,
    },
    /// No key opens by the password.
    #[error("wrong password: none of the {keys} keys of the repository at {location} opens by it")]
    WrongPassword {
        /// Where.
        location: String,
        /// How many keys there are.
        keys: usize,
    },
    /// It is locked.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// An object cannot be read or written.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The repository's content is not as it should be, or cannot be read.
    #[error("{step}: {cause}")]
    Format {
        /// What was being done.
        step: &'static str,
        /// What went wrong.
        cause: String,
    },
}

impl Vault {
    /// Of this policy. Secrets are read; nothing is asked of S3 yet.
    pub fn of(
        configuration: &Configuration,
        objects: Arc<Objects>,
        cache: Cache,
    ) -> Result<Self, SecretError> {
        let folder = secret::credentials();
        let read = |secret| secret::read(secret, folder.as_deref());
        let repository = &configuration.repository;
        let passwords = Passwords {
            current: read(&repository.password)?,
            previous: repository.previous_password.as_ref().map(read).transpose()?,
            recovery: repository.recovery_password.as_ref().map(read).transpose()?,
        };
        Ok(Self {
            objects,
            gate: Arc::default(),
            passwords,
            tag: configuration.tag(),
            location: repository.location(),
            cache: (cache == Cache::Use).then(|| configuration.folder().join("cache")),
            lock_wait: configuration.limits.lock_wait.duration(),
        })
    }

    /// Opens the repository; `known` is what the last command found.
    pub fn open(&self, known: Option<&KnownRepository>, absent: Absent) -> Result<Opened, RepositoryError> {
        let known = known.filter(|known| known.location == self.location);
        let opened = if self.is_there()? { self.unlock() } else { self.make(known, absent) }?;
        let found = opened.config().id.to_hex().as_str().to_owned();
        match known.filter(|known| known.id != found) {
            Some(known) => Err(RepositoryError::Another {
                location: self.location.clone(),
                found,
                known: known.id.clone(),
            }),
            None => Ok(opened),
        }
    }

    /// Opens the repository as it was.
    pub fn open_at(&self, moment: Timestamp) -> Result<Opened, RepositoryError> {
        let versions = objects_at(self.objects.history("")?, moment);
        if !versions.contains_key("config") {
            return Err(RepositoryError::None(format!("{} at {moment}", self.location)));
        }
        self.unlock_in(&Arc::new(Storage::past(Arc::clone(&self.objects), versions)))
    }

    /// Locks the repository; a backup that is not covered by the lock is not committed.
    pub fn lock(&self, opened: &Opened, mode: Mode) -> Result<RepositoryLock, LockError> {
        let lock = RepositoryLock::acquire(&self.objects, Cipher::new(&opened.key()), mode, self.lock_wait)?;
        self.gate.require(lock.witness());
        Ok(lock)
    }

    /// What is to be remembered of it.
    pub fn known<S: Open>(&self, opened: &Repository<S>) -> Result<KnownRepository, RepositoryError> {
        let backups = self.backups(opened)?;
        let complete = backups.iter().filter(|(_, backup)| backup.completeness == Completeness::Complete);
        let newest = complete.max_by_key(|(_, backup)| backup.at);
        Ok(KnownRepository {
            id: opened.config().id.to_hex().as_str().to_owned(),
            location: self.location.clone(),
            snapshots: backups.len() as u64,
            newest_snapshot: newest.map(|(_, backup)| backup.id.clone()),
        })
    }

    /// The backups of this policy, in no order.
    pub fn backups<S: Open>(
        &self,
        opened: &Repository<S>,
    ) -> Result<Vec<(SnapshotFile, Backup<String>)>, RepositoryError> {
        let snapshots = read_snapshots(opened)?;
        let ours = snapshots.into_iter().filter_map(|snapshot| {
            let completeness = self.completeness(&snapshot)?;
            let backup = Backup {
                id: snapshot.id.to_hex().as_str().to_owned(),
                at: moment(&snapshot.time)?,
                completeness,
            };
            Some((snapshot, backup))
        });
        Ok(ours.collect())
    }

    /// The newest complete backup, or that which `id` begins.
    pub fn find<S: Open>(
        &self,
        opened: &Repository<S>,
        id: Option<&str>,
    ) -> Result<SnapshotFile, RepositoryError> {
        let backups = self.backups(opened)?.into_iter();
        let found = match id {
            Some(id) => backups.filter(|(_, backup)| backup.id.starts_with(id)).max_by_key(|(_, b)| b.at),
            None => backups
                .filter(|(_, backup)| backup.completeness == Completeness::Complete)
                .max_by_key(|(_, backup)| backup.at),
        };
        let named = id.map_or_else(String::new, |id| format!(" that begins with {id}"));
        found.map(|(snapshot, _)| snapshot).ok_or_else(|| RepositoryError::Format {
            step: "find the backup",
            cause: format!("{} holds no complete backup of this policy{named}", self.location),
        })
    }

    /// The tag of complete backups.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// The tag of backups that are not complete, or not known to be.
    pub fn incomplete_tag(&self) -> String {
        format!("{}:incomplete", self.tag)
    }

    /// Keeps exactly the keys that the configuration wants: adds before it removes. Says what it did.
    pub fn keep_keys(&self, opened: &Opened) -> Result<Vec<&'static str>, RepositoryError> {
        let mut done = Vec::new();
        let storage = self.storage();
        if let Some(recovery) = &self.passwords.recovery
            && keys_of(&storage, recovery)?.is_empty()
        {
            add_key(opened, recovery)?;
            done.push("recovery_key_added");
        }
        let Some(previous) =
            self.passwords.previous.as_ref().filter(|value| self.passwords.is_outdated(value))
        else {
            return Ok(done);
        };
        // Only with a key in hand that opens by the new password.
        if keys_of(&storage, &self.passwords.current)?.is_empty() {
            return Ok(done);
        }
        for (id, _) in keys_of(&storage, previous)? {
            self.objects.delete(&key_of(FileType::Key, &id))?;
            done.push("previous_key_removed");
        }
        Ok(done)
    }

    fn is_there(&self) -> Result<bool, RepositoryError> {
        Ok(self.objects.list("config")?.iter().any(|listed| listed.key == "config"))
    }

    fn completeness(&self, snapshot: &SnapshotFile) -> Option<Completeness> {
        let incomplete = self.incomplete_tag();
        if snapshot.tags.contains(&incomplete) {
            return Some(Completeness::Incomplete);
        }
        snapshot.tags.contains(&self.tag).then_some(Completeness::Complete)
    }

    fn storage(&self) -> Arc<Storage> {
        Arc::new(Storage::now(Arc::clone(&self.objects), Arc::clone(&self.gate)))
    }

    fn closed(&self, storage: &Arc<Storage>) -> Result<Repository<()>, RepositoryError> {
        let options = RepositoryOptions::default().no_cache(self.cache.is_none() || storage.is_past());
        let options = match &self.cache {
            Some(folder) => options.cache_dir(folder.clone()),
            None => options,
        };
        let backend: Arc<dyn WriteBackend> = Arc::clone(storage) as _;
        Repository::new(&options, &RepositoryBackends::new(backend, None))
            .map_err(format_error("prepare the repository"))
    }

    fn make(&self, known: Option<&KnownRepository>, absent: Absent) -> Result<Opened, RepositoryError> {
        if let Some(known) = known {
            return Err(RepositoryError::Gone { location: self.location.clone(), id: known.id.clone() });
        }
        for folder in ["data/", "index/", "snapshots/"] {
            if !self.objects.list(folder)?.is_empty() {
                return Err(RepositoryError::Headless(self.location.clone()));
            }
        }
        if absent == Absent::Fail {
            return Err(RepositoryError::None(self.location.clone()));
        }
        let storage = self.storage();
        let credentials = Credentials::password(self.passwords.current.reveal());
        match self.closed(&storage)?.init(&credentials, &key_options(), &shape()) {
            // Opened like any other, which removes the key that a killed run may have left.
            Ok(_) => self.unlock(),
            // Another agent was faster: its repository is ours too, our key fits nothing.
            Err(_) if self.is_there()? => {
                storage.written_keys().iter().try_for_each(|key| self.objects.delete(key))?;
                self.unlock()
            }
            Err(error) => Err(format_error("make the repository")(error)),
        }
    }

    /// With the current password, else by the previous one: then the current one gets its key first.
    fn unlock(&self) -> Result<Opened, RepositoryError> {
        let storage = self.storage();
        match (self.unlock_in(&storage), &self.passwords.previous) {
            (Err(RepositoryError::WrongPassword { .. }), Some(previous)) => {
                let opened = self.unlock_with(&storage, previous)?;
                add_key(&opened, &self.passwords.current)?;
                self.unlock_in(&storage)
            }
            (opened, _) => opened,
        }
    }

    fn unlock_in(&self, storage: &Arc<Storage>) -> Result<Opened, RepositoryError> {
        self.unlock_with(storage, &self.passwords.current)
    }

    /// A run that was killed while it made the repository leaves a key that fits nothing; restic would try it.
    fn unlock_with(&self, storage: &Arc<Storage>, password: &Value) -> Result<Opened, RepositoryError> {
        let keys = keys_of(storage, password)?;
        let mut failure = None;
        for (_, key) in &keys {
            match self.closed(storage)?.open(&Credentials::Masterkey(key.clone())) {
                Ok(opened) if storage.is_past() => return Ok(opened),
                Ok(opened) => {
                    let unfit = keys.iter().filter(|(_, other)| other.encrypt != key.encrypt);
                    unfit
                        .map(|(id, _)| key_of(FileType::Key, id))
                        .try_for_each(|key| self.objects.delete(&key))?;
                    return Ok(opened);
                }
                Err(error) => failure = Some(format_error("open the repository")(error)),
            }
        }
        let keys = storage.list(FileType::Key).map_err(format_error("list the keys"))?.len();
        Err(failure
            .unwrap_or_else(|| RepositoryError::WrongPassword { location: self.location.clone(), keys }))
    }
}

impl Passwords {
    /// A previous password that is also in use by another name keeps its key.
    fn is_outdated(&self, previous: &Value) -> bool {
        *previous != self.current && self.recovery.as_ref() != Some(previous)
    }
}

/// An agent on another machine that settles its backup removes a snapshot that was listed a moment ago: then the list is
/// read again.
fn read_snapshots<S: Open>(opened: &Repository<S>) -> Result<Vec<SnapshotFile>, RepositoryError> {
    const AGAIN: usize = 3;
    for _ in 0..AGAIN {
        if let Ok(snapshots) = opened.get_all_snapshots() {
            return Ok(snapshots);
        }
    }
    opened.get_all_snapshots().map_err(format_error("read the list of backups"))
}

/// The keys that open by this password.
fn keys_of(
    storage: &Arc<Storage>,
    password: &Value,
) -> Result<Vec<(rustic_core::Id, MasterKey)>, RepositoryError> {
    let mut fitting = Vec::new();
    for id in storage.list(FileType::Key).map_err(format_error("list the keys"))? {
        let content = match storage.read_full(FileType::Key, &id) {
            Ok(content) => content,
            // Removed since it was listed, by an agent that lost the race to make the repository.
            Err(_) if !storage.list(FileType::Key).map_err(format_error("list the keys"))?.contains(&id) => {
                continue;
            }
            Err(error) => return Err(format_error("read a key")(error)),
        };
        let Ok(file) = serde_json::from_slice::<KeyFile>(&content) else { continue };
        let Ok(key) = file.key_from_password(&password.reveal()) else { continue };
        let (encrypt, k, r) = key.to_keys();
        fitting.extend(master_key(&encrypt, &k, &r).map(|key| (id, key)));
    }
    Ok(fitting)
}

/// Its parts have no other way in.
fn master_key(encrypt: &[u8], k: &[u8], r: &[u8]) -> Option<MasterKey> {
    use base64::Engine;
    let text = |bytes| base64::engine::general_purpose::STANDARD.encode(bytes);
    let json = serde_json::json!({ "mac": { "k": text(k), "r": text(r) }, "encrypt": text(encrypt) });
    serde_json::from_value(json).ok()
}

fn add_key(opened: &Opened, password: &Value) -> Result<(), RepositoryError> {
    opened.add_key(password.reveal(), &key_options()).map(drop).map_err(format_error("add a key"))
}

fn key_options() -> KeyOptions {
    KeyOptions::default().hostname(hostname()).username("root".to_owned()).with_created(true)
}

/// Packs that stay small however large the repository grows, so that memory does too.
fn shape() -> ConfigOptions {
    let mut shape = ConfigOptions::default();
    shape.set_datapack_size = PACK_SIZE.parse().ok();
    shape.set_datapack_size_limit = PACK_SIZE.parse().ok();
    shape.set_treepack_size_limit = PACK_SIZE.parse().ok();
    shape
}

/// The moment of a snapshot, from the time library of `rustic_core` to ours.
pub fn moment(time: &rustic_core::jiff::Zoned) -> Option<Timestamp> {
    Timestamp::from_nanosecond(time.timestamp().as_nanosecond()).ok()
}

/// `rustic_core` gives up by a panic on some damaged repositories: it becomes an error, which is recorded like any other.
pub fn guarded<T, E: From<RepositoryError>>(
    step: &'static str,
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        let cause = format!("the repository is damaged, or cannot be read: {text}");
        Err(RepositoryError::Format { step, cause }.into())
    })
}

/// Turns an error of `rustic_core` into one of ours, short.
pub fn format_error(step: &'static str) -> impl Fn(Box<RusticError>) -> RepositoryError {
    move |error| RepositoryError::Format { step, cause: told(&error) }
}

/// What an error of `rustic_core` says, without its advice on where to report it.
pub fn told(error: &RusticError) -> String {
    use std::error::Error;
    let text = error.display_log();
    let text = text.strip_prefix("Error: ").unwrap_or(&text).trim().to_owned();
    let mut told = text;
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !told.contains(&cause_text) {
            told = format!("{told}: {cause_text}");
        }
        source = cause.source();
    }
    told
}
