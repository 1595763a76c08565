//! metrics-server, as its authors publish it, but that a kubelet must show a certificate of the cluster's authority.

use serde_json::{Value, json};

use super::{
    Object, account, binding, cluster_role, confined, deployment, labelled, object, rule, tolerations,
};

const IMAGE: &str = "registry.k8s.io/metrics-server/metrics-server:v0.9.0";
const NAME: &str = "metrics-server";
const NAMESPACE: &str = "kube-system";

pub(super) fn objects() -> Vec<Object> {
    let labels = json!({ "k8s-app": NAME });
    let mut objects = vec![account(NAMESPACE, NAME)];
    objects.extend(roles());
    objects.extend(bindings());
    objects.extend([service(&labels), deployment(NAMESPACE, NAME, &labels, &pod()), api()]);
    objects
}

fn roles() -> [Object; 2] {
    let own = [
        rule(&[""], &["nodes/metrics"], &["get"]),
        rule(&[""], &["pods", "nodes"], &["get", "list", "watch"]),
    ];
    let readers = [rule(&["metrics.k8s.io"], &["pods", "nodes"], &["get", "list", "watch"])];
    let into_view = json!({ "rbac.authorization.k8s.io/aggregate-to-view": "true" });
    [
        cluster_role("system:metrics-server", &own),
        labelled(cluster_role("system:aggregated-metrics-reader", &readers), &into_view),
    ]
}

fn bindings() -> [Object; 3] {
    let account = (NAMESPACE, NAME);
    let clients = ("Role", "extension-apiserver-authentication-reader");
    let delegator = ("ClusterRole", "system:auth-delegator");
    [
        binding(Some(NAMESPACE), "metrics-server-auth-reader", clients, account),
        binding(None, "metrics-server:system:auth-delegator", delegator, account),
        binding(None, "system:metrics-server", ("ClusterRole", "system:metrics-server"), account),
    ]
}

fn service(labels: &Value) -> Object {
    let port = json!({ "name": "https", "port": 443, "protocol": "TCP", "targetPort": "https" });
    let rest = json!({ "spec": { "selector": labels, "ports": [port] } });
    object("v1", "services", "Service", Some(NAMESPACE), NAME, rest)
}

fn pod() -> Value {
    let probe = |path: &str, delay: u8| {
        json!({
            "httpGet": { "path": path, "port": "https", "scheme": "HTTPS" },
            "initialDelaySeconds": delay, "periodSeconds": 10, "failureThreshold": 3,
        })
    };
    let container = json!({
        "name": NAME,
        "image": IMAGE,
        "args": [
            "--cert-dir=/tmp",
            "--secure-port=10250",
            "--kubelet-preferred-address-types=InternalIP",
            "--kubelet-use-node-status-port",
            "--kubelet-certificate-authority=/var/run/secrets/kubernetes.io/serviceaccount/ca.crt",
            "--metric-resolution=15s",
        ],
        "ports": [{ "name": "https", "containerPort": 10250, "protocol": "TCP" }],
        "livenessProbe": probe("/livez", 0),
        "readinessProbe": probe("/readyz", 20),
        "resources": { "requests": { "cpu": "100m", "memory": "200Mi" } },
        "securityContext": confined(),
        "volumeMounts": [{ "name": "tmp", "mountPath": "/tmp" }],
    });
    json!({
        "serviceAccountName": NAME,
        "priorityClassName": "system-cluster-critical",
        "tolerations": tolerations(),
        "containers": [container],
        "volumes": [{ "name": "tmp", "emptyDir": {} }],
    })
}

fn api() -> Object {
    let rest = json!({
        "spec": {
            "group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
            // It signs its own certificate at each start.
            "insecureSkipTLSVerify": true,
            "service": { "name": NAME, "namespace": NAMESPACE },
        },
    });
    object("apiregistration.k8s.io/v1", "apiservices", "APIService", None, "v1beta1.metrics.k8s.io", rest)
}
