//! What a change of a host would do: pure functions of configuration and prior state.

use tfplugin::{Diagnostic, Diagnostics, Model as _, Plan, Value};

use super::controls::{drifted, repaired};
use super::resource::ManagedHost;

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

/// A written key is the accepted one; what drifted will be as wanted.
pub(super) fn plan(plan: &mut Plan<ManagedHost>) {
    match &plan.planned.host_key {
        Value::Known(key) => plan.planned.accepted_host_key = key.clone().into(),
        Value::Unknown => plan.planned.accepted_host_key = Value::Unknown,
        Value::Null => {}
    }
    let Some(prior) = &plan.prior else { return };
    if !asks_the_same(prior, &plan.planned) {
        plan.planned.controls = Value::Unknown;
    } else if let Some(found) = prior.controls.known() {
        plan.planned.controls = repaired(found).into();
    } else {
        plan.planned.controls = prior.controls.clone();
    }
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
