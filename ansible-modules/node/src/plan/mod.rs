//! The heart: from a wanted cluster and what its hosts show, what comes next.
//!
//! [`next`] is asked again after each round, with what the hosts show then. It has no memory: an apply that was killed
//! anywhere is gone on with by asking it. The stages of a round stand in [`next`], in order; the first that has something
//! to do is the round.

pub mod action;
mod deletion;
mod membership;
mod preflight;
mod refusal;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;

use std::collections::{BTreeMap, BTreeSet};

pub use action::Action;
pub use deletion::{Deletion, Left, deletion};
pub use preflight::Unfit;
pub use refusal::Refusal;

use crate::journal::{Journal, State};
use crate::observation::{ClusterView, EtcdMember, HostView, Sights};
use crate::quorum;
use crate::render::addons;
use crate::specification::{Cluster, NetworkMode, Pods, Role};
use crate::step::{Kept, digest};

/// What is wanted, and by whom.
#[derive(Debug, Clone)]
pub struct Wanted<'w> {
    /// The cluster as it should be.
    pub cluster: &'w Cluster,
    /// Does this apply make it, or change it?
    pub intent: Intent,
    /// The cluster's id: chance for one that is made, else what the state has.
    pub cluster_id: String,
    /// Who asks, such as `terraform`.
    pub owner: String,
    /// Chance of this run, from which the ids of new nodes are made.
    pub seed: String,
    /// Nodes that should leave; their hosts can be reached.
    pub departing: BTreeMap<String, Role>,
    /// Nodes whose servers are gone for good.
    pub lost: BTreeSet<String>,
    /// Nodes whose hosts show another host key than before: they must prove that they are the same.
    pub new_keys: BTreeSet<String>,
}

/// Does an apply make a cluster, or change it?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// It makes it, or goes on making it.
    Create,
    /// It changes one that is complete.
    Update,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round {
    /// What every host is to remember, and is asked about.
    pub journal: Journal,
    /// What to do, all at the same time.
    pub actions: Vec<Action>,
    /// With that done, the cluster is as wanted: nobody need ask again.
    pub ends: bool,
}

/// Says what comes next.
///
/// # Errors
/// Every reason why nothing may be done, each with its cure.
pub fn next(wanted: &Wanted<'_>, sights: &Sights) -> Result<Round, Vec<Refusal>> {
    let scene = Scene::new(wanted, sights)?;
    let actions = scene.actions().map_err(|refusal| vec![refusal])?;
    let journal = scene.journal;
    if actions.is_empty() && journal.state == State::Creating {
        let journal = Journal { state: State::Complete, generation: journal.generation + 1, ..journal };
        let actions = wanted.cluster.nodes.keys().map(|host| Action::Claim { host: host.clone() }).collect();
        return Ok(Round { journal, actions, ends: true });
    }
    Ok(Round { journal, ends: actions.is_empty(), actions })
}

/// A wanted cluster, what its hosts show, and what follows from both.
struct Scene<'s> {
    wanted: &'s Wanted<'s>,
    cluster: &'s Cluster,
    /// The hosts that answered.
    views: BTreeMap<&'s str, &'s HostView>,
    /// What every host is to remember.
    journal: Journal,
    /// What the API says, and the host of the control plane through which.
    api: Option<(&'s str, &'s ClusterView)>,
}

type Stage<'s> = fn(&Scene<'s>) -> Result<Vec<Action>, Refusal>;

impl<'s> Scene<'s> {
    fn new(wanted: &'s Wanted<'s>, sights: &'s Sights) -> Result<Self, Vec<Refusal>> {
        let views = refusal::seen(wanted, sights)?;
        let api = api(wanted, &views);
        let journal = membership::journal(wanted, &views, api.map(|(_, view)| view))?;
        refusal::check(wanted, &views, &journal)?;
        Ok(Self { wanted, cluster: wanted.cluster, views, journal, api })
    }

    fn actions(&self) -> Result<Vec<Action>, Refusal> {
        let stages: [Stage<'s>; 15] = [
            |scene| Ok(scene.claim()),
            |scene| Ok(scene.look_again()),
            |scene| Ok(scene.prepare()),
            |scene| Ok(scene.configure()),
            Self::init,
            Self::forget_lost,
            Self::mend_member,
            Self::join_control_plane,
            |scene| Ok(scene.join_workers()),
            |scene| Ok(scene.describe()),
            Self::roll,
            Self::depart,
            |scene| Ok(scene.addons()),
            |scene| Ok(scene.await_ready()),
            |scene| Ok(scene.record()),
        ];
        for stage in stages {
            let actions = stage(self)?;
            if !actions.is_empty() {
                return Ok(actions);
            }
        }
        Ok(Vec::new())
    }

