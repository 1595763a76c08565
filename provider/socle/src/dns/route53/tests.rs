use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::batch::Cost;
use super::super::change::Change;
use super::super::name::tests::name;
use super::super::record_set::tests::set;
use super::super::{RecordType, SetKey};
use super::*;
use crate::clients::aws::AwsSettings;
use crate::clients::aws::script::{Reply, Script};
use crate::clients::retry::Stop;

const XML: &str = r#"xmlns="https://route53.amazonaws.com/doc/2013-04-01/""#;

fn budget() -> Budget {
    Budget::new(Duration::from_mins(10), CancellationToken::new())
}

async fn route53(script: &Script) -> Route53 {
    Route53::new(Arc::new(script.aws(AwsSettings::default()).await))
}

/// A script with the Route 53 that plays it.
async fn play(replies: impl IntoIterator<Item = Reply>) -> (Script, Route53) {
    let script = Script::new(replies);
    let route53 = route53(&script).await;
    (script, route53)
}

fn ok(root: &str, body: &str) -> Reply {
    Reply::Answer(200, format!("<{root} {XML}>{body}</{root}>"))
}

fn change_info(status: &str) -> String {
    format!(
        "<ChangeInfo><Id>/change/C1</Id><Status>{status}</Status>\
         <SubmittedAt>2024-01-01T00:00:00Z</SubmittedAt></ChangeInfo>"
    )
}

fn hosted_zone(id: &str, zone: &str) -> String {
    format!(
        "<HostedZone><Id>/hostedzone/{id}</Id><Name>{zone}</Name><CallerReference>ref-{id}</CallerReference>\
         <Config><Comment>mine</Comment><PrivateZone>false</PrivateZone></Config>\
         <ResourceRecordSetCount>2</ResourceRecordSetCount></HostedZone>"
    )
}

fn zones(zones: &str, next: &str) -> Reply {
    let truncated = !next.is_empty();
    ok(
        "ListHostedZonesByNameResponse",
        &format!(
            "<HostedZones>{zones}</HostedZones><IsTruncated>{truncated}</IsTruncated>{next}<MaxItems>100</MaxItems>"
        ),
    )
}

fn got_zone() -> Reply {
    let servers = "<DelegationSet><NameServers><NameServer>ns-2.test</NameServer>\
                   <NameServer>ns-1.test</NameServer></NameServers></DelegationSet>";
    ok("GetHostedZoneResponse", &(hosted_zone("Z1", "example.com.") + servers))
}

fn sets(owners: &[&str], next: &str) -> Reply {
    let set = |owner: &&str| {
        format!(
            "<ResourceRecordSet><Name>{owner}</Name><Type>A</Type><TTL>300</TTL><ResourceRecords>\
             <ResourceRecord><Value>192.0.2.1</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>"
        )
    };
    let sets: String = owners.iter().map(set).collect();
    let truncated = !next.is_empty();
    ok(
        "ListResourceRecordSetsResponse",
        &format!(
            "<ResourceRecordSets>{sets}</ResourceRecordSets><IsTruncated>{truncated}</IsTruncated>{next}\
             <MaxItems>300</MaxItems>"
        ),
    )
}

fn submitted() -> Reply {
    ok("ChangeResourceRecordSetsResponse", &change_info("PENDING"))
}

fn got_change(status: &str) -> Reply {
    ok("GetChangeResponse", &change_info(status))
}

fn batch() -> Batch {
    let changes = vec![Change::Create(set("www.example.com", RecordType::A, &["192.0.2.1"]))];
    Batch { changes, cost: Cost::default() }
}

async fn submit(replies: impl IntoIterator<Item = Reply>) -> (Result<ChangeId, SubmitError>, usize) {
    let (script, route53) = play(replies).await;
    let result = route53.submit("Z1", &batch(), &ZoneRecords::default(), &budget()).await;
    (result, script.arrived().len())
}

