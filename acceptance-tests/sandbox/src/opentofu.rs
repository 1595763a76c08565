//! OpenTofu, built from its released Go module.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{fs, io};

use crate::cache::{Cache, CacheError};

/// A module that requires one version of OpenTofu and names its checksums and those of all it depends on.
const WRAPPER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/opentofu");
const MODULE: &str = include_str!("../opentofu/go.mod");
const CHECKSUMS: &str = include_str!("../opentofu/go.sum");
const PACKAGE: &str = "github.com/opentofu/opentofu/cmd/tofu";

/// Why there is no OpenTofu.
#[derive(Debug, thiserror::Error)]
pub enum OpenTofuError {
    /// The cache folder could not be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// Go is missing, or not to be started.
    #[error("cannot run go: {0}; install Go, or set TOFU to an OpenTofu of your own")]
    Go(#[source] io::Error),
    /// The build failed.
    #[error("`go build {PACKAGE}` failed:\n{0}")]
    Build(String),
    /// What the build left over cannot be removed.
    #[error("cannot remove {}: {source}", path.display())]
    Prune {
        /// The folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

/// The version that the wrapper module pins, which takes about a minute to build the first time and comes from the
/// cache from then on.
pub fn built() -> Result<PathBuf, OpenTofuError> {
    Ok(Cache::of_this_user()?.entry("opentofu", &[MODULE, CHECKSUMS], build)?.join("tofu"))
}

/// Builds with module and build caches of its own, which together are fifty times the size of the program.
fn build(folder: &Path) -> Result<(), OpenTofuError> {
    let (modules, objects) = (folder.join("modules"), folder.join("objects"));
    let mut go = Command::new("go");
    go.args(["build", "-trimpath", "-ldflags=-s -w -X github.com/opentofu/opentofu/version.dev=no", "-o"])
        .args([&folder.join("tofu"), Path::new(PACKAGE)])
        .current_dir(WRAPPER)
        .env("CGO_ENABLED", "0")
        .env("GOFLAGS", "-mod=readonly -modcacherw -buildvcs=false")
        .env("GOMODCACHE", &modules)
        .env("GOCACHE", &objects);
    let Output { status, stderr, .. } = go.output().map_err(OpenTofuError::Go)?;
    if !status.success() {
        return Err(OpenTofuError::Build(String::from_utf8_lossy(&stderr).into_owned()));
    }
    [modules, objects].into_iter().try_for_each(|path| {
        fs::remove_dir_all(&path).map_err(|source| OpenTofuError::Prune { path, source })
    })
}
