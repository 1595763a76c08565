//! Ephemeral resources: open, renew, close.

use tfplugin::Value;
use tfplugin::proto::tfplugin6 as pb;
use tfplugin::proto::tfplugin6::provider_server::Provider as _;
use tonic::Request;

use crate::provider::Lease;
use crate::terraform::{Terraform, answered, decoded, encoded, told};

fn lease(user: Value<String>) -> Lease {
    Lease { user, key: Value::Null }
}

async fn open(terraform: &Terraform, user: &str) -> pb::open_ephemeral_resource::Response {
    let request = pb::open_ephemeral_resource::Request {
        type_name: "corner_lease".to_owned(),
        config: encoded(Some(lease(user.into()))),
        ..Default::default()
    };
    answered(terraform.server.open_ephemeral_resource(Request::new(request)).await)
}

async fn renew(terraform: &Terraform, private: Option<Vec<u8>>) -> pb::renew_ephemeral_resource::Response {
    let request = pb::renew_ephemeral_resource::Request { type_name: "corner_lease".to_owned(), private };
    answered(terraform.server.renew_ephemeral_resource(Request::new(request)).await)
}

#[tokio::test]
async fn notes_travel_from_open_through_renewals_to_close() {
    let terraform = Terraform::new().await;
    let opened = open(&terraform, "me").await;
    assert_eq!(decoded(opened.result), Some(Lease { user: "me".into(), key: "open sesame".into() }));
    assert_eq!(opened.renew_at.map(|at| at.seconds), Some(60));

    let first = renew(&terraform, opened.private).await;
    assert_eq!(first.renew_at.map(|at| at.seconds), Some(120));
    assert_eq!(first.diagnostics[0].detail, "me, 0 times before.");
    let second = renew(&terraform, first.private).await;
    assert_eq!(second.diagnostics[0].detail, "me, 1 times before.");

    let request = pb::close_ephemeral_resource::Request {
        type_name: "corner_lease".to_owned(),
        private: second.private,
    };
    let closed = answered(terraform.server.close_ephemeral_resource(Request::new(request)).await);
    assert_eq!(closed.diagnostics[0].detail, "Renewed 2 times.");
}

#[tokio::test]
async fn a_failure_keeps_its_warnings() {
    let terraform = Terraform::new().await;
    let opened = open(&terraform, "nobody").await;
    assert_eq!(told(&opened.diagnostics), ["warning: Opened", "error: No lease"]);
    assert_eq!(told(&renew(&terraform, None).await.diagnostics), ["error: Renewed without a note"]);
}

#[tokio::test]
async fn is_validated_by_its_schema() {
    let request = pb::validate_ephemeral_resource_config::Request {
        type_name: "corner_lease".to_owned(),
        config: encoded(Some(lease(Value::Null))),
    };
    let answer =
        Terraform::unconfigured().server.validate_ephemeral_resource_config(Request::new(request)).await;
    assert_eq!(told(&answered(answer).diagnostics), ["error user: Missing value"]);
}
