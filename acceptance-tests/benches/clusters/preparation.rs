//! Bare servers become ready for kubeadm, many at once, by the role `kubernetes_node`.

use acceptance::ansible::Ansible;
use acceptance::benchmark::{Cost, Result, cost, host_programs, on_all};
use acceptance::cluster_stage::RELEASE;
use sandbox::kubernetes::nesting;
use serde_json::json;

use crate::fresh;

/// What was measured of so many servers at once.
pub(crate) struct Prepared {
    pub(crate) servers: usize,
    /// With all to do, the bundle to be brought among it.
    pub(crate) first: Cost,
    /// With nothing to do.
    pub(crate) again: Cost,
}

/// Ansible's own modules, which copy the bundle, need it on the host.
const PYTHON: &str =
    "apt-get update --quiet=2; apt-get install --quiet=2 --yes --no-install-recommends python3 >/dev/null";

pub(crate) fn prepare(count: usize) -> Result<Prepared> {
    let (servers, names) = fresh(count)?;
    on_all(&servers, &names, PYTHON)?;
    eprintln!("preparing {count} servers");
    let ansible = Ansible::on(&servers)?
        .with("SOCLE_HOST_PROGRAMS", &host_programs()?)
        .with("ANSIBLE_FORKS", &count.to_string());
    let variables = json!({
        "kubernetes_node_version": RELEASE,
        "kubernetes_node_bundle": format!("{}/{RELEASE}", servers.variable("TF_VAR_bundles")?),
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
