use std::process::{Command as Process, Stdio};
use std::{fs, io::Write as _, os::unix::fs::PermissionsExt as _};

use super::*;

/// A folder of programs with one program for each of these architectures.
fn folder(architectures: &[&str]) -> (tempfile::TempDir, Programs) {
    let folder = tempfile::tempdir().expect("a folder");
    for architecture in architectures {
        let place = folder.path().join(architecture);
        fs::create_dir(&place).expect("made");
        fs::write(place.join("hardening"), format!("#!/bin/sh\n# {architecture}\n")).expect("written");
    }
    let programs = Programs::of([folder.path().to_owned()]);
    (folder, programs)
}

/// What a line of shell says here, with `machine` for what `uname -m` says.
fn shell(line: &str, machine: &str, stdin: &[u8]) -> Output {
    let line = format!("uname() {{ echo {machine}; }}; {line}");
    let mut shell = Process::new("sh");
    shell.args(["-c", &line]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut shell = shell.spawn().expect("sh runs");
    shell.stdin.take().expect("a pipe").write_all(stdin).expect("it reads");
    let said = shell.wait_with_output().expect("it ends");
    Output {
        status: u32::try_from(said.status.code().unwrap_or(128)).expect("a status"),
        stdout: said.stdout,
        stderr: String::from_utf8_lossy(&said.stderr).trim().to_owned(),
    }
}

#[test]
fn a_host_without_the_program_says_which_build_it_wants() {
    let (_folder, programs) = folder(&["x86_64", "aarch64"]);
    let line = run_line("", "hardening", Mode::Apply, &programs.builds("hardening"));
    for machine in ARCHITECTURES {
        assert_eq!(complaint(&shell(&line, machine, b""), MISSING).as_deref(), Some(machine));
    }
}

#[test]
fn a_host_that_there_is_no_build_for_says_its_architecture() {
    let (_folder, programs) = folder(&["x86_64"]);
    let line = run_line("", "hardening", Mode::Apply, &programs.builds("hardening"));
    assert_eq!(complaint(&shell(&line, "riscv64", b""), NO_BUILD).as_deref(), Some("riscv64"));
    assert_eq!(complaint(&shell(&line, "x86_64", b""), NO_BUILD), None);
}

#[test]
fn builds_differ_by_architecture_and_are_named_by_their_hash() {
    let (_folder, programs) = folder(&["x86_64", "aarch64"]);
    let builds = programs.builds("hardening");
    assert_eq!(builds.len(), 2);
    assert_ne!(builds[0].1.sha256, builds[1].1.sha256);
    assert!(path("hardening", &builds[0].1.sha256).starts_with("/usr/local/libexec/socle/hardening-"));
    assert_eq!(builds[0].1.sha256.len(), 64);
}

#[test]
fn a_program_that_is_missing_or_tampered_with_is_not_taken_for_ours() {
    let (_folder, programs) = folder(&["x86_64"]);
    let builds = programs.builds("hardening");
    let (sha256, content) = (&builds[0].1.sha256, &builds[0].1.content);
    let there = tempfile::tempdir().expect("a folder");
    let line = hash_line("hardening", &builds).replace(LIBEXEC, there.path().to_str().expect("text"));
    let place = there.path().join(format!("hardening-{sha256}"));
    let said = || String::from_utf8(shell(&line, "x86_64", b"").stdout).expect("text");
    assert_eq!(said(), format!("{} ", place.display()));
    fs::write(&place, content).expect("written");
    assert_eq!(said(), format!("{} {sha256}", place.display()));
    fs::write(&place, [content, b"more".as_slice()].concat()).expect("written");
    assert!(!said().ends_with(sha256.as_str()), "{}", said());
}

/// Runs root's part of an installation into a folder of the test's.
fn install(folder: &std::path::Path, content: &[u8], sha256: &str) -> Output {
    let uploaded = folder.join("uploaded");
    fs::write(&uploaded, content).expect("written");
    let place = folder.join("libexec");
    let line = format!("chown() {{ :; }}; {INSTALL}");
    let line =
        format!("sh -c {} sh {} {} hardening {sha256}", quoted(&line), uploaded.display(), place.display());
    shell(&line, "x86_64", b"")
}

#[test]
fn what_arrived_whole_is_installed_under_its_hash() {
    let folder = tempfile::tempdir().expect("a folder");
    let sha256 = hexadecimal(&Sha256::digest(b"a program"));
    let said = install(folder.path(), b"a program", &sha256);
    assert_eq!(said.status, 0, "{}", said.stderr);
    let installed = folder.path().join("libexec").join(format!("hardening-{sha256}"));
    assert_eq!(fs::read(&installed).expect("installed"), b"a program");
    assert_eq!(fs::metadata(&installed).expect("there").permissions().mode() & 0o7777, 0o755);
}

#[test]
fn what_arrived_in_part_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let sha256 = hexadecimal(&Sha256::digest(b"a program"));
    let said = install(folder.path(), b"a prog", &sha256);
    assert_eq!(said.status, 1);
    assert!(said.stderr.contains("not what was sent"), "{}", said.stderr);
    assert_eq!(fs::read_dir(folder.path().join("libexec")).expect("made").count(), 0);
}

#[test]
fn arguments_say_whether_the_host_may_be_changed() {
    let (arguments, name) = (Map::new(), "hardening");
    let call = ProgramCall { name, arguments: &arguments, mode: Mode::Check, missing: Missing::Report };
    assert_eq!(super::arguments(call), br#"{"_ansible_check_mode":true}"#);
    assert_eq!(
        super::arguments(ProgramCall { mode: Mode::Apply, ..call }),
        br#"{"_ansible_check_mode":false}"#
    );
}
