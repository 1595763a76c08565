use proptest::prelude::*;

use super::super::name::tests::{any_name, name};
use super::*;

fn any_value(kind: Kind) -> BoxedStrategy<Value> {
    let bytes = |range| prop::collection::vec(any::<u8>(), range);
    match kind {
        Kind::Ipv4 => any::<[u8; 4]>().prop_map(|octets| Value::Ipv4(octets.into())).boxed(),
        Kind::Ipv6 => any::<[u8; 16]>().prop_map(|octets| Value::Ipv6(octets.into())).boxed(),
        Kind::Name => any_name().prop_map(Value::Name).boxed(),
        Kind::Hex => bytes(1..40).prop_map(Value::Hex).boxed(),
        Kind::Tag => "[a-z0-9]{1,15}".prop_map(|tag| Value::Text(tag.into_bytes())).boxed(),
        Kind::CharacterString => bytes(0..256).prop_map(Value::Text).boxed(),
        Kind::LongString | Kind::TextStrings => bytes(0..600).prop_map(Value::Text).boxed(),
        Kind::SvcParams => any_params().prop_map(Value::Params).boxed(),
        _ => (0..=kind.maximum().expect("a number")).prop_map(Value::Number).boxed(),
    }
}

fn any_params() -> impl Strategy<Value = SvcParams> {
    let param = |pattern: &'static str| proptest::option::of(pattern);
    let params = (
        param(r#"alpn="[ a-z0-9]{1,9}(,([a-z0-9/]|\\\\,|\\\\\\\\){1,9}){0,2}""#),
        param("port=[0-9]{1,4}"),
        param("ipv4hint=192\\.0\\.2\\.[1-9],198\\.51\\.100\\.[1-9]"),
        param("ipv6hint=2001:db8::[1-9a-f]{1,4}"),
        param("ech=[A-Za-z0-9+/]{4}"),
        param("no-default-alpn"),
        param("key[1-5]0[0-9]{2}=\"[ a-zA-Z;=]{0,20}\""),
    );
    params.prop_map(|(a, b, c, d, e, f, g)| {
        let text = [a, b, c, d, e, f, g].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let tokens = token::tokens(&text).expect("closed quotes");
        SvcParams::parse(&tokens, super::super::escape::Escapes::Octal).expect("well-formed parameters")
    })
}

/// Data of every type, each field over all that it can hold.
pub(crate) fn any_rdata() -> impl Strategy<Value = Rdata> {
    prop::sample::select(RecordType::ALL.to_vec()).prop_flat_map(any_rdata_of)
}

pub(crate) fn any_rdata_of(record_type: RecordType) -> impl Strategy<Value = Rdata> {
    let values: Vec<_> = shape(record_type).fields.iter().map(|field| any_value(field.kind)).collect();
    values.prop_map(move |values| Rdata { record_type, values })
}

fn read(record_type: RecordType, value: &str) -> Rdata {
    Rdata::parse(record_type, value).unwrap()
}

fn read_master(record_type: RecordType, text: &str) -> Result<Rdata, RdataError> {
    let tokens = token::tokens(text).unwrap();
    Rdata::parse_in_master_file(record_type, &tokens, &name("example.com"))
}

proptest! {
    #[test]
    fn what_is_rendered_reads_back(data in any_rdata(), origin in any_name()) {
        let value = data.to_string();
        prop_assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{}", value);
        let read = Rdata::parse(data.record_type(), &value);
        prop_assert_eq!(read.as_ref(), Ok(&data));
        let tokens = token::tokens(&data.in_master_file(&origin)).unwrap();
        let read = Rdata::parse_in_master_file(data.record_type(), &tokens, &origin);
        prop_assert_eq!(read.as_ref(), Ok(&data));
    }

    #[test]
    fn any_text_is_data_or_an_error(
        record_type in prop::sample::select(RecordType::ALL.to_vec()),
        text in "(\\PC|[0-9 .\"\\\\=,]){0,60}",
    ) {
        let _ = Rdata::parse(record_type, &text);
        if let Ok(tokens) = token::tokens(&text) {
            let _ = Rdata::parse_in_master_file(record_type, &tokens, &name("example.com"));
        }
    }

    #[test]
    fn any_bytes_are_data_or_none(
        record_type in prop::sample::select(RecordType::ALL.to_vec()),
        wire in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        if let Some(data) = Rdata::from_wire(record_type, &wire) {
            prop_assert_eq!(Rdata::parse(record_type, &data.to_string()), Ok(data));
        }
    }
}

#[test]
fn the_example_of_every_shape_is_data_of_its_type() {
    for record_type in RecordType::ALL {
        let example = shape(record_type).example;
        assert!(Rdata::parse(record_type, example).is_ok(), "{record_type} {example}");
    }
}

#[test]
fn what_means_the_same_is_equal() {
    use RecordType::{Aaaa, Caa, Cname, Ds, Https, Mx, Soa, Spf, Sshfp, Txt};
    for (record_type, one, other) in [
        (Mx, "10 Mail.Example.COM", "010  mail.example.com."),
        (Aaaa, "2001:0DB8:0:0::0010", "2001:db8::10"),
        (Cname, r"\052.example.com", "*.example.com."),
        (Txt, r#""v=spf1 " "-all""#, r#""v=spf1 -all""#),
        (Txt, "v=spf1 -all", r#""v=spf1 -all""#),
        (Txt, "é", r#""\303\251""#),
        (Spf, "", r#""""#),
        (Sshfp, "4 2 AAbb cCdd", "4 2 aabbccdd"),
        (Ds, "1 ECDSAP256SHA256 SHA-256 ab", "1 13 2 AB"),
        (Caa, r#"0 ISSUE "ca.example""#, "0 issue ca.example"),
        (Https, r#"1 . port=0443 alpn="h2,h3""#, r"1 . ALPN=h2,\150\063 port=443"),
        (Https, r#"1 . key3="\001\273""#, "1 . port=443"),
        (Https, r#"1 . alpn="f\\\\oo\\,bar,h2""#, r#"1 . key1="\010f\134\157o,bar\002h2""#),
        (Https, "1 . mandatory=port,alpn alpn=h2 port=1", "1 . port=1 alpn=h2 mandatory=alpn,port"),
        (Soa, "a. b. 1 2h 15m 2w 1d", "A b 1 7200 900 1209600 86400"),
    ] {
        assert_eq!(read(record_type, one), read(record_type, other), "{one} and {other}");
    }
}

#[test]
fn parameters_newer_than_rfc_9460_are_written_by_number() {
    let newer = read(RecordType::Svcb, r"1 . mandatory=dohpath alpn=h2 dohpath=/q{?dns} ohttp");
    assert_eq!(newer.to_string(), r#"1 . mandatory=key7 alpn="h2" key7="/q{?dns}" key8"#);
}

#[test]
fn what_means_another_thing_is_not_equal() {
    use RecordType::{Caa, Mx, Txt};
    for (record_type, one, other) in [
        (Txt, "a b", "ab"),
        (Txt, "A", "a"),
        (Caa, "0 issue CA.example", "0 issue ca.example"),
        (Mx, "1 a.", "10 a."),
    ] {
        assert_ne!(read(record_type, one), read(record_type, other), "{one} and {other}");
    }
}

#[test]
fn long_text_is_split_where_it_is_written() {
    let written = read(RecordType::Txt, &"a".repeat(300)).to_string();
    assert_eq!(written, format!("\"{}\" \"{}\"", "a".repeat(255), "a".repeat(45)));
}

#[test]
fn plain_text_is_taken_whole_and_quoted_text_has_escapes() {
    assert_eq!(read(RecordType::Txt, r#"a "b" \101"#).to_string(), r#""a \"b\" \\101""#);
    assert_eq!(read(RecordType::Txt, r#""\101""#).to_string(), r#""A""#);
}

#[test]
fn master_files_have_decimal_escapes_and_relative_names() {
    let txt = read_master(RecordType::Txt, r#"\065 "b c" d"#).unwrap();
    assert_eq!(txt.to_string(), r#""Ab cd""#);
    let mx = read_master(RecordType::Mx, "10 mail").unwrap();
    assert_eq!(mx.to_string(), "10 mail.example.com.");
    assert_eq!(mx.in_master_file(&name("example.com")), "10 mail");
    assert_eq!(mx.in_master_file(&name("mail.example.com")), "10 @");
}

#[test]
fn generic_data_is_read_for_every_kind_of_field() {
    use RecordType::{A, Aaaa, Caa, Ds, Https, Mx, Naptr, Soa, Txt};
    for (record_type, generic, value) in [
        (A, r"\# 4 C0000201", "192.0.2.1"),
        (Aaaa, r"\# 16 20010db8 0000000000000000 00000001", "2001:db8::1"),
        (Mx, r"\# 8 000a 046d61696c 00", "10 mail."),
        (Txt, r"\# 6 0261620163 00", "abc"),
        (Caa, r"\# 12 00 05 6973737565 63612e6578", "0 issue ca.ex"),
        (Ds, r"\# 5 0001 0d 02 ff", "1 13 2 FF"),
        (Https, r"\# 9 0001 00 0003 0002 01bb", "1 . port=443"),
        (Naptr, r"\# 9 0001 0002 0173 00 00 00", r#"1 2 "s" "" "" ."#),
        (Soa, r"\# 22 00 00 00000001 00000002 00000003 00000004 00000005", ". . 1 2 3 4 5"),
    ] {
        assert_eq!(read_master(record_type, generic), Ok(read(record_type, value)), "{generic}");
    }
}

#[test]
fn generic_data_of_another_length_or_type_is_refused() {
    use RecordType::{A, Mx, Soa, Txt};
    for (record_type, generic) in [
        (A, r"\# 5 C0000201"),
        (A, r"\# 3 C00002"),
        (A, r"\# 4 C000020"),
        (A, r"\# C0000201"),
        (Mx, r"\# 4 000a 04 61"),
        (Txt, r"\# 2 0261"),
        (Txt, r"\# 0"),
        (Soa, r"\# 22 00 00 00000001 00000002 00000003 00000004 ffffffff"),
    ] {
        let error = read_master(record_type, generic).unwrap_err();
        assert_eq!(error.problem, RdataProblem::Generic, "{generic}");
    }
}

#[test]
fn refuses_what_is_not_of_the_type_and_says_what_is() {
    use RecordType::{A, Aaaa, Caa, Cname, Ds, Https, Mx, Naptr, Soa, Srv, Sshfp, Txt};
    let long = format!("1 1 \"{}\" \"\" \"\" .", "a".repeat(256));
    for (record_type, value, token, message) in [
        (A, "192.0.2.300", 0, "the address \"192.0.2.300\" is not an IPv4 address; write <address"),
        (A, "192.0.2.1 192.0.2.2", 1, "\"192.0.2.2\" is too much"),
        (A, "", 0, "the address is missing"),
        (Aaaa, "192.0.2.1", 0, "not an IPv6 address"),
        (Mx, "mail.example.com", 0, "the preference \"mail.example.com\" is not a number from 0 to 65535"),
        (Mx, "65536 mail", 0, "such as `10 mail.example.com.`"),
        (Mx, "+1 mail", 0, "\"+1\" is not a number"),
        (Mx, "10", 1, "the exchange is missing"),
        (Cname, "a..b", 0, "the target: name \"a..b\" has an empty label"),
        (Srv, "1 2 70000 a", 2, "the port \"70000\""),
        (Caa, "0 is-sue x", 1, "letters and digits"),
        (Ds, "1 13 2 abc", 3, "even number of hexadecimal digits"),
        (Ds, "1 RSA 2 ab", 1, "a DNSSEC algorithm"),
        (Sshfp, "1 1 xx", 2, "hexadecimal"),
        (Naptr, &long, 2, "a text of at most 255 bytes"),
        (Soa, "a. b. 1 2 3 4 5x", 6, "the minimum \"5x\""),
        (Txt, r#""a"#, 0, "a quoted string does not end"),
        (Txt, r#""\400""#, 0, "is no escape"),
        (Https, "1 . alp=h2", 2, "\"alp\" is no parameter"),
        (Https, "1 . port=1 port=2", 2, "port is given twice"),
        (Https, "1 . port=x", 2, "the parameter port \"x\" is not a port"),
        (Https, "1 . alpn=h2,,h3", 2, "a list of protocol ids"),
        (Https, "1 . no-default-alpn=x", 2, "takes no value"),
        (Https, "1 . ipv4hint=::1", 2, "IPv4"),
        (Https, "1 . ech=%", 2, "base64"),
        (Https, "1 . mandatory=alpn", 2, "mandatory names alpn"),
    ] {
        let error = Rdata::parse(record_type, value).unwrap_err();
        assert!(error.to_string().contains(message), "{value}: {error}");
        assert_eq!(error.token, token, "{value}: {error}");
    }
}

#[test]
fn the_soa_minimum_is_its_last_field() {
    assert_eq!(read(RecordType::Soa, "a. b. 1 2 3 4 5").soa_minimum(), Some(5));
    assert_eq!(read(RecordType::A, "192.0.2.1").soa_minimum(), None);
}
