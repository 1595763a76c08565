//! One step, as it is asked of `socle-node` on standard input and answered on standard output.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::bundle::Bundle;
use crate::fingerprint::fingerprint;
use crate::journal::Journal;
use crate::observation::HostView;
use crate::specification::{Cluster, Role};

/// What the program on a node is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Request {
    /// The cluster as it should be.
    pub cluster: Cluster,
    /// What this host is to remember: with its own name as [`Journal::node`], and all members. None: only look.
    pub journal: Option<Journal>,
    /// Who asks: a step that changes something is refused to whoever does not hold the lease.
    pub holder: String,
    /// Who that is, for people.
    pub description: String,
    /// What to do.
    pub step: Step,
}

/// What tells one question from another: the cluster as it should be, and its members with their keys.
pub fn digest(cluster: &Cluster, journal: &Journal) -> String {
    let journal = Journal { generation: 0, node: String::new(), ..journal.clone() };
    let text = serde_json::to_string(&(cluster, journal)).unwrap_or_default();
    fingerprint(text.as_bytes())
}

/// What a host is to do. Each is idempotent: it judges by what is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum Step {
    /// Look, and change nothing.
    Observe,
    /// Take or renew the lease.
    Lease,
    /// Give the lease back.
    Release,
    /// Say which files of a bundle the host lacks.
    Stock {
        /// The bundle, as far as this host needs it.
        bundle: Bundle,
    },
    /// Install container runtime, kubelet and kubeadm from the files that were brought, and load images.
    Prepare {
        /// The bundle, as far as this host needs it.
        bundle: Bundle,
        /// Images for what will run in the cluster.
        extra: Option<Bundle>,
    },
    /// Write the journal, and make the key of the mesh where there is none.
    Claim,
    /// Bring mesh, firewall sets, balancer, hosts file, pod network and timer to what is wanted.
    Configure,
    /// Make the authority where there is none, and the first control plane.
    Init,
    /// Make what another host needs to join: valid for an hour at most.
    Invite {
        /// What will run on that host: only a control plane gets keys.
        role: Role,
    },
    /// Join, as this host's role has it.
    Join {
        /// What [`Invite`](Self::Invite) made.
        invitation: Invitation,
    },
    /// Remove a member of etcd.
    RemoveMember {
        /// Its id.
        id: u64,
    },
    /// Let no new pod onto a node, and evict those that can go elsewhere, within their budgets.
    Drain {
        /// The node.
        node: String,
        /// How long, in seconds.
        seconds: u64,
    },
    /// Remove the Node object.
    DeleteNode {
        /// The node.
        node: String,
    },
    /// Set labels, taints and pod range of a Node.
    Describe {
        /// The node.
        node: String,
    },
    /// Bring the settings of kubelet and control plane to what is wanted, and wait until they are healthy.
    Roll,
    /// Bring what the cluster has beside Kubernetes' own components to what is wanted.
    Addons,
    /// Wait until nodes are ready.
    Await {
        /// The nodes.
        nodes: Vec<String>,
        /// How long, in seconds.
        seconds: u64,
    },
    /// Keep the final state of etcd, with what is needed to read it, at a path that a reset leaves.
    Snapshot,
    /// Leave nothing of the cluster on the host.
    Reset {
        /// What becomes of container runtime, kubelet and images.
        preparation: Kept,
    },
    /// Sign a client certificate that does not last.
    Mint {
        /// The public key, as PEM (`SubjectPublicKeyInfo`): its secret half never travels.
        public_key: String,
        /// The user's name.
        user: String,
        /// The user's groups.
        groups: Vec<String>,
        /// How long it holds from now, in seconds.
        seconds: u64,
    },
}

/// What becomes of what a host was prepared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kept {
    /// It stays: the host joins again at once.
    Stays,
    /// It goes, as far as [`Step::Prepare`] brought it.
    Goes,
}

/// The group of read-only identities, bound to Kubernetes' role `view`: all that a plan may ask for.
pub const READERS: &str = "socle:readers";

impl Step {
    /// Does it change anything? What does needs the lease.
    pub const fn changes(&self) -> bool {
        !matches!(self, Self::Observe | Self::Stock { .. } | Self::Mint { .. })
    }
}

/// What a host needs to join. Secret, but for the authority's certificate: it travels on standard input and output
/// alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// A bootstrap token.
    pub token: String,
    /// The authority's certificate, as PEM.
    pub authority: String,
    /// Files that every control plane has in common, by path: keys of the authorities and of Secrets at rest.
    pub shared_files: BTreeMap<String, String>,
}

impl std::fmt::Debug for Invitation {
    /// Shows no secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invitation").finish_non_exhaustive()
    }
}

/// A client certificate, and who signed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The certificate, as PEM.
    pub certificate: String,
    /// The authority's certificate, as PEM.
    pub authority: String,
    /// When it ends, in seconds since 1970.
    pub expires_at: i64,
}

impl Answer {
    /// It was done, and there is nothing else to say.
    pub const fn done(changed: bool) -> Self {
        Self::Done { changed, view: None, invitation: None, missing: None, certificate: None }
    }

    /// As it is printed: with `changed`, `failed` and `msg`, which every program on a host answers.
    pub fn printed(&self) -> serde_json::Value {
        let (changed, failed, said) = match self {
            Self::Done { changed, .. } => (*changed, false, String::new()),
            Self::Failed { phase, message, cure } => {
                (false, true, format!("phase {phase}: {message}. {cure}"))
            }
        };
        let mut value = serde_json::to_value(self).unwrap_or_default();
        value["changed"] = changed.into();
        value["failed"] = failed.into();
        value["msg"] = said.into();
        value
    }
}

/// What the program on a node answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Answer {
    /// It was done, or was so already.
    Done {
        /// Was anything changed?
        changed: bool,
        /// What the host shows: the answer to [`Step::Observe`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        view: Option<Box<HostView>>,
        /// What [`Step::Invite`] made.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        invitation: Option<Invitation>,
        /// The answer to [`Step::Stock`]: paths in the bundle.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        missing: Option<Vec<String>>,
        /// What [`Step::Mint`] signed, as PEM.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        certificate: Option<Certificate>,
    },
    /// It was not.
    Failed {
        /// The phase that failed.
        phase: String,
        /// Why: the failing component's own words.
        message: String,
        /// What to do next.
        cure: String,
    },
}
