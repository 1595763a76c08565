//! What a cluster has beside Kubernetes' own components, as objects of its API.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::fingerprint::fingerprint;
use crate::specification::Addon;

/// The image of metrics-server.
pub const METRICS_SERVER: &str = "registry.k8s.io/metrics-server/metrics-server:v0.9.0";
/// The image that makes and removes the folders of volumes.
pub const LOCAL_STORAGE: &str = "docker.io/rancher/local-path-provisioner:v0.0.30";
/// Where a node keeps the volumes of the class `local`.
pub const VOLUMES: &str = "/var/lib/socle/volumes";

const RBAC: &str = "rbac.authorization.k8s.io/v1";
const SYSTEM: &str = "kube-system";
/// Its pods mount folders of hosts, so it is held apart from everybody else's.
const STORAGE: &str = "local-storage";

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
        Addon::MetricsServer => metrics_server(),
        Addon::LocalStorage => local_storage(),
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

// === metrics-server ===

/// As its authors publish it, but that a kubelet must show a certificate of the cluster's authority.
fn metrics_server() -> Vec<Object> {
    const NAME: &str = "metrics-server";
    let labels = json!({ "k8s-app": NAME });
    let reader = json!({ "rbac.authorization.k8s.io/aggregate-to-view": "true" });
    vec![
        account(SYSTEM, NAME),
        cluster_role(
            "system:metrics-server",
            &[
                rule(&[""], &["nodes/metrics"], &["get"]),
                rule(&[""], &["pods", "nodes"], &["get", "list", "watch"]),
            ],
        ),
        labelled(
            cluster_role(
                "system:aggregated-metrics-reader",
                &[rule(&["metrics.k8s.io"], &["pods", "nodes"], &["get", "list", "watch"])],
            ),
            &reader,
        ),
        binding(
            Some(SYSTEM),
            "metrics-server-auth-reader",
            ("Role", "extension-apiserver-authentication-reader"),
            (SYSTEM, NAME),
        ),
        binding(
            None,
            "metrics-server:system:auth-delegator",
            ("ClusterRole", "system:auth-delegator"),
            (SYSTEM, NAME),
        ),
        binding(None, "system:metrics-server", ("ClusterRole", "system:metrics-server"), (SYSTEM, NAME)),
        object(
            "v1",
            "services",
            "Service",
            Some(SYSTEM),
            NAME,
            json!({
                "spec": {
                    "selector": labels,
                    "ports": [{ "name": "https", "port": 443, "protocol": "TCP", "targetPort": "https" }],
                },
            }),
        ),
        deployment(
            SYSTEM,
            NAME,
            &labels,
            &json!({
                "serviceAccountName": NAME,
                "priorityClassName": "system-cluster-critical",
                "tolerations": tolerations(),
                "containers": [{
                    "name": NAME,
                    "image": METRICS_SERVER,
                    "args": [
                        "--cert-dir=/tmp",
                        "--secure-port=10250",
                        "--kubelet-preferred-address-types=InternalIP",
                        "--kubelet-use-node-status-port",
                        "--kubelet-certificate-authority=/var/run/secrets/kubernetes.io/serviceaccount/ca.crt",
                        "--metric-resolution=15s",
                    ],
                    "ports": [{ "name": "https", "containerPort": 10250, "protocol": "TCP" }],
                    "livenessProbe": {
                        "httpGet": { "path": "/livez", "port": "https", "scheme": "HTTPS" },
                        "periodSeconds": 10, "failureThreshold": 3,
                    },
                    "readinessProbe": {
                        "httpGet": { "path": "/readyz", "port": "https", "scheme": "HTTPS" },
                        "initialDelaySeconds": 20, "periodSeconds": 10, "failureThreshold": 3,
                    },
                    "resources": { "requests": { "cpu": "100m", "memory": "200Mi" } },
                    "securityContext": confined(),
                    "volumeMounts": [{ "name": "tmp", "mountPath": "/tmp" }],
                }],
                "volumes": [{ "name": "tmp", "emptyDir": {} }],
            }),
        ),
        object(
            "apiregistration.k8s.io/v1",
            "apiservices",
            "APIService",
            None,
            "v1beta1.metrics.k8s.io",
            json!({
                "spec": {
                    "group": "metrics.k8s.io", "version": "v1beta1",
                    "groupPriorityMinimum": 100, "versionPriority": 100,
                    // It signs its own certificate at each start.
                    "insecureSkipTLSVerify": true,
                    "service": { "name": NAME, "namespace": SYSTEM },
                },
            }),
        ),
    ]
}

