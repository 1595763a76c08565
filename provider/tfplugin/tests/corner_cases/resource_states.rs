//! Upgrade, read, import, move.

use serde_json::{Value as Json, json};
use tfplugin::Value;
use tfplugin::proto::tfplugin6 as pb;
use tfplugin::proto::tfplugin6::provider_server::Provider as _;
use tonic::Request;

use crate::provider::{Identity, Thing};
use crate::terraform::{Outcome, Terraform, answered, decoded, encoded, told};

#[expect(clippy::unnecessary_wraps, reason = "messages have it so")]
fn raw(state: &Json) -> Option<pb::RawState> {
    Some(pb::RawState { json: state.to_string().into_bytes(), ..Default::default() })
}

async fn upgraded(version: i64, state: Option<pb::RawState>) -> Outcome {
    let request = pb::upgrade_resource_state::Request {
        type_name: "corner_thing".to_owned(),
        version,
        raw_state: state,
    };
    let answer = answered(Terraform::new().await.server.upgrade_resource_state(Request::new(request)).await);
    Outcome { state: decoded(answer.upgraded_state), told: told(&answer.diagnostics), private: Vec::new() }
}

#[tokio::test]
async fn a_state_of_this_version_is_read_even_if_attributes_came_and_went() {
    let state =
        json!({"name": "x", "amount": 3, "labels": ["b", "a"], "long_gone": true, "secret_wo": "leaked"});
    let wanted = Thing {
        amount: 3.into(),
        labels: Value::Known(["a".into(), "b".into()].into()),
        ..Thing::named("x")
    };
    assert_eq!(upgraded(2, raw(&state)).await.ok(), wanted);
}

#[tokio::test]
async fn a_state_of_an_older_version_is_upgraded_by_the_resource() {
    assert_eq!(upgraded(1, raw(&json!({"title": "x"}))).await.ok(), Thing::named("x"));
    assert_eq!(upgraded(0, raw(&json!({}))).await.told, ["error: Cannot be upgraded"]);
}

#[tokio::test]
async fn a_state_that_cannot_be_read_is_refused() {
    assert_eq!(upgraded(3, raw(&json!({}))).await.told, ["error: State is newer than the provider"]);
    assert_eq!(upgraded(-1, raw(&json!({}))).await.told, ["error: State is newer than the provider"]);
    assert_eq!(upgraded(2, raw(&json!({"name": 1}))).await.told, ["error: State does not fit the schema"]);
    assert_eq!(upgraded(2, None).await.told, ["error: State has no JSON"]);
}

#[tokio::test]
async fn a_bare_resource_names_the_version_that_it_cannot_read() {
    let request = pb::upgrade_resource_state::Request {
        type_name: "corner_bare".to_owned(),
        version: 0,
        raw_state: raw(&json!({"name": "x"})),
    };
    let answer = answered(Terraform::new().await.server.upgrade_resource_state(Request::new(request)).await);
    assert_eq!(told(&answer.diagnostics), ["error: State of an unknown version"]);
    assert!(answer.diagnostics[0].detail.contains("version 0 of bare"), "{:?}", answer.diagnostics);
}

#[tokio::test]
async fn an_identity_is_read_from_its_stored_form() {
    let request = pb::upgrade_resource_identity::Request {
        type_name: "corner_thing".to_owned(),
        version: 0,
        raw_identity: raw(&json!({"name": "x"})),
    };
    let answer =
        answered(Terraform::new().await.server.upgrade_resource_identity(Request::new(request)).await);
    let identity = answer.upgraded_identity.and_then(|identity| decoded(identity.identity_data));
    assert_eq!(identity, Some(Identity { name: "x".into(), place: Value::Null }));
}

#[tokio::test]
async fn a_read_returns_what_is_and_keeps_notes() {
    let outcome = Terraform::new().await.read(&Thing::named("x")).await;
    assert_eq!((&outcome.state, outcome.notes()), (&Some(Thing::named("x")), json!({"reads": 2})));
}

