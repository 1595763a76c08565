//! `sandbox exec`

use std::io::{IsTerminal, stdin, stdout};
use std::process::{ExitCode, Stdio};

use clap::Args;

use crate::cli::{Outcome, Site};
use crate::server::{Podman, Server};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The server, as in `server-1`
    server: String,
    /// The command with its arguments
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

pub(super) fn run(site: &Site, arguments: &Arguments) -> Outcome {
    let server = Server::named(&site.sandbox, &arguments.server)?;
    let podman = Podman::of(&site.cache)?;
    let with_terminal = stdin().is_terminal() && stdout().is_terminal();
    let options: &[_] = if with_terminal { &["--interactive", "--tty"] } else { &["--interactive"] };
    let status = server.exec(&podman, options).args(&arguments.command).stdin(Stdio::inherit()).status()?;
    if !status.success() {
        server.must_run(&podman)?;
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
