//! The agreement before the first call.

use std::os::unix::fs::PermissionsExt as _;

use crate::terraform::{COOKIE, Identity, Plugin, output, program};

#[tokio::test]
async fn greeting_names_protocol_socket_and_certificate() {
    let plugin = Plugin::start(&Identity::new(), &[]).await;
    assert_eq!(plugin.greeting[..3], ["1", "6", "unix"]);
    assert_eq!(plugin.greeting[4], "grpc");
    assert_eq!(plugin.greeting.len(), 6);
    assert!(plugin.socket().exists());
    assert!(plugin.certificate().len() > 100);
}

#[tokio::test]
async fn greeting_without_tls_has_an_empty_certificate() {
    let plugin = Plugin::start_without_tls(&[]).await;
    assert_eq!(plugin.greeting[5], "");
}

#[tokio::test]
async fn socket_lies_where_the_caller_asks() {
    let folder = tempfile::tempdir().expect("a folder");
    let parent = folder.path().to_str().expect("text");
    let plugin = Plugin::start(&Identity::new(), &[("PLUGIN_UNIX_SOCKET_DIR", parent)]).await;
    assert!(plugin.socket().starts_with(parent), "{}", plugin.socket().display());
}

#[tokio::test]
async fn socket_folder_admits_no_other_user() {
    let plugin = Plugin::start(&Identity::new(), &[]).await;
    let folder = plugin.socket().parent().expect("a folder");
    let mode = folder.metadata().expect("it exists").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert_ne!(folder, plugin.temporary.path());
}

#[tokio::test]
async fn caller_without_protocol_six_learns_which_protocol_the_plugin_speaks() {
    let output = output(program(&[COOKIE, ("PLUGIN_PROTOCOL_VERSIONS", "4,5")])).await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout, b"1|6|unix||grpc|\n");
    let stderr = String::from_utf8(output.stderr).expect("text");
    assert!(stderr.contains("speaks plugin protocol 6, but its caller offers `4,5`"), "{stderr}");
}

#[tokio::test]
async fn broken_client_certificate_ends_the_start() {
    let variables = [COOKIE, ("PLUGIN_PROTOCOL_VERSIONS", "6"), ("PLUGIN_CLIENT_CERT", "no certificate")];
    let output = output(program(&variables)).await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout, b"");
    let stderr = String::from_utf8(output.stderr).expect("text");
    assert!(stderr.starts_with("bare: PLUGIN_CLIENT_CERT is not a certificate in PEM"), "{stderr}");
}
