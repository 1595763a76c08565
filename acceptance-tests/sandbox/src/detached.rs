//! A server that outlives the command which started it, until `down`.
//!
//! A file beside its log holds the server's process and when that started. The server writes it by itself before it
//! becomes what it is, so there is none without. Only a process that both numbers fit is ever ended: the kernel uses the
//! number of a process again, but not together with the same start.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use std::os::unix::process::CommandExt;

use rustix::process::{Pid, Signal, kill_process};

use crate::command::{CommandError, run};
use crate::state::{Claim, StateError, make_folder};

/// Writes down its own process and when that started, gives up the claim on the sandbox, and becomes the server. The
/// kernel's clock ticks come from /proc; where there is none (macOS), `ps` tells the time.
const SHELL: &str = r#"
file=$1
shift
started=$(cut -d' ' -f22 "/proc/$$/stat" 2>/dev/null || ps -o lstart= -p $$)
echo "$$ $started" >"$file.partial" && mv "$file.partial" "$file" && exec "$@" </dev/null
"#;

/// How long a server may take to end by itself.
const PATIENCE_AT_END: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(20);

/// How much of its log an error repeats.
const LAST_WORDS: usize = 2000;

/// A server by the name of its folder, running or not.
#[derive(Debug, Clone)]
pub struct Detached {
    name: String,
    folder: PathBuf,
}

/// Why a server is not up, or not down.
#[derive(Debug, thiserror::Error)]
pub enum DetachedError {
    /// Its files could not be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// A program that it needs could not be run.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// It ended before it was ready.
    #[error("{name} ended before it was ready; its last words:\n{log}")]
    Ended {
        /// Its name.
        name: String,
        /// The end of its log.
        log: String,
    },
    /// It runs, and is not ready.
    #[error("{name} was not ready after {} s; its last words:\n{log}", patience.as_secs())]
    NotReady {
        /// Its name.
        name: String,
        /// How long it was given.
        patience: Duration,
        /// The end of its log.
        log: String,
    },
    /// It cannot be ended.
    #[error("cannot end {name} (process {process}): {source}")]
    End {
        /// Its name.
        name: String,
        /// Its number.
        process: i32,
        /// The system's answer.
        source: io::Error,
    },
    /// It did not end.
    #[error("{name} (process {process}) goes on although it was killed")]
    Unending {
        /// Its name.
        name: String,
        /// Its number.
        process: i32,
    },
}

/// A process, told from later ones of the same number.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Process {
    id: i32,
    started: String,
}

impl Detached {
    /// The server `name` with its files in the sandbox's `folder`.
    pub fn new(folder: &Path, name: &str) -> Self {
        Self { name: name.to_owned(), folder: folder.join(name) }
    }

    /// Where it writes what it has to say.
    pub fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Whether it runs.
    pub fn is_running(&self) -> bool {
        self.process().is_some()
    }

    /// Starts `command`, unless the server runs already, and waits until `ready` finds in a line of its log what it
    /// looks for.
    pub fn start<T>(
        &self,
        claim: &Claim,
        command: &Command,
        patience: Duration,
        ready: impl Fn(&str) -> Option<T>,
    ) -> Result<T, DetachedError> {
        if !self.is_running() {
            self.spawn(claim, command)?;
        }
        self.wait_until(patience, ready)
    }

    /// What `ready` finds in the log of the running server; none when it does not run or has not said it.
    pub fn said<T>(&self, ready: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.process()?;
        fs::read_to_string(self.log()).ok()?.lines().find_map(ready)
    }

    /// Ends the server; nothing to do when it does not run.
    pub fn end(&self) -> Result<(), DetachedError> {
        for signal in [Signal::TERM, Signal::KILL] {
            let Some(process) = self.process() else { return Ok(()) };
            self.signal(&process, signal)?;
            let deadline = Instant::now() + PATIENCE_AT_END;
            while process.is_alive() && Instant::now() < deadline {
                thread::sleep(PAUSE);
            }
        }
        match self.process() {
            Some(Process { id, .. }) => Err(DetachedError::Unending { name: self.name.clone(), process: id }),
            None => Ok(()),
        }
    }

