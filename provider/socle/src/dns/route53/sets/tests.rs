use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::super::batch::{Batch, Cost};
use super::super::super::name::tests::{any_name, name};
use super::super::super::rdata::tests::any_rdata_of;
use super::super::super::record_set::tests::set;
use super::*;

fn any_set() -> impl Strategy<Value = RecordSet> {
    select(RecordType::ALL.to_vec()).prop_flat_map(|record_type| {
        let key = (any_name(), option::of("[a-z0-9]{1,9}"));
        let key = key.prop_map(move |(name, set_identifier)| SetKey { name, record_type, set_identifier });
        let parts = (key, any_content(record_type), option::of(any_routing()), option::of("[a-f0-9-]{36}"));
        parts.prop_map(|(key, content, routing, health_check_id)| RecordSet {
            key,
            content,
            routing,
            health_check_id,
        })
    })
}

fn any_content(record_type: RecordType) -> impl Strategy<Value = Content> {
    let values = prop::collection::btree_set(any_rdata_of(record_type), 1..4);
    let alias = (any_name(), "Z[A-Z0-9]{5,20}", any::<bool>());
    prop_oneof![
        (0..=i32::MAX.unsigned_abs(), values).prop_map(|(ttl, values)| Content::Values { ttl, values }),
        alias.prop_map(|(name, zone_id, evaluate_target_health)| {
            Content::Alias(Alias { name, zone_id, evaluate_target_health })
        }),
    ]
}

fn any_routing() -> impl Strategy<Value = Routing> {
    let region = || "[a-z]{2}-[a-z]{4,9}-[1-9]";
    let code = || option::of("[A-Z*]{1,2}");
    let degrees = || "-?[0-9]{1,2}(\\.[0-9]{1,2})?";
    let coordinates =
        (degrees(), degrees()).prop_map(|(latitude, longitude)| Coordinates { latitude, longitude });
    let near = (option::of(region()), option::of(region()), option::of(coordinates), any::<i8>());
    prop_oneof![
        any::<u8>().prop_map(|weight| Routing::Weighted { weight }),
        region().prop_map(|region| Routing::Latency { region }),
        select(vec![FailoverRole::Primary, FailoverRole::Secondary]).prop_map(Routing::Failover),
        (code(), code(), code()).prop_map(|(continent, country, subdivision)| {
            Routing::Geolocation { continent, country, subdivision }
        }),
        near.prop_map(|(aws_region, local_zone_group, coordinates, bias)| {
            Routing::Geoproximity { aws_region, local_zone_group, coordinates, bias }
        }),
        Just(Routing::Multivalue),
        ("[a-f0-9-]{36}", "[a-zA-Z0-9_*-]{1,16}")
            .prop_map(|(collection_id, location)| Routing::Cidr { collection_id, location }),
    ]
}

proptest! {
    #[test]
    fn what_is_written_reads_back(set in any_set()) {
        prop_assert_eq!(from_sdk(&to_sdk(&set)), Ok(set));
    }
}

fn listed(owner: &str, record_type: RrType, values: &[&str]) -> ResourceRecordSet {
    let mut set = ResourceRecordSet::builder().name(owner).r#type(record_type).ttl(300);
    for value in values {
        set = set.resource_records(ResourceRecord::builder().value(*value).build().unwrap());
    }
    set.build().unwrap()
}

fn records(page: &[ResourceRecordSet]) -> ZoneRecords {
    let mut records = ZoneRecords::default();
    records.extend(page);
    records
}

/// The one set of a batch that deletes all that was listed.
fn deletion(page: &[ResourceRecordSet]) -> ResourceRecordSet {
    let records = records(page);
    let changes = records.sets.values().cloned().map(Change::Delete).collect();
    let batch = records.to_sdk(&Batch { changes, cost: Cost::default() });
    let [change] = batch.changes.try_into().expect("one change");
    assert_eq!(change.action, ChangeAction::Delete);
    change.resource_record_set.expect("a change has a set")
}

