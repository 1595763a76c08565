//! What a cluster has beside Kubernetes' own components, as objects of its API.

mod local_storage;
mod metrics_server;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::fingerprint::fingerprint;
use crate::specification::Addon;

pub use local_storage::VOLUMES;

const RBAC: &str = "rbac.authorization.k8s.io/v1";

/// An object, and where the API has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// Its path.
    pub path: String,
    /// What it should be.
    pub body: Value,
}

/// Its objects, in the order in which they are made.
pub fn objects(addon: Addon) -> Vec<Object> {
    match addon {
        Addon::MetricsServer => metrics_server::objects(),
        Addon::LocalStorage => local_storage::objects(),
    }
}

/// What a cluster remembers of the addons that it has: their names, and fingerprints of their objects.
pub fn marks(addons: &BTreeSet<Addon>) -> BTreeMap<String, String> {
    let mark = |addon: &Addon| {
        let bodies: Vec<_> = objects(*addon).into_iter().map(|object| object.body).collect();
        (addon.name().to_owned(), fingerprint(json!(bodies).to_string().as_bytes()))
    };
    addons.iter().map(mark).collect()
}

// === parts of objects ===

/// An object of that name; `rest` is what it has beside its identity.
fn object(
    api_version: &str,
    plural: &str,
    kind: &str,
    namespace: Option<&str>,
    name: &str,
    rest: Value,
) -> Object {
    let root = if api_version == "v1" { "/api" } else { "/apis" };
    let folder = namespace.map(|namespace| format!("namespaces/{namespace}/")).unwrap_or_default();
    let mut body = rest;
    body["apiVersion"] = json!(api_version);
    body["kind"] = json!(kind);
    body["metadata"]["name"] = json!(name);
    if let Some(namespace) = namespace {
        body["metadata"]["namespace"] = json!(namespace);
    }
    Object { path: format!("{root}/{api_version}/{folder}{plural}/{name}"), body }
}

fn labelled(object: Object, labels: &Value) -> Object {
    let Object { path, mut body } = object;
    body["metadata"]["labels"] = labels.clone();
    Object { path, body }
}

fn account(namespace: &str, name: &str) -> Object {
    object("v1", "serviceaccounts", "ServiceAccount", Some(namespace), name, json!({}))
}

fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> Value {
    json!({ "apiGroups": groups, "resources": resources, "verbs": verbs })
}

fn cluster_role(name: &str, rules: &[Value]) -> Object {
    object(RBAC, "clusterroles", "ClusterRole", None, name, json!({ "rules": rules }))
}

/// Binds a role (kind and name) to an account (namespace and name).
fn binding(namespace: Option<&str>, name: &str, role: (&str, &str), account: (&str, &str)) -> Object {
    let (plural, kind) = match namespace {
        Some(_) => ("rolebindings", "RoleBinding"),
        None => ("clusterrolebindings", "ClusterRoleBinding"),
    };
    object(
        RBAC,
        plural,
        kind,
        namespace,
        name,
        json!({
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": role.0, "name": role.1 },
            "subjects": [{ "kind": "ServiceAccount", "namespace": account.0, "name": account.1 }],
        }),
    )
}

fn deployment(namespace: &str, name: &str, labels: &Value, pod: &Value) -> Object {
    object(
        "apps/v1",
        "deployments",
        "Deployment",
        Some(namespace),
        name,
        json!({
            "spec": {
                "selector": { "matchLabels": labels },
                "template": { "metadata": { "labels": labels }, "spec": pod },
            },
        }),
    )
}

/// A cluster of control planes alone has them, too.
fn tolerations() -> Value {
    json!([{ "key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule" }])
}

/// What `restricted` asks of a container.
fn confined() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "runAsNonRoot": true,
        "runAsUser": 1000,
        "capabilities": { "drop": ["ALL"] },
        "seccompProfile": { "type": "RuntimeDefault" },
    })
}
