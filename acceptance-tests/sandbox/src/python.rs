//! Virtual environments of Python in the cache, with every version pinned.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use crate::cache::{Cache, CacheError};
use crate::command::{CommandError, run};

/// Why there is no environment.
#[derive(Debug, thiserror::Error)]
pub enum PythonError {
    /// The cache folder could not be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// Python is missing, or a step of making the virtual environment failed.
    #[error("{0}\nthis needs Python 3 with its venv module (Debian: python3-venv)")]
    Environment(#[from] CommandError),
    /// A file of the environment could not be written.
    #[error("cannot write {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

/// The environment `name` with these requirements. It is made on first use, before which `making` is called.
pub(crate) fn environment(
    cache: &Cache,
    name: &str,
    requirements: &str,
    making: impl FnOnce(),
) -> Result<PathBuf, PythonError> {
    // An environment depends on the interpreter that made it.
    let interpreter =
        run(Command::new("python3").args(["-c", "import sys; print(sys.version, sys.base_prefix)"]))?;
    cache.entry(name, &[requirements, &interpreter], |folder| {
        making();
        make(folder, requirements)
    })
}

fn make(folder: &Path, requirements: &str) -> Result<(), PythonError> {
    let list = folder.join("requirements.txt");
    fs::write(&list, requirements).map_err(|source| PythonError::File { path: list.clone(), source })?;
    run(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    let mut pip = Command::new(folder.join("bin/python"));
    run(pip.args(["-m", "pip", "install", "--quiet", "-r"]).arg(list))?;
    scripts(folder)?.iter().try_for_each(|script| rewrite(script, &folder.to_string_lossy()))
}

fn scripts(folder: &Path) -> Result<Vec<PathBuf>, PythonError> {
    let bin = folder.join("bin");
    let failed = |source| PythonError::File { path: bin.clone(), source };
    let entries: io::Result<Vec<_>> =
        fs::read_dir(&bin).map_err(failed)?.map(|entry| Ok(entry?.path())).collect();
    entries.map_err(failed)
}

/// A script names the interpreter of the folder that it was made in, from which the cache moves it away. So it is made to
/// take the one beside it, by lines that are a command to the shell and a text to Python.
fn rewrite(script: &Path, made_in: &str) -> Result<(), PythonError> {
    const BESIDE: &str = "#!/bin/sh\n'''exec' \"$(dirname \"$0\")/python\" \"$0\" \"$@\"\n' '''";
    // What is no text is no script.
    let Ok(text) = fs::read_to_string(script) else { return Ok(()) };
    let Some((first, rest)) = text.split_once('\n') else { return Ok(()) };
    if !first.starts_with("#!") || !first.contains(made_in) {
        return Ok(());
    }
    fs::write(script, format!("{BESIDE}\n{rest}"))
        .map_err(|source| PythonError::File { path: script.to_owned(), source })
}
