//! A folder outside the checkout for what is dear to make: virtual environments and programs built from source.
//!
//! An entry is keyed by a hash of everything it is made from, so it is never stale and never has to be invalidated:
//! other inputs are another entry. It is built once, under a file lock, in a folder beside its place, and renamed
//! into that place when it is whole; test processes may therefore ask for it at the same time, and a build that was
//! killed leaves nothing that looks finished.

use std::env;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Where everything is kept: `$SOCLE_CACHE`, else `$XDG_CACHE_HOME/socle`, else `~/.cache/socle`.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
}

/// Why an entry of the cache could not be had.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// None of the three variables that could name the folder is set.
    #[error("no folder for the cache: set SOCLE_CACHE, XDG_CACHE_HOME or HOME")]
    NoFolder,
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
}

impl Cache {
    /// The cache of this user, as the environment names it.
    pub fn of_this_user() -> Result<Self, CacheError> {
        let named =
            |variable: &str| env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
        named("SOCLE_CACHE")
            .or_else(|| named("XDG_CACHE_HOME").map(|folder| folder.join("socle")))
            .or_else(|| named("HOME").map(|folder| folder.join(".cache/socle")))
            .map(Self::at)
            .ok_or(CacheError::NoFolder)
    }

    /// A cache in `root`, which is made when the first entry is.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of the entry `name` made from `inputs`. When it is missing, `build` fills an empty folder, which
    /// then becomes the entry; who asks for the same entry meanwhile waits. A failed build leaves no entry.
    pub fn entry<E: From<CacheError>>(
        &self,
        name: &str,
        inputs: &[&str],
        build: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        let key = key_of(inputs);
        let entries = self.root.join(name);
        let entry = entries.join(&key);
        if entry.is_dir() {
            return Ok(entry);
        }
        make_folder(&entries)?;
        let _lock = lock(&entries.join(format!("{key}.lock")))?;
        if !entry.is_dir() {
            clear_partial(&entries, &key);
            // A new folder: programs of a build that was killed may still write to theirs.
            let partial = entries.join(format!("{key}.{:016x}.partial", fastrand::u64(..)));
            make_folder(&partial)?;
            build(&partial)?;
            attempt("rename into place", &partial, fs::rename(&partial, &entry))?;
        }
        Ok(entry)
    }
}

/// Sixteen hexadecimal digits over all inputs; their lengths count, so moving text between two is a difference.
pub(crate) fn key_of(inputs: &[&str]) -> String {
    let mut hash = Sha256::new();
    for input in inputs {
        hash.update(input.len().to_be_bytes());
        hash.update(input.as_bytes());
    }
    let digest = hash.finalize();
    let leading = digest[..8].iter().fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
    format!("{leading:016x}")
}

fn make_folder(path: &Path) -> Result<(), CacheError> {
    attempt("make the folder", path, fs::create_dir_all(path))
}

/// Clears away what failed and killed builds of an entry left; what cannot go yet goes the next time.
fn clear_partial(entries: &Path, key: &str) {
    let names = fs::read_dir(entries).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_partial = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(&format!("{key}.")) && name.ends_with(".partial")
    };
    for partial in names.filter(is_partial) {
        let _ = fs::remove_dir_all(partial);
    }
}

/// Holds the lock on `path` until the file is dropped.
pub(crate) fn lock(path: &Path) -> Result<File, CacheError> {
    let file = attempt("open the lock", path, File::create(path))?;
    attempt("lock", path, file.lock())?;
    Ok(file)
}

/// As [`lock`], unless somebody else holds it.
pub(crate) fn try_lock(path: &Path) -> Result<Option<File>, CacheError> {
    let file = attempt("open the lock", path, File::create(path))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => attempt("lock", path, Err(source)),
    }
}

fn attempt<T>(step: &'static str, path: &Path, result: io::Result<T>) -> Result<T, CacheError> {
    result.map_err(|source| CacheError::File { step, path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    fn write_program(folder: &Path) -> Result<(), CacheError> {
        attempt("write", folder, fs::write(folder.join("program"), "built"))
    }

    #[test]
    fn builds_once_for_the_same_inputs() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        let first = cache.entry("tool", &["1.0"], write_program).unwrap();
        let second =
            cache.entry("tool", &["1.0"], |_| -> Result<(), CacheError> { panic!("built twice") }).unwrap();
        assert_eq!(first, second);
        assert_eq!(fs::read_to_string(second.join("program")).unwrap(), "built");
    }

    #[test]
    fn other_inputs_are_another_entry() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        let one = cache.entry("tool", &["ab", "c"], write_program).unwrap();
        let other = cache.entry("tool", &["a", "bc"], write_program).unwrap();
        assert_ne!(one, other);
    }

    #[test]
    fn a_failed_build_leaves_no_entry() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        let failed = cache.entry("tool", &["1.0"], |partial| {
            write_program(partial)?;
            Err(CacheError::NoFolder)
        });
        assert!(failed.is_err());
        let entry = cache
            .entry("tool", &["1.0"], |partial| {
                assert_eq!(fs::read_dir(partial).unwrap().count(), 0, "a leftover was kept");
                write_program(partial)
            })
            .unwrap();
        assert!(entry.join("program").exists());
    }

    #[test]
    fn neighbours_wait_for_the_one_that_builds() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        let builds = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let entry = cache.entry("tool", &["1.0"], |partial| {
                        builds.fetch_add(1, Ordering::SeqCst);
                        write_program(partial)
                    });
                    assert!(entry.unwrap().join("program").exists());
                });
            }
        });
        assert_eq!(builds.load(Ordering::SeqCst), 1);
    }
}
