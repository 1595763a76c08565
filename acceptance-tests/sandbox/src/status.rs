//! What of a sandbox is up.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::aws;
use crate::machine::obstacle_to_servers;
use crate::packages;
use crate::server::{ContainerState, Faults, Podman, Server, ServerError};
use crate::state::{Record, Sandbox};
use crate::vault::Vault;

/// A sandbox at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// The URL of AWS. Null: not asked for, or [stopped](Self::stopped).
    pub aws: Option<String>,
    /// The URL of Vault. Null: not asked for, or stopped.
    pub vault: Option<String>,
    /// The URL of the package repository. Null when there are no servers.
    pub packages: Option<String>,
    /// The versions of Kubernetes whose bundles are at hand.
    pub kubernetes: BTreeSet<String>,
    /// Its servers by number.
    pub servers: Vec<ServerStatus>,
    /// What was asked for and does not run: `sandbox up` starts it.
    pub stopped: Vec<String>,
    /// What cannot be had on this machine, and why.
    pub left_out: Vec<String>,
}

/// A server at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServerStatus {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// `absent`, `stopped`, or what systemd says of it: `running`, `degraded` (a unit failed), `starting`, …
    pub state: String,
    /// The faults of its network.
    pub faults: Faults,
}

impl Status {
    /// Looks at `sandbox`; none when it is down.
    pub fn of(sandbox: &Sandbox) -> Result<Option<Self>, ServerError> {
        let Some(Record { slot, wanted }) = sandbox.record()? else { return Ok(None) };
        let obstacle = obstacle_to_servers();
        let servers = match obstacle {
            None if wanted.servers > 0 => {
                let podman = Podman::of(sandbox.cache())?;
                let servers = Server::all(sandbox, slot, wanted.servers);
                servers.iter().map(|server| ServerStatus::of(server, &podman)).collect::<Result<_, _>>()?
            }
            _ => Vec::new(),
        };
        let repository = packages::service::server(sandbox);
        let packages = format!("http://{}", packages::service::address(slot.machine()));
        let packages = repository.is_running().then_some(packages);
        let (aws, vault) = (aws::url(sandbox), Vault::of(sandbox));
        let vault = vault.runs().then(|| vault.url().ok()).flatten();
        let stopped = [
            ("aws", wanted.aws && aws.is_none()),
            ("vault", wanted.vault && vault.is_none()),
            ("packages", wanted.servers > 0 && packages.is_none()),
        ];
        let stopped = stopped.into_iter().filter(|(_, stopped)| *stopped);
        Ok(Some(Self {
            name: sandbox.name().to_string(),
            aws,
            vault,
            packages,
            kubernetes: wanted.kubernetes,
            servers,
            stopped: stopped.map(|(name, _)| name.to_owned()).collect(),
            left_out: obstacle.iter().map(|reason| format!("servers: {reason}")).collect(),
        }))
    }
}

impl ServerStatus {
    fn of(server: &Server, podman: &Podman) -> Result<Self, ServerError> {
        let state = match server.state(podman)? {
            Some(ContainerState::Running) => server.health(podman)?,
            Some(ContainerState::Stopped) => "stopped".to_owned(),
            Some(ContainerState::HalfMade) | None => "absent".to_owned(),
        };
        let (name, address) = (server.name(), server.address().to_string());
        Ok(Self { name, address, state, faults: server.faults()? })
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let mut row = |name: &str, place: &str, state: &str, faults: &str| {
            writeln!(formatter, "{}", format!("{name:<12}{place:<28}{state:<12}{faults}").trim_end())
        };
        row("NAME", "PLACE", "STATE", "FAULTS")?;
        for (name, url) in [("aws", &self.aws), ("vault", &self.vault), ("packages", &self.packages)] {
            if let Some(url) = url {
                row(name, url, "running", "none")?;
            }
        }
        for name in &self.stopped {
            row(name, "-", "stopped", "none")?;
        }
        for version in &self.kubernetes {
            row("kubernetes", version, "at hand", "none")?;
        }
        for server in &self.servers {
            row(&server.name, &server.address, &server.state, &server.faults.to_string())?;
        }
        self.left_out.iter().try_for_each(|reason| writeln!(formatter, "left out: {reason}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_table_for_people() {
        let status = Status {
            name: "default".to_owned(),
            aws: Some("http://198.18.0.1:5780".to_owned()),
            vault: None,
            packages: None,
            kubernetes: BTreeSet::from(["1.37.2".to_owned()]),
            stopped: vec!["vault".to_owned()],
            servers: vec![ServerStatus {
                name: "server-1".to_owned(),
                address: "198.18.0.11".to_owned(),
                state: "running".to_owned(),
                faults: Faults { cut: true, slow: None },
            }],
            left_out: Vec::new(),
        };
        assert_eq!(
            status.to_string(),
            "NAME        PLACE                       STATE       FAULTS\n\
             aws         http://198.18.0.1:5780      running     none\n\
             vault       -                           stopped     none\n\
             kubernetes  1.37.2                      at hand     none\n\
             server-1    198.18.0.11                 running     cut off\n"
        );
    }
}
