//! Draining a node: no new pods, and those that can go elsewhere evicted, as their budgets allow.

use std::time::Duration;

use serde_json::{Value, json};

use crate::api::{self, Api};
use crate::failure::Failure;
use crate::wait;

/// Drains; fails when budgets do not allow it in time.
pub(crate) fn drain(api: &Api, node: &str, seconds: u64) -> Result<bool, Failure> {
    let path = format!("/api/v1/nodes/{node}");
    let Some(found) = api.find(&path)? else { return Ok(false) };
    if let Some(patch) = api::cordon(&found) {
        api.merge(&path, &patch)?;
    }
    wait::until(&format!("the pods of {node} to leave"), Duration::from_secs(seconds), || {
        let pods = api.pods_on(node).map_err(|failure| failure.to_string())?;
        let held: Vec<_> = evictable(&pods).into_iter().map(|pod| evict(api, pod)).collect();
        if held.is_empty() { Ok(()) } else { Err(held.join("; ")) }
    })?;
    Ok(true)
}

/// The pods that an eviction would move: not those of a `DaemonSet`, not static ones, not those that have ended.
pub(crate) fn evictable(pods: &[Value]) -> Vec<&Value> {
    let stays = |pod: &Value| {
        let owners = pod["metadata"]["ownerReferences"].as_array().cloned().unwrap_or_default();
        let of_daemon_set = owners.iter().any(|owner| owner["kind"] == json!("DaemonSet"));
        let is_static = !pod["metadata"]["annotations"]["kubernetes.io/config.mirror"].is_null();
        let ended = ["Succeeded", "Failed"].iter().any(|phase| pod["status"]["phase"] == json!(phase));
        of_daemon_set || is_static || ended
    };
    pods.iter().filter(|pod| !stays(pod)).collect()
}

/// Asks for one eviction; says which pod is still there, and why.
fn evict(api: &Api, pod: &Value) -> String {
    let text = |key: &str| pod["metadata"][key].as_str().unwrap_or_default();
    let (namespace, name) = (text("namespace"), text("name"));
    if !pod["metadata"]["deletionTimestamp"].is_null() {
        return format!("{namespace}/{name} is ending");
    }
    let eviction = json!({
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "namespace": namespace, "name": name },
    });
    let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/eviction");
    match api.ask("POST", &path, &eviction) {
        Ok(reply) if reply.status < 300 => format!("{namespace}/{name} is ending"),
        Ok(reply) => format!("{namespace}/{name}: {}", reply.message()),
        Err(failure) => failure.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_that_belong_to_the_node_stay() {
        let pod = |name: &str, owner: &str, mirror: bool, phase: &str| {
            let annotations = if mirror { json!({ "kubernetes.io/config.mirror": "x" }) } else { json!({}) };
            json!({
                "metadata": { "name": name, "ownerReferences": [{ "kind": owner }], "annotations": annotations },
                "status": { "phase": phase },
            })
        };
        let pods = [
            pod("web", "ReplicaSet", false, "Running"),
            pod("proxy", "DaemonSet", false, "Running"),
            pod("etcd", "Node", true, "Running"),
            pod("job", "Job", false, "Succeeded"),
        ];
        let names: Vec<_> = evictable(&pods).iter().map(|pod| pod["metadata"]["name"].clone()).collect();
        assert_eq!(names, ["web"]);
    }
}
