//! Record sets as users write and see them, and the way between that and [`RecordSet`].
//!
//! What a user writes is kept as it is. Beside it stands its canonical form: names relative to the zone, values as
//! DNS compares them. The plan is made on canonical forms alone, element by element: a value that is not known yet
//! leaves the rest of its set, and its neighbours, known.

use std::collections::{BTreeMap, BTreeSet};

use tfplugin::path::MapPath;
use tfplugin::{Computed, Diagnostic, Diagnostics, List, Map, Model, Value};

use super::escape::Escapes;
use super::{
    Alias, Content, Coordinates, DnsName, FailoverRole, Rdata, RecordSet, RecordType, Routing, SetKey, ttl,
};

/// Time to live of a record set whose user gives none, in seconds.
pub const DEFAULT_TTL: i64 = 300;

/// One record set: all records of one name and type (and set identifier).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Model)]
#[tf(exactly_one_of(values, alias), conflicts_with(ttl, alias), required_together(set_identifier, routing))]
pub struct Record {
    /// The name, relative to the zone; `@` is the zone itself, `*` a wildcard. A name that ends with the zone's own
    /// name, or with a dot, is taken as absolute. Default: the label of the entry.
    #[tf(optional)]
    pub name: Value<String>,
    /// The record type.
    #[tf(required, validate(one_of([
        "A", "AAAA", "CAA", "CNAME", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SOA", "SPF", "SRV", "SSHFP", "SVCB",
        "TLSA", "TXT",
    ])))]
    pub r#type: Value<String>,
    /// Time to live, in seconds. Default: `300`; an alias has that of its target.
    // Wider than what is allowed, so that the validator names the range, whatever number is written.
    #[tf(optional, validate(range(0..=i64::from(ttl::MAX))))]
    pub ttl: Value<i64>,
    /// The records' data, in the form of a zone file: `10 mx.example.social.` for an MX. Names are absolute. The text
    /// of a TXT may be given with or without quotes, and at any length. A byte outside printable ASCII may be
    /// written as `\` and three octal digits, as Route 53 does.
    #[tf(optional, validate(length(1..=400)))]
    pub values: Value<List<String>>,
    /// Another name of Route 53's whose answer is given, in place of `values`.
    #[tf(optional)]
    pub alias: Value<AliasTarget>,
    /// What tells this set from the others of its name and type; needed with `routing`.
    #[tf(optional, validate(length(1..=128)))]
    pub set_identifier: Value<String>,
    /// How Route 53 chooses among the sets of this name and type. Default: this set alone answers.
    #[tf(optional)]
    pub routing: Value<RoutingPolicy>,
    /// The health check that takes this set out of the answers while it fails.
    #[tf(optional)]
    pub health_check_id: Value<String>,
}

/// The target of an alias.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Model)]
pub struct AliasTarget {
    /// The name of the target: that of a load balancer, a distribution, a bucket's website, or a name in this zone.
    #[tf(required)]
    pub name: Value<String>,
    /// The hosted zone id of the target: the AWS service's own, or this zone's for a name in it.
    #[tf(required)]
    pub zone_id: Value<String>,
    /// Whether the target's health decides on this set's. Default: `false`.
    #[tf(optional)]
    pub evaluate_target_health: Value<bool>,
}

/// A routing policy. All sets of one name and type have the same kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Model)]
#[tf(exactly_one_of(weight, latency, failover, geolocation, geoproximity, multivalue, cidr))]
pub struct RoutingPolicy {
    /// Weighted: this set's share of the sum of the weights, from 0 to 255.
    #[tf(optional)]
    pub weight: Value<u8>,
    /// By latency: the AWS region of what this set points to, such as `eu-west-3`.
    #[tf(optional)]
    pub latency: Value<String>,
    /// Failover: whether this set answers while it is healthy, or when that one does not.
    #[tf(optional, validate(one_of(["PRIMARY", "SECONDARY"])))]
    pub failover: Value<String>,
    /// By where the resolver is.
    #[tf(optional)]
    pub geolocation: Value<Geolocation>,
    /// By which set's place is nearest to the resolver.
    #[tf(optional)]
    pub geoproximity: Value<Geoproximity>,
    /// Multivalue: `true` answers with up to eight healthy sets at random.
    #[tf(optional, validate(describe("`true`, or left out", |on: &bool| {
        if *on { Ok(()) } else { Err("found false".to_owned()) }
    })))]
    pub multivalue: Value<bool>,
    /// By the network that the resolver is in.
    #[tf(optional)]
    pub cidr: Value<Cidr>,
}

