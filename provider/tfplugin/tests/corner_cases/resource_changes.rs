//! Validate, plan, apply.

use tfplugin::cty::{Raw, Type};
use tfplugin::proto::tfplugin6 as pb;
use tfplugin::proto::tfplugin6::provider_server::Provider as _;
use tfplugin::{Dynamic, Value};
use tonic::Request;

use crate::provider::{Bare, Limits, Part, Thing};
use crate::terraform::{Terraform, answered, decoded, encoded, told, written};

fn part(size: i64) -> Value<Part> {
    Part { size: size.into(), serial: Value::Null }.into()
}

/// A thing with something of every kind.
fn full(name: &str) -> Thing {
    Thing {
        owner: "me".into(),
        amount: 2.into(),
        secret_wo: "swordfish".into(),
        data: Dynamic { ty: Type::List(Box::new(Type::Bool)), value: Raw::List(vec![true.into()]) }.into(),
        labels: Value::Known(["a".into(), "b".into()].into()),
        parts: Value::Known([("p".to_owned(), part(1))].into()),
        rule: Value::Known(vec![part(2)]),
        limits: Limits { low: Value::Known(1_u8.into()), high: Value::Known("1e30".parse().unwrap()) }.into(),
        ..Thing::named(name)
    }
}

#[tokio::test]
async fn validation_asks_the_schema_then_the_resource() {
    let terraform = Terraform::new().await;
    assert_eq!(terraform.validate(full("good")).await, [""; 0]);
    let wrong = Thing {
        amount: 10.into(),
        parts: Value::Known([("p".to_owned(), part(0))].into()),
        limits: Limits { low: Value::Known(1_u8.into()), high: Value::Null }.into(),
        ..full("forbidden")
    };
    assert_eq!(
        terraform.validate(wrong).await,
        [
            "error amount: Invalid value",
            "error parts.[\"p\"].size: Invalid value",
            "error limits: Invalid combination",
            "error name: Forbidden name",
        ]
    );
}

#[tokio::test]
async fn a_client_without_write_only_arguments_is_told_so() {
    let terraform = Terraform::new().await;
    let told = terraform.validate_for(full("good"), false).await;
    assert_eq!(told, ["error secret_wo: Write-only argument not supported"]);
    assert_eq!(terraform.validate_for(Thing::named("good"), false).await, [""; 0]);
}

#[tokio::test]
async fn what_was_made_is_planned_without_a_change() {
    let terraform = Terraform::new().await;
    let outcome = terraform.apply(None, Some(&full("good"))).await;
    assert_eq!(outcome.told, ["warning: Made"]);
    let made = outcome.ok();
    assert_eq!((&made.id, &made.colour), (&"id".into(), &"grey".into()));
    let config = Thing { parts: made.parts.clone(), rule: made.rule.clone(), ..full("good") };
    let planned = terraform.plan(Some(&made), Some(&config)).await;
    assert_eq!((decoded(planned.planned_state), planned.requires_replace), (Some(made), vec![]));
    assert_eq!(planned.planned_private, b"{\"kept\":1}", "notes pass through a plan untouched");
}

#[tokio::test]
async fn a_secret_reaches_create_and_no_plan_or_state() {
    let terraform = Terraform::new().await;
    for name in ["good", "leak"] {
        let config = full(name);
        let planned: Thing =
            decoded(terraform.plan(None, Some(&config)).await.planned_state).expect("a plan");
        assert_eq!(planned.secret_wo, Value::Null, "{name}");
        let made = terraform.apply(None, Some(&config)).await.ok();
        assert_eq!((made.secret_wo, made.secret_length), (Value::Null, 9.into()), "{name}");
    }
}

#[tokio::test]
async fn a_plan_may_know_more_warn_and_replace() {
    let terraform = Terraform::new().await;
    let planned = terraform.plan(None, Some(&Thing::named("foreseen"))).await;
    assert_eq!(told(&planned.diagnostics), ["warning: Foreseen"]);
    assert_eq!(decoded::<Thing>(planned.planned_state).map(|thing| thing.colour), Some("foreseen".into()));

    let made = terraform.apply(None, Some(&full("good"))).await.ok();
    let planned = terraform.plan(Some(&made), Some(&Thing { owner: Value::Null, ..full("better") })).await;
    let replace: Vec<_> = planned.requires_replace.iter().map(written).collect();
    assert_eq!(replace, ["name", "owner"], "by the schema and by the resource");
}

#[tokio::test]
async fn what_the_plan_leaves_as_it_was_needs_no_new_object() {
    let terraform = Terraform::new().await;
    let made = terraform.apply(None, Some(&full("good"))).await.ok();
    let planned = terraform.plan(Some(&made), Some(&full("spelt otherwise"))).await;
    assert_eq!(decoded::<Thing>(planned.planned_state).map(|thing| thing.name), Some("good".into()));
    assert_eq!(planned.requires_replace, []);
}

#[tokio::test]
async fn an_unknown_value_needs_no_new_object_though_the_resource_asks_for_one() {
    let terraform = Terraform::new().await;
    let made = terraform.apply(None, Some(&full("good"))).await.ok();
    let planned = terraform.plan(Some(&made), Some(&Thing { owner: Value::Unknown, ..full("good") })).await;
    assert_eq!(planned.requires_replace, [], "it may turn out to be the old owner");
}

