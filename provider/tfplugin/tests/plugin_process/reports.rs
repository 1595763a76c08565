//! What the process writes to stderr: log lines and crashes.

use serde_json::Value;
use tfplugin::proto::tfplugin6::diagnostic::Severity;
use tfplugin::proto::tfplugin6::provider_client::ProviderClient;
use tfplugin::proto::tfplugin6::validate_resource_config::{Request, Response};

use crate::terraform::{Plugin, connect_plainly};

/// Validates one resource; returns the answer and everything that was written to stderr.
async fn validate(resource_type: &str, variables: &[(&str, &str)]) -> (Response, String) {
    let plugin = Plugin::start_without_tls(variables).await;
    let channel = connect_plainly(plugin.socket()).await.expect("a connection");
    let request = Request { type_name: resource_type.to_owned(), ..Default::default() };
    let answer = ProviderClient::new(channel.clone()).validate_resource_config(request).await;
    plugin.shut_down(channel).await;
    let (_, stderr, _) = plugin.end().await;
    (answer.expect("an answer").into_inner(), stderr)
}

#[tokio::test]
async fn panic_in_a_call_is_a_diagnostic_of_that_call_only() {
    let (answer, stderr) = validate("bare_panic", &[]).await;
    let diagnostic = &answer.diagnostics[0];
    assert_eq!(diagnostic.severity(), Severity::Error);
    let summary = &diagnostic.summary;
    assert!(summary.starts_with("boom in the call (") && summary.contains("bare_provider.rs:"), "{summary}");
    assert_eq!(stderr, "");
}

#[tokio::test]
async fn panic_outside_of_calls_is_reported_as_a_crash() {
    let (_, stderr) = validate("bare_crash", &[]).await;
    assert!(stderr.starts_with("panic: boom outside of the call\n\nthread unnamed at "), "{stderr}");
}

#[tokio::test]
async fn log_lines_are_hclog_json() {
    let (_, stderr) = validate("bare_thing", &[("TF_LOG_PROVIDER_BARE", "TRACE")]).await;
    let lines: Vec<Value> =
        stderr.lines().map(|line| serde_json::from_str(line).expect("every line is JSON")).collect();
    let line = lines.iter().find(|line| line["@message"] == "validating").expect("the provider's own line");
    assert_eq!(line["@level"], "info");
    assert_eq!(line["@module"], "terraform_provider_bare");
    assert_eq!(line["tf_resource_type"], "bare_thing");
}

#[tokio::test]
async fn nothing_is_logged_unless_asked_for() {
    for variables in [&[][..], &[("TF_LOG", "TRACE"), ("TF_LOG_PROVIDER", "OFF")]] {
        assert_eq!(validate("bare_thing", variables).await.1, "");
    }
}
