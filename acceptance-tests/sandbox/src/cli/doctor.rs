//! `sandbox doctor`

use std::process::ExitCode;

use clap::Args;

use crate::cli::Outcome;
use crate::doctor::{examine, install, remedy};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Install the packages that are lacking; does so as root, on Debian or Ubuntu
    #[arg(long)]
    install: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    if arguments.install {
        install(&examine())?;
    }
    let findings = examine();
    for finding in &findings {
        println!("{finding}");
    }
    match remedy(&findings) {
        Some(remedy) => {
            println!("{remedy}");
            Ok(ExitCode::FAILURE)
        }
        None => Ok(ExitCode::SUCCESS),
    }
}
