//! TOML (1.0) out of JSON values: containerd reads nothing else.
//!
//! Written by hand because serde's numbers of arbitrary size, which this workspace has, are no numbers to other
//! writers. A test reads it back with a reader of others.

use std::fmt::Write;

use serde_json::{Map, Value};

/// The document. Null is nothing.
pub(crate) fn document(values: &Map<String, Value>) -> String {
    let mut text = String::new();
    table(&mut text, "", values);
    text
}

/// Values first, then tables: what follows the head of a table belongs to that table.
fn table(text: &mut String, path: &str, values: &Map<String, Value>) {
    let (tables, scalars): (Vec<_>, Vec<_>) = values.iter().partition(|(_, value)| value.is_object());
    for (name, value) in scalars.iter().filter(|(_, value)| !value.is_null()) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{} = {}", key(name), inline(value));
    }
    for (name, value) in tables {
        let Value::Object(below) = value else { continue };
        let path = if path.is_empty() { key(name) } else { format!("{path}.{}", key(name)) };
        // A table that only holds tables follows from their heads.
        if below.is_empty() || below.values().any(|value| !value.is_object()) {
            let separator = if text.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{separator}[{path}]");
        }
        table(text, &path, below);
    }
}

fn inline(value: &Value) -> String {
    match value {
        Value::String(string) => quoted(string),
        Value::Array(values) => {
            let values: Vec<_> = values.iter().filter(|value| !value.is_null()).map(inline).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Object(values) => {
            let values = values.iter().filter(|(_, value)| !value.is_null());
            let values: Vec<_> =
                values.map(|(name, value)| format!("{} = {}", key(name), inline(value))).collect();
            format!("{{ {} }}", values.join(", "))
        }
        // `1`, `1.5`, `1e3`, `true`: the same in both.
        other => other.to_string(),
    }
}

fn key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.is_empty() && name.chars().all(is_bare) { name.to_owned() } else { quoted(name) }
}

/// A basic string has JSON's escapes; of what TOML wants escaped, JSON leaves only DEL as it is.
fn quoted(text: &str) -> String {
    Value::from(text).to_string().replace('\u{7f}', "\\u007F")
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..4).prop_map(Value::from),
                btree_map(".*", inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn another_reader_reads_what_was_meant(map in btree_map(".*", values(), 0..4)) {
            let map: Map<String, Value> = map.into_iter().collect();
            let text = document(&map);
            let read: Value = ::toml::from_str(&text).map_err(|error| TestCaseError::fail(format!("{error}: {text}")))?;
            prop_assert_eq!(read, Value::Object(map), "{}", text);
        }
    }

    #[test]
    fn values_stand_before_tables() {
        let value = json!({ "b": { "io.x": { "y": [1, "z"] }, "a": true }, "c": null, "version": 3 });
        let text = document(value.as_object().unwrap());
        assert_eq!(text, "version = 3\n\n[b]\na = true\n\n[b.\"io.x\"]\ny = [1, \"z\"]\n");
    }
}
