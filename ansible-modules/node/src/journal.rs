//! The journal: what every host of a cluster remembers of it, at [`PATH`].
//!
//! It says whose a host is. Whether something was done is never read from it, but seen.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::specification::{Cluster, Fixed, NetworkMode, Role};

/// Where it stands on a host: root alone may read it.
pub const PATH: &str = "/var/lib/socle/cluster/journal.json";

/// What a host remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// Chance, made once for each cluster that is created: 32 hexadecimal digits.
    pub cluster_id: String,
    /// Who made it, such as `terraform`: nobody else changes it.
    pub owner: String,
    /// What can never change.
    pub fixed: Fixed,
    /// How far it came.
    pub state: State,
    /// Grows with every change of it.
    pub generation: u64,
    /// The name of the node whose host this is.
    pub node: String,
    /// All members, those that are leaving included.
    pub members: BTreeMap<String, Member>,
}

/// How far a cluster came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// A create began and has not ended: the next one goes on.
    Creating,
    /// It was whole once.
    Complete,
}

/// A member, as the others know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// What runs on it.
    pub role: Role,
    /// Where people from outside reach it.
    pub address: String,
    /// Its address in the nodes' network.
    pub internal: std::net::Ipv4Addr,
    /// The range of its pods.
    pub pod_range: ipnet::Ipv4Net,
    /// Its number: mesh address and pod range follow from it. It is not given to another while this one is here.
    pub number: u16,
    /// Chance, by which a host proves under a new host key that it is the same.
    pub node_id: String,
    /// The public key of its mesh interface, once its host has made one.
    pub mesh_key: Option<String>,
}

impl Journal {
    /// Do both say the same, whoever wrote them when, on whichever host, and whatever keys were known then?
    pub fn agrees(&self, other: &Self) -> bool {
        let settled = |journal: &Self| {
            let mut journal = Self { generation: 0, node: String::new(), ..journal.clone() };
            journal.members.values_mut().for_each(|member| member.mesh_key = None);
            journal
        };
        settled(self) == settled(other)
    }

    /// The same, as the host of another node keeps it.
    #[must_use]
    pub fn on(&self, node: &str) -> Self {
        Self { node: node.to_owned(), ..self.clone() }
    }
}

/// The member that a node becomes.
///
/// None when the ranges have no such number, or a private network gives it no address: the specification's
/// [check](Cluster::check) refuses both.
pub fn member(cluster: &Cluster, name: &str, number: u16, node_id: String) -> Option<Member> {
    let node = cluster.nodes.get(name)?;
    let internal = match cluster.network.mode {
        NetworkMode::Wireguard => cluster.network.mesh_address(number),
        NetworkMode::Private => node.private_address?,
    };
    let pod_range = cluster.network.pod_range(number)?;
    let (role, address) = (node.role, node.address.clone());
    Some(Member { role, address, internal, pod_range, number, node_id, mesh_key: None })
}
