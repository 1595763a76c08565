//! The backup agent's program; `socle-backup --help` tells its commands.

use std::process::ExitCode;

fn main() -> ExitCode {
    backup_agent::agent::cli::main()
}
