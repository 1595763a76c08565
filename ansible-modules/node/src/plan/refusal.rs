//! Why nothing may be done, and the cure.

use std::collections::{BTreeMap, BTreeSet};

use super::{Intent, Unfit, Wanted, membership, preflight};
use crate::journal::{Journal, State};
use crate::observation::{HostView, Sight, Sights};
use crate::quorum::Quorum;

/// Why nothing may be done; its text ends with the cure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing is known of a host.
    #[error(
        "host {host} cannot be reached: {reason}. Bring it back and apply again; if its server is gone for good, set \
         lost = true on the node"
    )]
    Unreachable {
        /// The host.
        host: String,
        /// What SSH said.
        reason: String,
    },
    /// A host is there, and could not be looked at.
    #[error("host {host} was reached and cannot be looked at: {reason}. Mend that, and apply again")]
    Unseen {
        /// The host.
        host: String,
        /// What its program, or SSH, said.
        reason: String,
    },
    /// A host is another cluster's.
    #[error(
        "host {host} belongs to the cluster \"{cluster}\" ({id}, made by {owner}). Take another host, or reset this \
         one with the playbook socle.platform.reset"
    )]
    Foreign {
        /// The host.
        host: String,
        /// That cluster's name.
        cluster: String,
        /// Its id.
        id: String,
        /// Who made it.
        owner: String,
    },
    /// A host has a Kubernetes that nobody of ours made.
    #[error(
        "host {host} has a Kubernetes that is not this cluster's (a certificate of an authority, and no journal). Take \
         another host, or reset this one with the playbook socle.platform.reset"
    )]
    Stranger {
        /// The host.
        host: String,
    },
    /// It cannot be made a second time.
    #[error(
        "the cluster \"{cluster}\" exists ({id}). Import it: terraform import ADDRESS '{cluster}@HOST,…'"
    )]
    Exists {
        /// Its name.
        cluster: String,
        /// Its id.
        id: String,
    },
    /// What was begun is another cluster than what is wanted.
    #[error(
        "the cluster \"{cluster}\" was begun with another {}. Put that back and apply again, or reset its hosts with the \
         playbook socle.platform.reset and start afresh",
        .differences.join(", ")
    )]
    Fixed {
        /// Its name.
        cluster: String,
        /// What differs, as the configuration names it.
        differences: Vec<&'static str>,
    },
    /// Two authorities cannot be one cluster.
    #[error(
        "the hosts {} trust different authorities, so they are not one cluster. Reset those that do not belong to it \
         with the playbook socle.platform.reset",
        .hosts.join(", ")
    )]
    TwoAuthorities {
        /// One host for each authority.
        hosts: Vec<String>,
    },
    /// Nobody can be asked.
    #[error(
        "no API server answers, asked on {}. Look there with `journalctl -u kubelet` and in /var/log/pods; with a majority \
         of etcd lost, restore it from a snapshot",
        .hosts.join(", ")
    )]
    NoAnswer {
        /// The control planes.
        hosts: Vec<String>,
    },
    /// One control plane restarts only while the others serve.
    #[error(
        "{change}: the API server of {host} does not answer. Look there with `journalctl -u kubelet` and in \
         /var/log/pods, mend it, and apply again"
    )]
    Unwell {
        /// What was to be done.
        change: String,
        /// The host that is not well.
        host: String,
    },
    /// A server cannot be a node.
    #[error("host {host} {what}. Mend that, or take another server; nothing was written to it")]
    Unfit {
        /// The server.
        host: String,
        /// Why.
        what: Unfit,
    },
    /// Nodes judge certificates and leases by their clocks.
    #[error(
        "the clocks of {behind} and {ahead} are {seconds} s apart, and 5 s are allowed. See on both that something keeps the \
         time (`timedatectl`), and apply again"
    )]
    Clocks {
        /// Whose clock is furthest behind.
        behind: String,
        /// Whose is furthest ahead.
        ahead: String,
        /// How far.
        seconds: i64,
    },
    /// etcd would lose, or has lost, its majority.
    #[error("{change}: {source}. Bring the other control planes back, or add one, and apply again")]
    Quorum {
        /// What was to be done.
        change: String,
        /// The count.
        source: Quorum,
    },
    /// A host under a new key has not what only the old one can have.
    #[error(
        "host {host} has a new host key and no journal of this cluster, so it is another server. If the old one is gone, set lost = true on the node; then add this server under a name of its own"
    )]
    Unproved {
        /// The host.
        host: String,
    },
    /// The journal knows a node that the configuration does not.
    #[error(
        "the cluster has a member {node} that neither configuration nor state names. Add it to `nodes`; with lost = \
         true, if its server is gone"
    )]
    UnknownMember {
        /// The node.
        node: String,
    },
}

