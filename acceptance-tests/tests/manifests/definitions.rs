//! Kinds that are defined in the cluster.

use acceptance::kube_stage::KubeStage;
use serde_json::json;

use super::Result;

/// A definition of the kind `Note` in a group of the test's own, and an object of it.
pub(crate) fn notes(stage: &KubeStage) -> String {
    let group = format!("{}.example.test", stage.name);
    format!(
        "
apiVersion: {group}/v1
kind: Note
metadata: {{name: first}}
spec: {{text: hello}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: notes.{group}}}
spec:
  group: {group}
  scope: Namespaced
  names: {{kind: Note, plural: notes}}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: {{type: object, properties: {{text: {{type: string}}, size: {{type: integer, default: 3}}}}}}
"
    )
}

#[test]
fn a_definition_and_its_objects_go_in_one_apply_and_one_destroy() -> Result {
    let stage = KubeStage::new()?;
    stage.apply(&notes(&stage))?;
    let kind = format!("notes.{}.example.test", stage.name);
    assert_eq!(stage.get(&format!("{kind}/first"))?["spec"], json!({"text": "hello", "size": 3}));
    stage.terraform.assert_plan_is_empty();
    stage.terraform.destroy()?;
    assert!(stage.get(&format!("customresourcedefinition/{kind}"))?.is_null());
    Ok(())
}

#[test]
fn a_definition_of_another_resource_in_the_same_apply_is_found() -> Result {
    let stage = KubeStage::new()?;
    let all = notes(&stage);
    let (note, definition) = all.split_once("---").expect("two documents");
    let definitions = stage.manifests(definition, "").replace("\"web\"", "\"definitions\"");
    let definitions =
        definitions.replacen(&format!("\"{}\"", stage.name), &format!("\"{}-crd\"", stage.name), 1);
    let notes = stage.manifests(note, "depends_on = [socle_manifests.definitions]");
    stage.write(&(definitions + &notes))?;
    stage.terraform.apply()?;
    stage.terraform.assert_plan_is_empty();
    stage.terraform.destroy()?;
    Ok(())
}
