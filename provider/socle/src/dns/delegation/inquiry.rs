//! The questions behind `socle_dns_delegation`, in their order: who serves the parent zone, to whom it delegates, and
//! what the old servers and the new answer.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr};

use futures::future::{join_all, try_join_all};

use super::super::{DnsName, RecordType, SetKey};
use super::comparison::{Answer, Difference, answer, difference};
use super::referral::{Delegation, Glue, ancestors, delegation, has_ds, servers_of};
use super::server::{Host, Server};
use crate::clients::dns::{DnsClient, Question, Recursion, Reply, ServerAddress, ServerSet, Unanswered};
use crate::clients::retry::Budget;

/// Why an inquiry has no result.
#[derive(Debug, thiserror::Error)]
pub(super) enum InquiryError {
    /// The system's resolvers are not known.
    #[error("{0}. Set `resolver`.")]
    NoResolver(io::Error),
    /// The parent zone cannot be found.
    #[error("The parent zone of {} cannot be found: {source}. Check the resolver, or set `resolver` to another one.", .zone.without_dot())]
    Parent { zone: DnsName, source: Unanswered },
    /// No name above the zone has name servers, not even the root.
    #[error(
        "The resolver knows no name server of any zone above {}, the root included. Set `resolver` to one that does.",
        .zone.without_dot()
    )]
    Unrooted { zone: DnsName },
    /// None of the servers has an address: the servers, and the look-ups that failed.
    #[error(
        "None of these name servers has an address: {}. Check the names, or set `resolver` to one that knows them.",
        .0.join("; ")
    )]
    Unreachable(Vec<String>),
    /// The parent's servers do not say to whom they delegate.
    #[error("The servers of the parent zone: {0}.")]
    Delegation(Unanswered),
    /// One side does not answer for a record set.
    #[error("The {side} servers: {source}. Without `records` they are not asked.")]
    Answer { side: &'static str, source: Unanswered },
}

/// What the parent says of a zone.
#[derive(Debug)]
pub(super) struct ParentSide {
    /// To whom it delegates; none where to nobody.
    pub(super) delegation: Option<Delegation>,
    /// Whether it has a DS record for the zone.
    pub(super) ds_present: bool,
}

/// Asks on behalf of one call.
#[derive(Debug)]
pub(super) struct Inquiry<'c> {
    dns: &'c DnsClient,
    budget: Budget,
    resolver: ServerSet,
}

impl<'c> Inquiry<'c> {
    /// Through `resolver`, else through the system's own; these also find a resolver that is given by name.
    pub(super) async fn through(
        resolver: Option<&Server>,
        dns: &'c DnsClient,
        budget: Budget,
    ) -> Result<Self, InquiryError> {
        if let Some(Server { host: Host::Address(ip), port }) = resolver {
            let server = ServerAddress { name: None, address: SocketAddr::new(*ip, *port) };
            return Ok(Self { dns, budget, resolver: ServerSet::new(vec![server]) });
        }
        let system = ServerSet::resolvers_of_the_system().map_err(InquiryError::NoResolver)?;
        let inquiry = Self { dns, budget, resolver: system };
        match resolver {
            Some(named) => {
                let resolver = inquiry.addresses(std::slice::from_ref(named), &Glue::new()).await?;
                Ok(Self { resolver, ..inquiry })
            }
            None => Ok(inquiry),
        }
    }

    /// The servers of the zone that `zone` is cut from: the nearest name above it that has name servers.
    pub(super) async fn parent(&self, zone: &DnsName) -> Result<ServerSet, InquiryError> {
        for ancestor in ancestors(zone) {
            let reply = self.look_up(&ancestor, RecordType::Ns).await;
            let reply = reply.map_err(|source| InquiryError::Parent { zone: zone.clone(), source })?;
            let servers: Vec<_> = servers_of(&ancestor, &reply).into_iter().map(Server::named).collect();
            if !servers.is_empty() {
                return self.addresses(&servers, &Glue::new()).await;
            }
        }
        Err(InquiryError::Unrooted { zone: zone.clone() })
    }

