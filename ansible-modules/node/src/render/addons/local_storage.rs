//! The default class of volumes: a volume is a folder on the node where its first pod runs.

use serde_json::{Value, json};

use super::{
    Object, RBAC, account, binding, cluster_role, confined, deployment, labelled, object, rule, tolerations,
};

/// Where a node keeps the volumes of the class.
pub const VOLUMES: &str = "/var/lib/socle/volumes";

const IMAGE: &str = "docker.io/rancher/local-path-provisioner:v0.0.30";
const NAME: &str = "local-path-provisioner";
/// Its pods mount folders of hosts, so it is held apart from everybody else's.
const NAMESPACE: &str = "local-storage";
const CONFIGURATION: &str = "local-path-config";

pub(super) fn objects() -> Vec<Object> {
    let namespace = object("v1", "namespaces", "Namespace", None, NAMESPACE, json!({}));
    let privileged = json!({ "pod-security.kubernetes.io/enforce": "privileged" });
    let mut objects = vec![labelled(namespace, &privileged), account(NAMESPACE, NAME)];
    objects.extend(rights());
    let labels = json!({ "app": NAME });
    objects.extend([configuration(), deployment(NAMESPACE, NAME, &labels, &pod()), class()]);
    objects
}

fn rights() -> [Object; 4] {
    const ROLE: &str = "socle:local-storage";
    const LOOK: [&str; 3] = ["get", "list", "watch"];
    const CHANGE: [&str; 7] = ["get", "list", "watch", "create", "patch", "update", "delete"];
    let watched = ["nodes", "persistentvolumeclaims", "configmaps", "pods", "pods/log"];
    let everywhere = [
        rule(&[""], &watched, &LOOK),
        rule(&[""], &["persistentvolumes"], &CHANGE),
        rule(&[""], &["events"], &["create", "patch"]),
        rule(&["storage.k8s.io"], &["storageclasses"], &LOOK),
    ];
    let here = json!({ "rules": [rule(&[""], &["pods"], &CHANGE)] });
    [
        object(RBAC, "roles", "Role", Some(NAMESPACE), NAME, here),
        cluster_role(ROLE, &everywhere),
        binding(Some(NAMESPACE), NAME, ("Role", NAME), (NAMESPACE, NAME)),
        binding(None, ROLE, ("ClusterRole", ROLE), (NAMESPACE, NAME)),
    ]
}

/// Where volumes are, and what makes and removes their folders.
fn configuration() -> Object {
    let paths = json!({
        "nodePathMap": [{ "node": "DEFAULT_PATH_FOR_NON_LISTED_NODES", "paths": [VOLUMES] }],
    });
    let container = json!({ "name": "helper-pod", "image": IMAGE, "imagePullPolicy": "IfNotPresent" });
    let helper = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "helper-pod" },
        "spec": { "priorityClassName": "system-node-critical", "containers": [container] },
    });
    let data = json!({
        "config.json": paths.to_string(),
        "setup": "#!/bin/sh\nset -eu\nmkdir -m 0777 -p \"$VOL_DIR\"\n",
        "teardown": "#!/bin/sh\nset -eu\nrm -rf \"$VOL_DIR\"\n",
        "helperPod.yaml": helper.to_string(),
    });
    object("v1", "configmaps", "ConfigMap", Some(NAMESPACE), CONFIGURATION, json!({ "data": data }))
}

fn pod() -> Value {
    let configuration = ["--config", "/etc/config/config.json", "--configmap-name", CONFIGURATION];
    let command = [&[NAME, "start"][..], &configuration, &["--service-account-name", NAME]].concat();
    let container = json!({
        "name": NAME,
        "image": IMAGE,
        "command": command,
        "env": [
            { "name": "POD_NAMESPACE", "valueFrom": { "fieldRef": { "fieldPath": "metadata.namespace" } } },
            { "name": "CONFIG_MOUNT_PATH", "value": "/etc/config/" },
        ],
        "securityContext": confined(),
        "volumeMounts": [{ "name": "config", "mountPath": "/etc/config/" }],
    });
    json!({
        "serviceAccountName": NAME,
        "priorityClassName": "system-cluster-critical",
        "tolerations": tolerations(),
        "containers": [container],
        "volumes": [{ "name": "config", "configMap": { "name": CONFIGURATION } }],
    })
}

fn class() -> Object {
    let said =
        "A folder on the disk of the node where the first pod runs: it stays there, and is lost with it.";
    let rest = json!({
        "metadata": { "annotations": {
            "storageclass.kubernetes.io/is-default-class": "true", "kubernetes.io/description": said,
        } },
        "provisioner": "rancher.io/local-path",
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
    });
    object("storage.k8s.io/v1", "storageclasses", "StorageClass", None, "local", rest)
}
