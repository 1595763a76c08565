//! restic's lock objects: `locks/ID`, encrypted JSON, written around every use of the repository.
//!
//! `rustic_core` writes none, and without them a `restic prune` of somebody else could remove what a backup counts on.
//! Rules as in restic: many may hold a shared lock, one an exclusive one; a lock is stale after 30 minutes without being
//! renewed, or at once when its process on this host is gone; locks are renewed every 5 minutes.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use aes256ctr_poly1305aes::aead::Aead;
use aes256ctr_poly1305aes::{Aes256CtrPoly1305Aes, Key, aead};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use rustic_core::repofile::MasterKey;
use rustix::process::{Pid, test_kill_process};
use rustix::rand::{GetRandomFlags, getrandom};
use serde::{Deserialize, Serialize};

use super::objects::{ObjectError, Objects};
use super::stop::{Stop, StopReason};
use super::storage::digest;

/// A lock that was not renewed for so long is stale.
const STALE: SignedDuration = SignedDuration::from_mins(30);

/// Locks are renewed so often.
const RENEWAL: Duration = Duration::from_mins(5);

/// A command whose lock could not be renewed for so long ends before others may take the lock for stale.
const LOST: SignedDuration = SignedDuration::from_mins(20);

/// Between writing a lock and looking whether another one came at the same time.
const SETTLE: Duration = Duration::from_millis(200);

/// Between two looks at somebody else's lock.
const LOOK: Duration = Duration::from_secs(2);

/// What a lock excludes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Exclusive ones: for backups, checks and restores.
    Shared,
    /// All others: for what removes something.
    Exclusive,
}

/// A lock that is held, renewed meanwhile, until this is dropped.
#[derive(Debug)]
pub struct RepositoryLock {
    keeper: Arc<Keeper>,
    stop: Option<Sender<()>>,
    renewal: Option<JoinHandle<()>>,
}

/// Why the repository is not locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else works on it.
    #[error(
        "the repository is locked by {holder}; if nothing runs there, `restic unlock` removes the lock once it is stale (30 minutes)"
    )]
    Held {
        /// Who, since when, and how.
        holder: String,
    },
    /// A lock object cannot be read, written or removed.
    #[error("cannot lock the repository: {0}")]
    Object(#[from] ObjectError),
    /// The command is to end.
    #[error(transparent)]
    Stopped(#[from] StopReason),
}

/// The content of a lock object, as restic writes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Content {
    time: Timestamp,
    exclusive: bool,
    #[serde(default)]
    hostname: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    pid: i32,
    #[serde(default)]
    uid: u32,
    #[serde(default)]
    gid: u32,
}

#[derive(Debug)]
struct Keeper {
    objects: Arc<Objects>,
    cipher: Cipher,
    mode: Mode,
    /// The key of the lock object, and when it was written.
    held: Mutex<Option<(String, Timestamp)>>,
}

/// The repository's encryption.
#[derive(Clone)]
pub struct Cipher(Key);

impl RepositoryLock {
    /// Locks the repository; waits for others so long.
    pub fn acquire(
        objects: &Arc<Objects>,
        cipher: Cipher,
        mode: Mode,
        patience: Duration,
    ) -> Result<Self, LockError> {
        let keeper = Arc::new(Keeper { objects: Arc::clone(objects), cipher, mode, held: Mutex::new(None) });
        keeper.acquire(patience)?;
        let (stop, stopped) = mpsc::channel();
        let renewing = Arc::clone(&keeper);
        let renewal = thread::spawn(move || {
            while stopped.recv_timeout(RENEWAL) == Err(RecvTimeoutError::Timeout) {
                renewing.renew();
            }
        });
        Ok(Self { keeper, stop: Some(stop), renewal: Some(renewal) })
    }

    /// Says why what was done under the lock must not be committed: it may have been taken for stale.
    pub fn witness(&self) -> impl Fn() -> Result<(), String> + Send + use<> {
        let keeper = Arc::clone(&self.keeper);
        move || keeper.is_held()
    }
}

impl Drop for RepositoryLock {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(renewal) = self.renewal.take() {
            // A panic there has been printed; the lock is removed all the same.
            let _ = renewal.join();
        }
        self.keeper.release();
    }
}

impl Keeper {
    fn acquire(&self, patience: Duration) -> Result<(), LockError> {
        let end = std::time::Instant::now() + patience;
        loop {
            match self.try_acquire() {
                Err(LockError::Held { .. }) if std::time::Instant::now() < end => {
                    self.objects.stop().pause(LOOK)?;
                }
                done => return done,
            }
        }
    }

