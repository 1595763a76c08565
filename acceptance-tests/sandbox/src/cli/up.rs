//! `sandbox up`

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use clap::Args;

use crate::access::{Access, Host};
use crate::address::MOST_SERVERS;
use crate::aws;
use crate::cli::bundle::bundles;
use crate::cli::{Failure, Outcome, Site};
use crate::doctor::{Part, examine_part, remedy};
use crate::kubernetes::{Origin, Release, UnknownVersion};
use crate::machine;
use crate::packages::{self, PackagesError, Release as Debian};
use crate::server::{Blueprint, Lan, Podman, Server, ServerError, ensured_image, routes_of_the_machine};
use crate::state::{Claim, Record, Wanted};
use crate::status::Status;
use crate::vault::{self, Vault, VaultError};

/// What a new sandbox has when nothing is asked for.
const DEFAULT: Wanted =
    Wanted { servers: 3, debian: Debian::Bookworm, aws: true, vault: false, kubernetes: BTreeSet::new() };

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Have at least this many servers [default for a new sandbox, when nothing is asked for: 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=i64::from(MOST_SERVERS)))]
    servers: Option<u8>,
    /// The servers' release of Debian
    #[arg(long, default_value = "bookworm")]
    debian: Debian,
    /// Have an AWS [default for a new sandbox, when nothing is asked for]
    #[arg(long)]
    aws: bool,
    /// Have a Vault, which takes minutes to build the first time
    #[arg(long)]
    vault: bool,
    /// Have the bundle of this version of Kubernetes at hand, which takes minutes to build the first time; may be
    /// repeated
    #[arg(long, value_name = "VERSION", value_parser = known_version)]
    kubernetes: Vec<String>,
}

/// A version that is written down would be asked for at every `up`, so it must be one that there is.
pub(super) fn known_version(text: &str) -> Result<String, UnknownVersion> {
    Release::of(text).map(|release| release.version.to_owned())
}

pub(super) fn run(site: &Site, arguments: &Arguments) -> Outcome {
    let claim = site.claim()?;
    let before = site.sandbox.record()?;
    let wanted = possible(site, wanted(arguments, before.as_ref()))?;
    let record = claim.write_down(&wanted, &routes_of_the_machine())?;
    if record.wanted.servers > 0 {
        servers_up(site, &claim, &record)?;
    }
    if !record.wanted.kubernetes.is_empty() {
        kubernetes_up(site, &record)?;
    }
    if record.wanted.aws {
        let servers_reach = (record.wanted.servers > 0).then(|| record.slot.machine());
        site.steps.run("aws", |step| aws::up(&claim, servers_reach, step))?;
    }
    if record.wanted.vault {
        vault_up(site, &claim, &record)?;
    }
    if let Some(status) = Status::of(&site.sandbox)? {
        print!("{status}");
    }
    Ok(ExitCode::SUCCESS)
}

/// What is asked for; when nothing is, the sandbox as it was, or a new one of the usual kind.
fn wanted(arguments: &Arguments, before: Option<&Record>) -> Wanted {
    let Arguments { servers, debian, aws, vault, .. } = *arguments;
    let kubernetes: BTreeSet<_> = arguments.kubernetes.iter().cloned().collect();
    match (servers, aws || vault || !kubernetes.is_empty(), before) {
        (None, false, Some(record)) => record.wanted.clone(),
        (None, false, None) => Wanted { debian, ..DEFAULT },
        _ => Wanted { servers: servers.unwrap_or(0), debian, aws, vault, kubernetes },
    }
}

/// Leaves out what cannot be had on this machine, and says so; what only lacks a package is an error.
fn possible(site: &Site, wanted: Wanted) -> Result<Wanted, Failure> {
    // Bundles are made of the packages that servers install, and by the same programs.
    let servers = wanted.servers > 0 || !wanted.kubernetes.is_empty();
    let parts = [(Part::Servers, servers), (Part::Aws, wanted.aws), (Part::Vault, wanted.vault)];
    let findings = parts.into_iter().filter(|(_, wanted)| *wanted).map(|(part, _)| examine_part(part));
    let findings: Vec<_> = findings.collect();
    if let Some(remedy) = remedy(&findings) {
        let lacking: Vec<_> = findings.iter().map(ToString::to_string).collect();
        return Err(format!("{}\n{remedy}", lacking.join("\n")).into());
    }
    if let Some(left_out) = findings.iter().find(|finding| finding.obstacle.is_some()) {
        site.steps.say(&left_out.to_string());
        return Ok(Wanted { servers: 0, kubernetes: BTreeSet::new(), ..wanted });
    }
    Ok(wanted)
}

