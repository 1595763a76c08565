//! `socle-node`: the program on a Kubernetes node.
//!
//! - `socle-node` (or `socle-node -`): one [`Request`](node::step::Request) as JSON on standard input, one
//!   [`Answer`](node::step::Answer) on standard output. Exit status 0, or 1 when it says `failed`.
//! - `socle-node FILE`: the same, with the request in a file.
//! - `socle-node readers` (or `socle-node --check`, as all our programs are called by who may only look): as the first, but
//!   only to look, and to mint for `socle:readers`: what a sudo rule may allow to whoever plans.
//! - `socle-node reset`: leaves nothing of the cluster that standard input names, `{ "cluster": "prod" }`: for the
//!   playbook that has no specification of it.
//! - `socle-node tend`: what the timer does.

mod addons;
mod api;
mod api_server;
mod authority;
mod certificates;
mod command;
mod drain;
mod encoding;
mod etcd;
mod failure;
mod files;
mod firewall;
mod https;
mod kubelet;
mod machine;
mod membership;
mod mint;
mod mounts;
mod network;
mod observe;
mod phases;
mod prepare;
mod reset;
mod settings;
mod snapshot;
mod steps;
mod tend;
mod wait;

use std::io::Read;
use std::process::ExitCode;

use node::step::{Answer, Request};

use failure::Failure;
use steps::Power;

fn main() -> ExitCode {
    let argument = std::env::args().nth(1).unwrap_or_else(|| "-".to_owned());
    let answer = match argument.as_str() {
        "reset" => input().and_then(|text| reset::by_name(&text)),
        "tend" => tend::tend(),
        "readers" | "--check" => standard_input().and_then(|request| steps::run(&request, Power::Read)),
        "-" => standard_input().and_then(|request| steps::run(&request, Power::Change)),
        option if option.starts_with('-') => Err(Failure::Input { detail: format!("no option {option}") }),
        path => file(path).and_then(|request| steps::run(&request, Power::Change)),
    };
    let answer = answer.unwrap_or_else(|failure| failure.answer());
    println!("{}", answer.printed());
    if matches!(answer, Answer::Failed { .. }) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn standard_input() -> Result<Request, Failure> {
    parse(&input()?)
}

fn input() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|source| Failure::Input { detail: source.to_string() })?;
    Ok(text)
}

fn file(path: &str) -> Result<Request, Failure> {
    parse(&files::read(path)?.ok_or_else(|| Failure::Input { detail: format!("no file {path}") })?)
}

fn parse(text: &str) -> Result<Request, Failure> {
    // The text may hold secrets, so of serde's message only the place is told.
    serde_json::from_str(text).map_err(|error| Failure::Input {
        detail: format!("line {}, column {}", error.line(), error.column()),
    })
}
