//! The units of a policy: what systemd starts, with which secrets, and when. Pure.

use std::fmt::Write;

use super::policy::{Policy, configuration_path, secret_path, secrets, secrets_folder};
use backup_agent::configuration::{Credentials, Source};

/// What a unit does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Makes a backup, then forgets what is too old.
    Run,
    /// Verifies a share of the data.
    Check,
    /// Restores the newest backup and asks it.
    Drill,
}

/// When a unit starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// What it does.
    pub command: Command,
    /// The values of `OnCalendar=`; none when nothing starts it but people.
    pub at: Vec<String>,
}

impl Command {
    /// All of them.
    pub const ALL: [Command; 3] = [Command::Run, Command::Check, Command::Drill];

    /// The name of the policy's unit, without its kind. A policy's name has no dot.
    pub fn unit(self, policy: &str) -> String {
        match self {
            Command::Run => format!("socle-backup-{policy}"),
            Command::Check => format!("socle-backup-{policy}.check"),
            Command::Drill => format!("socle-backup-{policy}.drill"),
        }
    }

    const fn verb(self) -> &'static str {
        match self {
            // One command: systemd would not start a second one after a backup that is incomplete.
            Command::Run => "run --forget",
            Command::Check => "check",
            Command::Drill => "drill",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Command::Run => "Backup of",
            Command::Check => "Check of the backups of",
            Command::Drill => "Restore drill of",
        }
    }
}

/// Who is to end is the agent alone, which `flock` becomes: it ends what it started, and has time for the command after a
/// backup, which may start again what the one before it stopped.
const STOPPING: &str = "KillMode=mixed\nTimeoutStopSec=6min\n";

/// The text of a service.
pub fn service(policy: &Policy, command: Command) -> String {
    let name = &policy.name;
    let database = match policy.configuration.source {
        Source::Postgresql(_) => " postgresql.service",
        Source::Files(_) => "",
    };
    let mut text = format!(
        "# Written by Socle; changes by hand are undone.\n\
         [Unit]\nDescription={} {name} (Socle)\nWants=network-online.target\nAfter=network-online.target{database}\n\n\
         [Service]\nType=oneshot\nUMask=0077\nNoNewPrivileges=yes\n{STOPPING}",
        command.words()
    );
    for credential in credentials(policy) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "LoadCredential={credential}:{}", secret_path(name, credential));
    }
    // The agent refuses a second command of its policy at once; timers that meet wait for each other.
    let _ = writeln!(
        text,
        "ExecStart=/usr/bin/flock --no-fork /run/socle-backup-{name}.lock {} --config {} {}",
        policy.agent,
        configuration_path(name),
        command.verb()
    );
    text
}

/// The secrets that the agent reads.
pub fn credentials(policy: &Policy) -> Vec<&'static str> {
    let repository = &policy.configuration.repository;
    let keys: &[_] = match repository.credentials {
        Credentials::Keys { .. } => &[secrets::ACCESS_KEY, secrets::SECRET_KEY],
        Credentials::HostRole {} => &[],
    };
    let recovery = repository.recovery_password.as_ref().map(|_| secrets::RECOVERY);
    [secrets::PASSWORD, secrets::PREVIOUS].into_iter().chain(recovery).chain(keys.iter().copied()).collect()
}

/// The text of the command by which people use the agent: at night nobody looks for a hash and a folder of secrets.
pub fn by_hand(policy: &Policy) -> String {
    let name = &policy.name;
    format!(
        "#!/bin/sh\n# Written by Socle; changes by hand are undone.\n\
         # The agent for the policy {name}: `run`, `status`, `restore --target FOLDER`, `drill`, ... as root.\n\
         CREDENTIALS_DIRECTORY={} exec {} --config {} \"$@\"\n",
        secrets_folder(name),
        policy.agent,
        configuration_path(name)
    )
}

/// The text of a timer.
pub fn timer(policy: &Policy, timing: &Timing) -> String {
    let at = timing.at.iter().fold(String::new(), |text, at| text + "OnCalendar=" + at + "\n");
    format!(
        "# Written by Socle; changes by hand are undone.\n\
         [Unit]\nDescription=When: {} {} (Socle)\n\n\
         [Timer]\n{at}AccuracySec=1s\nPersistent=true\n\n\
         [Install]\nWantedBy=timers.target\n",
        timing.command.words(),
        policy.name
    )
}
