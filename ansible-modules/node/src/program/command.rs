//! Other programs of the host.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::failure::Failure;

/// Runs a program; its standard output. Nothing secret may be among the arguments.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<String, Failure> {
    feed(program, arguments, "")
}

/// Runs a program that reads `input`.
pub(crate) fn feed(program: &str, arguments: &[&str], input: &str) -> Result<String, Failure> {
    let command = || [&[program], arguments].concat().join(" ");
    let failed = |said: String| Failure::Command { command: command(), said };
    let mut child = Command::new(program)
        .args(arguments)
        .env("PATH", PATH)
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends without reading says why by its status.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let words = [output.stderr, output.stdout].map(|words| String::from_utf8_lossy(&words).into_owned());
    let words = words.iter().find(|words| !words.trim().is_empty()).map_or("", |words| words.trim());
    Err(failed(format!("{} ({})", last_lines(words), output.status)))
}

/// Where programs are found, whatever environment SSH gave.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A failing program says at its end why.
pub(crate) fn last_lines(words: &str) -> String {
    let lines: Vec<_> = words.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("; ")
}

/// `systemctl`, with these arguments.
pub(crate) fn systemctl(arguments: &[&str]) -> Result<String, Failure> {
    run("systemctl", arguments)
}

/// What containerd's client answers about the kubelet's containers: they are its namespace `k8s.io`.
pub(crate) fn ctr(arguments: &[&str]) -> Result<String, Failure> {
    run("ctr", &[&["-n", "k8s.io"], arguments].concat())
}

/// Does systemd say that a unit runs?
pub(crate) fn is_active(unit: &str) -> bool {
    systemctl(&["is-active", "--quiet", unit]).is_ok()
}
