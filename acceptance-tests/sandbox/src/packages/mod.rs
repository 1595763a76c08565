//! A small apt repository for servers that have no way out.
//!
//! It holds a list of packages with all that they depend on, down to libc: apt on a server is content with it alone,
//! and `debootstrap` can make a server's root from it, which then fits it to the version. It is downloaded once,
//! by the machine's own apt from the machine's own sources, and verified by Debian's key; servers trust it because it
//! is the sandbox's (`[trusted=yes]`). To have newer packages, remove its entry from the cache.

mod apt_root;
mod archive;
pub mod file_server;
mod list;
pub mod service;

use std::env;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::cache::{Cache, CacheError};
use crate::command::{CommandError, run};
use apt_root::AptRoot;

pub(crate) use archive::KEYRING;

/// A mirror of Debian, for machines whose own apt knows none.
const MIRROR: &str = "SOCLE_DEBIAN_MIRROR";

/// A release of Debian. Default: Debian 12.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Release {
    /// Debian 12.
    #[default]
    Bookworm,
    /// Debian 13.
    Trixie,
}

/// Why there is no repository.
#[derive(Debug, thiserror::Error)]
pub enum PackagesError {
    /// The cache folder could not be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// apt does not know where Debian's packages are.
    #[error(
        "apt on this machine knows no archive of Debian: on Debian run `apt-get update`; \
         elsewhere set {MIRROR} to the address of a mirror"
    )]
    NoArchive,
    /// apt did not do its work.
    #[error(transparent)]
    Apt(#[from] CommandError),
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

impl Release {
    /// Its name in sources and mirrors.
    pub fn code_name(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
        }
    }
}

/// The repository's folder (`dists` and `pool`): downloaded the first time, from the cache from then on. As
/// `file://FOLDER` it is a mirror for `debootstrap --no-check-gpg`.
pub fn built(cache: &Cache, release: Release) -> Result<PathBuf, PackagesError> {
    ensured(cache, release, || ())
}

/// As [`built`]; calls `downloading` before it downloads anything.
pub fn ensured(
    cache: &Cache,
    release: Release,
    downloading: impl FnOnce(),
) -> Result<PathBuf, PackagesError> {
    let architecture = run(Command::new("dpkg").arg("--print-architecture"))?;
    let sources = sources_of(release)?;
    let wanted = [list::TOGETHER, &["/"], list::APART].concat().join(" ");
    cache.entry("packages", &[&wanted, &sources.join("\n"), &architecture], |folder| {
        downloading();
        build(folder, release, &sources, architecture.trim())
    })
}

/// The line for a server's `/etc/apt/sources.list`, when the folder is served at `address`.
pub fn source_line(release: Release, address: SocketAddr) -> String {
    format!("deb [trusted=yes] http://{address} {} main", release.code_name())
}

fn sources_of(release: Release) -> Result<Vec<String>, PackagesError> {
    if let Some(mirror) = env::var(MIRROR).ok().filter(|mirror| !mirror.is_empty()) {
        return Ok(archive::sources_on_mirror(release, &mirror));
    }
    let indexes = run(Command::new("apt-get").args([
        "indextargets",
        "--format",
        archive::FORMAT,
        "Created-By: Packages",
    ]))?;
    let sources = archive::sources_of(release, &indexes);
    if sources.is_empty() { Err(PackagesError::NoArchive) } else { Ok(sources) }
}

fn build(
    folder: &Path,
    release: Release,
    sources: &[String],
    architecture: &str,
) -> Result<(), PackagesError> {
    let root = folder.join(".apt");
    download(&AptRoot::make(&root, sources)?, &folder.join("pool"))?;
    index(folder, release, architecture)?;
    fs::remove_dir_all(&root).map_err(PackagesError::at("remove", &root))
}

fn download(apt: &AptRoot, pool: &Path) -> Result<(), PackagesError> {
    let partial = pool.join("partial");
    fs::create_dir_all(&partial).map_err(PackagesError::at("make the folder", &partial))?;
    let into_pool = format!("Dir::Cache::archives={}", pool.display());
    for packages in [list::TOGETHER, list::APART] {
        apt.get(&[&["install", "--download-only", "-o", &into_pool], packages].concat())?;
    }
    fs::remove_dir_all(&partial).map_err(PackagesError::at("remove", &partial))
}

/// Writes `dists/RELEASE`, by whose checksums apt and `debootstrap` find what is in `pool`.
fn index(folder: &Path, release: Release, architecture: &str) -> Result<(), PackagesError> {
    let dist = Path::new("dists").join(release.code_name());
    let binary = dist.join(format!("main/binary-{architecture}"));
    let path = folder.join(&binary);
    fs::create_dir_all(&path).map_err(PackagesError::at("make the folder", &path))?;
    let packages = run(Command::new("apt-ftparchive").args(["packages", "pool"]).current_dir(folder))?;
    write(&folder.join(binary).join("Packages"), &packages)?;
    let mut command = Command::new("apt-ftparchive");
    for (field, value) in [
        ("Codename", release.code_name()),
        ("Suite", release.code_name()),
        ("Components", "main"),
        ("Architectures", architecture),
    ] {
        command.args(["-o".to_owned(), format!("APT::FTPArchive::Release::{field}={value}")]);
    }
    let dist = folder.join(dist);
    let summary = run(command.arg("release").arg(&dist))?;
    write(&dist.join("Release"), &summary)
}

fn write(path: &Path, text: &str) -> Result<(), PackagesError> {
    fs::write(path, text).map_err(PackagesError::at("write", path))
}

impl PackagesError {
    fn at(step: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { step, path: path.to_owned(), source }
    }
}

#[cfg(test)]
mod tests;
