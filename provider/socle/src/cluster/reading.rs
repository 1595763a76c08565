//! From what a user wrote to what a cluster should be: defaults are resolved here.

use std::collections::{BTreeMap, BTreeSet};

use node::specification::{
    Addon, AuditLog, Cluster, Endpoint, Network, NetworkMode, Node, Oidc, Pods, Role, Settings, Taint,
};
use tfplugin::cty::Raw;
use tfplugin::{Dynamic, List, Map, Value};

use super::blocks::{ClusterNode, NodeTaint, OidcBlock};
use super::hosts::Coordinates;
use super::resource::ClusterResource;

/// A text that is known.
pub(super) fn text(value: &Value<String>) -> Option<String> {
    value.known().cloned()
}

fn texts(list: &Value<List<String>>) -> Vec<String> {
    list.known().into_iter().flatten().filter_map(text).collect()
}

fn entries(map: &Value<Map<String>>) -> BTreeMap<String, String> {
    let known = map.known().into_iter().flatten();
    known.filter_map(|(key, value)| Some((key.clone(), text(value)?))).collect()
}

impl ClusterResource {
    /// The nodes that are known, by name; null ones are left out.
    pub(super) fn known_nodes(&self) -> impl Iterator<Item = (&String, &ClusterNode)> {
        let nodes = self.nodes.known().into_iter().flatten();
        nodes.filter_map(|(name, node)| Some((name, node.known()?)))
    }

    /// What the cluster should be. Values that are not known yet are as if they were left out, so a plan may ask, too.
    pub(super) fn specification(&self) -> Option<Cluster> {
        let present = self.known_nodes().filter(|(_, node)| !node.is_lost());
        let nodes = present.filter_map(|(name, node)| Some((name.clone(), node.specification()?)));
        Some(Cluster {
            name: text(&self.name)?,
            kubernetes_version: text(&self.kubernetes_version)?,
            nodes: nodes.collect(),
            network: self.network_specification()?,
            endpoint: text(&self.endpoint).and_then(|endpoint| parse_endpoint(&endpoint)),
            certificate_sans: texts(&self.certificate_sans),
            api_from: self
                .api_from
                .known()
                .map(|networks| networks.iter().filter_map(|network| text(network)?.parse().ok()).collect()),
            settings: self.settings(),
            addons: self.addons(),
            ignore_preflight_errors: texts(&self.ignore_preflight_errors),
        })
    }

    fn network_specification(&self) -> Option<Network> {
        let block = self.network.known().cloned().unwrap_or_default();
        let range = |value: &Value<String>, default: &str| {
            text(value).unwrap_or_else(|| default.to_owned()).parse().ok()
        };
        let is = |value: &Value<String>, word: &str| value.known().is_some_and(|found| found == word);
        Some(Network {
            mode: if is(&block.mode, "private") { NetworkMode::Private } else { NetworkMode::Wireguard },
            mtu: block.mtu.known().copied(),
            pod_cidr: range(&block.pod_cidr, "10.244.0.0/16")?,
            service_cidr: range(&block.service_cidr, "10.96.0.0/12")?,
            mesh_cidr: range(&block.mesh_cidr, "10.220.0.0/16")?,
            pods: if is(&block.pods, "none") { Pods::None } else { Pods::Routed },
        })
    }

    fn addons(&self) -> BTreeSet<Addon> {
        let block = self.addons.known().cloned().unwrap_or_default();
        let wanted = |addon: &Addon| match addon {
            Addon::LocalStorage => block.local_storage != Value::Known(false),
            Addon::MetricsServer => block.metrics_server != Value::Known(false),
        };
        Addon::ALL.into_iter().filter(wanted).collect()
    }

    fn settings(&self) -> Settings {
        let defaults = AuditLog::default();
        let audit = self.audit_log.known().cloned().unwrap_or_default();
        let number = |value: &Value<u32>, default| value.known().copied().unwrap_or(default);
        let oidc = self.authentication.known().and_then(|block| block.oidc.known());
        let fields = |block: &Value<super::blocks::ComponentBlock>| {
            block.known().map(|block| object(&block.extra_config)).unwrap_or_default()
        };
        Settings {
            api_server: self.api_server.known().map(|block| entries(&block.extra_args)).unwrap_or_default(),
            kubelet: fields(&self.kubelet),
            kube_proxy: fields(&self.kube_proxy),
            container_runtime: fields(&self.container_runtime),
            audit_log: AuditLog {
                max_age_days: number(&audit.max_age_days, defaults.max_age_days),
                max_files: number(&audit.max_files, defaults.max_files),
                max_size_mib: number(&audit.max_size_mib, defaults.max_size_mib),
            },
            oidc: oidc.and_then(OidcBlock::specification),
        }
    }
}