/// The hosts that matter, all of which must have answered.
pub(super) fn seen<'s>(
    wanted: &Wanted<'_>,
    sights: &'s Sights,
) -> Result<BTreeMap<&'s str, &'s HostView>, Vec<Refusal>> {
    let concerned = sights.iter().filter(|(name, _)| !wanted.lost.contains(*name));
    let (mut views, mut refusals) = (BTreeMap::new(), Vec::new());
    for (name, sight) in concerned {
        match sight {
            Sight::Seen(view) => drop(views.insert(name.as_str(), view.as_ref())),
            Sight::Unreachable(reason) => {
                refusals.push(Refusal::Unreachable { host: name.clone(), reason: stem(reason) });
            }
            Sight::Unprepared(reason) | Sight::Failed(reason) => {
                refusals.push(Refusal::Unseen { host: name.clone(), reason: stem(reason) });
            }
        }
    }
    let missing = wanted.cluster.nodes.keys().filter(|name| !sights.contains_key(*name));
    refusals.extend(
        missing.map(|host| Refusal::Unreachable { host: host.clone(), reason: "not looked at".into() }),
    );
    if refusals.is_empty() { Ok(views) } else { Err(refusals) }
}

/// A reason as the beginning of a sentence.
fn stem(reason: &str) -> String {
    reason.trim_end_matches(['.', ' ']).to_owned()
}

/// Whose the hosts are.
pub(super) fn check(
    wanted: &Wanted<'_>,
    views: &BTreeMap<&str, &HostView>,
    journal: &Journal,
) -> Result<(), Vec<Refusal>> {
    let mut refusals: Vec<_> = views.iter().filter_map(|(host, view)| strange(host, view, journal)).collect();
    let unproved = wanted.new_keys.iter().filter(|host| !proves(views, host, journal));
    refusals.extend(unproved.map(|host| Refusal::Unproved { host: host.clone() }));
    if let Some(found) = membership::newest(wanted, views) {
        refusals.extend(disagreement(wanted, found, membership::state(Some(found), views)));
    }
    if refusals.is_empty() {
        refusals.extend(authorities(views));
    }
    refusals.extend(preflight::check(wanted, views));
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

/// The id is chance: whoever has it in a journal under the node's name is the host that was given it.
fn proves(views: &BTreeMap<&str, &HostView>, host: &str, journal: &Journal) -> bool {
    let found = views.get(host).and_then(|view| view.journal.as_ref());
    found.is_some_and(|found| found.cluster_id == journal.cluster_id && found.node == host)
}

fn strange(host: &str, view: &HostView, journal: &Journal) -> Option<Refusal> {
    let host = host.to_owned();
    match &view.journal {
        Some(found) if found.cluster_id != journal.cluster_id || found.owner != journal.owner => {
            let Journal { cluster_id, owner, .. } = found.clone();
            Some(Refusal::Foreign { host, cluster: found.fixed.name.clone(), id: cluster_id, owner })
        }
        None if view.authority.is_some() => Some(Refusal::Stranger { host }),
        _ => None,
    }
}

fn disagreement(wanted: &Wanted<'_>, found: &Journal, state: State) -> Option<Refusal> {
    let cluster = wanted.cluster.name.clone();
    let differences = found.fixed.differences(&wanted.cluster.fixed());
    if wanted.intent == Intent::Create && state == State::Complete {
        return Some(Refusal::Exists { cluster, id: found.cluster_id.clone() });
    }
    (!differences.is_empty()).then_some(Refusal::Fixed { cluster, differences })
}

fn authorities(views: &BTreeMap<&str, &HostView>) -> Option<Refusal> {
    let mut first_of: BTreeMap<&str, &str> = BTreeMap::new();
    for (host, view) in views {
        if let Some(authority) = &view.authority {
            first_of.entry(authority).or_insert(host);
        }
    }
    let hosts: BTreeSet<String> = first_of.values().map(|host| (*host).to_owned()).collect();
    (first_of.len() > 1).then(|| Refusal::TwoAuthorities { hosts: hosts.into_iter().collect() })
}
