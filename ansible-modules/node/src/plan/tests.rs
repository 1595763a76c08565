//! Every flow, killed before and after every effect of every step.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::world::{Fault, UNKNOWN_FLAG, World};
use super::*;
use crate::observation::Machine;
use crate::specification::tests::{cluster, node};
use crate::specification::{Addon, Effect, Taint};

/// A cluster that exists, and how it should change.
#[derive(Debug, Clone)]
struct Flow {
    wanted: Cluster,
    intent: Intent,
    departing: BTreeMap<String, Role>,
    lost: BTreeSet<String>,
    new_keys: BTreeSet<String>,
}

impl Flow {
    fn create(cluster: Cluster) -> Self {
        Self {
            wanted: cluster,
            intent: Intent::Create,
            departing: BTreeMap::new(),
            lost: BTreeSet::new(),
            new_keys: BTreeSet::new(),
        }
    }

    fn update(cluster: Cluster) -> Self {
        Self { intent: Intent::Update, ..Self::create(cluster) }
    }

    fn without(mut self, name: &str) -> Self {
        let node = self.wanted.nodes.remove(name).unwrap();
        self.departing.insert(name.to_owned(), node.role);
        self
    }

    fn losing(mut self, name: &str) -> Self {
        self.wanted.nodes.remove(name).unwrap();
        self.lost.insert(name.to_owned());
        self
    }

    fn names(&self) -> BTreeSet<String> {
        self.wanted.nodes.keys().chain(self.departing.keys()).cloned().collect()
    }
}

/// Why a run ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Converged(Vec<Action>),
    Killed,
    Failed(Action),
    Refused(Vec<Refusal>),
}

/// One apply. Each has a chance of its own, as each process has.
fn apply(world: &mut World, flow: &Flow, run: usize) -> End {
    let wanted = Wanted {
        cluster: &flow.wanted,
        intent: flow.intent,
        cluster_id: if flow.intent == Intent::Create { format!("run-{run}") } else { "run-0".into() },
        owner: "terraform".into(),
        seed: format!("seed-{run}"),
        departing: flow.departing.clone(),
        lost: flow.lost.clone(),
        new_keys: flow.new_keys.clone(),
    };
    let (mut question, mut done) = (None, Vec::new());
    for _ in 0..100 {
        let sights = world.sights(&flow.wanted, &flow.names(), question.as_ref());
        let round = match next(&wanted, &sights) {
            Ok(round) => round,
            Err(refusals) => return End::Refused(refusals),
        };
        for action in &round.actions {
            match world.run(action, &flow.wanted, &round.journal) {
                Ok(()) => {}
                Err(Fault::Killed) => return End::Killed,
                Err(Fault::Failed) => return End::Failed(action.clone()),
            }
        }
        done.extend(round.actions.into_iter().filter(|action| !matches!(action, Action::Observe { .. })));
        if round.ends {
            return End::Converged(done);
        }
        question = Some(round.journal);
    }
    panic!("no end in sight: {done:#?}");
}

fn converges(world: &mut World, flow: &Flow, run: usize) -> Vec<Action> {
    match apply(world, flow, run) {
        End::Converged(actions) => actions,
        other => panic!("{other:#?}"),
    }
}

/// A cluster that exists.
fn existing(cluster: &Cluster, spare: &[&str]) -> World {
    let names = cluster.nodes.keys().cloned().chain(spare.iter().map(|name| (*name).to_owned()));
    let mut world = World::of(names);
    converges(&mut world, &Flow::create(cluster.clone()), 0);
    world
}

/// Is the cluster what the flow wants, wholly?
fn assert_reached(world: &World, flow: &Flow) {
    let store = world.store.as_ref().unwrap();
    assert!(store.nodes.keys().eq(flow.wanted.nodes.keys()), "{:?}", store.nodes.keys());
    let voters = store.members.iter().filter(|member| member.votes && member.started);
    let voters: BTreeSet<&str> = voters.map(|member| member.name.as_str()).collect();
    assert_eq!(voters, flow.wanted.control_planes().collect());
    assert_eq!(store.members.len(), voters.len(), "members that are none: {:?}", store.members);
    assert!(world.has_quorum());
    assert!(store.nodes.values().all(|node| node.ready && !node.cordoned));
}

