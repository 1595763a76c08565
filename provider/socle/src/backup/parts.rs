//! Parts that a refresh looks at one by one: a map of their names to how they stand.

use tfplugin::{Map, Value};

/// It is as wanted.
pub(super) const APPLIED: &str = "applied";
/// It is not as wanted.
pub(super) const DRIFTED: &str = "drifted";

/// What an apply makes of what a refresh found: what drifted is put right, the rest stays.
pub(super) fn repaired(found: &Map<String>) -> Map<String> {
    let put_right = |standing: &Value<String>| match standing {
        Value::Known(word) if word == DRIFTED => APPLIED.into(),
        standing => standing.clone(),
    };
    found.iter().map(|(part, standing)| (part.clone(), put_right(standing))).collect()
}

/// As a planned value.
pub(super) fn will_be(parts: Map<String>) -> Value<Map<String>> {
    Value::Known(parts)
}

/// Whether anything is not as wanted.
pub(super) fn drifted(found: &Value<Map<String>>) -> bool {
    let is_drifted = |standing: &Value<String>| standing.known().is_some_and(|word| word == DRIFTED);
    found.known().is_some_and(|found| found.values().any(is_drifted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_drifted_is_put_right() {
        let map = |words: &[(&str, &str)]| -> Map<String> {
            words.iter().map(|(part, word)| ((*part).to_owned(), Value::from(*word))).collect()
        };
        let found = map(&[("timer", DRIFTED), ("agent", APPLIED), ("lifecycle", "unsupported")]);
        let wanted = map(&[("timer", APPLIED), ("agent", APPLIED), ("lifecycle", "unsupported")]);
        assert_eq!(repaired(&found), wanted);
        assert!(drifted(&found.into()) && !drifted(&wanted.into()));
    }
}