// === local storage ===

/// The default class: a volume is a folder on the node where its first pod runs.
fn local_storage() -> Vec<Object> {
    const NAME: &str = "local-path-provisioner";
    const CONFIGURATION: &str = "local-path-config";
    let labels = json!({ "app": NAME });
    let field = json!({ "fieldRef": { "fieldPath": "metadata.namespace" } });
    let namespace = object("v1", "namespaces", "Namespace", None, STORAGE, json!({}));
    vec![
        labelled(namespace, &json!({ "pod-security.kubernetes.io/enforce": "privileged" })),
        account(STORAGE, NAME),
        object(
            RBAC,
            "roles",
            "Role",
            Some(STORAGE),
            NAME,
            json!({
                "rules": [rule(&[""], &["pods"], &["get", "list", "watch", "create", "patch", "update", "delete"])],
            }),
        ),
        cluster_role(
            "socle:local-storage",
            &[
                rule(
                    &[""],
                    &["nodes", "persistentvolumeclaims", "configmaps", "pods", "pods/log"],
                    &["get", "list", "watch"],
                ),
                rule(
                    &[""],
                    &["persistentvolumes"],
                    &["get", "list", "watch", "create", "patch", "update", "delete"],
                ),
                rule(&[""], &["events"], &["create", "patch"]),
                rule(&["storage.k8s.io"], &["storageclasses"], &["get", "list", "watch"]),
            ],
        ),
        binding(Some(STORAGE), NAME, ("Role", NAME), (STORAGE, NAME)),
        binding(None, "socle:local-storage", ("ClusterRole", "socle:local-storage"), (STORAGE, NAME)),
        object(
            "v1",
            "configmaps",
            "ConfigMap",
            Some(STORAGE),
            CONFIGURATION,
            json!({
                "data": {
                    "config.json": json!({
                        "nodePathMap": [{ "node": "DEFAULT_PATH_FOR_NON_LISTED_NODES", "paths": [VOLUMES] }],
                    })
                    .to_string(),
                    "setup": "#!/bin/sh\nset -eu\nmkdir -m 0777 -p \"$VOL_DIR\"\n",
                    "teardown": "#!/bin/sh\nset -eu\nrm -rf \"$VOL_DIR\"\n",
                    "helperPod.yaml": json!({
                        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "helper-pod" },
                        "spec": {
                            "priorityClassName": "system-node-critical",
                            "containers": [{
                                "name": "helper-pod", "image": LOCAL_STORAGE, "imagePullPolicy": "IfNotPresent",
                            }],
                        },
                    })
                    .to_string(),
                },
            }),
        ),
        deployment(
            STORAGE,
            NAME,
            &labels,
            &json!({
                "serviceAccountName": NAME,
                "priorityClassName": "system-cluster-critical",
                "tolerations": tolerations(),
                "containers": [{
                    "name": NAME,
                    "image": LOCAL_STORAGE,
                    "command": ["local-path-provisioner", "start", "--config", "/etc/config/config.json",
                        "--service-account-name", NAME, "--configmap-name", CONFIGURATION],
                    "env": [
                        { "name": "POD_NAMESPACE", "valueFrom": field },
                        { "name": "CONFIG_MOUNT_PATH", "value": "/etc/config/" },
                    ],
                    "securityContext": confined(),
                    "volumeMounts": [{ "name": "config", "mountPath": "/etc/config/" }],
                }],
                "volumes": [{ "name": "config", "configMap": { "name": CONFIGURATION } }],
            }),
        ),
        object(
            "storage.k8s.io/v1",
            "storageclasses",
            "StorageClass",
            None,
            "local",
            json!({
                "metadata": { "annotations": {
                    "storageclass.kubernetes.io/is-default-class": "true",
                    "kubernetes.io/description":
                        "A folder on the disk of the node where the first pod runs: it stays there, and is lost with it.",
                } },
                "provisioner": "rancher.io/local-path",
                "reclaimPolicy": "Delete",
                "volumeBindingMode": "WaitForFirstConsumer",
            }),
        ),
    ]
}

// === parts ===

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
