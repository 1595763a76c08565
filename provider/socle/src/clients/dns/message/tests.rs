use hickory_proto::op::OpCode;
use hickory_proto::rr::RData;
use hickory_proto::rr::rdata::{MX, NULL};
use proptest::prelude::*;

use super::*;
use crate::dns::name::tests::{any_name, name};

fn question(recursion: Recursion) -> Question {
    Question { name: name("example.social"), record_type: RecordType::Mx, recursion }
}

fn sent() -> Sent {
    Sent::new(&question(Recursion::Unwanted), Extensions::Offered).unwrap()
}

fn reply_to(sent: &Sent) -> Message {
    let mut reply = Message::response(sent.id, OpCode::Query);
    reply.add_query(sent.query.clone());
    reply
}

fn reply(sent: &Sent, message: &Message) -> Reply {
    match sent.read(&message.to_vec().unwrap()).unwrap() {
        Received::Reply(reply) => reply,
        other => panic!("{other:?}"),
    }
}

fn is_stray(sent: &Sent, message: &Message) -> bool {
    matches!(sent.read(&message.to_vec().unwrap()), Ok(Received::Stray))
}

#[test]
fn asks_for_recursion_only_where_it_is_wanted() {
    for (recursion, desired) in [(Recursion::Wanted, true), (Recursion::Unwanted, false)] {
        let sent = Sent::new(&question(recursion), Extensions::Offered).unwrap();
        let message = Message::from_vec(&sent.bytes).unwrap();
        assert_eq!(message.metadata.recursion_desired, desired);
    }
}

#[test]
fn tells_how_long_a_reply_may_be_or_hides_that_it_knows_edns() {
    let edns = |extensions| {
        let sent = Sent::new(&question(Recursion::Wanted), extensions).unwrap();
        Message::from_vec(&sent.bytes).unwrap().edns
    };
    assert_eq!(edns(Extensions::Offered).map(|edns| edns.max_payload()), Some(UDP_PAYLOAD));
    assert!(edns(Extensions::Hidden).is_none());
}

#[test]
fn names_inside_data_are_read_in_full() {
    let sent = sent();
    let mut message = reply_to(&sent);
    let exchange = MX::new(10, Name::from_ascii("mx.example.social.").unwrap());
    message.add_answer(Record::from_rdata(
        Name::from_ascii("example.social.").unwrap(),
        300,
        RData::MX(exchange),
    ));
    let compressed = "mx.example.social.".len() + 2;
    assert!(message.to_vec().unwrap().len() < 12 + 20 + 16 + compressed, "the name is not compressed");
    let expected = ResourceRecord {
        name: name("example.social"),
        ttl: 300,
        data: RecordData::Known(Rdata::parse(RecordType::Mx, "10 MX.example.social.").unwrap()),
    };
    assert_eq!(reply(&sent, &message).answers, [expected]);
}

#[test]
fn data_of_other_types_is_kept_as_it_came() {
    let sent = sent();
    let mut message = reply_to(&sent);
    let data = RData::Unknown { code: 65280.into(), rdata: NULL::with(vec![0xab, 0x0c]) };
    message.add_answer(Record::from_rdata(Name::root(), 300, data));
    let data = &reply(&sent, &message).answers[0].data;
    assert_eq!(data, &RecordData::Other { code: 65280, wire: vec![0xab, 0x0c] });
    assert_eq!(data.to_string(), "\\# 2 AB0C");
}

#[test]
fn knows_its_own_reply() {
    let sent = sent();
    let own = reply_to(&sent);
    assert!(!is_stray(&sent, &own));
    let mut other_id = own.clone();
    other_id.metadata.id ^= 1;
    assert!(is_stray(&sent, &other_id));
    let mut echo = own.clone();
    echo.metadata.message_type = MessageType::Query;
    assert!(is_stray(&sent, &echo));
    let mut other_type = own.clone();
    other_type.queries[0].set_query_type(hickory_proto::rr::RecordType::A);
    assert!(is_stray(&sent, &other_type));
    let mut unasked = own;
    unasked.queries.clear();
    assert!(is_stray(&sent, &unasked));
    assert!(matches!(sent.read(b"no DNS"), Ok(Received::Stray)));
}

#[test]
fn the_case_of_the_question_does_not_matter() {
    let sent = sent();
    let mut reply = reply_to(&sent);
    reply.queries[0].set_name(Name::from_ascii("EXAMPLE.social.").unwrap());
    assert!(!is_stray(&sent, &reply));
}

#[test]
fn a_refusal_may_leave_the_question_out() {
    let sent = sent();
    let mut refusal = reply_to(&sent);
    refusal.queries.clear();
    refusal.metadata.response_code = ResponseCode::Refused;
    let problem = sent.read(&refusal.to_vec().unwrap()).unwrap_err();
    assert!(matches!(problem, Problem::Code(ResponseCode::Refused)), "{problem}");
}

#[test]
fn only_the_head_of_a_truncated_reply_is_read() {
    let sent = sent();
    let mut message = reply_to(&sent);
    message.metadata.truncation = true;
    let exchange = MX::new(10, Name::from_ascii("mx.example.social.").unwrap());
    message.add_answer(Record::from_rdata(Name::root(), 300, RData::MX(exchange)));
    let mut bytes = message.to_vec().unwrap();
    bytes.truncate(bytes.len() - 3);
    assert!(matches!(sent.read(&bytes), Ok(Received::Truncated)));
}

