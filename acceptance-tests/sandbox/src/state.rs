//! What is written down about a sandbox: its folder in the cache, and who may work on it.
//!
//! One command at a time changes a sandbox. The lock is handed to every podman that such a command starts, as its
//! standard input: so when the command is killed, the next one waits until also the last of those programs is done,
//! and never meets a half-made container that is still being made.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::address::{Network, Slot};
use crate::cache::{self, Cache, CacheError};
use crate::packages::Release;

/// The folder of the cache in which sandboxes are.
const FOLDER: &str = "sandboxes";
const RECORD: &str = "sandbox.json";

/// The name of a sandbox: a letter, then up to 19 letters, digits and hyphens, all in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

/// A name that no sandbox can have.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a sandbox is named by a lower-case letter, then up to 19 of a-z, 0-9 and `-`")]
pub struct BadName;

/// A sandbox, whether it is up or not.
#[derive(Debug, Clone)]
pub struct Sandbox {
    name: Name,
    cache: Cache,
}

/// What a sandbox consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its network.
    pub slot: Slot,
    /// What has been asked for so far.
    #[serde(flatten)]
    pub wanted: Wanted,
}

/// What is asked of a sandbox.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Wanted {
    /// How many servers. Default: none.
    pub servers: u8,
    /// The release of Debian that they run. Default: Debian 12.
    pub debian: Release,
    /// Whether there is an AWS.
    pub aws: bool,
    /// Whether there is a Vault.
    pub vault: bool,
    /// The versions of Kubernetes whose bundles are at hand. Default: none.
    pub kubernetes: BTreeSet<String>,
}

/// The right to change a sandbox, until it is dropped.
#[derive(Debug)]
pub struct Claim {
    sandbox: Sandbox,
    lock: File,
}

/// Why a sandbox's state could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The folder or the lock could not be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The file system refused a step.
    #[error("cannot {step} {}: {source}", path.display())]
    File {
        /// What was attempted, as a verb.
        step: &'static str,
        /// What it was attempted on.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The record is not what this program writes.
    #[error("{} is not a record of a sandbox: {source}; remove it and what it stood for", path.display())]
    Record {
        /// The record.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Other sandboxes, or the machine's own routes, have every network.
    #[error("no network of 198.18.0.0/16 is free; end a sandbox with `sandbox down --name NAME`")]
    NoSlot,
    /// The servers there run another release.
    #[error("the servers run Debian {}; to have another release, `sandbox down` first", .0.code_name())]
    OtherRelease(Release),
}

impl FromStr for Name {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let starts_well = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        if starts_well && text.len() <= 20 && text.bytes().all(plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadName)
        }
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Wanted {
    /// Both together: asking for less takes nothing away.
    fn and(&self, more: &Self) -> Self {
        Self {
            servers: self.servers.max(more.servers),
            debian: if self.servers > 0 { self.debian } else { more.debian },
            aws: self.aws || more.aws,
            vault: self.vault || more.vault,
            kubernetes: &self.kubernetes | &more.kubernetes,
        }
    }
}

impl Sandbox {
    /// The sandbox `name` of `cache`.
    pub fn named(cache: &Cache, name: Name) -> Self {
        Self { name, cache: cache.clone() }
    }

    /// Its name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The cache that it is made from.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Where its files are; `down` removes all of them.
    pub fn folder(&self) -> PathBuf {
        sandboxes(&self.cache).join(&self.name.0)
    }

    /// What it consists of; none when it is down.
    pub fn record(&self) -> Result<Option<Record>, StateError> {
        read_json(&self.folder().join(RECORD))
    }

    /// Takes the right to change it. `waiting` is called when somebody else has it.
    pub fn claim(&self, waiting: impl FnOnce()) -> Result<Claim, StateError> {
        let path = lock_file(&self.cache, &self.name.0)?;
        let lock = File::create(&path).map_err(StateError::at("open the lock", &path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                waiting();
                lock.lock().map_err(StateError::at("lock", &path))?;
            }
            Err(TryLockError::Error(source)) => return Err(StateError::at("lock", &path)(source)),
        }
        Ok(Claim { sandbox: self.clone(), lock })
    }
}

impl Claim {
    /// The sandbox.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// A command whose end the next claim waits for.
    pub fn command(&self, program: &str) -> Result<Command, StateError> {
        let mut command = Command::new(program);
        command.stdin(self.stdin()?);
        Ok(command)
    }

    /// A standard input that keeps this claim for as long as it is open.
    pub fn stdin(&self) -> Result<Stdio, StateError> {
        let path = self.sandbox.folder();
        self.lock.try_clone().map(Stdio::from).map_err(StateError::at("share the lock of", &path))
    }

    /// Writes down what is wanted, beside what was wanted before, and where it goes: on a network that none of
    /// `routes` leads to. Nothing of a sandbox is made before this.
    pub fn write_down(&self, more: &Wanted, routes: &[Network]) -> Result<Record, StateError> {
        let cache = self.sandbox.cache();
        let _slots = cache::lock(&lock_file(cache, "slots")?)?;
        let agreed = match self.sandbox.record()? {
            Some(Record { wanted, .. })
                if wanted.servers > 0 && more.servers > 0 && wanted.debian != more.debian =>
            {
                return Err(StateError::OtherRelease(wanted.debian));
            }
            Some(Record { slot, wanted }) => Record { slot, wanted: wanted.and(more) },
            None => {
                let slot = Slot::first_free(&taken(cache)?, routes).ok_or(StateError::NoSlot)?;
                Record { slot, wanted: more.clone() }
            }
        };
        write_json(&self.sandbox.folder().join(RECORD), &agreed)?;
        Ok(agreed)
    }

    /// Removes all its files; it is down.
    pub fn forget(&self) -> Result<(), StateError> {
        let folder = self.sandbox.folder();
        // The record goes last: as long as there is anything, `down` finds out where.
        for entry in entries(&folder)?.into_iter().filter(|entry| !entry.ends_with(RECORD)) {
            remove(&entry)?;
        }
        remove(&folder)
    }
}

impl StateError {
    pub(crate) fn at(step: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { step, path, source }
    }
}

/// The names of all sandboxes of `cache` that are up, or on their way up or down.
pub fn all(cache: &Cache) -> Result<Vec<Sandbox>, StateError> {
    let name_of = |folder: &PathBuf| folder.file_name()?.to_str()?.parse().ok();
    let folders = entries(&sandboxes(cache))?;
    let recorded = folders.iter().filter(|folder| folder.join(RECORD).exists()).filter_map(name_of);
    Ok(recorded.map(|name| Sandbox::named(cache, name)).collect())
}

/// The value in the JSON file `path`; none when there is no such file.
pub(crate) fn read_json<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<Option<T>, StateError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(StateError::at("read", path)(source)),
    };
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|source| StateError::Record { path: path.to_owned(), source })
}

