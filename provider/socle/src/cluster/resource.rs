//! `socle_cluster`: from bare servers to Kubernetes.

use tfplugin::{
    Call, CreateError, Diagnostic, Diagnostics, ImportId, List, Map, Model, Nothing, Plan, Reached, Resource,
    Timeouts, Typed as _, Value, Wanted,
};

use super::access::ClusterAccess;
use super::blocks::{
    AddonsBlock, ApiServerBlock, AuditLogBlock, AuthenticationBlock, ClusterNode, ComponentBlock,
    EncryptionBlock, NetworkBlock, NodeStatus, UpgradeBlock,
};
use super::changes::{self, Release};
use super::nodes::Nodes;
use super::{apply, imported, refresh, shown};
use crate::clients::Clients;

/// A Kubernetes cluster on servers that exist already.
///
/// kubeadm is the engine. What is to be done is decided from what the hosts show, step by step, so an apply that was
/// killed anywhere is gone on with by the next one. The state holds no credentials: they are minted when needed, by the
/// ephemeral resource `socle_kubeconfig`.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct ClusterResource {
    /// The name of the cluster: a DNS label. It cannot change.
    #[tf(
        required,
        validate(pattern(r"^[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?$", "a DNS label of at most 32 characters"))
    )]
    pub(super) name: Value<String>,
    /// The release of Kubernetes, such as `1.37.2`; `1.35.0` or later.
    #[tf(required, validate(describe("a release of Kubernetes, 1.35.0 or later", |text: &String| is_release(text))))]
    pub(super) kubernetes_version: Value<String>,
    /// The servers, by the names of their nodes (DNS labels).
    #[tf(required, validate(length(1..), each_key(pattern(r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", "a DNS label"))))]
    pub(super) nodes: Value<Map<ClusterNode>>,
    /// How nodes and pods reach each other.
    #[tf(block)]
    pub(super) network: Value<NetworkBlock>,
    /// Where the API is reached, as host and port: `api.prod.example.social:6443`. A name is written to the nodes' hosts
    /// file, so it need not resolve yet. Default: every node balances to all control planes by itself.
    #[tf(optional)]
    pub(super) endpoint: Value<String>,
    /// The networks from which the API servers may be reached from outside the cluster. Default: from anywhere.
    #[tf(optional, validate(each(cidr())))]
    pub(super) api_from: Value<List<String>>,
    /// Further names and addresses in the certificate of the API servers. Default: none beside those of all control
    /// planes.
    #[tf(optional)]
    pub(super) certificate_sans: Value<List<String>>,
    /// A folder of air-gap bundles, one folder a release, from which hosts are prepared over SSH. Default: the official
    /// release sites, or the mirror that the environment variable `SOCLE_RELEASE_MIRROR` names; the machine that runs Terraform
    /// downloads from there what hosts that are not prepared lack, and uses what has its publisher's checksum. Images come from
    /// registries then, and packages from the hosts' own repositories.
    #[tf(optional)]
    pub(super) bundles: Value<String>,
    /// Whether a destroy is refused. Must be `false`, and applied, before one. Default: `true`.
    #[tf(optional, default = true)]
    pub(super) deletion_protection: Value<bool>,
    /// What a destroy does about a host that cannot be reached: `fail` (after the others are reset), or `forget`.
    /// Default: `fail`.
    #[tf(optional, default = "fail", validate(one_of(["fail", "forget"])))]
    pub(super) on_unreachable: Value<String>,
    /// Preflight errors of kubeadm's to pass over, by its names. Default: none.
    #[tf(optional)]
    pub(super) ignore_preflight_errors: Value<List<String>>,
    /// Secrets at rest.
    #[tf(block)]
    pub(super) encryption: Value<EncryptionBlock>,
    /// The audit log of the API servers.
    #[tf(block)]
    pub(super) audit_log: Value<AuditLogBlock>,
    /// Who may log in, beside client certificates and service accounts.
    #[tf(block)]
    pub(super) authentication: Value<AuthenticationBlock>,
    /// The API servers.
    #[tf(block)]
    pub(super) api_server: Value<ApiServerBlock>,
    /// The kubelets: fields of `kubelet.config.k8s.io/v1beta1`.
    #[tf(block)]
    pub(super) kubelet: Value<ComponentBlock>,
    /// kube-proxy: fields of `kubeproxy.config.k8s.io/v1alpha1`.
    #[tf(block)]
    pub(super) kube_proxy: Value<ComponentBlock>,
    /// containerd: fields of its configuration (version 3), from its root.
    #[tf(block)]
    pub(super) container_runtime: Value<ComponentBlock>,
    /// What the cluster has beside Kubernetes' own components.
    #[tf(block)]
    pub(super) addons: Value<AddonsBlock>,
    /// How nodes are changed one after the other.
    #[tf(block)]
    pub(super) upgrade: Value<UpgradeBlock>,
    /// How long each operation may take.
    #[tf(timeouts(create = "30m", read = "1m", update = "60m", delete = "15m"))]
    pub(super) timeouts: Value<Timeouts>,
    /// The id of the cluster: chance, in its journal on every host.
    #[tf(computed, use_state_for_unknown)]
    pub(super) id: Value<String>,
    /// The certificate of the cluster's authority, as PEM.
    #[tf(computed, use_state_for_unknown)]
    pub(super) ca_certificate: Value<String>,
    /// How other resources reach the cluster: no secret is in it.
    #[tf(computed)]
    pub(super) access: Value<tfplugin::Computed<ClusterAccess>>,
    /// What the last change did, or this one will do, in order: a plan shows it.
    #[tf(computed)]
    pub(super) steps: Value<List<String>>,
    /// What is known of each node, as of the last refresh.
    #[tf(computed)]
    pub(super) node_status: Value<Map<NodeStatus>>,
    /// The names of the voting members of etcd.
    #[tf(computed)]
    pub(super) etcd_members: Value<List<String>>,
    /// When the first certificate on a control plane ends (RFC 3339). A timer on the nodes renews it before.
    #[tf(computed)]
    pub(super) certificates_expire_at: Value<String>,
    /// Whether a certificate ends within 30 days: the timer that renews it does not do so.
    #[tf(computed)]
    pub(super) renewal_due: Value<bool>,
}

