use std::io::Read;

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_route53::error::SdkError;
use aws_sdk_route53::operation::get_change::GetChangeError;

use super::script::{REQUEST_ID, Reply, Script};
use super::*;
use crate::clients::retry::Verdict;

type Attempt = Result<aws_sdk_route53::operation::get_change::GetChangeOutput, AwsFailure>;

async fn attempt(aws: &Aws) -> Attempt {
    let call = aws.route53().await.get_change().id("C1");
    call.send().await.map_err(|error: SdkError<GetChangeError, _>| AwsFailure::of(&error))
}

async fn failure(replies: impl IntoIterator<Item = Reply>) -> AwsFailure {
    let script = Script::new(replies);
    let aws = script.aws(AwsSettings::default()).await;
    let failure = attempt(&aws).await.expect_err("the script has no success");
    assert_eq!(script.arrived().len(), 1, "the SDK must not retry");
    failure
}

#[tokio::test(start_paused = true)]
async fn throttled_call_is_not_retried_by_the_sdk() {
    let failure = failure([Reply::error(400, "Throttling")]).await;
    let (code, message) = ("Throttling".to_owned(), "why".to_owned());
    assert_eq!(
        failure,
        AwsFailure::Refused { code, message, status: 400, request_id: REQUEST_ID.to_owned() }
    );
}

