//! `sandbox status`

use std::process::ExitCode;

use clap::Args;

use crate::cli::{Outcome, Site};
use crate::status::Status;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// As JSON, for programs; `null` when the sandbox is down
    #[arg(long)]
    json: bool,
}

pub(super) fn run(site: &Site, arguments: &Arguments) -> Outcome {
    let status = Status::of(&site.sandbox)?;
    match &status {
        _ if arguments.json => println!("{}", serde_json::to_string_pretty(&status)?),
        Some(status) => print!("{status}"),
        None => println!("the sandbox {} is down", site.sandbox.name()),
    }
    Ok(ExitCode::SUCCESS)
}