#[test]
fn octal_escapes_are_read_and_need_none_when_written() {
    let wildcard = listed("\\052.example.com.", RrType::Txt, &["\"caf\\303\\251\""]);
    let set = from_sdk(&wildcard).unwrap();
    assert_eq!(set.key.name, name("*.example.com"));
    let written = to_sdk(&set);
    assert_eq!(written.name, "*.example.com.");
    assert_eq!(written.resource_records()[0].value, "\"caf\\303\\251\"");
}

#[test]
fn deletes_a_set_exactly_as_it_is_held() {
    let split = listed("a.example.com.", RrType::Txt, &["\"v=spf1 \" \"-all\"", "\"B\""]);
    assert_eq!(deletion(std::slice::from_ref(&split)), split);
    let capital = listed("a.example.com.", RrType::Mx, &["10 MX.Example.com"]);
    assert_eq!(deletion(std::slice::from_ref(&capital)), capital);
}

#[test]
fn a_deletion_counts_for_the_spelling_that_it_repeats() {
    let split = listed("a.example.com.", RrType::Txt, &["\"v=spf1 \" \"-all\"", "\"B\""]);
    let records = records(&[split]);
    let set = records.sets.values().next().unwrap().clone();
    let canonical = Cost { elements: 2, characters: "\"v=spf1 -all\"\"B\"".len() };
    assert_eq!(records.cost(&Change::Create(set.clone())), canonical);
    let as_written = Cost { characters: canonical.characters + "\" \"".len(), ..canonical };
    assert_eq!(records.cost(&Change::Delete(set)), as_written);
}

#[test]
fn keeps_no_second_copy_of_a_set_in_canonical_form() {
    let page = [listed("a.example.com.", RrType::A, &["192.0.2.9", "192.0.2.10"])];
    assert!(records(&page).written.is_empty());
}

#[test]
fn values_that_mean_the_same_are_one() {
    let records = records(&[listed("a.example.com.", RrType::Aaaa, &["2001:db8::1", "2001:DB8:0::1"])]);
    let expected = set("a.example.com", RecordType::Aaaa, &["2001:db8::1"]);
    assert_eq!(records.sets.values().collect::<Vec<_>>(), [&expected]);
}

#[test]
fn leaves_alone_what_it_does_not_understand() {
    let mut policy = listed("p.example.com.", RrType::A, &["192.0.2.1"]);
    policy.traffic_policy_instance_id = Some("t-1".to_owned());
    policy.set_identifier = Some("eu".to_owned());
    let mut twofold = listed("r.example.com.", RrType::A, &["192.0.2.1"]);
    twofold.weight = Some(1);
    twofold.multi_value_answer = Some(true);
    let mut timeless = listed("l.example.com.", RrType::A, &["192.0.2.1"]);
    timeless.ttl = None;
    let page = [
        policy,
        listed("t.example.com.", RrType::from("NEWTYPE"), &["x"]),
        listed("v.example.com.", RrType::A, &["somewhere"]),
        twofold,
        timeless,
        listed("ok.example.com.", RrType::A, &["192.0.2.1"]),
    ];
    let records = records(&page);
    assert_eq!(records.sets.keys().map(|key| &key.name).collect::<Vec<_>>(), [&name("ok.example.com")]);
    let labels: Vec<_> = records.opaque.iter().map(|set| set.label.as_str()).collect();
    assert_eq!(
        labels,
        [
            "p.example.com. A eu",
            "t.example.com. NEWTYPE",
            "v.example.com. A",
            "r.example.com. A",
            "l.example.com. A"
        ]
    );
    assert_eq!(records.opaque[0].reason, Opaque::TrafficPolicy("t-1".to_owned()));
    assert_eq!(records.opaque[1].reason, Opaque::UnknownType);
    for unreadable in &records.opaque[2..] {
        assert!(matches!(unreadable.reason, Opaque::Unreadable { .. }), "{unreadable:?}");
    }
}
