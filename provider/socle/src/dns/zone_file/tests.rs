use proptest::prelude::*;

use super::super::name::tests::{any_name, any_name_below, name};
use super::super::rdata::tests::{any_rdata, any_rdata_of};
use super::super::record_set::tests::{alias, routed, set};
use super::super::{RecordType, Routing};
use super::*;

/// The sets of the zone example.com as `name ttl type value, value`.
fn read(text: &str) -> Vec<String> {
    let line = |set: ZoneRecordSet| {
        let values: Vec<_> = set.values.iter().map(ToString::to_string).collect();
        let owner = set.name.relative_to(&name("example.com"));
        format!("{owner} {} {} {}", set.ttl, set.record_type, values.join(", "))
    };
    parse(text, &name("example.com")).unwrap().into_iter().map(line).collect()
}

fn refused(text: &str) -> String {
    parse(text, &name("example.com")).unwrap_err().to_string()
}

#[test]
fn the_habits_of_master_files_are_read() {
    let text = "\u{feff}$ttl 1h\r\n\
        @\tIN SOA ns.example.net. first\\.last ( 1 ; serial\r\n\
        \t\t2h 15M 2W\r\n\t\t1d )\r\n\
        \tNS ns.example.net.\r\n\
        \t300 IN MX 10 mail ; comment\r\n\
        \tin 300 mx 020 MAIL2.example.com.\r\n\
        mail A 192.0.2.1\r\n\
        mail A 192.0.2.1\r\n\
        $ORIGIN sub\r\n\
        www IN 1h30m TXT ( \"a;b\" \" c\" d\\101\\\" )\r\n\
        * CNAME @\r\n\
        $ORIGIN example.com.\r\n\
        spf TYPE99 \"v=spf1 -all\"\r\n\
        raw CLASS1 TYPE1 \\# 4 C0000201\r\n";
    assert_eq!(
        read(text),
        [
            "@ 300 MX 10 mail.example.com., 20 mail2.example.com.",
            "mail 3600 A 192.0.2.1",
            "raw 3600 A 192.0.2.1",
            "spf 3600 SPF \"v=spf1 -all\"",
            "*.sub 3600 CNAME sub.example.com.",
            "www.sub 5400 TXT \"a;b cde\\\"\"",
        ]
    );
}

#[test]
fn a_record_without_a_time_takes_the_default_else_the_last_stated_else_the_soa_minimum() {
    assert_eq!(read("$TTL 60\na 5 A 192.0.2.1\nb A 192.0.2.1"), ["a 5 A 192.0.2.1", "b 60 A 192.0.2.1"]);
    assert_eq!(read("a 5 A 192.0.2.1\nb A 192.0.2.1"), ["a 5 A 192.0.2.1", "b 5 A 192.0.2.1"]);
    assert_eq!(read("@ SOA a b 1 2 3 4 77\nb A 192.0.2.1"), ["b 77 A 192.0.2.1"]);
    assert_eq!(read("@ 9 SOA a b 1 2 3 4 77\nb A 192.0.2.1"), ["b 9 A 192.0.2.1"]);
    assert!(refused("b A 192.0.2.1").contains("no time to live"));
}

#[test]
fn records_of_one_set_take_the_smallest_time() {
    assert_eq!(read("a 60 A 192.0.2.1\na 30 A 192.0.2.2"), ["a 30 A 192.0.2.1, 192.0.2.2"]);
}

#[test]
fn the_apex_soa_and_ns_are_left_out_and_delegations_are_not() {
    assert_eq!(
        read("@ 60 NS ns.example.net.\nsub NS ns.example.net.\n@ SOA a b 1 2 3 4 5"),
        ["sub 60 NS ns.example.net."]
    );
}

#[test]
fn a_line_may_leave_its_owner_blank_after_an_origin_changed() {
    assert_eq!(read("a 60 A 192.0.2.1\n$ORIGIN sub\n TXT x"), ["a 60 A 192.0.2.1", "a 60 TXT \"x\""]);
}

#[test]
fn refusals_point_at_the_character() {
    for (text, message) in [
        ("\n  60 A 192.0.2.1", "line 2, column 3: the line begins with a space"),
        ("a 60 A 192.0.2.1\n\tMX mail 10", "line 2, column 5: MX record: the preference \"mail\""),
        ("a 60 A", "line 1, column 7: A record: the address is missing"),
        ("a 60 A 192.0.2.1 x", "line 1, column 18: A record: \"x\" is too much"),
        ("a 60 IN", "line 1, column 8: the record has no type"),
        ("a 60 CH A 192.0.2.1", "line 1, column 6: the class CH"),
        ("a 60 CLASS3 A 192.0.2.1", "line 1, column 6: the class CLASS3"),
        ("a 60 TYPE65000 \\# 0", "line 1, column 6: the type TYPE65000"),
        ("a 60 DNSKEY 257 3 8 AwEAAa==", "Route 53 signs the zone itself"),
        ("a 60 ALIAS b", "write an alias or a CNAME"),
        ("b.example.net. 60 A 192.0.2.1", "line 1, column 1: b.example.net. is not in the zone example.com."),
        ("a..b 60 A 192.0.2.1", "line 1, column 1: name \"a..b\""),
        ("a 60 TXT \"x\n\"", "line 1, column 10: a quoted string"),
        ("a 60 TXT (x\n", "line 1, column 10: this parenthesis is never closed"),
        ("a 60 TXT x)", "line 1, column 11: this parenthesis closes nothing"),
        ("a 60 SOA a b 1 2 3 4 5", "line 1, column 1: an SOA record belongs"),
        ("$INCLUDE x", "line 1, column 1: $INCLUDE is not read"),
        ("$generate 1-2 a$ A 192.0.2.$", "line 1, column 1: $GENERATE"),
        ("$TTL", "line 1, column 5: $TTL takes one argument"),
        ("$ORIGIN a b", "line 1, column 11: $ORIGIN takes one argument"),
        ("$TTL x", "line 1, column 6: \"x\" is no time"),
        ("$FOO x", "line 1, column 1: $FOO is no directive"),
    ] {
        let error = refused(text);
        assert!(error.contains(message), "{text}: {error}");
    }
}

