//! `sandbox env`

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;

use crate::access::{Access, Host, exports};
use crate::aws;
use crate::cli::{Outcome, Site};
use crate::server::Server;
use crate::vault::Vault;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// As one JSON object, for programs
    #[arg(long)]
    json: bool,
}

pub(super) fn run(site: &Site, arguments: &Arguments) -> Outcome {
    let (name, up) = (site.sandbox.name(), site.up_command());
    let record = site.sandbox.record()?.ok_or_else(|| format!("the sandbox {name} is down; run: {up}"))?;
    let servers = Server::all(&site.sandbox, record.slot, record.wanted.servers);
    let hosts: Result<Vec<Host>, _> = servers.iter().map(Host::of).collect();
    let hosts = hosts.map_err(|error| format!("{error}\nthe servers are not all there; run: {up}"))?;
    let aws = aws::url(&site.sandbox);
    // Without the variable, clients would go to the real one.
    if record.wanted.aws && aws.is_none() {
        return Err(format!("the AWS of the sandbox {name} does not run; run: {up}").into());
    }
    let mut variables = Access::to(&site.sandbox).environment(&hosts, aws.as_deref());
    if record.wanted.vault {
        variables.extend(Vault::of(&site.sandbox).environment()?);
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&BTreeMap::from_iter(variables))?);
    } else {
        print!("{}", exports(&variables));
    }
    Ok(ExitCode::SUCCESS)
}
