//! A world of hosts for tests: it does what the program on a node does, effect by effect, and can be killed before each.

use std::collections::{BTreeMap, BTreeSet};

use super::Action;
use crate::journal::Journal;
use crate::observation::{Area, ClusterView, EtcdMember, HostView, Machine, NodeView, Sight, Sights, Trace};
use crate::quorum::majority;
use crate::render::addons;
use crate::specification::{Cluster, NetworkMode, Role};
use crate::step::digest;

/// A host as it is.
#[allow(clippy::struct_excessive_bools, reason = "each is there or not, by itself")]
#[derive(Debug, Clone, Default)]
pub(super) struct Host {
    pub(super) dead: bool,
    /// Its program cannot say anything.
    pub(super) confused: bool,
    journal: Option<Journal>,
    mesh_key: Option<String>,
    pub(super) prepared: Option<String>,
    pub(super) prepared_by: Option<String>,
    network: Option<String>,
    /// What its kubelet and control plane are known to run by.
    settings: Option<String>,
    /// Does its kubelet run? It registers when it starts, and never again.
    running: bool,
    /// Its API server was started by settings that it does not bear.
    pub(super) broken: bool,
    /// A budget holds its pods there.
    pub(super) held: bool,
    pub(super) machine: Option<Machine>,
    /// How far its clock is ahead, in milliseconds.
    pub(super) ahead: i64,
    authority: Option<u32>,
    pub(super) signs: bool,
    /// The member whose data it has.
    pub(super) etcd: Option<u64>,
    joined: bool,
    pods: bool,
    snapshot: bool,
}

/// What etcd holds.
#[derive(Debug, Clone, Default)]
pub(super) struct Store {
    initialised: Option<String>,
    addons: BTreeMap<String, String>,
    pub(super) nodes: BTreeMap<String, NodeView>,
    pub(super) members: Vec<EtcdMember>,
}

/// Everything.
#[derive(Debug, Clone, Default)]
pub(super) struct World {
    pub(super) hosts: BTreeMap<String, Host>,
    pub(super) store: Option<Store>,
    chance: u32,
    /// Effects until the program is killed.
    pub(super) fuel: Option<usize>,
    /// It is not killed then, but finds no room.
    pub(super) full: bool,
    /// Effects so far.
    pub(super) effects: usize,
    /// May etcd end, as in a destroy?
    pub(super) may_end: bool,
}

/// Why a step did not end well.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The program was killed.
    Killed,
    /// It said that it failed.
    Failed,
}

use Fault::{Failed, Killed};

/// A flag that no API server knows.
pub(super) const UNKNOWN_FLAG: &str = "no-such-flag";

impl World {
    pub(super) fn of(names: impl IntoIterator<Item = String>) -> Self {
        Self { hosts: names.into_iter().map(|name| (name, Host::default())).collect(), ..Self::default() }
    }

    // === what hosts show ===

    pub(super) fn sights(
        &self,
        cluster: &Cluster,
        names: &BTreeSet<String>,
        question: Option<&Journal>,
    ) -> Sights {
        let sight = |name: &String| match self.hosts.get(name) {
            Some(host) if host.confused => Sight::Failed("journal.json: not JSON".into()),
            Some(host) if !host.dead => Sight::Seen(Box::new(self.view(name, host, cluster, question))),
            _ => Sight::Unreachable("no route to host".into()),
        };
        names.iter().map(|name| (name.clone(), sight(name))).collect()
    }

