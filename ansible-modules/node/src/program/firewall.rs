//! The cluster's part of the host's firewall: peers reach everything, and only whom the user names reaches the API.

use std::net::{IpAddr, ToSocketAddrs};

use host::firewall::{self, Desired, Network, Part};
use host::{Host, Mode};
use ipnet::IpNet;
use node::render::{self, Place};
use node::specification::API_PORT;

use crate::failure::Failure;

/// The name of the part: a host is of one cluster.
const PART: &str = "cluster";
/// What loads rules; it comes with the preparation.
const PROGRAM: &str = "nft";

/// Is it not as it should be?
pub(crate) fn differs(place: &Place<'_>) -> Result<bool, Failure> {
    let host = Host::this();
    if !host.has_program(PROGRAM) {
        return Ok(true);
    }
    let outcome = firewall::bring_cluster(&host, PART, Desired::Present(part(place)), Mode::Check);
    let changed = outcome.changed;
    outcome.fault()?;
    Ok(changed)
}

/// Brings it about.
pub(crate) fn bring(place: &Place<'_>) -> Result<(), Failure> {
    let outcome = firewall::bring_cluster(&Host::this(), PART, Desired::Present(part(place)), Mode::Apply);
    outcome.fault().map_err(Failure::from)
}

/// Takes it away; the parts of others stay.
pub(crate) fn remove() -> Result<(), Failure> {
    let host = Host::this();
    if !host.has_program(PROGRAM) {
        return Ok(());
    }
    let outcome = firewall::bring_cluster(&host, PART, Desired::Absent, Mode::Apply);
    outcome.fault().map_err(Failure::from)
}

fn part(place: &Place<'_>) -> Part {
    // A server by name may have moved; one whose name leads nowhere reaches nobody.
    let outer = place.journal.members.values().flat_map(|member| addresses(&member.address));
    let peers = outer.map(IpNet::from).chain(render::firewall::inner(place));
    Part::Cluster {
        peers: networks(peers),
        api_from: networks(render::firewall::clients(place)),
        api_port: API_PORT,
    }
}

fn addresses(name: &str) -> Vec<IpAddr> {
    let found = (name, API_PORT).to_socket_addrs();
    found.map(|found| found.map(|address| address.ip()).collect()).unwrap_or_default()
}

/// In order and each once, so that the same members make the same rules.
fn networks(found: impl IntoIterator<Item = IpNet>) -> Vec<Network> {
    let mut networks: Vec<Network> =
        found.into_iter().filter_map(|network| network.to_string().parse().ok()).collect();
    networks.sort();
    networks.dedup();
    networks
}
