//! `sandbox down`

use std::process::ExitCode;

use crate::cli::{Failure, Outcome, Site};
use crate::machine::{self, obstacle_to_servers};
use crate::server::{Lan, Podman, Server, ServerError};
use crate::state::{Claim, Record};
use crate::vault::Vault;
use crate::{aws, packages};

/// Goes on where an interrupted `down` ended: the record goes after all that it stands for, and what concerns the whole
/// machine is looked at even when there is no record.
pub(super) fn run(site: &Site) -> Outcome {
    let claim = site.claim()?;
    let record = site.sandbox.record()?;
    let servers = record.as_ref().is_some_and(|record| record.wanted.servers > 0);
    match obstacle_to_servers() {
        None => servers_down(site, &claim, record.as_ref())?,
        Some(obstacle) if servers => return Err(format!("cannot take the servers down: {obstacle}").into()),
        Some(_) => {}
    }
    aws::down(&site.sandbox)?;
    Vault::of(&site.sandbox).down()?;
    claim.forget()?;
    if obstacle_to_servers().is_none() {
        machine::put_back(&site.cache)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn servers_down(site: &Site, claim: &Claim, record: Option<&Record>) -> Result<(), Failure> {
    if !site.cache.root().join("podman").exists() {
        return Ok(());
    }
    let podman = Podman::of(&site.cache)?;
    if let Some(Record { slot, wanted }) = record.filter(|record| record.wanted.servers > 0) {
        site.steps.run("servers down", |step| {
            step.doing("removing them");
            let mut servers = Server::all(&site.sandbox, *slot, wanted.servers).into_iter();
            servers.try_for_each(|server| server.remove(claim, &podman))
        })?;
        packages::service::server(&site.sandbox).end()?;
        Lan::new(claim, *slot).down()?;
    }
    Ok::<_, ServerError>(podman.settle()?).map_err(Failure::from)
}
