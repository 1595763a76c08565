//! What others change in objects of ours.

use std::time::{Duration, Instant};

use acceptance::kube_stage::{KubeStage, WEB};
use acceptance::plan::Action::Update;
use serde_json::json;

use super::{APPLICATION, Result, SETTINGS, object};

#[test]
fn a_hand_edit_of_a_field_of_ours_is_drift_and_is_taken_back() -> Result {
    let stage = KubeStage::new()?;
    let label = stage.label("v1", "ConfigMap", "settings");
    stage.apply(SETTINGS)?;
    stage.kubectl(&["patch", "configmap/settings", "--type=merge", "-p", r#"{"data":{"colour":"red"}}"#])?;
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.actions(WEB), [Update], "{plan}");
    assert_eq!(object(plan.change(WEB).before(), &label)["drifted_fields"], json!(["data.colour"]));
    assert_eq!(object(plan.change(WEB).after(), &label)["drifted_fields"], json!([]));
    stage.terraform.apply_plan(&plan)?;
    assert_eq!(stage.get("configmap/settings")?["data"]["colour"], "blue");
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn a_field_that_was_removed_by_hand_comes_back() -> Result {
    let stage = KubeStage::new()?;
    stage.apply(SETTINGS)?;
    stage.kubectl(&[
        "patch",
        "configmap/settings",
        "--type=json",
        "-p",
        r#"[{"op":"remove","path":"/data/size"}]"#,
    ])?;
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.actions(WEB), [Update], "{plan}");
    stage.terraform.apply_plan(&plan)?;
    assert_eq!(stage.get("configmap/settings")?["data"]["size"], "large");
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn what_others_add_is_no_drift_and_stays() -> Result {
    let stage = KubeStage::new()?;
    // Replicas are an autoscaler's here: the document leaves them out.
    let scaled = APPLICATION.replace("  replicas: 0\n", "");
    stage.apply_with(&scaled, "wait = \"applied\"")?;
    stage.kubectl(&["scale", "deployment/web", "--replicas=0"])?;
    stage.kubectl(&["annotate", "deployment/web", "example.test/note=hello"])?;
    stage.kubectl(&["patch", "configmap/settings", "--type=merge", "-p", r#"{"data":{"theirs":"1"}}"#])?;
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.changes().count(), 0, "{plan}");
    stage.apply_with(&scaled.replace("web:1", "web:2"), "wait = \"applied\"")?;
    assert_eq!(stage.get("deployment/web")?["spec"]["replicas"], 0);
    assert_eq!(stage.get("configmap/settings")?["data"]["theirs"], "1");
    Ok(())
}

/// Changes every map of the namespace on its way in: a field that a document sets, and one that none does.
fn meddling_policy(namespace: &str) -> String {
    format!(
        "
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {{name: {namespace}}}
spec:
  matchConstraints: {{resourceRules: [{{apiGroups: [''], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps]}}]}}
  failurePolicy: Fail
  reinvocationPolicy: Never
  mutations:
    - patchType: ApplyConfiguration
      applyConfiguration: {{expression: 'Object{{data: {{\"colour\": \"theirs\", \"added\": \"too\"}}}}'}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {{name: {namespace}}}
spec:
  policyName: {namespace}
  matchResources: {{namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {namespace}}}}}}}
"
    )
}

#[test]
fn what_admission_changes_is_no_drift() -> Result {
    let stage = KubeStage::new()?;
    stage.api.kubectl(&["create", "namespace", &stage.name])?;
    stage.api.kubectl_with(&["apply", "-f", "-"], &meddling_policy(&stage.name))?;
    // It takes a moment to be in force, and kubectl can tell when it is.
    let probe =
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: probe, namespace: {}}}\n", stage.name);
    let deadline = Instant::now() + Duration::from_mins(1);
    while !stage
        .api
        .kubectl_with(&["create", "--dry-run=server", "-o", "json", "-f", "-"], &probe)?
        .contains("theirs")
    {
        assert!(Instant::now() < deadline, "the policy never came into force");
    }
    stage.apply(SETTINGS)?;
    let data = stage.get("configmap/settings")?["data"].clone();
    assert_eq!(data, json!({"colour": "theirs", "size": "large", "added": "too"}));
    stage.terraform.assert_plan_is_empty();
    stage.apply(&SETTINGS.replace("large", "small"))?;
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn an_object_that_was_deleted_by_hand_is_made_again() -> Result {
    let stage = KubeStage::new()?;
    stage.apply(APPLICATION)?;
    stage.kubectl(&["delete", "service/web"])?;
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.actions(WEB), [Update]);
    assert_eq!(plan.change(WEB).after_unknown()["objects"][stage.label("v1", "Service", "web")]["uid"], true);
    stage.terraform.apply_plan(&plan)?;
    stage.terraform.assert_plan_is_empty();
    Ok(())
}