    fn view(&self, name: &str, host: &Host, cluster: &Cluster, question: Option<&Journal>) -> HostView {
        // As the program does: who asks without a journal has the host judged by its own.
        let question = question.or(host.journal.as_ref());
        let mut differs = BTreeSet::new();
        if question.is_some_and(|question| host.network != Some(network(cluster, question))) {
            differs.extend([Area::Mesh, Area::Balancer]);
        }
        if host.joined && host.settings != Some(settings(cluster)) {
            differs.insert(Area::Kubelet);
        }
        HostView {
            journal: host.journal.clone(),
            prepared: host.prepared.clone(),
            prepared_by: host.prepared_by.clone(),
            mesh_key: host.mesh_key.clone(),
            differs,
            judged: question.map(|question| digest(cluster, question)),
            authority: host.authority.map(|authority| authority.to_string()),
            signs: host.signs,
            etcd_data: host.etcd.is_some(),
            joined: host.joined,
            traces: if host.pods { BTreeSet::from([Trace::Containers]) } else { BTreeSet::new() },
            cluster: self.answers(name).then(|| self.cluster_view()),
            final_snapshot: host.snapshot.then(|| "/var/backups/socle/final.db".to_owned()),
            machine: host.machine.clone(),
            ahead: Some(host.ahead),
            ..HostView::default()
        }
    }

    fn cluster_view(&self) -> ClusterView {
        let store = self.store.clone().unwrap_or_default();
        let mut members = store.members.clone();
        for member in &mut members {
            member.healthy = self.runs(member);
        }
        let Store { initialised, addons, nodes, .. } = store;
        ClusterView { initialised, nodes, members, addons }
    }

    fn runs(&self, member: &EtcdMember) -> bool {
        member.started && self.hosts.values().any(|host| !host.dead && host.etcd == Some(member.id))
    }

    pub(super) fn has_quorum(&self) -> bool {
        let members = self.store.as_ref().map_or(&[][..], |store| &store.members);
        let voters: Vec<_> = members.iter().filter(|member| member.votes).collect();
        let running = voters.iter().filter(|member| self.runs(member)).count();
        !voters.is_empty() && running >= majority(voters.len())
    }

    /// Does the API server on that host answer?
    fn answers(&self, name: &str) -> bool {
        let own = self.hosts.get(name).and_then(|host| host.etcd);
        let members = self.store.as_ref().map_or(&[][..], |store| &store.members);
        let broken = self.hosts.get(name).is_none_or(|host| host.broken);
        !broken && self.has_quorum() && members.iter().any(|member| Some(member.id) == own && member.started)
    }

    /// All servers start anew: what runs ends, what is enabled starts, and a kubelet that starts registers.
    pub(super) fn restart(&mut self) {
        let kubelets: Vec<_> = self.hosts.iter().filter(|(_, host)| host.running && !host.dead).collect();
        let names: Vec<_> = kubelets.into_iter().map(|(name, _)| name.clone()).collect();
        if self.has_quorum() {
            let store = self.store.as_mut().expect("a store");
            for name in names {
                store.nodes.entry(name).or_default();
            }
        }
    }

    // === what steps do ===

    pub(super) fn run(&mut self, action: &Action, cluster: &Cluster, journal: &Journal) -> Result<(), Fault> {
        let host = action.host().to_owned();
        assert!(!self.hosts[&host].dead, "a step on a dead host: {action}");
        match action {
            Action::Observe { .. } => Ok(()),
            Action::Claim { .. } => self.claim(&host, cluster, journal),
            Action::Prepare { .. } => {
                let version = cluster.kubernetes_version.clone();
                self.on(&host, |host| host.prepared = Some(version))
            }
            Action::Configure { .. } => {
                let network = network(cluster, journal);
                self.on(&host, |host| host.network = Some(network))
            }
            Action::Init { .. } => self.init(&host, cluster, journal),
            Action::Join { via, .. } => self.join(&host, via, cluster, journal),
            Action::RemoveMember { id, .. } => {
                assert!(self.answers(&host), "nobody to ask: {action}");
                self.in_store(|store| store.members.retain(|member| member.id != *id))
            }
            Action::Drain { node, .. } => self.drain(node),
            Action::DeleteNode { node, .. } => {
                let running = self.hosts.get(node).is_some_and(|host| host.running && !host.dead);
                assert!(!running, "a kubelet that runs would register {node} again");
                self.in_store(|store| drop(store.nodes.remove(node)))
            }
            Action::Describe { node, .. } => self.describe(node, cluster, journal),
            Action::Roll { .. } => self.roll(&host, cluster),
            Action::Addons { .. } => {
                let marks = addons::marks(&cluster.addons);
                self.in_store(|store| store.addons = marks)
            }
            Action::Await { nodes, .. } => self.in_store(|store| {
                for name in nodes {
                    store.nodes.entry(name.clone()).and_modify(|node| node.ready = true);
                }
            }),
            Action::Snapshot { .. } => self.on(&host, |host| host.snapshot = true),
            Action::Reset { .. } => self.reset(&host),
        }
    }

