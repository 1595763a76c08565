//! Who is in the cluster, under which number.

use std::collections::{BTreeMap, BTreeSet};

use super::{Intent, Refusal, Wanted};
use crate::fingerprint::fingerprint;
use crate::journal::{Journal, Member, State, member};
use crate::observation::{ClusterView, EtcdMember, HostView};

type Views<'v> = BTreeMap<&'v str, &'v HostView>;

/// What every host is to remember now.
pub(super) fn journal(
    wanted: &Wanted<'_>,
    views: &Views<'_>,
    api: Option<&ClusterView>,
) -> Result<Journal, Vec<Refusal>> {
    let found = newest(wanted, views);
    let cluster_id = match (wanted.intent, found) {
        // A create that died left its id; the next one goes on under it.
        (Intent::Create, Some(found)) => found.cluster_id.clone(),
        _ => wanted.cluster_id.clone(),
    };
    let state = match wanted.intent {
        Intent::Create => state(found, views),
        Intent::Update => State::Complete,
    };
    let journal = Journal {
        cluster_id,
        owner: wanted.owner.clone(),
        fixed: wanted.cluster.fixed(),
        state,
        generation: found.map_or(1, |found| found.generation),
        node: String::new(),
        members: members(wanted, views, found, api)?,
    };
    let unchanged = found.is_none_or(|found| found.agrees(&journal) && found.members == journal.members);
    let generation = journal.generation + u64::from(!unchanged);
    Ok(Journal { generation, ..journal })
}

/// A cluster is complete when every host says so that says anything: a create may have died while it told them.
pub(super) fn state(found: Option<&Journal>, views: &Views<'_>) -> State {
    let journals = views.values().filter_map(|view| view.journal.as_ref());
    let ours = |journal: &&Journal| found.is_some_and(|found| found.cluster_id == journal.cluster_id);
    let creating = journals.filter(ours).any(|journal| journal.state == State::Creating);
    if found.is_none() || creating { State::Creating } else { State::Complete }
}

/// Of the journals of this cluster, the one that was written last.
pub(super) fn newest<'v>(wanted: &Wanted<'_>, views: &Views<'v>) -> Option<&'v Journal> {
    let journals = views.values().filter_map(|view| view.journal.as_ref());
    let ours = journals.filter(|journal| match wanted.intent {
        Intent::Create => journal.fixed.name == wanted.cluster.name,
        Intent::Update => journal.cluster_id == wanted.cluster_id,
    });
    ours.max_by_key(|journal| journal.generation)
}

fn members(
    wanted: &Wanted<'_>,
    views: &Views<'_>,
    found: Option<&Journal>,
    api: Option<&ClusterView>,
) -> Result<BTreeMap<String, Member>, Vec<Refusal>> {
    let nothing = BTreeMap::new();
    let known = found.map_or(&nothing, |found| &found.members);
    let mut members = leaving(wanted, views, known, api)?;
    let mut taken: BTreeSet<u16> = members.values().map(|member| member.number).collect();
    let kept = |name: &String| own(name, views, found).or_else(|| known.get(name).cloned());
    taken.extend(wanted.cluster.nodes.keys().filter_map(kept).map(|member| member.number));
    for name in wanted.cluster.nodes.keys() {
        let before = kept(name);
        let number = before.as_ref().map_or_else(|| least_free(&taken), |before| before.number);
        taken.insert(number);
        let node_id = before.as_ref().map_or_else(|| node_id(wanted, name), |before| before.node_id.clone());
        let Some(member) = member(wanted.cluster, name, number, node_id) else { continue };
        let shown = views.get(name.as_str()).and_then(|view| view.mesh_key.clone());
        let mesh_key = shown.or_else(|| before.and_then(|before| before.mesh_key));
        members.insert(name.clone(), Member { mesh_key, ..member });
    }
    Ok(members)
}

/// What a host's own journal says of it.
fn own(name: &str, views: &Views<'_>, found: Option<&Journal>) -> Option<Member> {
    let journal = views.get(name)?.journal.as_ref()?;
    let ours = found.is_some_and(|found| found.cluster_id == journal.cluster_id) && journal.node == name;
    ours.then(|| journal.members.get(name).cloned()).flatten()
}

/// Members that are still there and should not be.
fn leaving(
    wanted: &Wanted<'_>,
    views: &Views<'_>,
    known: &BTreeMap<String, Member>,
    api: Option<&ClusterView>,
) -> Result<BTreeMap<String, Member>, Vec<Refusal>> {
    let unwanted = known.iter().filter(|(name, _)| !wanted.cluster.nodes.contains_key(*name));
    let (named, unnamed): (Vec<_>, Vec<_>) =
        unwanted.partition(|(name, _)| wanted.departing.contains_key(*name) || wanted.lost.contains(*name));
    if !unnamed.is_empty() {
        return Err(unnamed
            .into_iter()
            .map(|(name, _)| Refusal::UnknownMember { node: name.clone() })
            .collect());
    }
    let still_there = |(name, member): &(&String, &Member)| {
        let host = views.get(name.as_str()).is_some_and(|view| !view.is_clean());
        // Without an answer of the API nobody may be dropped from memory.
        let object = api.is_none_or(|api| {
            api.nodes.contains_key(*name) || etcd_member(api, name, Some(member)).is_some()
        });
        host || object
    };
    Ok(named.into_iter().filter(still_there).map(|(name, member)| (name.clone(), member.clone())).collect())
}

/// A member that never started has no name yet: its address tells whose it is.
pub(super) fn etcd_member<'v>(
    view: &'v ClusterView,
    name: &str,
    known: Option<&Member>,
) -> Option<&'v EtcdMember> {
    let peer = known.map(|known| format!("https://{}:2380", known.internal));
    view.members.iter().find(|member| member.name == name || Some(&member.peer) == peer.as_ref())
}

fn least_free(taken: &BTreeSet<u16>) -> u16 {
    (0..=u16::MAX).find(|number| !taken.contains(number)).unwrap_or(u16::MAX)
}

fn node_id(wanted: &Wanted<'_>, name: &str) -> String {
    let mut id = fingerprint(format!("{}/{name}", wanted.seed).as_bytes());
    id.truncate(32);
    id
}
