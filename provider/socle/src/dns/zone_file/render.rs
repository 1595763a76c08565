//! Writing record sets as a zone file.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::super::{Content, DnsName, RecordSet, SetKey};

/// A record set that a zone file cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// An alias is Route 53's own.
    #[error(
        "the record set {label:?} is an alias, which a zone file cannot hold: leave it out, or give it values"
    )]
    Alias {
        /// The set's label.
        label: String,
    },
    /// Routing, set identifiers and health checks are Route 53's own.
    #[error(
        "the record set {label:?} has a routing policy or a health check, which a zone file cannot hold: leave it out"
    )]
    Routed {
        /// The set's label.
        label: String,
    },
    /// A name outside the zone.
    #[error("the record set {label:?} is not in the zone {zone}: leave it out")]
    OutOfZone {
        /// The set's label.
        label: String,
        /// The zone that is written.
        zone: DnsName,
    },
}

/// One record's columns.
struct Line {
    name: String,
    ttl: u32,
    record_type: &'static str,
    data: String,
}

/// Writes a zone file that [`super::parse`] reads back to the same sets, ordered by name and type: `$ORIGIN`, `$TTL`
/// with the most common time to live, then a line a record.
pub fn render<'a>(
    sets: impl IntoIterator<Item = &'a RecordSet>,
    origin: &DnsName,
) -> Result<String, RenderError> {
    let sets: BTreeMap<&SetKey, &RecordSet> = sets.into_iter().map(|set| (&set.key, set)).collect();
    let mut all = Vec::new();
    for set in sets.into_values() {
        all.extend(lines(set, origin)?);
    }
    Ok(file(&all, origin))
}

fn lines(set: &RecordSet, origin: &DnsName) -> Result<Vec<Line>, RenderError> {
    let label = || set.key.label(origin);
    if !set.key.name.is_in(origin) {
        return Err(RenderError::OutOfZone { label: label(), zone: origin.clone() });
    }
    if set.key.set_identifier.is_some() || set.routing.is_some() || set.health_check_id.is_some() {
        return Err(RenderError::Routed { label: label() });
    }
    let Content::Values { ttl, values } = &set.content else {
        return Err(RenderError::Alias { label: label() });
    };
    let name = set.key.name.in_master_file(origin);
    let line = |data: String| Line {
        name: name.clone(),
        ttl: *ttl,
        record_type: set.key.record_type.as_str(),
        data,
    };
    Ok(values.iter().map(|data| line(data.in_master_file(origin))).collect())
}

fn file(lines: &[Line], origin: &DnsName) -> String {
    let default = most_common_ttl(lines);
    let names = lines.iter().map(|line| line.name.len()).max().unwrap_or(0);
    let ttl = |line: &Line| if Some(line.ttl) == default { String::new() } else { line.ttl.to_string() };
    let ttls = lines.iter().map(|line| ttl(line).len()).max().unwrap_or(0);
    let mut text = format!("$ORIGIN {}\n", origin.absolute_in_master_file());
    // Writing to a String cannot fail.
    let _ = default.map_or(Ok(()), |default| writeln!(text, "$TTL {default}"));
    for line in lines {
        let Line { name, record_type, data, .. } = line;
        let _ = writeln!(text, "{name:names$} {:ttls$} IN {record_type:5} {data}", ttl(line));
    }
    text
}

/// The time to live of most records; of several the smallest.
fn most_common_ttl(lines: &[Line]) -> Option<u32> {
    let mut counts = BTreeMap::new();
    for line in lines {
        *counts.entry(line.ttl).or_insert(0) += 1;
    }
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map(|(ttl, _)| ttl)
}
