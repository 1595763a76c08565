//! The provider's own configuration, and what stands before and after it.

use tfplugin::Value;
use tfplugin::proto::tfplugin6 as pb;
use tfplugin::proto::tfplugin6::provider_server::Provider as _;
use tonic::{Code, Request};

use crate::provider::{Config, Thing};
use crate::terraform::{Terraform, answered, encoded, plain, told};

async fn validated(config: Config) -> Vec<String> {
    let request = pb::validate_provider_config::Request { config: encoded(Some(config)) };
    let answer = Terraform::unconfigured().server.validate_provider_config(Request::new(request)).await;
    told(&answered(answer).diagnostics)
}

#[tokio::test]
async fn is_checked_by_schema_and_by_the_provider() {
    assert_eq!(validated(Config::default()).await, [""; 0]);
    let wrong = Config { endpoint: "nowhere".into(), token: "short".into() };
    assert_eq!(validated(wrong).await, ["error token: Invalid value", "error endpoint: No such endpoint"]);
}

#[tokio::test]
async fn may_be_unknown_while_planning() {
    let unknown = Config { endpoint: Value::Unknown, token: Value::Unknown };
    assert_eq!(validated(unknown.clone()).await, [""; 0]);
    assert_eq!(Terraform::unconfigured().configure(unknown, "1.11.4").await, [""; 0]);
}

#[tokio::test]
async fn can_be_refused_for_the_version_of_terraform() {
    let told = Terraform::unconfigured().configure(Config::default(), "0.1").await;
    assert_eq!(told, ["error: Terraform is too old"]);
}

#[tokio::test]
async fn calls_before_it_are_refused_when_they_need_clients() {
    let terraform = Terraform::unconfigured();
    let thing = Thing::named("x");
    assert_eq!(terraform.read(&thing).await.told, ["error: Provider is not configured"]);
    assert_eq!(terraform.apply(None, Some(&thing)).await.told, ["error: Provider is not configured"]);
}

#[tokio::test]
async fn validation_and_planning_need_none() {
    let terraform = Terraform::unconfigured();
    assert_eq!(terraform.validate(Thing::named("x")).await, [""; 0]);
    assert_eq!(told(&terraform.plan(None, Some(&Thing::named("x"))).await.diagnostics), [""; 0]);
}

#[tokio::test]
async fn an_unknown_type_is_named() {
    let request = pb::read_resource::Request { type_name: "corner_nothing".to_owned(), ..Default::default() };
    let answer = answered(Terraform::new().await.server.read_resource(Request::new(request)).await);
    assert_eq!(told(&answer.diagnostics), ["error: Unknown type"]);
    assert!(answer.diagnostics[0].detail.contains("\"corner_nothing\""));
}

#[tokio::test]
async fn a_value_that_is_no_msgpack_is_refused_in_the_answer() {
    let current_state = Some(pb::DynamicValue { msgpack: vec![0xc1], json: Vec::new() });
    let request = pb::read_resource::Request {
        type_name: "corner_thing".to_owned(),
        current_state,
        ..Default::default()
    };
    let answer = answered(Terraform::new().await.server.read_resource(Request::new(request)).await);
    assert_eq!(told(&answer.diagnostics), ["error: Value cannot be read"]);
}

#[tokio::test]
async fn lists_and_actions_are_not_implemented() {
    let server = Terraform::new().await.server;
    assert_eq!(server.list_resource(plain()).await.map(drop).unwrap_err().code(), Code::Unimplemented);
    assert_eq!(server.invoke_action(plain()).await.map(drop).unwrap_err().code(), Code::Unimplemented);
    for code in [
        server.validate_list_resource_config(plain()).await.unwrap_err().code(),
        server.generate_resource_config(plain()).await.unwrap_err().code(),
        server.validate_action_config(plain()).await.unwrap_err().code(),
        server.plan_action(plain()).await.unwrap_err().code(),
    ] {
        assert_eq!(code, Code::Unimplemented);
    }
}

#[tokio::test(start_paused = true)]
async fn stop_ends_a_running_call_within_two_seconds() {
    let terraform = Terraform::new().await;
    let start = tokio::time::Instant::now();
    let stop = async {
        tokio::time::sleep(std::time::Duration::from_mins(1)).await;
        answered(terraform.server.stop_provider(plain()).await)
    };
    let slow = Thing::named("slow");
    let (outcome, stopped) = tokio::join!(terraform.apply(None, Some(&slow)), stop);
    assert_eq!(stopped.error, "");
    assert_eq!(outcome.told, ["error: Stopped"]);
    assert!(start.elapsed() < std::time::Duration::from_secs(62), "{:?}", start.elapsed());
}
