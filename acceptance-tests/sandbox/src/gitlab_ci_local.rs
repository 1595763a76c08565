//! gitlab-ci-local: runs the jobs of a `.gitlab-ci.yml` on this machine, from its pinned npm package.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache::{Cache, CacheError};
use crate::command::{CommandError, run};

/// What is installed.
const PACKAGE: &str = include_str!("../gitlab-ci-local/package.json");
/// The version and the checksum of it and of all it depends on. The newest that runs on Debian 12's Node.js.
const LOCK: &str = include_str!("../gitlab-ci-local/package-lock.json");

/// Why there is no gitlab-ci-local.
#[derive(Debug, thiserror::Error)]
pub enum GitlabCiLocalError {
    /// The cache folder could not be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// npm is missing, or did not install it.
    #[error("{0}\ngitlab-ci-local needs Node.js 18 or newer with npm, and rsync (Debian: nodejs npm rsync)")]
    Install(#[from] CommandError),
    /// A file of the package could not be written.
    #[error("cannot write {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

/// The command without arguments. It is installed on first use, before which `installing` is called.
pub fn command(cache: &Cache, installing: impl FnOnce()) -> Result<Command, GitlabCiLocalError> {
    let folder = cache.entry("gitlab-ci-local", &[PACKAGE, LOCK], |folder| {
        installing();
        install(folder)
    })?;
    let mut node = Command::new("node");
    node.arg(folder.join("node_modules/gitlab-ci-local/src/index.js"));
    Ok(node)
}

fn install(folder: &Path) -> Result<(), GitlabCiLocalError> {
    for (name, text) in [("package.json", PACKAGE), ("package-lock.json", LOCK)] {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|source| GitlabCiLocalError::File { path, source })?;
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]).current_dir(folder);
    run(&mut npm)?;
    Ok(())
}
