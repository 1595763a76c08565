//! Bare servers become ready for kubeadm, many at once, by the role `kubernetes_node`.

use acceptance::ansible::Ansible;
use acceptance::benchmark::{Cost, Result, at_once, cost, host_programs};
use acceptance::by_hand::ByHand;
use acceptance::cluster_stage::RELEASE;
use sandbox::kubernetes::nesting;
use serde_json::json;

use crate::fresh;

/// What was measured of so many servers at once.
pub(crate) struct Prepared {
    pub(crate) servers: usize,
    /// With all to do, from a bundle that is there.
    pub(crate) first: Cost,
    /// With nothing to do.
    pub(crate) again: Cost,
}

/// Where the bundle is on a server, once it was brought.
const PLACE: &str = "/root/bundles";

pub(crate) fn prepare(count: usize) -> Result<Prepared> {
    let (servers, names) = fresh(count)?;
    eprintln!("preparing {count} servers");
    let nodes =
        (1..=count).map(|number| servers.server(number)).collect::<std::result::Result<Vec<_>, _>>()?;
    let hand = ByHand::on(&servers, RELEASE)?;
    at_once(&nodes, |node| hand.bring(node, RELEASE))?;
    let ansible = Ansible::on(&servers)?
        .with("SOCLE_HOST_PROGRAMS", &host_programs()?)
        .with("ANSIBLE_FORKS", &count.to_string());
    let variables = json!({
        "kubernetes_node_version": RELEASE,
        "kubernetes_node_bundle": format!("{}/{RELEASE}", servers.variable("TF_VAR_bundles")?),
        "kubernetes_node_bundle_folder": format!("{PLACE}/{RELEASE}"),
        "kubernetes_node_runtime_extra_config": nesting::arguments()["container_runtime"],
    });
    let play = format!(
        "- hosts: servers\n  gather_facts: false\n  roles:\n    - role: socle.platform.kubernetes_node\n      vars: {variables}\n"
    );
    let file = ansible.write("prepare.yml", &play)?;
    let played = || {
        cost(&servers, &names, || {
            let run = ansible.playbook([&file])?;
            if run.succeeded { Ok(()) } else { Err::<(), Box<dyn std::error::Error>>(run.said.into()) }
        })
    };
    Ok(Prepared { servers: count, first: played()?, again: played()? })
}
