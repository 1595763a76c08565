use std::time::Duration;

use super::*;
use crate::moto::Moto;
use crate::route53::ChangeAction::{Create, Upsert};
use crate::route53::{RecordSet, Route53, Route53Error};

fn proxy() -> FaultProxyBuilder {
    FaultProxy::in_front_of(Moto::shared().unwrap().url())
}

fn address(name: &str) -> RecordSet {
    RecordSet::simple(&format!("{name}.example.test."), "A", 60, &["192.0.2.1"])
}

fn assert_refused<T: fmt::Debug>(result: &Result<T, Route53Error>, wanted: u16, code: &str) {
    match result {
        Err(Route53Error::Refused { status, body, .. }) if *status == wanted && body.contains(code) => {}
        other => panic!("expected {wanted} {code}, got {other:?}"),
    }
}

fn assert_cut<T: fmt::Debug>(result: &Result<T, Route53Error>) {
    assert!(matches!(result, Err(Route53Error::Http(_))), "expected a cut connection, got {result:?}");
}

#[test]
fn forwards_and_records_every_call() {
    let proxy = proxy().start().unwrap();
    let route53 = Route53::at(proxy.url());
    let zone = route53.create_zone("example.test", "one").unwrap();
    route53.change(&zone.id, &[(Create, address("a"))]).unwrap();
    assert_eq!(route53.own_record_sets(&zone).unwrap(), [address("a")]);
    assert_eq!(proxy.summary(), "1 ChangeResourceRecordSets, 1 CreateHostedZone, 1 ListResourceRecordSets");
    let calls = proxy.take_calls();
    assert_eq!(calls[0].to_string(), "CreateHostedZone /2013-04-01/hostedzone");
    assert!(String::from_utf8_lossy(&calls[1].body).contains("192.0.2.1"));
    assert_eq!(proxy.calls().len(), 0);
}

#[test]
fn each_proxy_is_an_account_of_its_own() {
    let (one, other) = (proxy().start().unwrap(), proxy().start().unwrap());
    Route53::at(one.url()).create_zone("example.test", "one").unwrap();
    assert_eq!(Route53::at(one.url()).zones().unwrap().len(), 1);
    assert_eq!(Route53::at(other.url()).zones().unwrap(), []);
}

#[test]
fn a_throttled_call_is_not_carried_out() {
    let proxy = proxy().rule(Rule::on("CreateHostedZone").nth(1).throttle()).start().unwrap();
    let route53 = Route53::at(proxy.url());
    assert_refused(&route53.create_zone("example.test", "one"), 400, "<Code>Throttling</Code>");
    assert_eq!(route53.zones().unwrap(), []);
    route53.create_zone("example.test", "one").unwrap();
}

#[test]
fn answers_like_route_53_when_told_to_refuse() {
    let proxy = proxy().start().unwrap();
    let route53 = Route53::at(proxy.url());
    proxy.inject(Rule::on_any_call().nth(1).prior_request_not_complete());
    assert_refused(&route53.zones(), 400, "<Code>PriorRequestNotComplete</Code>");
    proxy.inject(Rule::on_any_call().nth(1).internal_error());
    assert_refused(&route53.zones(), 500, "<Code>InternalFailure</Code>");
    proxy.inject(Rule::on_any_call().internal_error());
    proxy.heal();
    route53.zones().unwrap();
}

#[test]
fn a_call_cut_before_has_done_nothing() {
    let proxy = proxy().rule(Rule::on("CreateHostedZone").cut_before()).start().unwrap();
    let route53 = Route53::at(proxy.url());
    assert_cut(&route53.create_zone("example.test", "one"));
    assert_eq!(route53.zones().unwrap(), []);
}

#[test]
fn a_call_cut_after_was_carried_out() {
    let proxy = proxy().rule(Rule::on("CreateHostedZone").cut_after()).start().unwrap();
    let route53 = Route53::at(proxy.url());
    assert_cut(&route53.create_zone("example.test", "one"));
    assert_eq!(route53.zones_named("example.test").unwrap().len(), 1);
}

#[test]
fn a_truncated_answer_breaks_off() {
    let proxy = proxy().rule(Rule::on("ListHostedZones").truncated_body()).start().unwrap();
    assert_cut(&Route53::at(proxy.url()).zones());
}

#[test]
fn slow_and_delayed_answers_arrive_whole() {
    let pause = Duration::from_millis(1);
    let rules = [
        Rule::on("ListHostedZones").nth(1).slow_body(pause),
        Rule::on("ListHostedZones").nth(2).delay(pause),
    ];
    let proxy = rules.into_iter().fold(proxy(), FaultProxyBuilder::rule).start().unwrap();
    let route53 = Route53::at(proxy.url());
    let zone = route53.create_zone("example.test", "one").unwrap();
    let started = Instant::now();
    assert_eq!(route53.zones().unwrap(), std::slice::from_ref(&zone));
    assert!(started.elapsed() >= pause * 8, "the answer came at once");
    assert_eq!(route53.zones().unwrap(), [zone]);
}

#[test]
fn a_caller_reference_survives_the_zone() {
    let proxy = proxy().start().unwrap();
    let route53 = Route53::at(proxy.url());
    let zone = route53.create_zone("example.test", "one").unwrap();
    route53.delete_zone(&zone.id).unwrap();
    assert_refused(&route53.create_zone("example.test", "one"), 409, "HostedZoneAlreadyExists");
}

#[test]
fn refuses_a_batch_beyond_the_limits() {
    let proxy = proxy().start().unwrap();
    let route53 = Route53::at(proxy.url());
    let zone = route53.create_zone("example.test", "one").unwrap();
    let batch: Vec<_> = (0..501).map(|n| (Upsert, address(&format!("a{n}")))).collect();
    assert_refused(&route53.change(&zone.id, &batch), 400, "InvalidChangeBatch");
    route53.change(&zone.id, &batch[..500]).unwrap();
}

#[test]
fn reports_changes_as_pending_first() {
    let proxy = proxy().pending_answers(1).start().unwrap();
    let route53 = Route53::at(proxy.url());
    route53.create_zone("example.test", "one").unwrap();
    // moto's identifier for the change that creates a zone.
    let states = [(); 2].map(|()| route53.change_status("C1PA6795UKMFR9").unwrap());
    assert_eq!(states, ["PENDING", "INSYNC"]);
}

#[test]
fn holds_the_rate_of_an_account_when_told_to() {
    let proxy = proxy().requests_per_second(2).start().unwrap();
    let route53 = Route53::at(proxy.url());
    let answers = [(); 8].map(|()| route53.zones().is_ok());
    assert!(answers.contains(&false), "eight requests at once all passed");
    assert_eq!(&answers[..2], [true, true]);
    assert!(proxy.calls().iter().any(|call| call.refused == Some("Throttling")), "{:?}", proxy.calls());
}

#[test]
fn tells_when_a_call_has_arrived() {
    let proxy = proxy().start().unwrap();
    let route53 = Route53::at(proxy.url());
    std::thread::scope(|scope| {
        scope.spawn(|| route53.zones().unwrap());
        assert!(proxy.await_call("ListHostedZones", Duration::from_secs(20)));
    });
    assert!(!proxy.await_call("CreateHostedZone", Duration::ZERO));
}
