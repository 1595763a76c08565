//! Servers for tests: a sandbox of the test program's own, taken down when the program ends, however it ends; or those
//! that a user names.
//!
//! `$SOCLE_TEST_HOSTS` is an inventory of a user's own servers ([`Inventory`]). Then nothing is brought up, and the
//! verbs of the sandbox are refused: `make test-real` runs the tests that need none.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::{env, fs, io};

use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::artifacts::{Artifacts, ArtifactsError};

/// The variable that names the inventory of a user's own servers.
const INVENTORY: &str = "SOCLE_TEST_HOSTS";

/// How many servers a test may speak of.
const MOST_NUMBERED: usize = 9;

/// Waits until the program lets go of the pipe, which the kernel does for one that was killed.
const UNDERTAKER: &str = "read -r _; exec \"$@\"";

/// Servers to test on.
#[derive(Debug)]
pub struct Servers {
    name: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Sandbox { program: PathBuf, undertaker: Child },
    Named { inventory: Inventory, access: TempDir },
}

/// Servers that a user names, in a JSON file. They are changed by tests: nothing on them should be dear to anybody.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inventory {
    /// Who logs in; has `sudo` without a password, or is root.
    user: String,
    /// The file of the private key by which `user` logs in.
    private_key_file: PathBuf,
    /// The servers by name. Tests take them in the order of their names, and again from the first when they want more.
    servers: BTreeMap<String, Place>,
    /// The folder of bundles of Kubernetes. Default: none, and so no cluster.
    bundles: Option<PathBuf>,
    /// Where backups go. Default: nowhere, and so there are none.
    s3: Option<Store>,
    /// What Kubernetes must be told on these servers, as a sandbox's `TF_VAR_nested_kubernetes` has it. Default: nothing.
    #[serde(default = "nothing_to_tell")]
    nested_kubernetes: Value,
}

/// An S3 in which tests make buckets. The keys are the caller's, in the usual variables of the environment.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Store {
    region: String,
    /// Its URL. Default: that of AWS.
    endpoint: Option<String>,
}

/// Where a server of an [`Inventory`] is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    address: String,
    host_key: String,
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
    /// The sandbox, or a server, refuses.
    #[error("{words:?}: {said}")]
    Failed {
        /// What it was told.
        words: Vec<String>,
        /// All that it said.
        said: String,
    },
    /// What it says is not what it promises.
    #[error("neither a sandbox nor an inventory of servers says anything of {0}")]
    Silent(String),
    /// The inventory is not one.
    #[error("{} is not an inventory of servers: {source}", path.display())]
    Inventory {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A test wants what only a sandbox can do.
    #[error("`{0}` can be done to servers of a sandbox, and not to those that {INVENTORY} names")]
    NotASandbox(String),
}

impl Servers {
    /// Brings a sandbox up with these words, such as `["--servers", "2"]`; or takes the servers that the user names.
    pub fn up(purpose: &str, words: &[&str]) -> Result<Self, ServersError> {
        let name = format!("{purpose}-{}", std::process::id());
        match env::var_os(INVENTORY).filter(|path| !path.is_empty()) {
            Some(path) => Ok(Self { name, kind: Kind::named(Path::new(&path))? }),
            None => Self::sandbox(name, words),
        }
    }

    fn sandbox(name: String, words: &[&str]) -> Result<Self, ServersError> {
        let program = Artifacts::built()?.program("sandbox")?;
        let mut undertaker = Command::new("sh");
        undertaker.args(["-c", UNDERTAKER, "undertaker"]).arg(&program).args(["down", "--quiet"]);
        let undertaker = undertaker.arg(format!("--name={name}")).stdin(Stdio::piped()).spawn();
        let undertaker = undertaker.map_err(ServersError::at("start the undertaker"))?;
        let servers = Self { name, kind: Kind::Sandbox { program, undertaker } };
        servers.run("up", &[&["--quiet"], words].concat())?;
        Ok(servers)
    }