#[tokio::test]
async fn what_is_gone_is_removed_from_the_state() {
    let outcome = Terraform::new().await.read(&Thing::named("gone")).await;
    assert_eq!((outcome.state, outcome.told), (None, vec![]));
}

#[tokio::test]
async fn what_cannot_be_reached_keeps_its_state_with_a_warning() {
    let outcome = Terraform::new().await.read(&Thing::named("unreachable")).await;
    assert_eq!(outcome.told, ["warning: Not reachable"]);
    assert_eq!(outcome.ok(), Thing::named("unreachable"));
}

#[tokio::test]
async fn a_failed_read_is_an_error_without_a_state() {
    let outcome = Terraform::new().await.read(&Thing::named("unreadable")).await;
    assert_eq!((outcome.state, outcome.told), (None, vec!["error: Cannot be read".to_owned()]));
}

#[tokio::test]
async fn a_read_leaves_nothing_unknown() {
    let outcome = Terraform::new().await.read(&Thing::named("unknowing")).await;
    assert_eq!(outcome.ok().colour, Value::Null);
}

async fn imported(request: pb::import_resource_state::Request) -> Outcome {
    let answer = answered(Terraform::new().await.server.import_resource_state(Request::new(request)).await);
    let found = answer.imported_resources.into_iter().next().unwrap_or_default();
    Outcome { state: decoded(found.state), told: told(&answer.diagnostics), private: found.private }
}

#[tokio::test]
async fn an_import_finds_by_id_and_by_identity() {
    let type_name = || "corner_thing".to_owned();
    let by_id =
        pb::import_resource_state::Request { type_name: type_name(), id: "x".into(), ..Default::default() };
    let outcome = imported(by_id).await;
    assert_eq!(outcome.notes(), json!({"imported": true}));
    assert_eq!(outcome.ok(), Thing::named("x"));

    let identity = encoded(Some(Identity { name: "y".into(), place: Value::Null }));
    let identity = Some(pb::ResourceIdentityData { identity_data: identity });
    let by_identity =
        pb::import_resource_state::Request { type_name: type_name(), identity, ..Default::default() };
    assert_eq!(imported(by_identity).await.ok(), Thing::named("y"));
}

#[tokio::test]
async fn an_import_can_be_refused() {
    let import = |type_name: &str| pb::import_resource_state::Request {
        type_name: type_name.into(),
        ..Default::default()
    };
    assert_eq!(imported(import("corner_thing")).await.told, ["error: Empty id"]);
    assert_eq!(imported(import("corner_bare")).await.told, ["error: Cannot be imported"]);
}

async fn moved(type_name: &str, state: &Json) -> pb::move_resource_state::Response {
    let request = pb::move_resource_state::Request {
        source_provider_address: "example.social/other/other".to_owned(),
        source_type_name: type_name.to_owned(),
        target_type_name: "corner_thing".to_owned(),
        source_state: raw(state),
        source_identity: state.get("identity").and_then(raw),
        ..Default::default()
    };
    answered(Terraform::new().await.server.move_resource_state(Request::new(request)).await)
}

#[tokio::test]
async fn a_move_takes_over_state_and_identity() {
    let answer = moved("other_thing", &json!({"title": "x"})).await;
    assert_eq!(decoded(answer.target_state), Some(Thing::named("x")));
    let identity = answer.target_identity.and_then(|identity| decoded(identity.identity_data));
    assert_eq!(identity, Some(Identity { name: "x".into(), place: "here".into() }));
}

#[tokio::test]
async fn a_move_may_know_the_identity_alone() {
    let answer = moved("other_thing", &json!({"identity": {"title": "x"}})).await;
    assert_eq!(decoded(answer.target_state), Some(Thing::named("x")));
}

#[tokio::test]
async fn a_move_from_elsewhere_is_refused() {
    assert_eq!(
        told(&moved("strange_thing", &json!({})).await.diagnostics),
        ["error: Cannot move from this type"]
    );
    assert_eq!(told(&moved("other_thing", &json!({})).await.diagnostics), ["error: No title"]);
}
