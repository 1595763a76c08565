//! Objects and fields of others.

use acceptance::kube_stage::KubeStage;

use super::{APPLICATION, KINDS, Result, SETTINGS};

#[test]
fn an_object_of_others_is_refused_before_anything_is_changed_unless_adopted() -> Result {
    let stage = KubeStage::new()?;
    stage.api.kubectl(&["create", "namespace", &stage.name])?;
    stage.kubectl(&["create", "configmap", "settings", "--from-literal=colour=blue"])?;
    stage.write_documents(APPLICATION)?;
    let failed = stage.terraform.apply().expect_err("somebody else made it");
    assert!(failed.says("ConfigMap") && failed.says("kubectl-create") && failed.says("adopt"), "{failed}");
    assert_eq!(stage.owned(KINDS)?, Vec::<String>::new());
    stage.apply_with(APPLICATION, "adopt = true")?;
    assert_eq!(stage.owned(KINDS)?.len(), 3);
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn two_resources_do_not_share_an_object() -> Result {
    let stage = KubeStage::new()?;
    stage.apply(SETTINGS)?;
    let other = stage.manifests(SETTINGS, "").replace("\"web\"", "\"other\"");
    let other = other.replacen(&format!("\"{}\"", stage.name), "\"somebody-else\"", 1);
    stage.write(&(stage.manifests(SETTINGS, "") + &other))?;
    let failed = stage.terraform.apply().expect_err("the object has an owner");
    assert!(failed.says(&format!("belongs to the socle_manifests \"{}\"", stage.name)), "{failed}");
    Ok(())
}

#[test]
fn a_second_resource_of_one_name_is_refused() -> Result {
    let stage = KubeStage::new()?;
    stage.apply(SETTINGS)?;
    let other = stage.manifests(&SETTINGS.replace("settings", "others"), "").replace("\"web\"", "\"other\"");
    stage.write(&(stage.manifests(SETTINGS, "") + &other))?;
    let failed = stage.terraform.apply().expect_err("the name is taken");
    assert!(failed.says("complete") && failed.says("adopt = true"), "{failed}");
    assert!(stage.get("configmap/others")?.is_null());
    Ok(())
}

#[test]
fn a_field_of_another_manager_is_a_conflict_that_names_both() -> Result {
    let stage = KubeStage::new()?;
    stage.apply(SETTINGS)?;
    let theirs = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings, namespace: {}}}\ndata: {{speed: slow}}\n",
        stage.name
    );
    stage.api.kubectl_with(&["apply", "--server-side", "--field-manager=somebody", "-f", "-"], &theirs)?;
    let ours = SETTINGS.replace("size: large", "size: large, speed: fast");
    stage.write_documents(&ours)?;
    let failed = stage.terraform.apply().expect_err("the field is somebody's");
    assert!(
        failed.says("\"somebody\"") && failed.says("data.speed") && failed.says("force_conflicts"),
        "{failed}"
    );
    assert_eq!(stage.get("configmap/settings")?["data"]["speed"], "slow");
    stage.apply_with(&ours, "force_conflicts = true")?;
    assert_eq!(stage.get("configmap/settings")?["data"]["speed"], "fast");
    stage.terraform.assert_plan_is_empty();
    Ok(())
}
