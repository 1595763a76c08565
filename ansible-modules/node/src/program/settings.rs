//! What a node's components run by, as it was when they last started.

use std::collections::BTreeSet;

use node::observation::Area;
use node::render::{Place, kubeadm};
use node::specification::Role;

use crate::failure::Failure;
use crate::files::{self, Readers};

const KUBELET: &str = "/var/lib/socle/cluster/applied/kubelet.json";
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
    Ok(areas)
}

/// Remembers that they run by what is wanted.
pub(crate) fn record(place: &Place<'_>) -> Result<(), Failure> {
    let (kubelet, control_plane) = kubeadm::settings(place);
    files::write(KUBELET, &kubelet, Readers::Root)?;
    if place.node.role == Role::ControlPlane {
        files::write(CONTROL_PLANE, &control_plane, Readers::Root)?;
    }
    Ok(())
}
