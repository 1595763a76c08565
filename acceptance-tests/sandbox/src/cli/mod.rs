//! The command line: one file a verb.

mod ansible;
mod bundle;
mod doctor;
mod down;
mod env;
mod exec;
mod fault;
mod logs;
mod prepare;
mod status;
mod token;
mod up;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::cache::Cache;
use crate::state::{Claim, Name, Sandbox, StateError};
use crate::step::{Steps, Telling};

type Failure = Box<dyn Error + Send + Sync>;
type Outcome = Result<ExitCode, Failure>;

const DEFAULT_NAME: &str = "default";

/// A data centre on one Linux machine: AWS, Vault, and Debian servers on a network without a way out.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Which sandbox; several run side by side
    #[arg(long, global = true, default_value = DEFAULT_NAME)]
    name: Name,
    /// Say nothing but results and errors
    #[arg(long, global = true)]
    quiet: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Bring the sandbox up, or add to it; done again, it mends what is missing
    Up(up::Arguments),
    /// Show what is up
    Status(status::Arguments),
    /// Print what Terraform, Ansible and the AWS SDKs need, for `eval "$(sandbox env)"`
    Env(env::Arguments),
    /// Run a command on a server, as root
    Exec(exec::Arguments),
    /// Print a token as GitLab gives it to a job, for Vault's JWT authentication
    Token(token::Arguments),
    /// Print the log of `aws`, of `vault`, of `packages` or of a server
    Logs(logs::Arguments),
    /// End the sandbox and remove all that it holds; the cache stays
    Down,
    /// Say what this machine lacks, and what mends it
    Doctor(doctor::Arguments),
    /// Print the folder of air-gap bundles of Kubernetes, which are made first where they are missing
    Bundle(bundle::Arguments),
    /// Print the folder of Ansible's programs, which are installed first where they are missing
    Ansible,
    /// Download and build what `up` needs, and start nothing
    Prepare(prepare::Arguments),
    #[command(flatten)]
    Fault(fault::Verb),
}

/// Where a verb is at work.
struct Site {
    cache: Cache,
    sandbox: Sandbox,
    steps: Steps,
}

/// Runs the program with the arguments of this process.
pub fn run() -> ExitCode {
    match obey(Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}

fn obey(arguments: Arguments) -> Outcome {
    let cache = Cache::of_this_user()?;
    let telling = if arguments.quiet { Telling::Quiet } else { Telling::Progress };
    let sandbox = Sandbox::named(&cache, arguments.name);
    let site = Site { steps: Steps::new(&cache, telling), sandbox, cache };
    match arguments.verb {
        Verb::Up(arguments) => up::run(&site, &arguments),
        Verb::Status(arguments) => status::run(&site, &arguments),
        Verb::Env(arguments) => env::run(&site, &arguments),
        Verb::Exec(arguments) => exec::run(&site, &arguments),
        Verb::Token(arguments) => token::run(&site, &arguments),
        Verb::Logs(arguments) => logs::run(&site, &arguments),
        Verb::Down => down::run(&site),
        Verb::Doctor(arguments) => doctor::run(&arguments),
        Verb::Bundle(arguments) => bundle::run(&site, &arguments),
        Verb::Ansible => ansible::run(&site),
        Verb::Prepare(arguments) => prepare::run(&site, &arguments),
        Verb::Fault(verb) => fault::run(&site, &verb),
    }
}

impl Site {
    /// The command that brings the sandbox up, as one would type it.
    fn up_command(&self) -> String {
        match self.sandbox.name().to_string().as_str() {
            DEFAULT_NAME => "sandbox up".to_owned(),
            name => format!("sandbox --name {name} up"),
        }
    }

    fn claim(&self) -> Result<Claim, StateError> {
        self.sandbox.claim(|| self.steps.say("waiting for another command that works on this sandbox"))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
