//! What a node's components run by, as it was when they last started.

use std::collections::BTreeSet;

use host::Host;
use node::observation::Area;
use node::render::{Place, kubeadm};
use node::specification::Role;

use crate::failure::Failure;
use crate::files::{self, Readers};
use crate::prepare;

const FOLDER: &str = "/var/lib/socle/cluster/applied";
const KUBELET: &str = "kubelet.json";
/// Not there where another prepared the host: the runtime is his.
const RUNTIME: &str = "container-runtime.json";
const CONTROL_PLANE: &str = "control-plane.json";
/// The settings of nothing that runs.
const UNKNOWN: &str = "unknown\n";

/// What runs by other settings than it should.
pub(crate) fn differs(place: &Place<'_>) -> Result<BTreeSet<Area>, Failure> {
    differing(FOLDER, place)
}

/// The same, before settings are tried that may not work: from here until they are [recorded](record), nothing is said to
/// run by any. So another value is a change, and the same one is not taken for done.
pub(crate) fn begin(place: &Place<'_>) -> Result<BTreeSet<Area>, Failure> {
    begin_in(FOLDER, place)
}

fn begin_in(folder: &str, place: &Place<'_>) -> Result<BTreeSet<Area>, Failure> {
    let areas = differing(folder, place)?;
    if !areas.is_empty() {
        for name in [KUBELET, RUNTIME, CONTROL_PLANE] {
            let path = format!("{folder}/{name}");
            if files::read(&path)?.is_some() {
                files::write(&path, UNKNOWN, Readers::Root)?;
            }
        }
    }
    Ok(areas)
}

fn differing(folder: &str, place: &Place<'_>) -> Result<BTreeSet<Area>, Failure> {
    let recorded = |name: &str| files::read(&format!("{folder}/{name}"));
    let (kubelet, control_plane) = kubeadm::settings(place);
    let mut areas = BTreeSet::new();
    if recorded(KUBELET)? != Some(kubelet) {
        areas.insert(Area::Kubelet);
    }
    if place.node.role == Role::ControlPlane && recorded(CONTROL_PLANE)? != Some(control_plane) {
        areas.insert(Area::ControlPlane);
    }
    if recorded(RUNTIME)?.is_some_and(|found| found != runtime(place)) {
        areas.insert(Area::Runtime);
    }
    Ok(areas)
}

fn runtime(place: &Place<'_>) -> String {
    serde_json::to_string(&place.cluster.settings.container_runtime).unwrap_or_default()
}

/// Remembers that they run by what is wanted.
pub(crate) fn record(place: &Place<'_>) -> Result<(), Failure> {
    record_in(FOLDER, place, prepare::is_ours(&Host::this()))
}

fn record_in(folder: &str, place: &Place<'_>, runtime_is_ours: bool) -> Result<(), Failure> {
    let write = |name: &str, text: &str| files::write(&format!("{folder}/{name}"), text, Readers::Root);
    let (kubelet, control_plane) = kubeadm::settings(place);
    write(KUBELET, &kubelet)?;
    if runtime_is_ours {
        write(RUNTIME, &runtime(place))?;
    }
    if place.node.role == Role::ControlPlane {
        write(CONTROL_PLANE, &control_plane)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use node::journal::{Journal, State, member};
    use node::specification::Cluster;
    use serde_json::json;

    use super::*;

    fn cluster(event_ttl: &str) -> Cluster {
        serde_json::from_value(json!({
            "name": "prod", "kubernetes_version": "1.37.2", "endpoint": null,
            "nodes": { "cp-1": { "role": "control-plane", "address": "203.0.113.11" } },
            "network": {
                "mode": "wireguard", "pods": "routed", "pod_cidr": "10.244.0.0/16",
                "service_cidr": "10.96.0.0/12", "mesh_cidr": "10.220.0.0/16",
            },
            "settings": { "api_server": { "event-ttl": event_ttl } },
        }))
        .unwrap()
    }

    fn journal(cluster: &Cluster) -> Journal {
        Journal {
            cluster_id: "c1".into(),
            owner: "terraform".into(),
            fixed: cluster.fixed(),
            state: State::Complete,
            generation: 1,
            node: "cp-1".into(),
            members: [("cp-1".into(), member(cluster, "cp-1", 0, "id".into()).unwrap())].into(),
        }
    }

    #[test]
    fn what_was_tried_and_never_ran_is_neither_the_old_nor_the_new() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().to_str().unwrap();
        let (old, new) = (cluster("1h"), cluster("no duration"));
        let (journal, other) = (journal(&old), journal(&new));
        let (old, new) = (Place::of(&old, &journal).unwrap(), Place::of(&new, &other).unwrap());
        record_in(folder, &old, true).unwrap();
        assert!(begin_in(folder, &old).unwrap().is_empty());
        assert_eq!(begin_in(folder, &new).unwrap(), [Area::ControlPlane].into());
        for wanted in [&old, &new] {
            let all = [Area::ControlPlane, Area::Kubelet, Area::Runtime];
            assert_eq!(differing(folder, wanted).unwrap(), all.into());
        }
        record_in(folder, &old, true).unwrap();
        assert!(differing(folder, &old).unwrap().is_empty());
    }
}
