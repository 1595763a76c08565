//! `data.socle_dns_delegation`: whether the world asks the new servers of a zone, and what would change if it did.

mod comparison;
mod inquiry;
mod referral;
mod server;

use std::collections::{BTreeMap, BTreeSet};

use tfplugin::{Call, DataSource, Diagnostic, Diagnostics, List, Map, Model, Timeouts, Value};

use super::escape::Escapes;
use super::name::is_zone_name;
use super::record::{Record, canonical_sets, sets_of};
use super::{DnsName, SetKey};
use crate::clients::{Clients, budget};
use comparison::{Comparison, Difference};
use inquiry::{Inquiry, InquiryError, ParentSide};
use referral::Delegation;
use server::Server;

/// To whom the parent zone delegates a zone, and what changes for the world when it delegates to other servers.
///
/// It asks the servers of the parent zone themselves, so it sees a change at the registrar as soon as the registry
/// publishes it. With `records`, it asks the servers to which the zone is delegated now, the old ones, and
/// `name_servers`, the new ones, for each of them.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct DnsDelegation {
    /// The name of the zone.
    #[tf(required, validate(describe("a domain name", |text: &String| is_zone_name(text))))]
    name: Value<String>,
    /// The servers that the zone should be delegated to, each as `host` or `host:port` (an IPv6 address as
    /// `[::1]:53`). A parent zone delegates to names: where an address stands here, `delegated` is false.
    #[tf(required, validate(length(1..), each(describe("a server as host or host:port", |text: &String| is_server(text)))))]
    name_servers: Value<List<String>>,
    /// The record sets to compare between old servers and new, such as `socle_dns_zone.main.record_sets`; names are
    /// relative to the zone. Default: none.
    #[tf(optional)]
    records: Value<Map<Record>>,
    /// The resolver that finds the parent zone and the addresses of servers, as `host` or `host:port`. Default: that
    /// of the machine (`/etc/resolv.conf`).
    #[tf(optional, validate(describe("a server as host or host:port", |text: &String| is_server(text))))]
    resolver: Value<String>,
    /// How long each operation may take.
    #[tf(timeouts(read = "5m"))]
    timeouts: Value<Timeouts>,
    /// Whether the parent zone delegates the zone to exactly `name_servers`; ports do not count.
    #[tf(computed)]
    delegated: Value<bool>,
    /// The names of the servers that the parent zone delegates to, in order. Empty when it does not delegate the zone.
    #[tf(computed)]
    parent_name_servers: Value<List<String>>,
    /// How long resolvers may keep that delegation, in seconds: so long after a change some of the world asks the old
    /// servers. Null when there is no delegation.
    #[tf(computed)]
    parent_ttl: Value<u32>,
    /// Whether the parent zone has a DS record for the zone. Behind one that does not match the zone's keys, or where
    /// the zone is not signed, every validating resolver answers SERVFAIL: have the registrar remove it first.
    #[tf(computed)]
    ds_present: Value<bool>,
    /// The sets of `records` that the old servers and the new answer differently, by label `NAME TYPE`. Times to live
    /// do not count. Empty when there are no old servers.
    #[tf(computed)]
    differences: Value<Map<Difference>>,
    /// Why the other sets of `records` are not compared, by label: aliases, sets with a routing policy, and the zone's
    /// own SOA and NS.
    #[tf(computed)]
    not_compared: Value<Map<String>>,
}

/// What is asked for, in plain data.
struct Wanted {
    zone: DnsName,
    new: Vec<Server>,
    resolver: Option<Server>,
    comparison: Comparison,
}

impl DataSource for DnsDelegation {
    type Clients = Clients;
    type Model = Self;

    const NAME: &'static str = "dns_delegation";
    const SUBCATEGORY: &'static str = "DNS";

    fn validate(config: &Self, found: &mut Diagnostics) {
        if let Some(zone) = config.zone()
            && let Err(errors) = canonical_sets(&config.records, &Self::paths().records(), &zone)
        {
            found.extend(errors);
        }
    }

