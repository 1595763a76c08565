use serde_json::json;

use super::*;

fn pod(status: &Value) -> Value {
    json!({"metadata": {"name": "web-1"}, "status": status})
}

fn container(state: &Value, more: &Value) -> Value {
    let mut status = json!({"name": "web", "image": "registry.test/web:1", "state": state});
    for (key, value) in more.as_object().unwrap() {
        status[key] = value.clone();
    }
    pod(&json!({"containerStatuses": [status]}))
}

#[track_caller]
fn only(pod: &Value) -> Trouble {
    let mut found = troubles(pod);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn what_can_be_mended_from_outside_has_a_minute_and_what_cannot_has_none() {
    let [just_now, a_minute] = [0, 60].map(Duration::from_secs);
    let lost = |outlook: Outlook| [outlook.is_lost(just_now), outlook.is_lost(a_minute)];
    assert_eq!(lost(Outlook::Open), [false, false]);
    assert_eq!(lost(Outlook::Mendable), [false, true]);
    assert_eq!(lost(Outlook::Hopeless), [true, true]);
}

#[test]
fn a_name_that_no_image_can_have_is_not_waited_for() {
    let waiting = json!({"waiting": {"reason": "InvalidImageName", "message": "couldn't parse image name"}});
    assert_eq!(only(&container(&waiting, &json!({}))).outlook, Outlook::Hopeless);
}

#[test]
fn an_image_that_cannot_be_pulled_is_named_and_waited_for_a_while() {
    let waiting = json!({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}});
    let found = only(&container(&waiting, &json!({})));
    assert_eq!(found.outlook, Outlook::Mendable);
    let expected = "pod web-1, container web: the image \"registry.test/web:1\" cannot be had (ImagePullBackOff): Back-off pulling image";
    assert_eq!(found.to_string(), expected);
}

#[test]
fn a_crash_says_how_it_ended_and_points_at_the_log_before() {
    let waiting = json!({"waiting": {"reason": "CrashLoopBackOff"}});
    let last = |restarts: i64| json!({"restartCount": restarts, "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}});
    let found = only(&container(&waiting, &last(3)));
    assert_eq!((found.outlook, found.log), (Outlook::Hopeless, Log::Previous));
    assert_eq!(found.words, "ended with exit code 137 (OOMKilled); restarted 3 times");
    assert_eq!(only(&container(&waiting, &last(1))).outlook, Outlook::Open);
}

#[test]
fn an_unschedulable_pod_says_why_and_is_waited_for() {
    let condition = json!({"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available: 3 Insufficient cpu."});
    let found = only(&pod(&json!({"conditions": [condition]})));
    assert_eq!(found.outlook, Outlook::Open);
    assert_eq!(
        found.to_string(),
        "pod web-1: cannot be scheduled: 0/3 nodes are available: 3 Insufficient cpu."
    );
}

#[test]
fn a_pod_on_its_way_has_no_trouble() {
    assert_eq!(troubles(&container(&json!({"waiting": {"reason": "ContainerCreating"}}), &json!({}))), []);
    assert_eq!(troubles(&container(&json!({"running": {}}), &json!({"ready": true, "started": true}))), []);
    assert_eq!(troubles(&container(&json!({"terminated": {"exitCode": 0}}), &json!({}))), []);
    assert_eq!(troubles(&pod(&json!({}))), []);
}

#[test]
fn a_missing_secret_is_told_and_waited_for_a_while() {
    let waiting =
        json!({"waiting": {"reason": "CreateContainerConfigError", "message": "secret \"db\" not found"}});
    let found = only(&container(&waiting, &json!({})));
    assert_eq!(found.words, "CreateContainerConfigError: secret \"db\" not found");
    assert_eq!(found.outlook, Outlook::Mendable);
}

#[test]
fn the_last_warnings_are_told_once_each_oldest_first() {
    let event = |minute: u8, kind: &str, message: &str| json!({"type": kind, "reason": "Failed", "message": message, "lastTimestamp": format!("2026-11-24T00:0{minute}:00Z")});
    let events = [
        event(3, "Warning", "b"),
        event(1, "Warning", "a"),
        event(2, "Normal", "x"),
        event(2, "Warning", "b"),
    ];
    assert_eq!(warnings(&events), ["Failed: a", "Failed: b"]);
}

#[test]
fn pods_are_found_by_the_selector_of_their_workload() {
    let workload = json!({"spec": {"selector": {"matchLabels": {"app": "web", "tier": "front"}}}});
    assert_eq!(pod_selector(&workload).as_deref(), Some("app=web,tier=front"));
    assert_eq!(pod_selector(&json!({"spec": {}})), None);
}

#[test]
fn only_pods_of_the_newest_version_count() {
    let of = |hash: &str| json!({"metadata": {"labels": {"pod-template-hash": hash}}});
    let set = |revision: &str, hash: &str| json!({"metadata": {"annotations": {"deployment.kubernetes.io/revision": revision}, "labels": {"pod-template-hash": hash}}});
    let deployment = json!({"kind": "Deployment", "metadata": {"annotations": {"deployment.kubernetes.io/revision": "2"}}});
    let pods = [of("old"), of("new")];
    assert_eq!(newest_pods(&deployment, &[set("1", "old"), set("2", "new")], &pods), [&pods[1]]);
    assert_eq!(newest_pods(&json!({"kind": "Job"}), &[], &pods).len(), 2);
}
