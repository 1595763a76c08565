//! Programs of the host, and who runs them.

use std::fmt::{self, Display};
use std::io::Write;
use std::process::{Command, Stdio};

use crate::Fault;

/// A program with its arguments. Secrets go by `input`, never by an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    name: String,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    input: Option<Vec<u8>>,
}

/// What a program said and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Output {
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Runs the programs of a host: the init system and its kin are behind this.
pub trait Runner: Send + Sync {
    /// Runs `program` to its end. An exit code other than 0 is not an error here.
    fn run(&self, program: &Program) -> std::io::Result<Output>;
}

/// Runs programs of this machine, without a shell, with a fixed `PATH` and the locale `C`.
#[derive(Debug, Clone, Copy)]
pub struct System;

/// A host that is only a folder: every program is missing.
#[derive(Debug, Clone, Copy)]
pub struct Missing;

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Program {
    /// The program `name`, looked up in the system's folders.
    pub fn new(name: impl Into<String>) -> Program {
        Program { name: name.into(), arguments: Vec::new(), variables: Vec::new(), input: None }
    }

    /// With more arguments.
    #[must_use]
    pub fn args<A: Into<String>>(mut self, arguments: impl IntoIterator<Item = A>) -> Program {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// With a variable in its environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Program {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With bytes on its standard input (else that is empty).
    #[must_use]
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Program {
        self.input = Some(bytes.into());
        self
    }

    /// With `{}` in every argument replaced by `path`.
    #[must_use]
    pub fn on(mut self, path: &str) -> Program {
        for argument in &mut self.arguments {
            *argument = argument.replace("{}", path);
        }
        self
    }

    /// The name it is called by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its arguments.
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// What stands on its standard input.
    pub fn stdin(&self) -> Option<&[u8]> {
        self.input.as_deref()
    }
}

impl Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {argument}"))
    }
}

impl Output {
    /// Whether it ended with code 0.
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }

    /// Itself, or the fault that `program` ended with.
    pub fn checked(self, program: &Program) -> Result<Output, Fault> {
        if self.success() {
            return Ok(self);
        }
        let status = self.code.map_or("a signal".to_owned(), |code| format!("code {code}"));
        let said = if self.stderr.trim().is_empty() { &self.stdout } else { &self.stderr };
        Err(Fault::Program { program: program.to_string(), status, stderr: end_of(said) })
    }
}

/// The last 2,000 characters: where programs say what went wrong.
fn end_of(text: &str) -> String {
    let text = text.trim();
    let skipped = text.chars().count().saturating_sub(2000);
    text.chars().skip(skipped).collect()
}

impl Runner for System {
    fn run(&self, program: &Program) -> std::io::Result<Output> {
        let mut command = Command::new(&program.name);
        command
            .args(&program.arguments)
            .env_clear()
            .env("PATH", PATH)
            .env("LC_ALL", "C")
            .env("HOME", "/root");
        command.envs(program.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(if program.input.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let feeder = child.stdin.take().zip(program.input.clone()).map(|(mut pipe, bytes)| {
            // A program that ends without reading its input says why itself.
            std::thread::spawn(move || drop(pipe.write_all(&bytes)))
        });
        let output = child.wait_with_output()?;
        if let Some(feeder) = feeder {
            drop(feeder.join());
        }
        Ok(Output {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}

impl Runner for Missing {
    fn run(&self, _: &Program) -> std::io::Result<Output> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}
