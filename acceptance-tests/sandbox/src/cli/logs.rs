//! `sandbox logs`

use std::fs;
use std::process::ExitCode;

use clap::Args;

use crate::cli::{Outcome, Site};
use crate::server::{Podman, Server};
use crate::vault::Vault;
use crate::{aws, packages};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// `aws`, `vault`, `packages`, or a server as in `server-1`
    of: String,
}

pub(super) fn run(site: &Site, arguments: &Arguments) -> Outcome {
    let of = arguments.of.as_str();
    let log = match of {
        "aws" => aws::server(&site.sandbox).log(),
        "vault" => Vault::of(&site.sandbox).log(),
        "packages" => packages::service::server(&site.sandbox).log(),
        name => return journal(site, name),
    };
    let never_ran = |error| format!("{of} never ran in this sandbox: cannot read {}: {error}", log.display());
    let text = fs::read_to_string(&log).map_err(never_ran)?;
    print!("{text}");
    Ok(ExitCode::SUCCESS)
}

fn journal(site: &Site, name: &str) -> Outcome {
    let server = Server::named(&site.sandbox, name)?;
    let podman = Podman::of(&site.cache)?;
    let status = server.exec(&podman, &[]).args(["journalctl", "--no-pager", "--boot"]).status()?;
    if !status.success() {
        server.must_run(&podman)?;
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}
