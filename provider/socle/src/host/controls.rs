//! How the controls of a host stand.

use tfplugin::{Map, Value};

use crate::clients::ssh::ModuleResult;

/// It is as wanted.
pub(super) const APPLIED: &str = "applied";
/// It is not as wanted.
pub(super) const DRIFTED: &str = "drifted";
/// The name under which the firewall stands among the controls.
pub(super) const FIREWALL: &str = "firewall";

/// The states of a hardening's controls: a check finds what drifted, an apply what it made.
pub(super) fn of_hardening(result: &ModuleResult) -> Map<String> {
    result.items.iter().map(|item| (item.id.clone(), Value::from(state(&item.state)))).collect()
}

/// An item's outcome in the words of the state: what the engine has no other word for is told as it is.
fn state(outcome: &str) -> &str {
    match outcome {
        "ok" | "changed" => APPLIED,
        "would-change" => DRIFTED,
        other => other,
    }
}

/// The state of a firewall as a check finds it.
pub(super) fn of_firewall(result: &ModuleResult) -> &'static str {
    if result.changed { DRIFTED } else { APPLIED }
}

/// What an apply makes of the states that a refresh found; nothing else changes.
pub(super) fn repaired(found: &Map<String>) -> Map<String> {
    let repaired = |state: &Value<String>| match state {
        Value::Known(state) if state == DRIFTED => APPLIED.into(),
        state => state.clone(),
    };
    found.iter().map(|(id, state)| (id.clone(), repaired(state))).collect()
}

/// Whether anything is not as wanted.
pub(super) fn drifted(found: &Value<Map<String>>) -> bool {
    let is_drifted = |state: &Value<String>| state.known().is_some_and(|state| state == DRIFTED);
    found.known().is_some_and(|found| found.values().any(is_drifted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_of_the_engine_become_states_of_controls() {
        assert_eq!(
            ["ok", "changed", "would-change", "unsupported", "excepted"].map(state),
            ["applied", "applied", "drifted", "unsupported", "excepted"]
        );
    }

    fn states(states: &[(&str, &str)]) -> Map<String> {
        states.iter().map(|(id, state)| ((*id).to_owned(), Value::from(*state))).collect()
    }

    #[test]
    fn only_what_drifted_is_repaired() {
        let found = states(&[("a", "drifted"), ("b", "excepted"), ("c", "pending-reboot"), ("d", "applied")]);
        let wanted =
            states(&[("a", "applied"), ("b", "excepted"), ("c", "pending-reboot"), ("d", "applied")]);
        assert_eq!(repaired(&found), wanted);
        assert!(drifted(&found.into()) && !drifted(&wanted.into()));
    }
}
