use super::*;

fn refused(code: u16, body: &str) -> Verdict {
    verdict(&Attempt::Refused(Status::read(code, body.as_bytes())))
}

#[test]
fn a_conflict_is_read_with_manager_and_field() {
    let body = r#"{"kind":"Status","reason":"Conflict","message":"Apply failed with 1 conflict","details":{"causes":[
        {"reason":"FieldManagerConflict","message":"conflict with \"kubectl\" using v1","field":".data.a"}]}}"#;
    let status = Status::read(409, body.as_bytes());
    assert!(status.has_cause("FieldManagerConflict"));
    assert_eq!(status.causes[0].field, ".data.a");
    assert_eq!(refused(409, body), Verdict::Final);
}

#[test]
fn what_is_no_status_is_told_in_short() {
    let long = format!("<html>\n <b>Bad</b> {}</html>", "x".repeat(5000));
    let status = Status::read(502, long.as_bytes());
    assert!(status.message.starts_with("<html> <b>Bad</b> xxx") && status.message.len() == EXCERPT);
    assert_eq!(Status::read(429, b"").to_string(), "TooManyRequests (status 429)");
}

#[test]
fn what_passes_is_waited_for_and_what_does_not_is_final() {
    assert_eq!(refused(429, "slow down"), Verdict::Busy);
    assert_eq!(refused(500, "etcdserver: leader changed"), Verdict::Unknown);
    assert_eq!(refused(503, ""), Verdict::Unknown);
    assert_eq!(refused(422, ""), Verdict::Final);
    assert_eq!(refused(401, ""), Verdict::Final);
    assert_eq!(refused(403, ""), Verdict::Final);
    let webhook = r#"{"kind":"Status","reason":"InternalError","message":"Internal error occurred: failed calling webhook \"w\""}"#;
    assert_eq!(refused(500, webhook), Verdict::Busy);
    let denied = r#"{"kind":"Status","reason":"Forbidden","message":"admission webhook \"w\" denied the request: no"}"#;
    assert_eq!(refused(403, denied), Verdict::Final);
    let leaving =
        r#"{"kind":"Status","reason":"Forbidden","details":{"causes":[{"reason":"NamespaceTerminating"}]}}"#;
    assert_eq!(refused(403, leaving), Verdict::Busy);
}