    // === before the cluster ===

    /// Every host says whose it is before anything else is done to it. One that is leaving and was reset says nothing
    /// any more.
    fn claim(&self) -> Vec<Action> {
        let unclaimed = self.members().filter(|(name, view)| match &view.journal {
            Some(journal) => !journal.agrees(&self.journal),
            None => self.cluster.nodes.contains_key(name),
        });
        let keyless = self.nodes().filter(|(_, view)| self.lacks_key(view));
        let hosts: BTreeSet<_> = unclaimed.chain(keyless).map(|(host, _)| host).collect();
        hosts.into_iter().map(|host| Action::Claim { host }).collect()
    }

    fn lacks_key(&self, view: &HostView) -> bool {
        self.cluster.network.mode == NetworkMode::Wireguard && view.mesh_key.is_none()
    }

    /// What a host said under another question is no answer to this one.
    fn look_again(&self) -> Vec<Action> {
        let question = digest(self.cluster, &self.journal);
        let stale = self.nodes().filter(|(_, view)| view.judged.as_ref() != Some(&question));
        stale.map(|(host, _)| Action::Observe { host }).collect()
    }

    fn prepare(&self) -> Vec<Action> {
        let version = &self.cluster.kubernetes_version;
        let bare = self.nodes().filter(|(_, view)| view.lacks(version));
        bare.map(|(host, _)| Action::Prepare { host }).collect()
    }

    fn configure(&self) -> Vec<Action> {
        let other = self.nodes().filter(|(_, view)| view.differs.iter().any(|area| area.is_network()));
        other.map(|(host, _)| Action::Configure { host }).collect()
    }

    // === the first control plane ===

    /// An authority is made once: only while every control plane was seen to have none. Where one exists, its host goes on.
    fn init(&self) -> Result<Vec<Action>, Refusal> {
        if self.api.is_some_and(|(_, view)| view.initialised.as_ref() == Some(&self.journal.cluster_id)) {
            return Ok(Vec::new());
        }
        if self.wanted.intent == Intent::Update {
            return self.revive();
        }
        let founder = self.cluster.control_planes().find(|name| self.views[name].signs);
        let founder = founder.or_else(|| self.cluster.control_planes().next());
        Ok(founder.map(|host| Action::Init { host: host.to_owned() }).into_iter().collect())
    }

    /// With no API server that answers, settings are all that is brought to a control plane: those that were tried last may be
    /// why. etcd is not touched by that, so nobody needs to be asked about its majority.
    fn revive(&self) -> Result<Vec<Action>, Refusal> {
        let mut planes = self.nodes().filter(|(name, _)| self.role(name) == Some(Role::ControlPlane));
        match planes.find(|(_, view)| view.joined && runs_otherwise(view)) {
            Some((host, _)) => Ok(vec![Action::Roll { host }]),
            None => {
                Err(Refusal::NoAnswer { hosts: self.cluster.control_planes().map(str::to_owned).collect() })
            }
        }
    }

    // === members in ===

    /// A lost member only weighs on the quorum, so it goes before others come.
    fn forget_lost(&self) -> Result<Vec<Action>, Refusal> {
        for name in &self.wanted.lost {
            if let Some(member) = self.member(name) {
                return self.remove_member(name, member);
            }
        }
        let known = self.wanted.lost.iter().filter(|name| self.view().nodes.contains_key(*name));
        Ok(known.map(|node| self.delete_node(node)).collect())
    }

    /// A member that never started, or stayed a learner, or lost its data, is removed; so are data without a member.
    fn mend_member(&self) -> Result<Vec<Action>, Refusal> {
        for (name, view) in self.nodes().filter(|(name, _)| self.role(name) == Some(Role::ControlPlane)) {
            match self.member(&name) {
                Some(member) if !member.started || !member.votes || !view.etcd_data => {
                    return self.remove_member(&name, member);
                }
                None if view.etcd_data => {
                    return Ok(vec![Action::Reset { host: name, preparation: Kept::Stays }]);
                }
                _ => {}
            }
        }
        Ok(Vec::new())
    }

