//! The table of changes: what may change, what must not, and what a change does. Pure, from configuration and prior state.

use std::collections::{BTreeMap, BTreeSet};

use node::specification::{Cluster, Defect, Role};
use tfplugin::{Diagnostic, Diagnostics, Model, Path, Value};

use super::blocks::{ClusterNode, NetworkBlock};
use super::reading::{parse_endpoint, text};
use super::resource::ClusterResource;
use super::shown::MEMBERSHIP;

/// A release of Kubernetes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Release {
    major: u32,
    minor: u32,
    patch: u32,
}

impl Release {
    /// `1.37.2`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.').map(|part| part.parse().ok());
        let release = Self { major: parts.next()??, minor: parts.next()??, patch: parts.next()?? };
        parts.next().is_none().then_some(release)
    }

    /// kubeadm's configuration and the authentication configuration are of this release or later.
    pub(super) fn is_supported(self) -> bool {
        self >= Self { major: 1, minor: 35, patch: 0 }
    }
}

/// What is wrong with a configuration by itself.
pub(super) fn validate(config: &ClusterResource, found: &mut Diagnostics) {
    let paths = ClusterResource::paths();
    if let Some(endpoint) = text(&config.endpoint).filter(|endpoint| parse_endpoint(endpoint).is_none()) {
        let detail =
            format!("Found {endpoint:?}. Write a host and a port, such as \"api.example.social:6443\".");
        found.push(Diagnostic::error("Endpoint is not a host and a port", detail).at(paths.endpoint()));
    }
    if config.shape().is_open() {
        return;
    }
    let Some(cluster) = config.specification() else { return };
    if let Err(defects) = cluster.check() {
        found.extend(defects.iter().map(defect));
    }
    let planes = cluster.control_planes().count();
    if planes > 0 && planes % 2 == 0 {
        let detail = format!(
            "{planes} control planes survive the loss of {} as {} would: an even number only adds what can fail. Take {} \
             or {}.",
            (planes - 1) / 2,
            planes - 1,
            planes - 1,
            planes + 1
        );
        found.push(Diagnostic::warning("Even number of control planes", detail).at(paths.nodes().clone()));
    }
}

fn defect(defect: &Defect) -> Diagnostic {
    let paths = ClusterResource::paths();
    let path: Path = match defect {
        Defect::NoControlPlane | Defect::TooManyNodes { .. } => paths.nodes().clone().into(),
        Defect::NoPrivateAddress { node } => paths.nodes().key(node).private_address(),
        Defect::AddressInRange { node, attribute: "private_address", .. } => {
            paths.nodes().key(node).private_address()
        }
        Defect::AddressInRange { node, .. } | Defect::SameAddress { node, .. } => {
            paths.nodes().key(node).address()
        }
        Defect::Overlap { range, .. } => Path::root().attribute("network").attribute(range),
        Defect::PodRangeTooSmall { .. } => Path::root().attribute("network").attribute("pod_cidr"),
    };
    Diagnostic::error("Not a cluster that can be", format!("Found: {defect}.")).at(path)
}

/// What a change must not be, each with the cure.
pub(super) fn refusals(prior: &ClusterResource, planned: &ClusterResource) -> Diagnostics {
    let mut found = Diagnostics::new();
    found.extend(fixed(prior, planned));
    found.extend(version(prior, planned));
    found.extend(rotation(prior, planned));
    for (name, node) in planned.known_nodes() {
        match prior.known_nodes().find(|(other, _)| *other == name) {
            Some((_, before)) => found.extend(of_node(name, before, node)),
            None => found.extend(renamed(name, node, prior, planned)),
        }
    }
    found.extend(quorum(prior, planned));
    found
}