#[tokio::test(start_paused = true)]
async fn finds_only_the_zones_of_exactly_the_name() {
    let ours = hosted_zone("Z1", "example.com.") + &hosted_zone("Z2", "example.com.");
    let (script, route53) = play([zones(&(ours + &hosted_zone("Z3", "www.example.com.")), "")]).await;
    let found = route53.find_zones(&name("example.com"), &budget()).await.unwrap();
    assert_eq!(found.iter().map(|zone| zone.id.as_str()).collect::<Vec<_>>(), ["Z1", "Z2"]);
    assert_eq!((found[0].caller_reference.as_str(), found[0].comment.as_deref()), ("ref-Z1", Some("mine")));
    assert!(script.arrived()[0].uri.contains("dnsname=example.com."), "{:?}", script.arrived());
}

#[tokio::test(start_paused = true)]
async fn follows_the_pages_of_zones() {
    let next = "<NextDNSName>example.com.</NextDNSName><NextHostedZoneId>Z2</NextHostedZoneId>";
    let first = zones(&hosted_zone("Z1", "example.com."), next);
    let (script, route53) = play([first, zones(&hosted_zone("Z2", "example.com."), "")]).await;
    assert_eq!(route53.find_zones(&name("example.com"), &budget()).await.unwrap().len(), 2);
    assert!(script.arrived()[1].uri.contains("hostedzoneid=Z2"), "{:?}", script.arrived());
}

#[tokio::test(start_paused = true)]
async fn zone_is_gone_only_when_route53_says_so() {
    let (_script, route53) =
        play([Reply::error(404, "NoSuchHostedZone"), Reply::error(403, "AccessDenied")]).await;
    assert_eq!(route53.zone("Z1", &budget()).await, Ok(None));
    let error = route53.zone("Z1", &budget()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Route 53 GetHostedZone for zone Z1: AWS answered AccessDenied (HTTP 403): why [request id request-1]. \
         Allow the credentials route53:GetHostedZone"
    );
}

