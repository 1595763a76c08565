use proptest::prelude::*;
use tfplugin::Typed as _;

use super::*;
use crate::dns::name::tests::{any_name, name};
use crate::dns::rdata::tests::any_rdata_of;

fn zone() -> DnsName {
    name("example.social")
}

fn at() -> RecordPath {
    <Map<Record> as tfplugin::Typed>::Path::from(tfplugin::Path::root()).key("label")
}

fn record(record_type: &str, values: &[&str]) -> Record {
    let values: List<String> = values.iter().map(|value| Value::from(*value)).collect();
    Record { r#type: record_type.into(), values: values.into(), ..Record::default() }
}

fn canonical(label: &str, record: &Record) -> Record {
    record.canonical(label, &at(), &zone()).unwrap()
}

fn values(record: &Record) -> Vec<&str> {
    record.values.known().into_iter().flatten().filter_map(Value::known).map(String::as_str).collect()
}

#[test]
fn the_label_is_the_name_unless_one_is_given() {
    assert_eq!(canonical("cdn", &record("A", &["192.0.2.1"])).name, "cdn".into());
    let named = Record { name: "@".into(), ..record("A", &["192.0.2.1"]) };
    assert_eq!(canonical("any words", &named).name, "@".into());
    let refused = record("A", &["192.0.2.1"]).canonical("any words", &at(), &zone()).unwrap_err();
    assert!(refused.detail.contains("Set `name`"), "{}", refused.detail);
}

#[test]
fn a_name_is_the_same_however_it_is_written() {
    for written in ["WWW", "www.example.social", "www.Example.Social.", r"\167ww"] {
        let named = Record { name: written.into(), ..record("A", &["192.0.2.1"]) };
        assert_eq!(canonical("x", &named).name, "www".into(), "{written}");
    }
    let apex = Record { name: "example.social".into(), ..record("A", &["192.0.2.1"]) };
    assert_eq!(canonical("x", &apex).name, "@".into());
}

#[test]
fn refuses_a_name_outside_the_zone() {
    let outside = Record { name: "www.example.com.".into(), ..record("A", &["192.0.2.1"]) };
    assert!(outside.canonical("x", &at(), &zone()).unwrap_err().detail.contains("not in the zone"));
}

#[test]
fn a_name_of_an_unknown_zone_is_relative() {
    let relative = Record { name: "www".into(), ..record("A", &["192.0.2.1"]) };
    assert_eq!(relative.canonical("x", &at(), &DnsName::root()).unwrap().name, "www".into());
    let absolute = Record { name: "www.example.social.".into(), ..relative };
    assert!(absolute.canonical("x", &at(), &DnsName::root()).unwrap_err().detail.contains("absolute"));
}

#[test]
fn values_are_in_one_order_and_each_once() {
    let written = record("AAAA", &["2001:DB8:0:0::2", "2001:db8::1", "2001:db8::2"]);
    assert_eq!(values(&canonical("x", &written)), ["2001:db8::1", "2001:db8::2"]);
}

#[test]
fn an_unknown_value_leaves_the_rest_of_its_set_known() {
    let mut written = record("A", &["192.0.2.1"]);
    written.values.known_mut().unwrap().push(Value::Unknown);
    let canonical = canonical("www", &written);
    assert_eq!(canonical.values, Value::Unknown);
    assert_eq!(canonical.label().as_deref(), Some("www A"));
    assert_eq!(canonical.ttl, DEFAULT_TTL.into());
    assert_eq!(canonical.to_set(&zone()), None);
}

#[test]
fn an_unknown_set_leaves_its_neighbours_known_and_an_unknown_label_does_not() {
    let path = <Map<Record> as tfplugin::Typed>::Path::from(tfplugin::Path::root());
    let unknown_values = Record { values: Value::Unknown, ..record("A", &[]) };
    let mut records = Map::from([
        ("new".to_owned(), Value::Known(unknown_values)),
        ("www".to_owned(), Value::Known(record("A", &["192.0.2.1"]))),
        ("left out".to_owned(), Value::Null),
    ]);
    let sets = canonical_sets(&records.clone().into(), &path, &zone()).unwrap().into_known().unwrap();
    assert_eq!(sets.keys().collect::<Vec<_>>(), ["new A", "www A"]);
    assert_eq!(values(&sets["www A"].known().unwrap().0), ["192.0.2.1"]);

    records.insert("x".to_owned(), Record { name: Value::Unknown, ..record("A", &["192.0.2.2"]) }.into());
    assert_eq!(canonical_sets(&records.into(), &path, &zone()), Ok(Value::Unknown));
}

#[test]
fn a_bad_value_is_told_at_its_own_place() {
    let refused = record("A", &["192.0.2.1", "192.0.2.999"]).canonical("www", &at(), &zone()).unwrap_err();
    assert_eq!(refused.path.unwrap().to_string(), r#"["label"].values[1]"#);
    assert!(refused.detail.contains("192.0.2.999"), "{}", refused.detail);
}

#[test]
fn an_alias_has_no_ttl_and_a_canonical_target() {
    let alias =
        AliasTarget { name: "D1.cloudfront.NET".into(), zone_id: "Z2".into(), ..AliasTarget::default() };
    let written = Record { r#type: "A".into(), alias: alias.into(), ..Record::default() };
    let canonical = canonical("cdn", &written);
    assert_eq!(canonical.ttl, Value::Null);
    let target = canonical.alias.into_known().unwrap();
    assert_eq!(target.name, "d1.cloudfront.net.".into());
    assert_eq!(target.evaluate_target_health, false.into());
}

/// What validation says of an entry.
fn refused(record: Record) -> Vec<String> {
    let found = tfplugin::validate::validate(&Record::object(), &record.into_raw());
    found.into_iter().map(|problem| problem.detail).collect()
}

#[test]
fn a_number_out_of_range_is_told_with_what_is_allowed() {
    let with_ttl = |ttl| Record { ttl: Value::Known(ttl), ..record("A", &["192.0.2.1"]) };
    for ttl in [0, i64::from(ttl::MAX)] {
        assert_eq!(refused(with_ttl(ttl)), [""; 0]);
        assert!(canonical("www", &with_ttl(ttl)).to_set(&zone()).is_some(), "{ttl}");
    }
    for ttl in [-1, i64::from(ttl::MAX) + 1, i64::from(u32::MAX) + 301] {
        let found = refused(with_ttl(ttl));
        assert_eq!(found.len(), 1, "{found:?}");
        let allowed = "at least 0 and at most 2147483647";
        assert!(found[0].contains(allowed) && found[0].contains(&ttl.to_string()), "{found:?}");
        assert_eq!(
            canonical("www", &with_ttl(ttl)).to_set(&zone()),
            None,
            "no other number is put in its place"
        );
    }
}

fn any_routing() -> impl Strategy<Value = Option<Routing>> {
    let text = || "[a-z]{1,8}";
    let place = (-90i8..=90, -99i8..=99).prop_map(|(degrees, bias)| Routing::Geoproximity {
        aws_region: None,
        local_zone_group: None,
        coordinates: Some(Coordinates { latitude: degrees.to_string(), longitude: "2.35".to_owned() }),
        bias,
    });
    prop_oneof![
        Just(None),
        any::<u8>().prop_map(|weight| Some(Routing::Weighted { weight })),
        text().prop_map(|region| Some(Routing::Latency { region })),
        Just(Some(Routing::Failover(FailoverRole::Primary))),
        Just(Some(Routing::Failover(FailoverRole::Secondary))),
        Just(Some(Routing::Multivalue)),
        (text(), text())
            .prop_map(|(collection_id, location)| Some(Routing::Cidr { collection_id, location })),
        text().prop_map(|country| {
            Some(Routing::Geolocation { continent: None, country: Some(country), subdivision: None })
        }),
        place.prop_map(Some),
    ]
}

fn any_content() -> impl Strategy<Value = (RecordType, Content)> {
    let values = proptest::sample::select(&RecordType::ALL[..]).prop_flat_map(|record_type| {
        let values = proptest::collection::btree_set(any_rdata_of(record_type), 1..4);
        (Just(record_type), 0..=ttl::MAX, values)
    });
    prop_oneof![
        3 => values.prop_map(|(record_type, ttl, values)| (record_type, Content::Values { ttl, values })),
        1 => (any_name(), "[A-Z0-9]{1,20}", any::<bool>()).prop_map(|(name, zone_id, evaluate_target_health)| {
            (RecordType::A, Content::Alias(Alias { name, zone_id, evaluate_target_health }))
        }),
    ]
}

fn any_set() -> impl Strategy<Value = RecordSet> {
    ("[a-z]{1,10}", any_content(), any_routing(), proptest::option::of("[a-z0-9-]{1,12}")).prop_map(
        |(label, (record_type, content), routing, health_check_id)| RecordSet {
            key: SetKey {
                name: DnsName::relative(&label, &zone(), Escapes::Octal).unwrap(),
                record_type,
                set_identifier: routing.as_ref().map(|_| "one".to_owned()),
            },
            content,
            routing,
            health_check_id,
        },
    )
}

proptest! {
    #[test]
    fn a_set_is_shown_and_read_back_the_same(set in any_set()) {
        let shown = Record::of(&set, &zone());
        prop_assert_eq!(shown.to_set(&zone()), Some(set));
    }

    #[test]
    fn what_is_shown_is_canonical(set in any_set()) {
        let shown = Record::of(&set, &zone());
        prop_assert_eq!(canonical("another label", &shown), shown);
    }

    #[test]
    fn what_is_shown_survives_the_wire(set in any_set()) {
        let shown = Record::of(&set, &zone());
        let raw = shown.clone().into_raw();
        prop_assert_eq!(Record::from_raw(raw, &tfplugin::Path::root()), Ok(shown));
    }
}