impl ClusterNode {
    /// Is its server gone for good?
    pub(super) fn is_lost(&self) -> bool {
        self.lost == Value::Known(true)
    }

    /// Its role, once it is known.
    pub(super) fn role(&self) -> Option<Role> {
        match self.role.known()?.as_str() {
            "control-plane" => Some(Role::ControlPlane),
            _ => Some(Role::Worker),
        }
    }

    /// How SSH reaches it, once that is known.
    pub(super) fn coordinates(&self) -> Option<Coordinates> {
        Some(Coordinates {
            address: text(&self.address)?,
            port: self.port.known().copied().unwrap_or(22),
            user: text(&self.user),
            host_key: text(&self.host_key),
        })
    }

    fn specification(&self) -> Option<Node> {
        Some(Node {
            role: self.role()?,
            address: text(&self.address)?,
            private_address: self.private_address.known().and_then(|address| address.parse().ok()),
            labels: entries(&self.labels),
            taints: self.taints.known().map(taints),
        })
    }
}

fn taints(list: &List<NodeTaint>) -> BTreeSet<Taint> {
    let taint = |taint: &NodeTaint| {
        let effect = serde_json::from_value(text(&taint.effect)?.into()).ok()?;
        Some(Taint { key: text(&taint.key)?, value: text(&taint.value).unwrap_or_default(), effect })
    };
    list.iter().filter_map(Value::known).filter_map(taint).collect()
}

impl OidcBlock {
    fn specification(&self) -> Option<Oidc> {
        let or = |value: &Value<String>, default: &str| text(value).unwrap_or_else(|| default.to_owned());
        Some(Oidc {
            issuer_url: text(&self.issuer_url)?,
            audiences: texts(&self.audiences),
            username_claim: or(&self.username_claim, "sub"),
            username_prefix: or(&self.username_prefix, "oidc:"),
            groups_claim: text(&self.groups_claim),
            groups_prefix: or(&self.groups_prefix, "oidc:"),
            certificate_authority: text(&self.ca_certificate),
        })
    }
}

/// A name or address, and a port: `api.example.social:6443`.
pub(super) fn parse_endpoint(endpoint: &str) -> Option<Endpoint> {
    let (host, port) = endpoint.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = port.parse().ok().filter(|port| *port > 0)?;
    (!host.is_empty() && !host.contains('/')).then(|| Endpoint { host: host.to_owned(), port })
}

/// The fields of an object of any type.
fn object(value: &Value<Dynamic>) -> BTreeMap<String, serde_json::Value> {
    match value.known().map(|dynamic| &dynamic.value) {
        Some(Raw::Map(fields)) => fields.iter().map(|(name, value)| (name.clone(), json(value))).collect(),
        _ => BTreeMap::new(),
    }
}

fn json(raw: &Raw) -> serde_json::Value {
    match raw {
        Raw::Null | Raw::Unknown => serde_json::Value::Null,
        Raw::Bool(flag) => (*flag).into(),
        Raw::Number(number) => number_json(&number.to_string()),
        Raw::String(text) => text.clone().into(),
        Raw::List(elements) | Raw::Set(elements) => elements.iter().map(json).collect(),
        Raw::Map(fields) => fields.iter().map(|(name, value)| (name.clone(), json(value))).collect(),
        Raw::Dynamic(dynamic) => json(&dynamic.value),
    }
}

/// Every digit stays.
fn number_json(digits: &str) -> serde_json::Value {
    serde_json::from_str(digits).unwrap_or_else(|_| digits.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_host_and_a_port() {
        let parsed = |text| parse_endpoint(text).map(|endpoint| (endpoint.host, endpoint.port));
        assert_eq!(parsed("api.example.social:6443"), Some(("api.example.social".into(), 6443)));
        assert_eq!(parsed("[2001:db8::1]:6443"), Some(("2001:db8::1".into(), 6443)));
        for wrong in ["api.example.social", "https://api.example.social:6443", "api:0", ":6443", "api:x"] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn numbers_of_a_free_document_stay_numbers() {
        assert_eq!(number_json("110"), serde_json::json!(110));
        assert_eq!(number_json("0.5").to_string(), "0.5");
    }
}
