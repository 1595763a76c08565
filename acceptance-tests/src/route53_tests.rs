//! These prove `sandbox/aws/server.py` too: the rules of record sets that it adds to moto.

use std::thread;

use super::ChangeAction::{Create, Delete, Upsert};
use super::*;
use crate::fault_proxy::FaultProxy;
use crate::moto::Moto;

/// An account with one empty zone `example.test`.
fn account() -> (FaultProxy, Route53, Zone) {
    let proxy = FaultProxy::in_front_of(Moto::shared().unwrap().url()).start().unwrap();
    let route53 = Route53::at(proxy.url());
    let zone = route53.create_zone("example.test", "first").unwrap();
    (proxy, route53, zone)
}

fn weighted(name: &str, identifier: &str) -> RecordSet {
    RecordSet {
        set_identifier: Some(identifier.to_owned()),
        rest: "<Weight>10</Weight>".to_owned(),
        ..RecordSet::simple(name, "A", 60, &["192.0.2.1"])
    }
}

#[test]
fn a_new_zone_has_name_servers_and_nothing_else() {
    let (_proxy, route53, zone) = account();
    assert_eq!(zone.name, "example.test.");
    assert_eq!(route53.zones().unwrap(), std::slice::from_ref(&zone));
    assert_eq!(route53.own_record_sets(&zone).unwrap(), []);
    assert_eq!(route53.record_sets(&zone.id).unwrap().len(), 2);
}

#[test]
fn a_deleted_zone_is_gone() {
    let (_proxy, route53, zone) = account();
    route53.delete_zone(&zone.id).unwrap();
    assert_eq!(route53.zones_named("example.test").unwrap(), []);
}

#[test]
fn a_zone_with_records_is_not_deleted() {
    let (_proxy, route53, zone) = account();
    route53
        .change(&zone.id, &[(Create, RecordSet::simple("a.example.test.", "A", 60, &["192.0.2.1"]))])
        .unwrap();
    let refused = route53.delete_zone(&zone.id).unwrap_err();
    assert!(refused.to_string().contains("HostedZoneNotEmpty"), "{refused}");
}

#[test]
fn refuses_to_create_what_exists() {
    let (_proxy, route53, zone) = account();
    let set = RecordSet::simple("a.example.test.", "A", 60, &["192.0.2.1"]);
    route53.change(&zone.id, &[(Create, set.clone())]).unwrap();
    let other = RecordSet { values: vec!["192.0.2.9".to_owned()], ..set.clone() };
    let refused = route53.change(&zone.id, &[(Create, other)]).unwrap_err();
    assert!(refused.to_string().contains("already exists"), "{refused}");
    assert_eq!(route53.own_record_sets(&zone).unwrap(), [set]);
}

#[test]
fn refuses_to_delete_what_is_different() {
    let (_proxy, route53, zone) = account();
    let set = RecordSet::simple("a.example.test.", "A", 60, &["192.0.2.1", "192.0.2.2"]);
    route53.change(&zone.id, &[(Create, set.clone())]).unwrap();
    let shorter_lived = RecordSet { ttl: Some(30), ..set.clone() };
    assert!(route53.change(&zone.id, &[(Delete, shorter_lived)]).is_err());
    let reordered = RecordSet { values: set.values.iter().rev().cloned().collect(), ..set };
    route53.change(&zone.id, &[(Delete, reordered)]).unwrap();
    assert_eq!(route53.own_record_sets(&zone).unwrap(), []);
}

#[test]
fn changes_that_are_made_at_once_all_last() {
    const CLIENTS: usize = 8;
    // So many that a change takes longer than moto's threads run at a time.
    const SETS: usize = 300;
    let (proxy, route53, zone) = account();
    let sets = |client| {
        let name = move |number| format!("host-{number}.client-{client}.example.test.");
        let set = move |number| RecordSet::simple(&name(number), "A", 60, &["192.0.2.1"]);
        (0..SETS).map(|number| (Create, set(number))).collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            // One client's calls go one after the other.
            let (another, zone) = (Route53::at(proxy.url()), &zone);
            scope.spawn(move || another.change(&zone.id, &sets(client)).unwrap());
        }
    });
    assert_eq!(route53.own_record_sets(&zone).unwrap().len(), CLIENTS * SETS);
}

