//! The package repository as servers reach it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use crate::detached::{Detached, DetachedError};
use crate::state::{Claim, Sandbox};
use crate::step::Step;

use super::file_server::{announced_address, command};

/// Its port in the servers' network, where the address is the sandbox's own.
const PORT: u16 = 5781;
const PATIENCE: Duration = Duration::from_secs(30);

/// Serves `repository` at the address that servers reach, unless it is served already.
pub fn up(claim: &Claim, repository: &Path, address: Ipv4Addr, step: &Step) -> Result<(), DetachedError> {
    let server = server(claim.sandbox());
    if !server.is_running() {
        step.doing("serving the packages");
    }
    server.start(claim, &command(repository, self::address(address)), PATIENCE, announced_address)?;
    Ok(())
}

/// Where the repository is, when the machine has `address` in the servers' network.
pub fn address(address: Ipv4Addr) -> SocketAddr {
    (address, PORT).into()
}

/// The process itself, with its log.
pub fn server(sandbox: &Sandbox) -> Detached {
    Detached::new(&sandbox.folder(), "packages")
}
