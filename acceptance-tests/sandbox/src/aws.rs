//! The AWS of a sandbox: moto, on the machine's address in the servers' network when there are servers, else on loopback.

use std::net::{Ipv4Addr, SocketAddr};

use crate::detached::{Detached, DetachedError};
use crate::moto::{self, MotoError, announced_url};
use crate::state::{Claim, Sandbox};
use crate::step::Step;

/// Its port in the servers' network, where the address is the sandbox's own. On loopback the system chooses one.
const PORT: u16 = 5780;

/// Why there is no AWS.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// There is no environment for moto.
    #[error(transparent)]
    Moto(#[from] MotoError),
    /// It did not start, or did not end.
    #[error(transparent)]
    Server(#[from] DetachedError),
}

/// Starts it, unless it runs, and returns its URL. When servers came since, it moves to where they reach it, and starts
/// empty.
pub fn up(claim: &Claim, servers_reach: Option<Ipv4Addr>, step: &Step) -> Result<String, AwsError> {
    let sandbox = claim.sandbox();
    let listen = match servers_reach {
        Some(address) => SocketAddr::from((address, PORT)),
        None => (Ipv4Addr::LOCALHOST, 0).into(),
    };
    let is_there = |url: &String| url.contains(&format!("//{}:", listen.ip()));
    if let Some(url) = url(sandbox).filter(is_there) {
        return Ok(url);
    }
    down(sandbox)?;
    let command = moto::command(sandbox.cache(), listen, || step.doing("installing moto"))?;
    step.doing("starting moto");
    Ok(server(sandbox).start(claim, &command, moto::PATIENCE, announced_url)?)
}

/// Its URL; none when it does not run.
pub fn url(sandbox: &Sandbox) -> Option<String> {
    server(sandbox).said(announced_url)
}

/// Ends it, and with it all that was made in it.
pub fn down(sandbox: &Sandbox) -> Result<(), DetachedError> {
    server(sandbox).end()
}

/// The process itself, with its log.
pub fn server(sandbox: &Sandbox) -> Detached {
    Detached::new(&sandbox.folder(), "aws")
}
