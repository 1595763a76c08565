//! What a cluster should be, as plain data. Everything is resolved: defaults stand here, not in the readers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};

use crate::fingerprint::fingerprint;

/// A whole cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Its name, a DNS label.
    pub name: String,
    /// The release of Kubernetes, such as `1.37.2`.
    pub kubernetes_version: String,
    /// Its nodes, by name. Those whose server is lost for good are not among them.
    pub nodes: BTreeMap<String, Node>,
    /// How nodes and pods reach each other.
    pub network: Network,
    /// Where the API is reached by all; none: every node balances to the control planes by itself.
    pub endpoint: Option<Endpoint>,
    /// Further names and addresses in the certificate of the API servers.
    #[serde(default)]
    pub certificate_sans: Vec<String>,
    /// Who may reach the API servers from outside; none: everybody.
    #[serde(default)]
    pub api_from: Option<Vec<IpNet>>,
    /// How the components run.
    #[serde(default)]
    pub settings: Settings,
    /// What it has beside Kubernetes' own components.
    #[serde(default)]
    pub addons: BTreeSet<Addon>,
    /// Preflight errors of kubeadm's to pass over, by its names.
    #[serde(default)]
    pub ignore_preflight_errors: Vec<String>,
}

/// What a cluster can have beside Kubernetes' own components.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Addon {
    /// Volumes on the nodes' own disks, by a default storage class.
    LocalStorage,
    /// What nodes and pods use, for `kubectl top` and autoscalers.
    MetricsServer,
}

impl Addon {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::LocalStorage, Self::MetricsServer];

    /// As a cluster remembers it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LocalStorage => "local-storage",
            Self::MetricsServer => "metrics-server",
        }
    }
}

impl fmt::Display for Addon {
    /// In a sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LocalStorage => "local storage",
            Self::MetricsServer => "metrics-server",
        })
    }
}

/// One server of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// What runs on it.
    pub role: Role,
    /// Where SSH, and people from outside, reach it: an IP address or a name.
    pub address: String,
    /// Its address in the provider's private network.
    #[serde(default)]
    pub private_address: Option<Ipv4Addr>,
    /// Labels of the node, beside Kubernetes' own.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Its taints; none: those of its [role](Role::default_taints).
    #[serde(default)]
    pub taints: Option<BTreeSet<Taint>>,
}

impl Node {
    /// The taints that the node should have.
    pub fn effective_taints(&self) -> BTreeSet<Taint> {
        self.taints.clone().unwrap_or_else(|| self.role.default_taints())
    }
}

/// What runs on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// API server, controllers, scheduler, etcd.
    ControlPlane,
    /// Workloads alone.
    Worker,
}

impl Role {
    /// kubeadm's taint keeps workloads off control planes.
    pub fn default_taints(self) -> BTreeSet<Taint> {
        match self {
            Self::Worker => BTreeSet::new(),
            Self::ControlPlane => BTreeSet::from([Taint {
                key: "node-role.kubernetes.io/control-plane".into(),
                value: String::new(),
                effect: Effect::NoSchedule,
            }]),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ControlPlane => "control plane",
            Self::Worker => "worker",
        })
    }
}

/// A taint of a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value, often empty.
    #[serde(default)]
    pub value: String,
    /// What it does to pods that do not tolerate it.
    pub effect: Effect,
}

/// What a taint does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Effect {
    /// New pods stay away.
    NoSchedule,
    /// New pods stay away if they can.
    PreferNoSchedule,
    /// Running pods leave, too.
    NoExecute,
}

/// How nodes and pods reach each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// What joins the nodes.
    pub mode: NetworkMode,
    /// The largest packet between pods, in bytes; none: the underlay's, less 80 in a mesh.
    #[serde(default)]
    pub mtu: Option<u16>,
    /// The range of all pods; each node has a /24 of it.
    pub pod_cidr: Ipv4Net,
    /// The range of Services.
    pub service_cidr: Ipv4Net,
    /// The range of the nodes' addresses in a mesh.
    pub mesh_cidr: Ipv4Net,
    /// Who connects pods.
    pub pods: Pods,
}

/// What joins the nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkMode {
    /// An encrypted mesh over whatever joins the servers.
    Wireguard,
    /// The provider's private network.
    Private,
}

