//! What a user sees of a cluster: known at plan as far as it can be, and filled in from what the hosts show.

use std::collections::BTreeMap;

use node::journal::Journal;
use node::observation::{ClusterView, HostView, Sight, Sights};
use node::specification::{API_PORT, Endpoint, Role};
use tfplugin::{Computed, Diagnostic, Diagnostics, List, Map, Model, Plan, Value};

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
    if cluster.endpoint.is_unknown() || cluster.has_unknown_nodes() {
        return Value::Unknown;
    }
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
        drift: drift(name, node, sight, api),
    }
}

/// What a node shows that is no member any more: its host knows nothing of the cluster, or the API nothing of the node.
pub(super) const MEMBERSHIP: &str = "membership";

fn drift(
    name: &str,
    node: &ClusterNode,
    sight: Option<&Sight>,
    api: Option<&ClusterView>,
) -> Value<List<String>> {
    match sight {
        Some(Sight::Seen(view)) if is_out(name, node, view, api) => list(vec![MEMBERSHIP.to_owned()]),
        Some(Sight::Seen(view)) if view.judged.is_some() => {
            let cordoned = api.and_then(|api| api.nodes.get(name)).is_some_and(|node| node.cordoned);
            let words = view.differs.iter().map(ToString::to_string);
            list(words.chain(cordoned.then(|| "cordon".to_owned())).collect())
        }
        Some(Sight::Unprepared(_)) => list(vec!["program".to_owned()]),
        Some(Sight::Seen(_) | Sight::Failed(_) | Sight::Unreachable(_)) | None => Value::Null,
    }
}

fn is_out(name: &str, node: &ClusterNode, view: &HostView, api: Option<&ClusterView>) -> bool {
    let lacks_data = node.role() == Some(Role::ControlPlane) && !view.etcd_data;
    view.journal.is_none()
        || !view.joined
        || lacks_data
        || api.is_some_and(|api| !api.nodes.contains_key(name))
}

pub(super) fn members(api: &ClusterView) -> Value<List<String>> {
    let mut names: Vec<_> =
        api.members.iter().filter(|member| member.votes).map(|member| member.name.clone()).collect();
    names.sort();
    list(names)
}

/// What a refresh warns of: hosts that were not seen, and API servers that do not answer.
pub(super) fn warnings(cluster: &ClusterResource, sights: &Sights) -> Vec<Diagnostic> {
    let nodes = ClusterResource::paths();
    let unseen = sights.iter().filter_map(|(name, sight)| {
        let (what, reason) = unseen(sight)?;
        let told = reason.trim_end_matches('.');
        let detail = format!("{told}. What is known of it is from the last refresh that saw it.");
        Some(Diagnostic::warning(format!("Host {name} {what}"), detail).at(nodes.nodes().key(name)))
    });
    unseen.chain(silent(cluster, sights)).collect()
}

fn unseen(sight: &Sight) -> Option<(&'static str, &str)> {
    match sight {
        Sight::Unreachable(reason) => Some(("did not answer", reason)),
        Sight::Failed(reason) => Some(("cannot be looked at", reason)),
        // The plan shows it as a drift.
        Sight::Seen(_) | Sight::Unprepared(_) => None,
    }
}

/// A host whose API server does not answer is not out of order by that alone: it may just start.
fn silent(cluster: &ClusterResource, sights: &Sights) -> Option<Diagnostic> {
    let planes = cluster.known_nodes().filter(|(_, node)| is_present_plane(node));
    let seen: Vec<_> = planes.filter_map(|(name, _)| Some((name, sights.get(name)?.view()?))).collect();
    let silent = seen.iter().filter(|(_, view)| view.journal.is_some() && view.cluster.is_none());
    let names: Vec<_> = silent.map(|(name, _)| name.as_str()).collect();
    if names.is_empty() {
        return None;
    }
    let summary =
        if names.len() == seen.len() { "No API server answers" } else { "An API server does not answer" };
    let detail = format!(
        "Asked on {}. What only it knows is from the last refresh that it answered. Look on the host with `journalctl -u \
         kubelet` and in /var/log/pods.",
        names.join(", ")
    );
    Some(Diagnostic::warning(summary, detail).at(ClusterResource::paths().nodes().clone()))
}

pub(super) fn time(seconds: i64) -> Option<String> {
    jiff::Timestamp::from_second(seconds).ok().map(|time| time.to_string())
}

#[cfg(test)]
mod tests {
    use node::observation::NodeView;

    use super::super::fake::view;
    use super::*;

    fn cluster() -> ClusterResource {
        let node = |role: &str| Value::Known(ClusterNode { role: role.into(), ..ClusterNode::default() });
        let nodes: Map<ClusterNode> =
            [("cp-1".to_owned(), node("control-plane")), ("w-1".to_owned(), node("worker"))].into();
        ClusterResource { name: "prod".into(), nodes: nodes.into(), ..ClusterResource::default() }
    }

    /// As they are while all is well.
    fn views() -> BTreeMap<String, HostView> {
        let nodes = ["cp-1", "w-1"].map(|name| (name.to_owned(), NodeView::default()));
        let api = ClusterView { nodes: nodes.into(), ..ClusterView::default() };
        let plane = HostView { cluster: Some(api), ..view("c1", "cp-1") };
        [("cp-1".to_owned(), plane), ("w-1".to_owned(), view("c1", "w-1"))].into()
    }

    fn sights(views: &BTreeMap<String, HostView>) -> Sights {
        views.iter().map(|(name, view)| (name.clone(), Sight::Seen(Box::new(view.clone())))).collect()
    }

    /// The drift of each node.
    fn shown(views: &BTreeMap<String, HostView>) -> Vec<Value<List<String>>> {
        let found = with_results(cluster(), &sights(views), 0);
        let status = found.node_status.known().unwrap();
        status.values().map(|status| status.known().unwrap().drift.clone()).collect()
    }

    fn out() -> Value<List<String>> {
        list(vec![MEMBERSHIP.to_owned()])
    }

    #[test]
    fn a_host_that_was_reset_is_no_member_any_more() {
        let mut views = views();
        assert_eq!(shown(&views), [list(vec![]), list(vec![])]);
        views.insert("w-1".to_owned(), HostView::default());
        assert_eq!(shown(&views), [list(vec![]), out()]);
    }

    #[test]
    fn a_node_that_the_api_does_not_know_is_no_member_any_more() {
        let mut views = views();
        views.get_mut("cp-1").unwrap().cluster.as_mut().unwrap().nodes.remove("w-1");
        assert_eq!(shown(&views), [list(vec![]), out()]);
        // Without an answer nobody says that it is gone.
        views.get_mut("cp-1").unwrap().cluster = None;
        assert_eq!(shown(&views), [list(vec![]), list(vec![])]);
    }

    #[test]
    fn a_node_that_was_to_leave_and_stays_is_out_of_order() {
        let mut views = views();
        let nodes = &mut views.get_mut("cp-1").unwrap().cluster.as_mut().unwrap().nodes;
        nodes.get_mut("w-1").unwrap().cordoned = true;
        assert_eq!(shown(&views), [list(vec![]), list(vec!["cordon".to_owned()])]);
    }

    #[test]
    fn an_api_that_is_silent_is_a_warning() {
        let mut views = views();
        assert_eq!(warnings(&cluster(), &sights(&views)), []);
        views.get_mut("cp-1").unwrap().cluster = None;
        let told = warnings(&cluster(), &sights(&views));
        assert_eq!(told[0].summary, "No API server answers");
        assert!(told[0].detail.contains("cp-1"), "{}", told[0].detail);
    }
}
