//! Starting other programs: as which user, with a clean environment, and ended with the command that needs them.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use super::stop::{Attended, Stop};

/// The search path of children; nothing else of the agent's environment reaches them.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// A system user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// Its group's number.
    pub gid: u32,
}

/// A program to start.
#[derive(Debug)]
pub struct Program {
    command: Command,
    told: String,
}

/// A program that runs.
#[derive(Debug)]
pub struct Running {
    /// The process.
    pub child: Child,
    told: String,
    _attended: Option<Attended>,
    stderr: Option<thread::JoinHandle<String>>,
}

/// Why a program did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The user is not in `/etc/passwd`.
    #[error("there is no system user {0} in /etc/passwd")]
    NoUser(String),
    /// It could not be started.
    #[error("cannot start {program}: {source}")]
    Start {
        /// The program and its arguments.
        program: String,
        /// The system's answer.
        source: io::Error,
    },
    /// It ended with an error.
    #[error("{program}: {status}{}{stderr}", if stderr.is_empty() { "" } else { ": " })]
    Failed {
        /// The program and its arguments.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// What it said, the end of it.
        stderr: String,
    },
    /// What is read from it or written to it broke off.
    #[error("{program}: {source}")]
    Pipe {
        /// The program and its arguments.
        program: String,
        /// The system's answer.
        source: io::Error,
    },
}

impl Account {
    /// The user of that name; the file is read, because a static program has no other way.
    pub fn named(name: &str) -> Result<Self, ProcessError> {
        let text = fs::read_to_string("/etc/passwd").unwrap_or_default();
        Self::in_passwd(&text, name).ok_or_else(|| ProcessError::NoUser(name.to_owned()))
    }

    fn in_passwd(text: &str, name: &str) -> Option<Self> {
        let mut lines = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let fields = lines.find(|fields| fields.first() == Some(&name))?;
        Some(Self {
            name: name.to_owned(),
            uid: fields.get(2)?.parse().ok()?,
            gid: fields.get(3)?.parse().ok()?,
        })
    }
}

impl Program {
    /// A program by its path or by its name in the system's folders.
    pub fn new(path: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(path.as_ref());
        // A group of its own, so that all of it can be ended.
        command.env_clear().env("PATH", PATH).env("LC_ALL", "C.UTF-8").current_dir("/").process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { command, told: path.as_ref().to_string_lossy().into_owned() }
    }

    /// With an argument; never a secret, others can read arguments.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.told.push(' ');
        self.told.push_str(&argument.as_ref().to_string_lossy());
        self.command.arg(argument);
        self
    }

    /// With arguments.
    #[must_use]
    pub fn args(self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        arguments.into_iter().fold(self, Self::arg)
    }

    /// With a variable of the environment; never a secret.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.command.env(name, value.into());
        self
    }

    /// As this user, with its group alone.
    #[must_use]
    pub fn run_as(mut self, account: &Account) -> Self {
        if rustix::process::geteuid().as_raw() != account.uid {
            self.command.uid(account.uid).gid(account.gid);
        }
        self
    }

    /// Reads what will be written to it.
    #[must_use]
    pub fn with_input(mut self) -> Self {
        self.command.stdin(Stdio::piped());
        self
    }

    /// Reads that file.
    #[must_use]
    pub fn reading(mut self, file: impl Into<Stdio>) -> Self {
        self.command.stdin(file);
        self
    }

    /// Says nothing that is of interest.
    #[must_use]
    pub fn without_output(mut self) -> Self {
        self.command.stdout(Stdio::null());
        self
    }

    /// Starts it; it ends with the command.
    pub fn start(mut self, stop: &Stop) -> Result<Running, ProcessError> {
        let started = self.command.spawn();
        let mut child =
            started.map_err(|source| ProcessError::Start { program: self.told.clone(), source })?;
        let attended = stop.attend(child.id());
        let stderr = child.stderr.take().map(|pipe| thread::spawn(move || end_of(pipe)));
        Ok(Running { child, told: self.told, _attended: attended, stderr })
    }

    /// Runs it to its end and gives its standard output.
    pub fn output(self, stop: &Stop) -> Result<String, ProcessError> {
        let mut running = self.start(stop)?;
        let mut output = Vec::new();
        if let Some(mut pipe) = running.child.stdout.take() {
            let read = pipe.read_to_end(&mut output);
            read.map_err(|source| ProcessError::Pipe { program: running.told.clone(), source })?;
        }
        running.finish()?;
        Ok(String::from_utf8_lossy(&output).into_owned())
    }

    /// Runs it to its end on this input, and gives its standard output. Both are small.
    pub fn output_on(self, stop: &Stop, input: &str) -> Result<String, ProcessError> {
        let mut running = self.with_input().start(stop)?;
        let stdin = running.child.stdin.take();
        let input = input.to_owned();
        let writing =
            thread::spawn(move || stdin.map_or(Ok(()), |mut pipe| pipe.write_all(input.as_bytes())));
        let mut output = Vec::new();
        if let Some(mut pipe) = running.child.stdout.take() {
            let read = pipe.read_to_end(&mut output);
            read.map_err(|source| ProcessError::Pipe { program: running.told.clone(), source })?;
        }
        running.finish()?;
        // It read as much as it wanted, and was content.
        let _ = writing.join();
        Ok(String::from_utf8_lossy(&output).into_owned())
    }
}

