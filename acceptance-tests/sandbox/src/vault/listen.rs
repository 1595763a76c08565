//! The addresses of a Vault.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// How often a port is tried.
const PAUSE: Duration = Duration::from_millis(20);

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

    /// Whether nobody else listens there, or ceases to within `patience`: what is left of a killed server lets go of
    /// its ports a moment after the server is gone.
    pub(super) fn is_free(self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        loop {
            if [self.api, self.cluster].into_iter().all(|address| TcpListener::bind(address).is_ok()) {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            thread::sleep(PAUSE);
        }
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
        assert!(!listen.is_free(Duration::ZERO));
        drop(taken);
        assert!(listen.is_free(Duration::ZERO));
    }
}
