//! The way out: what comes next when a cluster is destroyed.

use std::collections::BTreeMap;

use super::{Action, Refusal};
use crate::observation::{HostView, Sight, Sights};
use crate::specification::{Cluster, Role};
use crate::step::Kept;

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deletion {
    /// To do, all at the same time.
    Do(Vec<Action>),
    /// Nothing is left on the hosts that could be looked at.
    Done(Left),
}

/// Hosts that could not be reset, each with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Left {
    /// They did not answer: they may be gone.
    pub unreachable: BTreeMap<String, String>,
    /// They answered, and could not be looked at: what runs there goes on.
    pub unseen: BTreeMap<String, String>,
}

impl Left {
    fn of(sights: &Sights) -> Self {
        let mut left = Self::default();
        for (name, sight) in sights {
            let (hosts, reason) = match sight {
                Sight::Seen(_) => continue,
                Sight::Unreachable(reason) => (&mut left.unreachable, reason),
                Sight::Unprepared(reason) | Sight::Failed(reason) => (&mut left.unseen, reason),
            };
            hosts.insert(name.clone(), reason.clone());
        }
        left
    }
}

/// Says what comes next. Hosts that answer are reset even when others do not.
///
/// # Errors
/// A host of another cluster: it is never touched, and neither are the others until that is cleared up.
pub fn deletion(cluster: &Cluster, cluster_id: &str, sights: &Sights) -> Result<Deletion, Vec<Refusal>> {
    let views: BTreeMap<&str, &HostView> =
        sights.iter().filter_map(|(name, sight)| Some((name.as_str(), sight.view()?))).collect();
    let foreign: Vec<_> = views.iter().filter_map(|(host, view)| foreign(host, view, cluster_id)).collect();
    if !foreign.is_empty() {
        return Err(foreign);
    }
    let ours: BTreeMap<&str, &HostView> =
        views.into_iter().filter(|(_, view)| view.journal.is_some()).collect();
    if let Some(host) = last_words(&ours, cluster_id, sights) {
        return Ok(Deletion::Do(vec![Action::Snapshot { host: host.to_owned() }]));
    }
    let is_control_plane =
        |name: &str| cluster.nodes.get(name).is_some_and(|node| node.role == Role::ControlPlane);
    let (control_planes, workers): (Vec<_>, Vec<_>) =
        ours.into_keys().partition(|name| is_control_plane(name));
    let round = if workers.is_empty() { control_planes } else { workers };
    if round.is_empty() {
        return Ok(Deletion::Done(Left::of(sights)));
    }
    Ok(Deletion::Do(
        round
            .into_iter()
            .map(|host| Action::Reset { host: host.to_owned(), preparation: Kept::Goes })
            .collect(),
    ))
}

/// The control plane that keeps the final state of etcd: none when that was done, or there is none to keep.
fn last_words<'v>(ours: &BTreeMap<&'v str, &HostView>, cluster_id: &str, sights: &Sights) -> Option<&'v str> {
    if sights.values().filter_map(Sight::view).any(|view| view.final_snapshot.is_some()) {
        return None;
    }
    let answers = |view: &HostView| {
        view.cluster.as_ref().is_some_and(|found| found.initialised.as_deref() == Some(cluster_id))
    };
    let with_data = ours.iter().filter(|(_, view)| view.etcd_data);
    with_data.max_by_key(|(_, view)| answers(view)).map(|(host, _)| *host)
}

fn foreign(host: &str, view: &HostView, cluster_id: &str) -> Option<Refusal> {
    let host = host.to_owned();
    match &view.journal {
        Some(found) if found.cluster_id != cluster_id => Some(Refusal::Foreign {
            host,
            cluster: found.fixed.name.clone(),
            id: found.cluster_id.clone(),
            owner: found.owner.clone(),
        }),
        None if view.authority.is_some() => Some(Refusal::Stranger { host }),
        _ => None,
    }
}
