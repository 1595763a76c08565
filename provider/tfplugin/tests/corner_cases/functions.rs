//! Functions.

use tfplugin::cty::{self, Raw, Type};
use tfplugin::proto::tfplugin6 as pb;
use tfplugin::proto::tfplugin6::provider_server::Provider as _;
use tonic::Request;

use crate::terraform::{Terraform, answered};

/// The result, or the error with the argument that it stands on.
async fn call(name: &str, arguments: &[(Raw, Type)]) -> Result<Raw, (String, Option<i64>)> {
    let encode =
        |(raw, ty): &(Raw, Type)| pb::DynamicValue { msgpack: cty::encode(raw, ty), json: Vec::new() };
    let arguments = arguments.iter().map(encode).collect();
    let request = pb::call_function::Request { name: name.to_owned(), arguments };
    let answer = answered(Terraform::unconfigured().server.call_function(Request::new(request)).await);
    match (answer.result, answer.error) {
        (Some(result), None) => {
            let ty = if name == "half" { Type::Number } else { Type::String };
            Ok(cty::decode(&result.msgpack, &ty).expect("a result of the type"))
        }
        (None, Some(error)) => Err((error.text, error.function_argument)),
        both => panic!("neither result nor error: {both:?}"),
    }
}

fn text(text: &str) -> (Raw, Type) {
    (text.into(), Type::String)
}

fn number(number: i64) -> (Raw, Type) {
    (Raw::Number(number.into()), Type::Number)
}

#[tokio::test]
async fn takes_any_number_of_further_arguments() {
    let null = (Raw::Null, Type::String);
    assert_eq!(call("join", &[text("-")]).await, Ok("".into()));
    assert_eq!(call("join", &[text("-"), text("a"), null, text("b")]).await, Ok("a-b".into()));
}

#[tokio::test]
async fn tells_null_unknown_and_known_apart_where_it_asks_for_them() {
    assert_eq!(call("tell", &[(Raw::Null, Type::String)]).await, Ok("null".into()));
    assert_eq!(call("tell", &[(Raw::Unknown, Type::String)]).await, Ok("unknown".into()));
    assert_eq!(call("tell", &[text("x")]).await, Ok("x".into()));
}

#[tokio::test]
async fn an_error_stands_on_the_argument_that_caused_it() {
    assert_eq!(call("half", &[text("x"), number(4)]).await, Ok(Raw::Number(2.into())));
    let odd = "3 is odd; use an even number.".to_owned();
    assert_eq!(call("half", &[text("x"), number(3)]).await, Err((odd, Some(1))));
    let empty = "It is empty; write null to leave it out.".to_owned();
    assert_eq!(call("join", &[text("-"), text("a"), text("")]).await, Err((empty, Some(2))));
}

#[tokio::test]
async fn an_argument_that_does_not_fit_is_named() {
    let huge = (Raw::Number("1e30".parse().unwrap()), Type::Number);
    let (message, argument) = call("half", &[text("x"), huge]).await.unwrap_err();
    assert_eq!(argument, Some(1));
    assert!(
        message.starts_with("Not a whole number in range. Found 1000000000000000000000000000000;"),
        "{message}"
    );
    let (_, argument) = call("join", &[text("-"), text("a"), number(1)]).await.unwrap_err();
    assert_eq!(argument, Some(2));
    let (message, argument) = call("tell", &[text("a"), text("b")]).await.unwrap_err();
    assert_eq!((message.as_str(), argument), ("There is no such parameter.", Some(1)));
}

#[tokio::test]
async fn an_unknown_function_is_named() {
    let (message, _) = call("nothing", &[]).await.unwrap_err();
    assert_eq!(message, "This provider has no function \"nothing\".");
}

#[tokio::test]
async fn a_panic_is_an_error_of_the_call() {
    let (message, _) = call("half", &[text("x"), number(666)]).await.unwrap_err();
    assert!(message.starts_with("Provider crashed in this call: "), "{message}");
}
