//! How the process ends, and what it leaves behind.

use std::path::PathBuf;

use tfplugin::proto::goplugin::ConnInfo;
use tfplugin::proto::goplugin::grpc_broker_client::GrpcBrokerClient;
use tfplugin::proto::goplugin::grpc_stdio_client::GrpcStdioClient;
use tfplugin::proto::tfplugin6::provider_client::ProviderClient;
use tfplugin::proto::tfplugin6::validate_resource_config::Request;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::terraform::{Debugged, Identity, Plugin, connect_plainly, patiently, program, send_signal};

const NOTHING: [PathBuf; 0] = [];

#[tokio::test]
async fn shutdown_ends_the_open_streams_and_the_process() {
    let terraform = Identity::new();
    let plugin = Plugin::start(&terraform, &[]).await;
    let channel = plugin.connect(&terraform).await.expect("a connection");
    let (_open, requests) = mpsc::channel::<ConnInfo>(1);
    let mut broker = GrpcBrokerClient::new(channel.clone());
    let mut broker = broker.start_stream(ReceiverStream::new(requests)).await.expect("a stream").into_inner();
    let mut stdio = GrpcStdioClient::new(channel.clone());
    let mut stdio = stdio.stream_stdio(()).await.expect("a stream").into_inner();

    plugin.shut_down(channel).await;

    assert_eq!(patiently(broker.message()).await.expect("no error"), None);
    assert_eq!(patiently(stdio.message()).await.expect("no error"), None);
    let (status, stderr, left) = plugin.end().await;
    assert!(status.success(), "{status}: {stderr}");
    assert_eq!(left, NOTHING);
}

#[tokio::test]
async fn shutdown_does_not_wait_for_a_call_that_hangs() {
    let terraform = Identity::new();
    let mut plugin = Plugin::start(&terraform, &[("TF_LOG", "INFO")]).await;
    let channel = plugin.connect(&terraform).await.expect("a connection");
    let mut client = ProviderClient::new(channel.clone());
    let hanging = tokio::spawn(async move {
        client.validate_resource_config(Request { type_name: "bare_hang".into(), ..Default::default() }).await
    });
    plugin.until_logged("validating").await;
    plugin.shut_down(channel).await;
    let (status, stderr, left) = plugin.end().await;
    assert!(status.success(), "{status}: {stderr}");
    assert!(stderr.contains("calls were still running at the end"), "{stderr}");
    assert_eq!(left, NOTHING);
    assert!(patiently(hanging).await.expect("no panic").is_err());
}

#[tokio::test]
async fn interrupt_is_left_to_terraform() {
    let plugin = Plugin::start_without_tls(&[]).await;
    send_signal("-INT", plugin.process_id()).await;
    let channel = connect_plainly(plugin.socket()).await.expect("still listening");
    plugin.shut_down(channel).await;
    let (status, stderr, _) = plugin.end().await;
    assert!(status.success(), "{status}: {stderr}");
}

#[tokio::test]
async fn termination_leaves_nothing_behind() {
    let plugin = Plugin::start(&Identity::new(), &[]).await;
    send_signal("-TERM", plugin.process_id()).await;
    let (status, stderr, left) = plugin.end().await;
    assert!(status.success(), "{status}: {stderr}");
    assert_eq!(left, NOTHING);
}

#[tokio::test]
async fn debug_mode_tells_how_to_attach_and_ends_on_interrupt() {
    let temporary = tempfile::tempdir().expect("a folder");
    let mut debugged = Debugged::start(program(&[]), temporary.path()).await;
    let variable: serde_json::Value = serde_json::from_str(&debugged.reattach).expect("JSON");
    let provider = &variable["registry.terraform.io/example/bare"];
    assert_eq!(provider["Pid"], debugged.process_id());
    let socket = PathBuf::from(provider["Addr"]["String"].as_str().expect("a path"));
    connect_plainly(&socket).await.expect("a plaintext connection");

    assert!(debugged.interrupt().await.success());
    assert!(!socket.exists());
}