#[tokio::test]
async fn a_plan_can_be_refused() {
    let terraform = Terraform::new().await;
    let planned = terraform.plan(None, Some(&Thing::named("impossible"))).await;
    assert_eq!(told(&planned.diagnostics), ["error name: Cannot become so"]);
    let planned = terraform.plan(Some(&Thing::named("protected")), None).await;
    assert_eq!(told(&planned.diagnostics), ["error: Protected"]);
}

#[tokio::test]
async fn a_destroyed_thing_is_planned_and_left_as_null() {
    let terraform = Terraform::new().await;
    let planned = terraform.plan(Some(&Thing::named("good")), None).await;
    assert_eq!(decoded::<Thing>(planned.planned_state), None);
    let outcome = terraform.apply(Some(&Thing::named("good")), None).await;
    assert_eq!((outcome.state, outcome.told), (None, vec![]));
}

#[tokio::test]
async fn a_failed_create_taints_only_what_exists() {
    let terraform = Terraform::new().await;
    let outcome = terraform.apply(None, Some(&full("nothing"))).await;
    assert_eq!((outcome.state, outcome.told), (None, vec!["error: Nothing was made".to_owned()]));

    let outcome = terraform.apply(None, Some(&full("exists"))).await;
    assert_eq!(outcome.told, ["error: Half of it was made"]);
    let state = outcome.state.expect("what exists");
    assert_eq!((state.amount, state.id), (2.into(), Value::Null), "what was unknown is not there");
}

#[tokio::test]
async fn a_failed_update_leaves_the_state_that_it_reached() {
    let terraform = Terraform::new().await;
    let made = terraform.apply(None, Some(&full("half"))).await.ok();
    let config = Thing { amount: 3.into(), owner: "you".into(), ..full("half") };
    let made = Thing { owner: "you".into(), ..made };
    let outcome = terraform.apply(Some(&made), Some(&config)).await;
    assert_eq!(outcome.told, ["error: Half of it was changed"]);
    let reached = Thing { amount: 3.into(), colour: Value::Null, ..made };
    assert_eq!(outcome.state, Some(reached));
}

#[tokio::test]
async fn a_failed_delete_leaves_what_still_stands() {
    let terraform = Terraform::new().await;
    let outcome = terraform.apply(Some(&Thing::named("sticky")), None).await;
    assert_eq!(
        (outcome.state, outcome.told),
        (Some(Thing::named("sticky")), vec!["error: Still there".to_owned()])
    );
}

#[tokio::test]
async fn what_differs_from_the_plan_is_an_error_and_the_state_holds_what_was_found() {
    let terraform = Terraform::new().await;
    let outcome = terraform.apply(None, Some(&full("other"))).await;
    assert_eq!(outcome.told, ["warning: Made", "error amount: Not applied as planned"]);
    assert_eq!(outcome.state.expect("a state").amount, 9.into());
}

#[tokio::test]
async fn what_stays_unknown_is_an_error_and_absent_in_the_state() {
    let terraform = Terraform::new().await;
    let outcome = terraform.apply(None, Some(&Thing::named("unfinished"))).await;
    assert_eq!(
        outcome.told,
        [
            "error id: Not applied as planned",
            "error colour: Not applied as planned",
            "error secret_length: Not applied as planned",
        ]
    );
    assert_eq!(outcome.state.expect("a state").colour, Value::Null);
}

#[tokio::test]
async fn a_panic_is_an_error_of_its_call_alone() {
    let terraform = Terraform::new().await;
    let outcome = terraform.apply(None, Some(&full("panic"))).await;
    assert_eq!(
        (outcome.state, outcome.told),
        (None, vec!["error: Provider crashed in this call".to_owned()])
    );
    let outcome = terraform.apply(Some(&full("panic")), Some(&full("panic"))).await;
    assert_eq!(outcome.state, None, "none keeps the prior state");
    terraform.apply(None, Some(&full("good"))).await.ok();
}

#[tokio::test(start_paused = true)]
async fn notes_and_deadlines_belong_to_the_call() {
    let terraform = Terraform::new().await;
    let minutes = |outcome: crate::terraform::Outcome| outcome.notes()["minutes"].as_f64();
    assert_eq!(minutes(terraform.apply(None, Some(&full("good"))).await), Some(30.0), "the default");
    let made = terraform.apply(None, Some(&full("good"))).await;
    assert_eq!(made.notes()["kept"], 1, "notes of before are still there");
    let updated =
        terraform.apply(made.state.as_ref(), Some(&Thing { amount: 3.into(), ..full("good") })).await;
    assert_eq!(updated.notes(), serde_json::json!({"kept": 1, "updated": true}));
}

#[tokio::test]
async fn a_bare_resource_lives_too() {
    let terraform = Terraform::new().await;
    let bare = || encoded(Some(Bare { name: "x".into() }));
    let request = pb::apply_resource_change::Request {
        type_name: "corner_bare".to_owned(),
        prior_state: encoded::<Bare>(None),
        planned_state: bare(),
        config: bare(),
        ..Default::default()
    };
    let answer = answered(terraform.server.apply_resource_change(Request::new(request)).await);
    assert_eq!(told(&answer.diagnostics), [""; 0]);
    assert_eq!(decoded(answer.new_state), Some(Bare { name: "x".into() }));
    assert_eq!(answer.new_identity, None);
}