fn fixed(prior: &ClusterResource, planned: &ClusterResource) -> Option<Diagnostic> {
    let network = settled_network(prior, planned);
    let planned = ClusterResource { network: network.into(), ..planned.clone() };
    let (before, after) = (prior.specification()?, planned.specification()?);
    let differences = before.fixed().differences(&after.fixed());
    let first = differences.first()?;
    let path = first.split('.').fold(Path::root(), |path, step| path.attribute(step));
    let detail = format!(
        "{} would change, which no running cluster survives: certificates, addresses and data carry it. Put it back; or make \
         a second cluster beside this one, move what runs here, and destroy this one.",
        differences.join(", ")
    );
    Some(Diagnostic::error("A cluster cannot change this", detail).at(path))
}

/// The planned network, as it is where it is not known yet.
fn settled_network(prior: &ClusterResource, planned: &ClusterResource) -> Option<NetworkBlock> {
    let before = prior.network.known().cloned();
    if planned.network.is_unknown() {
        return before;
    }
    let after = planned.network.known().cloned()?;
    let before = before.unwrap_or_default();
    Some(NetworkBlock {
        mode: settled(before.mode, after.mode),
        mtu: settled(before.mtu, after.mtu),
        pod_cidr: settled(before.pod_cidr, after.pod_cidr),
        service_cidr: settled(before.service_cidr, after.service_cidr),
        mesh_cidr: settled(before.mesh_cidr, after.mesh_cidr),
        pods: settled(before.pods, after.pods),
    })
}

fn settled<T>(before: Value<T>, after: Value<T>) -> Value<T> {
    if after.is_unknown() { before } else { after }
}

fn version(prior: &ClusterResource, planned: &ClusterResource) -> Option<Diagnostic> {
    let (before, after) = (text(&prior.kubernetes_version)?, text(&planned.kubernetes_version)?);
    if before == after {
        return None;
    }
    let detail = format!(
        "From {before} to {after}: this release of the provider makes clusters and does not upgrade them yet. Put {before} \
         back."
    );
    Some(
        Diagnostic::error("Upgrades are not there yet", detail)
            .at(ClusterResource::paths().kubernetes_version()),
    )
}

fn rotation(prior: &ClusterResource, planned: &ClusterResource) -> Option<Diagnostic> {
    if planned.encryption.is_unknown()
        || planned.encryption.known().is_some_and(|block| block.rotation.is_unknown())
    {
        return None;
    }
    let number = |cluster: &ClusterResource| {
        cluster.encryption.known().and_then(|block| block.rotation.known().copied()).unwrap_or(1)
    };
    let (before, after) = (number(prior), number(planned));
    let path = Path::root().attribute("encryption").attribute("rotation");
    let detail = format!(
        "From {before} to {after}: this release of the provider does not rotate the key of Secrets yet. Put {before} back."
    );
    (before != after).then(|| Diagnostic::error("Rotation is not there yet", detail).at(path))
}

fn of_node(name: &str, before: &ClusterNode, after: &ClusterNode) -> Vec<Diagnostic> {
    let at = ClusterResource::paths().nodes().key(name);
    let mut found = Vec::new();
    if differ(&before.address, &after.address) && !after.is_lost() {
        found.push(remove_then_add(name, "address").at(at.address()));
    }
    if differ(&before.private_address, &after.private_address) && !after.is_lost() {
        found.push(remove_then_add(name, "private_address").at(at.private_address()));
    }
    if differ(&before.role, &after.role) {
        found.push(remove_then_add(name, "role").at(at.role()));
    }
    found
}

/// Known on both sides, and not the same.
fn differ(before: &Value<String>, after: &Value<String>) -> bool {
    !after.is_unknown() && !before.is_unknown() && before != after
}

fn remove_then_add(name: &str, what: &str) -> Diagnostic {
    let detail = format!(
        "Node {name} would change its {what}, which certificates and etcd carry. Remove the node and apply; then add it, \
         under a name of its own, and apply again."
    );
    Diagnostic::error("A node cannot change this", detail)
}

fn renamed(
    name: &str,
    node: &ClusterNode,
    prior: &ClusterResource,
    planned: &ClusterResource,
) -> Option<Diagnostic> {
    let address = text(&node.address)?;
    let (other, _) =
        prior.known_nodes().find(|(_, before)| text(&before.address).as_ref() == Some(&address))?;
    let stays = planned.known_nodes().any(|(name, _)| name == other);
    let detail = format!(
        "The server at {address} is the node {other}. A server changes its name by leaving: remove {other} and apply; then \
         add {name} and apply again."
    );
    (!stays).then(|| {
        Diagnostic::error("A server cannot change its name", detail)
            .at(ClusterResource::paths().nodes().key(name).address())
    })
}

