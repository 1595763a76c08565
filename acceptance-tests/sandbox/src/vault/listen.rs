//! The addresses of a Vault.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use serde::{Deserialize, Serialize};

/// Where a Vault listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listen {
    /// For clients.
    pub(super) api: SocketAddr,
    /// For other Vaults of its cluster, which it has not: always on loopback.
    pub(super) cluster: SocketAddr,
}

impl Listen {
    /// Two free ports, the one for clients on `address`.
    pub(super) fn choose(address: IpAddr) -> io::Result<Self> {
        // Both are held until both are known, so that they differ.
        let api = TcpListener::bind((address, 0))?;
        let cluster = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        Ok(Self { api: api.local_addr()?, cluster: cluster.local_addr()? })
    }

    /// Whether nobody else listens there.
    pub(super) fn is_free(self) -> bool {
        [self.api, self.cluster].into_iter().all(|address| TcpListener::bind(address).is_ok())
    }

    /// The address for clients, as a URL.
    pub(super) fn url(self) -> String {
        format!("https://{}", self.api)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chooses_addresses_that_are_free_until_somebody_takes_them() {
        let listen = Listen::choose(Ipv4Addr::LOCALHOST.into()).unwrap();
        assert_ne!(listen.api, listen.cluster);
        let taken = TcpListener::bind(listen.api).unwrap();
        assert!(!listen.is_free());
        drop(taken);
        assert!(listen.is_free());
    }
}
