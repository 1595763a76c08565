//! `socle_manifests` on a real Kubernetes API.

mod definitions;
mod drift;
mod keeping;
mod many;
mod owners;
mod replacing;
mod secrets;

use std::error::Error;

use acceptance::kube_stage::{KubeStage, WEB};
use acceptance::opentofu;
use acceptance::plan::Action::{Create, Update};
use serde_json::Value;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// A deployment of no replicas, which is ready without a kubelet, and what belongs to it.
const APPLICATION: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: blue, size: large}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1
          ports: [{containerPort: 8080}]
          resources: {requests: {cpu: 1000m, memory: 1024Mi}}
";
const KINDS: &str = "configmaps,services,deployments,jobs,secrets";
const SETTINGS: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: blue, size: large}
";

/// One attribute of one object in a planned or stored `objects`.
#[track_caller]
fn object<'v>(objects: &'v Value, label: &str) -> &'v Value {
    let found = &objects["objects"][label];
    assert!(!found.is_null(), "no {label} in {objects}");
    found
}

/// The whole life, with one of the two programs.
fn whole_life(stage: &KubeStage) -> Result {
    let label = stage.label("apps/v1", "Deployment", "web");
    stage.write_documents(APPLICATION)?;
    assert_eq!(stage.terraform.validate()?, []);
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.actions(WEB), [Create]);
    assert_eq!(object(plan.change(WEB).after(), &label)["ready"], true);
    assert!(stage.proxy.calls().is_empty(), "a plan of something new needs no cluster");
    stage.terraform.apply_plan(&plan)?;
    assert_eq!(stage.owned(KINDS)?, ["configmap/settings", "deployment.apps/web", "service/web"]);
    assert_eq!(
        stage.get("deployment/web")?["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"],
        "1"
    );
    stage.terraform.assert_plan_is_empty();

    stage.write_documents(&APPLICATION.replace("web:1", "web:2").replace("size: large", "size: small"))?;
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.actions(WEB), [Update]);
    let (before, after) = (plan.change(WEB).before(), plan.change(WEB).after());
    assert_ne!(object(before, &label)["digest"], object(after, &label)["digest"]);
    let service = stage.label("v1", "Service", "web");
    assert_eq!(object(before, &service), object(after, &service));
    stage.proxy.take_calls();
    stage.terraform.apply_plan(&plan)?;
    assert_eq!(stage.proxy.count("PATCH"), 2, "only what changed is sent");
    assert_eq!(stage.get("configmap/settings")?["data"]["size"], "small");
    stage.terraform.assert_plan_is_empty();

    stage.terraform.destroy()?;
    assert_eq!(stage.owned(KINDS)?, Vec::<String>::new());
    Ok(())
}

#[test]
fn applies_changes_and_destroys() -> Result {
    whole_life(&KubeStage::new()?)
}

#[test]
fn applies_changes_and_destroys_with_opentofu() -> Result {
    whole_life(&KubeStage::of(opentofu::program()?)?)
}

#[test]
fn a_client_certificate_opens_the_cluster_too() -> Result {
    let stage = KubeStage::new()?;
    let path = stage.api.kubeconfig_with_certificate().display().to_string();
    stage.write(&stage.manifests(SETTINGS, "").replace("\"kubeconfig\"", &format!("{path:?}")))?;
    stage.terraform.apply()?;
    stage.terraform.assert_plan_is_empty();
    stage.terraform.destroy()?;
    assert_eq!(stage.owned(KINDS)?, Vec::<String>::new());
    Ok(())
}

#[test]
fn an_unknown_kind_is_refused_before_anything_is_changed() -> Result {
    let stage = KubeStage::new()?;
    let text =
        format!("{SETTINGS}---\napiVersion: nowhere.example.test/v1\nkind: Nothing\nmetadata: {{name: a}}\n");
    stage.write_documents(&text)?;
    let failed = stage.terraform.apply().expect_err("there is no such kind");
    assert!(failed.says("serves no such kind") && failed.says("CustomResourceDefinition"), "{failed}");
    assert!(stage.get("configmap/settings")?.is_null());
    let text =
        SETTINGS.replace("apiVersion: v1", "apiVersion: apps/v1beta1").replace("ConfigMap", "Deployment");
    stage.write_documents(&text)?;
    let failed = stage.terraform.apply().expect_err("that version is gone");
    assert!(failed.says("but in v1"), "{failed}");
    Ok(())
}

