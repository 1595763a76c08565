//! The report, in Markdown.

use std::fmt;

use acceptance::benchmark::{Cost, seconds};
use acceptance::cluster_stage::RELEASE;

use crate::create::{ByHands, BySocle};
use crate::preparation::Prepared;

/// All that was measured in one run.
pub(crate) struct Report {
    /// Of one node and of three.
    pub(crate) hand: [ByHands; 2],
    /// The same nodes, in mode `private` without addons.
    pub(crate) socle: [BySocle; 2],
    /// Three nodes in mode `wireguard` without addons.
    pub(crate) mesh: BySocle,
    /// Three nodes with all that is there by default.
    pub(crate) whole: BySocle,
    pub(crate) prepared: Vec<Prepared>,
}

const CREATE: &str = "\
From bare servers until `kubectl wait` says that all nodes are ready; bringing the bundle over SSH and preparing the servers are in both.
By hand is `kubeadm init` and `kubeadm join` after a script that prepares a server; servers are prepared, and workers join, at
once. For the same work, `socle_cluster` is in mode `private` and without addons; what it does beyond kubeadm (firewall, Secrets
encrypted at rest, audit log, a balancer and a timer on the nodes, kubelet certificates that are approved) stays. Its times include
Terraform's own, and a kubeconfig.
";

const PREPARATION: &str = "\
The role `kubernetes_node` with as many forks as servers, and a bundle that lies on each of them already: it compares the
checksums, installs container runtime, kubelet, kubeadm and kubectl, and loads the images. No change is the role again. All
servers are on one machine with two cores, which do the servers' part of the work, too. Logins and commands are counted by the
sshd of each server.
";

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "# Benchmarks of clusters\n\nMade by `make bench`: Kubernetes {RELEASE} on servers of the sandbox, fresh ones for each row, from \
             one bundle, in one run on one machine with two cores.\n\n## Create\n\n{CREATE}"
        )?;
        writeln!(
            out,
            "| nodes | how | time | times by hand | commands over SSH |\n|---:|---|---:|---:|---:|"
        )?;
        for ((nodes, hand), socle) in [1, 3].into_iter().zip(&self.hand).zip(&self.socle) {
            let (all, preparation) = (seconds(hand.all), seconds(hand.preparation));
            writeln!(out, "| {nodes} | by hand, {preparation} of it preparation | {all} | 1 | |")?;
            write_create(out, nodes, "`socle_cluster`, `private`, no addons", socle.create, hand)?;
        }
        write_create(out, 3, "`socle_cluster`, `wireguard`, no addons", self.mesh.create, &self.hand[1])?;
        write_create(out, 3, "`socle_cluster` with its defaults", self.whole.create, &self.hand[1])?;
        writeln!(
            out,
            "\n## Plan and destroy\n\n| nodes | how | plan, no change | destroy |\n|---:|---|---:|---:|"
        )?;
        for (nodes, how, socle) in [
            ("1", "`private`, no addons", &self.socle[0]),
            ("3", "`private`, no addons", &self.socle[1]),
            ("3", "`wireguard`, no addons", &self.mesh),
            ("3", "defaults", &self.whole),
        ] {
            writeln!(out, "| {nodes} | {how} | {} | {} |", seconds(socle.plan), seconds(socle.destroy))?;
        }
        writeln!(
            out,
            "\n## Preparation of many\n\n{PREPARATION}\n| servers | work | time | time a server | logins a server | commands a server |\n\
             |---:|---|---:|---:|---:|---:|"
        )?;
        self.prepared.iter().try_for_each(|prepared| write_prepared(out, prepared))
    }
}

fn write_create(
    out: &mut fmt::Formatter<'_>,
    nodes: usize,
    how: &str,
    cost: Cost,
    hand: &ByHands,
) -> fmt::Result {
    let ratio = cost.time.as_secs_f64() / hand.all.as_secs_f64();
    writeln!(out, "| {nodes} | {how} | {} | {ratio:.2} | {} |", seconds(cost.time), cost.trips.commands)
}

fn write_prepared(out: &mut fmt::Formatter<'_>, prepared: &Prepared) -> fmt::Result {
    let servers = prepared.servers;
    for (work, cost) in [("all", prepared.first), ("no change", prepared.again)] {
        writeln!(out, "| {servers} | {work} | {} |", cost.columns(servers))?;
    }
    Ok(())
}