/// Whoever loses a majority of control planes at once loses etcd.
fn quorum(prior: &ClusterResource, planned: &ClusterResource) -> Option<Diagnostic> {
    if planned.has_unknown_nodes() {
        return None;
    }
    let planes = |cluster: &ClusterResource| -> Vec<String> {
        let found = cluster.known_nodes().filter(|(_, node)| node.role() == Some(Role::ControlPlane));
        found.filter(|(_, node)| !node.is_lost()).map(|(name, _)| name.clone()).collect()
    };
    let before = planes(prior);
    let lost = planned.known_nodes().filter(|(name, node)| node.is_lost() && before.contains(name)).count();
    let kept = planes(planned).iter().filter(|name| before.contains(name)).count();
    let needed = node::quorum::majority(before.len());
    if before.is_empty() || (kept > 0 && before.len() - lost >= needed) {
        return None;
    }
    let detail = if kept == 0 {
        "No control plane of the cluster would stay, and with them would go all that it holds. Keep one, add the others, \
         and apply; then remove it."
            .to_owned()
    } else {
        format!(
            "{lost} of {} control planes are lost, and etcd needs {needed} to change anything. Bring one back, or restore \
             etcd from a snapshot.",
            before.len()
        )
    };
    Some(
        Diagnostic::error("etcd would have no majority", detail).at(ClusterResource::paths().nodes().clone()),
    )
}

/// What this change does, in words, in the order in which it is done.
pub(super) fn steps(prior: Option<&ClusterResource>, planned: &ClusterResource) -> Vec<String> {
    let Some(after) = planned.specification() else { return Vec::new() };
    match prior.and_then(ClusterResource::specification) {
        None => creation(&after),
        Some(before) => change(prior, planned, &before, &after),
    }
}

fn creation(cluster: &Cluster) -> Vec<String> {
    let mut steps = vec![format!("prepare {}", names(cluster.nodes.keys()))];
    steps.push(format!("join {} to one network", names(cluster.nodes.keys())));
    let mut planes = cluster.control_planes();
    steps.extend(planes.next().map(|first| format!("make the first control plane on {first}")));
    steps.extend(planes.map(|name| format!("let {name} join as a control plane")));
    let workers: Vec<_> = of_role(cluster, Role::Worker).collect();
    if !workers.is_empty() {
        steps.push(format!("let {} join as workers", names(workers)));
    }
    steps.extend(cluster.addons.iter().map(|addon| format!("install {addon}")));
    steps
}

