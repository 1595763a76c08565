//! `firewall`: a part of the one table of ours.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use host::firewall::{self, Activation, Desired, LockOut, Network, Opening, Part, Protocol};
use host::{Host, Item, Mode, Outcome, owner};
use module::{About, Answer, Context, Module, arguments, choices};
use serde_json::json;

choices! {
    /// What is done.
    pub enum State {
        /// The part is loaded.
        Present = "present",
        /// The part is removed.
        Absent = "absent",
        /// The rules that wait are kept.
        Confirmed = "confirmed",
    }
}

choices! {
    /// A transport protocol.
    pub enum Transport { Tcp = "tcp", Udp = "udp" }
}

arguments! {
    /// A port that is open.
    pub struct Open {
        /// The port.
        required port: u16,
        /// The transport protocol.
        optional protocol: Transport = Transport::Tcp,
        /// Networks it is open to.
        optional from: Vec<String> = vec!["0.0.0.0/0".to_owned(), "::/0".to_owned()],
    }
}

arguments! {
    /// The arguments of `firewall`.
    pub struct Arguments {
        /// C(present) loads the part. The rules go away by themselves unless C(confirmed) is said over a new connection
        /// within O(confirm_within) seconds. C(absent) removes the part; that is confirmed like a change.
        optional state: State = State::Present,
        /// Which part of the table, C(host) for the base part, else the name of a cluster.
        optional part: String = "host".to_owned(),
        /// Who owns the part. A second owner is refused with the first one's name.
        optional owner: String = "ansible".to_owned(),
        /// Networks that may reach sshd. Only in the part C(host).
        optional ssh_from: Vec<String>,
        /// Ports of sshd. Only in the part C(host).
        optional ssh_ports: Vec<u16> = vec![22],
        /// Ports that are open, by a name of your own. Only in the part C(host).
        optional open: BTreeMap<String, Open>,
        /// Addresses of the nodes, of their mesh and of their pods, which reach everything. Only in a cluster's part.
        optional peers: Vec<String>,
        /// Networks that may reach the API server from outside. Only in a cluster's part.
        optional api_from: Vec<String>,
        /// The port of the API server. Only in a cluster's part.
        optional api_port: u16 = 6443,
        /// Load rules that would not let this very session in again.
        optional allow_lockout: bool = false,
        /// Seconds until the previous rules come back.
        optional confirm_within: u16 = 60,
    }
}

/// The module.
#[derive(Debug)]
pub struct Firewall;

impl Module for Firewall {
    type Arguments = Arguments;

    fn about() -> About {
        About {
            name: "firewall",
            short: "Keep a host's firewall in one nftables table that cannot lock you out",
            description: &[
                "Manages the table C(inet socle) and nothing else; tables of others, such as those of kube-proxy, are never touched.",
                "New rules go away by themselves unless a new session confirms them in time.",
                "Rules that would not let the session in that loads them are refused.",
            ],
            examples: EXAMPLES,
            returns: json!({ "awaiting_confirmation": {
                "description": ["Whether rules are loaded that will go away unless they are confirmed."],
                "returned": "success",
                "type": "bool",
            } }),
            diff: true,
        }
    }

    fn run(host: &Host, arguments: &Arguments, context: Context) -> Result<Answer, Box<dyn Error>> {
        let outcome = match arguments.state {
            State::Confirmed => firewall::confirm(host, context.mode),
            State::Absent => activate(host, arguments, Desired::Absent, context.mode)?,
            State::Present => activate(host, arguments, Desired::Present(part(arguments)?), context.mode)?,
        };
        let failed =
            !matches!(outcome.state, host::State::Ok | host::State::Changed | host::State::WouldChange);
        let mut answer = Answer::of(vec![outcome]);
        // A firewall that this host cannot have is no warning.
        answer.failed = failed;
        if failed {
            answer.msg.clone_from(&answer.items[0].message);
            return Ok(answer);
        }
        Ok(answer.with("awaiting_confirmation", firewall::awaiting(host)?))
    }
}

const EXAMPLES: &str = r"
- name: Close the host but for ssh and https
  socle.platform.firewall:
    ssh_from: [198.51.100.0/24]
    open:
      https:
        port: 443

- name: Come back over a new connection
  ansible.builtin.meta: reset_connection

- name: Keep the rules
  socle.platform.firewall:
    state: confirmed
";

fn activate(
    host: &Host,
    arguments: &Arguments,
    desired: Desired,
    mode: Mode,
) -> Result<Outcome, Box<dyn Error>> {
    let subject =
        if arguments.part == "host" { "firewall".to_owned() } else { format!("firewall-{}", arguments.part) };
    owner::may_claim(host, &subject, &arguments.owner)?;
    let gone = desired == Desired::Absent;
    let lock_out = if arguments.allow_lockout { LockOut::Allowed } else { LockOut::Refused };
    let confirm_within = Duration::from_secs(arguments.confirm_within.max(5).into());
    let outcome =
        Activation { part: arguments.part.clone(), desired, confirm_within, lock_out }.bring(host, mode);
    let done = matches!(outcome.state, host::State::Ok | host::State::Changed);
    if mode == Mode::Apply && done {
        if gone {
            owner::release(host, &subject, &arguments.owner)?;
        } else {
            owner::claim(host, &subject, &arguments.owner)?;
        }
    }
    Ok(outcome)
}

fn part(arguments: &Arguments) -> Result<Part, Box<dyn Error>> {
    if arguments.part != "host" {
        return Ok(Part::Cluster {
            peers: networks("peers", &arguments.peers)?,
            api_from: networks("api_from", &arguments.api_from)?,
            api_port: arguments.api_port,
        });
    }
    let mut open = BTreeMap::new();
    for (name, port) in &arguments.open {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if name.is_empty() || !name.chars().all(fits) {
            return Err(format!("`open` has the name {name:?}: use letters, digits and dashes").into());
        }
        let protocol = if port.protocol == Transport::Tcp { Protocol::Tcp } else { Protocol::Udp };
        let from = networks(&format!("open.{name}.from"), &port.from)?;
        open.insert(name.clone(), Opening { port: port.port, protocol, from });
    }
    let ssh_from = networks("ssh_from", &arguments.ssh_from)?;
    Ok(Part::Host { ssh_ports: arguments.ssh_ports.clone(), ssh_from, open })
}

fn networks(name: &str, texts: &[String]) -> Result<Vec<Network>, Box<dyn Error>> {
    let read = texts.iter().map(|text| text.parse().map_err(|fault| format!("`{name}`: {fault}").into()));
    read.collect()
}
