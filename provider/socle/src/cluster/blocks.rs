//! What stands inside a `socle_cluster`.

use tfplugin::{Dynamic, List, Map, Model, Value};

/// One server of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Model)]
pub struct ClusterNode {
    /// What runs on it: `control-plane` or `worker`. A change means removing the node and adding it under another name.
    #[tf(required, validate(one_of(["control-plane", "worker"])))]
    pub role: Value<String>,
    /// Where SSH reaches it, and the cluster's users: an IP address or a name.
    #[tf(required, validate(length(1..)))]
    pub address: Value<String>,
    /// Its SSH port. Default: `22`.
    #[tf(optional, validate(range(1..)))]
    pub port: Value<u16>,
    /// The user to log in as. Default: that of the provider's `ssh` block.
    #[tf(optional)]
    pub user: Value<String>,
    /// Its host key, such as `ssh-ed25519 AAAA…`; null means the `known_hosts` of the provider's `ssh` block.
    #[tf(required, nullable)]
    pub host_key: Value<String>,
    /// Its address in the provider's private network: needed where `network.mode` is `private`.
    #[tf(optional, validate(ip_address()))]
    pub private_address: Value<String>,
    /// Labels of the Node, beside those that Kubernetes sets. Default: none.
    #[tf(optional)]
    pub labels: Value<Map<String>>,
    /// Taints of the Node. Default: `node-role.kubernetes.io/control-plane:NoSchedule` on a control plane, none on a
    /// worker; `[]` lets workloads onto a control plane.
    #[tf(optional)]
    pub taints: Value<List<NodeTaint>>,
    /// Whether its server is gone for good: its etcd member and its Node are then removed without SSH. Remove the node
    /// afterwards. Default: `false`.
    #[tf(optional)]
    pub lost: Value<bool>,
}

/// A taint of a Node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Model)]
pub struct NodeTaint {
    /// Its key.
    #[tf(required, validate(length(1..)))]
    pub key: Value<String>,
    /// Its value. Default: empty.
    #[tf(optional)]
    pub value: Value<String>,
    /// What it does to pods that do not tolerate it: `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    #[tf(required, validate(one_of(["NoSchedule", "PreferNoSchedule", "NoExecute"])))]
    pub effect: Value<String>,
}

/// How nodes and pods reach each other. Nothing here but `mtu` can change afterwards.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct NetworkBlock {
    /// What joins the nodes: `wireguard`, an encrypted mesh over whatever is between the servers, or `private`, the
    /// provider's private network. Default: `wireguard`.
    #[tf(optional, validate(one_of(["wireguard", "private"])))]
    pub mode: Value<String>,
    /// The largest packet, in bytes. Default: that of the network below, less 80 in a mesh.
    #[tf(optional, validate(range(1280..=9000)))]
    pub mtu: Value<u16>,
    /// The IPv4 range of all pods; each node has a /24 of it. Default: `10.244.0.0/16`.
    #[tf(optional, validate(cidr()))]
    pub pod_cidr: Value<String>,
    /// The IPv4 range of Services. Default: `10.96.0.0/12`.
    #[tf(optional, validate(cidr()))]
    pub service_cidr: Value<String>,
    /// The IPv4 range of the nodes' addresses in a mesh. Default: `10.220.0.0/16`.
    #[tf(optional, validate(cidr()))]
    pub mesh_cidr: Value<String>,
    /// Who connects pods: `routed`, the reference plugins and routes over the nodes' network (which enforce no
    /// `NetworkPolicy`), or `none`, bring your own (Cilium, Calico): that nodes are ready is then not awaited. Default:
    /// `routed`.
    #[tf(optional, validate(one_of(["routed", "none"])))]
    pub pods: Value<String>,
}

/// Secrets at rest.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct EncryptionBlock {
    /// The number of the key under which Secrets are encrypted at rest. Default: `1`.
    #[tf(optional, validate(range(1..)))]
    pub rotation: Value<u32>,
}