/// Where a resolver is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Model)]
#[tf(exactly_one_of(continent, country), conflicts_with(continent, subdivision))]
pub struct Geolocation {
    /// A continent: `AF`, `AN`, `AS`, `EU`, `OC`, `NA` or `SA`.
    #[tf(optional, validate(one_of(["AF", "AN", "AS", "EU", "OC", "NA", "SA"])))]
    pub continent: Value<String>,
    /// A country's two-letter code (ISO 3166-1), or `*` for all that no other set answers.
    #[tf(optional, validate(pattern(r"^([A-Z]{2}|\*)$", "a country's two capital letters, or `*`")))]
    pub country: Value<String>,
    /// A state of the United States or an oblast of Ukraine, by its code.
    #[tf(optional)]
    pub subdivision: Value<String>,
}

/// A place, and how far it reaches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Model)]
#[tf(exactly_one_of(aws_region, local_zone_group, coordinates))]
pub struct Geoproximity {
    /// An AWS region.
    #[tf(optional)]
    pub aws_region: Value<String>,
    /// An AWS local zone group.
    #[tf(optional)]
    pub local_zone_group: Value<String>,
    /// A place anywhere.
    #[tf(optional)]
    pub coordinates: Value<Place>,
    /// Widens (up to 99) or narrows (down to -99) the area that this set answers. Default: `0`.
    #[tf(optional, validate(range(-99..=99)))]
    pub bias: Value<i64>,
}

/// A place on the earth.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Model)]
pub struct Place {
    /// Degrees north, from -90 to 90, at most two decimals, such as `48.85`.
    #[tf(
        required,
        validate(pattern(
            r"^-?([0-8]?[0-9](\.[0-9]{0,2})?|90(\.0{0,2})?)$",
            "degrees from -90 to 90 with at most two decimals"
        ))
    )]
    pub latitude: Value<String>,
    /// Degrees east, from -180 to 180, at most two decimals, such as `2.35`.
    #[tf(
        required,
        validate(pattern(
            r"^-?((1[0-7]|[0-9])?[0-9](\.[0-9]{0,2})?|180(\.0{0,2})?)$",
            "degrees from -180 to 180 with at most two decimals"
        ))
    )]
    pub longitude: Value<String>,
}

/// A network, by a CIDR collection of Route 53's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Model)]
pub struct Cidr {
    /// The id of the collection.
    #[tf(required)]
    pub collection_id: Value<String>,
    /// The name of a location in the collection, or `*` for all that no other set answers.
    #[tf(required)]
    pub location: Value<String>,
}

/// Record sets in canonical form, as results show them.
pub type RecordSets = Map<Computed<Record>>;

/// The canonical form of all that a user wrote, by canonical label. It is unknown as a whole only when the name, the
/// type or the set identifier of an entry is: then not even the labels are known.
///
/// `zone` is the zone's name, or the root where it is not known: names are then relative.
pub fn canonical_sets(
    records: &Value<Map<Record>>,
    at: &MapPath<RecordPath>,
    zone: &DnsName,
) -> Result<Value<RecordSets>, Diagnostics> {
    let Value::Known(records) = records else {
        return Ok(records.as_ref().map(|_| RecordSets::new()).or(RecordSets::new().into()));
    };
    let (mut sets, mut errors, mut unknown) = (RecordSets::new(), Diagnostics::new(), false);
    for (label, record) in records {
        match record.as_ref().map(|record| record.canonical(label, &at.key(label), zone)) {
            // A null entry is how HCL leaves one out: `cond ? { … } : null`.
            Value::Null => {}
            Value::Unknown => unknown = true,
            Value::Known(Err(error)) => errors.push(error),
            Value::Known(Ok(canonical)) => match canonical.label() {
                Some(label) => drop(sets.insert(label, Value::Known(Computed(canonical)))),
                None => unknown = true,
            },
        }
    }
    errors.into_result()?;
    Ok(if unknown { Value::Unknown } else { sets.into() })
}

