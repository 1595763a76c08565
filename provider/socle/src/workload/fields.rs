//! Which fields of an object are ours, by the server's own account (`metadata.managedFields`).
//!
//! The server moves a field from our set to another manager's in the moment in which that manager writes another value
//! to it, and drops it when somebody removes it. So drift needs no comparison of values: a field that was ours after
//! the last apply and is not ours now has been changed by hand. That makes normalised values (`1000m` becomes `1`),
//! defaults, webhooks and autoscalers invisible, and it works for secrets, whose values must be remembered nowhere.
//! What changes under our own name, such as an apply that was killed before Terraform heard of it, shows by the digest
//! on the object.
//!
//! Format: fieldsV1 of `ObjectMeta.managedFields`, as structured-merge-diff writes it: `f:NAME` is a field, `k:{…}` an
//! item of a list by its keys, `v:…` an item of a set, `i:N` a position; `.` says that the thing itself is a member.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The manager that every apply of ours names.
pub const MANAGER: &str = "socle";

/// A set of fields of one object.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FieldSet(Map<String, Value>);

impl FieldSet {
    /// The fields of `object` that our applies own.
    pub fn owned(object: &Value) -> Self {
        let entries = object["metadata"]["managedFields"].as_array();
        let is_ours = |entry: &&Value| {
            entry["manager"] == MANAGER && entry["operation"] == "Apply" && entry["subresource"].is_null()
        };
        let fields =
            entries.into_iter().flatten().find(is_ours).and_then(|entry| entry["fieldsV1"].as_object());
        Self(fields.cloned().unwrap_or_default())
    }

    /// The fields of this set that `now` lacks, as the server names them: `spec.containers[name="web"].image`.
    pub fn lost(&self, now: &Self) -> Vec<String> {
        let mut lost = Vec::new();
        collect_lost(&self.0, Some(&now.0), &mut String::new(), &mut lost);
        lost
    }

    /// Is the field that these names lead to one of them?
    pub fn has(&self, names: &[&str]) -> bool {
        let mut below = Some(&self.0);
        let mut steps = names.iter().map(|name| format!("f:{name}"));
        steps.all(|step| {
            let field = below.and_then(|fields| fields.get(&step));
            below = field.and_then(Value::as_object);
            field.is_some()
        })
    }

    /// Is there no field in it?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What `before` has and `now` lacks, below `path`. A lost item of a list is named once, not field by field.
fn collect_lost(
    before: &Map<String, Value>,
    now: Option<&Map<String, Value>>,
    path: &mut String,
    lost: &mut Vec<String>,
) {
    for (step, below) in before.iter().filter(|(step, _)| *step != ".") {
        let Some(below) = below.as_object() else { continue };
        let is_member = below.is_empty() || below.contains_key(".");
        let now_below = now.and_then(|now| now.get(step)).and_then(Value::as_object);
        let length = path.len();
        push_step(path, step);
        if now_below.is_none() && is_member {
            lost.push(path.trim_start_matches('.').to_owned());
        } else {
            collect_lost(below, now_below, path, lost);
        }
        path.truncate(length);
    }
}

/// Names a step as structured-merge-diff does, so that a lost field and the field of a conflict are spelled alike.
fn push_step(path: &mut String, step: &str) {
    // Writing to a string cannot fail.
    let _ = match step.split_once(':') {
        Some(("f", name)) => write!(path, ".{name}"),
        Some(("k", keys)) => write!(path, "[{}]", key_list(keys)),
        Some(("v", value)) => write!(path, "[={value}]"),
        Some(("i", index)) => write!(path, "[{index}]"),
        _ => write!(path, ".{step}"),
    };
}

fn key_list(keys: &str) -> String {
    let parsed: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
    parsed.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// Is `field` one of `fields`, or a part of one?
pub fn covers(fields: &[String], field: &str) -> bool {
    let is_part = |whole: &String| {
        field.strip_prefix(whole.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    fields.iter().any(is_part)
}

#[cfg(test)]
mod tests;
