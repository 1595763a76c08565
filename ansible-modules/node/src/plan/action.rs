//! What is to be done, and where.

use std::fmt;

use crate::step::{Kept, Step};

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Look, under the question of this round.
    Observe {
        /// Where.
        host: String,
    },
    /// Write the journal.
    Claim {
        /// Where.
        host: String,
    },
    /// Install container runtime, kubelet and kubeadm, and load images.
    Prepare {
        /// Where.
        host: String,
    },
    /// Mesh, firewall sets, balancer, hosts file, pod network, timer.
    Configure {
        /// Where.
        host: String,
    },
    /// Make the first control plane.
    Init {
        /// Where.
        host: String,
    },
    /// Let a node join.
    Join {
        /// Where.
        host: String,
        /// The control plane that invites it.
        via: String,
    },
    /// Remove a member of etcd.
    RemoveMember {
        /// The control plane that does it.
        via: String,
        /// The member.
        id: u64,
        /// Its node.
        node: String,
    },
    /// Drain a node.
    Drain {
        /// The control plane that does it.
        via: String,
        /// The node.
        node: String,
    },
    /// Remove a Node object.
    DeleteNode {
        /// The control plane that does it.
        via: String,
        /// The node.
        node: String,
    },
    /// Set labels, taints and pod range.
    Describe {
        /// The control plane that does it.
        via: String,
        /// The node.
        node: String,
    },
    /// Bring settings to what is wanted.
    Roll {
        /// Where.
        host: String,
    },
    /// Bring what the cluster has beside Kubernetes' own components to what is wanted.
    Addons {
        /// The control plane that does it.
        via: String,
    },
    /// Wait until nodes are ready.
    Await {
        /// The control plane that is asked.
        via: String,
        /// The nodes.
        nodes: Vec<String>,
    },
    /// Keep the final state of etcd.
    Snapshot {
        /// Where.
        host: String,
    },
    /// Leave nothing of the cluster on a host.
    Reset {
        /// Where.
        host: String,
        /// What becomes of what it was prepared with.
        preparation: Kept,
    },
}

/// How long a drain may take, and how long nodes may take to become ready, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a drain.
    pub drain: u64,
    /// For readiness.
    pub ready: u64,
}

impl Action {
    /// The host on which it is done.
    pub fn host(&self) -> &str {
        match self {
            Self::Observe { host }
            | Self::Claim { host }
            | Self::Prepare { host }
            | Self::Configure { host }
            | Self::Init { host }
            | Self::Join { host, .. }
            | Self::Roll { host }
            | Self::Snapshot { host }
            | Self::Reset { host, .. } => host,
            Self::RemoveMember { via, .. }
            | Self::Drain { via, .. }
            | Self::DeleteNode { via, .. }
            | Self::Describe { via, .. }
            | Self::Addons { via }
            | Self::Await { via, .. } => via,
        }
    }

    /// What `socle-node` is asked on that host. None for what other programs do first ([`Prepare`](Self::Prepare)) or
    /// what needs an invitation ([`Join`](Self::Join)).
    pub fn step(&self, patience: Patience) -> Option<Step> {
        Some(match self {
            Self::Prepare { .. } | Self::Join { .. } => return None,
            Self::Observe { .. } => Step::Observe,
            Self::Claim { .. } => Step::Claim,
            Self::Configure { .. } => Step::Configure,
            Self::Init { .. } => Step::Init,
            Self::RemoveMember { id, .. } => Step::RemoveMember { id: *id },
            Self::Drain { node, .. } => Step::Drain { node: node.clone(), seconds: patience.drain },
            Self::DeleteNode { node, .. } => Step::DeleteNode { node: node.clone() },
            Self::Describe { node, .. } => Step::Describe { node: node.clone() },
            Self::Roll { .. } => Step::Roll,
            Self::Addons { .. } => Step::Addons,
            Self::Await { nodes, .. } => Step::Await { nodes: nodes.clone(), seconds: patience.ready },
            Self::Snapshot { .. } => Step::Snapshot,
            Self::Reset { preparation, .. } => Step::Reset { preparation: *preparation },
        })
    }
}

impl fmt::Display for Action {
    /// As an error or a log names the step.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Observe { host } => write!(f, "look at {host}"),
            Self::Claim { host } => write!(f, "write the journal of {host}"),
            Self::Prepare { host } => write!(f, "prepare {host}"),
            Self::Configure { host } => write!(f, "join {host} to the nodes' network"),
            Self::Init { host } => write!(f, "make the first control plane on {host}"),
            Self::Join { host, .. } => write!(f, "let {host} join"),
            Self::RemoveMember { node, .. } => write!(f, "remove the etcd member of {node}"),
            Self::Drain { node, .. } => write!(f, "drain {node}"),
            Self::DeleteNode { node, .. } => write!(f, "remove the Node {node}"),
            Self::Describe { node, .. } => write!(f, "set labels and taints of {node}"),
            Self::Roll { host } => write!(f, "apply settings on {host}"),
            Self::Addons { via } => write!(f, "install addons through {via}"),
            Self::Await { nodes, .. } => write!(f, "wait until {} are ready", nodes.join(", ")),
            Self::Snapshot { host } => write!(f, "keep the final state of etcd on {host}"),
            Self::Reset { host, .. } => write!(f, "reset {host}"),
        }
    }
}
