//! The hosts of a cluster, as an apply asks them.

use std::future::Future;
use std::path::PathBuf;

use node::observation::Sight;
use node::step::{Answer, Request};

/// Where a host is, and how it is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Coordinates {
    /// Its address: an IP address or a name.
    pub address: String,
    /// Its SSH port.
    pub port: u16,
    /// The user to log in as; none: that of the provider's `ssh` block.
    pub user: Option<String>,
    /// Its host key; none: the provider's `known_hosts`.
    pub host_key: Option<String>,
}

/// Why a host gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Nobody was reached, or it was not the host that it should be.
    #[error("{0}")]
    Unreachable(String),
    /// This version of the program is not there, and whoever only looks brings none.
    #[error("{0}")]
    NoProgram(String),
    /// It was reached, and could not be asked, or gave no answer that makes sense.
    #[error("{0}")]
    Failed(String),
}

/// What a host showed, of what it answered to the question to look.
pub(super) fn sight(asked: Result<Answer, HostError>) -> Sight {
    match asked {
        Ok(Answer::Done { view: Some(mut view), .. }) => {
            let now = jiff::Timestamp::now().as_millisecond();
            view.ahead = view.machine.as_ref().map(|machine| machine.clock - now);
            Sight::Seen(view)
        }
        Ok(Answer::Done { view: None, .. }) => Sight::Failed("it showed nothing".to_owned()),
        Ok(Answer::Failed { message, cure, .. }) => {
            Sight::Failed(format!("{message}. {cure}").trim().to_owned())
        }
        Err(HostError::NoProgram(reason)) => Sight::Unprepared(reason),
        Err(HostError::Failed(reason)) => Sight::Failed(reason),
        Err(HostError::Unreachable(reason)) => Sight::Unreachable(reason),
    }
}

/// A file that is brought to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freight {
    /// Where it is on this machine.
    pub file: PathBuf,
    /// Where it goes.
    pub place: String,
    /// Its SHA-256, in hexadecimal digits: it gets its name only when all of it arrived.
    pub sha256: String,
}

/// Whoever reaches hosts.
pub trait Hosts: Sync {
    /// Asks the program on a node, and brings it there first where it is missing.
    ///
    /// # Errors
    /// When there is no answer; what the program refuses is one.
    fn ask(
        &self,
        host: &Coordinates,
        request: &Request,
    ) -> impl Future<Output = Result<Answer, HostError>> + Send;

    /// What `uname -m` says there: `x86_64`, `aarch64`.
    ///
    /// # Errors
    /// When there is no answer.
    fn machine(&self, host: &Coordinates) -> impl Future<Output = Result<String, HostError>> + Send;

    /// Brings files to a host.
    ///
    /// # Errors
    /// When one does not arrive.
    fn bring(
        &self,
        host: &Coordinates,
        files: &[Freight],
    ) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Takes the program away again.
    ///
    /// # Errors
    /// When the host did not do it.
    fn forget(&self, host: &Coordinates) -> impl Future<Output = Result<(), HostError>> + Send;
}
