//! What a zone is: its details, tags and records, in the form of the state.

use std::collections::{BTreeMap, BTreeSet};

use tfplugin::{Call, Diagnostic, Diagnostics, Map, Value};

use super::super::change::is_route53s;
use super::super::record::{Record, RecordSets, keys_of, shown};
use super::super::route53::{self, Route53, Route53Error, ZoneDetails, ZoneRecords};
use super::super::{DnsName, SetKey};
use super::{DnsZone, Ignore, Vpc, failed};
use crate::clients::Clients;
use crate::clients::retry::Budget;

/// All that Route 53 says of a zone.
pub(in super::super) struct Observed {
    pub(in super::super) details: ZoneDetails,
    pub(in super::super) tags: BTreeMap<String, String>,
    pub(in super::super) records: ZoneRecords,
}

/// `None` when there is no such zone.
pub(in super::super) async fn observe(
    route53: &Route53,
    id: &str,
    budget: &Budget,
) -> Result<Option<Observed>, Route53Error> {
    let Some(details) = route53.zone(id, budget).await? else { return Ok(None) };
    let tags = route53.tags(id, budget).await?;
    let records = route53.record_sets(id, budget).await?;
    Ok(Some(Observed { details, tags, records }))
}

/// Brings a state up to date. What the user wrote stays as written where the zone is as it says.
pub(super) async fn read(call: &Call<Clients>, state: DnsZone) -> Result<Option<DnsZone>, Diagnostics> {
    let Some(id) = state.id.known() else { return Ok(None) };
    let (route53, budget) = (call.clients().route53(), crate::clients::budget(call));
    let observed =
        observe(route53, id, &budget).await.map_err(|error| failed("Zone cannot be read", &error))?;
    Ok(observed.map(|observed| {
        let managed = keys_of(&state.record_sets, &observed.details.zone.name);
        refreshed(state, &observed, &managed)
    }))
}

fn refreshed(state: DnsZone, observed: &Observed, managed: &BTreeSet<SetKey>) -> DnsZone {
    let details = &observed.details;
    let apex = &details.zone.name;
    let same_name = state.apex().as_ref() == Some(apex);
    let networks = state.networks();
    let tags: Value<_> = shown_tags(&observed.tags).into();
    // Also where a tag is written as null, which is none.
    let same_tags = tags_of(&state.tags) == tags_of(&tags);
    let ours = observed.records.sets.values().filter(|set| managed.contains(&set.key));
    let others = unmanaged(&observed.records, managed, &state.ignored().unwrap_or_default(), apex);
    DnsZone {
        name: if same_name { state.name.clone() } else { apex.without_dot().into() },
        vpcs: if networks == details.vpcs { state.vpcs.clone() } else { shown_networks(&details.vpcs) },
        comment: details.zone.comment.clone().unwrap_or_default().into(),
        tags: if same_tags { state.tags.clone() } else { tags },
        arn: arn(&details.zone.id).into(),
        name_servers: name_servers(details).into(),
        record_sets: shown(ours, apex).into(),
        unmanaged_record_sets: others.into(),
        ..state
    }
}

/// What a zone holds besides `managed`, as the state shows it.
pub(super) fn unmanaged(
    records: &ZoneRecords,
    managed: &BTreeSet<SetKey>,
    ignored: &Ignore,
    apex: &DnsName,
) -> RecordSets {
    let others = records.sets.values().filter(|set| {
        !managed.contains(&set.key) && !ignored.matches(&set.key.name) && !is_route53s(&set.key, apex)
    });
    shown(others, apex)
}

/// A zone that exists, as the configuration that would make it: every record is taken over.
pub(super) async fn import(call: &Call<Clients>, id: &str) -> Result<DnsZone, Diagnostics> {
    let (route53, budget) = (call.clients().route53(), crate::clients::budget(call));
    let observed =
        observe(route53, id, &budget).await.map_err(|error| failed("Zone cannot be read", &error))?;
    let Some(observed) = observed else {
        let detail = format!(
            "There is no hosted zone {id:?}. Give the id that Route 53 shows, such as Z0123456789ABCDEFGHIJ."
        );
        return Err(Diagnostic::error("No such zone", detail).into());
    };
    let apex = &observed.details.zone.name;
    let taken = observed.records.sets.values().filter(|set| !is_route53s(&set.key, apex));
    let managed = taken.clone().map(|set| set.key.clone()).collect();
    let records: Map<Record> =
        taken.map(|set| (set.key.label(apex), Value::Known(Record::of(set, apex)))).collect();
    let state = DnsZone {
        id: observed.details.zone.id.clone().into(),
        records: records.into(),
        unmanaged_records: "keep".into(),
        force_destroy: false.into(),
        ..DnsZone::default()
    };
    Ok(refreshed(state, &observed, &managed))
}

pub(in super::super) fn arn(id: &str) -> String {
    format!("arn:aws:route53:::hostedzone/{id}")
}

pub(in super::super) fn name_servers(details: &ZoneDetails) -> Vec<Value<String>> {
    details.name_servers.iter().cloned().map(Value::Known).collect()
}

/// The tags that a user wrote, without those that are null.
pub(super) fn tags_of(tags: &Value<Map<String>>) -> BTreeMap<String, String> {
    let known = tags.known().into_iter().flatten();
    known.filter_map(|(key, value)| Some((key.clone(), value.known()?.clone()))).collect()
}

/// Tags that AWS sets itself are not the user's.
pub(in super::super) fn shown_tags(tags: &BTreeMap<String, String>) -> Map<String> {
    let own = tags.iter().filter(|(key, _)| !key.starts_with("aws:"));
    own.map(|(key, value)| (key.clone(), value.clone().into())).collect()
}

/// The networks of a zone as a user would write them; null for a public one.
pub(super) fn shown_networks(vpcs: &BTreeSet<route53::Vpc>) -> Value<tfplugin::Set<Vpc>> {
    if vpcs.is_empty() {
        return Value::Null;
    }
    let vpcs = vpcs.iter().cloned();
    Value::Known(vpcs.map(|vpc| Vpc { id: vpc.id.into(), region: vpc.region.into() }.into()).collect())
}
