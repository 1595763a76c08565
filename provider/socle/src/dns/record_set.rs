//! Resource record sets, as Route 53 keeps them.

use std::collections::BTreeSet;

use super::{DnsName, Rdata, RecordType};

/// What tells one record set of a zone from the others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetKey {
    /// The absolute name.
    pub name: DnsName,
    /// The type of every record in the set.
    pub record_type: RecordType,
    /// What tells the routed sets of one name and type apart; none in a simple set.
    pub set_identifier: Option<String>,
}

impl SetKey {
    /// The set's label within `zone`: `api A eu`, `@ MX`.
    pub fn label(&self, zone: &DnsName) -> String {
        let name = self.name.relative_to(zone);
        match &self.set_identifier {
            Some(identifier) => format!("{name} {} {identifier}", self.record_type),
            None => format!("{name} {}", self.record_type),
        }
    }
}

/// One resource record set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSet {
    /// Name, type and set identifier.
    pub key: SetKey,
    /// What the set answers.
    pub content: Content,
    /// How Route 53 chooses among the sets of one name and type; none in a simple set.
    pub routing: Option<Routing>,
    /// The health check that takes the set out of the answers.
    pub health_check_id: Option<String>,
}

/// What a record set answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Records of one time to live.
    Values {
        /// Time to live in seconds, 0 to 2,147,483,647.
        ttl: u32,
        /// The records' data.
        values: BTreeSet<Rdata>,
    },
    /// The answer of another name that Route 53 knows.
    Alias(Alias),
}

/// The target of an alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The target's name.
    pub name: DnsName,
    /// The zone of the target: that of the AWS service, or the target's own when both are in Route 53.
    pub zone_id: String,
    /// Whether the target's health decides on this set's.
    pub evaluate_target_health: bool,
}

/// How Route 53 chooses among the sets of one name and type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Routing {
    /// By share of the sum of the weights.
    Weighted {
        /// 0 to 255; 0 is never answered unless all are 0.
        weight: u8,
    },
    /// The region with the least latency to the resolver.
    Latency {
        /// An AWS region, such as `eu-west-3`.
        region: String,
    },
    /// The primary while it is healthy.
    Failover(FailoverRole),
    /// Where the resolver is.
    Geolocation {
        /// A continent's two-letter code.
        continent: Option<String>,
        /// A country's two-letter code (ISO 3166-1), or `*` for the default.
        country: Option<String>,
        /// A state of the United States or an oblast of Ukraine.
        subdivision: Option<String>,
    },
    /// The nearest, after bias.
    Geoproximity {
        /// An AWS region.
        aws_region: Option<String>,
        /// A local zone group.
        local_zone_group: Option<String>,
        /// A place anywhere.
        coordinates: Option<Coordinates>,
        /// -99 to 99: widens or narrows the area that the set answers.
        bias: i8,
    },
    /// Up to eight healthy sets at random.
    Multivalue,
    /// By the resolver's network.
    Cidr {
        /// The CIDR collection's id.
        collection_id: String,
        /// A location in the collection, or `*` for the default.
        location: String,
    },
}

impl Routing {
    /// The policy's name: sets of one name and type must all have the same.
    pub const fn policy(&self) -> &'static str {
        match self {
            Self::Weighted { .. } => "weighted",
            Self::Latency { .. } => "latency",
            Self::Failover(_) => "failover",
            Self::Geolocation { .. } => "geolocation",
            Self::Geoproximity { .. } => "geoproximity",
            Self::Multivalue => "multivalue",
            Self::Cidr { .. } => "cidr",
        }
    }
}

/// Which of two sets answers first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailoverRole {
    /// Answers while it is healthy.
    Primary,
    /// Answers when the primary does not.
    Secondary,
}

/// A place on the earth, in Route 53's own decimal texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coordinates {
    /// -90 to 90, at most two decimals.
    pub latitude: String,
    /// -180 to 180, at most two decimals.
    pub longitude: String,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::name::tests::name;
    use super::*;

    /// A simple set with a time to live of 300 seconds.
    pub(crate) fn set(owner: &str, record_type: RecordType, values: &[&str]) -> RecordSet {
        let values = values.iter().map(|value| Rdata::parse(record_type, value).unwrap()).collect();
        let key = SetKey { name: name(owner), record_type, set_identifier: None };
        RecordSet { key, content: Content::Values { ttl: 300, values }, routing: None, health_check_id: None }
    }

    pub(crate) fn alias(owner: &str, target: &str) -> RecordSet {
        let target =
            Alias { name: name(target), zone_id: "Z1EXAMPLE".to_owned(), evaluate_target_health: false };
        RecordSet { content: Content::Alias(target), ..set(owner, RecordType::A, &[]) }
    }

    pub(crate) fn routed(mut set: RecordSet, identifier: &str, routing: Routing) -> RecordSet {
        set.key.set_identifier = Some(identifier.to_owned());
        set.routing = Some(routing);
        set
    }

    #[test]
    fn labels_are_relative_to_the_zone() {
        let zone = name("example.social");
        let key = |owner, record_type| set(owner, record_type, &[]).key;
        assert_eq!(key("example.social", RecordType::Mx).label(&zone), "@ MX");
        let api = routed(set("API.example.social.", RecordType::A, &[]), "eu", Routing::Multivalue);
        assert_eq!(api.key.label(&zone), "api A eu");
    }
}