#[test]
fn deletes_only_the_set_that_was_named() {
    let (_proxy, route53, zone) = account();
    let (api, www) = (weighted("api.example.test.", "eu"), weighted("www.example.test.", "eu"));
    route53.change(&zone.id, &[(Create, api.clone()), (Create, www.clone())]).unwrap();
    route53.change(&zone.id, &[(Delete, api)]).unwrap();
    assert_eq!(route53.own_record_sets(&zone).unwrap(), [www]);
}

#[test]
fn a_refused_batch_changes_nothing() {
    let (_proxy, route53, zone) = account();
    let good = RecordSet::simple("a.example.test.", "A", 60, &["192.0.2.1"]);
    let outside = RecordSet::simple("a.badexample.test.", "A", 60, &["192.0.2.1"]);
    let refused = route53.change(&zone.id, &[(Create, good), (Create, outside)]).unwrap_err();
    assert!(refused.to_string().contains("not permitted in zone"), "{refused}");
    assert_eq!(route53.own_record_sets(&zone).unwrap(), []);
}

#[test]
fn a_name_changes_its_type_only_within_one_batch() {
    let (_proxy, route53, zone) = account();
    let address = RecordSet::simple("a.example.test.", "A", 60, &["192.0.2.1"]);
    let alias = RecordSet::simple("a.example.test.", "CNAME", 60, &["b.example.test."]);
    route53.change(&zone.id, &[(Create, address.clone())]).unwrap();
    assert!(route53.change(&zone.id, &[(Create, alias.clone())]).is_err());
    route53.change(&zone.id, &[(Delete, address), (Create, alias.clone())]).unwrap();
    assert_eq!(route53.own_record_sets(&zone).unwrap(), [alias]);
}

#[test]
fn the_apex_keeps_its_name_servers() {
    let (_proxy, route53, zone) = account();
    let apex = route53.record_sets(&zone.id).unwrap();
    let refused = route53.change(&zone.id, &[(Delete, apex[0].clone())]).unwrap_err();
    assert!(refused.to_string().contains("at least one NS"), "{refused}");
    route53.change(&zone.id, &[(Upsert, RecordSet { ttl: Some(60), ..apex[0].clone() })]).unwrap();
}

#[test]
fn names_are_answered_in_route_53s_own_spelling() {
    let (_proxy, route53, zone) = account();
    route53
        .change(&zone.id, &[(Create, RecordSet::simple("*.Example.TEST", "A", 60, &["192.0.2.1"]))])
        .unwrap();
    assert_eq!(route53.own_record_sets(&zone).unwrap()[0].name, r"\052.example.test.");
}

#[test]
fn keeps_every_routing_policy() {
    let (_proxy, route53, zone) = account();
    let policies = [
        "<GeoProximityLocation><AWSRegion>eu-west-3</AWSRegion><Bias>5</Bias></GeoProximityLocation>",
        "<CidrRoutingConfig><CollectionId>c1</CollectionId><LocationName>office</LocationName></CidrRoutingConfig>",
        "<GeoLocation><CountryCode>FR</CountryCode></GeoLocation>",
        "<MultiValueAnswer>true</MultiValueAnswer>",
        "<Failover>PRIMARY</Failover>",
        "<Region>eu-west-3</Region>",
    ];
    let sets = policies.iter().zip('a'..).map(|(policy, letter)| RecordSet {
        rest: (*policy).to_owned(),
        ..weighted(&format!("{letter}.example.test."), "one")
    });
    let sets: Vec<_> = sets.collect();
    let changes: Vec<_> = sets.iter().map(|set| (Create, set.clone())).collect();
    route53.change(&zone.id, &changes).unwrap();
    assert_eq!(route53.own_record_sets(&zone).unwrap(), sets);
}

#[test]
fn lists_every_page_once() {
    let (proxy, route53, zone) = account();
    let sets: Vec<_> = (0..700).map(|n| weighted("a.example.test.", &format!("{n:04}"))).collect();
    let changes: Vec<_> = sets.iter().map(|set| (Create, set.clone())).collect();
    route53.change(&zone.id, &changes).unwrap();
    assert_eq!(route53.own_record_sets(&zone).unwrap(), sets);
    assert_eq!(proxy.count("ListResourceRecordSets"), 3);
}