/// Kills an update before each of its effects; then lets it run.
fn survives_every_kill(world: &World, flow: &Flow) {
    let mut whole = world.clone();
    whole.effects = 0;
    converges(&mut whole, flow, 1);
    assert_reached(&whole, flow);
    for first in 0..whole.effects {
        let mut world = world.clone();
        world.fuel = Some(first);
        assert_eq!(apply(&mut world, flow, 1), End::Killed, "at {first}");
        world.fuel = None;
        converges(&mut world, flow, 2);
        assert_reached(&world, flow);
        assert_eq!(converges(&mut world, flow, 3), []);
    }
}

#[test]
fn one_server_becomes_a_cluster() {
    let mut world = World::of(["cp-1".into()]);
    let done = converges(&mut world, &Flow::create(cluster(1, 0)), 0);
    let told: Vec<_> = done.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "write the journal of cp-1",
            "prepare cp-1",
            "join cp-1 to the nodes' network",
            "make the first control plane on cp-1",
            "set labels and taints of cp-1",
            "install addons through cp-1",
            "wait until cp-1 are ready",
            "write the journal of cp-1",
            "write the journal of cp-1",
        ]
    );
}

#[test]
fn control_planes_join_one_at_a_time_and_workers_together() {
    let cluster = cluster(3, 2);
    let mut world = World::of(cluster.nodes.keys().cloned());
    let done = converges(&mut world, &Flow::create(cluster), 0);
    let joins: Vec<_> =
        done.iter().filter(|action| matches!(action, Action::Join { .. })).map(Action::host).collect();
    assert_eq!(joins, ["cp-2", "cp-3", "w-1", "w-2"]);
}

#[test]
fn a_second_apply_does_nothing() {
    let cluster = cluster(3, 1);
    let mut world = existing(&cluster, &[]);
    assert_eq!(converges(&mut world, &Flow::update(cluster), 1), []);
}

#[test]
fn a_create_survives_every_kill() {
    for (control_planes, workers) in [(1, 0), (1, 2), (3, 1)] {
        let cluster = cluster(control_planes, workers);
        let world = World::of(cluster.nodes.keys().cloned());
        survives_every_kill_of_create(&world, &cluster);
    }
}

/// As [`survives_every_kill`], but what is killed is followed by another create, under an id of its own.
fn survives_every_kill_of_create(world: &World, cluster: &Cluster) {
    let flow = Flow::create(cluster.clone());
    let mut whole = world.clone();
    converges(&mut whole, &flow, 1);
    assert_reached(&whole, &flow);
    for first in 0..whole.effects {
        let mut world = world.clone();
        world.fuel = Some(first);
        assert_eq!(apply(&mut world, &flow, 1), End::Killed);
        world.fuel = None;
        converges(&mut world, &flow, 2);
        assert_reached(&world, &flow);
    }
}

#[test]
fn adding_nodes_survives_every_kill() {
    let world = existing(&cluster(1, 1), &["cp-2", "cp-3", "w-2"]);
    survives_every_kill(&world, &Flow::update(cluster(3, 2)));
}

#[test]
fn removing_nodes_survives_every_kill() {
    let world = existing(&cluster(3, 2), &[]);
    survives_every_kill(&world, &Flow::update(cluster(3, 2)).without("w-1"));
    survives_every_kill(&world, &Flow::update(cluster(3, 2)).without("cp-1").without("w-2"));
}