#[tokio::test(start_paused = true)]
async fn fault_of_a_proxy_is_unknown_and_shown() {
    let failure = failure([Reply::Answer(502, "<html>bad gateway</html>".to_owned())]).await;
    assert_eq!(failure.verdict(), Verdict::Unknown, "{failure:?}");
    assert!(failure.to_string().contains("bad gateway"), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn cut_connection_is_unknown() {
    let failure = failure([Reply::Cut]).await;
    assert!(matches!(failure, AwsFailure::NoAnswer(_)), "{failure:?}");
}

#[tokio::test(start_paused = true)]
async fn silent_service_is_given_up_as_unknown() {
    let failure = failure([Reply::Silence]).await;
    assert!(matches!(failure, AwsFailure::NoAnswer(_)), "{failure:?}");
}

#[tokio::test(start_paused = true)]
async fn success_that_is_no_xml_is_unknown() {
    let failure = failure([Reply::Answer(200, "<GetChange".to_owned())]).await;
    assert!(matches!(failure, AwsFailure::Unreadable { status: 200, .. }), "{failure:?}");
}

#[tokio::test]
async fn refused_connection_never_arrived() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let port = listener.local_addr().expect("a bound socket has an address").port();
    drop(listener);
    let aws = reachable_at(&format!("http://127.0.0.1:{port}")).await;
    let failure = attempt(&aws).await.expect_err("nobody listens");
    assert_eq!(failure.verdict(), Verdict::Unreached, "{failure:?}");
}

/// AWS with made-up credentials behind a real connection.
async fn reachable_at(url: &str) -> Aws {
    let endpoints = AwsEndpoints { route53: Some(url.to_owned()), ..AwsEndpoints::default() };
    let settings = AwsSettings { endpoints, ..AwsSettings::default() };
    let credentials = aws_sdk_route53::config::Credentials::new("key", "secret", None, None, "test");
    let config = connect(loader(&settings).credentials_provider(credentials), &settings).await;
    Aws { settings, config: OnceCell::new_with(Some(config)) }
}

#[tokio::test(start_paused = true)]
async fn endpoint_and_user_agent_are_the_configured_ones() {
    let script = Script::new([Reply::Cut]);
    let endpoints =
        AwsEndpoints { route53: Some("http://dns.test:99".to_owned()), ..AwsEndpoints::default() };
    let user_agent_suffix = Some("socle/1.2.3 (+https://socle.test)".to_owned());
    let aws = script.aws(AwsSettings { endpoints, user_agent_suffix, ..AwsSettings::default() }).await;
    attempt(&aws).await.expect_err("the script cuts");
    let [request] = script.arrived().try_into().expect("one request");
    assert!(request.uri.starts_with("http://dns.test:99/2013-04-01/change/C1"), "{}", request.uri);
    assert!(request.user_agent.starts_with("aws-sdk-rust/"), "{}", request.user_agent);
    assert!(request.user_agent.contains(" socle/1.2.3 (+https://socle.test)"), "{}", request.user_agent);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_no_url_is_named_and_nothing_is_sent() {
    let nonsense = || Some("nonsense".to_owned());
    let endpoints =
        AwsEndpoints { route53: nonsense(), s3: nonsense(), sts: nonsense(), ..AwsEndpoints::default() };
    let script = Script::new([]);
    let aws = script.aws(AwsSettings { endpoints, ..AwsSettings::default() }).await;
    let route53 = attempt(&aws).await.expect_err("nonsense is no URL");
    let buckets = aws.s3(None).await.head_bucket().bucket("b").send().await;
    let s3 = AwsFailure::of(&buckets.expect_err("nonsense is no URL"));
    for failure in [route53, s3] {
        assert_eq!(failure, AwsFailure::NoUrl("nonsense".to_owned()));
        assert_eq!(failure.verdict(), Verdict::Final);
    }
    assert_eq!(script.arrived(), []);
}

#[tokio::test(start_paused = true)]
async fn any_region_reaches_the_one_route53() {
    for region in [None, Some("eu-west-3".to_owned())] {
        let script = Script::new([Reply::Cut]);
        let aws = script.aws(AwsSettings { region, ..AwsSettings::default() }).await;
        attempt(&aws).await.expect_err("the script cuts");
        let [request] = script.arrived().try_into().expect("one request");
        assert!(request.uri.starts_with("https://route53.amazonaws.com/"), "{}", request.uri);
    }
}

#[tokio::test]
async fn unknown_profile_is_named_by_the_first_call() {
    let profile = Some("no-such-profile-of-socle".to_owned());
    let aws = Aws::new(AwsSettings { profile, ..AwsSettings::default() });
    let failure = attempt(&aws).await.expect_err("the profile does not exist");
    let AwsFailure::NoCredentials { tried } = &failure else { panic!("{failure:?}") };
    assert!(tried.contains("no-such-profile-of-socle"), "{tried}");
}

#[tokio::test(start_paused = true)]
async fn assumed_role_is_asked_for_at_the_given_sts() {
    let script = Script::new([Reply::error(403, "AccessDenied")]);
    let settings = AwsSettings {
        assume_role: Some(AssumeRole {
            role_arn: "arn:aws:iam::123456789012:role/dns".to_owned(),
            external_id: Some("outside".to_owned()),
            session_name: Some("plan".to_owned()),
        }),
        endpoints: AwsEndpoints { sts: Some("http://sts.test".to_owned()), ..AwsEndpoints::default() },
        ..AwsSettings::default()
    };
    let aws = script.aws(settings).await;
    let failure = attempt(&aws).await.expect_err("STS denies");
    let AwsFailure::NoCredentials { tried } = &failure else { panic!("{failure:?}") };
    assert!(tried.contains("AccessDenied"), "{tried}");
    let [request] = script.arrived().try_into().expect("one request");
    assert_eq!(request.uri, "http://sts.test/");
    for part in ["RoleSessionName=plan", "ExternalId=outside", "role%2Fdns"] {
        assert!(request.body.contains(part), "{part} is missing in {}", request.body);
    }
}

#[derive(Debug)]
struct Broken;

impl ProvideCredentials for Broken {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(CredentialsError::provider_error("metadata says no.")))
    }
}

#[tokio::test]
async fn failed_source_of_credentials_is_named_with_those_before_it() {
    let settings = AwsSettings::default();
    let config = connect(loader(&settings).credentials_provider(Broken), &settings).await;
    let aws = Aws { settings, config: OnceCell::new_with(Some(config)) };
    let failure = attempt(&aws).await.expect_err("there are no credentials");
    assert_eq!(failure.verdict(), Verdict::Final);
    let text = failure.to_string();
    assert!(text.contains("environment, shared files") && text.ends_with("metadata says no"), "{text}");
}

#[tokio::test]
async fn connection_closed_after_the_request_may_have_served_it() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let url = format!("http://{}", listener.local_addr().expect("a bound socket has an address"));
    let server = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().expect("the client connects");
        connection.read(&mut [0; 4096]).expect("the client sends")
    });
    let failure = attempt(&reachable_at(&url).await).await.expect_err("the server hangs up");
    assert!(server.join().expect("the server ends") > 0, "the request arrived");
    assert_eq!(failure.verdict(), Verdict::Unknown, "{failure:?}");
}
