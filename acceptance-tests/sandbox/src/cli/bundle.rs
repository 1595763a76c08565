//! `sandbox bundle`

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::cli::up::server_materials;
use crate::cli::{Failure, Outcome, Site};
use crate::kubernetes::{RELEASES, Release, UnknownVersion, Workshop};
use crate::packages::Release as Debian;
use crate::server::Podman;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The versions of Kubernetes, as in `1.37.2` [default: all that can be built]
    #[arg(value_name = "VERSION")]
    versions: Vec<String>,
    /// The release of Debian whose packages go into them
    #[arg(long, default_value = "bookworm")]
    debian: Debian,
}

pub(super) fn run(site: &Site, arguments: &Arguments) -> Outcome {
    let all = || RELEASES.iter().map(|release| release.version.to_owned()).collect();
    let versions =
        if arguments.versions.is_empty() { all() } else { arguments.versions.iter().cloned().collect() };
    let podman = Podman::of(&site.cache)?;
    let (repository, _) = server_materials(site, &podman, arguments.debian)?;
    podman.settle()?;
    println!("{}", bundles(site, &versions, &repository, arguments.debian)?.display());
    Ok(ExitCode::SUCCESS)
}

/// The folder of the bundles of these versions: built, or there already.
pub(super) fn bundles(
    site: &Site,
    versions: &BTreeSet<String>,
    repository: &Path,
    debian: Debian,
) -> Result<PathBuf, Failure> {
    let releases: Vec<&'static Release> =
        versions.iter().map(|version| Release::of(version)).collect::<Result<_, UnknownVersion>>()?;
    Ok(Workshop { cache: &site.cache, repository, debian, steps: &site.steps }.bundles(&releases)?)
}
