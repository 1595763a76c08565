//! What can be done to a server to see how others bear it: `sandbox stop`, `kill`, `restart`, `cut`, `slow`, `mend`.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::cli::{Outcome, Site};
use crate::server::{Faults, Podman, Rate, Server};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Shut a server down in order
    Stop(Target),
    /// End a server without a warning, as a power failure does
    Kill(Target),
    /// Shut a server down and boot it again
    Restart(Target),
    /// Cut a server off the network
    Cut(Target),
    /// Slow a server's network down, in each direction
    Slow {
        #[command(flatten)]
        target: Target,
        /// The rate, as in 10mbit
        rate: Rate,
    },
    /// Undo all that was done to a server: boot it if it is down, give it its network back
    Mend(Target),
}

#[derive(Debug, Args)]
pub(super) struct Target {
    /// The server, as in `server-1`
    server: String,
}

pub(super) fn run(site: &Site, verb: &Verb) -> Outcome {
    let claim = site.claim()?;
    let server = Server::named(&site.sandbox, verb.target())?;
    let podman = Podman::of(&site.cache)?;
    let faults = server.faults()?;
    match verb {
        Verb::Stop(_) => server.stop(&claim, &podman)?,
        Verb::Kill(_) => server.kill(&claim, &podman)?,
        Verb::Restart(_) => server.restart(&claim, &podman)?,
        Verb::Cut(_) => server.impose(&claim, &podman, &Faults { cut: true, ..faults })?,
        Verb::Slow { rate, .. } => server.impose(&claim, &podman, &Faults { slow: Some(*rate), ..faults })?,
        Verb::Mend(_) => {
            server.impose(&claim, &podman, &Faults::default())?;
            server.start(&claim, &podman)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Verb {
    fn target(&self) -> &str {
        let (Self::Stop(target)
        | Self::Kill(target)
        | Self::Restart(target)
        | Self::Cut(target)
        | Self::Slow { target, .. }
        | Self::Mend(target)) = self;
        &target.server
    }
}
