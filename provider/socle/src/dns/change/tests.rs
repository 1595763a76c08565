use proptest::prelude::*;

use super::super::name::tests::name;
use super::super::record_set::tests::{routed, set};
use super::super::{RecordType, Routing};
use super::*;

const MINE: [&str; 1] = ["192.0.2.1"];
const THEIRS: [&str; 1] = ["192.0.2.9"];

fn a(owner: &str, values: &[&str]) -> RecordSet {
    set(owner, RecordType::A, values)
}

fn weighted(owner: &str, identifier: &str, weight: u8) -> RecordSet {
    routed(a(owner, &MINE), identifier, Routing::Weighted { weight })
}

fn zone(sets: &[RecordSet]) -> BTreeMap<SetKey, RecordSet> {
    sets.iter().map(|set| (set.key.clone(), set.clone())).collect()
}

fn keys(sets: &[RecordSet]) -> BTreeSet<SetKey> {
    sets.iter().map(|set| set.key.clone()).collect()
}

fn policy(unmanaged: Unmanaged) -> Policy {
    let ignore = Ignore::parse(["ignored.*"]).unwrap();
    Policy { zone: name("example.com"), unmanaged, ignore }
}

fn plan(
    managed: &[RecordSet],
    wanted: &[RecordSet],
    observed: &[RecordSet],
    unmanaged: Unmanaged,
) -> Result<Vec<Change>, Vec<Collision>> {
    changes(&keys(managed), &zone(wanted), &zone(observed), &policy(unmanaged))
}

#[test]
fn new_sets_are_created() {
    let set = a("www.example.com", &MINE);
    let plan = plan(&[], std::slice::from_ref(&set), &[], Unmanaged::Keep);
    assert_eq!(plan, Ok(vec![Change::Create(set)]));
}

#[test]
fn a_managed_set_that_vanished_is_created_again() {
    let set = [a("www.example.com", &MINE)];
    assert_eq!(plan(&set, &set, &[], Unmanaged::Keep), Ok(vec![Change::Create(set[0].clone())]));
}

#[test]
fn managed_sets_are_updated_deleted_or_left_alone() {
    let same = a("same.example.com", &MINE);
    let old = a("changed.example.com", &THEIRS);
    let new = a("changed.example.com", &MINE);
    let gone = a("gone.example.com", &MINE);
    let observed = [same.clone(), old, gone.clone()];
    let plan = plan(&observed, &[same, new.clone()], &observed, Unmanaged::Keep);
    assert_eq!(plan, Ok(vec![Change::Upsert(new), Change::Delete(gone)]));
}

#[test]
fn a_deletion_carries_what_was_observed() {
    let managed = a("www.example.com", &MINE);
    let drifted = a("www.example.com", &THEIRS);
    let plan = plan(&[managed], &[], std::slice::from_ref(&drifted), Unmanaged::Keep);
    assert_eq!(plan, Ok(vec![Change::Delete(drifted)]));
}

#[test]
fn an_equal_unmanaged_set_is_adopted_silently() {
    let set = [a("www.example.com", &MINE)];
    assert_eq!(plan(&[], &set, &set, Unmanaged::Keep), Ok(vec![]));
}

#[test]
fn another_unmanaged_set_collides_unless_the_policy_overwrites_it() {
    let wanted = a("www.example.com", &MINE);
    let observed = a("www.example.com", &THEIRS);
    let plan =
        |unmanaged| plan(&[], std::slice::from_ref(&wanted), std::slice::from_ref(&observed), unmanaged);
    let collision = Collision { wanted: wanted.key.clone(), observed: observed.clone() };
    assert_eq!(plan(Unmanaged::Keep), Err(vec![collision]));
    assert_eq!(plan(Unmanaged::Adopt), Ok(vec![Change::Upsert(wanted.clone())]));
}

#[test]
fn every_collision_is_reported() {
    let names = ["a.example.com", "b.example.com"];
    let plan = plan(&[], &names.map(|n| a(n, &MINE)), &names.map(|n| a(n, &THEIRS)), Unmanaged::Keep);
    assert_eq!(plan.unwrap_err().len(), 2);
}

#[test]
fn sets_go_only_when_they_are_managed_and_never_when_ignored() {
    let theirs = a("theirs.example.com", &THEIRS);
    let ignored = a("ignored.example.com", &THEIRS);
    let observed = [theirs.clone(), ignored];
    for unmanaged in [Unmanaged::Keep, Unmanaged::Adopt] {
        assert_eq!(plan(&[], &[], &observed, unmanaged), Ok(vec![]));
    }
    assert_eq!(plan(&observed, &[], &observed, Unmanaged::Keep), Ok(vec![Change::Delete(theirs)]));
}

#[test]
fn a_managed_set_that_is_now_ignored_is_left_alone() {
    let set = [a("ignored.example.com", &MINE)];
    assert_eq!(plan(&set, &[], &set, Unmanaged::Keep), Ok(vec![]));
}

#[test]
fn the_apex_soa_and_ns_are_overwritten_but_never_created_or_deleted() {
    let theirs = set("example.com", RecordType::Ns, &["ns-1.awsdns-00.com."]);
    let mine = set("example.com", RecordType::Ns, &["ns.example.net."]);
    let soa = set("example.com", RecordType::Soa, &["ns. hostmaster. 1 2 3 4 5"]);
    let observed = [theirs, soa.clone()];
    assert_eq!(plan(&observed, &[], &observed, Unmanaged::Keep), Ok(vec![]));
    let written = plan(&[], std::slice::from_ref(&mine), &observed, Unmanaged::Keep);
    assert_eq!(written, Ok(vec![Change::Upsert(mine.clone())]));
    let absent = plan(&[], std::slice::from_ref(&mine), &[soa], Unmanaged::Keep);
    assert_eq!(absent, Ok(vec![Change::Upsert(mine)]));
}

