use proptest::prelude::*;
use serde_json::json;

use super::*;

fn set(fields: Value) -> FieldSet {
    serde_json::from_value(fields).unwrap()
}

fn deployment() -> Value {
    json!({
        "f:metadata": {"f:labels": {"f:app.kubernetes.io/name": {}}},
        "f:spec": {
            "f:replicas": {},
            "f:template": {"f:spec": {"f:containers": {
                "k:{\"name\":\"web\"}": {".": {}, "f:image": {}, "f:name": {},
                    "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}}}
            }}},
            "f:finalizers": {"v:\"a\"": {}},
        },
    })
}

#[test]
fn only_our_applies_count_as_ours() {
    let object = json!({"metadata": {"managedFields": [
        {"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": {"f:a": {}}}},
        {"manager": "socle", "operation": "Update", "fieldsV1": {"f:spec": {"f:b": {}}}},
        {"manager": "socle", "operation": "Apply", "subresource": "status", "fieldsV1": {"f:status": {}}},
        {"manager": "socle", "operation": "Apply", "fieldsV1": {"f:spec": {"f:c": {}}}},
    ]}});
    assert_eq!(FieldSet::owned(&object), set(json!({"f:spec": {"f:c": {}}})));
    assert!(FieldSet::owned(&json!({})).is_empty());
}

#[test]
fn a_field_that_went_to_another_manager_is_lost_by_name() {
    let before = set(deployment());
    let mut now = deployment();
    now["f:spec"].as_object_mut().unwrap().remove("f:replicas");
    now["f:metadata"]["f:labels"] = json!({});
    now["f:spec"]["f:template"]["f:spec"]["f:containers"]["k:{\"name\":\"web\"}"] =
        json!({".": {}, "f:name": {}, "f:ports": {}});
    let expected = [
        "metadata.labels.app.kubernetes.io/name",
        "spec.replicas",
        "spec.template.spec.containers[name=\"web\"].image",
        "spec.template.spec.containers[name=\"web\"].ports[containerPort=80,protocol=\"TCP\"]",
    ];
    assert_eq!(before.lost(&set(now)), expected);
}

#[test]
fn an_item_that_is_gone_is_named_once() {
    let before = set(deployment());
    let mut now = deployment();
    now["f:spec"]["f:template"]["f:spec"]["f:containers"] = json!({});
    now["f:spec"]["f:finalizers"] = json!({});
    let expected = ["spec.finalizers[=\"a\"]", "spec.template.spec.containers[name=\"web\"]"];
    assert_eq!(before.lost(&set(now)), expected);
}

#[test]
fn a_field_is_found_by_its_names() {
    let set = set(json!({"f:spec": {"f:ttlSecondsAfterFinished": {}, "f:template": {"f:spec": {}}}}));
    assert!(set.has(&["spec", "ttlSecondsAfterFinished"]) && set.has(&["spec", "template"]));
    assert!(!set.has(&["ttlSecondsAfterFinished"]) && !set.has(&["spec", "suspend", "x"]));
}

#[test]
fn what_others_add_is_no_loss() {
    let mut now = deployment();
    now["f:spec"]["f:paused"] = json!({});
    assert_eq!(set(deployment()).lost(&set(now)), Vec::<String>::new());
}

#[test]
fn a_part_of_a_lost_item_counts_as_lost() {
    let lost = ["spec.containers[name=\"a\"]".to_owned(), "spec.replicas".to_owned()];
    assert!(covers(&lost, "spec.replicas"));
    assert!(covers(&lost, "spec.containers[name=\"a\"].image"));
    assert!(!covers(&lost, "spec.replicasMax"));
    assert!(!covers(&lost, "spec.containers[name=\"ab\"].image"));
}

fn field_sets() -> impl Strategy<Value = Value> {
    let leaf = Just(json!({}));
    leaf.prop_recursive(4, 24, 4, |inner| {
        proptest::collection::btree_map("(f:[a-c]|k:\\{\"name\":\"[ab]\"\\}|\\.)", inner, 1..4).prop_map(
            |entries| {
                let clean = |(step, below): (String, Value)| {
                    if step == "." { (step, json!({})) } else { (step, below) }
                };
                Value::Object(entries.into_iter().map(clean).collect())
            },
        )
    })
}

proptest! {
    #[test]
    fn nothing_is_lost_to_oneself(fields in field_sets()) {
        prop_assert_eq!(set(fields.clone()).lost(&set(fields)), Vec::<String>::new());
    }

    #[test]
    fn everything_is_lost_to_nothing(fields in field_sets()) {
        fn has_members(fields: &Value) -> bool {
            fields.as_object().is_some_and(|steps| {
                steps.iter().any(|(step, below)| step != "." && {
                    below.as_object().is_some_and(|below| below.is_empty() || below.contains_key(".")) || has_members(below)
                })
            })
        }
        prop_assert_eq!(!set(fields.clone()).lost(&FieldSet::default()).is_empty(), has_members(&fields));
    }

    #[test]
    fn a_lost_field_covers_itself_and_its_parts(fields in field_sets()) {
        let lost = set(fields).lost(&FieldSet::default());
        for field in &lost {
            let part = format!("{field}.x");
            prop_assert!(covers(&lost, field) && covers(&lost, &part));
        }
    }

    #[test]
    fn it_survives_the_state(fields in field_sets()) {
        let fields = set(fields);
        let text = serde_json::to_string(&fields).unwrap();
        prop_assert_eq!(serde_json::from_str::<FieldSet>(&text).unwrap(), fields);
    }
}
