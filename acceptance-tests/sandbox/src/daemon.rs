//! A program that goes on when the one that started it has ended, and is found again by the next one.
//!
//! Whether it runs is told by a lock, not by a process id, which the system gives to others in time: the daemon's
//! standard input is a locked file, and the kernel takes the lock back when the last process that has it open ends,
//! however it ends. (What the daemon starts may inherit it, and outlive a daemon that is killed: then that runs, but
//! does not answer, and [`Daemon::stop`] ends it all the same.) The daemon itself writes its process id, before it becomes the program: so there is no moment in
//! which it runs and cannot be stopped.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Writes its process id to the file `$0`, and becomes its arguments.
const SHELL: &str = r#"echo $$ >"$0" && exec "$@""#;

/// How long a daemon may take to end when it is asked to, before it is killed.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often a daemon is looked at while it starts or ends.
const GLANCE: Duration = Duration::from_millis(20);

/// How many of its last lines an error repeats.
const LOG_LINES: usize = 40;

/// The place of a daemon: its lock, its process id and its log, three files of one name in one folder.
#[derive(Debug, Clone)]
pub struct Daemon {
    stem: PathBuf,
}

/// Why a daemon does not run, or does not end.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The file system refused a step.
    #[error("cannot {step} {}: {source}", path.display())]
    File {
        /// What was attempted, as a verb.
        step: &'static str,
        /// What it was attempted on.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The program could not be started at all.
    #[error("cannot start {program}: {source}")]
    Start {
        /// The program, with its arguments.
        program: String,
        /// The system's answer.
        source: io::Error,
    },
    /// The program ended before it said that it was ready.
    #[error("{name} ended before it was ready; its last words:\n{log}")]
    Ended {
        /// The daemon's name.
        name: String,
        /// The end of what it printed.
        log: String,
    },
    /// The program runs, but never said that it was ready.
    #[error("{name} was not ready after {} s; its last words:\n{log}", patience.as_secs())]
    NotReady {
        /// The daemon's name.
        name: String,
        /// How long it was given.
        patience: Duration,
        /// The end of what it printed.
        log: String,
    },
}

impl Daemon {
    /// The daemon `name` in `folder`, whether it runs or not.
    pub fn at(folder: &Path, name: &str) -> Self {
        Self { stem: folder.join(name) }
    }

    /// Everything that it printed since it was last started.
    pub fn log(&self) -> PathBuf {
        self.stem.with_extension("log")
    }

    /// Whether it runs.
    pub fn runs(&self) -> Result<bool, DaemonError> {
        let path = self.lock_file();
        match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            opened => Ok(held(opened.map_err(at("open", &path))?, &path)?.is_none()),
        }
    }

    /// Starts `command`, unless it runs already, and answers whether it did.
    pub fn start(&self, command: &Command) -> Result<Started, DaemonError> {
        let path = self.lock_file();
        let lock = File::options().create(true).append(true).read(true).open(&path);
        let Some(lock) = held(lock.map_err(at("open", &path))?, &path)? else { return Ok(Started::Earlier) };
        self.forget_id()?;
        let path = self.log();
        let log = File::create(&path).map_err(at("write", &path))?;
        let also = log.try_clone().map_err(at("write", &path))?;
        let mut shell = self.under_shell(command);
        // A group of its own: Ctrl-C in the terminal is not meant for it, and what it starts ends with it.
        shell.stdin(lock).stdout(log).stderr(also).process_group(0);
        match shell.spawn() {
            Ok(_) => Ok(Started::Now),
            Err(source) => Err(DaemonError::Start { program: format!("{command:?}"), source }),
        }
    }

    /// The id is that of an earlier run, and perhaps somebody else's by now.
    fn forget_id(&self) -> Result<(), DaemonError> {
        let path = self.id_file();
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at("remove", &path)(error)),
            _ => Ok(()),
        }
    }

    /// Waits until `ready` finds in a line of the log what it looks for.
    pub fn wait<T>(&self, patience: Duration, ready: impl Fn(&str) -> Option<T>) -> Result<T, DaemonError> {
        let deadline = Instant::now() + patience;
        loop {
            // Asked before the log is read: what ended cannot have written since.
            let runs = self.runs()?;
            let log = fs::read_to_string(self.log()).map_err(at("read", &self.log()))?;
            if let Some(found) = log.lines().find_map(&ready) {
                return Ok(found);
            }
            if !runs {
                return Err(DaemonError::Ended { name: self.name(), log: end_of(&log) });
            }
            if Instant::now() > deadline {
                return Err(DaemonError::NotReady { name: self.name(), patience, log: end_of(&log) });
            }
            thread::sleep(GLANCE);
        }
    }

    /// Ends it, and waits until it has ended. Nothing happens if it does not run.
    pub fn stop(&self) -> Result<(), DaemonError> {
        self.stop_within(PATIENCE)
    }

    fn stop_within(&self, patience: Duration) -> Result<(), DaemonError> {
        let deadline = Instant::now() + patience;
        let mut asked = false;
        while self.runs()? {
            if !asked {
                asked = self.signal("TERM")?;
            } else if Instant::now() > deadline {
                self.signal("KILL")?;
            }
            thread::sleep(GLANCE);
        }
        Ok(())
    }

    /// Sends a signal to the daemon and all it started, and answers whether there was one to send it to: a daemon that
    /// was started a moment ago has not written its id yet. That it ended meanwhile is not an error.
    fn signal(&self, name: &str) -> Result<bool, DaemonError> {
        let path = self.id_file();
        let id = match fs::read_to_string(&path) {
            Ok(text) if text.ends_with('\n') => text,
            Ok(_) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(at("read", &path)(error)),
        };
        // The shell has `kill` in it; a small system may have no other.
        let mut kill = Command::new("sh");
        kill.args(["-c", r#"kill -s "$0" -- "-$1""#, name, id.trim()]).stderr(Stdio::null());
        match kill.status() {
            Ok(_) => Ok(true),
            Err(source) => Err(DaemonError::Start { program: format!("{kill:?}"), source }),
        }
    }

    fn under_shell(&self, command: &Command) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-c", SHELL]).arg(self.id_file());
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
        shell
    }

    fn lock_file(&self) -> PathBuf {
        self.stem.with_extension("lock")
    }

    fn id_file(&self) -> PathBuf {
        self.stem.with_extension("pid")
    }

    fn name(&self) -> String {
        self.stem.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// Whether a daemon had to be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// It was, and is now on its way.
    Now,
    /// It ran already.
    Earlier,
}

/// The lock, now ours; nothing if a daemon has it.
fn held(lock: File, path: &Path) -> Result<Option<File>, DaemonError> {
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(at("lock", path)(error)),
    }
}

