//! What goes, what stays, and marks that are torn off.

use acceptance::kube_stage::{KubeStage, WEB};
use acceptance::plan::Action::Update;
use serde_json::json;

use super::{APPLICATION, KINDS, Result, SETTINGS, object};

#[test]
fn prunes_what_is_no_longer_wanted_and_shows_it() -> Result {
    let stage = KubeStage::new()?;
    stage.apply(APPLICATION)?;
    stage.write_documents(SETTINGS)?;
    let plan = stage.terraform.plan()?;
    let after = &plan.change(WEB).after()["objects"];
    assert!(after[stage.label("v1", "Service", "web")].is_null(), "{after}");
    stage.terraform.apply_plan(&plan)?;
    assert_eq!(stage.owned(KINDS)?, ["configmap/settings"]);
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn keeps_claims_and_namespaces_and_takes_them_up_again() -> Result {
    let stage = KubeStage::new()?;
    let claim = "
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, annotations: {socle.platform/wait: 'false'}}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
";
    let all = format!(
        "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {}}}\n---{claim}---{SETTINGS}",
        stage.name
    );
    stage.apply(&all)?;
    let uid = stage.get("pvc/data")?["metadata"]["uid"].clone();
    let said = stage.terraform.run(&["destroy", "-json", "-input=false", "-auto-approve"])?;
    let kept =
        format!("v1 Namespace {0}, v1 PersistentVolumeClaim {0}/data stays in the cluster", stage.name);
    assert!(said.contains(&kept), "{said}");
    assert_eq!(stage.get("pvc/data")?["metadata"]["uid"], uid);
    assert_eq!(stage.owned("configmaps,persistentvolumeclaims,namespaces")?, Vec::<String>::new());
    stage.apply(&all)?;
    assert_eq!(stage.get("pvc/data")?["metadata"]["uid"], uid);
    stage.terraform.assert_plan_is_empty();
    stage.apply(&all.replace("wait: 'false'", "wait: 'false', socle.platform/prevent-prune: 'false'"))?;
    stage.terraform.destroy()?;
    assert!(
        stage.get("pvc/data")?["metadata"]["deletionTimestamp"].is_string()
            || stage.get("pvc/data")?.is_null()
    );
    Ok(())
}

#[test]
fn an_apply_says_what_it_keeps_of_what_is_no_longer_wanted() -> Result {
    let stage = KubeStage::new()?;
    let kept =
        SETTINGS.replace("name: settings", "name: old, annotations: {socle.platform/prevent-prune: 'true'}");
    stage.apply(&format!("{SETTINGS}---{kept}"))?;
    stage.write_documents(SETTINGS)?;
    let plan = stage.terraform.plan()?;
    let said = stage.terraform.run(&["apply", "-json", "-input=false", &plan.file().to_string_lossy()])?;
    assert!(
        said.contains("Objects are kept") && said.contains(&stage.label("v1", "ConfigMap", "old")),
        "{said}"
    );
    assert_eq!(stage.owned(KINDS)?, ["configmap/settings"]);
    assert!(!stage.get("configmap/old")?.is_null());
    Ok(())
}

#[test]
fn a_torn_off_mark_is_put_back() -> Result {
    let stage = KubeStage::new()?;
    let label = stage.label("v1", "ConfigMap", "settings");
    stage.apply(SETTINGS)?;
    let uid = stage.get("configmap/settings")?["metadata"]["uid"].clone();
    let tear_off = || {
        stage.kubectl(&["annotate", "configmap/settings", "socle.platform/owner-"])?;
        stage.kubectl(&["label", "configmap/settings", "socle.platform/owner-"])
    };
    tear_off()?;
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.actions(WEB), [Update], "{plan}");
    let drifted = object(plan.change(WEB).before(), &label)["drifted_fields"].to_string();
    assert!(drifted.contains("socle.platform/owner"), "{drifted}");
    stage.terraform.apply_plan(&plan)?;
    assert_eq!(stage.owned(KINDS)?, ["configmap/settings"]);
    // Replaced as a whole: neither mark nor field of ours is left.
    let bare =
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings, namespace: {}}}\n", stage.name);
    stage.api.kubectl_with(&["replace", "-f", "-"], &bare)?;
    stage.apply(SETTINGS)?;
    let found = stage.get("configmap/settings")?;
    assert_eq!((&found["metadata"]["uid"], &found["data"]["colour"]), (&uid, &json!("blue")));
    stage.terraform.assert_plan_is_empty();
    tear_off()?;
    stage.terraform.destroy()?;
    assert!(stage.get("configmap/settings")?.is_null());
    Ok(())
}
