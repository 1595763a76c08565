//! Import: from `NAME@HOST,…` to a state that a configuration of the same cluster has nothing to add to.
//!
//! The hosts remember what the cluster should be, as the last change had it.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use node::observation::{HostView, Specified};
use node::specification::{
    Addon, AuditLog, Cluster, Network, NetworkMode, Node, Oidc, Pods, Role, Settings, Taint,
};
use node::step::{Answer, Step};
use serde_json::Value as Json;
use tfplugin::cty::{ObjectType, Type, from_json};
use tfplugin::{Diagnostic, Diagnostics, Dynamic, List, Map, Value};

use super::blocks::{
    AddonsBlock, ApiServerBlock, AuditLogBlock, AuthenticationBlock, ClusterNode, ComponentBlock,
    NetworkBlock, NodeTaint, OidcBlock,
};
use super::credentials::request;
use super::hosts::{Coordinates, Hosts};
use super::resource::ClusterResource;
use crate::clients::ssh::Host;

/// Finds the cluster of that id on its hosts.
pub(super) async fn import<H: Hosts>(hosts: &H, id: &str) -> Result<ClusterResource, Diagnostics> {
    let (name, addresses) = parse(id).ok_or_else(|| not_an_id(id))?;
    let question = request(Step::Observe);
    let asked = addresses.iter().map(async |host| (host, hosts.ask(host, &question).await));
    let mut seen = Vec::new();
    let mut said = Vec::new();
    for (host, answer) in join_all(asked).await {
        match answer {
            Ok(Answer::Done { view: Some(view), .. }) if is_of(&view, &name) => {
                seen.push((host.clone(), view));
            }
            Ok(Answer::Failed { message, .. }) => said.push(format!("{}: {message}", host.address)),
            Ok(Answer::Done { .. }) => said.push(format!("{}: not of the cluster {name:?}", host.address)),
            Err(error) => said.push(error.to_string()),
        }
    }
    let newest = seen.iter().filter_map(|(_, view)| view.specification.as_ref()).max_by_key(|found| found.at);
    let Some(Specified { cluster, .. }) = newest.filter(|_| said.is_empty()) else {
        return Err(not_found(&name, &said).into());
    };
    let places = seen.iter().filter_map(|(host, view)| Some((view.journal.as_ref()?.node.as_str(), host)));
    Ok(state(cluster, &places.collect()))
}

fn is_of(view: &HostView, name: &str) -> bool {
    view.journal.as_ref().is_some_and(|journal| journal.fixed.name == name)
}

/// `NAME@[USER@]ADDRESS[:PORT],…`.
fn parse(id: &str) -> Option<(String, Vec<Coordinates>)> {
    let (name, hosts) = id.split_once('@')?;
    let place = |text: &str| {
        let Host { address, port, user, .. } = Host::parse(text.trim())?;
        Some(Coordinates { address, port, user, host_key: None })
    };
    let hosts: Option<Vec<_>> = hosts.split(',').map(place).collect();
    hosts.filter(|_| !name.is_empty()).map(|hosts| (name.to_owned(), hosts))
}

fn not_an_id(id: &str) -> Diagnostic {
    let detail = format!(
        "Found {id:?}; a cluster is imported by its name and its hosts: `NAME@[USER@]ADDRESS[:PORT],…`, such as \
         `prod@203.0.113.11,203.0.113.12`. Their host keys must stand in `known_hosts` of the provider's `ssh` block."
    );
    Diagnostic::error("Not a cluster", detail)
}

fn not_found(name: &str, said: &[String]) -> Diagnostic {
    let said = if said.is_empty() { "They remember no specification.".to_owned() } else { said.join("; ") };
    Diagnostic::error(
        "Cluster cannot be imported",
        format!("The hosts do not show the cluster {name:?}. {said}"),
    )
}

