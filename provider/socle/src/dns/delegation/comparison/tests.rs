use super::super::super::name::tests::name;
use super::super::super::{Alias, Rdata, Routing};
use super::*;

fn zone() -> DnsName {
    name("example.social")
}

fn key(owner: &str, record_type: RecordType) -> SetKey {
    SetKey { name: name(owner), record_type, set_identifier: None }
}

fn data(record_type: RecordType, text: &str) -> RecordData {
    RecordData::Known(Rdata::parse(record_type, text).unwrap())
}

fn record(owner: &str, record_type: RecordType, text: &str) -> ResourceRecord {
    ResourceRecord { name: name(owner), ttl: 60, data: data(record_type, text) }
}

fn records<const N: usize>(record_type: RecordType, texts: [&str; N]) -> Answer {
    Answer::Records(texts.map(|text| data(record_type, text)).into())
}

fn answered(answers: Vec<ResourceRecord>) -> Reply {
    Reply { name_exists: true, authoritative: true, answers, ..Reply::default() }
}

fn simple(owner: &str, record_type: RecordType, text: &str) -> RecordSet {
    let values = [Rdata::parse(record_type, text).unwrap()].into();
    RecordSet {
        key: key(owner, record_type),
        content: Content::Values { ttl: 300, values },
        routing: None,
        health_check_id: None,
    }
}

#[test]
fn sets_whose_answer_varies_are_not_compared_and_told_why() {
    let plain = simple("www.example.social", RecordType::A, "192.0.2.1");
    let mut routed = simple("api.example.social", RecordType::A, "192.0.2.1");
    routed.key.set_identifier = Some("eu".to_owned());
    routed.routing = Some(Routing::Weighted { weight: 1 });
    let mut alias = simple("cdn.example.social", RecordType::A, "192.0.2.1");
    let target =
        Alias { name: name("d1.cloudfront.net"), zone_id: "Z2".to_owned(), evaluate_target_health: false };
    alias.content = Content::Alias(target);
    let apex = simple("example.social", RecordType::Ns, "ns1.example.net.");
    let below = simple("sub.example.social", RecordType::Ns, "ns1.example.net.");
    let comparison = Comparison::of([&plain, &routed, &alias, &apex, &below], &zone());
    assert_eq!(comparison.compared, [plain.key, below.key]);
    for (label, words) in
        [("api A eu", "(weighted)"), ("cdn A", "d1.cloudfront.net"), ("@ NS", "Every provider")]
    {
        let why = &comparison.not_compared[label];
        assert!(why.contains(words), "{label}: {why}");
    }
    assert_eq!(comparison.not_compared.len(), 3);
}

#[test]
fn an_answer_is_the_records_of_that_name_and_type() {
    let reply = answered(vec![
        record("WWW.example.social", RecordType::A, "192.0.2.1"),
        record("www.example.social", RecordType::Txt, "x"),
        record("other.example.social", RecordType::A, "192.0.2.2"),
    ]);
    let found = answer(&key("www.example.social", RecordType::A), &zone(), &reply);
    assert_eq!(found, Ok(records(RecordType::A, ["192.0.2.1"])));
}

#[test]
fn a_cname_stands_in_the_place_of_other_records() {
    let reply = answered(vec![
        record("www.example.social", RecordType::Cname, "host.example.net."),
        record("host.example.net", RecordType::A, "192.0.2.1"),
    ]);
    let asked = key("www.example.social", RecordType::A);
    let old = answer(&asked, &zone(), &reply).unwrap();
    assert_eq!(old, records(RecordType::Cname, ["host.example.net."]));
    let new = records(RecordType::A, ["192.0.2.1"]);
    let told = difference(&asked, &zone(), &old, &new).unwrap();
    assert_eq!(told.old, Value::Known(vec!["CNAME host.example.net.".into()]));
    assert_eq!(told.new, Value::Known(vec!["192.0.2.1".into()]));
}

#[test]
fn no_record_is_told_from_no_name() {
    let asked = key("www.example.social", RecordType::A);
    let empty = answered(Vec::new());
    assert_eq!(answer(&asked, &zone(), &empty), Ok(Answer::NoRecords));
    assert_eq!(answer(&asked, &zone(), &Reply { name_exists: false, ..empty }), Ok(Answer::NoName));
}

#[test]
fn what_lies_below_a_delegation_is_in_the_referral() {
    let reply = Reply {
        name_exists: true,
        authority: vec![record("sub.example.social", RecordType::Ns, "ns.sub.example.social.")],
        additional: vec![record("ns.sub.example.social", RecordType::A, "192.0.2.1")],
        ..Reply::default()
    };
    let ask = |owner, record_type| answer(&key(owner, record_type), &zone(), &reply);
    let servers = records(RecordType::Ns, ["ns.sub.example.social."]);
    assert_eq!(ask("sub.example.social", RecordType::Ns), Ok(servers));
    assert_eq!(ask("ns.sub.example.social", RecordType::A), Ok(records(RecordType::A, ["192.0.2.1"])));
    assert_eq!(ask("www.example.social", RecordType::A), Err(Lame::RefersTo(name("sub.example.social"))));
}

#[test]
fn a_server_that_holds_another_zone_has_no_answer() {
    let asked = key("www.example.social", RecordType::A);
    let upward = vec![record(".", RecordType::Ns, "a.root-servers.net.")];
    let referral = Reply { name_exists: true, authority: upward, ..Reply::default() };
    assert_eq!(answer(&asked, &zone(), &referral), Err(Lame::RefersTo(name("."))));
    let own = vec![record("example.social", RecordType::Ns, "ns1.example.net.")];
    assert!(answer(&asked, &zone(), &Reply { authority: own, ..referral }).is_err());
    let hearsay = vec![record("www.example.social", RecordType::A, "192.0.2.1")];
    let hearsay = Reply { authoritative: false, ..answered(hearsay) };
    assert_eq!(answer(&asked, &zone(), &hearsay), Err(Lame::NoAuthority));
}

#[test]
fn another_spelling_or_time_to_live_is_no_difference() {
    let asked = key("example.social", RecordType::Mx);
    let mut old = record("example.social", RecordType::Mx, "10 MX.Example.Social.");
    old.ttl = 86400;
    let new = record("example.social", RecordType::Mx, "10 mx.example.social");
    let [old, new] = [old, new].map(|record| answer(&asked, &zone(), &answered(vec![record])).unwrap());
    assert_eq!(difference(&asked, &zone(), &old, &new), None);
}

#[test]
fn a_difference_says_which_side_lacks_what() {
    let asked = key("www.example.social", RecordType::A);
    let some = records(RecordType::A, ["192.0.2.1"]);
    let other = records(RecordType::A, ["192.0.2.1", "192.0.2.2"]);
    let reason = |old, new| difference(&asked, &zone(), old, new).map(|found| found.reason);
    let told = |words: &str| Some(words.into());
    assert_eq!(reason(&some, &other), told("The records differ."));
    assert_eq!(reason(&some, &Answer::NoName), told("The new servers have no such name."));
    assert_eq!(
        reason(&Answer::NoRecords, &some),
        told("The old servers have the name without a record of this type.")
    );
    assert_eq!(reason(&Answer::NoName, &Answer::NoRecords), None);
    let missing = difference(&asked, &zone(), &some, &Answer::NoName).unwrap();
    assert_eq!((missing.name, missing.new), ("www".into(), Value::Null));
}
