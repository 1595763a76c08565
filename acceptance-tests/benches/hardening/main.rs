//! Hardening by this project beside dev-sec's roles: the real Ansible over SSH, each on a fresh server of one sandbox, in one run;
//! and twenty servers at once. Prints a report in Markdown, and writes it to the file that the first argument names.
//!
//! `SOCLE_PEER_COLLECTIONS` names a folder of installed collections, as Ansible's `COLLECTIONS_PATH` does, with
//! `devsec.hardening` and what it depends on: `ansible.posix`, `community.crypto`, `community.general`. Without it, ours is measured alone.

mod alone;
mod fleet;
mod report;

use acceptance::ansible::{Ansible, Recap};
use acceptance::benchmark::{Cost, Result, cost, host_programs, on_all, publish, watch, why_no_servers};
use acceptance::peer::dev_sec;
use acceptance::servers::Servers;

use report::Report;

/// What both are given.
const PROFILE: &str = "baseline";
/// Who owns the hardening that the role brings about.
const OWNER: &str = "role socle.platform.hardening";
/// How often what is short is measured; the median counts.
const RUNS: usize = 3;

/// What either of the two would install, and what Ansible's own modules need on a host. What apt takes is Debian's.
const PREPARE: &str = "export DEBIAN_FRONTEND=noninteractive; apt-get update --quiet=2; apt-get install --quiet=2 --yes \
                       --no-install-recommends python3 python3-apt auditd chrony cron libpam-pwquality rsyslog \
                       unattended-upgrades lynis >/dev/null";

fn main() -> Result {
    if let Some(reason) = why_no_servers() {
        eprintln!("the benchmark of hardening is left out: {reason}");
        return Ok(());
    }
    let peer = dev_sec();
    if peer.is_none() {
        eprintln!(
            "devsec.hardening is not here: set SOCLE_PEER_COLLECTIONS to a folder of collections that has it"
        );
    }
    let report = Report {
        alone: alone::measure(peer.as_ref())?,
        by_ansible: fleet::by_ansible()?,
        by_terraform: fleet::by_terraform()?,
        peer,
    };
    Ok(publish(&report.to_string())?)
}

/// A sandbox of that many servers, on which nothing is to be installed any more.
fn prepared(purpose: &str, names: &[String]) -> Result<Servers> {
    eprintln!("{purpose}: servers");
    let servers = Servers::up(purpose, &["--servers", &names.len().to_string()])?;
    on_all(&servers, names, PREPARE)?;
    watch(&servers, names)?;
    Ok(servers)
}

/// Ansible with this project's collection and the programs as they are published.
fn ansible(servers: &Servers) -> Result<Ansible> {
    Ok(Ansible::on(servers)?.with("SOCLE_HOST_PROGRAMS", &host_programs()?))
}

/// Our role on these hosts.
fn our_play(hosts: &str) -> String {
    format!(
        "- hosts: {hosts}\n  gather_facts: false\n  roles:\n    - role: socle.platform.hardening\n      vars:\n        \
         hardening_profile: {PROFILE}\n"
    )
}

/// Plays it, and tells what that cost, and how it went for the first of the servers.
fn played(servers: &Servers, names: &[String], ansible: &Ansible, play: &str) -> Result<(Cost, Recap)> {
    let file = ansible.write("play.yml", play)?;
    let mut run = None;
    let cost = cost(servers, names, || -> Result {
        run = Some(ansible.playbook([&file])?);
        Ok(())
    })?;
    let run = run.ok_or("Ansible did not run")?;
    match run.recap(&names[0]) {
        Some(recap) if run.succeeded && recap.bad == 0 => Ok((cost, recap)),
        _ => Err(run.said.into()),
    }
}