fn change(
    prior: Option<&ClusterResource>,
    planned: &ClusterResource,
    before: &Cluster,
    after: &Cluster,
) -> Vec<String> {
    let mut steps = Vec::new();
    let was_lost = |name: &String| {
        prior.is_some_and(|prior| prior.known_nodes().any(|(n, node)| n == name && node.is_lost()))
    };
    let lost = planned.known_nodes().filter(|(name, node)| node.is_lost() && !was_lost(name));
    steps
        .extend(lost.map(|(name, _)| format!("remove {name} from etcd and the cluster, without its server")));
    let added = |role| of_role(after, role).filter(|name| !before.nodes.contains_key(*name));
    steps.extend(
        added(Role::ControlPlane).map(|name| format!("prepare {name} and let it join as a control plane")),
    );
    steps.extend(added(Role::Worker).map(|name| format!("prepare {name} and let it join as a worker")));
    let stays = after.nodes.iter().filter_map(|(name, node)| Some((name, before.nodes.get(name)?, node)));
    for (name, old, new) in stays {
        let changed = [
            ("labels", old.labels != new.labels),
            ("taints", old.effective_taints() != new.effective_taints()),
        ];
        let changed: Vec<_> = changed.iter().filter(|(_, changed)| *changed).map(|(what, _)| *what).collect();
        if !changed.is_empty() {
            steps.push(format!("set {} of {name}", changed.join(" and ")));
        }
    }
    let new_keys = prior.map(|prior| new_keys(prior, planned)).unwrap_or_default();
    steps.extend(new_keys.iter().map(|name| format!("have {name} prove itself under its new host key")));
    if before.api_from != after.api_from {
        steps.push("change who may reach the API, on all nodes".to_owned());
    }
    let found = prior.into_iter().flat_map(repairs).filter(|(name, _)| after.nodes.contains_key(*name));
    steps.extend(found.map(|(name, what)| repair(name, &what)));
    if before.endpoint != after.endpoint || before.network != after.network {
        steps.push("change how nodes reach the API, on all nodes".to_owned());
    }
    steps.extend(rolled(before, after));
    steps.extend(after.addons.difference(&before.addons).map(|addon| format!("install {addon}")));
    steps.extend(before.addons.difference(&after.addons).map(|addon| format!("remove {addon}")));
    let removed = before.nodes.keys().filter(|name| !after.nodes.contains_key(*name));
    let removed = removed.filter(|name| !planned.known_nodes().any(|(other, _)| other == *name));
    steps
        .extend(removed.map(|name| format!("drain {name}, remove it from the cluster and reset its server")));
    steps
}

fn repair(name: &str, what: &str) -> String {
    if what == MEMBERSHIP { format!("let {name} join anew") } else { format!("mend {what} of {name}") }
}

/// What the last look found out of order, by node.
fn repairs(prior: &ClusterResource) -> impl Iterator<Item = (&String, String)> {
    prior.node_status.known().into_iter().flatten().filter_map(|(name, status)| {
        let drift = status.known()?.drift.known()?;
        let words: Vec<_> = drift.iter().filter_map(text).collect();
        (!words.is_empty()).then(|| (name, words.join(" and ")))
    })
}

fn rolled(before: &Cluster, after: &Cluster) -> Option<String> {
    let (old, new) = (&before.settings, &after.settings);
    let everywhere = (&old.kubelet, &old.container_runtime) != (&new.kubelet, &new.container_runtime);
    let planes = (&old.api_server, &old.audit_log, &old.oidc) != (&new.api_server, &new.audit_log, &new.oidc)
        || before.certificate_sans != after.certificate_sans
        || old.kube_proxy != new.kube_proxy
        || before.endpoint != after.endpoint;
    let stays = after.nodes.keys().filter(|name| before.nodes.contains_key(*name));
    let concerned: Vec<_> =
        stays.filter(|name| everywhere || after.nodes[*name].role == Role::ControlPlane).collect();
    (everywhere || planes).then(|| format!("apply settings on {}, one at a time", names(concerned)))
}

fn of_role(cluster: &Cluster, role: Role) -> impl Iterator<Item = &String> {
    cluster.nodes.iter().filter(move |(_, node)| node.role == role).map(|(name, _)| name)
}

fn names<'n>(names: impl IntoIterator<Item = &'n String>) -> String {
    names.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Nodes at the same address whose host key is another one than before.
pub(super) fn new_keys(prior: &ClusterResource, planned: &ClusterResource) -> BTreeSet<String> {
    let before: BTreeMap<_, _> = prior.known_nodes().collect();
    let changed = planned.known_nodes().filter(|(name, node)| {
        before.get(*name).is_some_and(|before| before.host_key != node.host_key && !node.is_lost())
    });
    changed.map(|(name, _)| name.clone()).collect()
}

/// The nodes that a state has and a plan has no more, with their roles.
pub(super) fn departing(prior: &ClusterResource, planned: &ClusterResource) -> BTreeMap<String, Role> {
    let stays = |name: &String| planned.known_nodes().any(|(other, _)| other == name);
    let gone = prior.known_nodes().filter(|(name, node)| !stays(name) && !node.is_lost());
    gone.filter_map(|(name, node)| Some((name.clone(), node.role()?))).collect()
}

#[cfg(test)]
mod tests;
