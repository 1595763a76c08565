//! `sandbox prepare`

use std::net::Ipv4Addr;
use std::process::ExitCode;

use clap::Args;

use crate::cli::bundle::bundles;
use crate::cli::up::{server_materials, vault_programs};
use crate::cli::{Outcome, Site};
use crate::doctor::{Part, examine_part};
use crate::kubernetes::Origin;
use crate::packages::Release;
use crate::server::Podman;
use crate::{ansible, moto};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The servers' release of Debian
    #[arg(long, default_value = "bookworm")]
    debian: Release,
    /// The bundle of this version of Kubernetes, too; may be repeated
    #[arg(long, value_name = "VERSION")]
    kubernetes: Vec<String>,
    /// Vault, too
    #[arg(long)]
    vault: bool,
}

pub(super) fn run(site: &Site, arguments: &Arguments) -> Outcome {
    site.steps.run("moto", |step| {
        let making = || step.doing("installing it");
        moto::command(&site.cache, (Ipv4Addr::LOCALHOST, 0).into(), making)
    })?;
    site.steps.run("Ansible", |step| ansible::folder(&site.cache, || step.doing("installing it")))?;
    if arguments.vault {
        vault_programs(site)?;
    }
    let finding = examine_part(Part::Servers);
    if finding.obstacle.is_some() {
        site.steps.say(&finding.to_string());
        return Ok(ExitCode::SUCCESS);
    }
    let podman = Podman::of(&site.cache)?;
    server_materials(site, &podman, arguments.debian)?;
    if !arguments.kubernetes.is_empty() {
        let versions = arguments.kubernetes.iter().cloned().collect();
        bundles(site, &podman, &versions, arguments.debian, Origin::Modules)?;
    }
    podman.settle()?;
    Ok(ExitCode::SUCCESS)
}
