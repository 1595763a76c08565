//! The network of a sandbox's servers: a switch in a network namespace of its own, one cable to the machine and one to
//! each server, and no way out.
//!
//! Each server's namespace is made before its container and renewed at each start, as the network of a machine that
//! boots. Nothing of it is left to podman: its address books can outlive a container whose maker was killed, and a
//! switch among the machine's own interfaces would pass the machine's firewall, which often drops what goes through it.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::address::{Network, Slot};
use crate::cache;
use crate::command::{run, succeeds};
use crate::state::{self, Claim, StateError};

use super::ServerError;
use super::fault::{Faults, Rate};

const NAMESPACES: &str = "/run/netns";

/// The switch, in its namespace.
const SWITCH: &str = "switch";
/// The machine's end on the switch.
const MACHINE: &str = "machine";
/// A server's only interface.
const INTERFACE: &str = "eth0";

/// The network of one sandbox.
#[derive(Debug, Clone, Copy)]
pub struct Lan<'a> {
    claim: &'a Claim,
    slot: Slot,
}

#[derive(Debug, Deserialize)]
struct Route {
    dst: String,
}

impl<'a> Lan<'a> {
    /// The network in `slot`, for the sandbox of `claim`.
    pub fn new(claim: &'a Claim, slot: Slot) -> Self {
        Self { claim, slot }
    }

    /// Makes the switch and its cable to the machine; what is there already stays.
    pub fn up(&self) -> Result<(), ServerError> {
        let link = self.slot.link();
        self.make_namespace(&link)?;
        if !self.has_link(&link, SWITCH)? {
            self.ip(&format!("-n {link} link add {SWITCH} type bridge"))?;
        }
        self.ip(&format!("-n {link} link set {SWITCH} up"))?;
        self.ignore_packet_filters(&link)?;
        if !Path::new("/sys/class/net").join(&link).exists() {
            self.ip(&format!("link add {link} type veth peer name {MACHINE} netns {link}"))?;
        }
        self.ip(&format!("-n {link} link set {MACHINE} master {SWITCH} up"))?;
        close_the_way_out(&link)?;
        self.ip(&format!("address replace {}/24 dev {link}", self.slot.machine()))?;
        self.ip(&format!("link set {link} up"))
    }

    /// Gives the server `number` a network as at the start of a machine: an address, and nothing else.
    pub fn renew(&self, number: u8) -> Result<(), ServerError> {
        self.detach(number)?;
        let (switch, server, port) = (self.slot.link(), self.slot.server_namespace(number), port(number));
        self.make_namespace(&server)?;
        let hardware = self.slot.hardware_address(number);
        self.ip(&format!(
            "-n {server} link add {INTERFACE} address {hardware} type veth peer name {port} netns {switch}"
        ))?;
        self.ip(&format!("-n {switch} link set {port} master {SWITCH} up"))?;
        self.ip(&format!("-n {server} address add {}/24 dev {INTERFACE}", self.slot.server(number)))?;
        self.ip(&format!("-n {server} link set {INTERFACE} up"))
    }

    /// Makes the network of the server `number` as bad as `faults` says, and no worse.
    pub fn impose(&self, number: u8, faults: &Faults) -> Result<(), ServerError> {
        let (switch, server, port) = (self.slot.link(), self.slot.server_namespace(number), port(number));
        self.limit(&switch, &port, faults.slow)?;
        self.limit(&server, INTERFACE, faults.slow)?;
        let state = if faults.cut { "down" } else { "up" };
        self.ip(&format!("-n {switch} link set {port} {state}"))
    }

    /// Takes the server `number` off the network; it may not be on it.
    pub fn detach(&self, number: u8) -> Result<(), ServerError> {
        let (switch, port) = (self.slot.link(), port(number));
        // The kernel takes a namespace apart when it likes; the name of the port must be free at once.
        if has_namespace(&switch) && self.has_link(&switch, &port)? {
            self.ip(&format!("-n {switch} link delete {port}"))?;
        }
        self.remove_namespace(&self.slot.server_namespace(number))
    }

    /// Takes all of it away, after the last server.
    pub fn down(&self) -> Result<(), ServerError> {
        let link = self.slot.link();
        if Path::new("/sys/class/net").join(&link).exists() {
            self.ip(&format!("link delete {link}"))?;
        }
        self.remove_namespace(&link)?;
        self.unmount_namespaces()
    }

