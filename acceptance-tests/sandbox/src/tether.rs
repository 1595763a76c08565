//! A server that cannot outlive the test process, whatever ends that.
//!
//! The server runs under a small shell that watches a pipe whose other end only the test process holds. When that
//! process ends, even by `kill -9`, the kernel closes the pipe and the shell ends the server. (`PR_SET_PDEATHSIG` would
//! not do: it fires when the *thread* that started the server ends, and every test is a thread.)

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// Runs its arguments, ends them when its standard input closes, and ends when they do.
const SHELL: &str = r#"
exec 3<&0
"$@" 2>&1 3<&- &
server=$!
{ read -r _ <&3; kill "$server"; } >/dev/null &
watcher=$!
exec 3<&-
wait "$server"
status=$?
kill "$watcher" 2>/dev/null
exit "$status"
"#;

/// How many of its last lines an error repeats.
const LOG_LINES: usize = 40;

/// A running server, ended when this is dropped.
#[derive(Debug)]
pub struct Tethered {
    shell: Child,
    leash: Option<ChildStdin>,
}

/// Why a server did not come up.
#[derive(Debug, thiserror::Error)]
pub enum TetherError {
    /// The program could not be started at all.
    #[error("cannot start {program}: {source}")]
    Start {
        /// The program, with its arguments.
        program: String,
        /// The system's answer.
        source: io::Error,
    },
    /// The server ended before it said that it was ready.
    #[error("{program} ended before it was ready; its last words:\n{log}")]
    Ended {
        /// The program, with its arguments.
        program: String,
        /// The end of what it printed.
        log: String,
    },
    /// The server is still running, but never said that it was ready.
    #[error("{program} was not ready after {} s; its last words:\n{log}", patience.as_secs())]
    NotReady {
        /// The program, with its arguments.
        program: String,
        /// How long it was given.
        patience: Duration,
        /// The end of what it printed.
        log: String,
    },
}

impl Tethered {
    /// Starts `command` and reads what it prints, on either stream, until `ready` finds in a line what it looks for.
    pub fn start<T>(
        command: &Command,
        patience: Duration,
        ready: impl Fn(&str) -> Option<T>,
    ) -> Result<(Self, T), TetherError> {
        let program = format!("{command:?}");
        let mut shell = match under_shell(command).spawn() {
            Ok(shell) => shell,
            Err(source) => return Err(TetherError::Start { program, source }),
        };
        let lines = lines_of(shell.stdout.take());
        let server = Self { leash: shell.stdin.take(), shell };
        let found =
            read_until(&lines, patience, ready).map_err(|silence| silence.into_error(program, patience))?;
        Ok((server, found))
    }

    /// The process of the watching shell; the server is its child.
    pub fn shell_id(&self) -> u32 {
        self.shell.id()
    }
}

impl Drop for Tethered {
    fn drop(&mut self) {
        drop(self.leash.take());
        // Nothing can be done about a failure here, and the shell is ended by its own rule all the same.
        let _ = self.shell.wait();
    }
}

/// Runs `command` to its end, or to the end of this process: a build that nobody waits for any more is not worth its
/// memory. The answer's standard output is all that it printed, on either stream.
pub fn output(command: &Command) -> io::Result<Output> {
    let mut shell = under_shell(command).spawn()?;
    let leash = shell.stdin.take();
    let output = shell.wait_with_output();
    drop(leash);
    output
}

fn read_until<T>(
    lines: &Receiver<String>,
    patience: Duration,
    ready: impl Fn(&str) -> Option<T>,
) -> Result<T, Silence> {
    let deadline = Instant::now() + patience;
    let mut log = VecDeque::with_capacity(LOG_LINES);
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                if let Some(found) = ready(&line) {
                    return Ok(found);
                }
                if log.len() == LOG_LINES {
                    log.pop_front();
                }
                log.push_back(line);
            }
            Err(reason) => return Err(Silence { reason, log: Vec::from(log).join("\n") }),
        }
    }
}

/// Why no line was the one that was waited for.
struct Silence {
    reason: RecvTimeoutError,
    log: String,
}

impl Silence {
    fn into_error(self, program: String, patience: Duration) -> TetherError {
        let log = self.log;
        match self.reason {
            RecvTimeoutError::Timeout => TetherError::NotReady { program, patience, log },
            RecvTimeoutError::Disconnected => TetherError::Ended { program, log },
        }
    }
}

fn under_shell(command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", SHELL, "tether"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        shell.current_dir(folder);
    }
    shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    shell
}

/// Reads to the end on a thread of its own, so that a server never waits for somebody to read its log.
fn lines_of(output: Option<ChildStdout>) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    if let Some(output) = output {
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // Once the server is ready nobody listens, but its log must still be drained.
                let _ = sender.send(line);
            }
        });
    }
    receiver
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn script(text: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", text]);
        command
    }

    fn process_id(line: &str) -> Option<u32> {
        line.strip_prefix("serving ")?.parse().ok()
    }

    #[test]
    fn ends_with_the_test_that_holds_it() {
        let (server, id) =
            Tethered::start(&script("echo serving $$; exec sleep 600"), PATIENCE, process_id).unwrap();
        let process = format!("/proc/{id}");
        assert!(fs::exists(&process).unwrap());
        drop(server);
        assert!(!fs::exists(&process).unwrap(), "the server outlived its tether");
    }

    #[test]
    fn waits_for_the_end_and_keeps_all_that_was_printed() {
        let Output { status, stdout, .. } = output(&script("echo one; echo two >&2; exit 3")).unwrap();
        assert_eq!((status.code(), String::from_utf8_lossy(&stdout).as_ref()), (Some(3), "one\ntwo\n"));
    }

    #[test]
    fn repeats_the_last_words_of_a_server_that_ended() {
        let failed =
            Tethered::start(&script("echo no such zone >&2; exit 3"), PATIENCE, process_id).unwrap_err();
        assert!(matches!(&failed, TetherError::Ended { log, .. } if log == "no such zone"), "{failed}");
    }

    #[test]
    fn gives_up_on_a_server_that_is_never_ready() {
        let failed = Tethered::start(
            &script("echo warming up; exec sleep 600"),
            Duration::from_millis(300),
            process_id,
        );
        let failed = failed.unwrap_err();
        assert!(matches!(&failed, TetherError::NotReady { log, .. } if log == "warming up"), "{failed}");
    }

    #[test]
    fn names_a_program_that_does_not_exist() {
        let failed = Tethered::start(&Command::new("no-such-program"), PATIENCE, process_id).unwrap_err();
        assert!(failed.to_string().contains("no-such-program"), "{failed}");
    }
}
