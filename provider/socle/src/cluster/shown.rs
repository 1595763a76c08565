//! What a user sees of a cluster: known at plan as far as it can be, and filled in from what the hosts show.

use std::collections::BTreeMap;

use node::journal::Journal;
use node::observation::{ClusterView, Sight, Sights};
use node::specification::{API_PORT, Endpoint, Role};
use tfplugin::{Computed, Diagnostics, List, Map, Plan, Value};

use super::access::{ClusterAccess, ControlPlane};
use super::blocks::{ClusterNode, NodeStatus};
use super::changes;
use super::reading::{parse_endpoint, text};
use super::resource::ClusterResource;

/// Seconds before its end at which a certificate should have been renewed.
pub(super) const DUE: i64 = 30 * 86_400;

/// Plans from configuration and prior state alone.
pub(super) fn plan(plan: &mut Plan<ClusterResource>) -> Result<(), Diagnostics> {
    let Some(prior) = plan.prior.clone() else {
        plan.planned.steps =
            if plan.planned.is_open() { Value::Unknown } else { list(changes::steps(None, &plan.planned)) };
        return Ok(());
    };
    changes::refusals(&prior, &plan.planned).into_result()?;
    if plan.planned.has_unknown_nodes() {
        return Ok(());
    }
    plan.planned.access = access(&plan.planned);
    if plan.planned.is_open() {
        return Ok(());
    }
    let steps = changes::steps(Some(&prior), &plan.planned);
    if steps.is_empty() {
        // Only what concerns Terraform itself changes: nobody is asked anything.
        plan.planned.node_status = prior.node_status.clone();
        plan.planned.etcd_members = prior.etcd_members.clone();
        plan.planned.certificates_expire_at = prior.certificates_expire_at.clone();
        plan.planned.renewal_due = prior.renewal_due.clone();
        // Where nothing changes at all, what the last change did stays to be read.
        plan.planned.steps = prior.steps.clone();
        if plan.planned == prior {
            return Ok(());
        }
    } else {
        // What was found out of order is not promised to be so again.
        plan.planned.node_status = Value::Unknown;
        plan.planned.etcd_members = Value::Unknown;
        plan.planned.certificates_expire_at = Value::Unknown;
        plan.planned.renewal_due = Value::Unknown;
    }
    plan.planned.steps = list(steps);
    Ok(())
}

pub(super) fn list(words: Vec<String>) -> Value<List<String>> {
    words.into_iter().map(Value::from).collect::<List<String>>().into()
}

/// How others reach it, once it has an id and an authority and all addresses are known.
pub(super) fn access(cluster: &ClusterResource) -> Value<Computed<ClusterAccess>> {
    let (Some(id), Some(ca)) = (text(&cluster.id), text(&cluster.ca_certificate)) else {
        return Value::Unknown;
    };
    let planes: Vec<_> = cluster.known_nodes().filter(|(_, node)| is_present_plane(node)).collect();
    let endpoints: Option<Vec<_>> =
        match text(&cluster.endpoint).and_then(|endpoint| parse_endpoint(&endpoint)) {
            Some(endpoint) => Some(vec![endpoint]),
            None => planes
                .iter()
                .map(|(_, node)| Some(Endpoint { host: text(&node.address)?, port: API_PORT }))
                .collect(),
        };
    let Some(endpoints) = endpoints else { return Value::Unknown };
    let control_planes: Map<ControlPlane> =
        planes.into_iter().map(|(name, node)| (name.clone(), Value::Known(control_plane(node)))).collect();
    Value::Known(Computed(ClusterAccess {
        id: id.into(),
        endpoints: list(endpoints.iter().map(|endpoint| format!("https://{endpoint}")).collect()),
        ca_certificate: ca.into(),
        control_planes: control_planes.into(),
    }))
}

fn is_present_plane(node: &ClusterNode) -> bool {
    node.role() == Some(Role::ControlPlane) && !node.is_lost()
}

fn control_plane(node: &ClusterNode) -> ControlPlane {
    let ClusterNode { address, port, user, host_key, .. } = node.clone();
    ControlPlane { address, port, user, host_key }
}

/// The cluster with all that is computed, from what its hosts show at `now` (seconds since 1970).
pub(super) fn with_results(cluster: ClusterResource, sights: &Sights, now: i64) -> ClusterResource {
    let views: BTreeMap<_, _> =
        sights.iter().filter_map(|(name, sight)| Some((name, sight.view()?))).collect();
    let journal =
        views.values().filter_map(|view| view.journal.as_ref()).max_by_key(|journal| journal.generation);
    let authority = views.values().find_map(|view| view.ca_certificate.clone());
    let api = views.values().find_map(|view| view.cluster.as_ref());
    let ends = views.values().filter_map(|view| view.certificates_expire_at).min();
    let status = cluster
        .known_nodes()
        .map(|(name, node)| (name.clone(), Value::Known(status(name, node, sights, api))));
    let node_status: Map<NodeStatus> = status.collect();
    let known = |journal: Option<&Journal>| journal.map(|journal| journal.cluster_id.clone());
    let cluster = ClusterResource {
        id: cluster.id.clone().into_known().or_else(|| known(journal)).into(),
        ca_certificate: cluster.ca_certificate.clone().into_known().or(authority).into(),
        node_status: node_status.into(),
        etcd_members: api.map_or(cluster.etcd_members.clone(), members),
        certificates_expire_at: ends.map_or(cluster.certificates_expire_at.clone(), |end| time(end).into()),
        renewal_due: ends.map_or(cluster.renewal_due.clone(), |end| (end - now < DUE).into()),
        ..cluster
    };
    ClusterResource { access: access(&cluster), ..cluster }
}

fn status(name: &str, node: &ClusterNode, sights: &Sights, api: Option<&ClusterView>) -> NodeStatus {
    let sight = sights.get(name);
    let answers = sight.is_some_and(|sight| !matches!(sight, Sight::Unreachable(_)));
    let object = api.and_then(|api| api.nodes.get(name));
    NodeStatus {
        version: object.map(|object| object.version.clone()).into(),
        ready: object.map(|object| object.ready).into(),
        reachable: (answers && !node.is_lost()).into(),
        drift: drift(sight),
    }
}

fn drift(sight: Option<&Sight>) -> Value<List<String>> {
    match sight {
        Some(Sight::Seen(view)) if view.judged.is_some() => {
            list(view.differs.iter().map(ToString::to_string).collect())
        }
        Some(Sight::Unprepared(_)) => list(vec!["program".to_owned()]),
        // A host that knows nothing of the cluster was not judged.
        Some(Sight::Seen(_) | Sight::Failed(_) | Sight::Unreachable(_)) | None => Value::Null,
    }
}

pub(super) fn members(api: &ClusterView) -> Value<List<String>> {
    let mut names: Vec<_> =
        api.members.iter().filter(|member| member.votes).map(|member| member.name.clone()).collect();
    names.sort();
    list(names)
}

pub(super) fn time(seconds: i64) -> Option<String> {
    jiff::Timestamp::from_second(seconds).ok().map(|time| time.to_string())
}