    /// What the sandbox prints when it is given these words.
    pub fn run(&self, verb: &str, words: &[&str]) -> Result<String, ServersError> {
        let Kind::Sandbox { program, .. } = &self.kind else {
            return Err(ServersError::NotASandbox(verb.to_owned()));
        };
        let mut command = Command::new(program);
        command.arg(verb).arg(format!("--name={}", self.name)).args(words);
        printed(&mut command, &[&[verb], words].concat())
    }

    /// What a script prints on a server, as root; on one of a sandbox, without the network.
    pub fn on(&self, server: &str, script: &str) -> Result<String, ServersError> {
        let Kind::Named { inventory, access } = &self.kind else {
            return self.run("exec", &[server, "--", "sh", "-euc", script]);
        };
        let mut ssh = Command::new("ssh");
        ssh.arg("-F").arg(access.path().join("ssh_config")).args(["-o", "BatchMode=yes", server]);
        let as_root = if inventory.user == "root" { "" } else { "sudo -n " };
        ssh.arg(format!("{as_root}sh -euc '{}'", script.replace('\'', r"'\''")));
        printed(&mut ssh, &[server, script])
    }

    /// What a line of shell prints that is run over a new SSH connection, as the administrator, who is an ordinary user
    /// with sudo.
    pub fn over_ssh(&self, server: &str, line: &str, stdin: &[u8]) -> Result<Output, ServersError> {
        let mut ssh = Command::new("ssh");
        ssh.args(["-T", "-F", &self.variable("SOCLE_SANDBOX_SSH_CONFIG")?, "-o", "BatchMode=yes"]);
        ssh.args(["-o", "ConnectTimeout=10", server, line]).stdin(Stdio::piped());
        let mut child =
            ssh.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(ServersError::at("run ssh"))?;
        let mut pipe = child.stdin.take().ok_or_else(|| ServersError::Silent("ssh's input".to_owned()))?;
        // A line that reads nothing ends before all is written.
        drop(pipe.write_all(stdin));
        drop(pipe);
        child.wait_with_output().map_err(ServersError::at("wait for ssh"))
    }

    /// Copies a program to a server, for root alone to change.
    pub fn install(&self, server: &str, program: &Path, place: &str) -> Result<(), ServersError> {
        let content = fs::read(program).map_err(ServersError::at("read the program"))?;
        let line = format!("sudo sh -c 'cat >{place}; chmod 755 {place}'");
        let output = self.over_ssh(server, &line, &content)?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(ServersError::Failed { words: vec![line], said })
    }

    /// A variable of the environment that leads clients to the servers.
    pub fn variable(&self, name: &str) -> Result<String, ServersError> {
        let silent = || ServersError::Silent(name.to_owned());
        let Kind::Named { inventory, access } = &self.kind else {
            let variables: Value =
                serde_json::from_str(&self.run("env", &["--json"])?).map_err(|_| silent())?;
            return variables[name].as_str().map(str::to_owned).ok_or_else(silent);
        };
        match name {
            "TF_VAR_private_key_file" => Ok(inventory.private_key_file.display().to_string()),
            "SOCLE_SANDBOX_SSH_CONFIG" => Ok(access.path().join("ssh_config").display().to_string()),
            "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => env::var(name).map_err(|_| silent()),
            _ => inventory.variable(name).ok_or_else(silent),
        }
    }

    /// The server of that number, from 1.
    pub fn server(&self, number: usize) -> Result<Server, ServersError> {
        let name = format!("server-{number}");
        let silent = || ServersError::Silent(name.clone());
        if let Kind::Named { inventory, .. } = &self.kind {
            return inventory.server(number).ok_or_else(silent);
        }
        let servers: Value = serde_json::from_str(&self.variable("TF_VAR_servers")?).map_err(|_| silent())?;
        let text = |field: &str| servers[&name][field].as_str().map(str::to_owned).ok_or_else(silent);
        Ok(Server { address: text("address")?, host_key: text("host_key")?, name: name.clone() })
    }