#[test]
fn a_reply_whose_records_cannot_be_read_is_a_problem() {
    let sent = sent();
    let mut message = reply_to(&sent);
    message.add_answer(Record::from_rdata(Name::root(), 300, RData::MX(MX::new(10, Name::root()))));
    let mut bytes = message.to_vec().unwrap();
    bytes.pop();
    assert!(matches!(sent.read(&bytes), Err(Problem::Unreadable(_))));
}

/// Each type's data as servers send it (RFC 1035, 3596, 2782, 3403, 4034, 4255, 6698, 8659, 9460), and as text.
const ON_THE_WIRE: [(RecordType, &[u8], &str); 20] = [
    (RecordType::A, b"\xc0\x00\x02\x01", "192.0.2.1"),
    (RecordType::Aaaa, b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", "2001:db8::1"),
    (RecordType::Caa, b"\x80\x05issueca.test; a=b", r#"128 issue "ca.test; a=b""#),
    (RecordType::Caa, b"\x00\x09issuemail;", r#"0 issuemail ";""#),
    (RecordType::Cname, b"\x01a\x04test\0", "a.test."),
    (RecordType::Ds, b"\x30\x39\x0d\x02\xab\xcd", "12345 13 2 ABCD"),
    (RecordType::Https, b"\0\x01\0\0\x01\0\x03\x02h2\0\x03\0\x02\x01\xbb", "1 . alpn=h2 port=443"),
    (RecordType::Mx, b"\0\x0a\x02mx\xc0\x0c", "10 mx.example.social."),
    (RecordType::Naptr, b"\0\x01\0\x02\x01u\x03E2U\x05!a!b!\0", r#"1 2 "u" "E2U" "!a!b!" ."#),
    (RecordType::Naptr, b"\0\x01\0\x02\0\0\0\x01a\x04test\0", r#"1 2 "" "" "" a.test."#),
    (RecordType::Ns, b"\x02ns\xc0\x0c", "ns.example.social."),
    (RecordType::Ptr, b"\x01a\x04test\0", "a.test."),
    (
        RecordType::Soa,
        b"\x02ns\xc0\x0c\x01h\xc0\x0c\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x05",
        "ns.example.social. h.example.social. 1 2 3 4 5",
    ),
    (RecordType::Spf, b"\x06v=spf1", r#""v=spf1""#),
    (RecordType::Srv, b"\0\x01\0\x02\x01\xbb\x01a\x04test\0", "1 2 443 a.test."),
    (RecordType::Sshfp, b"\x04\x02\xab\xcd", "4 2 ABCD"),
    (RecordType::Svcb, b"\0\x00\x01a\x04test\0", "0 a.test."),
    (RecordType::Svcb, b"\0\x01\0\x13\x88\0\x01x", "1 . key5000=x"),
    (RecordType::Tlsa, b"\x03\x01\x01\xab\xcd", "3 1 1 ABCD"),
    (RecordType::Txt, b"\x04one \0\x05t\xc3\xa9\"x", r#""one t\303\251\"x""#),
];

/// A reply with one answer of the question's name.
fn answering(sent: &Sent, record_type: RecordType, data: &[u8]) -> Vec<u8> {
    let mut bytes = sent.bytes.clone();
    bytes[2] |= 0x80;
    bytes[7] = 1;
    bytes.extend(b"\xc0\x0c");
    bytes.extend(record_type.code().to_be_bytes());
    bytes.extend(b"\0\x01\0\0\0\x3c");
    bytes.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
    bytes.extend(data);
    bytes
}

#[test]
fn data_of_every_type_is_read_as_servers_send_it() {
    for (record_type, wire, text) in ON_THE_WIRE {
        let sent = Sent::new(&question(Recursion::Unwanted), Extensions::Hidden).unwrap();
        let received = sent.read(&answering(&sent, record_type, wire));
        let Ok(Received::Reply(reply)) = received else { panic!("{record_type} {text}: {received:?}") };
        let expected = RecordData::Known(Rdata::parse(record_type, text).unwrap());
        assert_eq!(reply.answers[0].data, expected, "{record_type} {text}");
    }
    assert!(RecordType::ALL.iter().all(|all| ON_THE_WIRE.iter().any(|(one, ..)| one == all)));
}

proptest! {
    #[test]
    fn every_name_goes_over_the_wire_and_back(name in any_name()) {
        let question = Question { name: name.clone(), record_type: RecordType::A, recursion: Recursion::Wanted };
        let sent = Sent::new(&question, Extensions::Offered).unwrap();
        let message = Message::from_vec(&sent.bytes).unwrap();
        let wire = uncompressed(message.queries[0].name()).unwrap();
        prop_assert_eq!(DnsName::from_wire(&wire), Some((name, &[][..])));
    }

    #[test]
    fn any_bytes_behind_the_question_are_a_reply_or_a_problem(
        counts in prop::array::uniform6(0_u8..4),
        records in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let sent = Sent::new(&question(Recursion::Unwanted), Extensions::Hidden).unwrap();
        let mut bytes = [sent.bytes.as_slice(), &records].concat();
        bytes[2] |= 0x80;
        bytes[6..12].copy_from_slice(&counts);
        prop_assert!(!matches!(sent.read(&bytes), Ok(Received::Stray | Received::Truncated)));
    }

    #[test]
    fn any_bytes_alone_are_no_reply(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(matches!(sent().read(&bytes), Ok(Received::Stray)));
    }
}
