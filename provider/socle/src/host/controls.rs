//! How the controls of a host stand.

use std::collections::BTreeSet;

use host::hardening::Effect;
use host::hardening::outcome::{HostReport, Standing};
use host::hardening::table::control;
use tfplugin::{Map, Value};

use crate::clients::ssh::ModuleResult;

/// The name under which the firewall stands among the controls.
pub(super) const FIREWALL: &str = "firewall";

fn word(standing: Standing) -> Value<String> {
    standing.word().into()
}

/// The standings of a hardening's controls: a check finds what drifted, an apply what it made.
pub(super) fn of_hardening(report: &HostReport) -> Map<String> {
    report.controls.iter().map(|control| (control.id.clone(), word(control.standing))).collect()
}

/// The standing of a firewall as a check finds it. Rules that go away by themselves do not stand.
pub(super) fn of_firewall(result: &ModuleResult) -> Value<String> {
    let stands = !result.changed && !awaits_confirmation(result);
    word(if stands { Standing::Applied } else { Standing::Drifted })
}

/// Whether rules are loaded that go away by themselves unless a new session confirms them: new ones, or those of a run
/// that was killed before it did.
pub(super) fn awaits_confirmation(result: &ModuleResult) -> bool {
    result.more.get("awaiting_confirmation") == Some(&true.into())
}

/// The standing of a firewall that was loaded and confirmed.
pub(super) fn of_loaded_firewall() -> Value<String> {
    word(Standing::Applied)
}

/// What an apply makes of the standings that a refresh found; nothing else changes.
pub(super) fn repaired(found: &Map<String>) -> Map<String> {
    found.iter().map(|(id, state)| (id.clone(), repaired_one(id, state))).collect()
}

fn repaired_one(id: &str, state: &Value<String>) -> Value<String> {
    if *state != word(Standing::Drifted) {
        return state.clone();
    }
    let waits = control(id).is_some_and(|control| control.effect == Effect::Reboot);
    word(if waits { Standing::PendingReboot } else { Standing::Applied })
}

/// Whether anything is not as wanted.
pub(super) fn drifted(found: &Value<Map<String>>) -> bool {
    found.known().is_some_and(|found| found.values().any(|state| *state == word(Standing::Drifted)))
}

/// What an apply answers: what was planned, when that is what was found. One that was planned to wait for a reboot and is
/// in effect already is told by the next refresh.
///
/// # Errors
/// The controls that stand otherwise.
pub(super) fn agreed(planned: &Value<Map<String>>, found: Map<String>) -> Result<Map<String>, Vec<String>> {
    let Some(planned) = planned.known() else { return Ok(found) };
    let ids: BTreeSet<&String> = planned.keys().chain(found.keys()).collect();
    let other = ids.into_iter().filter_map(|id| {
        let (planned, found) = (planned.get(id), found.get(id));
        let is_early =
            planned == Some(&word(Standing::PendingReboot)) && found == Some(&word(Standing::Applied));
        let told = |state: Option<&Value<String>>| {
            state.and_then(Value::known).map_or("nothing", String::as_str).to_owned()
        };
        (planned != found && !is_early).then(|| format!("{id} is {}, not {}", told(found), told(planned)))
    });
    let other: Vec<String> = other.collect();
    if other.is_empty() { Ok(planned.clone()) } else { Err(other) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_firewall_that_waits_to_be_confirmed_does_not_stand() {
        let told = |changed, awaiting: bool| {
            let answer = ModuleResult { changed, ..ModuleResult::default() };
            of_firewall(&answer.with("awaiting_confirmation", awaiting))
        };
        assert_eq!(told(false, false), "applied".into());
        for drifted in [told(true, false), told(false, true)] {
            assert_eq!(drifted, "drifted".into());
        }
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

    #[test]
    fn what_takes_effect_with_a_boot_is_planned_to_wait_for_it() {
        assert_eq!(repaired(&states(&[("boot.pti", "drifted")])), states(&[("boot.pti", "pending-reboot")]));
    }

    #[test]
    fn an_apply_answers_what_was_planned_or_names_what_stands_otherwise() {
        let planned = states(&[("a", "applied"), ("boot.pti", "pending-reboot")]);
        let early = states(&[("a", "applied"), ("boot.pti", "applied")]);
        assert_eq!(agreed(&planned.clone().into(), early), Ok(planned.clone()));
        let other = states(&[("a", "unsupported"), ("boot.pti", "pending-reboot")]);
        assert_eq!(
            agreed(&planned.into(), other.clone()),
            Err(vec!["a is unsupported, not applied".to_owned()])
        );
        assert_eq!(agreed(&Value::Unknown, other.clone()), Ok(other));
    }
}
