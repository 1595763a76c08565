//! What a person can ask of the program.

use std::io::{self, Write as _};
use std::process::ExitCode;

use super::Program;

/// What the program shall do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    /// Serve the Terraform that started it.
    Serve,
    /// Serve whichever Terraform is told to attach.
    Debug,
    /// Print the version.
    Version,
    /// Print the help text.
    Help,
}

/// The command line holds something else than one known flag.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown argument `{0}`")]
pub(super) struct UnknownArgument(String);

impl Command {
    /// Reads the arguments that follow the program's name.
    pub(super) fn read(arguments: impl IntoIterator<Item = String>) -> Result<Self, UnknownArgument> {
        let mut arguments = arguments.into_iter();
        let command = match arguments.next() {
            None => Self::Serve,
            Some(flag) => match flag.as_str() {
                "--debug" => Self::Debug,
                "--version" => Self::Version,
                "--help" => Self::Help,
                _ => return Err(UnknownArgument(flag)),
            },
        };
        arguments.next().map_or(Ok(command), |rest| Err(UnknownArgument(rest)))
    }
}

/// One line: the program and the protocol that it speaks.
pub(super) fn version(program: &Program) -> String {
    format!("terraform-provider-{} {} (plugin protocol 6)", program.name, program.version)
}

/// What the program is and how to use it.
pub(super) fn help(program: &Program) -> String {
    let Program { name, address, .. } = program;
    let source = address.strip_prefix("registry.terraform.io/").unwrap_or(address);
    format!(
        "{version}\n\
         \n\
         A provider for Terraform and OpenTofu, which start it by themselves.\n\
         To use it, name it in a configuration and run `terraform init`:\n\
         \n\
         \x20   terraform {{\n\
         \x20     required_providers {{\n\
         \x20       {name} = {{ source = \"{source}\" }}\n\
         \x20     }}\n\
         \x20   }}\n\
         \n\
         Flags:\n\
         \x20   --debug    wait for Terraform to attach, and print what it needs for that\n\
         \x20   --version  print the version\n\
         \x20   --help     print this text",
        version = version(program),
    )
}

/// Prints what was asked for.
pub(super) fn answer(text: &str) -> ExitCode {
    // A reader that has gone (`--help | head -1`) is no failure.
    drop(writeln!(io::stdout(), "{text}"));
    ExitCode::SUCCESS
}

/// Says why the program ends.
pub(super) fn refuse(text: &str) -> ExitCode {
    // Without stderr there is nobody left to tell.
    drop(writeln!(io::stderr(), "{text}"));
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRAM: Program =
        Program { name: "bare", address: "registry.terraform.io/example/bare", version: "1.2.3" };

    fn read(arguments: &[&str]) -> Result<Command, UnknownArgument> {
        Command::read(arguments.iter().map(ToString::to_string))
    }

    #[test]
    fn serves_when_nothing_is_said() {
        assert_eq!(read(&[]), Ok(Command::Serve));
    }

    #[test]
    fn knows_three_flags() {
        assert_eq!(read(&["--debug"]), Ok(Command::Debug));
        assert_eq!(read(&["--version"]), Ok(Command::Version));
        assert_eq!(read(&["--help"]), Ok(Command::Help));
    }

    #[test]
    fn names_the_argument_it_does_not_know() {
        assert_eq!(read(&["serve"]), Err(UnknownArgument("serve".into())));
        assert_eq!(read(&["--debug", "now"]), Err(UnknownArgument("now".into())));
    }

    #[test]
    fn help_shows_a_configuration_that_can_be_pasted() {
        assert!(help(&PROGRAM).contains("bare = { source = \"example/bare\" }"), "{}", help(&PROGRAM));
    }

    #[test]
    fn version_is_one_line() {
        assert_eq!(version(&PROGRAM), "terraform-provider-bare 1.2.3 (plugin protocol 6)");
    }
}