#[test]
fn what_is_written_is_in_order_and_aligned() {
    let mut slow = set("www.example.com", RecordType::Txt, &["a;\"b\""]);
    if let Content::Values { ttl, .. } = &mut slow.content {
        *ttl = 86_400;
    }
    let sets = [
        slow,
        set("www.example.com", RecordType::A, &["192.0.2.2", "192.0.2.1"]),
        set("example.com", RecordType::Mx, &["10 mail.example.com.", "20 mail.example.net."]),
        set("*.example.com", RecordType::Cname, &["example.com."]),
    ];
    assert_eq!(
        render(&sets, &name("example.com")).unwrap(),
        "$ORIGIN example.com.\n\
         $TTL 300\n\
         @         IN MX    10 mail\n\
         @         IN MX    20 mail.example.net.\n\
         *         IN CNAME @\n\
         www       IN A     192.0.2.1\n\
         www       IN A     192.0.2.2\n\
         www 86400 IN TXT   \"a;\\\"b\\\"\"\n"
    );
}

#[test]
fn an_empty_zone_is_written_and_read() {
    assert_eq!(render([], &name("example.com")).unwrap(), "$ORIGIN example.com.\n");
    assert_eq!(read("$ORIGIN example.com.\n"), [""; 0]);
}

#[test]
fn what_a_zone_file_cannot_hold_is_refused_by_label() {
    let mut checked = set("h.example.com", RecordType::A, &["192.0.2.1"]);
    checked.health_check_id = Some("check".to_owned());
    for (set, message) in [
        (alias("cdn.example.com", "d1.cloudfront.net"), "\"cdn A\" is an alias"),
        (
            routed(set("api.example.com", RecordType::A, &["192.0.2.1"]), "eu", Routing::Multivalue),
            "\"api A eu\" has a routing policy",
        ),
        (checked, "\"h A\" has a routing policy or a health check"),
        (set("example.net", RecordType::A, &["192.0.2.1"]), "\"example.net. A\" is not in the zone"),
    ] {
        let error = render([&set], &name("example.com")).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

/// Sets below the apex, where NS is as any other type, of every type but SOA.
fn any_sets(zone: DnsName) -> impl Strategy<Value = Vec<ZoneRecordSet>> {
    let types: Vec<_> =
        RecordType::ALL.into_iter().filter(|record_type| *record_type != RecordType::Soa).collect();
    let set = prop::sample::select(types).prop_flat_map(move |record_type| {
        let values = prop::collection::btree_set(any_rdata_of(record_type), 1..4);
        let ttl = prop_oneof![Just(300), 0..=super::super::ttl::MAX];
        (any_name_below(&zone, 1), ttl, values).prop_map(move |(name, ttl, values)| ZoneRecordSet {
            name,
            record_type,
            ttl,
            values,
        })
    });
    prop::collection::vec(set, 0..8).prop_map(|sets| {
        let by_key = |set: ZoneRecordSet| ((set.name.clone(), set.record_type), set);
        let sets: std::collections::BTreeMap<_, _> = sets.into_iter().map(by_key).collect();
        sets.into_values().collect()
    })
}

proptest! {
    #[test]
    fn what_is_rendered_reads_back(
        (zone, sets) in any_name().prop_flat_map(|zone| (Just(zone.clone()), any_sets(zone))),
    ) {
        let written: Vec<RecordSet> = sets.iter().cloned().map(RecordSet::from).collect();
        let text = render(&written, &zone).unwrap();
        prop_assert_eq!(parse(&text, &zone), Ok(sets), "{}", text);
    }

    #[test]
    fn any_text_is_a_zone_or_an_error(
        text in "([a-z@. \t\r\n\"();\\\\$=]|IN |A |TXT |MX |300 |\\$TTL |\\$ORIGIN |192\\.0\\.2\\.1|\\PC){0,80}",
    ) {
        if let Err(error) = parse(&text, &name("example.com")) {
            prop_assert!(error.line <= text.matches('\n').count() + 1 && error.column >= 1);
        }
    }

    #[test]
    fn spoilt_records_are_read_or_refused(
        data in any_rdata(),
        at in any::<prop::sample::Index>(),
        spoil in "[ \"();\\\\\n\r0-9a-z]{0,3}",
    ) {
        let mut text = format!("a 300 IN {} {}", data.record_type(), data.in_master_file(&name(".")));
        text.insert_str(at.index(text.len()), &spoil);
        let _ = parse(&text, &name("example.com"));
    }
}
