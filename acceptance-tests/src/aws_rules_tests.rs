use super::*;

fn create_zone(reference: &str) -> String {
    format!(
        "<CreateHostedZoneRequest><CallerReference>{reference}</CallerReference></CreateHostedZoneRequest>"
    )
}

fn batch(action: &str, values: &[String]) -> String {
    let record = |value| ["<ResourceRecord><Value>", value, "</Value></ResourceRecord>"].concat();
    let records: String = values.iter().map(|value| record(value)).collect();
    format!("<R><Change><Action>{action}</Action><ResourceRecords>{records}</ResourceRecords></Change></R>")
}

fn admit_batch(action: &str, values: usize, length: usize) -> Result<(), Refusal> {
    let body = batch(action, &vec!["x".repeat(length); values]);
    AwsRules::default().admit("ChangeResourceRecordSets", &body, Instant::now())
}

#[test]
fn a_caller_reference_is_used_up_for_good() {
    let mut rules = AwsRules::default();
    let mut create = |reference| rules.admit("CreateHostedZone", &create_zone(reference), Instant::now());
    assert!(create("one").is_ok());
    assert!(create("two").is_ok());
    let refusal = create("one").unwrap_err();
    assert_eq!((refusal.status, refusal.code), (409, "HostedZoneAlreadyExists"));
}

#[test]
fn a_batch_holds_a_thousand_records() {
    assert!(admit_batch("CREATE", 1000, 1).is_ok());
    assert_eq!(admit_batch("CREATE", 1001, 1).unwrap_err().code, "InvalidChangeBatch");
}

#[test]
fn an_upsert_counts_twice() {
    assert!(admit_batch("UPSERT", 500, 1).is_ok());
    assert!(admit_batch("UPSERT", 501, 1).is_err());
    assert!(admit_batch("UPSERT", 4, 4000).is_ok());
    assert!(admit_batch("UPSERT", 4, 4001).is_err());
}

#[test]
fn a_batch_holds_thirty_two_thousand_characters() {
    assert!(admit_batch("DELETE", 8, 4000).is_ok());
    assert!(admit_batch("DELETE", 8, 4001).unwrap_err().message.contains("32000"));
}

#[test]
fn counts_characters_not_bytes() {
    assert_eq!(batch_size(&batch("CREATE", &["é".repeat(10)])), (1, 10));
}

#[test]
fn throttles_the_sixth_request_within_a_second() {
    let mut rules = AwsRules::default();
    rules.set_requests_per_second(Some(5));
    let start = Instant::now();
    let mut at = |milliseconds| rules.admit("GetHostedZone", "", start + Duration::from_millis(milliseconds));
    assert!((0..5).all(|n| at(n * 10).is_ok()));
    assert_eq!(at(999).unwrap_err().code, "Throttling");
    assert!(at(1000).is_ok(), "the first of the five is a second ago");
}

#[test]
fn a_page_is_never_larger_than_route_53_makes_it() {
    assert_eq!(limited_page(None), "maxitems=300");
    assert_eq!(limited_page(Some("name=a&maxitems=1000")), "name=a&maxitems=300");
    assert_eq!(limited_page(Some("maxitems=20&name=a")), "name=a&maxitems=20");
}

#[test]
fn a_change_is_pending_before_it_is_in_sync() {
    let mut rules = AwsRules::default();
    rules.set_pending_answers(2);
    let answer = "<R><ChangeInfo><Id>/change/C1</Id><Status>INSYNC</Status></ChangeInfo></R>";
    let mut settle = |action, change| rules.settle(action, change, answer.to_owned()).contains("PENDING");
    assert!(settle("ChangeResourceRecordSets", None));
    assert_eq!([(); 3].map(|()| settle("GetChange", Some("C1"))), [true, true, false]);
    assert!(settle("ChangeResourceRecordSets", None), "the next change starts anew");
    assert!(settle("GetChange", Some("C1")));
}
