use proptest::prelude::*;

use super::super::record_set::tests::{alias, routed, set};
use super::super::{RecordSet, RecordType, Routing};
use super::*;

/// As [`super::batches`], where no set is held in another spelling.
fn batches(changes: Vec<Change>) -> Result<Vec<Batch>, TooLarge> {
    super::batches(changes, Cost::of)
}

fn a(owner: &str) -> RecordSet {
    set(owner, RecordType::A, &["192.0.2.1"])
}

/// A TXT set of one value that takes `characters` characters, its quotes included; at most 257.
fn txt(owner: &str, characters: usize) -> RecordSet {
    set(owner, RecordType::Txt, &["x".repeat(characters - 2).as_str()])
}

fn create_all(count: usize, characters: usize) -> Vec<Change> {
    (0..count).map(|at| Change::Create(txt(&format!("n{at}.example.com"), characters))).collect()
}

/// The fewest batches that the limits allow, were changes divisible.
fn lower_bound(changes: &[Change]) -> usize {
    let cost: Cost = changes.iter().map(Cost::of).sum();
    cost.elements.div_ceil(LIMITS.elements).max(cost.characters.div_ceil(LIMITS.characters))
}

fn place(batches: &[Batch], set: &RecordSet) -> (usize, usize) {
    let place = |batch: &Batch| batch.changes.iter().position(|change| change.set() == set);
    let mut places = batches.iter().enumerate().filter_map(|(at, batch)| Some((at, place(batch)?)));
    places.next().expect("the change is in a batch")
}

#[test]
fn uniform_records_take_as_few_batches_as_the_limits_allow() {
    for count in [1_000, 2_500, 10_000] {
        for characters in [3, 12, 32, 64, 100, 160] {
            let creations = create_all(count, characters);
            let updates: Vec<_> =
                creations.iter().map(|change| Change::Upsert(change.set().clone())).collect();
            for changes in [creations, updates] {
                let expected = lower_bound(&changes);
                let batches = batches(changes).unwrap();
                assert_eq!(batches.len(), expected, "{count} of {characters}");
            }
        }
    }
}

#[test]
fn large_and_small_values_fill_each_other_up() {
    let mut changes = create_all(1_100, 3);
    changes.extend((0..100).map(|at| Change::Create(txt(&format!("long{at}.example.com"), 257))));
    changes.extend((0..700).map(|at| Change::Upsert(a(&format!("a{at}.example.com")))));
    let expected = lower_bound(&changes);
    assert_eq!(batches(changes).unwrap().len(), expected);
}

#[test]
fn an_update_counts_twice_and_an_alias_once() {
    let cost = |elements, characters| Cost { elements, characters };
    let two = set("example.com", RecordType::A, &["192.0.2.1", "192.0.2.20"]);
    assert_eq!(Cost::of(&Change::Create(two.clone())), cost(2, 19));
    assert_eq!(Cost::of(&Change::Delete(two.clone())), cost(2, 19));
    assert_eq!(Cost::of(&Change::Upsert(two)), cost(4, 38));
    let alias = alias("example.com", "cdn.example.net");
    assert_eq!(Cost::of(&Change::Create(alias.clone())), cost(1, 0));
    assert_eq!(Cost::of(&Change::Upsert(alias)), cost(2, 0));
}

#[test]
fn without_changes_there_is_no_batch() {
    assert_eq!(batches(vec![]), Ok(vec![]));
}

#[test]
fn a_name_that_changes_its_shape_travels_in_one_batch_deletion_first() {
    let cname = set("www.example.com", RecordType::Cname, &["example.net."]);
    let simple = a("api.example.com");
    let weighted = routed(simple.clone(), "eu", Routing::Weighted { weight: 1 });
    let mut changes = create_all(1_999, 3);
    changes.insert(0, Change::Create(cname.clone()));
    changes.insert(0, Change::Create(weighted.clone()));
    changes.push(Change::Delete(a("www.example.com")));
    changes.push(Change::Delete(simple.clone()));
    let batches = batches(changes).unwrap();
    for (old, new) in [(a("www.example.com"), cname), (simple, weighted)] {
        let (old, new) = (place(&batches, &old), place(&batches, &new));
        assert!(old.0 == new.0 && old.1 < new.1, "{old:?} {new:?}");
    }
}

