//! How a cluster is reached, as one resource tells another: no secret is in it.

use tfplugin::{List, Map, Model, Value};

/// How to reach a cluster of this provider. It holds no secret: credentials are minted over SSH when they are needed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Model)]
pub struct ClusterAccess {
    /// The id of the cluster.
    #[tf(required)]
    pub id: Value<String>,
    /// The URLs of its API servers, each tried in turn.
    #[tf(required)]
    pub endpoints: Value<List<String>>,
    /// The certificate that signs those of the API servers, in PEM form.
    #[tf(required)]
    pub ca_certificate: Value<String>,
    /// Where credentials are minted: its control planes, by name.
    #[tf(required)]
    pub control_planes: Value<Map<ControlPlane>>,
}

/// A control plane, as SSH reaches it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Model)]
pub struct ControlPlane {
    /// Its address: an IP address or a name.
    #[tf(required)]
    pub address: Value<String>,
    /// Its SSH port. Default: `22`.
    #[tf(optional)]
    pub port: Value<u16>,
    /// The user to log in as. Default: that of the provider's `ssh` block.
    #[tf(optional)]
    pub user: Value<String>,
    /// Its host key; null means the `known_hosts` of the provider's `ssh` block.
    #[tf(required, nullable)]
    pub host_key: Value<String>,
}
