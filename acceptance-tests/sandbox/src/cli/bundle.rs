//! `sandbox bundle`

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::cli::up::server_packages;
use crate::cli::{Failure, Outcome, Site};
use crate::doctor::{Part, examine_part, remedy};
use crate::kubernetes::{Origin, RELEASES, Release, UnknownVersion, Workshop};
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
    /// Take programs and images from the official releases, verified by the checksums that they publish, instead of
    /// building them
    #[arg(long)]
    download: bool,
}

pub(super) fn run(site: &Site, arguments: &Arguments) -> Outcome {
    let all = || RELEASES.iter().map(|release| release.version.to_owned()).collect();
    let versions =
        if arguments.versions.is_empty() { all() } else { arguments.versions.iter().cloned().collect() };
    let finding = examine_part(Part::Servers);
    if finding.obstacle.is_some() || !finding.lacking.is_empty() {
        let remedy = remedy(std::slice::from_ref(&finding)).unwrap_or_default();
        return Err(format!("bundles are made where servers can run; {finding}\n{remedy}").trim().into());
    }
    let origin = if arguments.download { Origin::Releases } else { Origin::Modules };
    let podman = Podman::of(&site.cache)?;
    println!("{}", bundles(site, &podman, &versions, arguments.debian, origin)?.display());
    podman.settle()?;
    Ok(ExitCode::SUCCESS)
}

/// The folder of the bundles of these versions: made, or there already.
pub(super) fn bundles(
    site: &Site,
    podman: &Podman,
    versions: &BTreeSet<String>,
    debian: Debian,
    origin: Origin,
) -> Result<PathBuf, Failure> {
    let releases: Vec<&'static Release> =
        versions.iter().map(|version| Release::of(version)).collect::<Result<_, UnknownVersion>>()?;
    let repository = server_packages(site, debian)?;
    let Site { cache, steps, .. } = site;
    Ok(Workshop { origin, podman, cache, repository: &repository, debian, steps }.bundles(&releases)?)
}