/// Who connects pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pods {
    /// The reference plugins, and routes over the nodes' network.
    Routed,
    /// Whatever the user installs: until then nodes are not Ready.
    None,
}

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// A name or an IP address.
    pub host: String,
    /// A TCP port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port),
            _ => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// How the components run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Further flags of the API servers, without their dashes.
    pub api_server: BTreeMap<String, String>,
    /// Further fields of the kubelets' configuration (`kubelet.config.k8s.io/v1beta1`).
    pub kubelet: BTreeMap<String, serde_json::Value>,
    /// Further fields of kube-proxy's configuration (`kubeproxy.config.k8s.io/v1alpha1`).
    pub kube_proxy: BTreeMap<String, serde_json::Value>,
    /// Further values of containerd's configuration (version 3), from its root.
    pub container_runtime: BTreeMap<String, serde_json::Value>,
    /// The audit log of the API servers.
    pub audit_log: AuditLog,
    /// Who may log in by OpenID Connect.
    pub oidc: Option<Oidc>,
}

/// The audit log of an API server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLog {
    /// How long files are kept, in days.
    pub max_age_days: u32,
    /// How many files are kept.
    pub max_files: u32,
    /// The size at which a file is closed, in MiB.
    pub max_size_mib: u32,
}

impl Default for AuditLog {
    /// What the CIS Kubernetes Benchmark asks for: 30 days, 10 files of 100 MiB.
    fn default() -> Self {
        Self { max_age_days: 30, max_files: 10, max_size_mib: 100 }
    }
}

/// Login by OpenID Connect, as `apiserver.config.k8s.io/v1` has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Oidc {
    /// The issuer's URL.
    pub issuer_url: String,
    /// The audiences, one of which a token must name.
    pub audiences: Vec<String>,
    /// The claim that names the user.
    pub username_claim: String,
    /// What is put before it.
    pub username_prefix: String,
    /// The claim that lists groups.
    #[serde(default)]
    pub groups_claim: Option<String>,
    /// What is put before each.
    #[serde(default)]
    pub groups_prefix: String,
    /// The issuer's authority, as PEM; none: those of the system.
    #[serde(default)]
    pub certificate_authority: Option<String>,
}

/// The part of a cluster that can never change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fixed {
    /// The cluster's name.
    pub name: String,
    /// What joins the nodes.
    pub mode: NetworkMode,
    /// The range of all pods.
    pub pod_cidr: Ipv4Net,
    /// The range of Services.
    pub service_cidr: Ipv4Net,
    /// The range of the mesh.
    pub mesh_cidr: Ipv4Net,
    /// Who connects pods.
    pub pods: Pods,
}

impl Fixed {
    /// A hash of it: 64 hexadecimal digits.
    pub fn hash(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        fingerprint(text.as_bytes())
    }

    /// The names of what differs, as the configuration has them.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let compared = [
            ("name", self.name == other.name),
            ("network.mode", self.mode == other.mode),
            ("network.pod_cidr", self.pod_cidr == other.pod_cidr),
            ("network.service_cidr", self.service_cidr == other.service_cidr),
            ("network.mesh_cidr", self.mesh_cidr == other.mesh_cidr),
            ("network.pods", self.pods == other.pods),
        ];
        compared.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
    }
}

impl Cluster {
    /// The part that can never change.
    pub fn fixed(&self) -> Fixed {
        let Network { mode, pod_cidr, service_cidr, mesh_cidr, pods, .. } = self.network;
        Fixed { name: self.name.clone(), mode, pod_cidr, service_cidr, mesh_cidr, pods }
    }

    /// The names of its control planes, in order.
    pub fn control_planes(&self) -> impl Iterator<Item = &str> {
        let of_role = self.nodes.iter().filter(|(_, node)| node.role == Role::ControlPlane);
        of_role.map(|(name, _)| name.as_str())
    }

    /// The address of the API inside the cluster: the endpoint, or the balancer on each node's loopback.
    pub fn api(&self) -> Endpoint {
        let own = || Endpoint { host: Ipv4Addr::LOCALHOST.to_string(), port: BALANCER_PORT };
        self.endpoint.clone().unwrap_or_else(own)
    }

    /// The address of the cluster's DNS: the tenth of the Services' range, as kubeadm has it.
    pub fn dns_address(&self) -> Ipv4Addr {
        nth_address(self.network.service_cidr, 10)
    }

    /// What no cluster can be, each on its attribute.
    ///
    /// # Errors
    /// Every defect found.
    pub fn check(&self) -> Result<(), Vec<Defect>> {
        let mut defects = self.network.defects();
        if self.control_planes().next().is_none() {
            defects.push(Defect::NoControlPlane);
        }
        let private = self.network.mode == NetworkMode::Private;
        for (name, node) in &self.nodes {
            if private && node.private_address.is_none() {
                defects.push(Defect::NoPrivateAddress { node: name.clone() });
            }
            defects.extend(self.inside_a_range(name, node));
            let twin = self.nodes.iter().find(|(other, twin)| *other < name && twin.address == node.address);
            if let Some((other, _)) = twin {
                defects.push(Defect::SameAddress { node: name.clone(), other: other.clone() });
            }
        }
        let room = self.network.pod_ranges().min(self.network.mesh_addresses());
        if self.nodes.len() > room {
            defects.push(Defect::TooManyNodes { nodes: self.nodes.len(), room });
        }
        if defects.is_empty() { Ok(()) } else { Err(defects) }
    }

