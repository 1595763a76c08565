//! A person starts the program.

use crate::terraform::{output, program};

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

#[tokio::test]
async fn started_by_hand_says_what_it_is_and_how_to_use_it() {
    let output = output(program(&[])).await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "");
    let stderr = text(&output.stderr);
    assert!(stderr.starts_with("this program is a plugin: it is not meant to be run by hand\n"), "{stderr}");
    assert!(stderr.contains("bare = { source = \"example/bare\" }"), "{stderr}");
}

#[tokio::test]
async fn version_is_told_without_a_caller() {
    let mut program = program(&[]);
    program.arg("--version");
    let output = output(program).await;
    assert!(output.status.success());
    assert_eq!(text(&output.stdout), "terraform-provider-bare 1.2.3 (plugin protocol 6)\n");
}

#[tokio::test]
async fn unknown_argument_is_named() {
    let mut program = program(&[]);
    program.arg("-debug");
    let output = output(program).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("unknown argument `-debug`\n"), "{}", text(&output.stderr));
}
