//! Runs a program to its end.

use std::io;
use std::process::{Command, ExitStatus, Output};

/// Why a program did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The program could not be started.
    #[error("cannot run {program}: {source}; `sandbox doctor` says what is missing")]
    Start {
        /// The program with its arguments.
        program: String,
        /// The system's answer.
        source: io::Error,
    },
    /// The program ended with an error.
    #[error("{program} failed ({status}):\n{said}")]
    Failed {
        /// The program with its arguments.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// All it printed, both streams.
        said: String,
    },
}

/// What `command` printed on its standard output.
pub fn run(command: &mut Command) -> Result<String, CommandError> {
    let Output { status, stdout, stderr } = output(command)?;
    let [stdout, stderr] = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    if status.success() {
        Ok(stdout)
    } else {
        Err(CommandError::Failed { program: line(command), status, said: stdout + &stderr })
    }
}

/// Whether `command` succeeds. Not for commands whose failure means more than "no".
pub fn succeeds(command: &mut Command) -> Result<bool, CommandError> {
    Ok(output(command)?.status.success())
}

fn output(command: &mut Command) -> Result<Output, CommandError> {
    command.output().map_err(|source| CommandError::Start { program: line(command), source })
}

/// The command as one would type it, without the quotes that plain words do not need.
fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_failure_repeats_what_was_said_on_both_streams() {
        let failed = run(&mut shell("echo one; echo two >&2; exit 3")).unwrap_err().to_string();
        assert_eq!(failed, "sh -c echo one; echo two >&2; exit 3 failed (exit status: 3):\none\ntwo\n");
    }

    #[test]
    fn what_is_printed_is_the_standard_output_alone() {
        assert_eq!(run(&mut shell("echo one; echo two >&2")).unwrap(), "one\n");
    }

    #[test]
    fn a_program_that_does_not_exist_is_named() {
        let failed = run(&mut Command::new("no-such-program")).unwrap_err().to_string();
        assert!(failed.starts_with("cannot run no-such-program: "), "{failed}");
    }
}
