//! The `ssh` block.

use tfplugin::{Model, Value};

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
    #[tf(required, nullable)]
    pub host_key: Value<String>,
}
