//! The provider's program: Terraform starts it, and talks to it over a socket.

use std::process::ExitCode;

use socle::provider::Socle;
use tfplugin::Server;
use tfplugin::plugin::{self, Program};

fn main() -> ExitCode {
    let program = Program {
        name: "socle",
        address: "registry.terraform.io/socle-platform/socle",
        version: env!("CARGO_PKG_VERSION"),
    };
    plugin::main(&program, Server::<Socle>::new)
}
