//! Whose an object is: marks that stand on the object itself.
//!
//! The label finds objects with one list call a kind; the annotation decides, because a label is easily copied
//! along with a manifest.

use serde_json::{Map, Value, json};

/// The label and the annotation that name the owner.
pub const OWNER: &str = "socle.platform/owner";
/// The annotation with the digest of the document that was applied.
pub const DIGEST: &str = "socle.platform/digest";
/// The annotation on an object of a resource whose create has not ended.
pub const CREATING: &str = "socle.platform/creating";
/// The annotation of an object that was kept when its resource let go of it; names the former owner.
pub const KEPT: &str = "socle.platform/kept-from";
/// The annotation by which a user says whether an object may be deleted (`"false"`) or not (`"true"`).
pub const PREVENT_PRUNE: &str = "socle.platform/prevent-prune";
/// The annotation by which a user says that nothing waits for this object: `"false"`.
pub const WAIT: &str = "socle.platform/wait";

/// Whose an object is, by its marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// One of the names asked for.
    Ours,
    /// Another resource of that name.
    Other(String),
    /// Nobody of ours; the field managers that wrote to it.
    Nobody(Vec<String>),
}

/// Reads whose an object is. `names` are those of the resource that asks: its name, and its former one while it is
/// being renamed.
pub fn owner(object: &Value, names: &[&str]) -> Owner {
    let owner = annotation(object, OWNER).or_else(|| annotation(object, KEPT));
    match owner {
        Some(owner) if names.contains(&owner) => Owner::Ours,
        Some(owner) => Owner::Other(owner.to_owned()),
        None => Owner::Nobody(managers(object)),
    }
}

/// An annotation of an object.
pub fn annotation<'o>(object: &'o Value, key: &str) -> Option<&'o str> {
    object["metadata"]["annotations"][key].as_str()
}

fn managers(object: &Value) -> Vec<String> {
    let entries = object["metadata"]["managedFields"].as_array();
    let mut names: Vec<_> = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| entry["manager"].as_str().map(str::to_owned))
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Whether a create is still under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Its mark goes on the object.
    Creating,
    /// No such mark.
    Settled,
}

/// The object as it is sent: with the marks of its owner.
#[must_use]
pub fn marked(mut object: Value, owner: &str, digest: &str, stage: Stage) -> Value {
    let metadata = entry(&mut object, "metadata");
    entry(metadata, "labels")[OWNER] = json!(owner);
    let annotations = entry(metadata, "annotations");
    annotations[OWNER] = json!(owner);
    annotations[DIGEST] = json!(digest);
    if stage == Stage::Creating {
        annotations[CREATING] = json!("true");
    }
    object
}

/// The object under that key, made when it is missing or null.
fn entry<'o>(object: &'o mut Value, key: &str) -> &'o mut Value {
    let entry = &mut object[key];
    if !entry.is_object() {
        *entry = Value::Object(Map::new());
    }
    entry
}

/// The change that takes our marks off an object which is kept.
pub fn release(owner: &str) -> Value {
    json!({ "metadata": {
        "labels": { OWNER: null },
        "annotations": { OWNER: null, DIGEST: null, CREATING: null, KEPT: owner },
    }})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_stand_beside_what_the_user_wrote() {
        let object = json!({"metadata": {"name": "a", "labels": {"app": "a"}, "annotations": null}});
        let marked = marked(object, "web", "abc", Stage::Creating);
        let expected = json!({
            "name": "a",
            "labels": {"app": "a", OWNER: "web"},
            "annotations": {OWNER: "web", DIGEST: "abc", CREATING: "true"},
        });
        assert_eq!(marked["metadata"], expected);
        assert_eq!(owner(&marked, &["web"]), Owner::Ours);
        assert_eq!(owner(&marked, &["api"]), Owner::Other("web".to_owned()));
    }

    #[test]
    fn a_copied_label_makes_no_owner() {
        let managers = json!([{"manager": "kubectl"}, {"manager": "kubectl"}, {"manager": "helm"}]);
        let object = json!({"metadata": {"labels": {OWNER: "web"}, "managedFields": managers}});
        assert_eq!(owner(&object, &["web"]), Owner::Nobody(vec!["helm".to_owned(), "kubectl".to_owned()]));
    }

    #[test]
    fn what_was_kept_may_be_taken_up_again_by_its_former_owner_alone() {
        let kept = json!({"metadata": {"annotations": {KEPT: "web"}}});
        assert_eq!(owner(&kept, &["web"]), Owner::Ours);
        assert_eq!(owner(&kept, &["api"]), Owner::Other("web".to_owned()));
    }
}
