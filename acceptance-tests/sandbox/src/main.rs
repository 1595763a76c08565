//! `sandbox`: a data centre on one Linux machine.

use std::process::ExitCode;

fn main() -> ExitCode {
    sandbox::cli::run()
}
