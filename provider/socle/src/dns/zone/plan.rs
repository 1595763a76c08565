//! What a change of a zone would do: pure functions of configuration and prior state.

use tfplugin::{Diagnostic, Diagnostics, Model as _, Plan, Value};

use super::super::clash::{known_sets, refused};
use super::super::record::{RecordSets, canonical_sets};
use super::DnsZone;

/// What the schema cannot say of the records.
pub(super) fn validate(config: &DnsZone, found: &mut Diagnostics) {
    let Some(apex) = config.apex() else { return };
    let at = DnsZone::paths().records();
    if let Err(errors) = canonical_sets(&config.records, &at, &apex) {
        found.extend(errors);
        return;
    }
    let sets = known_sets(&config.records, &apex);
    found.extend(refused(&sets, &apex, &at));
    if let Some(ignored) = config.ignored() {
        let never_touched = sets.iter().filter(|(_, set)| ignored.matches(&set.key.name));
        found.extend(never_touched.map(|(label, set)| {
            let detail = format!(
                "{} is matched by `ignore_records`, whose names are never touched. Remove the record, or narrow the glob.",
                set.key.name
            );
            Diagnostic::error("Record is ignored", detail).at(at.key(label))
        }));
    }
}

/// The plan shows every record set that changes.
pub(super) fn plan(plan: &mut Plan<DnsZone>) -> Result<(), Diagnostics> {
    if changes_visibility(plan) {
        plan.requires_replace(DnsZone::paths().vpcs());
    }
    plan.planned.record_sets = match plan.planned.apex() {
        Some(apex) => canonical_sets(&plan.planned.records, &DnsZone::paths().records(), &apex)?,
        None => Value::Unknown,
    };
    plan.planned.unmanaged_record_sets = unmanaged(plan);
    Ok(())
}

/// Between public and private there is no way but a new zone.
fn changes_visibility(plan: &Plan<DnsZone>) -> bool {
    let has_networks = |zone: &DnsZone| zone.vpcs.known().is_some_and(|vpcs| !vpcs.is_empty());
    let Some(prior) = &plan.prior else { return false };
    !plan.planned.vpcs.is_unknown() && has_networks(prior) != has_networks(&plan.planned)
}

/// What else will be in the zone: nothing when it is to be deleted, else what there was, less what this resource takes
/// over.
fn unmanaged(plan: &Plan<DnsZone>) -> Value<RecordSets> {
    let planned = &plan.planned;
    if planned.unmanaged_records.is_unknown() {
        return Value::Unknown;
    }
    if planned.deletes_unmanaged() {
        return RecordSets::new().into();
    }
    let Some(prior) = &plan.prior else { return Value::Unknown };
    let (Some(before), Some(now)) = (prior.unmanaged_record_sets.known(), planned.record_sets.known()) else {
        return Value::Unknown;
    };
    if prior.ignore_records != planned.ignore_records {
        return Value::Unknown;
    }
    let rest = before.iter().filter(|(label, _)| !now.contains_key(*label));
    rest.map(|(label, set)| (label.clone(), set.clone())).collect::<RecordSets>().into()
}

/// A zone with records of others dies only when the user says so.
pub(super) fn plan_destroy(prior: &DnsZone) -> Result<(), Diagnostics> {
    let others: Vec<_> =
        prior.unmanaged_record_sets.known().into_iter().flatten().map(|(label, _)| label.as_str()).collect();
    if others.is_empty() || prior.force_destroy == Value::Known(true) {
        return Ok(());
    }
    Err(not_ours(&others).into())
}

/// The refusal to destroy a zone with these record sets in it.
pub(super) fn not_ours(labels: &[&str]) -> Diagnostic {
    const SHOWN: usize = 10;
    let mut list = labels.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if labels.len() > SHOWN {
        list = format!("{list} and {} more", labels.len() - SHOWN);
    }
    let detail = format!(
        "The zone holds record sets that this resource does not manage: {list}. Remove them, take them into `records`, \
         or set `force_destroy = true` and apply before the destroy."
    );
    Diagnostic::error("Zone holds records of others", detail).at(DnsZone::paths().force_destroy())
}

#[cfg(test)]
mod tests;
