//! How a sandbox is reached: what ssh, Terraform and Ansible are told.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::kubernetes::nesting;
use crate::server::{ADMIN, KeyPair, Server, ServerError};
use crate::state::{Sandbox, write};

/// moto takes any credentials; clients want some.
const CREDENTIALS: &str = "sandbox";
const REGION: &str = "eu-central-1";

/// A server as its clients know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// The public half of its host key.
    pub key: String,
}

/// The files that lead to the servers of a sandbox.
#[derive(Debug, Clone)]
pub struct Access {
    folder: PathBuf,
}

impl Access {
    /// Those of `sandbox`.
    pub fn to(sandbox: &Sandbox) -> Self {
        Self { folder: sandbox.folder().join("access") }
    }

    /// The key that root and the administrator of every server log in by.
    pub fn admin_key(&self) -> KeyPair {
        KeyPair::at(self.folder.join("admin_ed25519"))
    }

    /// The host keys of all servers, for ssh's `UserKnownHostsFile`.
    pub fn known_hosts(&self) -> PathBuf {
        self.folder.join("known_hosts")
    }

    /// For `ssh -F`: with it, `ssh server-1` is all that is to be typed.
    pub fn ssh_config(&self) -> PathBuf {
        self.folder.join("ssh_config")
    }

    /// For Ansible: all servers, in the group `servers`.
    pub fn inventory(&self) -> PathBuf {
        self.folder.join("inventory.ini")
    }

    /// The file that says where the bundles of Kubernetes are.
    fn bundles_file(&self) -> PathBuf {
        self.folder.join("bundles")
    }

    /// Writes down where the bundles of Kubernetes are.
    pub fn write_bundles(&self, folder: &Path) -> Result<(), ServerError> {
        Ok(write(&self.bundles_file(), &folder.to_string_lossy())?)
    }

    /// Writes the files for these servers.
    pub fn write(&self, hosts: &[Host]) -> Result<(), ServerError> {
        let (key, known_hosts) = (self.admin_key(), self.known_hosts());
        write(&known_hosts, &known_hosts_of(hosts))?;
        write(&self.ssh_config(), &ssh_config_of(hosts, key.private(), &known_hosts))?;
        write(&self.inventory(), &inventory_of(hosts, &self.ssh_config()))?;
        Ok(())
    }

    /// The variables of the environment that lead Terraform and Ansible to `hosts`, and the AWS SDKs to `aws`.
    pub fn environment(&self, hosts: &[Host], aws: Option<&str>) -> Vec<(&'static str, String)> {
        let mut variables = Vec::new();
        if let Some(url) = aws {
            variables.push(("AWS_ENDPOINT_URL", url.to_owned()));
            variables.extend(
                [
                    ("AWS_ACCESS_KEY_ID", CREDENTIALS),
                    ("AWS_SECRET_ACCESS_KEY", CREDENTIALS),
                    ("AWS_REGION", REGION),
                ]
                .map(|(name, value)| (name, value.to_owned())),
            );
        }
        if !hosts.is_empty() {
            let shown = |path: &Path| path.display().to_string();
            variables.push(("TF_VAR_servers", terraform_variable(hosts)));
            variables.push(("TF_VAR_private_key_file", shown(self.admin_key().private())));
            variables.push(("ANSIBLE_INVENTORY", shown(&self.inventory())));
            variables.push(("SOCLE_SANDBOX_SSH_CONFIG", shown(&self.ssh_config())));
        }
        // It is written by `up`, with what was asked for.
        if let Ok(bundles) = fs::read_to_string(self.bundles_file()) {
            variables.push(("TF_VAR_bundles", bundles));
            variables.push(("TF_VAR_nested_kubernetes", nesting::arguments().to_string()));
        }
        variables
    }
}

impl Host {
    /// The server, once its keys are made.
    pub fn of(server: &Server) -> Result<Self, ServerError> {
        Ok(Self {
            name: server.name(),
            address: server.address().to_string(),
            key: server.host_key().public()?,
        })
    }
}

/// `export` lines for a POSIX shell.
pub fn exports(variables: &[(&str, String)]) -> String {
    variables.iter().fold(String::new(), |lines, (name, value)| {
        lines + "export " + name + "='" + &value.replace('\'', r"'\''") + "'\n"
    })
}

/// A map of objects with `address` and `host_key`.
fn terraform_variable(hosts: &[Host]) -> String {
    let object = |host: &Host| json!({ "address": host.address, "host_key": host.key });
    let map: serde_json::Map<_, _> = hosts.iter().map(|host| (host.name.clone(), object(host))).collect();
    serde_json::Value::from(map).to_string()
}

fn known_hosts_of(hosts: &[Host]) -> String {
    hosts
        .iter()
        .fold(String::new(), |lines, host| lines + &format!("{},{} {}\n", host.name, host.address, host.key))
}

fn ssh_config_of(hosts: &[Host], key: &Path, known_hosts: &Path) -> String {
    let mut config = String::new();
    for Host { name, address, .. } in hosts {
        // Writing to a string cannot fail.
        let _ = writeln!(config, "Host {name}\n  HostName {address}");
    }
    let _ = write!(
        config,
        "Host *\n  User {ADMIN}\n  IdentityFile \"{}\"\n  IdentitiesOnly yes\n  UserKnownHostsFile \"{}\"\n  \
         GlobalKnownHostsFile none\n  StrictHostKeyChecking yes\n",
        key.display(),
        known_hosts.display()
    );
    config
}

fn inventory_of(hosts: &[Host], ssh_config: &Path) -> String {
    let mut inventory = "[servers]\n".to_owned();
    for host in hosts {
        let _ = writeln!(inventory, "{} ansible_host={}", host.name, host.address);
    }
    let _ = write!(
        inventory,
        "\n[servers:vars]\nansible_user={ADMIN}\nansible_become=true\nansible_ssh_common_args='-F \"{}\"'\n",
        ssh_config.display()
    );
    inventory
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> [Host; 1] {
        [Host {
            name: "server-1".to_owned(),
            address: "198.18.0.11".to_owned(),
            key: "ssh-ed25519 AAAA".to_owned(),
        }]
    }

    #[test]
    fn a_known_host_has_its_name_and_its_address() {
        assert_eq!(known_hosts_of(&hosts()), "server-1,198.18.0.11 ssh-ed25519 AAAA\n");
    }

    #[test]
    fn terraform_is_told_addresses_and_host_keys() {
        assert_eq!(
            terraform_variable(&hosts()),
            r#"{"server-1":{"address":"198.18.0.11","host_key":"ssh-ed25519 AAAA"}}"#
        );
    }

    #[test]
    fn ansible_uses_the_configuration_of_ssh() {
        let inventory = inventory_of(&hosts(), Path::new("/c/ssh_config"));
        assert!(inventory.starts_with("[servers]\nserver-1 ansible_host=198.18.0.11\n"), "{inventory}");
        assert!(inventory.contains("ansible_ssh_common_args='-F \"/c/ssh_config\"'\n"), "{inventory}");
    }

    #[test]
    fn a_quote_in_a_value_stays_in_it() {
        assert_eq!(exports(&[("A", "it's".to_owned())]), "export A='it'\\''s'\n");
    }

    #[test]
    fn what_is_not_there_is_not_exported() {
        let access = Access { folder: PathBuf::from("/c") };
        assert_eq!(access.environment(&[], None), []);
        let names: Vec<_> =
            access.environment(&[], Some("http://127.0.0.1:1")).iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"]);
    }
}
