//! A plan as `show -json` tells it, with typed access to what tests ask about.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// A plan that was made, and the file that `apply` takes.
#[derive(Debug, Clone)]
pub struct Plan {
    file: PathBuf,
    content: Content,
}

#[derive(Debug, Clone, Deserialize)]
struct Content {
    #[serde(default)]
    resource_changes: Vec<Change>,
    #[serde(default)]
    resource_drift: Vec<Change>,
    #[serde(default)]
    output_changes: serde_json::Map<String, Value>,
}

/// What a plan does to one resource, or what a refresh found changed in it.
#[derive(Debug, Clone, Deserialize)]
pub struct Change {
    /// The address, as `socle_dns_zone.main`.
    pub address: String,
    /// Why a resource is replaced or deleted, in Terraform's words; none for the plain cases.
    #[serde(default)]
    pub action_reason: Option<String>,
    #[serde(rename = "change")]
    difference: Difference,
}

#[derive(Debug, Clone, Deserialize)]
struct Difference {
    actions: Vec<Action>,
    #[serde(default)]
    before: Value,
    #[serde(default)]
    after: Value,
    #[serde(default)]
    after_unknown: Value,
    #[serde(default)]
    after_sensitive: Value,
    #[serde(default)]
    replace_paths: Vec<Vec<Value>>,
}

/// One step of a change. A replacement is two of them, in the order in which they happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Nothing happens.
    NoOp,
    /// A data source is read during apply.
    Read,
    /// The object is created.
    Create,
    /// The object is changed in place.
    Update,
    /// The object is destroyed.
    Delete,
    /// The object leaves the state and stays in the world.
    Forget,
}

impl Plan {
    pub(crate) fn parse(file: PathBuf, json: &str) -> Result<Self, serde_json::Error> {
        Ok(Self { file, content: serde_json::from_str(json)? })
    }

    /// The file that `apply` takes.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The changes that do something, in Terraform's order.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.content.resource_changes.iter().filter(|change| change.actions() != [Action::NoOp])
    }

    /// What happens to `address`; no action at all when the plan does not know it.
    pub fn actions(&self, address: &str) -> &[Action] {
        self.find(address).map_or(&[], Change::actions)
    }

    /// The change of `address`.
    ///
    /// # Panics
    /// When the plan does not know it: the message lists what it knows.
    #[track_caller]
    pub fn change(&self, address: &str) -> &Change {
        self.find(address).unwrap_or_else(|| panic!("the plan has no {address}, but:\n{self}"))
    }

    fn find(&self, address: &str) -> Option<&Change> {
        self.content.resource_changes.iter().find(|change| change.address == address)
    }

    /// What the refresh found different from the state.
    pub fn drift(&self) -> &[Change] {
        &self.content.resource_drift
    }

    /// Whether nothing would happen and nothing had drifted: no resource, no output.
    pub fn is_empty(&self) -> bool {
        let outputs = &self.content.output_changes;
        let is_still = |change: &Value| change["actions"] == serde_json::json!(["no-op"]);
        self.changes().next().is_none() && self.drift().is_empty() && outputs.values().all(is_still)
    }
}

impl std::fmt::Display for Plan {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for change in self.changes() {
            writeln!(formatter, "{:?} {}: {}", change.actions(), change.address, change.differences())?;
        }
        for change in self.drift() {
            writeln!(formatter, "drifted {}: {}", change.address, change.differences())?;
        }
        for (name, change) in &self.content.output_changes {
            writeln!(formatter, "output {name}: {change}")?;
        }
        Ok(())
    }
}

impl Change {
    /// What is done, in order.
    pub fn actions(&self) -> &[Action] {
        &self.difference.actions
    }

    /// The value before; null when the object does not exist yet.
    pub fn before(&self) -> &Value {
        &self.difference.before
    }

    /// The planned value; unknown parts are absent. Null when the object is deleted.
    pub fn after(&self) -> &Value {
        &self.difference.after
    }

    /// The shape of the planned value, with `true` where it is unknown.
    pub fn after_unknown(&self) -> &Value {
        &self.difference.after_unknown
    }

    /// The shape of the planned value, with `true` where it is sensitive.
    pub fn after_sensitive(&self) -> &Value {
        &self.difference.after_sensitive
    }

    /// The attributes that force a replacement, as `vpcs[0].id`.
    pub fn replace_paths(&self) -> Vec<String> {
        self.difference.replace_paths.iter().map(|path| dotted(path)).collect()
    }

    /// The top-level attributes whose planned value differs or is unknown, as one line.
    fn differences(&self) -> String {
        let (before, after, unknown) = (self.before(), self.after(), self.after_unknown());
        let names: BTreeSet<_> = [before, after, unknown]
            .into_iter()
            .filter_map(Value::as_object)
            .flat_map(|object| object.keys())
            .collect();
        let parts = names.into_iter().filter_map(|name| match &unknown[name] {
            Value::Bool(true) => Some(format!("{name}: {} -> (unknown)", before[name])),
            _ if before[name] == after[name] => None,
            _ => Some(format!("{name}: {} -> {}", before[name], after[name])),
        });
        parts.collect::<Vec<_>>().join("; ")
    }
}

fn dotted(path: &[Value]) -> String {
    path.iter().fold(String::new(), |path, step| match step {
        Value::Number(index) => format!("{path}[{index}]"),
        Value::String(name) if path.is_empty() => name.clone(),
        Value::String(name) => format!("{path}.{name}"),
        other => format!("{path}.{other}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(changes: &str) -> Plan {
        Plan::parse(PathBuf::from("plan"), changes).unwrap()
    }

    const UPDATE: &str = r#"{"resource_changes": [{"address": "a.b", "change": {
        "actions": ["delete", "create"], "before": {"x": 1, "y": 1}, "after": {"x": 2, "y": 1},
        "after_unknown": {"id": true}, "replace_paths": [["vpcs", 0, "id"], ["name"]]}}]}"#;

    #[test]
    fn reads_a_replacement() {
        let plan = plan(UPDATE);
        assert_eq!(plan.actions("a.b"), [Action::Delete, Action::Create]);
        assert_eq!(plan.change("a.b").replace_paths(), ["vpcs[0].id", "name"]);
        assert_eq!(plan.change("a.b").after()["x"], 2);
        assert_eq!(plan.actions("a.c"), []);
        assert!(!plan.is_empty());
    }

    #[test]
    fn prints_only_what_differs() {
        assert_eq!(plan(UPDATE).to_string(), "[Delete, Create] a.b: id: null -> (unknown); x: 1 -> 2\n");
    }

    #[test]
    fn drift_or_an_output_is_a_difference_too() {
        let still = r#""resource_changes": [{"address": "a.b", "change": {"actions": ["no-op"]}}]"#;
        assert!(plan(&format!("{{{still}}}")).is_empty());
        let drifted = r#""resource_drift": [{"address": "a.b", "change": {"actions": ["update"]}}]"#;
        assert!(!plan(&format!("{{{still}, {drifted}}}")).is_empty());
        let output = r#""output_changes": {"o": {"actions": ["create"]}}"#;
        assert!(!plan(&format!("{{{still}, {output}}}")).is_empty());
    }
}