#[test]
fn a_removal_that_is_given_up_anywhere_lets_pods_onto_the_node_again() {
    let cluster = cluster(3, 2);
    let world = existing(&cluster, &[]);
    let flow = Flow::update(cluster.clone()).without("w-1").without("cp-1");
    let mut whole = world.clone();
    whole.effects = 0;
    converges(&mut whole, &flow, 1);
    for last in 0..whole.effects {
        let mut world = world.clone();
        world.fuel = Some(last);
        assert_eq!(apply(&mut world, &flow, 1), End::Killed);
        world.fuel = None;
        converges(&mut world, &Flow::update(cluster.clone()), 2);
        assert_reached(&world, &Flow::update(cluster.clone()));
    }
}

#[test]
fn pods_that_a_budget_holds_keep_a_node_and_it_takes_pods_again() {
    let cluster = cluster(1, 2);
    let mut world = existing(&cluster, &[]);
    world.hosts.get_mut("w-1").unwrap().held = true;
    let drain = Action::Drain { via: "cp-1".into(), node: "w-1".into() };
    assert_eq!(apply(&mut world, &Flow::update(cluster.clone()).without("w-1"), 1), End::Failed(drain));
    let kept = Flow::update(cluster);
    let done = converges(&mut world, &kept, 2);
    assert_eq!(done, [Action::Describe { via: "cp-1".into(), node: "w-1".into() }]);
    assert_reached(&world, &kept);
}

#[test]
fn losing_and_replacing_a_control_plane_survives_every_kill() {
    let mut world = existing(&cluster(3, 1), &["cp-4"]);
    world.hosts.get_mut("cp-1").unwrap().dead = true;
    let mut wanted = cluster(3, 1);
    wanted.nodes.insert("cp-4".into(), node(Role::ControlPlane, 14));
    survives_every_kill(&world, &Flow::update(wanted).losing("cp-1"));
}

/// Ends an update before each of its effects, then does something to the world, and applies again.
fn survives_everywhere(world: &World, flow: &Flow, then: impl Fn(&mut World)) {
    let mut whole = world.clone();
    whole.effects = 0;
    converges(&mut whole, flow, 1);
    for first in 0..whole.effects {
        let mut world = world.clone();
        world.fuel = Some(first);
        let end = apply(&mut world, flow, 1);
        assert!(matches!(end, End::Killed | End::Failed(_)), "{end:?}");
        world.fuel = None;
        then(&mut world);
        converges(&mut world, flow, 2);
        assert_reached(&world, flow);
    }
}

/// Two leave, and two come.
fn exchange() -> (World, Flow) {
    let world = existing(&cluster(3, 1), &["cp-4", "w-2"]);
    let mut wanted = cluster(3, 2);
    wanted.nodes.insert("cp-4".into(), node(Role::ControlPlane, 14));
    (world, Flow::update(wanted).without("cp-1").without("w-1"))
}

#[test]
fn servers_that_restart_in_the_middle_of_any_step_are_gone_on_with() {
    let (world, flow) = exchange();
    survives_everywhere(&world, &flow, World::restart);
}

#[test]
fn a_disk_that_is_full_in_the_middle_of_any_step_is_an_error_and_gone_on_with() {
    let (mut world, flow) = exchange();
    world.full = true;
    survives_everywhere(&world, &flow, |_| {});
}

#[test]
fn changed_addons_survive_every_kill() {
    let mut wanted = cluster(1, 1);
    wanted.addons = BTreeSet::from([Addon::MetricsServer]);
    survives_every_kill(&existing(&cluster(1, 1), &[]), &Flow::update(wanted));
}

#[test]
fn changed_settings_survive_every_kill() {
    let world = existing(&cluster(3, 1), &[]);
    let mut wanted = cluster(3, 1);
    wanted.settings.kubelet.insert("maxPods".into(), 50.into());
    wanted.nodes.get_mut("w-1").unwrap().labels.insert("disk".into(), "ssd".into());
    let taint = Taint { key: "gpu".into(), value: String::new(), effect: Effect::NoSchedule };
    wanted.nodes.get_mut("w-1").unwrap().taints = Some(BTreeSet::from([taint]));
    survives_every_kill(&world, &Flow::update(wanted));
}

