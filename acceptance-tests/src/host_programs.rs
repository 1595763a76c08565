//! The programs that run on hosts, as the provider and the collection look for them.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::{env, fs, io};

use tempfile::TempDir;

use crate::artifacts::{Artifacts, ArtifactsError};

/// The programs of this workspace that run on hosts. Programs of modules are named by their files.
const PROGRAMS: [&str; 2] = ["socle-node", "socle-backup"];
const MODULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../ansible-modules/modules/src/bin");

/// A folder with a subfolder an architecture, as `$SOCLE_HOST_PROGRAMS` names it: what this workspace builds for this
/// machine, in the profile of the running test. The servers of the sandbox are of the same kind, so programs that are
/// linked dynamically run there, too.
#[derive(Debug)]
pub struct HostPrograms {
    folder: TempDir,
}

/// Why there are no programs.
#[derive(Debug, thiserror::Error)]
pub enum HostProgramsError {
    /// They do not build.
    #[error(transparent)]
    Artifacts(#[from] ArtifactsError),
    /// The folder cannot be made.
    #[error("cannot lay out the programs of hosts: {0}")]
    LayOut(#[from] io::Error),
}

impl HostPrograms {
    /// The programs that cargo builds from this workspace, once per process.
    pub fn built() -> Result<&'static Self, &'static HostProgramsError> {
        static BUILT: OnceLock<Result<HostPrograms, HostProgramsError>> = OnceLock::new();
        BUILT.get_or_init(Self::build).as_ref()
    }

    /// The folder that `$SOCLE_HOST_PROGRAMS` names.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A program of this machine's architecture.
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder().join(env::consts::ARCH).join(name)
    }

    fn build() -> Result<Self, HostProgramsError> {
        let artifacts = Artifacts::built()?;
        let folder = tempfile::Builder::new().prefix("socle-host-programs-").tempdir()?;
        let place = folder.path().join(env::consts::ARCH);
        fs::create_dir(&place)?;
        for name in names()? {
            symlink(artifacts.program(&name)?, place.join(&name))?;
        }
        Ok(Self { folder })
    }
}

fn names() -> io::Result<Vec<String>> {
    let mut names = PROGRAMS.map(str::to_owned).to_vec();
    for file in fs::read_dir(MODULES)? {
        let file = file?.path();
        names.extend(file.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    Ok(names)
}