/// The state of that cluster, with nodes as they were reached.
fn state(cluster: &Cluster, places: &BTreeMap<&str, &Coordinates>) -> ClusterResource {
    let nodes: Map<ClusterNode> = cluster
        .nodes
        .iter()
        .map(|(name, node)| (name.clone(), Value::Known(node_of(node, places.get(name.as_str()).copied()))))
        .collect();
    let Settings { api_server, kubelet, kube_proxy, container_runtime, audit_log, oidc } = &cluster.settings;
    ClusterResource {
        name: cluster.name.clone().into(),
        kubernetes_version: cluster.kubernetes_version.clone().into(),
        nodes: nodes.into(),
        network: Value::Known(network(&cluster.network)),
        endpoint: cluster.endpoint.as_ref().map(ToString::to_string).into(),
        certificate_sans: texts(&cluster.certificate_sans),
        // An empty list is nobody, and none is everybody.
        api_from: cluster
            .api_from
            .as_ref()
            .map(|networks| networks.iter().map(|network| network.to_string().into()).collect::<List<_>>())
            .into(),
        deletion_protection: true.into(),
        on_unreachable: "fail".into(),
        ignore_preflight_errors: texts(&cluster.ignore_preflight_errors),
        audit_log: (*audit_log != AuditLog::default()).then(|| audit_block(audit_log)).into(),
        authentication: oidc
            .as_ref()
            .map(|oidc| AuthenticationBlock { oidc: Value::Known(oidc_block(oidc)) })
            .into(),
        api_server: entries(api_server)
            .map(|extra_args| ApiServerBlock { extra_args: extra_args.into() })
            .into(),
        kubelet: component(kubelet),
        kube_proxy: component(kube_proxy),
        container_runtime: component(container_runtime),
        addons: addons(&cluster.addons).into(),
        ..ClusterResource::default()
    }
}

/// None where it has all: that is the default.
fn addons(found: &BTreeSet<Addon>) -> Option<AddonsBlock> {
    let lacks = |addon| (!found.contains(&addon)).then_some(false);
    let block = AddonsBlock {
        metrics_server: lacks(Addon::MetricsServer).into(),
        local_storage: lacks(Addon::LocalStorage).into(),
    };
    (found.len() < Addon::ALL.len()).then_some(block)
}

fn node_of(node: &Node, place: Option<&Coordinates>) -> ClusterNode {
    let role = match node.role {
        Role::ControlPlane => "control-plane",
        Role::Worker => "worker",
    };
    let port = place.map(|place| place.port).filter(|port| *port != 22);
    ClusterNode {
        role: role.into(),
        address: node.address.clone().into(),
        port: port.into(),
        user: place.and_then(|place| place.user.clone()).into(),
        private_address: node.private_address.map(|address| address.to_string()).into(),
        labels: entries(&node.labels).into(),
        taints: node.taints.as_ref().map(|taints| taints.iter().map(taint).collect::<List<_>>()).into(),
        ..ClusterNode::default()
    }
}

fn taint(taint: &Taint) -> Value<NodeTaint> {
    let value = Some(taint.value.clone()).filter(|value| !value.is_empty());
    let effect =
        serde_json::to_value(taint.effect).ok().and_then(|effect| effect.as_str().map(str::to_owned));
    Value::Known(NodeTaint { key: taint.key.clone().into(), value: value.into(), effect: effect.into() })
}

fn network(network: &Network) -> NetworkBlock {
    let mode = match network.mode {
        NetworkMode::Wireguard => "wireguard",
        NetworkMode::Private => "private",
    };
    let pods = match network.pods {
        Pods::Routed => "routed",
        Pods::None => "none",
    };
    NetworkBlock {
        mode: mode.into(),
        mtu: network.mtu.into(),
        pod_cidr: network.pod_cidr.to_string().into(),
        service_cidr: network.service_cidr.to_string().into(),
        mesh_cidr: network.mesh_cidr.to_string().into(),
        pods: pods.into(),
    }
}

fn audit_block(log: &AuditLog) -> AuditLogBlock {
    AuditLogBlock {
        max_age_days: log.max_age_days.into(),
        max_files: log.max_files.into(),
        max_size_mib: log.max_size_mib.into(),
    }
}

fn oidc_block(oidc: &Oidc) -> OidcBlock {
    OidcBlock {
        issuer_url: oidc.issuer_url.clone().into(),
        audiences: texts(&oidc.audiences),
        username_claim: oidc.username_claim.clone().into(),
        username_prefix: oidc.username_prefix.clone().into(),
        groups_claim: oidc.groups_claim.clone().into(),
        groups_prefix: oidc.groups_prefix.clone().into(),
        ca_certificate: oidc.certificate_authority.clone().into(),
    }
}