/// What sets look like to a user.
pub fn shown<'s>(sets: impl IntoIterator<Item = &'s RecordSet>, zone: &DnsName) -> RecordSets {
    let shown = |set| Value::Known(Computed(Record::of(set, zone)));
    sets.into_iter().map(|set| (set.key.label(zone), shown(set))).collect()
}

/// The sets behind canonical records; those that are not wholly known are left out.
pub fn sets_of(shown: &Value<RecordSets>, zone: &DnsName) -> BTreeMap<SetKey, RecordSet> {
    let records = shown.known().into_iter().flat_map(BTreeMap::values).filter_map(Value::known);
    let sets = records.filter_map(|Computed(record)| record.to_set(zone));
    sets.map(|set| (set.key.clone(), set)).collect()
}

/// The keys of canonical records.
pub fn keys_of(shown: &Value<RecordSets>, zone: &DnsName) -> BTreeSet<SetKey> {
    let records = shown.known().into_iter().flat_map(BTreeMap::values).filter_map(Value::known);
    records.filter_map(|Computed(record)| record.key(zone)).collect()
}

impl Record {
    /// The canonical form of an entry; what is unknown stays so.
    pub fn canonical(&self, label: &str, at: &RecordPath, zone: &DnsName) -> Result<Self, Diagnostic> {
        let name = match &self.name {
            Value::Null => {
                Value::Known(owner(label, zone).map_err(|problem| unfit_label(label, &problem, at))?)
            }
            Value::Unknown => Value::Unknown,
            Value::Known(name) => {
                owner(name, zone).map_err(|problem| invalid(&problem).at(at.name()))?.into()
            }
        };
        let ttl = match (&self.ttl, &self.values, &self.alias) {
            (Value::Null, Value::Null, _) => Value::Null,
            (Value::Null, Value::Unknown, Value::Unknown) => Value::Unknown,
            (Value::Null, ..) => DEFAULT_TTL.into(),
            (ttl, ..) => ttl.clone(),
        };
        Ok(Self {
            name,
            r#type: self.r#type.clone(),
            ttl,
            values: self.canonical_values(at)?,
            alias: canonical_alias(&self.alias, &at.alias())?,
            set_identifier: self.set_identifier.clone(),
            routing: canonical_routing(&self.routing),
            health_check_id: self.health_check_id.clone(),
        })
    }

    fn canonical_values(&self, at: &RecordPath) -> Result<Value<List<String>>, Diagnostic> {
        let Value::Known(values) = &self.values else { return Ok(self.values.clone()) };
        let Some(record_type) = self.record_type() else { return Ok(Value::Unknown) };
        let read = |(index, value): (usize, &Value<String>)| match value {
            Value::Unknown => Ok(Value::Unknown),
            Value::Null => Err(invalid("a value must not be null").at(at.values().index(index))),
            Value::Known(text) => Rdata::parse(record_type, text)
                .map(Value::Known)
                .map_err(|problem| invalid(&problem).at(at.values().index(index))),
        };
        let mut read = values.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
        if read.contains(&Value::Unknown) {
            // Values are in canonical order, and an unknown one has no place in it yet.
            return Ok(Value::Unknown);
        }
        read.sort();
        read.dedup();
        Ok(Value::Known(read.into_iter().map(|value| value.map(|rdata| rdata.to_string())).collect()))
    }

    fn record_type(&self) -> Option<RecordType> {
        self.r#type.known()?.parse().ok()
    }

