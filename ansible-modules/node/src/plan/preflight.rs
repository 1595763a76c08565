//! What a server must have before anything is written to it.

use std::collections::BTreeMap;
use std::fmt;

use super::{Refusal, Wanted};
use crate::observation::{HostView, Machine};
use crate::ownership::{self, SUBJECT};
use crate::specification::{API_PORT, BALANCER_PORT, Cluster, Role};

/// How far the clocks of two nodes may be apart, in milliseconds: certificates and leases are judged by them.
const APART: i64 = 5_000;
/// Memory of a control plane, in MiB: what kubeadm asks for.
const MEMORY: u64 = 1_700;
/// Room for what a preparation brings, in MiB; and for a node's own files on a host that is prepared already.
const ROOM: (u64, u64) = (2_048, 512);
/// Whose packages there are.
const SYSTEMS: [&str; 2] = ["debian", "ubuntu"];
/// Where kubelet; and etcd, controllers and scheduler listen.
const KUBELET_PORT: u16 = 10_250;
const PLANE_PORTS: [u16; 5] = [API_PORT, 2379, 2380, 10_257, 10_259];

/// Why a server cannot be a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// Nothing can be installed there.
    System(String),
    /// Memory in MiB, and how much a control plane needs.
    Memory(u64, u64),
    /// Room in MiB, and how much is needed.
    Room(u64, u64),
    /// Others listen there.
    Ports(Vec<u16>),
    /// Somebody else prepares it, and not with the release that is wanted.
    Owned {
        /// Who.
        owner: String,
        /// The release.
        wanted: String,
    },
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(found) => {
                write!(f, "runs {found:?}, and packages are there for {} alone", SYSTEMS.join(" and "))
            }
            Self::Memory(found, needed) => {
                write!(f, "has {found} MiB of memory, and a control plane needs {needed}")
            }
            Self::Room(found, needed) => write!(f, "has {found} MiB free below /var/lib, and needs {needed}"),
            Self::Ports(ports) => {
                let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
                write!(f, "has something else that listens on the ports {}", ports.join(", "))
            }
            Self::Owned { owner, wanted } => write!(
                f,
                "is prepared by {owner}, and not with Kubernetes {wanted}: have that owner install it or give the host up (the role \
                 kubernetes_node with `state: absent`), or delete /var/lib/socle/owners/{SUBJECT}.json where that owner is gone"
            ),
        }
    }
}

/// Every reason why a server that is new to the cluster cannot be a node of it. One that has a journal was let in before.
pub(super) fn check(wanted: &Wanted<'_>, views: &BTreeMap<&str, &HostView>) -> Vec<Refusal> {
    let cluster = wanted.cluster;
    let nodes = || cluster.nodes.keys().filter_map(|name| Some((name.as_str(), *views.get(name.as_str())?)));
    let newcomers: Vec<_> = nodes().filter(|(_, view)| view.journal.is_none()).collect();
    let mut refusals = Vec::new();
    for (host, view) in &newcomers {
        let of_machine = view.machine.as_ref().map(|machine| faults(cluster, host, view, machine));
        let found = rival(cluster, view).into_iter().chain(of_machine.into_iter().flatten());
        refusals.extend(found.map(|what| Refusal::Unfit { host: (*host).to_owned(), what }));
    }
    if !newcomers.is_empty() {
        refusals.extend(clocks(nodes()));
    }
    refusals
}

/// Who was there first, unless all that is needed is there already.
fn rival(cluster: &Cluster, view: &HostView) -> Option<Unfit> {
    let wanted = &cluster.kubernetes_version;
    let owner = view.prepared_by.clone().filter(|owner| *owner != ownership::of_cluster(&cluster.name))?;
    (view.prepared.as_ref() != Some(wanted)).then(|| Unfit::Owned { owner, wanted: wanted.clone() })
}

fn faults(cluster: &Cluster, host: &str, view: &HostView, machine: &Machine) -> Vec<Unfit> {
    let is_plane = cluster.nodes.get(host).is_some_and(|node| node.role == Role::ControlPlane);
    let is_prepared = view.prepared.as_ref() == Some(&cluster.kubernetes_version);
    let passes_over = |check: &str| cluster.ignore_preflight_errors.iter().any(|name| name == check);
    let room = if is_prepared { ROOM.1 } else { ROOM.0 };
    let mut ports = if is_plane { PLANE_PORTS.to_vec() } else { Vec::new() };
    ports.push(KUBELET_PORT);
    if cluster.endpoint.is_none() {
        ports.push(BALANCER_PORT);
    }
    ports.retain(|port| machine.listens.contains(port));
    let found = [
        (!is_prepared && !SYSTEMS.contains(&machine.os.as_str())).then(|| Unfit::System(machine.os.clone())),
        (is_plane && machine.memory_mib < MEMORY && !passes_over("Mem"))
            .then_some(Unfit::Memory(machine.memory_mib, MEMORY)),
        (machine.free_mib < room).then_some(Unfit::Room(machine.free_mib, room)),
        (!ports.is_empty()).then_some(Unfit::Ports(ports)),
    ];
    found.into_iter().flatten().collect()
}

/// The two clocks that are furthest apart, if that is too far.
fn clocks<'v>(nodes: impl Iterator<Item = (&'v str, &'v HostView)>) -> Option<Refusal> {
    let clocks: Vec<_> = nodes.filter_map(|(host, view)| Some((view.ahead?, host))).collect();
    let (first, last) = (clocks.iter().min()?, clocks.iter().max()?);
    let apart = last.0 - first.0;
    (apart > APART).then(|| Refusal::Clocks {
        behind: first.1.to_owned(),
        ahead: last.1.to_owned(),
        seconds: apart / 1000,
    })
}
