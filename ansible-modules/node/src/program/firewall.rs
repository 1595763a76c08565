//! The cluster's part of the host's firewall: peers reach everything, and only whom the user names reaches the API.

use std::net::{IpAddr, ToSocketAddrs};

use host::firewall::{self, Desired, Network, Part};
use host::{Host, Mode};
use node::render::{Place, firewall as peers};
use node::specification::API_PORT;

use crate::failure::Failure;
use crate::files;

/// The name of the part: a host is of one cluster.
const PART: &str = "cluster";
/// What loads rules; it comes with the preparation.
const PROGRAM: &str = "/usr/sbin/nft";

/// Is it not as it should be?
pub(crate) fn differs(place: &Place<'_>) -> Result<bool, Failure> {
    if !files::exists(PROGRAM) {
        return Ok(true);
    }
    let outcome = firewall::bring_cluster(&Host::this(), PART, Desired::Present(part(place)), Mode::Check);
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
    if !files::exists(PROGRAM) {
        return Ok(());
    }
    let outcome = firewall::bring_cluster(&Host::this(), PART, Desired::Absent, Mode::Apply);
    outcome.fault().map_err(Failure::from)
}

fn part(place: &Place<'_>) -> Part {
    // A server by name may have moved; one whose name leads nowhere reaches nobody.
    let outer = place.journal.members.values().flat_map(|member| addresses(&member.address));
    let outer = outer.map(|address| address.to_string());
    Part::Cluster {
        peers: networks(outer.chain(peers::inner(place))),
        api_from: networks(peers::clients(place)),
        api_port: API_PORT,
    }
}

fn addresses(name: &str) -> Vec<IpAddr> {
    let found = (name, API_PORT).to_socket_addrs();
    found.map(|found| found.map(|address| address.ip()).collect()).unwrap_or_default()
}

/// In order and each once, so that the same members make the same rules.
fn networks(texts: impl Iterator<Item = String>) -> Vec<Network> {
    let mut networks: Vec<_> = texts.filter_map(|text| text.parse::<Network>().ok()).collect();
    networks.sort();
    networks.dedup();
    networks
}