/// None for an empty list, as if it had been left out.
fn texts(list: &[String]) -> Value<List<String>> {
    (!list.is_empty()).then(|| list.iter().cloned().map(Value::from).collect::<List<_>>()).into()
}

fn entries(map: &BTreeMap<String, String>) -> Option<Map<String>> {
    let entry = |(key, value): (&String, &String)| (key.clone(), Value::from(value.clone()));
    (!map.is_empty()).then(|| map.iter().map(entry).collect())
}

fn component(fields: &BTreeMap<String, Json>) -> Value<ComponentBlock> {
    if fields.is_empty() {
        return Value::Null;
    }
    let json = Json::Object(fields.iter().map(|(name, value)| (name.clone(), value.clone())).collect());
    let ty = type_of(&json);
    let value = from_json(&json, &ty).ok().map(|value| Dynamic { ty, value });
    Value::Known(ComponentBlock { extra_config: value.into() })
}

/// The type that Terraform gives a value that is written out.
fn type_of(json: &Json) -> Type {
    match json {
        Json::Null => Type::Dynamic,
        Json::Bool(_) => Type::Bool,
        Json::Number(_) => Type::Number,
        Json::String(_) => Type::String,
        Json::Array(elements) => Type::Tuple(elements.iter().map(type_of).collect()),
        Json::Object(fields) => {
            let attributes = fields.iter().map(|(name, value)| (name.clone(), type_of(value))).collect();
            Type::Object(ObjectType { attributes, ..ObjectType::default() })
        }
    }
}

#[cfg(test)]
mod tests {
    use node::specification::{Effect, Endpoint};
    use serde_json::json;

    use super::*;

    fn whole() -> Cluster {
        let taint = Taint { key: "gpu".into(), value: "yes".into(), effect: Effect::NoSchedule };
        let node = |role, address: &str, taints| Node {
            role,
            address: address.into(),
            private_address: Some("10.0.0.1".parse().unwrap()),
            labels: BTreeMap::from([("disk".into(), "ssd".into())]),
            taints,
        };
        Cluster {
            name: "prod".into(),
            kubernetes_version: "1.37.2".into(),
            nodes: BTreeMap::from([
                ("cp-1".into(), node(Role::ControlPlane, "203.0.113.11", None)),
                ("w-1".into(), node(Role::Worker, "203.0.113.21", Some([taint].into()))),
            ]),
            network: Network {
                mode: NetworkMode::Private,
                mtu: Some(1400),
                pod_cidr: "10.1.0.0/16".parse().unwrap(),
                service_cidr: "10.2.0.0/16".parse().unwrap(),
                mesh_cidr: "10.3.0.0/16".parse().unwrap(),
                pods: Pods::None,
            },
            endpoint: Some(Endpoint { host: "api.example.social".into(), port: 6443 }),
            certificate_sans: vec!["203.0.113.9".into()],
            api_from: Some(vec!["198.51.100.0/24".parse().unwrap()]),
            settings: Settings {
                api_server: BTreeMap::from([("event-ttl".into(), "2h".into())]),
                kubelet: BTreeMap::from([("maxPods".into(), json!(50)), ("list".into(), json!([1, "a"]))]),
                audit_log: AuditLog { max_files: 3, ..AuditLog::default() },
                ..Settings::default()
            },
            addons: BTreeSet::from([Addon::MetricsServer]),
            ignore_preflight_errors: vec!["Swap".into()],
        }
    }

    #[test]
    fn what_hosts_remember_is_what_the_state_says() {
        let cluster = whole();
        assert_eq!(state(&cluster, &BTreeMap::new()).specification(), Some(cluster));
    }

    #[test]
    fn an_id_is_a_name_and_hosts() {
        let (name, hosts) = parse("prod@203.0.113.11,admin@203.0.113.12:2222").unwrap();
        let shown: Vec<_> =
            hosts.iter().map(|host| (host.address.as_str(), host.port, host.user.as_deref())).collect();
        assert_eq!(name, "prod");
        assert_eq!(shown, [("203.0.113.11", 22, None), ("203.0.113.12", 2222, Some("admin"))]);
        for bad in ["prod", "@203.0.113.11", "prod@", "prod@a,,b"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
