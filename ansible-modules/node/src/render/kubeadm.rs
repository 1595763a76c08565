//! kubeadm's configurations: `kubeadm.k8s.io/v1beta4`, and those of kubelet and kube-proxy.
//!
//! What differs from kubeadm's defaults follows the CIS Kubernetes Benchmark; `docs/security.md` says which control each
//! line meets. A setting of the user's wins over ours.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::{Place, document, policy};
use crate::fingerprint::fingerprint;
use crate::specification::{API_PORT, Role, Taint};

/// The version of kubeadm's own configurations.
const API: &str = "kubeadm.k8s.io/v1beta4";
/// Where containerd listens.
pub const CRI_SOCKET: &str = "unix:///run/containerd/containerd.sock";
/// The first release of TLS that is spoken, as Go names it.
const TLS_MIN: &str = "VersionTLS12";
/// What TLS 1.2 may use: forward secrecy and authenticated encryption alone. TLS 1.3 has no choice.
const TLS_CIPHERS: [&str; 6] = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];

/// What the phases of `kubeadm init` read, on every node: each makes what is its own from the authorities' keys.
///
/// `etcd` are the members of the cluster that this one joins, by name; none for the first. A worker has no authority's
/// key, which kubeadm would take for an error, so it is shown an empty folder.
pub fn configuration(place: &Place<'_>, etcd: &BTreeMap<String, String>) -> String {
    let mut init = json!({
        "apiVersion": API,
        "kind": "InitConfiguration",
        "localAPIEndpoint": local_endpoint(place),
        "nodeRegistration": registration(place),
        // kubeadm insists on a token: it makes one by chance that is of no use for long. Joins use their own.
        "bootstrapTokens": [{ "ttl": "1m0s", "description": "of no use" }],
    });
    if place.node.role == Role::ControlPlane {
        init["patches"] = json!({ "directory": PATCHES });
    }
    let mut cluster = cluster(place);
    if !etcd.is_empty() {
        let members: Vec<_> = etcd.iter().map(|(name, peer)| format!("{name}={peer}")).collect();
        let flags = [
            ("initial-cluster".to_owned(), members.join(",")),
            ("initial-cluster-state".into(), "existing".into()),
        ];
        cluster["etcd"]["local"]["extraArgs"] = arguments(&flags.into());
    }
    if place.node.role == Role::Worker {
        cluster["certificatesDir"] = json!(NO_CERTIFICATES);
    }
    [init, cluster, kubelet(place), kube_proxy(place)].iter().map(document).collect::<Vec<_>>().join("---\n")
}

/// What decides on how this node's components run, as it is remembered after they run so: addresses of others, which
/// come and go, start nothing anew.
pub fn settings(place: &Place<'_>) -> (String, String) {
    let mut own = cluster(place);
    own["apiServer"]["certSANs"] = json!(place.cluster.certificate_sans);
    let control_plane = [
        document(&own),
        document(&kube_proxy(place)),
        policy::audit(),
        policy::authentication(&place.cluster.settings),
        policy::admission(),
    ];
    (document(&kubelet(place)), control_plane.concat())
}

/// Where kubeadm finds what is put on top of its manifests.
pub const PATCHES: &str = "/var/lib/socle/cluster/patches";
/// The label of an API server's pod that tells by what it was started.
pub const STARTED_BY: &str = "socle/started-by";

/// What an API server reads when it starts, as a label: a file of policies that changed starts it anew, too, and which one
/// of two instances answers can be told.
pub fn started_by(place: &Place<'_>) -> String {
    let read = json!([
        place.cluster.kubernetes_version,
        api_server(place),
        api_server_volumes(),
        policy::audit(),
        policy::authentication(&place.cluster.settings),
        policy::admission(),
    ]);
    let mut mark = fingerprint(read.to_string().as_bytes());
    // A label has at most 63 characters.
    mark.truncate(32);
    mark
}

/// What is put on top of the API server's manifest: its name, and itself.
pub fn patch(place: &Place<'_>) -> (&'static str, String) {
    let labels = BTreeMap::from([(STARTED_BY, started_by(place))]);
    ("kube-apiserver+merge.json", document(&json!({ "metadata": { "labels": labels } })))
}

/// An empty folder.
pub const NO_CERTIFICATES: &str = "/var/lib/socle/cluster/no-certificates";

/// The configuration that all nodes share, as kubeadm keeps it in the cluster.
pub fn cluster(place: &Place<'_>) -> Value {
    let cluster = place.cluster;
    json!({
        "apiVersion": API,
        "kind": "ClusterConfiguration",
        "clusterName": cluster.name,
        "kubernetesVersion": format!("v{}", cluster.kubernetes_version),
        "controlPlaneEndpoint": cluster.api().to_string(),
        "encryptionAlgorithm": "ECDSA-P256",
        "networking": {
            "podSubnet": cluster.network.pod_cidr.to_string(),
            "serviceSubnet": cluster.network.service_cidr.to_string(),
            "dnsDomain": "cluster.local",
        },
        "apiServer": {
            "certSANs": certificate_names(place),
            "extraArgs": arguments(&api_server(place)),
            "extraVolumes": api_server_volumes(),
        },
        "controllerManager": { "extraArgs": arguments(&controller_manager()) },
        "scheduler": { "extraArgs": arguments(&BTreeMap::from([("profiling".into(), "false".into())])) },
        "etcd": { "local": { "dataDir": "/var/lib/etcd" } },
    })
}