fn is_release(text: &str) -> Result<(), String> {
    match Release::parse(text) {
        Some(release) if release.is_supported() => Ok(()),
        Some(_) => Err(format!("found {text}, which is too old")),
        None => Err(format!("found {text:?}; write it like 1.37.2")),
    }
}

impl ClusterResource {
    /// Is the map of nodes, or something in it that decides on the rest, not known yet?
    pub(super) fn has_unknown_nodes(&self) -> bool {
        let unknown = |node: &ClusterNode| {
            node.role.is_unknown() || node.address.is_unknown() || node.lost.is_unknown()
        };
        self.nodes.is_unknown()
            || self.nodes.known().into_iter().flatten().any(|(_, node)| node.is_unknown())
            || self.known_nodes().any(|(_, node)| unknown(node))
    }

    /// Is anything not known yet that decides on the steps? Such a value is never read as if it had been left out.
    pub(super) fn is_open(&self) -> bool {
        // What concerns Terraform alone, and what is computed, decides on none.
        let deciding = Self {
            bundles: Value::Null,
            deletion_protection: Value::Null,
            on_unreachable: Value::Null,
            upgrade: Value::Null,
            timeouts: Value::Null,
            id: Value::Null,
            ca_certificate: Value::Null,
            access: Value::Null,
            steps: Value::Null,
            node_status: Value::Null,
            etcd_members: Value::Null,
            certificates_expire_at: Value::Null,
            renewal_due: Value::Null,
            ..self.clone()
        };
        !deciding.into_raw().is_wholly_known()
    }

    /// What can be wrong with it by itself: its nodes and its network.
    pub(super) fn shape(&self) -> Self {
        let Self { name, kubernetes_version, nodes, network, .. } = self.clone();
        Self { name, kubernetes_version, nodes, network, ..Self::default() }
    }

    pub(super) fn is_protected(&self) -> bool {
        self.deletion_protection != Value::Known(false)
    }
}

impl Resource for ClusterResource {
    type Clients = Clients;
    type Model = Self;
    type Identity = Nothing;

    const NAME: &'static str = "cluster";
    const SUBCATEGORY: &'static str = "Clusters";

    fn validate(config: &Self, found: &mut Diagnostics) {
        changes::validate(config, found);
    }

    fn plan(plan: &mut Plan<Self>) -> Result<(), Diagnostics> {
        shown::plan(plan)
    }

    fn plan_destroy(prior: &Self) -> Result<(), Diagnostics> {
        if !prior.is_protected() {
            return Ok(());
        }
        let detail = "All that runs in the cluster would go with it. Set deletion_protection = false, apply that, and \
                      destroy then. A final snapshot of etcd stays on a control plane's disk.";
        Err(Diagnostic::error("Cluster is protected", detail).at(Self::paths().deletion_protection()).into())
    }

    async fn read(call: &Call<Clients>, state: Self) -> Result<Option<Self>, Diagnostics> {
        Box::pin(refresh::read(call, &Nodes::to_read(call), state)).await.map(Some)
    }

    async fn create(call: &Call<Clients>, wanted: Wanted<Self>) -> Result<Self, CreateError<Self>> {
        // Nothing is kept of a create that failed: its journal on the hosts lets the next one go on.
        Box::pin(apply::create(call, &Nodes::to_change(call), wanted.planned))
            .await
            .map_err(CreateError::nothing)
    }

    async fn update(call: &Call<Clients>, prior: Self, wanted: Wanted<Self>) -> Result<Self, Reached<Self>> {
        let updated = Box::pin(apply::update(call, &Nodes::to_change(call), &prior, wanted.planned)).await;
        updated.map_err(|errors| Reached::new(prior, errors))
    }

    async fn import(call: &Call<Clients>, id: ImportId<Nothing>) -> Result<Self, Diagnostics> {
        let id = match id {
            ImportId::Id(id) => id,
            ImportId::Identity(_) => String::new(),
        };
        Box::pin(imported::import(&Nodes::to_read(call), &id)).await
    }

    async fn delete(call: &Call<Clients>, state: Self) -> Result<(), Reached<Self>> {
        let deleted = Box::pin(apply::delete(call, &Nodes::to_change(call), &state)).await;
        deleted.map_err(|errors| Reached::new(state, errors))
    }
}