/// The audit log of the API servers. Bodies of Secrets are never in it.
#[allow(clippy::struct_field_names, reason = "as kube-apiserver names them")]
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct AuditLogBlock {
    /// How long files are kept, in days. Default: `30` (CIS Kubernetes Benchmark).
    #[tf(optional, validate(range(1..)))]
    pub max_age_days: Value<u32>,
    /// How many files are kept. Default: `10` (CIS Kubernetes Benchmark).
    #[tf(optional, validate(range(1..)))]
    pub max_files: Value<u32>,
    /// The size at which a file is closed, in MiB. Default: `100` (CIS Kubernetes Benchmark).
    #[tf(optional, validate(range(1..)))]
    pub max_size_mib: Value<u32>,
}

/// Who may log in, beside client certificates and service accounts.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct AuthenticationBlock {
    /// Login by OpenID Connect.
    #[tf(block)]
    pub oidc: Value<OidcBlock>,
}

/// Login by OpenID Connect.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct OidcBlock {
    /// The issuer's URL, with `https`.
    #[tf(required, validate(pattern(r"^https://", "a URL that begins with https://")))]
    pub issuer_url: Value<String>,
    /// The audiences, one of which a token must name.
    #[tf(required, validate(length(1..)))]
    pub audiences: Value<List<String>>,
    /// The claim that names the user. Default: `sub`.
    #[tf(optional)]
    pub username_claim: Value<String>,
    /// What is put before a user's name, so that nobody is taken for another. Default: `oidc:`.
    #[tf(optional)]
    pub username_prefix: Value<String>,
    /// The claim that lists a user's groups. Default: none.
    #[tf(optional)]
    pub groups_claim: Value<String>,
    /// What is put before a group's name. Default: `oidc:`.
    #[tf(optional)]
    pub groups_prefix: Value<String>,
    /// The authority of the issuer's certificate, as PEM. Default: those of the system.
    #[tf(optional)]
    pub ca_certificate: Value<String>,
}

/// What the cluster has beside Kubernetes' own components. Without a network for pods (`network.pods` is `none`) it starts
/// once there is one.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct AddonsBlock {
    /// Whether there is metrics-server: what nodes and pods use, for `kubectl top` and autoscalers. Default: `true`.
    #[tf(optional)]
    pub metrics_server: Value<bool>,
    /// Whether there is the storage class `local`, as the default one. A volume of it is a folder of a node
    /// (`/var/lib/socle/volumes`) and nowhere else: it is lost with the node's disk, and its pods run on that node alone.
    /// It has no limit but the disk. What it holds stays on the server when the node leaves the cluster. Default: `true`.
    #[tf(optional)]
    pub local_storage: Value<bool>,
}

/// The API servers.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct ApiServerBlock {
    /// Further flags of kube-apiserver, by name without dashes. They win over what this provider sets. Default: none.
    #[tf(optional)]
    pub extra_args: Value<Map<String>>,
}

/// A component that is configured by a document.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct ComponentBlock {
    /// Further fields of its configuration, as an object. They win over what this provider sets. Default: none.
    #[tf(optional)]
    pub extra_config: Value<Dynamic>,
}

/// How nodes are changed one after the other.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct UpgradeBlock {
    /// How long the pods of a node may take to leave it, such as `5m`. Default: `5m`.
    #[tf(optional, validate(duration()))]
    pub drain_timeout: Value<String>,
}

/// What is known of a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Model)]
pub struct NodeStatus {
    /// The release of its kubelet; null when nobody could be asked.
    #[tf(computed)]
    pub version: Value<String>,
    /// Whether its kubelet reports that it is ready; null when nobody could be asked.
    #[tf(computed)]
    pub ready: Value<bool>,
    /// Whether SSH reached it.
    #[tf(computed)]
    pub reachable: Value<bool>,
    /// What of it is not as it should be, which the next apply mends: `mesh`, `firewall`, `balancer`, `hosts`, `pods`,
    /// `timer`, `control-plane`, `kubelet`, `runtime`; `cordon`, where it was to leave and stays after all; `membership`, where
    /// the host was reset or the API has no such Node any more, so that it joins anew; or `program`, where this version of the
    /// provider has no program there yet. Null where it is not known: of a host that was not reached, and in the data source.
    #[tf(computed)]
    pub drift: Value<List<String>>,
}