#[tokio::test(start_paused = true)]
async fn read_outlives_throttling_faults_and_cut_connections() {
    let trouble = [
        Reply::error(400, "Throttling"),
        Reply::Cut,
        Reply::error(503, "ServiceUnavailable"),
        Reply::Silence,
    ];
    let (script, route53) = play(trouble.into_iter().chain([got_zone()])).await;
    let details = route53.zone("Z1", &budget()).await.unwrap().expect("the zone is there");
    assert_eq!(details.zone.name, name("example.com"));
    assert_eq!(details.name_servers, ["ns-2.test", "ns-1.test"]);
    assert_eq!(script.arrived().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn read_gives_up_on_a_service_that_only_fails() {
    let (script, route53) = play(std::iter::repeat_n(Reply::error(500, "InternalFailure"), 10)).await;
    let error = route53.zone("Z1", &budget()).await.unwrap_err();
    assert_eq!(error.code(), Some("InternalFailure"));
    assert_eq!(script.arrived().len(), usize::try_from(BACKOFF.attempts).unwrap());
}

#[tokio::test(start_paused = true)]
async fn lists_all_pages_of_record_sets() {
    let next = "<NextRecordName>b.example.com.</NextRecordName><NextRecordType>A</NextRecordType>\
                <NextRecordIdentifier>eu</NextRecordIdentifier>";
    let (script, route53) =
        play([sets(&["a.example.com."], next), sets(&["b.example.com.", "c.example.com."], "")]).await;
    let records = route53.record_sets("Z1", &budget()).await.unwrap();
    let owners: Vec<_> = records.sets.keys().map(|key: &SetKey| key.name.to_string()).collect();
    assert_eq!(owners, ["a.example.com.", "b.example.com.", "c.example.com."]);
    let [first, second] = script.arrived().try_into().expect("two pages");
    assert!(first.uri.contains("maxitems=300") && !first.uri.contains("name="), "{}", first.uri);
    for part in ["name=b.example.com.", "type=A", "identifier=eu"] {
        assert!(second.uri.contains(part), "{part} is missing in {}", second.uri);
    }
}

#[tokio::test(start_paused = true)]
async fn batch_waits_for_the_one_before_it() {
    let busy = [Reply::error(400, "PriorRequestNotComplete"), Reply::error(400, "Throttling")];
    let (result, requests) = submit(busy.into_iter().chain([submitted()])).await;
    assert_eq!(result.unwrap().as_str(), "C1");
    assert_eq!(requests, 3);
}

#[tokio::test(start_paused = true)]
async fn batch_without_a_clear_answer_is_ambiguous_and_not_sent_again() {
    let unclear = [
        Reply::Cut,
        Reply::Silence,
        Reply::error(500, "InternalFailure"),
        Reply::Answer(200, "<".to_owned()),
    ];
    for reply in unclear {
        let (result, requests) = submit([reply.clone(), submitted()]).await;
        assert!(matches!(result, Err(SubmitError::Ambiguous(_))), "{reply:?}: {result:?}");
        assert_eq!(requests, 1, "{reply:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn batch_cut_by_a_cancel_is_ambiguous() {
    let cancel = CancellationToken::new();
    let budget = Budget::new(Duration::from_mins(10), cancel.clone());
    let (script, route53) = play([Reply::Silence]).await;
    let start = Instant::now();
    let (batch, listed) = (batch(), ZoneRecords::default());
    let user = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(script.arrived().len(), 1, "the call is in flight");
        cancel.cancel();
    };
    let (result, ()) = tokio::join!(route53.submit("Z1", &batch, &listed, &budget), user);
    let Err(SubmitError::Ambiguous(error)) = result else { panic!("{result:?}") };
    assert_eq!(error.cause, Cause::Cut(Stop::Cancelled));
    assert!(start.elapsed() < Duration::from_secs(3), "took {:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn refused_batch_says_each_objection() {
    let wrapped = "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidChangeBatch</Code>\
                   <Message>[Tried to create www, but it exists]</Message></Error></ErrorResponse>";
    let older = format!(
        "<InvalidChangeBatch {XML}><Messages><Message>Tried to create www, but it exists</Message>\
         <Message>RRSet with DNS name x. is not permitted</Message></Messages></InvalidChangeBatch>"
    );
    for (body, count) in [(wrapped.to_owned(), 1), (older, 2)] {
        let (result, requests) = submit([Reply::Answer(400, body)]).await;
        let Err(SubmitError::Rejected { messages, .. }) = result else { panic!("{result:?}") };
        assert_eq!((messages.len(), messages[0].as_str()), (count, "Tried to create www, but it exists"));
        assert_eq!(requests, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn batch_for_a_zone_that_is_gone_failed() {
    let (result, _) = submit([Reply::error(404, "NoSuchHostedZone")]).await;
    let Err(SubmitError::Failed(error)) = result else { panic!("{result:?}") };
    assert!(error.is_no_such_zone());
}

#[tokio::test(start_paused = true)]
async fn created_zone_is_private_with_a_vpc() {
    let vpc = "<VPC><VPCRegion>eu-west-3</VPCRegion><VPCId>vpc-1</VPCId></VPC>";
    let servers = "<DelegationSet><NameServers/></DelegationSet>";
    let body = hosted_zone("Z1", "example.com.") + &change_info("PENDING") + servers + vpc;
    let (script, route53) = play([ok("CreateHostedZoneResponse", &body)]).await;
    let vpc = Vpc { id: "vpc-1".to_owned(), region: "eu-west-3".to_owned() };
    let created = route53.create_zone(&new_zone(Some(vpc.clone())), &budget()).await.unwrap();
    assert_eq!((created.details.zone.id.as_str(), created.change.as_str()), ("Z1", "C1"));
    assert_eq!(created.details.vpcs, BTreeSet::from([vpc]));
    let [request] = script.arrived().try_into().expect("one request");
    for part in [
        "<Name>example.com.</Name>",
        "<CallerReference>socle-1</CallerReference>",
        "<Comment>socle: creating</Comment>",
        "<PrivateZone>true</PrivateZone>",
        "<VPCId>vpc-1</VPCId>",
    ] {
        assert!(request.body.contains(part), "{part} is missing in {}", request.body);
    }
}

fn new_zone(vpc: Option<Vpc>) -> NewZone {
    let (caller_reference, comment) = ("socle-1".to_owned(), Some("socle: creating".to_owned()));
    NewZone { name: name("example.com"), caller_reference, comment, vpc }
}

#[tokio::test(start_paused = true)]
async fn unanswered_creation_is_ambiguous_and_not_sent_again() {
    let (script, route53) = play([Reply::Cut]).await;
    let result = route53.create_zone(&new_zone(None), &budget()).await;
    assert!(matches!(result, Err(WriteError::Ambiguous(_))), "{result:?}");
    assert_eq!(script.arrived().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn refused_creation_failed() {
    let (_script, route53) = play([Reply::error(409, "HostedZoneAlreadyExists")]).await;
    let result = route53.create_zone(&new_zone(None), &budget()).await;
    let Err(WriteError::Failed(error)) = result else { panic!("{result:?}") };
    assert_eq!(error.code(), Some("HostedZoneAlreadyExists"));
}

#[tokio::test(start_paused = true)]
async fn waits_until_the_change_is_in_sync() {
    let pending = std::iter::repeat_n(got_change("PENDING"), 4);
    let (script, route53) =
        play([submitted()].into_iter().chain(pending).chain([got_change("INSYNC")])).await;
    let change = route53.submit("Z1", &batch(), &ZoneRecords::default(), &budget()).await.unwrap();
    let start = Instant::now();
    route53.wait_insync(&change, &budget()).await.unwrap();
    assert_eq!(script.arrived().len(), 6);
    assert_eq!(start.elapsed().as_secs(), 2 + 4 + 8 + 10);
}

#[tokio::test(start_paused = true)]
async fn change_in_sync_at_once_costs_one_call_and_no_time() {
    let (script, route53) = play([submitted(), got_change("INSYNC")]).await;
    let change = route53.submit("Z1", &batch(), &ZoneRecords::default(), &budget()).await.unwrap();
    let start = Instant::now();
    route53.wait_insync(&change, &budget()).await.unwrap();
    assert_eq!(script.arrived().len(), 2);
    assert!(start.elapsed() < Duration::from_millis(10), "took {:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn wait_for_sync_ends_with_the_budget() {
    let (_script, route53) =
        play([submitted()].into_iter().chain(std::iter::repeat_n(got_change("PENDING"), 20))).await;
    let change = route53.submit("Z1", &batch(), &ZoneRecords::default(), &budget()).await.unwrap();
    let minute = Budget::new(Duration::from_mins(1), CancellationToken::new());
    let error = route53.wait_insync(&change, &minute).await.unwrap_err();
    assert_eq!(error.cause, Cause::Stopped { why: Stop::OutOfTime, last: None });
    assert!(error.to_string().contains("longer timeout"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_already_is_gone() {
    let (_script, route53) =
        play([Reply::error(404, "NoSuchHostedZone"), Reply::error(404, "VPCAssociationNotFound")]).await;
    assert_eq!(route53.delete_zone("Z1", &budget()).await, Ok(None));
    let vpc = Vpc { id: "vpc-1".to_owned(), region: "eu-west-3".to_owned() };
    assert_eq!(route53.disassociate_vpc("Z1", &vpc, &budget()).await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn tags_are_changed_ten_a_call_removals_first() {
    let (script, route53) = play(std::iter::repeat_n(ok("ChangeTagsForResourceResponse", ""), 3)).await;
    let added = (0..12).map(|at| (format!("key-{at}"), "value".to_owned())).collect();
    let removed = BTreeSet::from(["old".to_owned()]);
    route53.change_tags("Z1", &added, &removed, &budget()).await.unwrap();
    let [first, second, third] = script.arrived().try_into().expect("three requests");
    assert!(first.body.contains("<RemoveTagKeys><Key>old</Key></RemoveTagKeys>"), "{}", first.body);
    assert_eq!([second, third].map(|request| request.body.matches("<Tag>").count()), [10, 2]);
}

#[tokio::test(start_paused = true)]
async fn calls_keep_to_five_a_second() {
    let (_script, route53) = play(std::iter::repeat_n(got_zone(), 25)).await;
    let start = Instant::now();
    for _ in 0..25 {
        route53.zone("Z1", &budget()).await.unwrap();
    }
    assert_eq!(start.elapsed().as_secs(), 4, "five at once, then twenty at five a second");
}