fn servers_up(site: &Site, claim: &Claim, record: &Record) -> Result<(), Failure> {
    let podman = Podman::of(&site.cache)?;
    let machine = record.slot.machine();
    let (repository, image) = server_materials(site, &podman, record.wanted.debian)?;
    machine::allow_many_watchers(&site.cache)?;
    site.steps.run("network", |_| Lan::new(claim, record.slot).up())?;
    site.steps.run("package service", |step| packages::service::up(claim, &repository, machine, step))?;
    let access = Access::to(&site.sandbox);
    let admin = access.admin_key();
    admin.ensure(claim, &format!("sandbox {}", site.sandbox.name()))?;
    let packages = packages::source_line(record.wanted.debian, packages::service::address(machine));
    let blueprint = Blueprint { image, packages, admin_key: admin.public()? };
    let servers = Server::all(&site.sandbox, record.slot, record.wanted.servers);
    side_by_side(&servers, |server| {
        site.steps.run(&server.name(), |step| server.up(claim, &podman, &blueprint, step))
    })?;
    let hosts: Vec<Host> = servers.iter().map(Host::of).collect::<Result<_, _>>()?;
    Ok(access.write(&hosts)?)
}

/// Makes the bundles, and writes down where they are.
fn kubernetes_up(site: &Site, record: &Record) -> Result<(), Failure> {
    let Record { wanted, .. } = record;
    let podman = Podman::of(&site.cache)?;
    let folder = bundles(site, &podman, &wanted.kubernetes, wanted.debian, Origin::Modules)?;
    Ok(Access::to(&site.sandbox).write_bundles(&folder)?)
}

/// Where the servers reach it, when there are some, else on loopback.
fn vault_up(site: &Site, claim: &Claim, record: &Record) -> Result<(), Failure> {
    let address = if record.wanted.servers > 0 { record.slot.machine() } else { Ipv4Addr::LOCALHOST };
    let programs = vault_programs(site)?;
    site.steps.run("vault", |step| {
        let vault = Vault::of(&site.sandbox);
        if !vault.runs() {
            step.doing("starting Vault");
        }
        Ok(vault.up(claim, &programs, address.into())?)
    })
}

/// The folder of Vault's programs: built, or there already.
pub(super) fn vault_programs(site: &Site) -> Result<PathBuf, VaultError> {
    site.steps.run("vault's programs", |step| vault::programs(&site.cache, || step.doing("building Vault")))
}

/// The folder of the package repository and the name of the image: made, or there already.
pub(super) fn server_materials(
    site: &Site,
    podman: &Podman,
    release: Debian,
) -> Result<(PathBuf, String), ServerError> {
    let repository = server_packages(site, release)?;
    let image = ensured_image(&site.cache, podman, release, &repository, &site.steps)?;
    Ok((repository, image))
}

/// The folder of the package repository: made, or there already.
pub(super) fn server_packages(site: &Site, release: Debian) -> Result<PathBuf, PackagesError> {
    site.steps.run("packages", |step| {
        packages::ensured(&site.cache, release, || step.doing("downloading what servers can install"))
    })
}

/// Does `work` for all servers at once, to its end for each; returns the first failure.
fn side_by_side(
    servers: &[Server],
    work: impl Fn(&Server) -> Result<(), ServerError> + Sync,
) -> Result<(), ServerError> {
    let work = &work;
    let results: Vec<_> = thread::scope(|scope| {
        let running: Vec<_> = servers.iter().map(|server| scope.spawn(move || work(server))).collect();
        running.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    results.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(servers: Option<u8>, aws: bool) -> Arguments {
        Arguments { servers, debian: Debian::Bookworm, aws, vault: false, kubernetes: Vec::new() }
    }

    #[test]
    fn a_new_sandbox_has_servers_and_an_aws_unless_less_is_asked_for() {
        assert_eq!(wanted(&asked(None, false), None), DEFAULT);
        let servers = wanted(&asked(Some(2), false), None);
        assert_eq!(servers, Wanted { servers: 2, aws: false, ..DEFAULT });
        assert_eq!(wanted(&asked(None, true), None), Wanted { servers: 0, ..DEFAULT });
        let vault = Arguments { vault: true, ..asked(None, false) };
        assert_eq!(wanted(&vault, None), Wanted { servers: 0, aws: false, vault: true, ..DEFAULT });
    }

    #[test]
    fn an_old_sandbox_comes_back_as_it_was() {
        let slot = serde_json::from_str("0").unwrap();
        let record = Record { slot, wanted: Wanted { servers: 5, aws: false, ..DEFAULT } };
        assert_eq!(wanted(&asked(None, false), Some(&record)), record.wanted);
    }
}