    /// What the parent's servers say of `zone`.
    pub(super) async fn parent_side(
        &self,
        zone: &DnsName,
        parent: &ServerSet,
    ) -> Result<ParentSide, InquiryError> {
        let delegation =
            self.ask(parent, zone, RecordType::Ns, Recursion::Unwanted, |reply| delegation(zone, reply));
        let ds = self.ask(parent, zone, RecordType::Ds, Recursion::Unwanted, |reply| has_ds(zone, reply));
        let (delegation, ds_present) = tokio::try_join!(delegation, ds).map_err(InquiryError::Delegation)?;
        Ok(ParentSide { delegation, ds_present })
    }

    /// Where all these servers listen: by `glue`, else by the resolver. IPv6 comes last, since a machine without it
    /// is more common than a server without IPv4.
    pub(super) async fn addresses(&self, servers: &[Server], glue: &Glue) -> Result<ServerSet, InquiryError> {
        let (mut found, mut failures) = (Vec::new(), Vec::new());
        let looked_up = join_all(servers.iter().map(|server| self.addresses_of(server, glue))).await;
        for (server, looked_up) in servers.iter().zip(looked_up) {
            let (addresses, unanswered) = looked_up;
            let listening = |ip| ServerAddress {
                name: server.name().cloned(),
                address: SocketAddr::new(ip, server.port),
            };
            found.extend(addresses.into_iter().map(listening));
            failures.extend(unanswered.iter().map(ToString::to_string));
        }
        if found.is_empty() {
            let servers = servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            failures.insert(0, servers);
            return Err(InquiryError::Unreachable(failures));
        }
        found.sort_by_key(|server| server.address.is_ipv6());
        Ok(ServerSet::new(found))
    }

    /// The addresses of one server, and the look-ups that failed.
    async fn addresses_of(&self, server: &Server, glue: &Glue) -> (BTreeSet<IpAddr>, Vec<Unanswered>) {
        let name = match &server.host {
            Host::Address(address) => return ([*address].into(), Vec::new()),
            Host::Name(name) => name,
        };
        if let Some(addresses) = glue.get(name) {
            return (addresses.clone(), Vec::new());
        }
        let (mut addresses, mut failures) = (BTreeSet::new(), Vec::new());
        let looked_up =
            join_all([RecordType::A, RecordType::Aaaa].map(|family| self.look_up(name, family))).await;
        for reply in looked_up {
            match reply {
                Ok(reply) => {
                    addresses.extend(reply.answers.iter().filter_map(|record| record.data.address()));
                }
                Err(unanswered) => failures.push(unanswered),
            }
        }
        (addresses, failures)
    }

    /// Every set that the two sides answer differently, in the order of `keys`.
    pub(super) async fn differences(
        &self,
        zone: &DnsName,
        keys: &[SetKey],
        old: &ServerSet,
        new: &ServerSet,
    ) -> Result<Vec<(SetKey, Difference)>, InquiryError> {
        let compare = |key: &SetKey| {
            let key = key.clone();
            async move {
                let old = self.answer(zone, &key, old, "old");
                let new = self.answer(zone, &key, new, "new");
                let (old, new) = tokio::try_join!(old, new)?;
                Ok(difference(&key, zone, &old, &new).map(|difference| (key, difference)))
            }
        };
        Ok(try_join_all(keys.iter().map(compare)).await?.into_iter().flatten().collect())
    }

    async fn answer(
        &self,
        zone: &DnsName,
        key: &SetKey,
        servers: &ServerSet,
        side: &'static str,
    ) -> Result<Answer, InquiryError> {
        let read = |reply: &Reply| answer(key, zone, reply);
        let told = self.ask(servers, &key.name, key.record_type, Recursion::Unwanted, read).await;
        told.map_err(|source| InquiryError::Answer { side, source })
    }

    async fn look_up(&self, name: &DnsName, record_type: RecordType) -> Result<Reply, Unanswered> {
        self.ask(&self.resolver, name, record_type, Recursion::Wanted, |reply| Ok(reply.clone())).await
    }

    async fn ask<T>(
        &self,
        servers: &ServerSet,
        name: &DnsName,
        record_type: RecordType,
        recursion: Recursion,
        read: impl Fn(&Reply) -> Result<T, crate::clients::dns::Lame>,
    ) -> Result<T, Unanswered> {
        let question = Question { name: name.clone(), record_type, recursion };
        self.dns.ask(servers, question, &self.budget, read).await
    }
}
