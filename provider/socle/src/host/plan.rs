//! What a change of a host would do: pure functions of configuration and prior state.

use tfplugin::{Diagnostic, Diagnostics, Model as _, Plan, Value};

use host::hardening::{SelectionFault, select};

use super::arguments;
use super::controls::{drifted, repaired};
use super::resource::{Hardening, ManagedHost};

/// What the schema cannot say.
pub(super) fn validate(config: &ManagedHost, found: &mut Diagnostics) {
    let accepts = config.bootstrap.known().and_then(|first| first.accept_new_host_key.known());
    if accepts == Some(&true) && config.host_key.known().is_some() {
        let detail = "With `host_key`, only that key is accepted. Leave out `accept_new_host_key`, or set \
                      `host_key = null` to accept the key of the first contact.";
        let at = ManagedHost::paths().bootstrap().accept_new_host_key();
        found.push(Diagnostic::error("Host key is known already", detail).at(at));
    }
    if let Some(hardening) = config.hardening.known() {
        validate_selection(hardening, found);
        let exceptions = hardening.exceptions.known().into_iter().flatten();
        let silent = exceptions.filter(|(_, reason)| match reason {
            Value::Known(reason) => reason.trim().is_empty(),
            Value::Null => true,
            Value::Unknown => false,
        });
        found.extend(silent.map(|(id, _)| {
            let detail =
                format!("Write why {id} is left alone: whoever reads the compliance report will ask.");
            let at = ManagedHost::paths().hardening().exceptions().key(id);
            Diagnostic::error("Exception without a reason", detail).at(at)
        }));
    }
}

/// What the table of controls says to it: ids that it does not have, and values that it does not take.
fn validate_selection(block: &Hardening, found: &mut Diagnostics) {
    let Some(Err(fault)) = arguments::selection(block).map(|asked| select(&asked)) else { return };
    let block = ManagedHost::paths().hardening();
    let at = match &fault {
        SelectionFault::Profile { .. } => block.profile(),
        // Told below, for every exception at once.
        SelectionFault::NoReason { .. } => return,
        SelectionFault::Control { argument: "exceptions", id, .. } | SelectionFault::Both { id, .. } => {
            block.exceptions().key(id)
        }
        SelectionFault::Control { argument: "overrides", id, .. }
        | SelectionFault::NoValue { id }
        | SelectionFault::Value { id } => block.overrides().key(id),
        SelectionFault::Control { .. } | SelectionFault::NotByName { .. } => block.enable(),
    };
    found.push(Diagnostic::error("Not in the table of controls", format!("{fault}.")).at(at));
}

/// A written key is the accepted one; what drifted will be as wanted.
pub(super) fn plan(plan: &mut Plan<ManagedHost>) {
    match &plan.planned.host_key {
        Value::Known(key) => plan.planned.accepted_host_key = key.clone().into(),
        Value::Unknown => plan.planned.accepted_host_key = Value::Unknown,
        Value::Null => {}
    }
    let Some(prior) = &plan.prior else { return };
    plan.planned.controls = match prior.controls.known() {
        Some(found) if asks_the_same(prior, &plan.planned) => repaired(found).into(),
        // Another profile, or a host that lacks the programs of this version.
        _ => Value::Unknown,
    };
    // A repair speaks to the host.
    if drifted(&prior.controls) && prior.reachable != Value::Known(true) {
        plan.planned.reachable = Value::Unknown;
    }
}

/// Whether the same is wanted of the host itself, so that its controls stand as they stood.
fn asks_the_same(prior: &ManagedHost, planned: &ManagedHost) -> bool {
    prior.hardening == planned.hardening && prior.firewall == planned.firewall && prior.port == planned.port
}

#[cfg(test)]
mod tests;
