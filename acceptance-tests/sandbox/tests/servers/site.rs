//! A sandbox of a test's own, taken down when the test is over, however it ends.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The variable that names the cache.
const CACHE: &str = "SOCLE_CACHE";

/// How often a file is looked for of which nobody tells.
const GLANCE: Duration = Duration::from_millis(10);

/// Waits until the test lets go of its standard input, which the kernel does for one that was killed.
const UNDERTAKER: &str = "read -r _; exec \"$@\"";

pub(crate) struct Site {
    name: String,
    undertaker: Option<Child>,
    /// Goes after the undertaker.
    cache: Option<TempDir>,
}

impl Site {
    pub(crate) fn new() -> Result<Self> {
        Self::from(None)
    }

    /// One that is made from nothing.
    pub(crate) fn with_an_empty_cache() -> Result<Self> {
        Self::from(Some(tempfile::tempdir()?))
    }

    fn from(cache: Option<TempDir>) -> Result<Self> {
        static NEXT: AtomicU8 = AtomicU8::new(1);
        let name = format!("test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut undertaker = Command::new("sh");
        undertaker.args(["-c", UNDERTAKER, "undertaker"]).args(command_line(&name, "down --quiet"));
        undertaker.envs(cache.as_ref().map(|cache| (CACHE, cache.path())));
        let undertaker = undertaker.stdin(Stdio::piped()).spawn()?;
        Ok(Self { name, undertaker: Some(undertaker), cache })
    }

    pub(crate) fn up(arguments: &str) -> Result<Self> {
        let site = Self::new()?;
        site.run(&format!("up --quiet {arguments}"))?;
        Ok(site)
    }

    /// What the sandbox program prints when it is given these words.
    pub(crate) fn run(&self, words: &str) -> Result<String> {
        printed(&mut self.sandbox(words))
    }

    pub(crate) fn sandbox(&self, words: &str) -> Command {
        let [program, arguments @ ..] = &command_line(&self.name, words)[..] else { unreachable!() };
        let mut command = Command::new(program);
        command.args(arguments).envs(self.cache().map(|cache| (CACHE, cache))).stdin(Stdio::null());
        command
    }

    /// What a script prints on a server, as root, without the network.
    pub(crate) fn on(&self, server: &str, script: &str) -> Result<String> {
        printed(self.sandbox(&format!("exec {server} -- sh -euc")).arg(script))
    }

    /// The same over ssh, as `user`, with the keys that were known beforehand and no other.
    pub(crate) fn ssh(&self, user: &str, server: &str, script: &str) -> Result<String> {
        printed(self.ssh_command(user, server, script)?.stdin(Stdio::null()))
    }

    /// That command, whose standard input is the script's.
    pub(crate) fn ssh_command(&self, user: &str, server: &str, script: &str) -> Result<Command> {
        let mut ssh = Command::new("ssh");
        ssh.args(["-F", &self.variable("SOCLE_SANDBOX_SSH_CONFIG")?]);
        ssh.args(["-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "-l", user, server, script]);
        Ok(ssh)
    }

    pub(crate) fn variable(&self, name: &str) -> Result<String> {
        let variables: Value = serde_json::from_str(&self.run("env --json")?)?;
        Ok(variables[name].as_str().ok_or_else(|| format!("`env` has no {name}"))?.to_owned())
    }

    pub(crate) fn status(&self) -> Result<Value> {
        Ok(serde_json::from_str(&self.run("status --json")?)?)
    }

    /// The states of all servers.
    pub(crate) fn states(&self) -> Result<Vec<String>> {
        let status = self.status()?;
        let servers = status["servers"].as_array().cloned().unwrap_or_default();
        Ok(servers.iter().map(|server| server["state"].as_str().unwrap_or_default().to_owned()).collect())
    }

    /// Starts `up`, and kills it as soon as it says a line that begins with `moment`; false when it ended before.
    pub(crate) fn kill_up_at(&self, arguments: &str, moment: &str) -> Result<bool> {
        self.kill_up_when(arguments, moment, || true)
    }

    /// The same, but from that line on waits for `is_in_the_midst`.
    pub(crate) fn kill_up_when(
        &self,
        arguments: &str,
        moment: &str,
        is_in_the_midst: impl Fn() -> bool,
    ) -> Result<bool> {
        let mut up =
            self.sandbox(&format!("up {arguments}")).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let said = BufReader::new(up.stderr.take().ok_or("no standard error")?).lines();
        let reached = said.map_while(std::result::Result::ok).any(|line| line.starts_with(moment));
        while reached && up.try_wait()?.is_none() && !is_in_the_midst() {
            thread::sleep(GLANCE);
        }
        let goes_on = up.try_wait()?.is_none();
        up.kill()?;
        up.wait()?;
        Ok(reached && goes_on)
    }

    /// `up` with these arguments, and all that it says about it.
    pub(crate) fn up_in_words(&self, arguments: &str) -> Result<String> {
        let Output { status, stderr, .. } = self.sandbox(&format!("up {arguments}")).output()?;
        let said = String::from_utf8(stderr)?;
        if status.success() { Ok(said) } else { Err(said.into()) }
    }

    /// The folder of its own cache, if it has one.
    pub(crate) fn cache(&self) -> Option<&Path> {
        self.cache.as_ref().map(TempDir::path)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(mut undertaker) = self.undertaker.take() {
            drop(undertaker.stdin.take());
            let _ = undertaker.wait();
        }
    }
}

fn command_line(name: &str, words: &str) -> Vec<String> {
    let (verb, rest) = words.split_once(' ').unwrap_or((words, ""));
    let mut line = vec![env!("CARGO_BIN_EXE_sandbox").to_owned(), verb.to_owned(), format!("--name={name}")];
    line.extend(rest.split_whitespace().map(str::to_owned));
    line
}

/// What `command` prints on its standard output; an error with all that it said when it fails.
pub(crate) fn printed(command: &mut Command) -> Result<String> {
    let Output { status, stdout, stderr } = command.output()?;
    let [stdout, stderr] = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    if status.success() { Ok(stdout) } else { Err(format!("{command:?}: {status}\n{stdout}{stderr}").into()) }
}
