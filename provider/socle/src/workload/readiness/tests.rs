use proptest::prelude::*;
use serde_json::json;

use super::Readiness::{Failed, Ready, Waiting};
use super::*;

fn of(api: &str, kind: &str, object: &Value) -> Readiness {
    readiness(&TypeName::new(api, kind), object, &["late".to_owned()])
}

#[track_caller]
fn waits(found: &Readiness, why: &str) {
    assert!(matches!(found, Waiting(reason) if reason.contains(why)), "{found:?} does not wait for {why:?}");
}

fn deployment(status: &Value) -> Value {
    json!({"metadata": {"generation": 2}, "spec": {"replicas": 3}, "status": status})
}

#[test]
fn a_deployment_is_ready_when_every_replica_is_new_and_available() {
    let of = |status: Value| of("apps/v1", "Deployment", &deployment(&status));
    waits(
        &of(json!({"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3})),
        "not seen",
    );
    waits(
        &of(json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 1, "availableReplicas": 3})),
        "1 of 3 replicas updated",
    );
    waits(
        &of(json!({"observedGeneration": 2, "replicas": 4, "updatedReplicas": 3, "availableReplicas": 3})),
        "1 old",
    );
    waits(
        &of(json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 2})),
        "2 of 3 replicas available",
    );
    assert_eq!(
        of(json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3})),
        Ready
    );
}

#[test]
fn a_deployment_that_makes_no_progress_has_failed() {
    let conditions = json!([{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}]);
    let found =
        of("apps/v1", "Deployment", &deployment(&json!({"observedGeneration": 2, "conditions": conditions})));
    assert_eq!(found, Failed("ProgressDeadlineExceeded: timed out".to_owned()));
    let older =
        of("apps/v1", "Deployment", &deployment(&json!({"observedGeneration": 1, "conditions": conditions})));
    waits(&older, "not seen");
}

#[test]
fn a_job_that_has_ended_has_ended_while_it_is_deleted_too() {
    let job = |condition: &str| {
        let status = json!({"conditions": [{"type": condition, "status": "True", "reason": "Because"}]});
        of(
            "batch/v1",
            "Job",
            &json!({"metadata": {"deletionTimestamp": "2026-11-24T00:00:00Z"}, "status": status}),
        )
    };
    assert_eq!(job("Complete"), Ready);
    assert_eq!(job("Failed"), Failed("Because".to_owned()));
    waits(&job("Suspended"), "deleted");
}

#[test]
fn a_stateful_set_counts_what_its_partition_leaves() {
    let set = |status: Value, partition: i64| {
        let strategy = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": partition}});
        json!({"metadata": {"generation": 1}, "spec": {"replicas": 3, "updateStrategy": strategy}, "status": status})
    };
    let status = json!({"observedGeneration": 1, "readyReplicas": 3, "updatedReplicas": 1});
    waits(&of("apps/v1", "StatefulSet", &set(status.clone(), 0)), "1 of 3 replicas updated");
    assert_eq!(of("apps/v1", "StatefulSet", &set(status, 2)), Ready);
}

#[test]
fn a_stateful_set_with_seconds_to_be_ready_for_waits_until_its_pods_are_available() {
    let set = |available: i64| {
        json!({"metadata": {"generation": 1}, "spec": {"replicas": 1, "minReadySeconds": 10}, "status": {
            "observedGeneration": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": available
        }})
    };
    waits(&of("apps/v1", "StatefulSet", &set(0)), "0 of 1 replicas available");
    assert_eq!(of("apps/v1", "StatefulSet", &set(1)), Ready);
}

#[test]
fn a_daemon_set_is_ready_on_every_node_it_belongs_to() {
    let set = |available: i64| {
        json!({"metadata": {"generation": 1}, "status": {
            "observedGeneration": 1, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": available
        }})
    };
    waits(&of("apps/v1", "DaemonSet", &set(1)), "1 of 2 pods available");
    assert_eq!(of("apps/v1", "DaemonSet", &set(2)), Ready);
}

