use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::workload::manifest::read;
use crate::workload::ownership::marked;

fn config_map(name: &str) -> Manifest {
    read(&format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: '{name}'}}\n"), Some("a"))
        .unwrap()
        .remove(0)
}

/// The object as a server has it after an apply by `by`.
fn applied(manifest: &Manifest, by: &str) -> Value {
    let mut object = marked(manifest.object.clone(), by, &manifest.digest(), Stage::Settled);
    object["metadata"]["uid"] = json!("uid");
    object["metadata"]["managedFields"] =
        json!([{"manager": "socle", "operation": "Apply", "fieldsV1": {"f:data": {"f:a": {}}}}]);
    object
}

fn observed(object: &Value) -> Observed {
    Observed::read(object, &["web"]).unwrap()
}

fn known(object: &Value) -> Known {
    let digest = object["metadata"]["annotations"][DIGEST].as_str().map(str::to_owned);
    Known {
        uid: Some("uid".to_owned()),
        digest,
        ready: true,
        drifted: Vec::new(),
        fields: FieldSet::owned(object),
    }
}

fn decide(manifest: &Manifest, object: &Value, known: &Known) -> Result<Step, Foreign> {
    step(manifest, "web", Some(&observed(object)), Some(known), Adoption::Refuse)
}

fn apply() -> Step {
    Step::Apply { takes_back: Vec::new() }
}

#[test]
fn what_is_missing_is_applied_and_what_is_as_it_should_be_is_left() {
    let manifest = config_map("a");
    let object = applied(&manifest, "web");
    assert_eq!(step(&manifest, "web", None, None, Adoption::Refuse), Ok(apply()));
    assert_eq!(decide(&manifest, &object, &known(&object)), Ok(Step::Leave));
}

#[test]
fn another_document_a_lost_field_or_an_unfinished_create_is_applied() {
    let manifest = config_map("a");
    let before = applied(&manifest, "web");
    for (pointer, value) in [
        ("/metadata/annotations", json!({OWNER: "web", DIGEST: "older"})),
        ("/metadata/managedFields", json!([])),
        ("/metadata/annotations", json!({OWNER: "web", DIGEST: manifest.digest(), CREATING: "true"})),
    ] {
        let mut now = before.clone();
        *now.pointer_mut(pointer).unwrap() = value;
        assert_eq!(decide(&manifest, &now, &known(&before)), Ok(apply()), "{now}");
    }
}

#[test]
fn only_what_the_plan_showed_as_drifted_is_taken_back() {
    let manifest = config_map("a");
    let object = applied(&manifest, "web");
    let known = Known { drifted: vec!["data.a".to_owned()], ..known(&object) };
    let mut now = object.clone();
    now["metadata"]["managedFields"] = json!([]);
    assert_eq!(decide(&manifest, &now, &known), Ok(Step::Apply { takes_back: vec!["data.a".to_owned()] }));
}

#[test]
fn an_object_of_others_is_refused_with_its_owner_unless_adopted() {
    let manifest = config_map("a");
    let object = applied(&manifest, "api");
    let refused = decide(&manifest, &object, &Known::default()).unwrap_err().to_string();
    assert!(
        refused.contains("v1 ConfigMap a/a") && refused.contains("\"api\"") && refused.contains("adopt"),
        "{refused}"
    );
    let bare = json!({"metadata": {"uid": "u", "managedFields": [{"manager": "kubectl"}]}});
    let refused = decide(&manifest, &bare, &Known::default()).unwrap_err().to_string();
    assert!(refused.contains("written by kubectl"), "{refused}");
    for object in [object, bare] {
        let adopted = step(&manifest, "web", Some(&observed(&object)), None, Adoption::Adopt);
        assert_eq!(adopted, Ok(apply()));
    }
}

#[test]
fn a_torn_off_mark_is_put_back_on_the_object_that_the_state_knows_by_its_id() {
    let manifest = config_map("a");
    let object = applied(&manifest, "web");
    let mut torn = object.clone();
    torn["metadata"]["annotations"] = json!({DIGEST: manifest.digest()});
    assert_eq!(decide(&manifest, &torn, &known(&object)), Ok(apply()));
    torn["metadata"]["uid"] = json!("of another one in its place");
    assert!(decide(&manifest, &torn, &known(&object)).is_err());
    let taken = applied(&manifest, "api");
    assert!(decide(&manifest, &taken, &known(&object)).is_err(), "another owner's mark counts");
}

