//! What a node's components run by, as it was when they last started.

use std::collections::BTreeSet;

use host::Host;
use node::observation::Area;
use node::render::{Place, kubeadm};
use node::specification::Role;

use crate::failure::Failure;
use crate::files::{self, Readers};
use crate::prepare;

const KUBELET: &str = "/var/lib/socle/cluster/applied/kubelet.json";
/// Not there where another prepared the host: the runtime is his.
const RUNTIME: &str = "/var/lib/socle/cluster/applied/container-runtime.json";
const CONTROL_PLANE: &str = "/var/lib/socle/cluster/applied/control-plane.json";

/// What runs by other settings than it should.
pub(crate) fn differs(place: &Place<'_>) -> Result<BTreeSet<Area>, Failure> {
    let (kubelet, control_plane) = kubeadm::settings(place);
    let mut areas = BTreeSet::new();
    if files::read(KUBELET)? != Some(kubelet) {
        areas.insert(Area::Kubelet);
    }
    if place.node.role == Role::ControlPlane && files::read(CONTROL_PLANE)? != Some(control_plane) {
        areas.insert(Area::ControlPlane);
    }
    if files::read(RUNTIME)?.is_some_and(|found| found != runtime(place)) {
        areas.insert(Area::Runtime);
    }
    Ok(areas)
}

fn runtime(place: &Place<'_>) -> String {
    serde_json::to_string(&place.cluster.settings.container_runtime).unwrap_or_default()
}

/// Remembers that they run by what is wanted.
pub(crate) fn record(place: &Place<'_>) -> Result<(), Failure> {
    let (kubelet, control_plane) = kubeadm::settings(place);
    files::write(KUBELET, &kubelet, Readers::Root)?;
    if prepare::is_ours(&Host::this()) {
        files::write(RUNTIME, &runtime(place), Readers::Root)?;
    }
    if place.node.role == Role::ControlPlane {
        files::write(CONTROL_PLANE, &control_plane, Readers::Root)?;
    }
    Ok(())
}
