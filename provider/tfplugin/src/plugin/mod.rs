//! The process around a provider: what go-plugin does for providers written in Go.
//!
//! Terraform starts the program, the two agree on a protocol and on certificates,
//! and then Terraform calls the provider over a unix socket ([`serve()`]) until it says that
//! it is done. A provider's `main` is one call of [`main`].

use std::process::ExitCode;

use crate::proto::tfplugin6::provider_server::Provider;

mod command_line;
mod companions;
mod connection;
mod handshake;
mod log;
mod panic;
mod reattach;
mod serve;
mod tls;

pub use handshake::HandshakeError;
pub use panic::{PanicMessage, in_call};
pub use serve::{ServeError, serve};
pub use tls::TlsError;

use command_line::Command;

/// The program that serves a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program {
    /// The provider's local name, which is also the prefix of its resource types: `socle`.
    pub name: &'static str,
    /// The provider's address in the registry: `registry.terraform.io/socle-platform/socle`.
    pub address: &'static str,
    /// The version of this build: `1.2.3`.
    pub version: &'static str,
}

/// Runs the whole program: reads the command line, sets up logs and the panic hook, and serves the
/// provider that `provider` makes until Terraform is done with it.
///
/// `provider` is called inside the tokio runtime, and only when there is something to serve.
pub fn main<P: Provider>(program: &Program, provider: impl FnOnce() -> P) -> ExitCode {
    match Command::read(std::env::args().skip(1)) {
        Ok(Command::Version) => command_line::answer(&command_line::version(program)),
        Ok(Command::Help) => command_line::answer(&command_line::help(program)),
        Ok(Command::Serve) => run(program, async |program| serve(program, provider()).await),
        Ok(Command::Debug) => run(program, async |program| serve::debug(program, provider()).await),
        Err(error) => command_line::refuse(&format!("{error}\n\n{}", command_line::help(program))),
    }
}

fn run(program: &Program, serve: impl AsyncFnOnce(&Program) -> Result<(), ServeError>) -> ExitCode {
    log::install(program);
    panic::install();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return command_line::refuse(&format!("cannot start the async runtime: {error}")),
    };
    let served = runtime.block_on(serve(program));
    // Calls that outlived the grace period must not keep the process alive.
    runtime.shutdown_background();
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(ServeError::Handshake(error @ HandshakeError::StartedByHand)) => {
            command_line::refuse(&format!("{error}\n\n{}", command_line::help(program)))
        }
        Err(error) => command_line::refuse(&format!("{}: {error}", program.name)),
    }
}