    fn claim(&mut self, host: &str, cluster: &Cluster, journal: &Journal) -> Result<(), Fault> {
        let own = journal.on(host);
        self.on(host, |host| host.journal = Some(own))?;
        if cluster.network.mode == NetworkMode::Wireguard && self.hosts[host].mesh_key.is_none() {
            let key = self.chance().to_string();
            self.on(host, |host| host.mesh_key = Some(key))?;
        }
        Ok(())
    }

    fn init(&mut self, name: &str, cluster: &Cluster, journal: &Journal) -> Result<(), Fault> {
        if !self.hosts[name].signs {
            let authority = self.chance();
            self.on(name, |host| {
                host.signs = true;
                host.authority = Some(authority);
            })?;
        }
        if self.hosts[name].etcd.is_none() {
            let id = u64::from(self.chance());
            let member = started(id, name, journal, true);
            self.effect(|world| {
                assert!(world.store.is_none(), "a second etcd");
                world.store = Some(Store { members: vec![member], ..Store::default() });
                world.host(name).etcd = Some(id);
            })?;
        }
        self.start_kubelet(name, cluster)?;
        self.register(name, Role::ControlPlane)?;
        let id = journal.cluster_id.clone();
        self.in_store(|store| store.initialised = Some(id))
    }

    fn join(&mut self, name: &str, via: &str, cluster: &Cluster, journal: &Journal) -> Result<(), Fault> {
        assert!(self.answers(via), "{via} cannot invite");
        let (authority, role) = (self.hosts[via].authority, cluster.nodes[name].role);
        self.on(name, |host| host.authority = authority)?;
        if role == Role::ControlPlane {
            self.on(name, |host| host.signs = true)?;
        }
        self.start_kubelet(name, cluster)?;
        self.register(name, Role::Worker)?;
        if role == Role::ControlPlane && self.hosts[name].etcd.is_none() {
            let id = u64::from(self.chance());
            let unstarted =
                EtcdMember { name: String::new(), started: false, ..started(id, name, journal, false) };
            self.in_store(|store| store.members.push(unstarted))?;
            self.effect(|world| {
                world.host(name).etcd = Some(id);
                world.member(id, |member| {
                    member.started = true;
                    name.clone_into(&mut member.name);
                });
            })?;
            self.effect(|world| world.member(id, |member| member.votes = true))?;
        }
        if role == Role::ControlPlane { self.register(name, role) } else { Ok(()) }
    }

    /// One that runs by what is wanted goes on; one that nobody knows any more starts anew.
    fn start_kubelet(&mut self, name: &str, cluster: &Cluster) -> Result<(), Fault> {
        let settings = Some(settings(cluster));
        let known = self.store.as_ref().is_some_and(|store| store.nodes.contains_key(name));
        if !self.hosts[name].running || self.hosts[name].settings != settings {
            self.on(name, |host| {
                host.settings = settings;
                (host.joined, host.running, host.pods) = (true, true, true);
            })?;
        } else if known {
            return Ok(());
        }
        self.effect(|world| {
            if let Some(store) = &mut world.store {
                store.nodes.entry(name.to_owned()).or_default();
            }
        })
    }

    /// Nothing is known of what runs from before it is changed until it is seen to run.
    fn roll(&mut self, name: &str, cluster: &Cluster) -> Result<(), Fault> {
        let bears = !cluster.settings.api_server.contains_key(UNKNOWN_FLAG);
        let is_plane = self.hosts[name].signs;
        self.on(name, |host| host.settings = None)?;
        self.on(name, |host| host.broken = is_plane && !bears)?;
        if self.hosts[name].broken {
            return Err(Failed);
        }
        self.on(name, |host| host.settings = Some(settings(cluster)))
    }

