//! Entries of one configuration that cannot both be.

use std::collections::BTreeMap;

use tfplugin::path::MapPath;
use tfplugin::{Diagnostic, Diagnostics, Map, Path, Typed, Value};

use super::change::can_coexist;
use super::record::{Record, RecordPath};
use super::{DnsName, RecordSet, RecordType};

/// Every entry that is wholly known and valid, as a set, with the label that it has.
pub fn known_sets(records: &Value<Map<Record>>, zone: &DnsName) -> Vec<(String, RecordSet)> {
    let at = <Map<Record> as Typed>::Path::from(Path::root());
    let entries = records.known().into_iter().flatten();
    let known = entries.filter_map(|(label, record)| Some((label, record.known()?)));
    let set = |(label, record): (&String, &Record)| {
        let canonical = record.canonical(label, &at.key(label), zone).ok()?;
        Some((label.clone(), canonical.to_set(zone)?))
    };
    known.filter_map(set).collect()
}

/// Every entry that cannot be: beside an earlier one, or at the zone's own name.
pub fn refused(sets: &[(String, RecordSet)], zone: &DnsName, at: &MapPath<RecordPath>) -> Diagnostics {
    let clashes = clashes(sets).into_iter().map(|clash| clash.diagnostic(at));
    let at_apex =
        sets.iter().filter(|(_, set)| set.key.record_type == RecordType::Cname && set.key.name == *zone);
    clashes.chain(at_apex.map(|(label, _)| cname_at_apex(&at.key(label)))).collect()
}

fn cname_at_apex(at: &RecordPath) -> Diagnostic {
    let detail = "A CNAME stands alone, and the zone's own name has its SOA and NS. Point the zone's name elsewhere with \
                  an `alias` of type A or AAAA, or with addresses.";
    Diagnostic::error("CNAME at the zone's own name", detail).at(at.clone())
}

/// An entry that cannot be beside an earlier one.
#[derive(Debug, PartialEq, Eq)]
struct Clash {
    /// The label of the earlier entry.
    first: String,
    /// The label of this entry.
    second: String,
    /// The set that this entry asks for.
    set: RecordSet,
    /// Do both ask for one and the same set?
    same: bool,
}

/// Every entry that cannot be beside an earlier one.
fn clashes(sets: &[(String, RecordSet)]) -> Vec<Clash> {
    let mut of_name: BTreeMap<&DnsName, Vec<&(String, RecordSet)>> = BTreeMap::new();
    let mut found = Vec::new();
    for entry @ (label, set) in sets {
        let earlier = of_name.entry(&set.key.name).or_default();
        if let Some((first, other)) = earlier.iter().find(|(_, other)| !can_coexist(other, set)) {
            let same = other.key == set.key;
            found.push(Clash { first: first.clone(), second: label.clone(), set: set.clone(), same });
        }
        earlier.push(entry);
    }
    found
}

impl Clash {
    /// What the user reads, on the later entry.
    fn diagnostic(&self, at: &MapPath<RecordPath>) -> Diagnostic {
        let Self { first, second, set, same } = self;
        let (name, record_type) = (set.key.name.without_dot(), set.key.record_type);
        let (summary, detail) = if *same {
            let detail = format!(
                "The entries {first:?} and {second:?} are both {name} {record_type}. Put all values of one name and \
                 type into one entry, or give each a `set_identifier` and a `routing`."
            );
            ("Two entries of one record set", detail)
        } else {
            let detail = format!(
                "The entries {first:?} and {second:?} cannot both be at {name}: a CNAME stands alone, and all sets of \
                 one name and type have the same kind of routing."
            );
            ("Entries that exclude each other", detail)
        };
        Diagnostic::error(summary, detail).at(at.key(second))
    }
}
