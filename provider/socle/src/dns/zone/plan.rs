//! What a change of a zone would do: pure functions of configuration and prior state.

use std::collections::BTreeMap;

use tfplugin::{Computed, Diagnostic, Diagnostics, Map, Model as _, Plan, Value};

use super::super::change::can_coexist;
use super::super::record::{Record, RecordSets, canonical_sets};
use super::super::{DnsName, RecordSet, SetKey};
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
    found.extend(clashes(&sets).into_iter().map(|clash| clash.diagnostic(&at)));
    if let Some(ignored) = config.ignored() {
        let refused = sets.iter().filter(|(_, set)| ignored.matches(&set.key.name));
        found.extend(refused.map(|(label, set)| {
            let detail = format!(
                "{} is matched by `ignore_records`, whose names are never touched. Remove the record, or narrow the glob.",
                set.key.name
            );
            Diagnostic::error("Record is ignored", detail).at(at.key(label))
        }));
    }
}

/// Every entry that is wholly known, as a set, with the label it has.
pub(in super::super) fn known_sets(records: &Value<Map<Record>>, zone: &DnsName) -> Vec<(String, RecordSet)> {
    let at = DnsZone::paths().records();
    let entries = records.known().into_iter().flatten();
    let known = entries.filter_map(|(label, record)| Some((label, record.known()?)));
    let set = |(label, record): (&String, &Record)| {
        let canonical = record.canonical(label, &at.key(label), zone).ok()?;
        Some((label.clone(), canonical.to_set(zone)?))
    };
    known.filter_map(set).collect()
}

/// Two entries that cannot both be.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Clash {
    label: String,
    first: String,
    set: RecordSet,
    same: bool,
}

impl Clash {
    pub(in super::super) fn diagnostic(&self, at: &tfplugin::path::MapPath<super::super::record::RecordPath>) -> Diagnostic {
        let Self { label, first, set, same } = self;
        let (name, record_type) = (&set.key.name, set.key.record_type);
        let (summary, detail) = if *same {
            let detail = format!(
                "The entries {first:?} and {label:?} are both {name} {record_type}. Put all values of one name and type \
                 into one entry, or give each a `set_identifier` and a `routing`."
            );
            ("Two entries of one record set", detail)
        } else {
            let detail = format!(
                "The entries {first:?} and {label:?} cannot both be at {name}: a CNAME stands alone, and all sets of one \
                 name and type have the same kind of routing."
            );
            ("Entries that exclude each other", detail)
        };
        Diagnostic::error(summary, detail).at(at.key(label))
    }
}

/// Every entry that cannot be beside an earlier one.
pub(in super::super) fn clashes(sets: &[(String, RecordSet)]) -> Vec<Clash> {
    let mut of_name: BTreeMap<&DnsName, Vec<&(String, RecordSet)>> = BTreeMap::new();
    let mut found = Vec::new();
    for entry @ (label, set) in sets {
        let earlier = of_name.entry(&set.key.name).or_default();
        if let Some((first, other)) = earlier.iter().find(|(_, other)| !can_coexist(other, set)) {
            let same = other.key == set.key;
            found.push(Clash { label: label.clone(), first: first.clone(), set: set.clone(), same });
        }
        earlier.push(entry);
    }
    found
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
    let others: Vec<_> = prior.unmanaged_record_sets.known().into_iter().flatten().map(|(label, _)| label.as_str()).collect();
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

/// The keys of sets as a result shows them.
pub(super) fn keys(shown: &Value<RecordSets>, apex: &DnsName) -> std::collections::BTreeSet<SetKey> {
    let records = shown.known().into_iter().flatten().filter_map(|(_, record)| record.known());
    records.filter_map(|Computed(record)| record.key(apex)).collect()
}