    /// Marks a Node that its kubelet made.
    fn register(&mut self, name: &str, role: Role) -> Result<(), Fault> {
        let plane = role == Role::ControlPlane;
        self.in_store(|store| {
            let node = store.nodes.get_mut(name).expect("a kubelet that registered");
            node.control_plane |= plane;
        })
    }

    fn drain(&mut self, node: &str) -> Result<(), Fault> {
        let held = self.hosts.get(node).is_some_and(|host| host.held);
        self.in_store(|store| {
            store.nodes.entry(node.to_owned()).and_modify(|node| node.cordoned = true);
        })?;
        if held {
            return Err(Failed);
        }
        self.in_store(|store| {
            store.nodes.entry(node.to_owned()).and_modify(|node| node.drained = true);
        })
    }

    fn describe(&mut self, node: &str, cluster: &Cluster, journal: &Journal) -> Result<(), Fault> {
        let wanted = cluster.nodes[node].clone();
        let range = journal.members[node].pod_range.to_string();
        self.in_store(|store| {
            let found = store.nodes.get_mut(node).expect("a node to describe");
            found.labels = wanted.labels.clone();
            found.managed_labels = wanted.labels.keys().cloned().collect();
            found.taints = wanted.effective_taints();
            found.pod_range = Some(range);
            (found.cordoned, found.drained) = (false, false);
        })
    }

    /// The journal goes last: what is half reset is still known as ours.
    fn reset(&mut self, name: &str) -> Result<(), Fault> {
        self.on(name, |host| (host.joined, host.running) = (false, false))?;
        self.on(name, |host| (host.pods, host.settings) = (false, None))?;
        self.on(name, |host| host.etcd = None)?;
        self.on(name, |host| {
            host.authority = None;
            host.signs = false;
        })?;
        self.on(name, |host| {
            host.network = None;
            host.mesh_key = None;
        })?;
        self.on(name, |host| host.journal = None)
    }

    // === effects ===

    fn effect(&mut self, change: impl FnOnce(&mut Self)) -> Result<(), Fault> {
        match &mut self.fuel {
            Some(0) if self.full => return Err(Failed),
            Some(0) => return Err(Killed),
            Some(fuel) => *fuel -= 1,
            None => {}
        }
        self.effects += 1;
        change(self);
        self.keeps_the_laws();
        Ok(())
    }

    fn on(&mut self, name: &str, change: impl FnOnce(&mut Host)) -> Result<(), Fault> {
        self.effect(|world| change(world.host(name)))
    }

    fn in_store(&mut self, change: impl FnOnce(&mut Store)) -> Result<(), Fault> {
        assert!(self.has_quorum(), "nobody can write");
        self.effect(|world| change(world.store.as_mut().expect("a store")))
    }

    fn host(&mut self, name: &str) -> &mut Host {
        self.hosts.get_mut(name).expect("a host")
    }

    fn member(&mut self, id: u64, change: impl FnOnce(&mut EtcdMember)) {
        let members = &mut self.store.as_mut().expect("a store").members;
        change(members.iter_mut().find(|member| member.id == id).expect("a member"));
    }

    fn chance(&mut self) -> u32 {
        self.chance += 1;
        self.chance
    }

    /// Never two authorities, and never an etcd without its majority.
    fn keeps_the_laws(&self) {
        let authorities: BTreeSet<_> = self.hosts.values().filter_map(|host| host.authority).collect();
        assert!(authorities.len() <= 1, "two authorities: {:?}", self.hosts);
        assert!(self.may_end || self.store.is_none() || self.has_quorum(), "no majority: {:?}", self.store);
    }
}

fn started(id: u64, name: &str, journal: &Journal, votes: bool) -> EtcdMember {
    let peer = format!("https://{}:2380", journal.members[name].internal);
    EtcdMember { id, name: name.to_owned(), peer, started: true, votes, healthy: true }
}

/// What a host's network is made from.
fn network(cluster: &Cluster, journal: &Journal) -> String {
    format!("{:?} {:?} {:?}", cluster.network, cluster.endpoint, journal.members)
}

fn settings(cluster: &Cluster) -> String {
    format!("{:?}", cluster.settings)
}
