//! Which addresses and names a sandbox takes on the machine, so that several can stand side by side.
//!
//! Servers are numbered from 198.18.0.0/15, which is set aside for tests of networks (RFC 2544): no private network
//! and nothing on the internet has these addresses, and like a rented server's they are not private ones.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

/// The most servers that one sandbox has.
pub const MOST_SERVERS: u8 = 200;

/// The first server's last number less one; those below are left to the machine.
const BEFORE_SERVERS: u8 = 10;

/// Routes this wide (a default route, half the internet through a VPN) give way to a sandbox's narrower one.
const WIDE: u8 = 15;

/// One of the 256 networks that sandboxes take: `198.18.SLOT.0/24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slot(u8);

impl Slot {
    /// The first slot that is not `taken` and that no route of the machine leads into; none when all are in use.
    pub fn first_free(taken: &BTreeSet<Self>, routes: &[Network]) -> Option<Self> {
        (0..=u8::MAX)
            .map(Self)
            .find(|slot| !taken.contains(slot) && !routes.iter().any(|route| route.clashes_with(*slot)))
    }

    /// The machine's address in the network: what every server can reach.
    pub fn machine(self) -> Ipv4Addr {
        self.address(1)
    }

    /// The address of the server with this number, counted from 1.
    pub fn server(self, number: u8) -> Ipv4Addr {
        self.address(BEFORE_SERVERS + number)
    }

    /// The machine's interface in the network; also the name of the network namespace in which the servers meet.
    pub fn link(self) -> String {
        format!("socle-{}", self.0)
    }

    /// The network namespace of the server with this number.
    pub fn server_namespace(self, number: u8) -> String {
        format!("socle-{}-{number}", self.0)
    }

    fn address(self, last: u8) -> Ipv4Addr {
        Ipv4Addr::new(198, 18, self.0, last)
    }
}

/// A destination of one of the machine's routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: Ipv4Addr,
    prefix: u8,
}

impl Network {
    /// Reads a destination as `ip route` writes it: an address, or one with the length of its prefix. None for
    /// `default` and for IPv6.
    pub fn parse(destination: &str) -> Option<Self> {
        let (address, prefix) = destination.split_once('/').unwrap_or((destination, "32"));
        Some(Self { address: address.parse().ok()?, prefix: prefix.parse().ok().filter(|bits| *bits <= 32)? })
    }

    fn clashes_with(self, slot: Slot) -> bool {
        let bits = self.prefix.min(24);
        let leading = |address: Ipv4Addr| u32::from(address) >> (32 - u32::from(bits));
        self.prefix >= WIDE && leading(self.address) == leading(slot.address(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(destinations: &[&str]) -> Vec<Network> {
        destinations.iter().filter_map(|destination| Network::parse(destination)).collect()
    }

    #[test]
    fn every_name_and_address_follows_from_the_slot() {
        let slot = Slot(7);
        assert_eq!(slot.machine().to_string(), "198.18.7.1");
        assert_eq!(slot.server(1).to_string(), "198.18.7.11");
        assert_eq!(slot.server(MOST_SERVERS).to_string(), "198.18.7.210");
        assert_eq!((slot.link(), slot.server_namespace(3)), ("socle-7".to_owned(), "socle-7-3".to_owned()));
    }

    #[test]
    fn names_of_interfaces_fit_the_kernel() {
        assert!(Slot(255).link().len() <= 15);
    }

    #[test]
    fn takes_the_first_slot_that_no_other_sandbox_has() {
        assert_eq!(Slot::first_free(&BTreeSet::new(), &[]), Some(Slot(0)));
        assert_eq!(Slot::first_free(&[Slot(0), Slot(2)].into(), &[]), Some(Slot(1)));
        assert_eq!(Slot::first_free(&(0..=255).map(Slot).collect(), &[]), None);
    }

    #[test]
    fn stays_clear_of_the_machines_own_networks() {
        let routes = routes(&["198.18.0.1", "198.18.1.128/25", "198.18.2.0/23"]);
        assert_eq!(routes.len(), 3);
        assert_eq!(Slot::first_free(&BTreeSet::new(), &routes), Some(Slot(4)));
    }

    #[test]
    fn a_route_to_nearly_everything_is_no_clash() {
        let routes = routes(&["default", "128.0.0.0/1", "192.0.0.0/3", "fe80::/64"]);
        assert_eq!(Slot::first_free(&BTreeSet::new(), &routes), Some(Slot(0)));
    }
}
