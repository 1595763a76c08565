//! What the program on a node takes its arguments for: a rule of sudo allows some of them to whoever may only look.

use std::fs;
use std::process::{Command, Stdio};

/// What `socle-node ARGUMENT` answers to an empty request, in a folder with a file of that name.
fn answer(argument: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(argument), "a request of his own").unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_socle-node"));
    let output = program.arg(argument).current_dir(&folder).stdin(Stdio::null()).output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn who_may_only_look_names_no_file() {
    // The end of an empty standard input, and not the first letter of the file.
    assert!(answer("--check").contains("line 1, column 0"), "{}", answer("--check"));
    assert!(answer("readers").contains("line 1, column 0"), "{}", answer("readers"));
}

#[test]
fn an_option_is_no_file() {
    assert!(answer("--chekc").contains("no option --chekc"), "{}", answer("--chekc"));
}

#[test]
fn a_file_is_a_request() {
    assert!(answer("request.json").contains("line 1, column 1"), "{}", answer("request.json"));
}
