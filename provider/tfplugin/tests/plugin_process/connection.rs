//! Who may connect, and what is served.

use futures::FutureExt as _;
use tfplugin::proto::goplugin::ConnInfo;
use tfplugin::proto::goplugin::grpc_broker_client::GrpcBrokerClient;
use tfplugin::proto::goplugin::grpc_stdio_client::GrpcStdioClient;
use tfplugin::proto::tfplugin6::provider_client::ProviderClient;
use tfplugin::proto::tfplugin6::{
    DynamicValue, get_provider_schema, read_data_source, validate_resource_config,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::codegen::http::Request;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tower::{Service as _, ServiceExt as _};

use crate::terraform::{Identity, Plugin, connect_plainly, patiently};

async fn is_healthy(channel: Channel) -> bool {
    let request = HealthCheckRequest { service: "plugin".to_owned() };
    let answer = patiently(HealthClient::new(channel).check(request)).await;
    answer.is_ok_and(|answer| answer.get_ref().status() == ServingStatus::Serving)
}

/// Whether a connection came about and a call on it was answered; a refusal may show at either.
async fn is_served(connection: Result<Channel, tonic::transport::Error>) -> bool {
    match connection {
        Ok(channel) => is_healthy(channel).await,
        Err(_) => false,
    }
}

#[tokio::test]
async fn the_named_client_is_served() {
    let terraform = Identity::new();
    let plugin = Plugin::start(&terraform, &[]).await;
    let channel = plugin.connect(&terraform).await.expect("a connection");
    assert!(is_healthy(channel.clone()).await);
    let schema = ProviderClient::new(channel).get_provider_schema(get_provider_schema::Request {}).await;
    assert!(schema.expect("a schema").get_ref().provider.is_some());
}

#[tokio::test]
async fn another_certificate_is_refused() {
    let terraform = Identity::new();
    let plugin = Plugin::start(&terraform, &[]).await;
    assert!(!is_served(plugin.connect(&Identity::new()).await).await);
    assert!(is_served(plugin.connect(&terraform).await).await, "the named client is served afterwards");
}

#[tokio::test]
async fn no_certificate_is_refused() {
    let terraform = Identity::new();
    let plugin = Plugin::start(&terraform, &[]).await;
    assert!(!is_served(plugin.connect_unnamed().await).await);
    assert!(is_served(plugin.connect(&terraform).await).await, "the named client is served afterwards");
}

#[tokio::test]
async fn plaintext_is_refused_where_tls_was_agreed() {
    let terraform = Identity::new();
    let plugin = Plugin::start(&terraform, &[]).await;
    assert!(!is_served(connect_plainly(plugin.socket()).await).await);
    assert!(is_served(plugin.connect(&terraform).await).await, "the named client is served afterwards");
}

#[tokio::test]
async fn plaintext_is_served_where_the_caller_has_no_certificate() {
    let plugin = Plugin::start_without_tls(&[]).await;
    assert!(is_served(connect_plainly(plugin.socket()).await).await);
}

#[tokio::test]
async fn broker_and_output_streams_stay_open_while_calls_are_made() {
    let terraform = Identity::new();
    let plugin = Plugin::start(&terraform, &[]).await;
    let channel = plugin.connect(&terraform).await.expect("a connection");
    let (_open, requests) = mpsc::channel::<ConnInfo>(1);
    let mut broker = GrpcBrokerClient::new(channel.clone());
    let mut broker = broker.start_stream(ReceiverStream::new(requests)).await.expect("a stream").into_inner();
    let mut output = GrpcStdioClient::new(channel.clone());
    let mut output = output.stream_stdio(()).await.expect("a stream").into_inner();
    assert!(is_healthy(channel).await);
    assert!(broker.message().now_or_never().is_none(), "the broker's stream ended or spoke");
    assert!(output.message().now_or_never().is_none(), "the output stream ended or spoke");
}

#[tokio::test]
async fn reflection_lists_every_service() {
    let plugin = Plugin::start_without_tls(&[]).await;
    let channel = connect_plainly(plugin.socket()).await.expect("a connection");
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let requests = tokio_stream::once(request);
    let answers = ServerReflectionClient::new(channel).server_reflection_info(requests).await;
    let answer =
        answers.expect("a stream").into_inner().message().await.expect("an answer").expect("one answer");
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("no list of services: {answer:?}");
    };
    let mut names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    names.sort();
    let expected = [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "plugin.GRPCBroker",
        "plugin.GRPCController",
        "plugin.GRPCStdio",
        "tfplugin6.Provider",
    ];
    assert_eq!(names, expected);
}

/// The answer to a call that announces a message of `length` bytes, and sends none of them.
async fn announced(channel: &mut Channel, length: u32) -> Status {
    let prefix = [&[0], length.to_be_bytes().as_slice()].concat();
    let body = Body::new(String::from_utf8(prefix).expect("bytes below 128"));
    let request = Request::post("http://localhost/tfplugin6.Provider/ReadDataSource")
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    let request = request.body(body).expect("a request");
    let channel = patiently(channel.ready()).await.expect("a connection");
    let answer = patiently(channel.call(request)).await.expect("an answer");
    Status::from_header_map(answer.headers()).expect("a refusal")
}

#[tokio::test]
async fn a_request_may_be_as_large_as_for_providers_in_go_and_no_larger() {
    let plugin = Plugin::start_without_tls(&[]).await;
    let mut channel = connect_plainly(plugin.socket()).await.expect("a connection");
    let too_large = announced(&mut channel, (256 << 20) + 1).await;
    assert_eq!(too_large.code(), Code::OutOfRange, "{too_large}");
    let unfinished = announced(&mut channel, 256 << 20).await;
    assert_eq!(unfinished.code(), Code::Internal, "{unfinished}");
}

#[tokio::test]
async fn a_response_above_the_limit_is_an_error_that_names_it() {
    let plugin = Plugin::start_without_tls(&[]).await;
    let channel = connect_plainly(plugin.socket()).await.expect("a connection");
    let request =
        validate_resource_config::Request { type_name: "bare_flood".to_owned(), ..Default::default() };
    let answer = patiently(ProviderClient::new(channel).validate_resource_config(request)).await;
    let refusal = answer.expect_err("a refusal");
    assert_eq!(refusal.code(), Code::OutOfRange, "{refusal}");
    assert!(refusal.message().ends_with("the limit is: 268435456 bytes"), "{refusal}");
}

#[tokio::test]
async fn messages_far_above_the_default_limit_pass_both_ways() {
    let terraform = Identity::new();
    let plugin = Plugin::start(&terraform, &[]).await;
    let channel = plugin.connect(&terraform).await.expect("a connection");
    let limit = 64 << 20;
    let mut client =
        ProviderClient::new(channel).max_decoding_message_size(limit).max_encoding_message_size(limit);
    let config = DynamicValue { msgpack: vec![0xc0; 20 << 20], json: Vec::new() };
    let request = read_data_source::Request { config: Some(config.clone()), ..Default::default() };
    let answer = patiently(client.read_data_source(request)).await.expect("an answer");
    assert!(answer.into_inner().state == Some(config), "the value came back changed");
}