#[test]
fn a_renamed_resource_keeps_its_objects() -> Result {
    let stage = KubeStage::new()?;
    stage.apply(SETTINGS)?;
    let uid = stage.get("configmap/settings")?["metadata"]["uid"].clone();
    let renamed = format!("{}-renamed", stage.name);
    stage.write(&stage.manifests(SETTINGS, "").replacen(
        &format!("\"{}\"", stage.name),
        &format!("\"{renamed}\""),
        1,
    ))?;
    assert_eq!(stage.terraform.plan()?.actions(WEB), [Update]);
    stage.terraform.apply()?;
    assert_eq!(stage.get("configmap/settings")?["metadata"]["uid"], uid);
    assert_eq!(stage.api.owned_by(&renamed, KINDS)?, ["configmap/settings"]);
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn a_cluster_that_cannot_be_reached_leaves_the_state_and_a_warning() -> Result {
    let stage = KubeStage::new()?;
    stage.apply(SETTINGS)?;
    let kubeconfig = stage.terraform.read("kubeconfig")?;
    stage.terraform.write("kubeconfig", &stage.api.kubeconfig_through("http://127.0.0.1:9"))?;
    let plan = stage.terraform.plan()?;
    assert!(plan.is_empty(), "{plan}");
    std::fs::remove_file(stage.terraform.folder().join("kubeconfig"))?;
    assert!(stage.terraform.plan()?.is_empty());
    let failed = stage.terraform.destroy().expect_err("there is no way in");
    assert!(failed.says("kubeconfig") && failed.says("terraform state rm"), "{failed}");
    stage.terraform.write("kubeconfig", &kubeconfig)?;
    stage.terraform.destroy()?;
    assert_eq!(stage.owned(KINDS)?, Vec::<String>::new());
    Ok(())
}

#[test]
fn what_is_wrong_is_refused_at_validation_with_document_and_line() -> Result {
    let stage = KubeStage::new()?;
    let secret = "\napiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {password: hidden}\n";
    stage.write_documents(&format!("{SETTINGS}---{secret}---\nkind: Pod\n"))?;
    let told: Vec<_> = stage.terraform.validate()?.into_iter().map(|found| found.detail).collect();
    assert!(told.iter().any(|detail| detail.contains("data_wo")), "{told:?}");
    assert!(
        told.iter().any(|detail| detail.starts_with("document 3, line 12: `apiVersion` is missing")),
        "{told:?}"
    );
    stage.write(&stage.manifests(SETTINGS, "").replace("kubeconfig_path", "# kubeconfig_path"))?;
    assert!(!stage.terraform.validate()?.is_empty());
    Ok(())
}

#[test]
fn a_deployment_that_cannot_become_ready_fails_with_its_reasons_and_is_mended_by_the_next_apply() -> Result {
    let stage = KubeStage::new()?;
    // Nobody schedules here: the pod waits for ever.
    let stuck = APPLICATION.replace("replicas: 0", "replicas: 1");
    let timeouts = "timeouts {\n    create = \"6s\"\n    update = \"6s\"\n  }";
    stage.write(&stage.manifests(&stuck, timeouts))?;
    let failed = stage.terraform.apply().expect_err("no pod ever runs");
    assert!(failed.says("0 of 1 replicas available") && failed.says("kubectl delete"), "{failed}");
    assert_eq!(stage.owned(KINDS)?.len(), 3, "what was applied stays");
    stage.apply_with(APPLICATION, timeouts)?;
    stage.terraform.assert_plan_is_empty();
    // The same in an update: what was applied is in the state, and the next plan is not empty.
    stage.write(&stage.manifests(&stuck, timeouts))?;
    stage.terraform.apply().expect_err("no pod ever runs");
    assert_eq!(stage.terraform.plan()?.actions(WEB), [Update]);
    stage.apply_with(APPLICATION, timeouts)?;
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

// === secrets ===