    /// The label of a canonical record, when its parts are known.
    pub fn label(&self) -> Option<String> {
        let (name, record_type) = (self.name.known()?, self.r#type.known()?);
        match &self.set_identifier {
            Value::Null => Some(format!("{name} {record_type}")),
            Value::Unknown => None,
            Value::Known(identifier) => Some(format!("{name} {record_type} {identifier}")),
        }
    }

    /// The key of a canonical record, when its parts are known.
    pub fn key(&self, zone: &DnsName) -> Option<SetKey> {
        let name = DnsName::relative(self.name.known()?, zone, Escapes::Octal).ok()?;
        Some(SetKey {
            name,
            record_type: self.record_type()?,
            set_identifier: settled(&self.set_identifier)?.known().cloned(),
        })
    }

    /// The set that a canonical record stands for, when it is wholly known.
    pub fn to_set(&self, zone: &DnsName) -> Option<RecordSet> {
        let key = self.key(zone)?;
        let content = match (&self.values, &self.alias) {
            (Value::Known(values), _) => {
                let read = |value: &Value<String>| Rdata::parse(key.record_type, value.known()?).ok();
                Content::Values {
                    ttl: u32::try_from(*self.ttl.known()?).ok().filter(|seconds| *seconds <= ttl::MAX)?,
                    values: values.iter().map(read).collect::<Option<_>>()?,
                }
            }
            (_, Value::Known(alias)) => Content::Alias(Alias {
                name: DnsName::absolute(alias.name.known()?, Escapes::Octal).ok()?,
                zone_id: alias.zone_id.known()?.clone(),
                evaluate_target_health: alias.evaluate_target_health == Value::Known(true),
            }),
            _ => return None,
        };
        Some(RecordSet {
            key,
            content,
            routing: match &self.routing {
                Value::Known(policy) => Some(policy.to_routing()?),
                Value::Null => None,
                Value::Unknown => return None,
            },
            health_check_id: settled(&self.health_check_id)?.known().cloned(),
        })
    }

    /// The canonical record of a set.
    pub fn of(set: &RecordSet, zone: &DnsName) -> Self {
        let (ttl, values, alias) = match &set.content {
            Content::Values { ttl, values } => {
                let values: List<String> = values.iter().map(|value| value.to_string().into()).collect();
                (Value::Known(i64::from(*ttl)), Value::Known(values), Value::Null)
            }
            Content::Alias(alias) => {
                let target = AliasTarget {
                    name: alias.name.to_string().into(),
                    zone_id: alias.zone_id.clone().into(),
                    evaluate_target_health: alias.evaluate_target_health.into(),
                };
                (Value::Null, Value::Null, Value::Known(target))
            }
        };
        Self {
            name: set.key.name.relative_to(zone).into(),
            r#type: set.key.record_type.as_str().into(),
            ttl,
            values,
            alias,
            set_identifier: set.key.set_identifier.clone().into(),
            routing: set.routing.as_ref().map(RoutingPolicy::of).into(),
            health_check_id: set.health_check_id.clone().into(),
        }
    }
}

impl RoutingPolicy {
    fn to_routing(&self) -> Option<Routing> {
        let text = |value: &Value<String>| value.known().cloned();
        if let Value::Known(weight) = self.weight {
            return Some(Routing::Weighted { weight });
        }
        if let Value::Known(region) = &self.latency {
            return Some(Routing::Latency { region: region.clone() });
        }
        if let Value::Known(role) = &self.failover {
            let primary = role == "PRIMARY";
            return Some(Routing::Failover(if primary {
                FailoverRole::Primary
            } else {
                FailoverRole::Secondary
            }));
        }
        if let Value::Known(place) = &self.geolocation {
            let (continent, country) = (text(&place.continent), text(&place.country));
            return Some(Routing::Geolocation { continent, country, subdivision: text(&place.subdivision) });
        }
        if let Value::Known(place) = &self.geoproximity {
            let coordinates = place.coordinates.known().and_then(|place| {
                Some(Coordinates { latitude: text(&place.latitude)?, longitude: text(&place.longitude)? })
            });
            return Some(Routing::Geoproximity {
                aws_region: text(&place.aws_region),
                local_zone_group: text(&place.local_zone_group),
                coordinates,
                bias: place.bias.known().map_or(Some(0), |bias| i8::try_from(*bias).ok())?,
            });
        }
        if let Value::Known(cidr) = &self.cidr {
            return Some(Routing::Cidr {
                collection_id: text(&cidr.collection_id)?,
                location: text(&cidr.location)?,
            });
        }
        (self.multivalue == Value::Known(true)).then_some(Routing::Multivalue)
    }

