//! Servers as users write them: `host` or `host:port`.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use super::super::DnsName;
use super::super::escape::Escapes;
use super::super::name::NameError;
use crate::clients::dns::PORT;

/// A DNS server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) host: Host,
    pub(super) port: u16,
}

/// What a server is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    Name(DnsName),
    Address(IpAddr),
}

/// A text that is no server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ServerError {
    /// What stands before the port is neither a name nor an address.
    #[error("{text:?}: {source}")]
    Name { text: String, source: NameError },
    /// A colon that is not before a port.
    #[error("{text:?} has no port after its colon: write host:port, and an IPv6 address as [::1]:53")]
    Port { text: String },
}

impl Server {
    /// The name server `name`, where such servers listen.
    pub(super) fn named(name: DnsName) -> Self {
        Self { host: Host::Name(name), port: PORT }
    }

    /// The name, when it is known by one.
    pub(super) fn name(&self) -> Option<&DnsName> {
        match &self.host {
            Host::Name(name) => Some(name),
            Host::Address(_) => None,
        }
    }
}

impl FromStr for Server {
    type Err = ServerError;

    fn from_str(text: &str) -> Result<Self, ServerError> {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse() {
            return Ok(Self { host: Host::Address(address), port: PORT });
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self { host: Host::Address(address.ip()), port: address.port() });
        }
        let refused = || ServerError::Port { text: text.to_owned() };
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, port.parse().ok().filter(|port| *port != 0).ok_or_else(refused)?),
            None => (text, PORT),
        };
        let name = DnsName::absolute(host, Escapes::Octal);
        let name = name.map_err(|source| ServerError::Name { text: text.to_owned(), source })?;
        Ok(Self { host: Host::Name(name), port })
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Name(name) => f.write_str(&name.without_dot()),
            Host::Address(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str, port: u16) -> Server {
        Server { host: Host::Address(text.parse().unwrap()), port }
    }

    #[test]
    fn takes_names_and_addresses_with_and_without_port() {
        let named = Server::named("ns1.example.net".parse().unwrap());
        assert_eq!("NS1.example.net.".parse(), Ok(named.clone()));
        assert_eq!("ns1.example.net:5300".parse(), Ok(Server { port: 5300, ..named }));
        assert_eq!("192.0.2.1".parse(), Ok(address("192.0.2.1", 53)));
        assert_eq!("192.0.2.1:5300".parse(), Ok(address("192.0.2.1", 5300)));
        assert_eq!("2001:db8::1".parse(), Ok(address("2001:db8::1", 53)));
        assert_eq!("[2001:db8::1]".parse(), Ok(address("2001:db8::1", 53)));
        assert_eq!("[::1]:5300".parse(), Ok(address("::1", 5300)));
    }

    #[test]
    fn refuses_what_is_no_server() {
        for (text, message) in [
            ("", "the name is empty"),
            ("ns1.example.net:", "no port"),
            ("ns1.example.net:domain", "no port"),
            ("ns1.example.net:0", "no port"),
            ("ns1.example.net:65536", "no port"),
            (":53", "the name is empty"),
            ("::1:5300:x", "no port"),
            ("ns1..example.net", "empty label"),
        ] {
            let error = text.parse::<Server>().unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
    }
}