    /// One at a time, as etcd needs.
    fn join_control_plane(&self) -> Result<Vec<Action>, Refusal> {
        let Some(host) = self.absent(Role::ControlPlane).next() else { return Ok(Vec::new()) };
        if self.member(&host).is_none() {
            quorum::may_add(&self.view().members)
                .map_err(|source| Refusal::Quorum { change: format!("{host} cannot join"), source })?;
        }
        Ok(vec![self.join(host)])
    }

    fn join_workers(&self) -> Vec<Action> {
        self.absent(Role::Worker).map(|host| self.join(host)).collect()
    }

    fn join(&self, host: String) -> Action {
        Action::Join { host, via: self.via() }
    }

    // === in place ===

    fn describe(&self) -> Vec<Action> {
        let other = self.cluster.nodes.keys().filter(|name| !self.is_described(name));
        other.map(|node| Action::Describe { via: self.via(), node: node.clone() }).collect()
    }

    fn is_described(&self, name: &str) -> bool {
        let (Some(found), Some(wanted)) = (self.view().nodes.get(name), self.cluster.nodes.get(name)) else {
            return false;
        };
        let range = self.journal.members.get(name).map(|member| member.pod_range.to_string());
        // One that was to leave, and stays after all, takes pods again.
        !found.cordoned
            && wanted.labels.iter().all(|(key, value)| found.labels.get(key) == Some(value))
            && found.managed_labels.iter().eq(wanted.labels.keys())
            && found.taints == wanted.effective_taints()
            && found.pod_range == range
    }

    /// One node at a time, those that are not well first, and only while all others are: what one node does not bear, no
    /// second one gets.
    fn roll(&self) -> Result<Vec<Action>, Refusal> {
        let differs: Vec<_> = self.nodes().filter(|(_, view)| runs_otherwise(view)).collect();
        let unwell = differs.iter().find(|(name, view)| !self.is_well(name, view));
        let Some((host, _)) = unwell.or_else(|| differs.first()) else { return Ok(Vec::new()) };
        let host = host.clone();
        let mut others = self.nodes().filter(|(name, _)| *name != host);
        if let Some((other, _)) = others.find(|(name, view)| !self.serves(name, view)) {
            return Err(Refusal::Unwell { change: format!("{host} cannot restart"), host: other });
        }
        let waiting: Vec<_> =
            self.unready().filter(|name| differs.iter().all(|(other, _)| other != name)).collect();
        if !waiting.is_empty() {
            return Ok(vec![Action::Await { via: self.via(), nodes: waiting }]);
        }
        if self.member(&host).is_some_and(|member| member.healthy) {
            quorum::may_pause(&self.view().members)
                .map_err(|source| Refusal::Quorum { change: format!("{host} cannot restart"), source })?;
        }
        Ok(vec![Action::Roll { host }])
    }

    fn is_well(&self, name: &str, view: &HostView) -> bool {
        self.serves(name, view) && self.unready().all(|other| other != name)
    }

    /// Does the API server of this host answer, if it should have one?
    fn serves(&self, name: &str, view: &HostView) -> bool {
        self.role(name) != Some(Role::ControlPlane) || view.cluster.is_some()
    }

    // === members out ===

    /// One at a time, workers first: drained, out of etcd, reset, and only then no Node any more, because a kubelet that
    /// runs would register it again.
    fn depart(&self) -> Result<Vec<Action>, Refusal> {
        let workers_first = |(_, role): &(&String, &Role)| **role == Role::ControlPlane;
        let mut departing: Vec<_> = self.wanted.departing.iter().collect();
        departing.sort_by_key(workers_first);
        for (name, _) in departing {
            let object = self.view().nodes.get(name);
            if object.is_some_and(|object| !object.drained) {
                return Ok(vec![Action::Drain { via: self.via(), node: name.clone() }]);
            }
            if let Some(member) = self.member(name) {
                return self.remove_member(name, member);
            }
            if self.views.get(name.as_str()).is_some_and(|view| !view.is_clean()) {
                return Ok(vec![Action::Reset { host: name.clone(), preparation: Kept::Goes }]);
            }
            if object.is_some() {
                return Ok(vec![self.delete_node(name)]);
            }
        }
        Ok(Vec::new())
    }

    // === at the end ===

    /// Their pods start while nodes become ready.
    fn addons(&self) -> Vec<Action> {
        let found = self.view().addons == addons::marks(&self.cluster.addons);
        if found { Vec::new() } else { vec![Action::Addons { via: self.via() }] }
    }

