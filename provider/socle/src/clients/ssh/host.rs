//! How a host is addressed, the same way everywhere.

use std::fmt;

use russh::keys::PublicKey;
use tfplugin::{Model, Value};

/// The port of SSH.
pub const SSH_PORT: u16 = 22;

/// A host, as a block or a nested attribute of a resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Model)]
pub struct HostBlock {
    /// Its address: an IP address or a name.
    #[tf(required, validate(length(1..)))]
    pub address: Value<String>,
    /// Its SSH port. Default: `22`.
    #[tf(optional, validate(range(1..)))]
    pub port: Value<u16>,
    /// The user to log in as; where it is not `root`, it needs `sudo` without a password. Default: that of the
    /// provider's `ssh` block.
    #[tf(optional, validate(length(1..)))]
    pub user: Value<String>,
    /// Its host key, such as `ssh-ed25519 AAAA…`. It must be written; null means that `known_hosts` of the provider's
    /// `ssh` block knows it.
    #[tf(required, nullable, validate(describe("an SSH public key, such as `ssh-ed25519 AAAA…`", |key: &String| is_host_key(key))))]
    pub host_key: Value<String>,
    /// Its address on the provider's private network. Default: none.
    #[tf(optional, validate(ip_address()))]
    pub private_address: Value<String>,
}

impl HostBlock {
    /// Where it is, once address, port, user and key are known.
    pub fn host(&self) -> Option<Host> {
        Host::of(&self.address, &self.port, &self.user, &self.host_key)
    }
}

/// Checks a host key that a user wrote.
///
/// # Errors
/// What was found instead.
pub fn is_host_key(key: &str) -> Result<(), String> {
    match PublicKey::from_openssh(key.trim()) {
        Ok(_) => Ok(()),
        Err(_) if key.contains("PRIVATE KEY") => Err("found a private key".to_owned()),
        Err(_) => {
            Err("found no type and base64 text of a key; `ssh-keyscan` prints it after the address"
                .to_owned())
        }
    }
}

/// Whether the key of a host that nobody knows yet is taken on trust.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FirstContact {
    /// It is an error.
    #[default]
    Refuse,
    /// The key is accepted, and from then on it is the only one: for `bootstrap`.
    Accept,
}

/// Where a host is and how it is recognised.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Host {
    /// An IP address or a name.
    pub address: String,
    /// The SSH port.
    pub port: u16,
    /// The user to log in as; none: that of the provider's `ssh` block.
    pub user: Option<String>,
    /// The one key that it may show; none: `known_hosts` decides.
    pub host_key: Option<String>,
    /// What happens when neither knows it.
    pub first_contact: FirstContact,
}

impl Host {
    /// Reads `[USER@]ADDRESS[:PORT]`; an IPv6 address with a port stands in brackets.
    pub fn parse(text: &str) -> Option<Self> {
        let (user, place) = text.rsplit_once('@').map_or((None, text), |(user, place)| (Some(user), place));
        let (address, port) = if let Some(rest) = place.strip_prefix('[') {
            let (address, port) = rest.split_once(']')?;
            (address, port.strip_prefix(':'))
        } else {
            match place.split_once(':') {
                Some((address, port)) if !port.contains(':') => (address, Some(port)),
                _ => (place, None),
            }
        };
        let port = port.map_or(Ok(SSH_PORT), str::parse).ok()?;
        let is_empty = address.is_empty() || user == Some("");
        let (address, user) = (address.to_owned(), user.map(str::to_owned));
        (!is_empty).then(|| Self { address, port, user, ..Self::default() })
    }

    /// A host of four arguments; none while one of them is unknown.
    pub fn of(
        address: &Value<String>,
        port: &Value<u16>,
        user: &Value<String>,
        host_key: &Value<String>,
    ) -> Option<Self> {
        if port.is_unknown() || user.is_unknown() || host_key.is_unknown() {
            return None;
        }
        Some(Self {
            address: address.known()?.clone(),
            port: port.known().copied().unwrap_or(SSH_PORT),
            user: user.known().cloned(),
            host_key: host_key.known().cloned(),
            first_contact: FirstContact::Refuse,
        })
    }

    /// The same host, for another user.
    #[must_use]
    pub fn with_user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// The same host, recognised by this key alone.
    #[must_use]
    pub fn with_host_key(mut self, key: impl Into<String>) -> Self {
        self.host_key = Some(key.into());
        self.first_contact = FirstContact::Refuse;
        self
    }

    /// As `known_hosts` calls it: `[name]:port` where the port is not 22.
    pub fn known_as(&self) -> String {
        let name = self.address.to_ascii_lowercase();
        if self.port == SSH_PORT { name } else { format!("[{name}]:{}", self.port) }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            SSH_PORT => out.write_str(&self.address),
            port if self.address.contains(':') => write!(out, "[{}]:{port}", self.address),
            port => write!(out, "{}:{port}", self.address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(address: &str, port: u16) -> Host {
        Host { address: address.to_owned(), port, ..Host::default() }
    }

    #[test]
    fn a_host_is_shown_with_a_port_only_where_it_is_not_the_usual_one() {
        assert_eq!(host("203.0.113.1", 22).to_string(), "203.0.113.1");
        assert_eq!(host("203.0.113.1", 2222).to_string(), "203.0.113.1:2222");
        assert_eq!(host("2001:db8::1", 2222).to_string(), "[2001:db8::1]:2222");
    }

    #[test]
    fn known_hosts_calls_it_by_lower_case_name_and_unusual_port() {
        assert_eq!(host("Bastion.Example", 22).known_as(), "bastion.example");
        assert_eq!(host("Bastion.Example", 2222).known_as(), "[bastion.example]:2222");
    }

    #[test]
    fn nothing_is_known_of_a_host_while_its_key_is_not() {
        let block = HostBlock { address: "h".into(), host_key: Value::Unknown, ..HostBlock::default() };
        assert_eq!(block.host(), None);
        let block = HostBlock { host_key: Value::Null, ..block };
        assert_eq!(block.host(), Some(host("h", 22)));
    }

    #[test]
    fn a_private_key_is_refused_as_a_host_key() {
        assert!(is_host_key("-----BEGIN OPENSSH PRIVATE KEY-----").unwrap_err().contains("private"));
    }
}