    /// Looks, writes, waits, looks again: of two that write at the same time at least one sees the other.
    fn try_acquire(&self) -> Result<(), LockError> {
        self.yield_to_others(None)?;
        let own = self.write()?;
        let settled = self.objects.stop().pause(SETTLE).map_err(LockError::from);
        let outcome = settled.and_then(|()| self.yield_to_others(Some(&own)));
        if outcome.is_err() {
            self.release();
        }
        outcome
    }

    /// Removes stale locks; fails when another one excludes ours.
    fn yield_to_others(&self, own: Option<&str>) -> Result<(), LockError> {
        let now = Timestamp::now();
        let this_host = hostname();
        for listed in
            self.objects.list("locks/")?.into_iter().filter(|listed| Some(listed.key.as_str()) != own)
        {
            let Some(other) = self.read(&listed.key)? else { continue };
            if other.is_stale(now, &this_host, is_running) {
                self.objects.delete(&listed.key)?;
            } else if other.exclusive || self.mode == Mode::Exclusive {
                return Err(LockError::Held { holder: other.to_string() });
            }
        }
        Ok(())
    }

    /// None when the lock was removed meanwhile. One that cannot be understood excludes everything until it is removed by
    /// hand: it may be of a newer restic.
    fn read(&self, key: &str) -> Result<Option<Content>, LockError> {
        match self.objects.get(key, None) {
            Err(ObjectError::NotFound(_)) => Ok(None),
            Err(error) => Err(error.into()),
            Ok(sealed) => {
                let content = self.cipher.open(&sealed).and_then(|json| plain_json(&json));
                let content = content.and_then(|json| serde_json::from_slice(&json).ok());
                let unknown =
                    || LockError::Held { holder: format!("a lock that cannot be understood, {key}") };
                content.map(Some).ok_or_else(unknown)
            }
        }
    }

    fn write(&self) -> Result<String, LockError> {
        let content = Content::own(self.mode, Timestamp::now());
        let json = serde_json::to_vec(&content).unwrap_or_default();
        let sealed = Bytes::from(self.cipher.seal(&json));
        let key = format!("locks/{}", digest(&sealed));
        self.objects.put(&key, &sealed)?;
        *self.held() = Some((key.clone(), content.time));
        Ok(key)
    }

    /// Writes the new lock before it removes the old one.
    fn renew(&self) {
        let old = self.held().clone();
        match (self.write(), old) {
            (Ok(_), Some((old, _))) => {
                // It becomes stale by itself.
                let _ = self.objects.delete(&old);
            }
            (Err(_), Some((_, since))) => give_up_if_lost(self.objects.stop(), since),
            (_, None) => {}
        }
    }

    fn is_held(&self) -> Result<(), String> {
        let Some((key, since)) = self.held().clone() else { return Err("the lock was given up".to_owned()) };
        if Timestamp::now().duration_since(since) > STALE {
            return Err(
                "the lock on the repository became stale meanwhile (was the machine suspended?)".to_owned()
            );
        }
        let held = self.objects.list(&key).map_err(|error| error.to_string())?;
        let is_there = !held.is_empty() || self.held().as_ref().is_some_and(|(newer, _)| *newer != key);
        is_there.then_some(()).ok_or_else(|| "somebody removed our lock on the repository".to_owned())
    }

    fn release(&self) {
        if let Some((key, _)) = self.held().take() {
            // One that stays behind is stale at once: this process is gone.
            self.objects.let_go(&key);
        }
    }

    fn held(&self) -> MutexGuard<'_, Option<(String, Timestamp)>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn give_up_if_lost(stop: &Stop, since: Timestamp) {
    let age = Timestamp::now().duration_since(since);
    if age > LOST {
        stop.now(StopReason::LockLost(age.unsigned_abs().as_secs()));
    }
}

impl Content {
    fn own(mode: Mode, time: Timestamp) -> Self {
        Self {
            time,
            exclusive: mode == Mode::Exclusive,
            hostname: hostname(),
            username: "root".to_owned(),
            pid: i32::try_from(std::process::id()).unwrap_or_default(),
            uid: rustix::process::getuid().as_raw(),
            gid: rustix::process::getgid().as_raw(),
        }
    }