/// A change that the first API server does not bear.
fn unbearable(cluster: &Cluster) -> Flow {
    let mut wanted = cluster.clone();
    wanted.settings.api_server.insert(UNKNOWN_FLAG.into(), "true".into());
    Flow::update(wanted)
}

#[test]
fn a_setting_that_no_api_server_bears_stops_at_the_first_and_is_taken_back() {
    for (control_planes, workers) in [(1, 0), (3, 1)] {
        let before = cluster(control_planes, workers);
        let mut world = existing(&before, &[]);
        let end = apply(&mut world, &unbearable(&before), 1);
        assert_eq!(end, End::Failed(Action::Roll { host: "cp-1".into() }));
        assert!(world.hosts.iter().all(|(name, host)| host.broken == (name == "cp-1")));
        survives_every_kill(&world, &Flow::update(before));
    }
}

#[test]
fn a_setting_that_was_tried_is_not_taken_for_done() {
    let before = cluster(3, 0);
    let mut world = existing(&before, &[]);
    apply(&mut world, &unbearable(&before), 1);
    let end = apply(&mut world, &unbearable(&before), 2);
    assert_eq!(end, End::Failed(Action::Roll { host: "cp-1".into() }));
}

#[test]
fn no_control_plane_restarts_while_another_does_not_serve() {
    let before = cluster(3, 0);
    let mut wanted = before.clone();
    wanted.settings.kubelet.insert("maxPods".into(), 50.into());
    let mut world = existing(&before, &[]);
    // After the first was rolled: it takes three effects.
    world.fuel = Some(3);
    assert_eq!(apply(&mut world, &Flow::update(wanted.clone()), 1), End::Killed);
    world.fuel = None;
    world.hosts.get_mut("cp-1").unwrap().broken = true;
    let said = refused(&mut world, &Flow::update(wanted));
    assert!(said[0].starts_with("cp-2 cannot restart: the API server of cp-1"), "{said:?}");
}

#[test]
fn a_node_that_was_deleted_registers_again() {
    for (name, cluster) in [("w-1", cluster(1, 1)), ("cp-1", cluster(1, 0)), ("cp-2", cluster(3, 0))] {
        let mut world = existing(&cluster, &[]);
        world.store.as_mut().unwrap().nodes.remove(name);
        survives_every_kill(&world, &Flow::update(cluster));
    }
}

#[test]
fn a_member_that_lost_its_data_is_removed_before_it_joins_again() {
    let mut world = existing(&cluster(3, 0), &[]);
    *world.hosts.get_mut("cp-2").unwrap() = super::world::Host::default();
    let flow = Flow::update(cluster(3, 0));
    let done = converges(&mut world, &flow, 1);
    let of_etcd = |action: &&Action| matches!(action, Action::RemoveMember { .. } | Action::Join { .. });
    let told: Vec<_> = done.iter().filter(of_etcd).map(ToString::to_string).collect();
    assert_eq!(told, ["remove the etcd member of cp-2", "let cp-2 join"]);
    assert_reached(&world, &flow);
}

#[test]
fn lost_members_leave_before_others_come_and_others_leave_after() {
    let mut world = existing(&cluster(3, 0), &["cp-4"]);
    world.hosts.get_mut("cp-1").unwrap().dead = true;
    let mut wanted = cluster(3, 0);
    wanted.nodes.insert("cp-4".into(), node(Role::ControlPlane, 14));
    let done = converges(&mut world, &Flow::update(wanted).losing("cp-1").without("cp-2"), 1);
    let order: Vec<_> = done
        .iter()
        .filter(|action| matches!(action, Action::RemoveMember { .. } | Action::Join { .. }))
        .map(ToString::to_string)
        .collect();
    assert_eq!(order, ["remove the etcd member of cp-1", "let cp-4 join", "remove the etcd member of cp-2"]);
}

// === refusals ===