/// The kubelet's configuration.
pub fn kubelet(place: &Place<'_>) -> Value {
    let mut document = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": { "enabled": false },
            "webhook": { "enabled": true },
            "x509": { "clientCAFile": "/etc/kubernetes/pki/ca.crt" },
        },
        "authorization": { "mode": "Webhook" },
        "cgroupDriver": "systemd",
        "clusterDNS": [place.cluster.dns_address()],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": CRI_SOCKET,
        "eventRecordQPS": 50,
        "makeIPTablesUtilChains": true,
        "podPidsLimit": 4096,
        "protectKernelDefaults": true,
        "readOnlyPort": 0,
        "rotateCertificates": true,
        "seccompDefault": true,
        "serverTLSBootstrap": true,
        "streamingConnectionIdleTimeout": "5m0s",
        "tlsCipherSuites": TLS_CIPHERS,
        "tlsMinVersion": TLS_MIN,
    });
    overlay(&mut document, &place.cluster.settings.kubelet);
    document
}

/// kube-proxy's configuration.
pub fn kube_proxy(place: &Place<'_>) -> Value {
    let mut document = json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clusterCIDR": place.cluster.network.pod_cidr.to_string(),
        "metricsBindAddress": "127.0.0.1:10249",
    });
    overlay(&mut document, &place.cluster.settings.kube_proxy);
    document
}

/// Every name and address under which any control plane is reached: a certificate is not made for one machine.
pub fn certificate_names(place: &Place<'_>) -> BTreeSet<String> {
    let mut names =
        BTreeSet::from([Ipv4Addr::LOCALHOST.to_string(), "localhost".to_owned(), place.cluster.api().host]);
    for (name, member) in place.journal.members.iter().filter(|(_, member)| member.role == Role::ControlPlane)
    {
        names.extend([name.clone(), member.address.clone(), member.internal.to_string()]);
    }
    names.extend(place.cluster.nodes.values().filter_map(|node| {
        let private = node.private_address.filter(|_| node.role == Role::ControlPlane);
        private.map(|address| address.to_string())
    }));
    names.extend(place.cluster.certificate_sans.iter().cloned());
    names
}

fn local_endpoint(place: &Place<'_>) -> Value {
    json!({ "advertiseAddress": place.member.internal, "bindPort": API_PORT })
}

fn registration(place: &Place<'_>) -> Value {
    let taints: Vec<_> = place.node.effective_taints().iter().map(taint).collect();
    json!({
        "name": place.name,
        "criSocket": CRI_SOCKET,
        "imagePullPolicy": "IfNotPresent",
        "taints": taints,
        "ignorePreflightErrors": place.cluster.ignore_preflight_errors,
        "kubeletExtraArgs": [{ "name": "node-ip", "value": place.member.internal }],
    })
}

/// A taint as the API has it.
pub fn taint(taint: &Taint) -> Value {
    let mut value = json!({ "key": taint.key, "effect": taint.effect });
    if !taint.value.is_empty() {
        value["value"] = json!(taint.value);
    }
    value
}

fn api_server(place: &Place<'_>) -> BTreeMap<String, String> {
    let log = &place.cluster.settings.audit_log;
    let ours = [
        ("admission-control-config-file", policy::ADMISSION.to_owned()),
        ("audit-log-maxage", log.max_age_days.to_string()),
        ("audit-log-maxbackup", log.max_files.to_string()),
        ("audit-log-maxsize", log.max_size_mib.to_string()),
        ("audit-log-path", format!("{AUDIT_LOGS}/audit.log")),
        ("audit-policy-file", policy::AUDIT.to_owned()),
        ("authentication-config", policy::AUTHENTICATION.to_owned()),
        ("enable-admission-plugins", "NodeRestriction".to_owned()),
        ("encryption-provider-config", policy::ENCRYPTION.to_owned()),
        ("kubelet-certificate-authority", "/etc/kubernetes/pki/ca.crt".to_owned()),
        ("profiling", "false".to_owned()),
        ("tls-cipher-suites", TLS_CIPHERS.join(",")),
        ("tls-min-version", TLS_MIN.to_owned()),
    ];
    let mut arguments: BTreeMap<_, _> = ours.map(|(name, value)| (name.to_owned(), value)).into();
    arguments.extend(place.cluster.settings.api_server.clone());
    arguments
}

/// Where API servers write their audit log.
pub const AUDIT_LOGS: &str = "/var/log/kubernetes/audit";

fn api_server_volumes() -> Value {
    json!([
        {
            "name": "socle-policies", "hostPath": policy::FOLDER, "mountPath": policy::FOLDER,
            "readOnly": true, "pathType": "Directory",
        },
        {
            "name": "audit-logs", "hostPath": AUDIT_LOGS, "mountPath": AUDIT_LOGS,
            "pathType": "DirectoryOrCreate",
        },
    ])
}

/// Pod ranges are given by us, before a node joins: the mesh and the routes need them.
fn controller_manager() -> BTreeMap<String, String> {
    let ours =
        [("allocate-node-cidrs", "false"), ("profiling", "false"), ("terminated-pod-gc-threshold", "1000")];
    ours.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

fn arguments(arguments: &BTreeMap<String, String>) -> Value {
    arguments.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

fn overlay(document: &mut Value, fields: &BTreeMap<String, Value>) {
    for (name, value) in fields {
        document[name] = value.clone();
    }
}
