//! The API server of this host, asked with a certificate that is signed for the purpose and thrown away.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use node::observation::NodeView;
use node::specification::{API_PORT, Taint};
use rcgen::{KeyPair, PublicKeyData};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::authority::{Authority, Subject};
use crate::failure::Failure;
use crate::files;
use crate::https::{Client, Identity, JSON, MERGE, Reply};

/// An API server.
#[derive(Debug)]
pub(crate) struct Api {
    client: Client,
}

/// The kubelet's certificate for the API, once it renews itself.
pub(crate) const KUBELET_IDENTITY: &str = "/var/lib/kubelet/pki/kubelet-client-current.pem";
/// The group that kubeadm binds to `cluster-admin`.
const ADMINS: &str = "kubeadm:cluster-admins";
/// Where the keys of our labels are remembered, on the Node.
const MANAGED: &str = "socle/managed-labels";
/// Says on the Node that its cordon is ours.
const CORDONED: &str = "socle/cordoned";
/// Taints that Kubernetes sets by itself.
const BY_ITSELF: [&str; 2] = ["node.kubernetes.io/", "node.cloudprovider.kubernetes.io/"];
/// The mark of a control plane.
const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";

impl Api {
    /// The API server of this host.
    pub(crate) fn here(timeout: Duration) -> Result<Self, Failure> {
        let authority = Authority::open()?;
        let key = KeyPair::generate()
            .map_err(|error| Failure::Certificate { what: "a new key".into(), detail: error.to_string() })?;
        let now = OffsetDateTime::now_utc();
        let subject = Subject {
            user: "socle-node",
            groups: &[ADMINS.to_owned()],
            public_key: &key.subject_public_key_info(),
            not_before: now - time::Duration::minutes(5),
            not_after: now + time::Duration::hours(1),
        };
        let certificate = authority.sign(&subject)?;
        let identity =
            Identity { authority: &authority.pem, certificate: &certificate, key: &key.serialize_pem() };
        let base = format!("https://127.0.0.1:{API_PORT}");
        Ok(Self { client: Client::new(base, &identity, timeout)? })
    }

    /// The API server of the cluster, asked as this host's kubelet: a worker has no authority to sign by.
    pub(crate) fn as_kubelet(server: &str, authority: &str, timeout: Duration) -> Result<Self, Failure> {
        // Certificate and key are in one file, which the kubelet keeps current.
        let own = files::require(KUBELET_IDENTITY)?;
        let identity = Identity { authority, certificate: &own, key: &own };
        Ok(Self { client: Client::new(format!("https://{server}"), &identity, timeout)? })
    }

    /// Is it ready to serve?
    pub(crate) fn is_ready(&self) -> Result<(), String> {
        match self.client.ask("GET", "/readyz", JSON, None) {
            Ok(Reply { status: 200, .. }) => Ok(()),
            Ok(reply) => Err(reply.message()),
            Err(failure) => Err(failure.to_string()),
        }
    }

    pub(crate) fn get(&self, path: &str) -> Result<Value, Failure> {
        self.client.get(path)
    }

    /// An object; none where there is none.
    pub(crate) fn find(&self, path: &str) -> Result<Option<Value>, Failure> {
        let reply = self.client.ask("GET", path, JSON, None)?;
        if reply.status == 404 { Ok(None) } else { self.client.accepted("GET", path, reply).map(Some) }
    }

    pub(crate) fn merge(&self, path: &str, change: &Value) -> Result<Value, Failure> {
        let reply = self.client.ask("PATCH", path, MERGE, Some(change))?;
        self.client.accepted("PATCH", path, reply)
    }

    /// Puts an object in place, whatever was there of its fields before (server-side apply).
    pub(crate) fn apply(&self, path: &str, object: &Value) -> Result<(), Failure> {
        let path = format!("{path}?fieldManager=socle-node&force=true");
        let reply = self.client.ask("PATCH", &path, "application/apply-patch+yaml", Some(object))?;
        self.client.accepted("PATCH", &path, reply).map(drop)
    }

    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Reply, Failure> {
        self.client.ask(method, path, JSON, Some(body))
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let reply = self.client.ask("PUT", path, JSON, Some(body))?;
        self.client.accepted("PUT", path, reply)
    }

    /// Removes an object; one that is gone is a success.
    pub(crate) fn delete(&self, path: &str) -> Result<(), Failure> {
        let reply = self.client.ask("DELETE", path, JSON, None)?;
        if reply.status == 404 { Ok(()) } else { self.client.accepted("DELETE", path, reply).map(drop) }
    }

