//! The files of a node, as text: pure functions of its [`Place`].
//!
//! kubeadm's configurations are written as JSON, which is YAML: no name or address can change what it means.

pub mod addons;
pub mod balancer;
pub mod firewall;
pub mod kubeadm;
pub mod kubeconfig;
pub mod mesh;
pub mod pods;
pub mod policy;
#[cfg(test)]
mod tests;
pub mod timer;

use std::net::Ipv4Addr;

use crate::journal::{Journal, Member};
use crate::specification::{Cluster, Node, Role};

/// A node's place in its cluster.
#[derive(Debug, Clone, Copy)]
pub struct Place<'p> {
    /// Its name.
    pub name: &'p str,
    /// What it should be.
    pub node: &'p Node,
    /// What it is to the others.
    pub member: &'p Member,
    /// The cluster.
    pub cluster: &'p Cluster,
    /// What every host remembers.
    pub journal: &'p Journal,
}

impl<'p> Place<'p> {
    /// The place of the node that the journal names as its host's.
    ///
    /// None when cluster and journal do not both know it.
    pub fn of(cluster: &'p Cluster, journal: &'p Journal) -> Option<Self> {
        let (name, node) = cluster.nodes.get_key_value(&journal.node)?;
        let member = journal.members.get(name)?;
        Some(Self { name, node, member, cluster, journal })
    }

    /// The other members, in order of their names.
    pub fn others(&self) -> impl Iterator<Item = (&'p str, &'p Member)> {
        let name = self.name;
        let others = self.journal.members.iter().filter(move |(other, _)| other.as_str() != name);
        others.map(|(name, member)| (name.as_str(), member))
    }

    /// The addresses of the control planes in the nodes' network; this node's own first, if it is one.
    pub fn control_planes(&self) -> Vec<(&'p str, Ipv4Addr)> {
        let members = self.journal.members.iter().filter(|(_, member)| member.role == Role::ControlPlane);
        let mut found: Vec<_> = members.map(|(name, member)| (name.as_str(), member.internal)).collect();
        found.sort_by_key(|(name, _)| (*name != self.name, *name));
        found
    }
}

/// A document as text, with its last line ended.
fn document(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}