    async fn read(call: &Call<Clients>, config: Self) -> Result<Self, Diagnostics> {
        let wanted = config.wanted()?;
        let failed =
            |error: InquiryError| Diagnostic::error("Delegation cannot be looked up", error.to_string());
        let inquiry = Inquiry::through(wanted.resolver.as_ref(), call.clients().dns(), budget(call));
        let inquiry = inquiry.await.map_err(failed)?;
        let parent = inquiry.parent(&wanted.zone).await.map_err(failed)?;
        let side = inquiry.parent_side(&wanted.zone, &parent).await.map_err(failed)?;
        let differences = wanted.differences(&inquiry, side.delegation.as_ref()).await.map_err(|error| {
            Diagnostic::error("Records cannot be compared", error.to_string()).at(Self::paths().records())
        })?;
        Ok(config.with(&wanted, &side, differences))
    }
}

impl DnsDelegation {
    fn zone(&self) -> Option<DnsName> {
        DnsName::absolute(self.name.known()?, Escapes::Octal).ok()
    }

    fn wanted(&self) -> Result<Wanted, Diagnostics> {
        let zone = self.zone().unwrap_or(DnsName::root());
        let records = canonical_sets(&self.records, &Self::paths().records(), &zone)?;
        let server = |text: &String| text.parse().ok();
        let names = self.name_servers.known().into_iter().flatten().filter_map(Value::known);
        Ok(Wanted {
            new: names.filter_map(server).collect(),
            resolver: self.resolver.known().and_then(server),
            comparison: Comparison::of(sets_of(&records, &zone).values(), &zone),
            zone,
        })
    }

    fn with(self, wanted: &Wanted, side: &ParentSide, differences: Vec<(SetKey, Difference)>) -> Self {
        let delegation = side.delegation.as_ref();
        let names = delegation.into_iter().flat_map(|delegation| &delegation.servers);
        let names: BTreeSet<String> = names.map(DnsName::without_dot).collect();
        let labelled = |(key, difference): (SetKey, Difference)| (key.label(&wanted.zone), difference.into());
        let reason = |(label, why): (&String, &String)| (label.clone(), why.clone().into());
        Self {
            delegated: delegation.is_some_and(|delegation| wanted.is_served_by(&delegation.servers)).into(),
            parent_name_servers: names.into_iter().map(Value::Known).collect::<List<String>>().into(),
            parent_ttl: delegation.map(|delegation| delegation.ttl).into(),
            ds_present: side.ds_present.into(),
            differences: differences.into_iter().map(labelled).collect::<Map<_>>().into(),
            not_compared: wanted.comparison.not_compared.iter().map(reason).collect::<Map<_>>().into(),
            ..self
        }
    }
}

impl Wanted {
    /// Whether the zone is delegated to exactly the new servers.
    fn is_served_by(&self, servers: &BTreeSet<DnsName>) -> bool {
        let new: Option<BTreeSet<_>> = self.new.iter().map(Server::name).collect();
        new.is_some_and(|new| new.into_iter().eq(servers))
    }

    /// What the old servers and the new answer differently. A server that is both old and new says nothing about the
    /// old provider.
    async fn differences(
        &self,
        inquiry: &Inquiry<'_>,
        delegation: Option<&Delegation>,
    ) -> Result<Vec<(SetKey, Difference)>, InquiryError> {
        let keys = &self.comparison.compared;
        let old = delegation.map(|delegation| self.old(delegation)).unwrap_or_default();
        let (Some(delegation), false, false) = (delegation, old.is_empty(), keys.is_empty()) else {
            return Ok(Vec::new());
        };
        let old = inquiry.addresses(&old, &delegation.glue);
        let nowhere = BTreeMap::new();
        let new = inquiry.addresses(&self.new, &nowhere);
        let (old, new) = tokio::try_join!(old, new)?;
        inquiry.differences(&self.zone, keys, &old, &new).await
    }

    fn old(&self, delegation: &Delegation) -> Vec<Server> {
        let new: BTreeSet<_> = self.new.iter().filter_map(Server::name).collect();
        let old = delegation.servers.iter().filter(|name| !new.contains(name));
        old.cloned().map(Server::named).collect()
    }
}

fn is_server(text: &str) -> Result<(), String> {
    text.parse::<Server>().map(drop).map_err(|problem| problem.to_string())
}

#[cfg(test)]
mod tests;