#[test]
fn name_servers_below_the_apex_are_sets_like_others() {
    let delegation = set("sub.example.com", RecordType::Ns, &["ns.example.net."]);
    let plan =
        plan(std::slice::from_ref(&delegation), &[], std::slice::from_ref(&delegation), Unmanaged::Keep);
    assert_eq!(plan, Ok(vec![Change::Delete(delegation)]));
}

#[test]
fn another_routing_policy_is_a_deletion_and_a_creation() {
    let old = weighted("www.example.com", "eu", 1);
    let new = routed(a("www.example.com", &MINE), "eu", Routing::Latency { region: "eu-west-3".to_owned() });
    let plan = plan(
        std::slice::from_ref(&old),
        std::slice::from_ref(&new),
        std::slice::from_ref(&old),
        Unmanaged::Keep,
    );
    assert_eq!(plan, Ok(vec![Change::Delete(old), Change::Create(new)]));
}

#[test]
fn another_weight_is_an_update() {
    let old = [weighted("www.example.com", "eu", 1)];
    let new = [weighted("www.example.com", "eu", 2)];
    assert_eq!(plan(&old, &new, &old, Unmanaged::Keep), Ok(vec![Change::Upsert(new[0].clone())]));
}

#[test]
fn what_cannot_stand_beside_a_wanted_set_collides_when_it_stays() {
    let cname = set("www.example.com", RecordType::Cname, &["example.net."]);
    let simple = a("www.example.com", &MINE);
    let in_europe = weighted("www.example.com", "eu", 1);
    for (wanted, observed) in
        [(&cname, &simple), (&simple, &cname), (&in_europe, &simple), (&simple, &in_europe)]
    {
        let [wanted, observed] = [wanted, observed].map(std::slice::from_ref);
        for unmanaged in [Unmanaged::Keep, Unmanaged::Adopt] {
            assert!(plan(&[], wanted, observed, unmanaged).is_err(), "{wanted:?} {observed:?}");
        }
        let swap = [Change::Delete(observed[0].clone()), Change::Create(wanted[0].clone())];
        let plan = plan(observed, wanted, observed, Unmanaged::Keep).unwrap();
        assert!(plan.len() == 2 && swap.iter().all(|change| plan.contains(change)), "{plan:?}");
    }
}

#[test]
fn an_ignored_set_in_the_way_collides_even_when_managed() {
    let wanted = [set("ignored.example.com", RecordType::Cname, &["example.net."])];
    let observed = [a("ignored.example.com", &THEIRS)];
    assert!(plan(&observed, &wanted, &observed, Unmanaged::Keep).is_err());
}

#[test]
fn a_new_set_stands_beside_others_of_its_name() {
    let wanted = [weighted("www.example.com", "us", 1)];
    let observed =
        [weighted("www.example.com", "eu", 1), set("www.example.com", RecordType::Txt, &["theirs"])];
    assert_eq!(plan(&[], &wanted, &observed, Unmanaged::Keep), Ok(vec![Change::Create(wanted[0].clone())]));
}

/// What a zone holds after the changes; panics where Route 53 would refuse one.
fn apply(mut zone: BTreeMap<SetKey, RecordSet>, changes: &[Change]) -> BTreeMap<SetKey, RecordSet> {
    for change in changes.iter().filter(|change| change.is_delete()) {
        assert_eq!(zone.remove(&change.set().key).as_ref(), Some(change.set()));
    }
    for change in changes {
        let set = change.set().clone();
        match change {
            Change::Create(_) => assert!(zone.insert(set.key.clone(), set).is_none()),
            Change::Upsert(_) => drop(zone.insert(set.key.clone(), set)),
            Change::Delete(_) => {}
        }
    }
    zone
}

fn any_zone() -> impl Strategy<Value = BTreeMap<SetKey, RecordSet>> {
    let set = (
        prop::sample::select(vec!["example.com", "a.example.com", "ignored.example.com"]),
        prop::sample::select(vec![RecordType::Ns, RecordType::Ptr, RecordType::Cname]),
        prop::sample::select(vec!["x.example.net.", "y.example.net."]),
        prop::option::of(0_u8..2),
    );
    prop::collection::vec(set, 0..6).prop_map(|sets| {
        let sets = sets.into_iter().map(|(owner, record_type, value, weight)| {
            let simple = set_of(owner, record_type, value);
            match weight {
                Some(weight) => routed(simple, "one", Routing::Weighted { weight }),
                None => simple,
            }
        });
        sets.map(|set| (set.key.clone(), set)).collect()
    })
}

fn set_of(owner: &str, record_type: RecordType, value: &str) -> RecordSet {
    set(owner, record_type, &[value])
}

proptest! {
    #[test]
    fn the_changes_lead_to_what_is_wanted_and_then_there_are_none(
        wanted in any_zone(),
        observed in any_zone(),
        managed in any_zone(),
        unmanaged in prop::sample::select(vec![Unmanaged::Keep, Unmanaged::Adopt]),
    ) {
        let managed: BTreeSet<_> = managed.into_keys().collect();
        let policy = policy(unmanaged);
        if let Ok(first) = changes(&managed, &wanted, &observed, &policy) {
            let reached = apply(observed, &first);
            prop_assert!(wanted.iter().all(|(key, set)| reached.get(key) == Some(set)));
            let managed = wanted.keys().cloned().collect();
            prop_assert_eq!(changes(&managed, &wanted, &reached, &policy), Ok(vec![]));
        }
    }
}