    /// Whoever has an address that is a pod's or a Service's, too, is reached by nobody.
    fn inside_a_range(&self, name: &str, node: &Node) -> Vec<Defect> {
        let addresses = [("address", node.address.parse().ok()), ("private_address", node.private_address)];
        let ranges = self.network.ranges();
        let mut defects = Vec::new();
        for (attribute, address) in addresses {
            let Some(address): Option<Ipv4Addr> = address else { continue };
            let inside = ranges.iter().find(|(_, range)| range.contains(&address));
            defects.extend(inside.map(|(range, _)| Defect::AddressInRange {
                node: name.to_owned(),
                attribute,
                range,
            }));
        }
        defects
    }
}

impl Network {
    /// The pod range of the member with that number.
    pub fn pod_range(&self, number: u16) -> Option<Ipv4Net> {
        self.pod_cidr.subnets(POD_RANGE_PREFIX).ok()?.nth(number.into())
    }

    /// The mesh address of the member with that number; the first usable one is that of number 0.
    pub fn mesh_address(&self, number: u16) -> Ipv4Addr {
        nth_address(self.mesh_cidr, u32::from(number) + 1)
    }

    fn pod_ranges(&self) -> usize {
        self.pod_cidr.subnets(POD_RANGE_PREFIX).map_or(0, Iterator::count)
    }

    fn mesh_addresses(&self) -> usize {
        self.mesh_cidr.hosts().count()
    }

    /// The ranges that are in use, as the configuration names them.
    fn ranges(&self) -> Vec<(&'static str, Ipv4Net)> {
        let mut ranges = vec![("pod_cidr", self.pod_cidr), ("service_cidr", self.service_cidr)];
        if self.mode == NetworkMode::Wireguard {
            ranges.push(("mesh_cidr", self.mesh_cidr));
        }
        ranges
    }

    fn defects(&self) -> Vec<Defect> {
        let ranges = self.ranges();
        let mut defects = Vec::new();
        for (position, (name, range)) in ranges.iter().enumerate() {
            for (other_name, other) in &ranges[..position] {
                if range.contains(other) || other.contains(range) {
                    defects.push(Defect::Overlap { range: name, other: other_name });
                }
            }
        }
        if self.pod_cidr.prefix_len() > POD_RANGE_PREFIX {
            defects.push(Defect::PodRangeTooSmall { found: self.pod_cidr });
        }
        defects
    }
}

fn nth_address(range: Ipv4Net, number: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(range.network()).saturating_add(number))
}

/// The size of one node's pod range: kube-controller-manager's default for IPv4.
const POD_RANGE_PREFIX: u8 = 24;
/// Where a node's own balancer listens, on loopback.
pub const BALANCER_PORT: u16 = 7443;
/// Where an API server listens.
pub const API_PORT: u16 = 6443;

