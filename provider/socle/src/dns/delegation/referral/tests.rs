use super::super::super::Rdata;
use super::super::super::name::tests::name;
use super::*;
use crate::clients::dns::RecordData;

fn record(owner: &str, record_type: RecordType, data: &str) -> ResourceRecord {
    let data = RecordData::Known(Rdata::parse(record_type, data).unwrap());
    ResourceRecord { name: name(owner), ttl: 3600, data }
}

fn ns(owner: &str, server: &str) -> ResourceRecord {
    record(owner, RecordType::Ns, server)
}

fn zone() -> DnsName {
    name("example.social")
}

fn reply() -> Reply {
    Reply { name_exists: true, ..Reply::default() }
}

fn referral() -> Reply {
    let authority =
        vec![ns("example.social", "ns1.example.social."), ns("example.social", "NS2.example.net.")];
    Reply { authority, ..reply() }
}

fn names(texts: &[&str]) -> BTreeSet<DnsName> {
    texts.iter().map(|text| name(text)).collect()
}

#[test]
fn the_parent_is_looked_for_from_the_nearest_name_to_the_root() {
    let above: Vec<_> = ancestors(&name("a.example.social")).collect();
    assert_eq!(above, ["example.social", "social", "."].map(name));
}

#[test]
fn a_zone_is_a_name_with_name_servers_of_its_own() {
    let answers = vec![ns("social", "a.nic.social."), ns("other", "b.nic.social.")];
    let answered = Reply { answers, ..reply() };
    assert_eq!(servers_of(&name("social"), &answered), names(&["a.nic.social"]));
    assert_eq!(servers_of(&name("example.social"), &answered), names(&[]));
    assert_eq!(servers_of(&zone(), &referral()), names(&["ns1.example.social", "ns2.example.net"]));
}

#[test]
fn a_referral_names_servers_their_addresses_and_the_shortest_ttl() {
    let mut reply = referral();
    reply.authority[1].ttl = 60;
    reply.additional = vec![
        record("ns1.example.social", RecordType::A, "192.0.2.1"),
        record("ns1.example.social", RecordType::Aaaa, "2001:db8::1"),
        record("www.example.social", RecordType::A, "192.0.2.9"),
    ];
    let found = delegation(&zone(), &reply).unwrap().unwrap();
    assert_eq!(found.servers, names(&["ns1.example.social", "ns2.example.net"]));
    assert_eq!(found.ttl, 60);
    let addresses = ["192.0.2.1", "2001:db8::1"].map(|address| address.parse().unwrap());
    assert_eq!(found.glue, Glue::from([(name("ns1.example.social"), addresses.into())]));
}

#[test]
fn a_server_of_both_zones_answers_itself() {
    let answers = vec![ns("example.social", "ns1.example.net.")];
    let answered = Reply { answers, authoritative: true, ..reply() };
    let found = delegation(&zone(), &answered).unwrap().unwrap();
    assert_eq!(found.servers, names(&["ns1.example.net"]));
}

#[test]
fn an_authority_without_name_servers_for_the_zone_delegates_to_nobody() {
    let answered = Reply { authoritative: true, ..reply() };
    assert_eq!(delegation(&zone(), &answered), Ok(None));
    assert_eq!(delegation(&zone(), &Reply { name_exists: false, ..answered }), Ok(None));
}

#[test]
fn hearsay_is_no_delegation() {
    let answers = vec![ns("example.social", "ns1.example.net.")];
    assert_eq!(delegation(&zone(), &Reply { answers, ..reply() }), Err(Lame::NoAuthority));
    let elsewhere = Reply { authority: vec![ns(".", "a.root-servers.net.")], ..reply() };
    assert_eq!(delegation(&zone(), &elsewhere), Err(Lame::RefersTo(name("."))));
    assert_eq!(has_ds(&zone(), &elsewhere), Err(Lame::RefersTo(name("."))));
}

#[test]
fn a_ds_is_one_of_the_zone_itself() {
    let ds = |owner| {
        let digest = "12345 13 2 0000000000000000000000000000000000000000000000000000000000000000";
        Reply { authoritative: true, answers: vec![record(owner, RecordType::Ds, digest)], ..reply() }
    };
    assert_eq!(has_ds(&zone(), &ds("example.social")), Ok(true));
    assert_eq!(has_ds(&zone(), &ds("other.social")), Ok(false));
    assert_eq!(has_ds(&zone(), &Reply { authoritative: true, ..reply() }), Ok(false));
    assert_eq!(has_ds(&zone(), &referral()), Ok(false));
}
