//! Servers: Debian hosts with an init system and sshd, whose keys are known before they boot, on a network without a way
//! out.

mod fault;
mod image;
mod keys;
mod network;
mod podman;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use crate::address::Slot;
use crate::cache::CacheError;
use crate::command::{CommandError, run};
use crate::go_module::GoError;
use crate::packages::PackagesError;
use crate::state::{Claim, Sandbox, StateError, read_json, write, write_json};
use crate::step::Step;

pub use fault::{BadRate, Faults, Rate};
pub(crate) use image::alone;
pub use image::ensured as ensured_image;
pub use keys::KeyPair;
pub use network::{Lan, routes_of_the_machine};
pub use podman::{ContainerState, Podman};

/// A server boots in a few seconds; on a machine whose every core is wanted by twenty compilers it takes minutes.
const PATIENCE: Duration = Duration::from_mins(6);
const PAUSE: Duration = Duration::from_millis(100);

/// The user of every server who may do everything by `sudo`.
pub const ADMIN: &str = "admin";

/// Why a server is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The cache folder could not be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The sandbox's files could not be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// A program failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A program for servers could not be built.
    #[error(transparent)]
    Build(#[from] GoError),
    /// There are no packages to make servers from.
    #[error(transparent)]
    Packages(#[from] PackagesError),
    /// The server did not boot.
    #[error("{name} did not boot; its console says:\n{console}")]
    Boot {
        /// The server.
        name: String,
        /// The end of what it wrote to its console.
        console: String,
    },
    /// There is no such server.
    #[error("there is no {name}; the servers of this sandbox are server-1 to server-{servers}")]
    Unknown {
        /// The name that was given.
        name: String,
        /// How many there are.
        servers: u8,
    },
    /// Something was asked of a server that is down.
    #[error("{0} does not run; `sandbox mend {0}` boots it, and `sandbox up` makes what is missing")]
    Down(String),
    /// The sandbox has no servers at all.
    #[error("this sandbox has no servers; `sandbox up --servers 2` adds two")]
    None,
}

/// One server of a sandbox, whether it runs or not.
#[derive(Debug, Clone)]
pub struct Server {
    sandbox: Sandbox,
    slot: Slot,
    number: u8,
}

/// What a server is made from, besides what it is.
#[derive(Debug)]
pub struct Blueprint {
    /// The image's name in podman's storage.
    pub image: String,
    /// The line of its `/etc/apt/sources.list`.
    pub packages: String,
    /// The public key that root and the administrator log in by.
    pub admin_key: String,
}

impl Server {
    /// The server `number`, counted from 1, of the sandbox in `slot`.
    pub fn new(sandbox: &Sandbox, slot: Slot, number: u8) -> Self {
        Self { sandbox: sandbox.clone(), slot, number }
    }

    /// All servers of a sandbox that has this many.
    pub fn all(sandbox: &Sandbox, slot: Slot, servers: u8) -> Vec<Self> {
        (1..=servers).map(|number| Self::new(sandbox, slot, number)).collect()
    }

    /// The server of `sandbox` with the name `name`.
    pub fn named(sandbox: &Sandbox, name: &str) -> Result<Self, ServerError> {
        let record = sandbox.record()?.filter(|record| record.wanted.servers > 0).ok_or(ServerError::None)?;
        let servers = record.wanted.servers;
        Self::all(sandbox, record.slot, servers)
            .into_iter()
            .find(|server| server.name() == name)
            .ok_or_else(|| ServerError::Unknown { name: name.to_owned(), servers })
    }

    /// Its name and host name, `server-1` and so on.
    pub fn name(&self) -> String {
        format!("server-{}", self.number)
    }

    /// Its only address besides loopback.
    pub fn address(&self) -> Ipv4Addr {
        self.slot.server(self.number)
    }

    /// The key by which it shows that it is itself.
    pub fn host_key(&self) -> KeyPair {
        KeyPair::at(self.seed().join("ssh_host_ed25519_key"))
    }

    /// The faults of its network.
    pub fn faults(&self) -> Result<Faults, ServerError> {
        Ok(read_json(&self.faults_file())?.unwrap_or_default())
    }

    /// How its container is; none when it was never made.
    pub fn state(&self, podman: &Podman) -> Result<Option<ContainerState>, ServerError> {
        podman.state(&self.container())
    }

    /// An error unless it runs.
    pub fn must_run(&self, podman: &Podman) -> Result<(), ServerError> {
        match self.state(podman)? {
            Some(ContainerState::Running) => Ok(()),
            _ => Err(ServerError::Down(self.name())),
        }
    }

    /// A command that runs a program on it as root, without the network.
    pub fn exec(&self, podman: &Podman, options: &[&str]) -> Command {
        let mut command = podman.query();
        command.arg("exec").args(options).arg(self.container());
        command
    }

    /// Makes it, or starts it, and waits until it has booted; nothing to do when it runs.
    pub fn up(
        &self,
        claim: &Claim,
        podman: &Podman,
        blueprint: &Blueprint,
        step: &Step,
    ) -> Result<(), ServerError> {
        match self.state(podman)? {
            Some(ContainerState::Running) => {}
            Some(ContainerState::Stopped) => {
                step.doing("booting");
                self.boot(claim, podman, &["start", &self.container()])?;
            }
            Some(ContainerState::HalfMade) => {
                step.doing("making it again");
                self.remove(claim, podman)?;
                self.make(claim, podman, blueprint)?;
            }
            None => {
                step.doing("making it");
                self.make(claim, podman, blueprint)?;
            }
        }
        self.wait_until_booted(podman)
    }

    /// Shuts it down in order.
    pub fn stop(&self, claim: &Claim, podman: &Podman) -> Result<(), ServerError> {
        self.podman(claim, podman, &["stop", "--time=30"])
    }

    /// Ends it without a warning, as a power failure does. What was not written to the disk is kept all the same: the disk
    /// is the machine's.
    pub fn kill(&self, claim: &Claim, podman: &Podman) -> Result<(), ServerError> {
        if self.state(podman)? == Some(ContainerState::Running) {
            self.podman(claim, podman, &["kill"])?;
            self.podman(claim, podman, &["wait"])?;
        }
        Ok(())
    }

    /// Shuts it down and boots it: another start of the same disk, on a network as at the start of a machine.
    pub fn restart(&self, claim: &Claim, podman: &Podman) -> Result<(), ServerError> {
        self.stop(claim, podman)?;
        self.start(claim, podman)
    }

    /// Boots it, unless it runs.
    pub fn start(&self, claim: &Claim, podman: &Podman) -> Result<(), ServerError> {
        if self.state(podman)? != Some(ContainerState::Running) {
            self.boot(claim, podman, &["start", &self.container()])?;
        }
        self.wait_until_booted(podman)
    }

    /// Changes the faults of its network to these; when it is down, from its next start on.
    pub fn impose(&self, claim: &Claim, podman: &Podman, faults: &Faults) -> Result<(), ServerError> {
        write_json(&self.faults_file(), faults)?;
        match self.state(podman)? {
            Some(ContainerState::Running) => Lan::new(claim, self.slot).impose(self.number, faults),
            _ => Ok(()),
        }
    }

    /// Takes it away with all that it holds.
    pub fn remove(&self, claim: &Claim, podman: &Podman) -> Result<(), ServerError> {
        let remove = || self.podman(claim, podman, &["rm", "--force", "--volumes", "--time=0", "--ignore"]);
        // Podman gives what it kills a few seconds to end. On a busy machine it takes longer, and has ended by the next time.
        remove().or_else(|_| remove())?;
        Lan::new(claim, self.slot).detach(self.number)
    }

    fn make(&self, claim: &Claim, podman: &Podman, blueprint: &Blueprint) -> Result<(), ServerError> {
        self.sow(claim, blueprint)?;
        let name = self.name();
        let container = self.container();
        let network = format!("--network=ns:/run/netns/{}", self.slot.server_namespace(self.number));
        let seed = format!("{}:/seed:ro", self.seed().display());
        let cgroup = Podman::cgroup();
        let mut options =
            vec!["run", "--detach", "--name", &container, "--hostname", &name, &network, &cgroup];
        options.extend(["--privileged", "--systemd=always", "--cgroupns=private", "--no-hosts"]);
        // The limits that podman sets by itself need a capability that a container does not have.
        options.extend(["--ulimit=nofile=20000:20000", "--ulimit=nproc=30000:30000"]);
        // An overlay on an overlay does not work, and etcd wants a disk.
        options.extend(["-v", "/var/lib/containerd", "-v", "/var/lib/kubelet", "-v", "/var/lib/etcd"]);
        options.extend(["-v", &seed]);
        options.extend([&blueprint.image, image::FIRST_PROCESS]);
        self.boot(claim, podman, &options)
    }

    /// Renews the network, with the faults that it had, and has podman start the container by these words.
    fn boot(&self, claim: &Claim, podman: &Podman, words: &[&str]) -> Result<(), ServerError> {
        let lan = Lan::new(claim, self.slot);
        lan.renew(self.number)?;
        lan.impose(self.number, &self.faults()?)?;
        run(podman.command(claim)?.args(words))?;
        Ok(())
    }

    /// Writes what makes it different from other servers, for its first boot.
    fn sow(&self, claim: &Claim, blueprint: &Blueprint) -> Result<(), ServerError> {
        let name = self.name();
        self.host_key().ensure(claim, &name)?;
        let authorized = format!("{} {ADMIN}\n", blueprint.admin_key);
        for (file, text) in [
            ("name", name + "\n"),
            ("authorized_keys", authorized),
            ("sources.list", format!("{}\n", blueprint.packages)),
        ] {
            write(&self.seed().join(file), &text)?;
        }
        Ok(())
    }

    /// Systemd says so when its start is over, whether or not all of its units are well: that is shown by `status`.
    fn wait_until_booted(&self, podman: &Podman) -> Result<(), ServerError> {
        let deadline = Instant::now() + PATIENCE;
        while !matches!(self.health(podman)?.as_str(), "running" | "degraded") {
            if Instant::now() >= deadline || self.state(podman)? != Some(ContainerState::Running) {
                return Err(ServerError::Boot { name: self.name(), console: self.console(podman) });
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// What systemd says of the whole server: `running`, `degraded`, `starting`, … Empty when it cannot be asked.
    pub fn health(&self, podman: &Podman) -> Result<String, ServerError> {
        let mut command = self.exec(podman, &[]);
        let program = "systemctl is-system-running".to_owned();
        let Output { stdout, .. } = command
            .args(["systemctl", "is-system-running"])
            .output()
            .map_err(|source| CommandError::Start { program, source })?;
        Ok(String::from_utf8_lossy(&stdout).trim().to_owned())
    }

    fn console(&self, podman: &Podman) -> String {
        let printed = podman.query().args(["logs", "--tail=30", &self.container()]).output();
        printed.map_or_else(
            |error| error.to_string(),
            |Output { stdout, stderr, .. }| String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned(),
        )
    }

    fn podman(&self, claim: &Claim, podman: &Podman, words: &[&str]) -> Result<(), ServerError> {
        run(podman.command(claim)?.args(words).arg(self.container()))?;
        Ok(())
    }

    fn container(&self) -> String {
        format!("socle-{}-{}", self.sandbox.name(), self.name())
    }

    fn folder(&self) -> PathBuf {
        self.sandbox.folder().join("servers").join(self.name())
    }

    fn seed(&self) -> PathBuf {
        self.folder().join("seed")
    }

    fn faults_file(&self) -> PathBuf {
        self.folder().join("faults.json")
    }
}