#[test]
fn a_job_is_ready_when_it_is_complete_and_fails_for_good() {
    let job = |conditions: Value| json!({"spec": {"completions": 2}, "status": {"succeeded": 1, "conditions": conditions}});
    waits(&of("batch/v1", "Job", &job(json!([]))), "1 of 2 completions");
    assert_eq!(of("batch/v1", "Job", &job(json!([{"type": "Complete", "status": "True"}]))), Ready);
    let failed = json!([{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]);
    assert_eq!(of("batch/v1", "Job", &job(failed)), Failed("BackoffLimitExceeded".to_owned()));
}

#[test]
fn a_claim_waits_for_its_volume_unless_its_class_waits_for_a_pod() {
    let claim =
        |phase: &str, class: &str| json!({"spec": {"storageClassName": class}, "status": {"phase": phase}});
    assert_eq!(of("v1", "PersistentVolumeClaim", &claim("Bound", "fast")), Ready);
    waits(&of("v1", "PersistentVolumeClaim", &claim("Pending", "fast")), "fast");
    assert_eq!(of("v1", "PersistentVolumeClaim", &claim("Pending", "late")), Ready);
}

#[test]
fn conditions_decide_for_definitions_services_of_the_api_and_custom_objects() {
    let with = |name: &str, status: &str| json!({"status": {"conditions": [{"type": name, "status": status, "reason": "Why", "message": "because"}]}});
    assert_eq!(
        of("apiextensions.k8s.io/v1", "CustomResourceDefinition", &with("Established", "True")),
        Ready
    );
    assert!(matches!(
        of("apiextensions.k8s.io/v1", "CustomResourceDefinition", &with("NamesAccepted", "False")),
        Failed(_)
    ));
    waits(&of("apiregistration.k8s.io/v1", "APIService", &with("Available", "False")), "Why: because");
    waits(&of("cert-manager.io/v1", "Certificate", &with("Ready", "False")), "because");
    assert_eq!(of("cert-manager.io/v1", "Certificate", &with("Ready", "True")), Ready);
    assert_eq!(of("monitoring.coreos.com/v1", "PrometheusRule", &json!({})), Ready);
}

#[test]
fn what_has_no_status_is_ready_and_needs_no_look() {
    assert_eq!(of("v1", "ConfigMap", &json!({})), Ready);
    assert!(!has_status(&TypeName::new("v1", "Secret")));
    assert!(has_status(&TypeName::new("example.test/v1", "Note")));
}

#[test]
fn an_annotation_lets_an_object_be_waited_for_by_nobody() {
    let object = json!({"metadata": {"annotations": {WAIT: "false"}}, "spec": {"replicas": 3}});
    assert_eq!(of("apps/v1", "Deployment", &object), Ready);
    assert!(matches!(of("networking.k8s.io/v1", "Ingress", &json!({})), Waiting(why) if why.contains(WAIT)));
}

#[test]
fn only_time_proves_a_container_that_runs_on_without_a_probe() {
    let unproved = |api: &str, kind: &str, spec: Value| {
        let status = json!({"desiredNumberScheduled": 1});
        is_unproved(&TypeName::new(api, kind), &json!({"spec": spec, "status": status}))
    };
    let set = |container: Value| json!({"template": {"spec": {"containers": [container]}}});
    for kind in ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"] {
        assert!(unproved("apps/v1", kind, set(json!({"name": "main"}))));
        for probe in ["readinessProbe", "startupProbe"] {
            assert!(!unproved("apps/v1", kind, set(json!({"name": "main", probe: {"periodSeconds": 1}}))));
        }
    }
    assert!(unproved("v1", "Pod", json!({"containers": [{"readinessProbe": {}}, {"name": "beside it"}]})));
    let excepted =
        json!({"metadata": {"annotations": {WAIT: "false"}}, "spec": set(json!({"name": "main"}))});
    assert!(!is_unproved(&TypeName::new("apps/v1", "Deployment"), &excepted));
    assert!(!unproved("batch/v1", "Job", set(json!({"name": "main"}))));
    assert!(!unproved("example.test/v1", "Rollout", set(json!({"name": "main"}))));
    assert!(unproved("apps/v1", "Deployment", set(json!({"name": "main"}))));
    for settled in [json!({"replicas": 0}), json!({"minReadySeconds": 10}), json!({"paused": true})] {
        let mut spec = set(json!({"name": "main"}));
        spec.as_object_mut()
            .into_iter()
            .for_each(|spec| spec.extend(settled.as_object().cloned().unwrap_or_default()));
        assert!(!unproved("apps/v1", "Deployment", spec));
    }
}

#[test]
fn what_is_being_deleted_is_not_ready() {
    waits(
        &of("v1", "ConfigMap", &json!({"metadata": {"deletionTimestamp": "2026-11-24T00:00:00Z"}})),
        "deleted",
    );
}

proptest! {
    #[test]
    fn more_available_replicas_never_make_it_less_ready(wanted in 0..5_i64, fewer in 0..5_i64, more in 0..5_i64) {
        let with = |available: i64| of("apps/v1", "Deployment", &json!({
            "metadata": {"generation": 1}, "spec": {"replicas": wanted},
            "status": {"observedGeneration": 1, "replicas": wanted, "updatedReplicas": wanted, "availableReplicas": available},
        }));
        prop_assert!(with(fewer) != Ready || with(fewer.max(more)) == Ready);
    }
}