    /// Whether its S3 takes any credentials. Another wants those of the variables `AWS_ACCESS_KEY_ID` and
    /// `AWS_SECRET_ACCESS_KEY`.
    pub fn take_any_credentials(&self) -> bool {
        matches!(self.kind, Kind::Sandbox { .. })
    }

    /// The user who logs in by [`admin_key`](Self::admin_key), and has `sudo`.
    pub fn admin(&self) -> &str {
        match &self.kind {
            Kind::Named { inventory, .. } => &inventory.user,
            Kind::Sandbox { .. } => sandbox::server::ADMIN,
        }
    }

    /// The private key that the administrator of every server logs in by, and on servers of a sandbox root.
    pub fn admin_key(&self) -> Result<String, ServersError> {
        let file = self.variable("TF_VAR_private_key_file")?;
        fs::read_to_string(file).map_err(ServersError::at("read the administrator's key"))
    }

    /// The host keys of all servers, as ssh keeps them.
    pub fn known_hosts(&self) -> Result<String, ServersError> {
        let file = match &self.kind {
            Kind::Named { access, .. } => access.path().join("known_hosts"),
            Kind::Sandbox { .. } => {
                Path::new(&self.variable("TF_VAR_private_key_file")?).with_file_name("known_hosts")
            }
        };
        fs::read_to_string(file).map_err(ServersError::at("read the host keys"))
    }

    /// The sandbox's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Kind {
    fn named(path: &Path) -> Result<Self, ServersError> {
        let inventory = Inventory::read(path)?;
        let access = tempfile::tempdir().map_err(ServersError::at("make a folder"))?;
        for (file, text) in
            [("ssh_config", inventory.ssh_config(access.path())), ("known_hosts", inventory.known_hosts())]
        {
            fs::write(access.path().join(file), text).map_err(ServersError::at("write how to log in"))?;
        }
        Ok(Self::Named { inventory, access })
    }
}

impl Inventory {
    fn read(path: &Path) -> Result<Self, ServersError> {
        let text = fs::read_to_string(path).map_err(ServersError::at("read the inventory"))?;
        serde_json::from_str(&text)
            .map_err(|source| ServersError::Inventory { path: path.to_owned(), source })
    }

    fn server(&self, number: usize) -> Option<Server> {
        let index = number.checked_sub(1)?.checked_rem(self.servers.len())?;
        let (name, place) = self.servers.iter().nth(index)?;
        let Place { address, host_key } = place.clone();
        Some(Server { name: name.clone(), address, host_key })
    }

    /// What a sandbox would say in this variable of its environment.
    fn variable(&self, name: &str) -> Option<String> {
        match name {
            "TF_VAR_bundles" => self.bundles.as_ref().map(|folder| folder.display().to_string()),
            "TF_VAR_nested_kubernetes" => Some(self.nested_kubernetes.to_string()),
            "AWS_REGION" => self.s3.as_ref().map(|store| store.region.clone()),
            "AWS_ENDPOINT_URL" => self.s3.as_ref().map(Store::url),
            _ => None,
        }
    }

    /// Tests say `server-2` of the second, whatever its name is.
    fn ssh_config(&self, folder: &Path) -> String {
        let places = self.servers.iter().cycle().take(MOST_NUMBERED);
        let hosts = places.enumerate().map(|(index, (name, place))| {
            format!("Host server-{} {name}\n  HostName {}\n", index + 1, place.address)
        });
        format!(
            "{}Host *\n  User {}\n  IdentityFile \"{}\"\n  IdentitiesOnly yes\n  UserKnownHostsFile \"{}\"\n  \
             GlobalKnownHostsFile none\n  StrictHostKeyChecking yes\n",
            hosts.collect::<String>(),
            self.user,
            self.private_key_file.display(),
            folder.join("known_hosts").display()
        )
    }

    fn known_hosts(&self) -> String {
        let lines = self.servers.values().map(|place| format!("{} {}\n", place.address, place.host_key));
        lines.collect::<Vec<_>>().concat()
    }
}