    /// restic's rule.
    fn is_stale(&self, now: Timestamp, this_host: &str, is_running: impl Fn(i32) -> bool) -> bool {
        let is_old = now.duration_since(self.time) > STALE;
        is_old || (self.hostname == this_host && !is_running(self.pid))
    }
}

impl std::fmt::Display for Content {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let how = if self.exclusive { "exclusively " } else { "" };
        write!(
            formatter,
            "{how}process {} of {}@{} since {}",
            self.pid, self.username, self.hostname, self.time
        )
    }
}

impl Cipher {
    /// Of the repository with this key.
    pub fn new(key: &MasterKey) -> Self {
        let parts = key.encrypt.iter().chain(&key.mac.k).chain(&key.mac.r);
        let mut whole = Key::default();
        whole.iter_mut().zip(parts).for_each(|(byte, part)| *byte = *part);
        Self(whole)
    }

    /// A nonce, the content, a checksum: restic's form.
    pub fn seal(&self, content: &[u8]) -> Vec<u8> {
        let nonce = fresh_nonce();
        let sealed = Aes256CtrPoly1305Aes::new(&self.0)
            .encrypt(aead::Nonce::<Aes256CtrPoly1305Aes>::from_slice(&nonce), content);
        // It fails only for contents of many gigabytes.
        [nonce.to_vec(), sealed.unwrap_or_default()].concat()
    }

    fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_at_checked(16)?;
        let nonce = aead::Nonce::<Aes256CtrPoly1305Aes>::from_slice(nonce);
        Aes256CtrPoly1305Aes::new(&self.0).decrypt(nonce, rest).ok()
    }
}

impl std::fmt::Debug for Cipher {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Cipher")
    }
}

/// In repositories of version 2 restic compresses locks, after a 2.
fn plain_json(content: &[u8]) -> Option<Vec<u8>> {
    match content.first()? {
        b'{' => Some(content.to_vec()),
        2 => zstd::decode_all(&content[1..]).ok(),
        _ => None,
    }
}

fn fresh_nonce() -> [u8; 16] {
    let mut nonce = [0; 16];
    // The kernel gives so few bytes at once, or the machine has no randomness at all and ends here.
    while getrandom(&mut nonce[..], GetRandomFlags::empty()) != Ok(nonce.len()) {}
    nonce
}

fn is_running(pid: i32) -> bool {
    // Not allowed to signal it means that it is there.
    Pid::from_raw(pid).is_some_and(|pid| test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

/// The name of this machine.
pub fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(age: SignedDuration, hostname: &str) -> Content {
        let time = Timestamp::now().checked_sub(age).unwrap();
        Content { hostname: hostname.to_owned(), pid: 7, ..Content::own(Mode::Shared, time) }
    }

    #[test]
    fn a_lock_is_stale_when_it_is_old_or_its_process_on_this_host_is_gone() {
        let now = Timestamp::now();
        let young = SignedDuration::from_mins(29);
        let gone = |_| false;
        assert!(!lock(young, "other").is_stale(now, "this", gone));
        assert!(lock(SignedDuration::from_mins(31), "other").is_stale(now, "this", |_| true));
        assert!(lock(young, "this").is_stale(now, "this", gone));
        assert!(!lock(young, "this").is_stale(now, "this", |_| true));
    }

    #[test]
    fn a_lock_of_a_clock_that_runs_ahead_is_not_stale_by_its_age() {
        let now = Timestamp::now();
        let ahead = lock(SignedDuration::from_hours(-5), "other");
        assert!(!ahead.is_stale(now, "this", |_| true));
    }

    #[test]
    fn what_is_sealed_opens_with_the_same_key_only() {
        let cipher = Cipher::new(&MasterKey::new());
        let sealed = cipher.seal(b"{}");
        assert_eq!(cipher.open(&sealed).as_deref(), Some(b"{}".as_slice()));
        assert_eq!(Cipher::new(&MasterKey::new()).open(&sealed), None);
        assert_ne!(sealed, cipher.seal(b"{}"), "each has a nonce of its own");
    }

    #[test]
    fn times_are_written_as_restic_reads_them() {
        let time = "2026-11-24T03:00:00.5Z".parse().unwrap();
        let json = serde_json::to_value(Content::own(Mode::Exclusive, time)).unwrap();
        assert_eq!(json["time"], "2026-11-24T03:00:00.5Z");
        assert_eq!(json["exclusive"], true);
    }
}
