use super::super::name::tests::name;
use super::*;

fn config(name_servers: &[&str]) -> DnsDelegation {
    let servers: List<String> = name_servers.iter().map(|server| Value::from(*server)).collect();
    DnsDelegation { name: "example.social".into(), name_servers: servers.into(), ..DnsDelegation::default() }
}

fn served_by(names: &[&str]) -> Delegation {
    Delegation { servers: names.iter().map(|server| name(server)).collect(), ..Delegation::default() }
}

fn side(delegation: Option<Delegation>) -> ParentSide {
    ParentSide { delegation, ds_present: false }
}

#[test]
fn delegated_means_to_all_of_the_new_servers_and_no_other() {
    let parent = served_by(&["ns1.example.net", "ns2.example.net"]).servers;
    for (new, delegated) in [
        (&["NS2.example.net.", "ns1.example.net:5300"][..], true),
        (&["ns1.example.net"], false),
        (&["ns1.example.net", "ns2.example.net", "ns3.example.net"], false),
        (&["192.0.2.1", "192.0.2.2"], false),
    ] {
        assert_eq!(config(new).wanted().unwrap().is_served_by(&parent), delegated, "{new:?}");
    }
}

#[test]
fn a_server_that_is_also_new_is_not_asked_for_the_old_answer() {
    let wanted = config(&["ns2.example.net:5300", "ns3.example.net"]).wanted().unwrap();
    let old = wanted.old(&served_by(&["ns1.example.net", "ns2.example.net"]));
    assert_eq!(old, [Server::named(name("ns1.example.net"))]);
}

#[test]
fn nothing_is_known_of_a_delegation_that_does_not_exist() {
    let config = config(&["ns1.example.net"]);
    let wanted = config.wanted().unwrap();
    let read = config.with(&wanted, &side(None), Vec::new());
    assert_eq!(read.delegated, false.into());
    assert_eq!(read.parent_name_servers, List::new().into());
    assert_eq!(read.parent_ttl, Value::Null);
}

#[test]
fn the_parents_servers_are_shown_in_order_as_route_53_writes_names() {
    let config = config(&["ns1.example.net"]);
    let wanted = config.wanted().unwrap();
    let delegation = Delegation { ttl: 3600, ..served_by(&["ns2.a.example", "ns1.b.example"]) };
    let read = config.with(&wanted, &side(Some(delegation)), Vec::new());
    assert_eq!(read.parent_name_servers, vec!["ns1.b.example".into(), "ns2.a.example".into()].into());
    assert_eq!(read.parent_ttl, 3600.into());
}

#[test]
fn a_record_that_is_none_of_the_zones_is_refused_by_its_place() {
    let record =
        Record { r#type: "A".into(), values: vec!["192.0.2.300".into()].into(), ..Record::default() };
    let records = Map::from([("www".to_owned(), record.into())]);
    let config = DnsDelegation { records: records.into(), ..config(&["ns1.example.net"]) };
    let mut found = Diagnostics::new();
    DnsDelegation::validate(&config, &mut found);
    let place = found.iter().next().unwrap().path.as_ref().unwrap().to_string();
    assert!(place.starts_with("records[\"www\"]"), "{place}");
}

#[test]
fn refuses_names_and_servers_that_are_none() {
    assert!(is_zone_name("example.social.").is_ok());
    assert!(is_zone_name(".").is_err());
    assert!(is_zone_name("a..b").is_err());
    assert!(is_server("ns1.example.net:5300").is_ok());
    assert!(is_server("ns1.example.net:").is_err());
}
