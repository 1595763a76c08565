//! What a host of a cluster shows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::journal::Journal;
use crate::lease::Lease;
use crate::specification::{Cluster, Taint};

/// What a host shows. A host that nobody prepared shows the default.
#[allow(clippy::struct_excessive_bools, reason = "each is seen or not, by itself")]
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct HostView {
    /// What it remembers.
    pub journal: Option<Journal>,
    /// The cluster as it should be, as the last change that reached this host had it.
    pub specification: Option<Specified>,
    /// Who may change its cluster.
    pub lease: Option<Lease>,
    /// Is a step under way there? One goes on after the death of whoever asked for it.
    pub busy: bool,
    /// The release of its kubelet, when all programs of a node are there.
    pub prepared: Option<String>,
    /// Who prepares it, where it is in no cluster yet; none when nobody says so.
    pub prepared_by: Option<String>,
    /// The public key of its mesh interface.
    pub mesh_key: Option<String>,
    /// What does not fit the specification that the host was asked about.
    pub differs: BTreeSet<Area>,
    /// The [digest](crate::step::digest) of that specification: under another one, `differs` says nothing.
    pub judged: Option<String>,
    /// The fingerprint of the authority that it trusts, as SHA-256 in hexadecimal digits.
    pub authority: Option<String>,
    /// The authority's certificate itself, as PEM: from control planes alone.
    pub ca_certificate: Option<String>,
    /// Does it hold the authority's key, so that it can sign?
    pub signs: bool,
    /// Is there data of etcd's?
    pub etcd_data: bool,
    /// Has its kubelet credentials of a cluster?
    pub joined: bool,
    /// What is left of containers, mounts, interfaces, rules and files of Kubernetes.
    pub traces: BTreeSet<Trace>,
    /// The cluster, asked through this host; none where its own API server does not answer.
    pub cluster: Option<ClusterView>,
    /// The path of the final snapshot of the cluster that the host was asked about.
    pub final_snapshot: Option<String>,
    /// When its first leaf certificate ends, in seconds since 1970.
    pub certificates_expire_at: Option<i64>,
    /// The machine below it.
    pub machine: Option<Machine>,
    /// How far its clock is ahead of that of whoever asked, in milliseconds. Whoever asked says so, not the host.
    pub ahead: Option<i64>,
}

impl HostView {
    /// Must it be prepared with this release?
    pub fn lacks(&self, release: &str) -> bool {
        !self.joined && self.prepared.as_deref() != Some(release)
    }
}

/// The machine below a host, as far as it decides on whether it can be a node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// The `ID` of its `os-release`: `debian`, `ubuntu`, …
    pub os: String,
    /// Its processors: `x86_64`, `aarch64`, …
    pub architecture: String,
    /// Memory, in MiB.
    pub memory_mib: u64,
    /// Room below `/var/lib`, in MiB.
    pub free_mib: u64,
    /// The TCP ports on which something listens.
    pub listens: BTreeSet<u16>,
    /// What its clock showed when it answered, in milliseconds since 1970.
    pub clock: i64,
}

/// A cluster as it should be, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Specified {
    /// The cluster.
    pub cluster: Cluster,
    /// When that was written, in milliseconds since 1970 by the host's clock.
    pub at: u64,
}

/// A part of a host that is rendered from the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Area {
    /// The mesh interface and its peers.
    Mesh,
    /// The cluster's sets in the firewall.
    Firewall,
    /// The balancer to the API servers.
    Balancer,
    /// The hosts file.
    Hosts,
    /// The pods' network: plugins and routes.
    Pods,
    /// The timer, and what else is the node program's own.
    Timer,
    /// Policies that an API server reads, and its manifest.
    ControlPlane,
    /// The kubelet's configuration.
    Kubelet,
    /// The container runtime's configuration.
    Runtime,
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mesh => "mesh",
            Self::Firewall => "firewall",
            Self::Balancer => "balancer",
            Self::Hosts => "hosts",
            Self::Pods => "pods",
            Self::Timer => "timer",
            Self::ControlPlane => "control-plane",
            Self::Kubelet => "kubelet",
            Self::Runtime => "runtime",
        })
    }
}

impl Area {
    /// Does it take effect without a component starting anew?
    pub const fn is_network(self) -> bool {
        matches!(self, Self::Mesh | Self::Firewall | Self::Balancer | Self::Hosts | Self::Pods | Self::Timer)
    }
}

/// What a cluster leaves on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trace {
    /// `/etc/kubernetes` has files.
    Configuration,
    /// Containers of the kubelet's.
    Containers,
    /// Mounts below `/var/lib/kubelet`.
    Mounts,
    /// Data of etcd's.
    Etcd,
    /// Interfaces of pods or of the mesh.
    Interfaces,
    /// Files and units of ours.
    Files,
}

/// What an API server and its etcd say.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ClusterView {
    /// The id in the `ConfigMap` that the last phase of `init` writes.
    pub initialised: Option<String>,
    /// The nodes, by name.
    pub nodes: BTreeMap<String, NodeView>,
    /// The members of etcd.
    pub members: Vec<EtcdMember>,
    /// What it has beside Kubernetes' own components: [marks](crate::render::addons::marks) of it.
    pub addons: BTreeMap<String, String>,
}

/// What the API says of a node.
#[allow(clippy::struct_excessive_bools, reason = "each is said or not, by itself")]
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeView {
    /// Does its kubelet report that it is ready?
    pub ready: bool,
    /// Has it the role of a control plane?
    pub control_plane: bool,
    /// The release of its kubelet.
    pub version: String,
    /// All its labels.
    pub labels: BTreeMap<String, String>,
    /// The keys of the labels that are ours.
    pub managed_labels: BTreeSet<String>,
    /// Its taints, without those that Kubernetes sets by itself.
    pub taints: BTreeSet<Taint>,
    /// The range of its pods.
    pub pod_range: Option<String>,
    /// No new pods, and none left that could go elsewhere.
    pub drained: bool,
    /// No new pods, because we drained it: another's cordon is his.
    pub cordoned: bool,
}

/// A member of etcd.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EtcdMember {
    /// Its id.
    pub id: u64,
    /// Its name; empty for one that never started.
    pub name: String,
    /// Where the other members reach it, such as `https://10.220.0.1:2380`.
    pub peer: String,
    /// Did it ever start?
    pub started: bool,
    /// Does it vote? A learner does not yet.
    pub votes: bool,
    /// Does it answer?
    pub healthy: bool,
}

impl HostView {
    /// Is nothing of any cluster left on it?
    pub fn is_clean(&self) -> bool {
        self.journal.is_none() && self.traces.is_empty() && !self.joined && self.authority.is_none()
    }
}

/// What is known of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// It answered.
    Seen(Box<HostView>),
    /// It did not, for this reason.
    Unreachable(String),
    /// It did, and lacks this version of the program: that is brought when something is changed.
    Unprepared(String),
    /// It did, and could not show anything, for this reason: whatever it is, it is not gone.
    Failed(String),
}

impl Sight {
    /// What it showed.
    pub fn view(&self) -> Option<&HostView> {
        match self {
            Self::Seen(view) => Some(view),
            Self::Unreachable(_) | Self::Unprepared(_) | Self::Failed(_) => None,
        }
    }
}

/// What is known of all hosts, by the names of their nodes.
pub type Sights = BTreeMap<String, Sight>;