#[test]
fn a_renamed_resource_marks_its_objects_anew() {
    let manifest = config_map("a");
    let object = applied(&manifest, "old");
    let seen = Observed::read(&object, &["web", "old"]).unwrap();
    assert_eq!(step(&manifest, "web", Some(&seen), Some(&known(&object)), Adoption::Refuse), Ok(apply()));
}

#[test]
fn what_is_on_its_way_out_is_awaited() {
    let manifest = config_map("a");
    let mut object = applied(&manifest, "api");
    object["metadata"]["deletionTimestamp"] = json!("2026-11-24T00:00:00Z");
    assert_eq!(decide(&manifest, &object, &Known::default()), Ok(Step::AwaitThenApply));
}

fn job(ttl: &str) -> Manifest {
    let text = format!("apiVersion: batch/v1\nkind: Job\nmetadata: {{name: migrate}}\nspec: {{{ttl}}}\n");
    read(&text, Some("a")).unwrap().remove(0)
}

#[test]
fn a_job_that_ended_and_was_told_to_go_runs_no_second_time() {
    let manifest = job("ttlSecondsAfterFinished: 60");
    let mut object = applied(&manifest, "web");
    object["metadata"]["managedFields"][0]["fieldsV1"] = json!({"f:spec": {"f:ttlSecondsAfterFinished": {}}});
    let done = known(&object);
    object["metadata"]["deletionTimestamp"] = json!("2026-11-24T00:00:00Z");
    let step = |manifest: &Manifest, observed, known: &Known| {
        step(manifest, "web", observed, Some(known), Adoption::Refuse).unwrap()
    };
    assert_eq!(step(&manifest, None, &done), Step::Leave);
    let leaving = observed(&object);
    assert_eq!(step(&manifest, Some(&leaving), &done), Step::Leave);
    assert_eq!(step(&job("ttlSecondsAfterFinished: 90"), None, &done), apply(), "another document");
    assert_eq!(step(&manifest, None, &Known { ready: false, ..done.clone() }), apply(), "it had not ended");
    assert_eq!(
        step(&manifest, None, &Known { fields: FieldSet::default(), ..done }),
        apply(),
        "nothing let it go"
    );
}

#[test]
fn precious_objects_are_kept_unless_their_annotation_gives_them_free() {
    let kept = |label: &str, annotation: Option<&str>| {
        let object = json!({"metadata": {"uid": "u", "annotations": {PREVENT_PRUNE: annotation}}});
        observed(&object).is_kept(&Identity::parse(label).unwrap())
    };
    assert!(kept("v1 PersistentVolumeClaim a/b", None));
    assert!(kept("v1 Namespace a", None));
    assert!(!kept("v1 Namespace a", Some("false")));
    assert!(!kept("v1 ConfigMap a/b", None));
    assert!(kept("v1 ConfigMap a/b", Some("true")));
}

#[test]
fn an_object_in_another_version_is_still_wanted() {
    let hpa = |version: &str| {
        let text = format!(
            "apiVersion: autoscaling/{version}\nkind: HorizontalPodAutoscaler\nmetadata: {{name: a}}\n"
        );
        read(&text, Some("n")).unwrap().remove(0)
    };
    assert_eq!(unwanted([&hpa("v1").identity], &[hpa("v2")]), []);
}

proptest! {
    #[test]
    fn what_is_pruned_is_exactly_what_is_there_and_not_wanted(
        there in proptest::collection::btree_set("[a-d]", 0..5), wanted in proptest::collection::btree_set("[a-d]", 0..5),
    ) {
        let identities: Vec<_> = there.iter().map(|name| config_map(name).identity).collect();
        let manifests: Vec<_> = wanted.iter().map(|name| config_map(name)).collect();
        let pruned: BTreeSet<_> = unwanted(&identities, &manifests).into_iter().map(|identity| identity.name).collect();
        prop_assert_eq!(pruned, there.difference(&wanted).cloned().collect::<BTreeSet<_>>());
    }

    #[test]
    fn a_second_apply_has_nothing_to_do(name in "[a-z]{1,6}", owner in "[a-z]{1,6}") {
        let manifest = config_map(&name);
        let object = applied(&manifest, &owner);
        let seen = Observed::read(&object, &[&owner]).unwrap();
        let step = step(&manifest, &owner, Some(&seen), Some(&known(&object)), Adoption::Refuse);
        prop_assert_eq!(step, Ok(Step::Leave));
    }
}