/// What no cluster can be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Defect {
    /// Nobody would answer.
    #[error("no node has the role control-plane; give it to one or three")]
    NoControlPlane,
    /// A private network needs addresses.
    #[error("network.mode is \"private\", so give node {node} its private_address")]
    NoPrivateAddress {
        /// The node.
        node: String,
    },
    /// One server cannot be two nodes.
    #[error("nodes {other} and {node} have the same address; give each server one node")]
    SameAddress {
        /// The node.
        node: String,
        /// The other one.
        other: String,
    },
    /// A server's address is one of a pod, a Service or the mesh.
    #[error("{attribute} of node {node} is inside network.{range}; choose a range that holds no server")]
    AddressInRange {
        /// The node.
        node: String,
        /// Which of its addresses.
        attribute: &'static str,
        /// The range.
        range: &'static str,
    },
    /// Two ranges share addresses.
    #[error("network.{range} overlaps network.{other}; choose ranges that share no address")]
    Overlap {
        /// One range.
        range: &'static str,
        /// The other.
        other: &'static str,
    },
    /// Not even one node has room.
    #[error("network.pod_cidr {found} has no room for a node; each takes a /24")]
    PodRangeTooSmall {
        /// The range.
        found: Ipv4Net,
    },
    /// The ranges are used up.
    #[error("{nodes} nodes, but the ranges of pods and mesh have room for {room}")]
    TooManyNodes {
        /// How many are wanted.
        nodes: usize,
        /// How many fit.
        room: usize,
    },
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A cluster of that many control planes (`cp-1`…) and workers (`w-1`…).
    pub(crate) fn cluster(control_planes: u8, workers: u8) -> Cluster {
        let of = |prefix: &str, count, role, offset: u8| {
            (1..=count)
                .map(move |number| (format!("{prefix}-{number}"), node(role, offset + number)))
                .collect()
        };
        let mut nodes: BTreeMap<_, _> = of("cp", control_planes, Role::ControlPlane, 10);
        let more: BTreeMap<_, _> = of("w", workers, Role::Worker, 20);
        nodes.extend(more);
        Cluster {
            name: "prod".into(),
            kubernetes_version: "1.37.2".into(),
            nodes,
            network: network(NetworkMode::Wireguard),
            endpoint: None,
            certificate_sans: Vec::new(),
            api_from: None,
            settings: Settings::default(),
            addons: Addon::ALL.into(),
            ignore_preflight_errors: Vec::new(),
        }
    }

    pub(crate) fn node(role: Role, last: u8) -> Node {
        Node {
            role,
            address: format!("203.0.113.{last}"),
            private_address: Some(Ipv4Addr::new(10, 0, 0, last)),
            labels: BTreeMap::new(),
            taints: None,
        }
    }

    pub(crate) fn network(mode: NetworkMode) -> Network {
        Network {
            mode,
            mtu: None,
            pod_cidr: "10.244.0.0/16".parse().unwrap(),
            service_cidr: "10.96.0.0/12".parse().unwrap(),
            mesh_cidr: "10.220.0.0/16".parse().unwrap(),
            pods: Pods::Routed,
        }
    }

    #[test]
    fn members_get_disjoint_addresses_and_ranges_by_number() {
        let network = network(NetworkMode::Wireguard);
        assert_eq!(network.mesh_address(0).to_string(), "10.220.0.1");
        assert_eq!(network.mesh_address(299).to_string(), "10.220.1.44");
        assert_eq!(network.pod_range(3).unwrap().to_string(), "10.244.3.0/24");
        assert_eq!(network.pod_range(256), None);
    }

    #[test]
    fn the_hash_is_of_what_cannot_change_alone() {
        let before = cluster(1, 0);
        let mut after = cluster(3, 2);
        after.kubernetes_version = "1.38.0".into();
        assert_eq!(before.fixed().hash(), after.fixed().hash());
        after.network.pod_cidr = "10.240.0.0/16".parse().unwrap();
        assert_ne!(before.fixed().hash(), after.fixed().hash());
        assert_eq!(before.fixed().differences(&after.fixed()), ["network.pod_cidr"]);
    }

    #[test]
    fn every_defect_is_found_at_once() {
        let mut cluster = cluster(0, 2);
        cluster.network.mode = NetworkMode::Private;
        cluster.network.service_cidr = "10.244.128.0/20".parse().unwrap();
        cluster.nodes.get_mut("w-2").unwrap().address = "203.0.113.21".into();
        cluster.nodes.get_mut("w-2").unwrap().private_address = None;
        let found = cluster.check().unwrap_err();
        assert_eq!(
            found,
            [
                Defect::Overlap { range: "service_cidr", other: "pod_cidr" },
                Defect::NoControlPlane,
                Defect::NoPrivateAddress { node: "w-2".into() },
                Defect::SameAddress { node: "w-2".into(), other: "w-1".into() },
            ]
        );
    }

    #[test]
    fn no_server_is_inside_a_range_of_the_cluster() {
        let mut cluster = cluster(1, 1);
        cluster.nodes.get_mut("cp-1").unwrap().private_address = Some(Ipv4Addr::new(10, 96, 0, 1));
        cluster.nodes.get_mut("w-1").unwrap().address = "10.220.7.1".into();
        let inside =
            |node: &str, attribute, range| Defect::AddressInRange { node: node.into(), attribute, range };
        let found =
            [inside("cp-1", "private_address", "service_cidr"), inside("w-1", "address", "mesh_cidr")];
        assert_eq!(cluster.check(), Err(found.to_vec()));
        // Nobody uses the mesh's range there.
        cluster.network.mode = NetworkMode::Private;
        assert_eq!(cluster.check(), Err(found[..1].to_vec()));
    }

    #[test]
    fn a_cluster_has_no_more_nodes_than_ranges() {
        let mut cluster = cluster(3, 2);
        cluster.network.pod_cidr = "10.244.0.0/22".parse().unwrap();
        assert_eq!(cluster.check(), Err(vec![Defect::TooManyNodes { nodes: 5, room: 4 }]));
    }
}