    fn of(routing: &Routing) -> Self {
        let mut policy = Self::default();
        match routing.clone() {
            Routing::Weighted { weight } => policy.weight = weight.into(),
            Routing::Latency { region } => policy.latency = region.into(),
            Routing::Failover(FailoverRole::Primary) => policy.failover = "PRIMARY".into(),
            Routing::Failover(FailoverRole::Secondary) => policy.failover = "SECONDARY".into(),
            Routing::Geolocation { continent, country, subdivision } => {
                let place = Geolocation {
                    continent: continent.into(),
                    country: country.into(),
                    subdivision: subdivision.into(),
                };
                policy.geolocation = place.into();
            }
            Routing::Geoproximity { aws_region, local_zone_group, coordinates, bias } => {
                let place = |place: Coordinates| Place {
                    latitude: place.latitude.into(),
                    longitude: place.longitude.into(),
                };
                let reach = Geoproximity {
                    aws_region: aws_region.into(),
                    local_zone_group: local_zone_group.into(),
                    coordinates: coordinates.map(place).into(),
                    bias: i64::from(bias).into(),
                };
                policy.geoproximity = reach.into();
            }
            Routing::Multivalue => policy.multivalue = true.into(),
            Routing::Cidr { collection_id, location } => {
                policy.cidr = Cidr { collection_id: collection_id.into(), location: location.into() }.into();
            }
        }
        policy
    }
}

/// The canonical name of a record: relative to the zone.
fn owner(text: &str, zone: &DnsName) -> Result<String, String> {
    let refuse = |problem: super::name::NameError| problem.to_string();
    if text.contains(char::is_whitespace) {
        return Err(format!("{text:?} is no name: it has a space"));
    }
    let absolute =
        DnsName::absolute(text, Escapes::Octal).ok().filter(|name| !zone.is_root() && name.is_in(zone));
    let name = match absolute {
        Some(name) if text != "@" => name,
        _ => DnsName::relative(text, zone, Escapes::Octal).map_err(refuse)?,
    };
    if !name.is_in(zone) {
        return Err(format!("{} is not in the zone {}", name.without_dot(), zone.without_dot()));
    }
    if zone.is_root() && text.ends_with('.') {
        return Err(format!(
            "{text:?} is absolute: leave the zone's name out, its records are named relative to it"
        ));
    }
    Ok(name.relative_to(zone))
}

fn canonical_alias(
    alias: &Value<AliasTarget>,
    at: &AliasTargetPath,
) -> Result<Value<AliasTarget>, Diagnostic> {
    let Value::Known(alias) = alias else { return Ok(alias.clone()) };
    let name = match &alias.name {
        Value::Known(name) => {
            let name =
                DnsName::absolute(name, Escapes::Octal).map_err(|problem| invalid(&problem).at(at.name()))?;
            name.to_string().into()
        }
        other => other.clone(),
    };
    let evaluate_target_health = alias.evaluate_target_health.clone().or(false.into());
    Ok(AliasTarget { name, zone_id: alias.zone_id.clone(), evaluate_target_health }.into())
}

fn canonical_routing(routing: &Value<RoutingPolicy>) -> Value<RoutingPolicy> {
    let mut routing = routing.clone();
    if let Some(place) = routing.known_mut().and_then(|policy| policy.geoproximity.known_mut()) {
        place.bias = std::mem::take(&mut place.bias).or(0.into());
    }
    routing
}

/// `None` while unknown.
fn settled(value: &Value<String>) -> Option<&Value<String>> {
    (!value.is_unknown()).then_some(value)
}

fn invalid(problem: &(impl ToString + ?Sized)) -> Diagnostic {
    Diagnostic::error("Invalid record", format!("{}.", problem.to_string()))
}

fn unfit_label(label: &str, problem: &str, at: &RecordPath) -> Diagnostic {
    let detail =
        format!("The label {label:?} stands for the name here, but {problem}. Set `name` in this entry.");
    Diagnostic::error("Record has no name", detail).at(at.name())
}

#[cfg(test)]
mod tests;
