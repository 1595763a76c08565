//! Which record sets can be compared between two providers' servers, and where the answers differ.

use std::collections::{BTreeMap, BTreeSet};

use tfplugin::{List, Model, Value};

use super::super::{Content, DnsName, RecordSet, RecordType, SetKey};
use super::referral::lame;
use crate::clients::dns::{Lame, RecordData, Reply, ResourceRecord};

/// A record set that the old servers and the new answer differently.
#[derive(Debug, Clone, PartialEq, Eq, Default, Model)]
pub struct Difference {
    /// The name, relative to the zone; `@` is the zone itself.
    #[tf(computed)]
    pub name: Value<String>,
    /// The record type.
    #[tf(computed)]
    pub r#type: Value<String>,
    /// What the old servers answer, in canonical form: a record of the type by its data, another one behind its type
    /// (`CNAME www.example.net.`). Null when they have no such record.
    #[tf(computed)]
    pub old: Value<List<String>>,
    /// What the new servers answer, in the same form. Null when they have no such record.
    #[tf(computed)]
    pub new: Value<List<String>>,
    /// The difference in words.
    #[tf(computed)]
    pub reason: Value<String>,
}

/// What becomes of record sets.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Comparison {
    /// Those that every server answers alike.
    pub(super) compared: Vec<SetKey>,
    /// Why the others are not compared, by label.
    pub(super) not_compared: BTreeMap<String, String>,
}

/// What a set of servers answers for a name and type. Times to live are no part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Records of the type, or the alias that stands in their place.
    Records(BTreeSet<RecordData>),
    /// The name has no records of the type.
    NoRecords,
    /// There is no such name.
    NoName,
}

impl Comparison {
    /// Sorts the sets of `zone`.
    pub(super) fn of<'s>(sets: impl IntoIterator<Item = &'s RecordSet>, zone: &DnsName) -> Self {
        let mut comparison = Self::default();
        for set in sets {
            match obstacle(set, zone) {
                Some(why) => drop(comparison.not_compared.insert(set.key.label(zone), why)),
                None => comparison.compared.push(set.key.clone()),
            }
        }
        comparison
    }
}

/// Why one answer says nothing of the set.
fn obstacle(set: &RecordSet, zone: &DnsName) -> Option<String> {
    if let Some(routing) = &set.routing {
        let policy = routing.policy();
        return Some(format!("The answer varies: the set has a routing policy ({policy})."));
    }
    if let Content::Alias(alias) = &set.content {
        let target = alias.name.without_dot();
        return Some(format!(
            "The answer varies: the set is an alias of {target}, whose records change by themselves."
        ));
    }
    let own = set.key.name == *zone && matches!(set.key.record_type, RecordType::Ns | RecordType::Soa);
    own.then(|| "Every provider has its own: the record names the servers of the zone themselves.".to_owned())
}

/// The answer for `key` in the reply of a server of `zone`. What lies below a further delegation is known to the
/// server as part of a referral.
pub(super) fn answer(key: &SetKey, zone: &DnsName, reply: &Reply) -> Result<Answer, Lame> {
    let wanted = |record: &&ResourceRecord| {
        record.is(&key.name, key.record_type) || record.is(&key.name, RecordType::Cname)
    };
    let found: BTreeSet<_> = if reply.authoritative {
        reply.answers.iter().filter(wanted).map(|record| record.data.clone()).collect()
    } else if refers_below(zone, &key.name, reply) {
        let records = reply.authority.iter().chain(&reply.additional);
        records.filter(wanted).map(|record| record.data.clone()).collect()
    } else {
        return Err(lame(reply));
    };
    Ok(match (found.is_empty(), reply.name_exists) {
        (false, _) => Answer::Records(found),
        (true, true) => Answer::NoRecords,
        (true, false) => Answer::NoName,
    })
}

/// Whether the reply refers to a zone below this one that has the name.
fn refers_below(zone: &DnsName, name: &DnsName, reply: &Reply) -> bool {
    let cut = |record: &ResourceRecord| {
        let (owner, is_ns) = (&record.name, record.data.name_server().is_some());
        is_ns && owner != zone && owner.is_in(zone) && name.is_in(owner)
    };
    reply.authority.iter().any(cut)
}

/// The difference between two answers for `key`, when there is one.
pub(super) fn difference(key: &SetKey, zone: &DnsName, old: &Answer, new: &Answer) -> Option<Difference> {
    let reason = match (old, new) {
        (Answer::Records(old), Answer::Records(new)) if old == new => return None,
        (Answer::Records(_), Answer::Records(_)) => "The records differ.".to_owned(),
        (Answer::Records(_), missing) => format!("The new servers {}.", missing.absence()),
        (missing, Answer::Records(_)) => format!("The old servers {}.", missing.absence()),
        _ => return None,
    };
    Some(Difference {
        name: key.name.relative_to(zone).into(),
        r#type: key.record_type.as_str().into(),
        old: old.texts(key.record_type).into(),
        new: new.texts(key.record_type).into(),
        reason: reason.into(),
    })
}

impl Answer {
    const fn absence(&self) -> &'static str {
        match self {
            Self::Records(_) => "have other records",
            Self::NoRecords => "have the name without a record of this type",
            Self::NoName => "have no such name",
        }
    }

    fn texts(&self, asked: RecordType) -> Option<List<String>> {
        let Self::Records(records) = self else { return None };
        let text = |data: &RecordData| match data {
            RecordData::Known(rdata) if rdata.record_type() != asked => {
                format!("{} {rdata}", rdata.record_type())
            }
            data => data.to_string(),
        };
        Some(records.iter().map(|data| Value::Known(text(data))).collect())
    }
}

#[cfg(test)]
mod tests;
