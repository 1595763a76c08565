//! Data sources.

use tfplugin::Value;
use tfplugin::proto::tfplugin6 as pb;
use tfplugin::proto::tfplugin6::provider_server::Provider as _;
use tonic::Request;

use crate::provider::{Config, Lookup};
use crate::terraform::{Terraform, answered, decoded, encoded, told};

fn lookup(name: Value<String>) -> Lookup {
    Lookup { name, place: Value::Null }
}

async fn read(name: &str) -> pb::read_data_source::Response {
    let terraform = Terraform::unconfigured();
    terraform.configure(Config { endpoint: "here".into(), ..Config::default() }, "1.11.4").await;
    let request = pb::read_data_source::Request {
        type_name: "corner_lookup".to_owned(),
        config: encoded(Some(lookup(name.into()))),
        ..Default::default()
    };
    answered(terraform.server.read_data_source(Request::new(request)).await)
}

#[tokio::test]
async fn is_read_with_the_clients() {
    let answer = read("x").await;
    assert_eq!(decoded(answer.state), Some(Lookup { name: "x".into(), place: "here".into() }));
    assert_eq!(told(&answer.diagnostics), ["warning: Looked"]);
}

#[tokio::test]
async fn a_failed_read_keeps_its_warnings() {
    let answer = read("missing").await;
    assert_eq!(told(&answer.diagnostics), ["warning: Looked", "error: No such thing"]);
    assert_eq!(answer.state, None);
}

#[tokio::test]
async fn is_validated_by_schema_and_by_itself() {
    let server = Terraform::unconfigured().server;
    let validate = async |name| {
        let request = pb::validate_data_resource_config::Request {
            type_name: "corner_lookup".to_owned(),
            config: encoded(Some(lookup(name))),
        };
        told(&answered(server.validate_data_resource_config(Request::new(request)).await).diagnostics)
    };
    assert_eq!(validate(Value::Unknown).await, [""; 0]);
    assert_eq!(validate(Value::Null).await, ["error name: Missing value"]);
    assert_eq!(validate("forbidden".into()).await, ["error name: Forbidden name"]);
}