    /// `ip netns` mounts its folder onto itself; it goes with the last namespace of anybody.
    fn unmount_namespaces(&self) -> Result<(), ServerError> {
        let _lock = self.lock_namespaces()?;
        let is_empty = fs::read_dir(NAMESPACES).is_ok_and(|mut names| names.next().is_none());
        if is_empty {
            while succeeds(self.claim.command("umount")?.arg(NAMESPACES))? {}
            fs::remove_dir(NAMESPACES).map_err(StateError::at("remove", Path::new(NAMESPACES)))?;
        }
        Ok(())
    }

    fn make_namespace(&self, name: &str) -> Result<(), ServerError> {
        if !has_namespace(name) {
            let _lock = self.lock_namespaces()?;
            self.ip(&format!("netns add {name}"))?;
        }
        self.ip(&format!("-n {name} link set lo up"))
    }

    /// Keeps the folder of namespaces from being unmounted by one sandbox while another one puts a namespace into it.
    fn lock_namespaces(&self) -> Result<fs::File, StateError> {
        let cache = self.claim.sandbox().cache();
        Ok(cache::lock(&state::lock_file(cache, "namespaces")?)?)
    }

    fn remove_namespace(&self, name: &str) -> Result<(), ServerError> {
        if has_namespace(name) { self.ip(&format!("netns delete {name}")) } else { Ok(()) }
    }

    fn has_link(&self, namespace: &str, link: &str) -> Result<bool, ServerError> {
        Ok(succeeds(self.claim.command("ip")?.args(["-n", namespace, "link", "show", "dev", link]))?)
    }

    fn limit(&self, namespace: &str, link: &str, rate: Option<Rate>) -> Result<(), ServerError> {
        match rate {
            Some(rate) => self.tc(&format!(
                "-n {namespace} qdisc replace dev {link} root tbf rate {rate} burst {} latency 1s",
                rate.burst_bytes()
            )),
            None if self.is_limited(namespace, link)? => {
                self.tc(&format!("-n {namespace} qdisc delete dev {link} root"))
            }
            None => Ok(()),
        }
    }

    fn is_limited(&self, namespace: &str, link: &str) -> Result<bool, ServerError> {
        let mut tc = self.claim.command("tc")?;
        Ok(run(tc.args(["-n", namespace, "qdisc", "show", "dev", link]))?.contains("qdisc tbf"))
    }

    /// Where bridges pass through packet filters, those of the switch do not: a real switch has none.
    fn ignore_packet_filters(&self, namespace: &str) -> Result<(), ServerError> {
        let script = "for setting in /proc/sys/net/bridge/bridge-nf-call-*; do \
                      [ ! -e \"$setting\" ] || echo 0 >\"$setting\"; done";
        run(self.claim.command("ip")?.args(["netns", "exec", namespace, "sh", "-c", script]))?;
        Ok(())
    }

    /// Runs `ip` with words that hold no spaces.
    fn ip(&self, words: &str) -> Result<(), ServerError> {
        run(self.claim.command("ip")?.args(words.split(' ')))?;
        Ok(())
    }

    fn tc(&self, words: &str) -> Result<(), ServerError> {
        run(self.claim.command("tc")?.args(words.split(' ')))?;
        Ok(())
    }
}

/// What the machine has routes to. Empty where there is no `ip`, and so no server.
pub fn routes_of_the_machine() -> Vec<Network> {
    let mut ip = std::process::Command::new("ip");
    let listed = run(ip.args(["-4", "-json", "route", "show", "table", "all"])).unwrap_or_default();
    let routes: Vec<Route> = serde_json::from_str(&listed).unwrap_or_default();
    routes.iter().filter_map(|route| Network::parse(&route.dst)).collect()
}

/// Even a server that is given a default route finds no way out, and where the machine forwards for others: it takes no
/// packet from this interface but for itself, and speaks no IPv6 on it.
fn close_the_way_out(link: &str) -> Result<(), ServerError> {
    for (family, key, value) in [("ipv4", "forwarding", "0"), ("ipv6", "disable_ipv6", "1")] {
        let path = Path::new("/proc/sys/net").join(family).join("conf").join(link).join(key);
        // A kernel without IPv6 has no such setting.
        if path.exists() {
            fs::write(&path, value).map_err(StateError::at("write", &path))?;
        }
    }
    Ok(())
}

/// The name of a server's port on the switch.
fn port(number: u8) -> String {
    format!("server-{number}")
}

fn has_namespace(name: &str) -> bool {
    Path::new(NAMESPACES).join(name).exists()
}