    fn spawn(&self, claim: &Claim, command: &Command) -> Result<(), DetachedError> {
        make_folder(&self.folder)?;
        let path = self.log();
        let log = File::create(&path).map_err(StateError::at("write", &path))?;
        let errors = log.try_clone().map_err(StateError::at("share", &path))?;
        let mut shell = under_shell(command, &self.process_file());
        shell.stdin(claim.stdin()?).stdout(log).stderr(errors);
        let before = self.written();
        let mut process = shell
            .spawn()
            .map_err(|source| CommandError::Start { program: format!("{command:?}"), source })?;
        // Until then, the file may be that of a server that ran before.
        while self.written() == before && matches!(process.try_wait(), Ok(None)) {
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    fn wait_until<T>(
        &self,
        patience: Duration,
        ready: impl Fn(&str) -> Option<T>,
    ) -> Result<T, DetachedError> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(found) = self.said(&ready) {
                return Ok(found);
            }
            if !self.is_running() || Instant::now() >= deadline {
                return Err(self.silence(patience));
            }
            thread::sleep(PAUSE);
        }
    }

    fn silence(&self, patience: Duration) -> DetachedError {
        let (name, log) = (self.name.clone(), self.last_words());
        if self.is_running() {
            DetachedError::NotReady { name, patience, log }
        } else {
            DetachedError::Ended { name, log }
        }
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let start = log.len().saturating_sub(LAST_WORDS);
        log.get(log.ceil_char_boundary(start)..).unwrap_or_default().trim().to_owned()
    }

    fn signal(&self, process: &Process, signal: Signal) -> Result<(), DetachedError> {
        let sent = match Pid::from_raw(process.id) {
            Some(id) => kill_process(id, signal),
            None => Ok(()),
        };
        match sent {
            Err(error) if error != rustix::io::Errno::SRCH => {
                Err(DetachedError::End { name: self.name.clone(), process: process.id, source: error.into() })
            }
            _ => Ok(()),
        }
    }

    fn process_file(&self) -> PathBuf {
        self.folder.join("process")
    }

    fn written(&self) -> Option<String> {
        fs::read_to_string(self.process_file()).ok()
    }

    fn process(&self) -> Option<Process> {
        Process::parse(&self.written()?).filter(Process::is_alive)
    }
}

impl Process {
    fn parse(text: &str) -> Option<Self> {
        let (id, started) = text.trim().split_once(' ')?;
        Some(Self { id: id.parse().ok()?, started: started.trim().to_owned() })
    }

    fn is_alive(&self) -> bool {
        start_of(self.id).is_some_and(|started| started == self.started)
    }
}

/// When the process `id` started; none when there is no such process, or only what is left of it.
fn start_of(id: i32) -> Option<String> {
    match fs::read_to_string(format!("/proc/{id}/stat")) {
        Ok(stat) => start_in(&stat),
        Err(_) if Path::new("/proc/self/stat").exists() => None,
        Err(_) => run(Command::new("ps").args(["-o", "lstart=", "-p", &id.to_string()]))
            .ok()
            .map(|started| started.trim().to_owned()),
    }
}

/// The 22nd field of `/proc/PID/stat`, unless the process is a zombie. Source: proc(5). The second field is the name
/// of the program in parentheses, which may itself hold spaces and parentheses.
fn start_in(stat: &str) -> Option<String> {
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?;
    (state != "Z").then(|| fields.nth(18).map(str::to_owned)).flatten()
}

fn under_shell(command: &Command, process_file: &Path) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", SHELL, "detached"]).arg(process_file);
    shell.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        shell.current_dir(folder);
    }
    // Ctrl-C in the terminal that started it is not meant for it.
    shell.process_group(0);
    shell
}

#[cfg(test)]
mod tests;