fn refused(world: &mut World, flow: &Flow) -> Vec<String> {
    match apply(world, flow, 1) {
        End::Refused(refusals) => refusals.iter().map(ToString::to_string).collect(),
        other => panic!("{other:#?}"),
    }
}

#[test]
fn an_unreachable_host_is_named_with_the_cure_and_nothing_is_done() {
    let mut world = existing(&cluster(3, 1), &[]);
    world.hosts.get_mut("w-1").unwrap().dead = true;
    world.effects = 0;
    let said = refused(&mut world, &Flow::update(cluster(3, 1)));
    assert_eq!(said.len(), 1);
    assert!(said[0].contains("w-1") && said[0].contains("lost = true"), "{said:?}");
    assert_eq!(world.effects, 0);
}

#[test]
fn a_host_that_answers_and_cannot_be_looked_at_is_not_called_lost() {
    let cluster = cluster(1, 1);
    let mut world = existing(&cluster, &[]);
    world.hosts.get_mut("w-1").unwrap().confused = true;
    let said = refused(&mut world, &Flow::update(cluster.clone()));
    assert!(said[0].contains("w-1 was reached") && !said[0].contains("lost"), "{said:?}");
    let left = destroy(&mut world, &cluster).unwrap();
    assert!(left.unreachable.is_empty() && left.unseen.keys().eq(["w-1"]), "{left:?}");
}

fn machine() -> Machine {
    let os = "debian".to_owned();
    Machine { os, memory_mib: 4096, free_mib: 20_000, ..Machine::default() }
}

#[test]
fn a_server_that_cannot_be_a_node_is_refused_before_anything_is_written() {
    let unfit = [
        (Machine { os: "fedora".into(), ..machine() }, "\"fedora\""),
        (Machine { memory_mib: 1000, ..machine() }, "1000 MiB of memory"),
        (Machine { free_mib: 100, ..machine() }, "100 MiB free"),
        (Machine { listens: BTreeSet::from([80, 6443]), ..machine() }, "ports 6443"),
    ];
    for (machine, said) in unfit {
        let mut world = World::of(["cp-1".into()]);
        world.hosts.get_mut("cp-1").unwrap().machine = Some(machine);
        let refusals = refused(&mut world, &Flow::create(cluster(1, 0)));
        assert!(refusals.len() == 1 && refusals[0].contains(said), "{refusals:?}");
        assert_eq!(world.effects, 0);
    }
    let mut world = World::of(["cp-1".into()]);
    world.hosts.get_mut("cp-1").unwrap().machine = Some(machine());
    converges(&mut world, &Flow::create(cluster(1, 0)), 0);
    // Its own API server listens now.
    world.hosts.get_mut("cp-1").unwrap().machine.as_mut().unwrap().listens.insert(6443);
    assert_eq!(converges(&mut world, &Flow::update(cluster(1, 0)), 1), []);
}

#[test]
fn a_server_that_another_prepares_is_taken_as_it_is_or_refused() {
    let mut world = World::of(["cp-1".into()]);
    world.hosts.get_mut("cp-1").unwrap().prepared_by = Some("role socle.platform.kubernetes_node".into());
    let refusals = refused(&mut world, &Flow::create(cluster(1, 0)));
    assert!(
        refusals[0].contains("is prepared by role socle.platform.kubernetes_node, and not with"),
        "{refusals:?}"
    );
    assert_eq!(world.effects, 0);
    world.hosts.get_mut("cp-1").unwrap().prepared = Some(cluster(1, 0).kubernetes_version);
    converges(&mut world, &Flow::create(cluster(1, 0)), 0);
}

#[test]
fn clocks_that_are_apart_are_refused_before_anything_is_written() {
    let mut world = World::of(["cp-1".into(), "w-1".into()]);
    // This machine's own clock may be wrong: only that of nodes counts.
    world.hosts.values_mut().for_each(|host| host.ahead = 60_000);
    world.hosts.get_mut("w-1").unwrap().ahead = 66_000;
    let said = refused(&mut world, &Flow::create(cluster(1, 1)));
    assert!(said[0].contains("cp-1 and w-1 are 6 s apart"), "{said:?}");
    assert_eq!(world.effects, 0);
    world.hosts.get_mut("w-1").unwrap().ahead = 64_000;
    converges(&mut world, &Flow::create(cluster(1, 1)), 1);
}

