//! `sandbox prepare`

use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::thread::{self, ScopedJoinHandle};

use clap::Args;

use crate::cli::bundle::bundles;
use crate::cli::up::{known_version, server_materials, vault_programs};
use crate::cli::{Failure, Outcome, Site};
use crate::doctor::{Part, examine_part};
use crate::kubernetes::Origin;
use crate::packages::Release;
use crate::server::Podman;
use crate::{ansible, moto, opentofu};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The servers' release of Debian
    #[arg(long, default_value = "bookworm")]
    debian: Release,
    /// The bundle of this version of Kubernetes, too; may be repeated
    #[arg(long, value_name = "VERSION", value_parser = known_version)]
    kubernetes: Vec<String>,
    /// Vault, too
    #[arg(long)]
    vault: bool,
    /// OpenTofu, too
    #[arg(long)]
    opentofu: bool,
}

/// Side by side, for one build alone seldom has work for every core.
pub(super) fn run(site: &Site, arguments: &Arguments) -> Outcome {
    thread::scope(|scope| {
        let parts: [ScopedJoinHandle<Result<(), Failure>>; 3] = [
            scope.spawn(|| python_environments(site)),
            scope.spawn(|| programs(site, arguments)),
            scope.spawn(|| servers(site, arguments)),
        ];
        parts.into_iter().try_for_each(|part| part.join().map_err(|_| "a part of it crashed")?)
    })?;
    Ok(ExitCode::SUCCESS)
}

fn python_environments(site: &Site) -> Result<(), Failure> {
    site.steps.run("moto", |step| {
        let making = || step.doing("installing it");
        moto::command(&site.cache, (Ipv4Addr::LOCALHOST, 0).into(), making)
    })?;
    site.steps.run("Ansible", |step| ansible::folder(&site.cache, || step.doing("installing it")))?;
    Ok(())
}

fn programs(site: &Site, arguments: &Arguments) -> Result<(), Failure> {
    if arguments.vault {
        vault_programs(site)?;
    }
    if arguments.opentofu {
        site.steps.run("OpenTofu", |step| opentofu::ensured(&site.cache, || step.doing("building it")))?;
    }
    Ok(())
}

fn servers(site: &Site, arguments: &Arguments) -> Result<(), Failure> {
    let finding = examine_part(Part::Servers);
    if finding.obstacle.is_some() {
        site.steps.say(&finding.to_string());
        return Ok(());
    }
    let podman = Podman::of(&site.cache)?;
    server_materials(site, &podman, arguments.debian)?;
    if !arguments.kubernetes.is_empty() {
        let versions = arguments.kubernetes.iter().cloned().collect();
        bundles(site, &podman, &versions, arguments.debian, Origin::Modules)?;
    }
    Ok(podman.settle()?)
}
