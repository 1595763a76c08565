use tfplugin::{Computed, List, Map, Path, Set};

use super::super::super::record::Record;
use super::super::Vpc;
use super::*;

fn a(value: &str) -> Value<Record> {
    let values: List<String> = vec![value.into()];
    Value::Known(Record { r#type: "A".into(), values: values.into(), ..Record::default() })
}

fn shown(labels: &[&str]) -> Value<RecordSets> {
    let set = |label: &&str| ((*label).to_owned(), Value::Known(Computed(Record::default())));
    labels.iter().map(set).collect::<RecordSets>().into()
}

fn zone(records: &[(&str, Value<Record>)]) -> DnsZone {
    let records: Map<Record> =
        records.iter().map(|(label, record)| ((*label).to_owned(), record.clone())).collect();
    DnsZone {
        name: "example.social".into(),
        records: records.into(),
        unmanaged_records: "keep".into(),
        force_destroy: false.into(),
        ..DnsZone::default()
    }
}

fn in_networks(zone: DnsZone, ids: &[&str]) -> DnsZone {
    let vpc = |id: &&str| Value::Known(Vpc { id: (*id).into(), region: "eu-west-3".into() });
    DnsZone { vpcs: ids.iter().map(vpc).collect::<Set<Vpc>>().into(), ..zone }
}

/// The planned zone, and what needs a new one.
fn planned(prior: Option<DnsZone>, wanted: DnsZone) -> (DnsZone, Vec<Path>) {
    let mut change = Plan::new(wanted.clone(), prior, wanted);
    plan(&mut change).unwrap();
    let (planned, replace, _) = change.into_parts();
    (planned, replace)
}

fn labels(sets: &Value<RecordSets>) -> Vec<&str> {
    sets.known().unwrap().keys().map(String::as_str).collect()
}

fn summaries(config: &DnsZone) -> Vec<String> {
    let mut found = Diagnostics::new();
    validate(config, &mut found);
    found.iter().map(|problem| problem.summary.clone()).collect()
}

#[test]
fn every_record_set_is_known_at_plan() {
    let (planned, _) = planned(None, zone(&[("www", a("192.0.2.1")), ("@", a("192.0.2.2"))]));
    assert_eq!(labels(&planned.record_sets), ["@ A", "www A"]);
}

#[test]
fn an_unknown_zone_name_leaves_the_record_sets_unknown() {
    let (planned, _) = planned(None, DnsZone { name: Value::Unknown, ..zone(&[("www", a("192.0.2.1"))]) });
    assert!(planned.record_sets.is_unknown());
}

#[test]
fn delete_shows_exactly_what_goes() {
    let prior = DnsZone { unmanaged_record_sets: shown(&["foreign A"]), ..zone(&[]) };
    let (planned, _) = planned(Some(prior), DnsZone { unmanaged_records: "delete".into(), ..zone(&[]) });
    assert_eq!(planned.unmanaged_record_sets, RecordSets::new().into());
}

#[test]
fn keep_leaves_the_others_but_those_that_are_taken_over() {
    let prior = DnsZone { unmanaged_record_sets: shown(&["foreign A", "www A"]), ..zone(&[]) };
    let (planned, _) = planned(Some(prior), zone(&[("www", a("192.0.2.1"))]));
    assert_eq!(labels(&planned.unmanaged_record_sets), ["foreign A"]);
}

#[test]
fn other_globs_leave_the_others_unknown() {
    let prior = DnsZone { unmanaged_record_sets: shown(&["foreign A"]), ..zone(&[]) };
    let globs: List<String> = vec!["foreign.*".into()];
    let (planned, _) = planned(Some(prior), DnsZone { ignore_records: globs.into(), ..zone(&[]) });
    assert!(planned.unmanaged_record_sets.is_unknown());
}

#[test]
fn between_public_and_private_leads_only_a_new_zone() {
    let prior = || Some(zone(&[]));
    assert_eq!(planned(prior(), in_networks(zone(&[]), &["vpc-1"])).1, [DnsZone::paths().vpcs()]);
    assert_eq!(planned(Some(in_networks(zone(&[]), &["vpc-1"])), zone(&[])).1, [DnsZone::paths().vpcs()]);
    assert_eq!(planned(prior(), in_networks(zone(&[]), &[])).1, []);
    assert_eq!(planned(Some(in_networks(zone(&[]), &["vpc-1"])), in_networks(zone(&[]), &["vpc-2"])).1, []);
    assert_eq!(planned(prior(), DnsZone { vpcs: Value::Unknown, ..zone(&[]) }).1, []);
}

#[test]
fn two_entries_of_one_set_are_refused() {
    let both = zone(&[("www", a("192.0.2.1")), ("www.example.social.", a("192.0.2.2"))]);
    assert_eq!(summaries(&both), ["Two entries of one record set"]);
}

#[test]
fn a_cname_beside_another_type_is_refused() {
    let values: List<String> = vec!["example.com.".into()];
    let cname =
        Record { name: "www".into(), r#type: "CNAME".into(), values: values.into(), ..Record::default() };
    assert_eq!(
        summaries(&zone(&[("www", a("192.0.2.1")), ("x", cname.into())])),
        ["Entries that exclude each other"]
    );
}

#[test]
fn a_cname_at_the_zones_own_name_is_refused() {
    let values: List<String> = vec!["example.com.".into()];
    let cname = Record { r#type: "CNAME".into(), values: values.into(), ..Record::default() };
    assert_eq!(summaries(&zone(&[("@", cname.into())])), ["CNAME at the zone's own name"]);
}

#[test]
fn a_record_that_is_ignored_is_refused() {
    let globs: List<String> = vec!["www.*".into()];
    let ignored = DnsZone { ignore_records: globs.into(), ..zone(&[("www", a("192.0.2.1"))]) };
    assert_eq!(summaries(&ignored), ["Record is ignored"]);
}

#[test]
fn a_zone_with_records_of_others_is_destroyed_only_by_force() {
    let others = DnsZone { unmanaged_record_sets: shown(&["foreign A"]), ..zone(&[]) };
    let refused = plan_destroy(&others).unwrap_err();
    assert!(refused.iter().any(|problem| problem.detail.contains("foreign A")));
    assert_eq!(plan_destroy(&DnsZone { force_destroy: true.into(), ..others }), Ok(()));
    assert_eq!(plan_destroy(&zone(&[])), Ok(()));
}
