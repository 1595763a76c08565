//! The `ssh` block.

use tfplugin::{Model, Value};

use crate::clients::secret::Secret;
use crate::clients::ssh::{Host, LoginMethod, SshSettings, is_host_key};

/// How to reach hosts.
#[derive(Debug, Clone, PartialEq, Default, Model)]
#[tf(exactly_one_of(private_key, agent, vault))]
pub struct SshBlock {
    /// The user to log in as; where it is not `root`, it needs `sudo`. Default: `root`.
    #[tf(optional, validate(length(1..)))]
    pub user: Value<String>,
    /// The private key itself, in OpenSSH or PEM form. An ephemeral value is welcome.
    #[tf(optional, sensitive)]
    pub private_key: Value<String>,
    /// Whether to use the keys of the SSH agent that `SSH_AUTH_SOCK` names.
    #[tf(optional, validate(describe("`true`, or left out", |on: &bool| {
        if *on { Ok(()) } else { Err("found false".to_owned()) }
    })))]
    pub agent: Value<bool>,
    /// Log in with a short-lived certificate that Vault signs, for a key that is made for it and thrown away.
    #[tf(block)]
    pub vault: Value<SshVaultBlock>,
    /// The text of a `known_hosts` file, `@cert-authority` lines included: used for hosts that give no `host_key`.
    #[tf(optional)]
    pub known_hosts: Value<String>,
    /// A host to go through.
    #[tf(block)]
    pub bastion: Value<BastionBlock>,
}

/// Vault's SSH secrets engine.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct SshVaultBlock {
    /// The mount of the SSH secrets engine. Default: `ssh`.
    #[tf(optional)]
    pub mount: Value<String>,
    /// The role that signs.
    #[tf(required)]
    pub role: Value<String>,
}

/// A host to go through.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct BastionBlock {
    /// Its address: an IP address or a name.
    #[tf(required)]
    pub address: Value<String>,
    /// Its SSH port. Default: `22`.
    #[tf(optional, validate(range(1..)))]
    pub port: Value<u16>,
    /// The user to log in as. Default: that of the `ssh` block.
    #[tf(optional)]
    pub user: Value<String>,
    /// Its host key, such as `ssh-ed25519 AAAA…`; null means `known_hosts`.
    #[tf(required, nullable, validate(describe("an SSH public key, such as `ssh-ed25519 AAAA…`", |key: &String| is_host_key(key))))]
    pub host_key: Value<String>,
}

impl SshBlock {
    /// What is unknown while planning is as if it were left out: no resource that exists can depend on it.
    pub(super) fn settings(self) -> SshSettings {
        let login = self.login();
        let bastion = self.bastion.into_known();
        let bastion = bastion.and_then(|b| Host::of(&b.address, &b.port, &b.user, &b.host_key));
        SshSettings {
            user: self.user.into_known(),
            login,
            known_hosts: self.known_hosts.into_known().unwrap_or_default(),
            bastion,
        }
    }

    fn login(&self) -> LoginMethod {
        if let Some(key) = self.private_key.known() {
            return LoginMethod::PrivateKey(Secret::new(key));
        }
        if self.agent == Value::Known(true) {
            return LoginMethod::Agent;
        }
        let Some(vault) = self.vault.known() else { return LoginMethod::None };
        let Some(role) = vault.role.known().cloned() else { return LoginMethod::None };
        LoginMethod::Vault { mount: vault.mount.known().cloned().unwrap_or_else(|| "ssh".to_owned()), role }
    }
}