impl Running {
    /// Waits for its end; anything but success is an error with what it said.
    pub fn finish(&mut self) -> Result<(), ProcessError> {
        drop(self.child.stdin.take());
        let status = self.child.wait();
        let status = status.map_err(|source| ProcessError::Pipe { program: self.told.clone(), source })?;
        if status.success() {
            return Ok(());
        }
        let said = self.stderr.take().and_then(|reading| reading.join().ok()).unwrap_or_default();
        Err(ProcessError::Failed { program: self.told.clone(), status, stderr: said.trim().to_owned() })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let group = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
            // It may have ended by itself.
            let _ = group.map(|g| rustix::process::kill_process_group(g, rustix::process::Signal::KILL));
            let _ = self.child.wait();
        }
    }
}

/// The last of what comes, read to the end so that the writer never waits.
fn end_of(mut pipe: impl Read) -> String {
    const KEPT: usize = 4096;
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = pipe.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..read]);
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// The first of these programs that exists.
pub fn first_existing(candidates: impl IntoIterator<Item = PathBuf>) -> Option<PathBuf> {
    candidates.into_iter().find(|path| Path::is_file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_read_from_passwd() {
        let text = "root:x:0:0:root:/root:/bin/sh\npostgres:x:106:113::/var/lib/postgresql:/bin/bash\n";
        let found = Account::in_passwd(text, "postgres").unwrap();
        assert_eq!((found.uid, found.gid), (106, 113));
        assert_eq!(Account::in_passwd(text, "post"), None);
    }

    #[test]
    fn nothing_of_the_agents_environment_reaches_a_child() {
        let output = Program::new("/usr/bin/env").output(&Stop::default()).unwrap();
        let mut names: Vec<_> = output.lines().filter_map(|line| line.split('=').next()).collect();
        names.sort_unstable();
        assert_eq!(names, ["LC_ALL", "PATH"]);
    }

    #[test]
    fn a_failure_tells_what_was_said() {
        let failed = Program::new("/bin/sh").args(["-c", "echo why >&2; exit 3"]).output(&Stop::default());
        let told = failed.unwrap_err().to_string();
        assert!(told.contains("exit status: 3") && told.contains("why"), "{told}");
    }

    #[test]
    fn a_child_ends_with_the_command() {
        let stop = Stop::default();
        let mut running =
            Program::new("/bin/sh").args(["-c", "read never"]).with_input().start(&stop).unwrap();
        let input = running.child.stdin.take();
        stop.now(super::super::stop::StopReason::Signal);
        assert!(running.finish().is_err());
        drop(input);
    }
}