/// Replaces the JSON file `path`, and makes its folder.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), StateError> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|source| StateError::Record { path: path.to_owned(), source })?;
    write(path, &text)
}

/// Replaces the file `path` at once, so that nobody ever sees half of it, and makes its folder.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), StateError> {
    path.parent().map_or(Ok(()), make_folder)?;
    let partial = path.with_extension("partial");
    fs::write(&partial, text).map_err(StateError::at("write", &partial))?;
    fs::rename(&partial, path).map_err(StateError::at("rename into place", &partial))
}

pub(crate) fn make_folder(path: &Path) -> Result<(), StateError> {
    fs::create_dir_all(path).map_err(StateError::at("make the folder", path))
}

fn sandboxes(cache: &Cache) -> PathBuf {
    cache.root().join(FOLDER)
}

/// Locks are not in the folders of sandboxes, which come and go under them.
pub(crate) fn lock_file(cache: &Cache, name: &str) -> Result<PathBuf, StateError> {
    let folder = sandboxes(cache).join(".locks");
    make_folder(&folder)?;
    Ok(folder.join(name))
}

fn taken(cache: &Cache) -> Result<BTreeSet<Slot>, StateError> {
    let records = all(cache)?.into_iter().map(|sandbox| sandbox.record());
    records.filter_map(Result::transpose).map(|record| Ok(record?.slot)).collect()
}

fn remove(path: &Path) -> Result<(), StateError> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StateError::at("remove", path)(error)),
        _ => Ok(()),
    }
}

/// What is in `folder`; nothing when there is no such folder.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, StateError> {
    match fs::read_dir(folder) {
        Ok(entries) => {
            entries.map(|entry| Ok(entry.map_err(StateError::at("list", folder))?.path())).collect()
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(StateError::at("list", folder)(source)),
    }
}

#[cfg(test)]
mod tests;
