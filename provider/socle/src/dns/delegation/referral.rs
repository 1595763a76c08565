//! What the servers of a parent zone say of a zone below it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::super::{DnsName, RecordType};
use crate::clients::dns::{Lame, Reply, ResourceRecord};

/// The addresses of name servers, by name.
pub(super) type Glue = BTreeMap<DnsName, BTreeSet<IpAddr>>;

/// To whom a zone is delegated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Delegation {
    /// The names of the servers.
    pub(super) servers: BTreeSet<DnsName>,
    /// How long resolvers may keep that, in seconds.
    pub(super) ttl: u32,
    /// The addresses that came along.
    pub(super) glue: Glue,
}

/// The names above `zone`, from the nearest to the root.
pub(super) fn ancestors(zone: &DnsName) -> impl Iterator<Item = DnsName> + use<> {
    std::iter::successors(zone.parent(), DnsName::parent)
}

/// The name servers of `zone` in a resolver's reply; none where it is no zone.
pub(super) fn servers_of(zone: &DnsName, reply: &Reply) -> BTreeSet<DnsName> {
    let records = reply.answers.iter().chain(&reply.authority);
    name_servers(zone, records).filter_map(|record| record.data.name_server()).collect()
}

/// To whom the parent's server delegates `zone`; none where it delegates it to nobody. A server that has both zones
/// answers with the zone's own name servers.
pub(super) fn delegation(zone: &DnsName, reply: &Reply) -> Result<Option<Delegation>, Lame> {
    let answered = reply.authoritative && name_servers(zone, &reply.answers).next().is_some();
    let section = if answered { &reply.answers } else { &reply.authority };
    let servers: BTreeSet<_> =
        name_servers(zone, section).filter_map(|record| record.data.name_server()).collect();
    let ttl = name_servers(zone, section).map(|record| record.ttl).min();
    match ttl {
        Some(ttl) => Ok(Some(Delegation { glue: glue(&servers, &reply.additional), servers, ttl })),
        None if reply.authoritative => Ok(None),
        None => Err(lame(reply)),
    }
}

/// Whether the parent's server has a DS record for `zone`. One that knows no DNSSEC refers to the zone instead.
pub(super) fn has_ds(zone: &DnsName, reply: &Reply) -> Result<bool, Lame> {
    let found = reply.answers.iter().any(|record| record.is(zone, RecordType::Ds));
    let refers = name_servers(zone, &reply.authority).next().is_some();
    if found || refers || reply.authoritative { Ok(found) } else { Err(lame(reply)) }
}

/// The name server that holds no authority, or sends the asker to other servers.
pub(super) fn lame(reply: &Reply) -> Lame {
    let ns = |record: &&ResourceRecord| record.data.name_server().is_some();
    match reply.authority.iter().find(ns) {
        Some(record) => Lame::RefersTo(record.name.clone()),
        None => Lame::NoAuthority,
    }
}

fn name_servers<'r>(
    zone: &DnsName,
    records: impl IntoIterator<Item = &'r ResourceRecord>,
) -> impl Iterator<Item = &'r ResourceRecord> {
    records.into_iter().filter(move |record| record.is(zone, RecordType::Ns))
}

fn glue(servers: &BTreeSet<DnsName>, additional: &[ResourceRecord]) -> Glue {
    let mut glue = Glue::new();
    for record in additional.iter().filter(|record| servers.contains(&record.name)) {
        if let Some(address) = record.data.address() {
            glue.entry(record.name.clone()).or_default().insert(address);
        }
    }
    glue
}

#[cfg(test)]
mod tests;