    /// What the cluster says of itself: its id, which the last phase of `init` writes, and its addons.
    pub(crate) fn mark(&self) -> Result<Mark, Failure> {
        let data = self.find(MARK)?.map(|mark| mark["data"].clone()).unwrap_or_default();
        let addons = data[ADDONS].as_str().and_then(|text| serde_json::from_str(text).ok());
        Ok(Mark {
            cluster_id: data["cluster-id"].as_str().map(str::to_owned),
            addons: addons.unwrap_or_default(),
        })
    }

    /// All nodes.
    pub(crate) fn nodes(&self) -> Result<BTreeMap<String, NodeView>, Failure> {
        let list = self.get("/api/v1/nodes")?;
        let mut nodes = BTreeMap::new();
        for item in list["items"].as_array().into_iter().flatten() {
            let name = item["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            let cordoned = item["spec"]["unschedulable"] == json!(true);
            let drained = cordoned && crate::drain::evictable(&self.pods_on(&name)?).is_empty();
            nodes.insert(name, NodeView { drained, ..node_view(item) });
        }
        Ok(nodes)
    }

    /// The pods of a node.
    pub(crate) fn pods_on(&self, node: &str) -> Result<Vec<Value>, Failure> {
        let list = self.get(&format!("/api/v1/pods?fieldSelector=spec.nodeName%3D{node}"))?;
        Ok(list["items"].as_array().cloned().unwrap_or_default())
    }
}

/// The mark of a cluster that is ours and initialised.
pub(crate) const MARK: &str = "/api/v1/namespaces/kube-system/configmaps/socle";
/// What of it names the addons.
pub(crate) const ADDONS: &str = "addons";

/// What a cluster says of itself.
#[derive(Debug, Default)]
pub(crate) struct Mark {
    /// Its id; none where it is not initialised.
    pub(crate) cluster_id: Option<String>,
    /// Names and fingerprints of its addons.
    pub(crate) addons: BTreeMap<String, String>,
}

/// Is this a Node that was never described by us?
pub(crate) fn is_new(node: &Value) -> bool {
    node["metadata"]["annotations"][MANAGED].is_null()
}

fn node_view(item: &Value) -> NodeView {
    let (meta, spec) = (&item["metadata"], &item["spec"]);
    let labels: BTreeMap<String, String> = serde_json::from_value(meta["labels"].clone()).unwrap_or_default();
    let managed = meta["annotations"][MANAGED].as_str().unwrap_or_default();
    let ready = item["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == json!("Ready") && condition["status"] == json!("True"));
    let taints: Vec<Taint> = spec["taints"].as_array().into_iter().flatten().filter_map(taint).collect();
    NodeView {
        ready,
        control_plane: labels.contains_key(CONTROL_PLANE),
        version: item["status"]["nodeInfo"]["kubeletVersion"]
            .as_str()
            .unwrap_or_default()
            .trim_start_matches('v')
            .to_owned(),
        labels,
        managed_labels: managed.split(',').filter(|key| !key.is_empty()).map(str::to_owned).collect(),
        taints: taints.into_iter().filter(is_the_users).collect(),
        pod_range: spec["podCIDR"].as_str().map(str::to_owned),
        drained: false,
        cordoned: is_cordoned_by_us(item),
    }
}

fn is_cordoned_by_us(node: &Value) -> bool {
    !node["metadata"]["annotations"][CORDONED].is_null()
}

/// The patch that keeps new pods off a Node, marked as ours; none where somebody does so already.
pub(crate) fn cordon(found: &Value) -> Option<Value> {
    let annotations = json!({ CORDONED: "until it has left" });
    (found["spec"]["unschedulable"] != json!(true))
        .then(|| json!({ "metadata": { "annotations": annotations }, "spec": { "unschedulable": true } }))
}

fn taint(value: &Value) -> Option<Taint> {
    serde_json::from_value(json!({
        "key": value["key"], "value": value["value"].as_str().unwrap_or_default(), "effect": value["effect"],
    }))
    .ok()
}

fn is_the_users(taint: &Taint) -> bool {
    !BY_ITSELF.iter().any(|prefix| taint.key.starts_with(prefix))
}

/// The patch that gives a Node its labels, taints and pod range, and takes our cordon from it; what Kubernetes and others
/// set stays.
pub(crate) fn description(
    found: &Value,
    labels: &BTreeMap<String, String>,
    taints: &BTreeSet<Taint>,
    pod_range: &str,
) -> Value {
    let managed = found["metadata"]["annotations"][MANAGED].as_str().unwrap_or_default();
    let gone = managed.split(',').filter(|key| !key.is_empty() && !labels.contains_key(*key));
    let mut wanted: BTreeMap<&str, Value> = gone.map(|key| (key, Value::Null)).collect();
    wanted.extend(labels.iter().map(|(key, value)| (key.as_str(), json!(value))));
    let keys: Vec<_> = labels.keys().map(String::as_str).collect();
    let kept = found["spec"]["taints"].as_array().into_iter().flatten();
    let kept = kept.filter(|value| taint(value).is_none_or(|taint| !is_the_users(&taint))).cloned();
    let taints: Vec<Value> = kept.chain(taints.iter().map(node::render::kubeadm::taint)).collect();
    let mut spec = json!({ "taints": taints });
    if found["spec"]["podCIDR"].as_str().is_none() {
        spec["podCIDR"] = json!(pod_range);
        spec["podCIDRs"] = json!([pod_range]);
    }
    let mut annotations = json!({ MANAGED: keys.join(",") });
    if is_cordoned_by_us(found) {
        annotations[CORDONED] = Value::Null;
        spec["unschedulable"] = Value::Null;
    }
    json!({ "metadata": { "labels": wanted, "annotations": annotations }, "spec": spec })
}

#[cfg(test)]
mod tests {
    use node::specification::Effect;

    use super::*;

    fn found() -> Value {
        json!({
            "metadata": {
                "name": "w-1",
                "labels": { "disk": "ssd", "old": "1", "kubernetes.io/hostname": "w-1" },
                "annotations": { MANAGED: "disk,old" },
            },
            "spec": {
                "taints": [
                    { "key": "gpu", "effect": "NoSchedule" },
                    { "key": "node.kubernetes.io/not-ready", "effect": "NoExecute" },
                ],
            },
            "status": {
                "conditions": [{ "type": "Ready", "status": "True" }],
                "nodeInfo": { "kubeletVersion": "v1.37.2" },
            },
        })
    }

    #[test]
    fn what_is_ours_is_told_from_what_kubernetes_sets() {
        let view = node_view(&found());
        assert!(view.ready && !view.control_plane);
        assert_eq!(view.version, "1.37.2");
        assert_eq!(view.managed_labels, BTreeSet::from(["disk".into(), "old".into()]));
        let taint = Taint { key: "gpu".into(), value: String::new(), effect: Effect::NoSchedule };
        assert_eq!(view.taints, BTreeSet::from([taint]));
    }

    #[test]
    fn a_label_that_is_no_longer_wanted_goes_and_those_of_others_stay() {
        let labels = BTreeMap::from([("disk".to_owned(), "nvme".to_owned())]);
        let patch = description(&found(), &labels, &BTreeSet::new(), "10.244.1.0/24");
        assert_eq!(patch["metadata"]["labels"], json!({ "disk": "nvme", "old": null }));
        assert_eq!(patch["metadata"]["annotations"][MANAGED], json!("disk"));
        assert_eq!(patch["spec"]["taints"][0]["key"], json!("node.kubernetes.io/not-ready"));
        assert_eq!(patch["spec"]["taints"].as_array().unwrap().len(), 1);
        assert_eq!(patch["spec"]["podCIDR"], json!("10.244.1.0/24"));
    }

    #[test]
    fn our_cordon_is_taken_back_and_that_of_others_stays() {
        let described = |node: &Value| description(node, &BTreeMap::new(), &BTreeSet::new(), "10.244.1.0/24");
        let mut ours = found();
        let patch = cordon(&ours).unwrap();
        ours["metadata"]["annotations"] = patch["metadata"]["annotations"].clone();
        ours["spec"]["unschedulable"] = patch["spec"]["unschedulable"].clone();
        assert!(node_view(&ours).cordoned);
        let back = described(&ours);
        assert_eq!(back["spec"].get("unschedulable"), Some(&Value::Null));
        assert_eq!(back["metadata"]["annotations"].get(CORDONED), Some(&Value::Null));
        let mut theirs = found();
        theirs["spec"]["unschedulable"] = json!(true);
        assert_eq!(cordon(&theirs), None);
        assert!(!node_view(&theirs).cordoned);
        assert!(described(&theirs)["spec"].get("unschedulable").is_none());
    }

    #[test]
    fn a_pod_range_that_is_set_is_not_set_again() {
        let mut found = found();
        found["spec"]["podCIDR"] = json!("10.244.1.0/24");
        let patch = description(&found, &BTreeMap::new(), &BTreeSet::new(), "10.244.1.0/24");
        assert!(patch["spec"].get("podCIDR").is_none());
    }
}
