//! Servers of the sandbox for tests: a sandbox of the test program's own, taken down when the program ends, however
//! it ends.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::{fs, io};

use serde_json::Value;

use crate::artifacts::{Artifacts, ArtifactsError};

/// Waits until the program lets go of the pipe, which the kernel does for one that was killed.
const UNDERTAKER: &str = "read -r _; exec \"$@\"";

/// A sandbox with servers.
#[derive(Debug)]
pub struct Servers {
    sandbox: PathBuf,
    name: String,
    undertaker: Child,
}

/// A server, as its clients are told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its name: `server-1`.
    pub name: String,
    /// Its address.
    pub address: String,
    /// The public half of its host key.
    pub host_key: String,
}

/// Why there are no servers.
#[derive(Debug, thiserror::Error)]
pub enum ServersError {
    /// A program cannot be started, or a file not be read.
    #[error("cannot {step}: {source}")]
    Io {
        /// What was attempted.
        step: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// The sandbox does not build.
    #[error(transparent)]
    Artifacts(#[from] ArtifactsError),
    /// The sandbox refuses.
    #[error("sandbox {words:?}: {said}")]
    Failed {
        /// What it was told.
        words: Vec<String>,
        /// All that it said.
        said: String,
    },
    /// What it says is not what it promises.
    #[error("the sandbox says nothing of {0}")]
    Silent(String),
}

impl Servers {
    /// Brings a sandbox up with these words, such as `["--servers", "2"]`.
    pub fn up(purpose: &str, words: &[&str]) -> Result<Self, ServersError> {
        let sandbox = Artifacts::built()?.program("sandbox")?;
        let name = format!("{purpose}-{}", std::process::id());
        let mut undertaker = Command::new("sh");
        undertaker.args(["-c", UNDERTAKER, "undertaker"]).arg(&sandbox).args(["down", "--quiet"]);
        let undertaker = undertaker.arg(format!("--name={name}")).stdin(Stdio::piped()).spawn();
        let undertaker = undertaker.map_err(io_error("start the undertaker"))?;
        let servers = Self { sandbox, name, undertaker };
        servers.run("up", &[&["--quiet"], words].concat())?;
        Ok(servers)
    }

    /// What the sandbox prints when it is given these words.
    pub fn run(&self, verb: &str, words: &[&str]) -> Result<String, ServersError> {
        let name = format!("--name={}", self.name);
        let mut command = Command::new(&self.sandbox);
        command.arg(verb).arg(name).args(words).stdin(Stdio::null());
        let Output { status, stdout, stderr } = command.output().map_err(io_error("run the sandbox"))?;
        let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        if status.success() {
            return Ok(stdout);
        }
        let words = [&[verb], words].concat().into_iter().map(str::to_owned).collect();
        Err(ServersError::Failed { words, said: stdout + &stderr })
    }

    /// What a script prints on a server, as root, without the network.
    pub fn on(&self, server: &str, script: &str) -> Result<String, ServersError> {
        self.run("exec", &[server, "--", "sh", "-euc", script])
    }

    /// What a line of shell prints that is run over a new SSH connection, as the administrator, who is an ordinary user
    /// with sudo.
    pub fn over_ssh(&self, server: &str, line: &str, stdin: &[u8]) -> Result<Output, ServersError> {
        let mut ssh = Command::new("ssh");
        ssh.args(["-T", "-F", &self.variable("SOCLE_SANDBOX_SSH_CONFIG")?, "-o", "BatchMode=yes"]);
        ssh.args(["-o", "ConnectTimeout=10", server, line]).stdin(Stdio::piped());
        let mut child =
            ssh.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(io_error("run ssh"))?;
        let mut pipe = child.stdin.take().ok_or_else(|| ServersError::Silent("ssh's input".to_owned()))?;
        // A line that reads nothing ends before all is written.
        drop(pipe.write_all(stdin));
        drop(pipe);
        child.wait_with_output().map_err(io_error("wait for ssh"))
    }

    /// Copies a program to a server, for root alone to change.
    pub fn install(&self, server: &str, program: &Path, place: &str) -> Result<(), ServersError> {
        let content = fs::read(program).map_err(io_error("read the program"))?;
        let line = format!("sudo sh -c 'cat >{place}; chmod 755 {place}'");
        let output = self.over_ssh(server, &line, &content)?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(ServersError::Failed { words: vec![line], said })
    }

    /// A variable of the environment that leads clients to the sandbox.
    pub fn variable(&self, name: &str) -> Result<String, ServersError> {
        let silent = || ServersError::Silent(name.to_owned());
        let variables: Value = serde_json::from_str(&self.run("env", &["--json"])?).map_err(|_| silent())?;
        variables[name].as_str().map(str::to_owned).ok_or_else(silent)
    }

    /// The server of that number, from 1.
    pub fn server(&self, number: usize) -> Result<Server, ServersError> {
        let name = format!("server-{number}");
        let silent = || ServersError::Silent(name.clone());
        let servers: Value = serde_json::from_str(&self.variable("TF_VAR_servers")?).map_err(|_| silent())?;
        let text = |field: &str| servers[&name][field].as_str().map(str::to_owned).ok_or_else(silent);
        Ok(Server { address: text("address")?, host_key: text("host_key")?, name: name.clone() })
    }

    /// The private key that root and the administrator of every server log in by.
    pub fn admin_key(&self) -> Result<String, ServersError> {
        let file = self.variable("TF_VAR_private_key_file")?;
        fs::read_to_string(file).map_err(io_error("read the administrator's key"))
    }

    /// The sandbox's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        drop(self.undertaker.stdin.take());
        let _ = self.undertaker.wait();
    }
}

fn io_error(step: &'static str) -> impl Fn(io::Error) -> ServersError {
    move |source| ServersError::Io { step, source }
}