#[test]
fn deletions_come_first_in_a_batch() {
    let changes = vec![Change::Create(a("a.example.com")), Change::Delete(a("b.example.com"))];
    let batches = batches(changes).unwrap();
    assert!(batches[0].changes[0].is_delete() && batches.len() == 1);
}

/// A row of aliases, each to the next, the last to a set of values, among enough others for several batches.
fn row(change: fn(RecordSet) -> Change) -> (Vec<Change>, Vec<RecordSet>) {
    let mut sets = vec![a("t9.example.com")];
    sets.extend(
        (0..9).rev().map(|at| alias(&format!("t{at}.example.com"), &format!("t{}.example.com", at + 1))),
    );
    let others = (0..2_500).map(|at| a(&format!("n{at}.example.com")));
    (sets.iter().rev().cloned().chain(others).map(change).collect(), sets)
}

#[test]
fn aliases_are_created_after_their_targets() {
    let (changes, sets) = row(Change::Create);
    let batches = batches(changes).unwrap();
    let places: Vec<_> = sets.iter().map(|set| place(&batches, set)).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert_eq!(batches.len(), 3);
}

#[test]
fn aliases_are_deleted_before_their_targets() {
    let (changes, sets) = row(Change::Delete);
    let batches = batches(changes).unwrap();
    let places: Vec<_> = sets.iter().rev().map(|set| place(&batches, set)).collect();
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn names_that_must_each_not_come_after_the_other_share_a_batch() {
    let old = alias("a.example.com", "b.example.com");
    let new = RecordSet { content: old.content.clone(), ..set("a.example.com", RecordType::Aaaa, &[]) };
    let mut changes = vec![
        Change::Delete(old.clone()),
        Change::Create(new.clone()),
        Change::Delete(a("b.example.com")),
        Change::Create(set("b.example.com", RecordType::Aaaa, &["2001:db8::1"])),
    ];
    changes.extend(create_all(1_998, 3));
    let batches = batches(changes).unwrap();
    let [old, new] = [&old, &new].map(|set| place(&batches, set).0);
    assert_eq!((old, batches.len()), (new, 3));
}

#[test]
fn aliases_in_a_circle_are_packed_all_the_same() {
    let changes = vec![
        Change::Create(alias("a.example.com", "b.example.com")),
        Change::Create(alias("b.example.com", "a.example.com")),
        Change::Create(alias("c.example.com", "c.example.com")),
    ];
    assert_eq!(batches(changes).unwrap()[0].changes.len(), 3);
}

#[test]
fn changes_that_fit_no_request_are_refused_by_name() {
    let values: Vec<_> = (0..600).map(|at| format!("192.0.{}.{}", at / 256, at % 256)).collect();
    let values: Vec<_> = values.iter().map(String::as_str).collect();
    let set = set("big.example.com", RecordType::A, &values);
    assert_eq!(batches(vec![Change::Create(set.clone())]).unwrap().len(), 1);
    let error = batches(vec![Change::Upsert(set)]).unwrap_err().to_string();
    assert!(error.contains("big.example.com.") && error.contains("1200 elements"), "{error}");
}

fn any_changes() -> impl Strategy<Value = Vec<Change>> {
    let change = (0..200_usize, 0..3_u8, 3..258_usize, prop::option::weighted(0.05, 0..200_usize));
    prop::collection::vec(change, 0..600).prop_map(|changes| {
        let change = |(owner, kind, characters, target): (usize, u8, usize, Option<usize>)| {
            let owner = format!("n{owner}.example.com");
            let set = match target {
                Some(target) => alias(&owner, &format!("n{target}.example.com")),
                None => txt(&owner, characters),
            };
            [Change::Create, Change::Upsert, Change::Delete][usize::from(kind)](set)
        };
        changes.into_iter().map(change).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_change_travels_once_within_the_limits(changes in any_changes()) {
        let count = changes.len();
        if let Ok(batches) = batches(changes.clone()) {
            prop_assert_eq!(batches.iter().map(|batch| batch.changes.len()).sum::<usize>(), count);
            for batch in &batches {
                prop_assert!(batch.cost.fits(LIMITS) && !batch.changes.is_empty());
                prop_assert_eq!(batch.cost, batch.changes.iter().map(Cost::of).sum());
                prop_assert!(batch.changes.is_sorted_by_key(|change| !change.is_delete()));
            }
            let sent = |change| batches.iter().any(|batch| batch.changes.contains(change));
            prop_assert!(changes.iter().all(sent));
        }
    }
}