    fn await_ready(&self) -> Vec<Action> {
        let nodes: Vec<_> = self.unready().collect();
        if nodes.is_empty() { Vec::new() } else { vec![Action::Await { via: self.via(), nodes }] }
    }

    /// Nodes that should be ready and are not. With a network of the user's own, they are ready when he has installed it.
    fn unready(&self) -> impl Iterator<Item = String> {
        let ours = self.cluster.network.pods != Pods::None;
        let is_ready = |name: &&String| self.view().nodes.get(*name).is_some_and(|node| node.ready);
        self.cluster.nodes.keys().filter(move |name| ours && !is_ready(name)).cloned()
    }

    /// Every host remembers the keys of all.
    fn record(&self) -> Vec<Action> {
        let recorded = |view: &HostView| {
            view.journal.as_ref().is_some_and(|journal| journal.members == self.journal.members)
        };
        let other = self.nodes().filter(|(_, view)| !recorded(view));
        other.map(|(host, _)| Action::Claim { host }).collect()
    }

    // === what is there ===

    /// The wanted nodes, whose hosts all answered.
    fn nodes(&self) -> impl Iterator<Item = (String, &'s HostView)> {
        let views =
            self.cluster.nodes.keys().filter_map(|name| Some((name, *self.views.get(name.as_str())?)));
        views.map(|(name, view)| (name.clone(), view))
    }

    /// All whose host is in the journal.
    fn members(&self) -> impl Iterator<Item = (String, &'s HostView)> {
        let views =
            self.journal.members.keys().filter_map(|name| Some((name, *self.views.get(name.as_str())?)));
        views.map(|(name, view)| (name.clone(), view))
    }

    fn role(&self, name: &str) -> Option<Role> {
        self.cluster.nodes.get(name).map(|node| node.role)
    }

    /// Nodes of a role that are not wholly in the cluster.
    fn absent(&self, role: Role) -> impl Iterator<Item = String> {
        let of_role = self.nodes().filter(move |(name, _)| self.role(name) == Some(role));
        of_role.filter(|(name, view)| !self.is_in(name, view)).map(|(name, _)| name)
    }

    fn is_in(&self, name: &str, view: &HostView) -> bool {
        let object = self.view().nodes.get(name);
        match self.role(name) {
            Some(Role::ControlPlane) => {
                view.joined
                    && object.is_some_and(|object| object.control_plane)
                    && self.member(name).is_some()
            }
            _ => view.joined && object.is_some(),
        }
    }

    /// The member of etcd that is, or should become, this node.
    fn member(&self, name: &str) -> Option<&'s EtcdMember> {
        let (_, view) = self.api?;
        membership::etcd_member(view, name, self.journal.members.get(name))
    }

    fn view(&self) -> &'s ClusterView {
        static NOTHING: ClusterView = ClusterView {
            initialised: None,
            nodes: BTreeMap::new(),
            members: Vec::new(),
            addons: BTreeMap::new(),
        };
        self.api.map_or(&NOTHING, |(_, view)| view)
    }

    fn via(&self) -> String {
        self.api.map_or_else(String::new, |(host, _)| host.to_owned())
    }

    fn remove_member(&self, name: &str, member: &EtcdMember) -> Result<Vec<Action>, Refusal> {
        quorum::may_remove(&self.view().members, member.id)
            .map_err(|source| Refusal::Quorum { change: format!("{name} cannot leave"), source })?;
        Ok(vec![Action::RemoveMember { via: self.via(), id: member.id, node: name.to_owned() }])
    }

    fn delete_node(&self, node: &str) -> Action {
        Action::DeleteNode { via: self.via(), node: node.to_owned() }
    }
}

/// Do its components run by other settings than they should?
fn runs_otherwise(view: &HostView) -> bool {
    view.differs.iter().any(|area| !area.is_network())
}

/// The control plane that is asked: one that stays, and whose API answers for this cluster.
fn api<'s>(
    wanted: &Wanted<'s>,
    views: &BTreeMap<&'s str, &'s HostView>,
) -> Option<(&'s str, &'s ClusterView)> {
    let cluster = wanted.cluster;
    let answering = cluster.control_planes().filter_map(|name| {
        let (name, view) = views.get_key_value(name)?;
        Some((*name, view.cluster.as_ref()?))
    });
    answering.max_by_key(|(_, view)| view.initialised.is_some())
}