fn at(step: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DaemonError {
    move |source| DaemonError::File { step, path: path.to_owned(), source }
}

fn end_of(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", text]);
        command
    }

    fn process_id(line: &str) -> Option<u32> {
        line.strip_prefix("serving ")?.parse().ok()
    }

    #[test]
    fn is_found_again_and_ended_by_who_knows_only_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let daemon = Daemon::at(folder.path(), "server");
        assert!(!daemon.runs().unwrap());
        assert_eq!(daemon.start(&script("echo serving $$; exec sleep 600")).unwrap(), Started::Now);
        let id = daemon.wait(PATIENCE, process_id).unwrap();
        let found = Daemon::at(folder.path(), "server");
        assert!(found.runs().unwrap());
        found.stop().unwrap();
        assert!(!found.runs().unwrap());
        assert!(script(&format!("! kill -0 {id}")).status().unwrap().success() || is_zombie(id));
    }

    /// The test itself is the parent, and nobody waits for the child.
    fn is_zombie(id: u32) -> bool {
        fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| stat.contains(") Z "))
    }

    #[test]
    fn a_second_start_finds_it_running() {
        let folder = tempfile::tempdir().unwrap();
        let daemon = Daemon::at(folder.path(), "server");
        let sleeping = script("echo serving $$; exec sleep 600");
        daemon.start(&sleeping).unwrap();
        let first = daemon.wait(PATIENCE, process_id).unwrap();
        assert_eq!(daemon.start(&sleeping).unwrap(), Started::Earlier);
        assert_eq!(daemon.wait(PATIENCE, process_id).unwrap(), first);
        daemon.stop().unwrap();
    }

    #[test]
    fn can_be_stopped_the_moment_it_is_started() {
        let folder = tempfile::tempdir().unwrap();
        let daemon = Daemon::at(folder.path(), "server");
        daemon.start(&script("exec sleep 600")).unwrap();
        daemon.stop().unwrap();
        assert!(!daemon.runs().unwrap());
    }

    #[test]
    fn ends_what_outlived_a_killed_daemon() {
        let folder = tempfile::tempdir().unwrap();
        let daemon = Daemon::at(folder.path(), "server");
        // The shell gives a background command no standard input, unless it is told which.
        daemon.start(&script("sleep 600 <&0 & echo serving $$; wait")).unwrap();
        let id = daemon.wait(PATIENCE, process_id).unwrap();
        assert!(script(&format!("kill -KILL {id}")).status().unwrap().success());
        assert!(daemon.runs().unwrap());
        daemon.stop().unwrap();
        assert!(!daemon.runs().unwrap());
    }

    #[test]
    fn kills_what_will_not_end() {
        let folder = tempfile::tempdir().unwrap();
        let daemon = Daemon::at(folder.path(), "server");
        daemon.start(&script("trap '' TERM; echo serving $$; exec sleep 600")).unwrap();
        daemon.wait(PATIENCE, process_id).unwrap();
        daemon.stop_within(Duration::from_millis(200)).unwrap();
        assert!(!daemon.runs().unwrap());
    }

    #[test]
    fn repeats_the_last_words_of_a_program_that_ended() {
        let folder = tempfile::tempdir().unwrap();
        let daemon = Daemon::at(folder.path(), "server");
        daemon.start(&script("echo no such zone >&2; exit 3")).unwrap();
        let failed = daemon.wait(PATIENCE, process_id).unwrap_err();
        assert!(matches!(&failed, DaemonError::Ended { log, .. } if log == "no such zone"), "{failed}");
    }

    #[test]
    fn gives_up_on_a_program_that_is_never_ready() {
        let folder = tempfile::tempdir().unwrap();
        let daemon = Daemon::at(folder.path(), "server");
        daemon.start(&script("echo warming up; exec sleep 600")).unwrap();
        let failed = daemon.wait(Duration::from_millis(200), process_id).unwrap_err();
        assert!(matches!(&failed, DaemonError::NotReady { name, .. } if name == "server"), "{failed}");
        daemon.stop().unwrap();
    }

    #[test]
    fn an_ended_program_can_be_started_again() {
        let folder = tempfile::tempdir().unwrap();
        let daemon = Daemon::at(folder.path(), "server");
        for _ in 0..2 {
            assert_eq!(daemon.start(&script("echo serving $$; exec sleep 600")).unwrap(), Started::Now);
            daemon.wait(PATIENCE, process_id).unwrap();
            daemon.stop().unwrap();
        }
    }
}