impl Store {
    fn url(&self) -> String {
        let of_aws = || format!("https://s3.{}.amazonaws.com", self.region);
        self.endpoint.clone().unwrap_or_else(of_aws)
    }
}

/// Servers of one's own need none of it.
fn nothing_to_tell() -> Value {
    json!({ "ignore_preflight_errors": [], "kubelet": {}, "kube_proxy": {}, "container_runtime": {} })
}

impl ServersError {
    pub(crate) fn at(step: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { step, source }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        if let Kind::Sandbox { undertaker, .. } = &mut self.kind {
            drop(undertaker.stdin.take());
            let _ = undertaker.wait();
        }
    }
}

fn printed(command: &mut Command, words: &[&str]) -> Result<String, ServersError> {
    let output = command.stdin(Stdio::null()).output();
    let Output { status, stdout, stderr } = output.map_err(ServersError::at("run a command on servers"))?;
    let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    if status.success() {
        return Ok(stdout);
    }
    let words = words.iter().map(|&word| word.to_owned()).collect();
    Err(ServersError::Failed { words, said: stdout + &stderr })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inventory() -> Inventory {
        serde_json::from_str(
            r#"{
                "user": "debian",
                "private_key_file": "/home/me/.ssh/id_ed25519",
                "servers": {
                    "worker": { "address": "203.0.113.12", "host_key": "ssh-ed25519 AAAA2" },
                    "cp": { "address": "203.0.113.11", "host_key": "ssh-ed25519 AAAA1" }
                }
            }"#,
        )
        .unwrap()
    }

    #[test]
    fn of_a_user_are_numbered_by_their_names() {
        let second = Server {
            name: "worker".to_owned(),
            address: "203.0.113.12".to_owned(),
            host_key: "ssh-ed25519 AAAA2".to_owned(),
        };
        assert_eq!(inventory().server(2), Some(second.clone()));
        assert_eq!((inventory().server(4), inventory().server(0)), (Some(second), None));
        let config = inventory().ssh_config(Path::new("/t"));
        assert!(
            config.starts_with("Host server-1 cp\n  HostName 203.0.113.11\nHost server-2 worker\n"),
            "{config}"
        );
        assert!(
            config.contains("  User debian\n") && config.contains("StrictHostKeyChecking yes"),
            "{config}"
        );
    }

    #[test]
    fn of_a_user_have_bundles_and_an_s3_if_they_are_told() {
        let told = |more: &str| -> Inventory {
            let text = r#"{ "user": "root", "private_key_file": "k", "servers": {} MORE }"#;
            serde_json::from_str(&text.replace("MORE", more)).unwrap()
        };
        let variables = |inventory: &Inventory| {
            ["TF_VAR_bundles", "AWS_REGION", "AWS_ENDPOINT_URL"].map(|name| inventory.variable(name))
        };
        assert_eq!(variables(&told("")), [None, None, None]);
        let inventory = told(r#", "bundles": "/srv/bundles", "s3": { "region": "eu-west-3" }"#);
        let expected = ["/srv/bundles", "eu-west-3", "https://s3.eu-west-3.amazonaws.com"];
        assert_eq!(variables(&inventory), expected.map(|text| Some(text.to_owned())));
        let needs: Value =
            serde_json::from_str(&inventory.variable("TF_VAR_nested_kubernetes").unwrap()).unwrap();
        assert_eq!(needs["kubelet"], json!({}));
        let other = told(r#", "s3": { "region": "x", "endpoint": "http://198.51.100.1:9000" }"#);
        assert_eq!(other.variable("AWS_ENDPOINT_URL").as_deref(), Some("http://198.51.100.1:9000"));
    }

    #[test]
    fn of_a_user_are_not_guessed() {
        let misspelt = r#"{ "user": "debian", "private_key_file": "k", "hosts": {} }"#;
        assert!(serde_json::from_str::<Inventory>(misspelt).is_err());
    }
}