#[test]
fn losing_two_of_three_control_planes_is_refused() {
    let mut world = existing(&cluster(3, 0), &[]);
    for name in ["cp-1", "cp-2"] {
        world.hosts.get_mut(name).unwrap().dead = true;
    }
    let said = refused(&mut world, &Flow::update(cluster(3, 0)).losing("cp-1").losing("cp-2"));
    assert!(said[0].contains("no API server answers"), "{said:?}");
}

#[test]
fn a_healthy_control_plane_does_not_leave_while_another_is_down() {
    let mut world = existing(&cluster(3, 0), &[]);
    world.hosts.get_mut("cp-3").unwrap().etcd = None;
    let mut flow = Flow::update(cluster(3, 0)).without("cp-1");
    // The one that is down is not mended first: it is another's to say that it should be.
    flow.wanted.nodes.remove("cp-3");
    flow.departing.insert("cp-3".into(), Role::ControlPlane);
    match apply(&mut world, &flow, 1) {
        End::Refused(refusals) => assert!(matches!(refusals[0], Refusal::Quorum { .. }), "{refusals:?}"),
        other => panic!("{other:?}"),
    }
    assert!(world.has_quorum());
}

#[test]
fn a_complete_cluster_is_not_created_again() {
    let mut world = existing(&cluster(1, 1), &[]);
    let said = refused(&mut world, &Flow::create(cluster(1, 1)));
    assert!(said[0].contains("exists") && said[0].contains("terraform import"), "{said:?}");
}

#[test]
fn a_begun_cluster_with_other_ranges_is_refused_by_the_name_of_the_attribute() {
    let mut world = World::of(["cp-1".into()]);
    world.fuel = Some(3);
    assert_eq!(apply(&mut world, &Flow::create(cluster(1, 0)), 0), End::Killed);
    world.fuel = None;
    let mut other = cluster(1, 0);
    other.network.pod_cidr = "10.240.0.0/16".parse().unwrap();
    let said = refused(&mut world, &Flow::create(other));
    assert!(said[0].contains("network.pod_cidr") && said[0].contains("reset"), "{said:?}");
}

#[test]
fn another_clusters_host_is_refused_by_its_name() {
    let mut staging = cluster(1, 0);
    staging.name = "staging".into();
    let mut world = existing(&staging, &["w-1"]);
    let said = refused(&mut world, &Flow::create(cluster(1, 1)));
    assert!(said.iter().any(|said| said.contains("cp-1") && said.contains("\"staging\"")), "{said:?}");
}

#[test]
fn a_member_that_nobody_names_is_refused() {
    let mut world = existing(&cluster(1, 2), &[]);
    let said = refused(&mut world, &Flow::update(cluster(1, 1)));
    assert!(said[0].contains("w-2"), "{said:?}");
}

#[test]
fn a_new_host_key_is_taken_from_the_same_server_alone() {
    let mut world = existing(&cluster(1, 1), &[]);
    let flow = Flow { new_keys: BTreeSet::from(["w-1".into()]), ..Flow::update(cluster(1, 1)) };
    assert_eq!(converges(&mut world, &flow, 1), []);
    *world.hosts.get_mut("w-1").unwrap() = super::world::Host::default();
    let said = refused(&mut world, &flow);
    assert!(said[0].contains("w-1") && said[0].contains("another server"), "{said:?}");
}

// === the way out ===

