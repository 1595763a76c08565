//! The firewall: one table `inet socle`, made of parts that have an owner each. Tables of others are never touched.
//!
//! The part `host` closes the host but for ssh and the ports it opens. The part of a cluster opens the host to the
//! cluster's peers, its API to the API's clients, and keeps `NodePort` services inside: a `NodePort` is redirected before
//! the input hook sees it, so it is refused in prerouting. Without a part `host`, everything else stays open.

mod activation;
mod network;
mod session;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub use activation::{Activation, Desired, LockOut, awaiting, bring_cluster, confirm};
pub use network::{Network, NetworkFault};
pub use session::Session;

/// All parts by name; `host` is the base part, every other the name of a cluster.
pub type Parts = BTreeMap<String, Part>;

/// What one owner asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Part {
    /// The base part.
    Host {
        /// Ports of sshd.
        ssh_ports: Vec<u16>,
        /// Who may reach them.
        ssh_from: Vec<Network>,
        /// Ports that are open, by a name of the user's.
        open: BTreeMap<String, Opening>,
    },
    /// A cluster's part.
    Cluster {
        /// Nodes, their mesh and their pods: they reach everything.
        peers: Vec<Network>,
        /// Who may reach the API server from outside.
        api_from: Vec<Network>,
        /// The port of the API server.
        api_port: u16,
    },
}

/// A port that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// The port.
    pub port: u16,
    /// `tcp` or `udp`.
    pub protocol: Protocol,
    /// To whom.
    pub from: Vec<Network>,
}

/// A transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP
    Tcp,
    /// UDP
    Udp,
}

/// Kubernetes' default range of `NodePort` services.
const NODE_PORTS: &str = "30000-32767";
/// etcd, kubelet, controller manager, scheduler: nobody's but the peers'.
const INNER_PORTS: &str = "2379-2380, 10250, 10257, 10259";

/// The whole table as text for `nft --file`: it takes the place of the one that is loaded, in one transaction.
pub fn render(parts: &Parts) -> String {
    let mut text = String::from("table inet socle\ndelete table inet socle\n");
    if parts.is_empty() {
        return text;
    }
    text += "table inet socle {\n";
    for (name, part) in parts {
        sets(&mut text, &identifier(name), part);
    }
    text += &input(parts);
    for (name, part) in parts {
        text += &chain(&identifier(name), part);
    }
    text += &node_ports(parts);
    text + "}\n"
}

fn input(parts: &Parts) -> String {
    let closed = parts.values().any(|part| matches!(part, Part::Host { .. }));
    let mut text = format!(
        "\tchain input {{\n\t\ttype filter hook input priority filter; policy {};\n\
         \t\tct state established,related accept\n\t\tiif \"lo\" accept\n\t\tct state invalid drop\n\
         \t\tmeta l4proto icmp accept\n\t\tmeta l4proto ipv6-icmp accept\n\
         \t\tip6 saddr fe80::/10 udp dport 546 accept\n",
        if closed { "drop" } else { "accept" }
    );
    for name in parts.keys() {
        let _ = writeln!(text, "\t\tjump {}", identifier(name));
    }
    text + "\t}\n"
}

/// A part's name as nft takes it; `host` cannot be a cluster's, because its part is the base part.
fn identifier(name: &str) -> String {
    format!("part_{}", name.replace('-', "_"))
}

fn sets(text: &mut String, name: &str, part: &Part) {
    match part {
        Part::Host { ssh_from, open, .. } => {
            set(text, &format!("{name}_ssh"), ssh_from);
            for (key, opening) in open {
                set(text, &format!("{name}_open_{}", key.replace('-', "_")), &opening.from);
            }
        }
        Part::Cluster { peers, api_from, .. } => {
            set(text, &format!("{name}_peers"), peers);
            set(text, &format!("{name}_api"), api_from);
        }
    }
}

fn set(text: &mut String, name: &str, networks: &[Network]) {
    for (family, kind) in [("4", "ipv4_addr"), ("6", "ipv6_addr")] {
        let elements: Vec<String> = networks
            .iter()
            .filter(|network| network.is_v4() == (family == "4"))
            .map(ToString::to_string)
            .collect();
        let _ =
            write!(text, "\tset {name}{family} {{\n\t\ttype {kind}\n\t\tflags interval\n\t\tauto-merge\n");
        if !elements.is_empty() {
            let _ = writeln!(text, "\t\telements = {{ {} }}", elements.join(", "));
        }
        text.push_str("\t}\n");
    }
}

/// A rule for both families; `rest` follows the match of the source.
fn from_set(text: &mut String, set: &str, rest: &str) {
    let _ = write!(text, "\t\tip saddr @{set}4 {rest}\n\t\tip6 saddr @{set}6 {rest}\n");
}

fn chain(name: &str, part: &Part) -> String {
    let mut text = format!("\tchain {name} {{\n");
    match part {
        Part::Host { ssh_ports, open, .. } => {
            let ports: Vec<String> = ssh_ports.iter().map(ToString::to_string).collect();
            from_set(
                &mut text,
                &format!("{name}_ssh"),
                &format!("tcp dport {{ {} }} accept", ports.join(", ")),
            );
            for (key, Opening { port, protocol, .. }) in open {
                let protocol = if *protocol == Protocol::Tcp { "tcp" } else { "udp" };
                let set = format!("{name}_open_{}", key.replace('-', "_"));
                from_set(&mut text, &set, &format!("{protocol} dport {port} accept"));
            }
        }
        Part::Cluster { api_port, .. } => {
            from_set(&mut text, &format!("{name}_peers"), "accept");
            from_set(&mut text, &format!("{name}_api"), &format!("tcp dport {api_port} accept"));
            let _ = writeln!(text, "\t\ttcp dport {{ {api_port}, {INNER_PORTS} }} drop");
        }
    }
    text + "\t}\n"
}

fn node_ports(parts: &Parts) -> String {
    let clusters = parts.iter().filter(|(_, part)| matches!(part, Part::Cluster { .. }));
    let names: Vec<String> = clusters.map(|(name, _)| identifier(name)).collect();
    if names.is_empty() {
        return String::new();
    }
    let mut text =
        "\tchain node_ports {\n\t\ttype filter hook prerouting priority mangle; policy accept;\n".to_owned();
    text += "\t\tiif \"lo\" accept\n\t\tct state established,related accept\n";
    for name in names {
        from_set(&mut text, &format!("{name}_peers"), "accept");
    }
    let _ = writeln!(text, "\t\tfib daddr type local meta l4proto {{ tcp, udp }} th dport {NODE_PORTS} drop");
    text + "\t}\n"
}

/// Whether a new session like this one gets through these rules.
pub fn lets_in(parts: &Parts, from: IpAddr, port: u16) -> bool {
    let has = |networks: &[Network]| networks.iter().any(|network| network.contains(from));
    let closed = parts.values().any(|part| matches!(part, Part::Host { .. }));
    !closed
        || parts.values().any(|part| match part {
            Part::Host { ssh_ports, ssh_from, open } => {
                (ssh_ports.contains(&port) && has(ssh_from))
                    || open.values().any(|o| o.port == port && o.protocol == Protocol::Tcp && has(&o.from))
            }
            Part::Cluster { peers, .. } => has(peers),
        })
}

#[cfg(test)]
mod tests;
