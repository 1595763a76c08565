//! Record sets between Route 53's form and ours.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use aws_sdk_route53::types::{
    self as sdk, AliasTarget, ChangeAction, ChangeBatch, CidrRoutingConfig, GeoLocation,
    GeoProximityLocation, ResourceRecord, ResourceRecordSet, ResourceRecordSetFailover,
    ResourceRecordSetRegion, RrType,
};

use super::super::batch::{Batch, Cost};
use super::super::change::Change;
use super::super::{
    Alias, Content, Coordinates, FailoverRole, Rdata, RecordSet, RecordType, Routing, SetKey,
};

/// All that a zone holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ZoneRecords {
    /// The record sets, each compared as DNS compares it.
    pub sets: BTreeMap<SetKey, RecordSet>,
    /// What must not be touched.
    pub opaque: Vec<OpaqueSet>,
    /// Sets as they were listed, where that is not how they would be written here: another splitting of a TXT, capital
    /// letters. Route 53 deletes a set only by exactly what it holds.
    written: BTreeMap<SetKey, ResourceRecordSet>,
}

/// A record set that is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpaqueSet {
    /// Name, type and set identifier, in Route 53's words.
    pub label: String,
    /// Why it is left alone.
    pub reason: Opaque,
}

/// Why a record set is left alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Opaque {
    /// It belongs to an instance of a traffic policy, which would put it back.
    #[error("it is made by the traffic policy instance {0}")]
    TrafficPolicy(String),
    /// Its type is none that is known here.
    #[error("its type is not known")]
    UnknownType,
    /// A part of it cannot be read.
    #[error("{part} cannot be read: {problem}")]
    Unreadable {
        /// The part.
        part: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

impl Opaque {
    fn unreadable(part: &'static str, problem: &dyn fmt::Display) -> Self {
        Self::Unreadable { part, problem: problem.to_string() }
    }
}

impl ZoneRecords {
    pub(super) fn extend(&mut self, page: &[ResourceRecordSet]) {
        for listed in page {
            match from_sdk(listed) {
                Ok(set) => self.add(set, listed),
                Err(reason) => self.opaque.push(OpaqueSet { label: label(listed), reason }),
            }
        }
    }

    fn add(&mut self, set: RecordSet, listed: &ResourceRecordSet) {
        if sorted(listed.clone()) != sorted(to_sdk(&set)) {
            self.written.insert(set.key.clone(), listed.clone());
        }
        self.sets.insert(set.key.clone(), set);
    }

    /// What a change counts for in a request: a deletion repeats the set as it was written.
    pub fn cost(&self, change: &Change) -> Cost {
        let written = self.written.get(&change.set().key).filter(|_| change.is_delete());
        written.map_or_else(|| Cost::of(change), cost_as_written)
    }

    /// The batch in Route 53's form.
    pub(super) fn to_sdk(&self, batch: &Batch) -> ChangeBatch {
        let changes = batch.changes.iter().map(|change| self.change(change)).collect();
        ChangeBatch::builder().set_changes(Some(changes)).build().expect("the changes are given")
    }

    fn change(&self, change: &Change) -> sdk::Change {
        let (action, set) = match change {
            Change::Create(set) => (ChangeAction::Create, to_sdk(set)),
            Change::Upsert(set) => (ChangeAction::Upsert, to_sdk(set)),
            Change::Delete(set) => (ChangeAction::Delete, self.as_written(set)),
        };
        let change = sdk::Change::builder().action(action).resource_record_set(set).build();
        change.expect("action and set are given")
    }

    fn as_written(&self, set: &RecordSet) -> ResourceRecordSet {
        self.written.get(&set.key).cloned().unwrap_or_else(|| to_sdk(set))
    }
}

fn cost_as_written(set: &ResourceRecordSet) -> Cost {
    let records = set.resource_records();
    let characters = records.iter().map(|record| record.value.chars().count()).sum();
    Cost { elements: records.len() + usize::from(set.alias_target.is_some()), characters }
}

/// With the values in one order: a set has none.
fn sorted(mut set: ResourceRecordSet) -> ResourceRecordSet {
    if let Some(records) = &mut set.resource_records {
        records.sort_by(|a, b| a.value.cmp(&b.value));
    }
    set
}

fn label(listed: &ResourceRecordSet) -> String {
    let identifier = listed.set_identifier().map(|identifier| format!(" {identifier}")).unwrap_or_default();
    format!("{} {}{identifier}", listed.name, listed.r#type)
}

/// Reads a listed set.
pub(super) fn from_sdk(listed: &ResourceRecordSet) -> Result<RecordSet, Opaque> {
    if let Some(instance) = listed.traffic_policy_instance_id() {
        return Err(Opaque::TrafficPolicy(instance.to_owned()));
    }
    let record_type = listed.r#type.as_str().parse().map_err(|_| Opaque::UnknownType)?;
    let name = listed.name.parse().map_err(|error| Opaque::unreadable("its name", &error))?;
    Ok(RecordSet {
        key: SetKey { name, record_type, set_identifier: listed.set_identifier.clone() },
        content: content(listed, record_type)?,
        routing: routing(listed)?,
        health_check_id: listed.health_check_id.clone(),
    })
}

fn content(listed: &ResourceRecordSet, record_type: RecordType) -> Result<Content, Opaque> {
    if let Some(target) = listed.alias_target() {
        return alias(target).map(Content::Alias);
    }
    let ttl = listed.ttl.and_then(|ttl| ttl.try_into().ok());
    let ttl = ttl.ok_or_else(|| Opaque::unreadable("its TTL", &format_args!("{:?}", listed.ttl)))?;
    let values = listed.resource_records().iter().map(|record| Rdata::parse(record_type, &record.value));
    let values =
        values.collect::<Result<BTreeSet<_>, _>>().map_err(|error| Opaque::unreadable("a value", &error))?;
    Ok(Content::Values { ttl, values })
}

fn alias(target: &AliasTarget) -> Result<Alias, Opaque> {
    let name = target.dns_name.parse().map_err(|error| Opaque::unreadable("its alias target", &error))?;
    let evaluate_target_health = target.evaluate_target_health;
    Ok(Alias { name, zone_id: target.hosted_zone_id.clone(), evaluate_target_health })
}

/// The routing policy; more than one is a form that is not known here.
fn routing(listed: &ResourceRecordSet) -> Result<Option<Routing>, Opaque> {
    let policies = [
        listed.weight.map(weighted).transpose()?,
        listed.region().map(|region| Routing::Latency { region: region.as_str().to_owned() }),
        listed.failover().map(failover).transpose()?,
        listed.geo_location().map(geolocation),
        listed.geo_proximity_location().map(geoproximity).transpose()?,
        listed.multi_value_answer.filter(|multivalue| *multivalue).map(|_| Routing::Multivalue),
        listed.cidr_routing_config().map(cidr),
    ];
    let mut policies = policies.into_iter().flatten();
    let policy = policies.next();
    match policies.next() {
        None => Ok(policy),
        Some(second) => {
            Err(Opaque::unreadable("its routing", &format_args!("{} comes second", second.policy())))
        }
    }
}

fn weighted(weight: i64) -> Result<Routing, Opaque> {
    let weight = weight.try_into().map_err(|_| Opaque::unreadable("its weight", &weight))?;
    Ok(Routing::Weighted { weight })
}

fn failover(role: &ResourceRecordSetFailover) -> Result<Routing, Opaque> {
    match role {
        ResourceRecordSetFailover::Primary => Ok(Routing::Failover(FailoverRole::Primary)),
        ResourceRecordSetFailover::Secondary => Ok(Routing::Failover(FailoverRole::Secondary)),
        unknown => Err(Opaque::unreadable("its failover role", unknown)),
    }
}

fn geolocation(place: &GeoLocation) -> Routing {
    Routing::Geolocation {
        continent: place.continent_code.clone(),
        country: place.country_code.clone(),
        subdivision: place.subdivision_code.clone(),
    }
}

fn geoproximity(place: &GeoProximityLocation) -> Result<Routing, Opaque> {
    let bias = place.bias.unwrap_or(0);
    let coordinates = place
        .coordinates()
        .map(|point| Coordinates { latitude: point.latitude.clone(), longitude: point.longitude.clone() });
    Ok(Routing::Geoproximity {
        aws_region: place.aws_region.clone(),
        local_zone_group: place.local_zone_group.clone(),
        coordinates,
        bias: bias.try_into().map_err(|_| Opaque::unreadable("its bias", &bias))?,
    })
}

fn cidr(config: &CidrRoutingConfig) -> Routing {
    Routing::Cidr { collection_id: config.collection_id.clone(), location: config.location_name.clone() }
}

/// Writes a set as Route 53 takes it.
pub(super) fn to_sdk(set: &RecordSet) -> ResourceRecordSet {
    let mut written = ResourceRecordSet::builder()
        .name(set.key.name.to_string())
        .r#type(RrType::from(set.key.record_type.as_str()))
        .set_set_identifier(set.key.set_identifier.clone())
        .set_health_check_id(set.health_check_id.clone())
        .build()
        .expect("name and type are given");
    match &set.content {
        Content::Values { ttl, values } => {
            written.ttl = Some(i64::from(*ttl));
            written.resource_records = Some(values.iter().map(record).collect());
        }
        Content::Alias(alias) => written.alias_target = Some(target(alias)),
    }
    if let Some(routing) = &set.routing {
        route(routing, &mut written);
    }
    written
}

fn record(value: &Rdata) -> ResourceRecord {
    ResourceRecord::builder().value(value.to_string()).build().expect("the value is given")
}

fn target(alias: &Alias) -> AliasTarget {
    AliasTarget::builder()
        .dns_name(alias.name.to_string())
        .hosted_zone_id(&alias.zone_id)
        .evaluate_target_health(alias.evaluate_target_health)
        .build()
        .expect("name, zone and health are given")
}

fn route(routing: &Routing, written: &mut ResourceRecordSet) {
    match routing {
        Routing::Weighted { weight } => written.weight = Some(i64::from(*weight)),
        Routing::Latency { region } => written.region = Some(ResourceRecordSetRegion::from(region.as_str())),
        Routing::Failover(role) => written.failover = Some(sdk_role(*role)),
        Routing::Geolocation { continent, country, subdivision } => {
            let place = GeoLocation::builder()
                .set_continent_code(continent.clone())
                .set_country_code(country.clone())
                .set_subdivision_code(subdivision.clone());
            written.geo_location = Some(place.build());
        }
        Routing::Geoproximity { aws_region, local_zone_group, coordinates, bias } => {
            let place = GeoProximityLocation::builder()
                .set_aws_region(aws_region.clone())
                .set_local_zone_group(local_zone_group.clone())
                .set_coordinates(coordinates.as_ref().map(point))
                .bias(i32::from(*bias));
            written.geo_proximity_location = Some(place.build());
        }
        Routing::Multivalue => written.multi_value_answer = Some(true),
        Routing::Cidr { collection_id, location } => {
            let config = CidrRoutingConfig::builder().collection_id(collection_id).location_name(location);
            written.cidr_routing_config = Some(config.build().expect("collection and location are given"));
        }
    }
}

fn sdk_role(role: FailoverRole) -> ResourceRecordSetFailover {
    match role {
        FailoverRole::Primary => ResourceRecordSetFailover::Primary,
        FailoverRole::Secondary => ResourceRecordSetFailover::Secondary,
    }
}

fn point(place: &Coordinates) -> sdk::Coordinates {
    let point = sdk::Coordinates::builder().latitude(&place.latitude).longitude(&place.longitude);
    point.build().expect("latitude and longitude are given")
}

#[cfg(test)]
mod tests;