/// One destroy; the hosts that did not answer.
fn destroy(world: &mut World, cluster: &Cluster) -> Result<Left, Fault> {
    let names: BTreeSet<_> = cluster.nodes.keys().cloned().collect();
    world.may_end = true;
    for _ in 0..50 {
        let sights = world.sights(cluster, &names, None);
        match deletion(cluster, "run-0", &sights).unwrap() {
            Deletion::Done(left) => return Ok(left),
            Deletion::Do(actions) => {
                let journal = world_journal(&sights);
                for action in actions {
                    world.run(&action, cluster, &journal)?;
                }
            }
        }
    }
    panic!("no end in sight");
}

fn world_journal(sights: &Sights) -> Journal {
    let journals = sights.values().filter_map(|sight| sight.view()?.journal.clone());
    journals.max_by_key(|journal| journal.generation).unwrap()
}

#[test]
fn a_destroy_survives_every_kill_and_keeps_a_snapshot() {
    let cluster = cluster(3, 2);
    let world = existing(&cluster, &[]);
    let mut whole = world.clone();
    whole.effects = 0;
    assert_eq!(destroy(&mut whole, &cluster), Ok(Left::default()));
    for first in 0..whole.effects {
        let mut world = world.clone();
        world.fuel = Some(first);
        assert_eq!(destroy(&mut world, &cluster), Err(Fault::Killed));
        world.fuel = None;
        assert_eq!(destroy(&mut world, &cluster), Ok(Left::default()));
        let names = cluster.nodes.keys().cloned().collect();
        let views = world.sights(&cluster, &names, None);
        assert!(views.values().all(|sight| sight.view().unwrap().is_clean()));
        assert!(views.values().any(|sight| sight.view().unwrap().final_snapshot.is_some()));
    }
}

#[test]
fn reachable_hosts_are_reset_even_when_one_is_not() {
    let cluster = cluster(1, 2);
    let mut world = existing(&cluster, &[]);
    world.hosts.get_mut("w-1").unwrap().dead = true;
    let left = destroy(&mut world, &cluster).unwrap();
    assert!(left.unreachable.keys().eq(["w-1"]) && left.unseen.is_empty());
    let names = BTreeSet::from(["cp-1".to_owned(), "w-2".to_owned()]);
    let views = world.sights(&cluster, &names, None);
    assert!(views.values().all(|sight| sight.view().unwrap().is_clean()));
}

#[test]
fn a_destroy_touches_no_host_of_another_cluster() {
    let cluster = cluster(1, 1);
    let mut world = existing(&cluster, &[]);
    world.effects = 0;
    let names = cluster.nodes.keys().cloned().collect();
    let refusals = deletion(&cluster, "another", &world.sights(&cluster, &names, None)).unwrap_err();
    assert!(matches!(refusals[0], Refusal::Foreign { .. }));
    assert_eq!(world.effects, 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever is wanted next, and however often it is killed on the way.
    #[test]
    fn any_change_killed_any_number_of_times_converges(
        before in (1u8..=3, 0u8..=3),
        after in (1u8..=5, 0u8..=3),
        kills in prop::collection::vec(0usize..40, 0..6),
    ) {
        let (first, second) = (cluster(before.0, before.1), cluster(after.0, after.1));
        let spare: Vec<_> = second.nodes.keys().filter(|name| !first.nodes.contains_key(*name)).collect();
        let spare: Vec<_> = spare.iter().map(|name| name.as_str()).collect();
        let mut world = existing(&first, &spare);
        let mut flow = Flow::update(second);
        let gone = first.nodes.iter().filter(|(name, _)| !flow.wanted.nodes.contains_key(*name));
        flow.departing = gone.map(|(name, node)| (name.clone(), node.role)).collect();
        for (run, kill) in kills.into_iter().enumerate() {
            world.fuel = Some(kill);
            let end = apply(&mut world, &flow, run + 1);
            prop_assert!(!matches!(end, End::Refused(_)), "{end:?}");
        }
        world.fuel = None;
        converges(&mut world, &flow, 99);
        assert_reached(&world, &flow);
        prop_assert_eq!(converges(&mut world, &flow, 100), vec![]);
    }
}
