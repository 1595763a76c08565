//! DNS: questions to name servers and resolvers.
//!
//! A question goes to a set of servers that should all know the answer. They are asked in turn until one gives a reply
//! that is of use; when none does, the round is repeated a few times for what may pass (silence, a server's own
//! failure).

mod exchange;
mod message;
mod resolv_conf;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hickory_proto::ProtoError;
use hickory_proto::op::ResponseCode;
use hickory_proto::serialize::binary::DecodeError;
use tokio::sync::Semaphore;

use super::rate::RateLimit;
use super::retry::{Backoff, Budget, Failure, Policy, Repeat, Stop, Verdict};
use crate::dns::DnsName;
use exchange::exchange;

pub use message::{Question, RecordData, Recursion, Reply, ResourceRecord};

/// Where DNS servers listen.
pub const PORT: u16 = 53;

/// Where the system names its resolvers.
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// Questions that wait for their reply at one time.
const IN_FLIGHT: usize = 32;

const BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(200), longest: Duration::from_secs(2), attempts: 3 };
/// A thousand questions a second: name servers take more of it for an attack.
const INTERVAL: Duration = Duration::from_millis(1);

/// The client of DNS servers.
#[derive(Debug)]
pub struct DnsClient {
    policy: Policy,
    in_flight: Semaphore,
}

/// Servers that should all give the same answers.
#[derive(Debug)]
pub struct ServerSet {
    servers: Vec<ServerAddress>,
    /// The server that answered last: where one is dead, not every question waits for it.
    first: AtomicUsize,
}

/// Where one server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress {
    /// The name by which it was found; none where the address itself was given.
    pub name: Option<DnsName>,
    /// Its address.
    pub address: SocketAddr,
}

/// Why a server gave no answer of use.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The network refused a step.
    #[error("cannot {step}: {source}")]
    Socket {
        /// What was attempted, as a verb.
        step: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// Nothing came.
    #[error("no answer within {} s", .0.as_secs())]
    Silence(Duration),
    /// What came over TCP answers another question.
    #[error("its answer is not to the question")]
    Mismatch,
    /// What came is no DNS message.
    #[error("its answer cannot be read: {0}")]
    Unreadable(DecodeError),
    /// A name or a record has no form on the wire.
    #[error("the message cannot be written: {0}")]
    Unwritable(ProtoError),
    /// The server says that it cannot or will not answer.
    #[error("it answers \"{0}\"")]
    Code(ResponseCode),
    /// The server answers, but has no authority.
    #[error("it is lame: {0}")]
    Lame(Lame),
}

/// Why a server is not one that has the answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lame {
    /// It tells what it heard elsewhere, or nothing.
    #[error("it is no authority for the zone")]
    NoAuthority,
    /// It sends the asker elsewhere.
    #[error("it refers to the servers of {0}")]
    RefersTo(DnsName),
}

/// A question that nobody answered.
#[derive(Debug, thiserror::Error)]
#[error("no answer to {question}: {}", self.reasons())]
pub struct Unanswered {
    /// The question.
    pub question: Question,
    /// What ended the operation; none when every server failed.
    pub stop: Option<Stop>,
    /// Each server of the last round with what went wrong.
    pub tried: Vec<(ServerAddress, Problem)>,
}

impl Default for DnsClient {
    fn default() -> Self {
        let burst = u32::try_from(IN_FLIGHT).unwrap_or(u32::MAX);
        Self {
            policy: Policy { backoff: BACKOFF, limit: RateLimit::new(INTERVAL, burst) },
            in_flight: Semaphore::new(IN_FLIGHT),
        }
    }
}

impl DnsClient {
    /// Asks `servers` until one gives a reply of which `read` makes an answer.
    pub async fn ask<T>(
        &self,
        servers: &ServerSet,
        question: Question,
        budget: &Budget,
        read: impl Fn(&Reply) -> Result<T, Lame>,
    ) -> Result<T, Unanswered> {
        let round = || self.round(servers, &question, &read);
        let (stop, tried) = match self.policy.run(budget, Repeat::Safe, |tried| verdict(tried), round).await {
            Ok(answer) => return Ok(answer),
            Err(Failure::Final(tried) | Failure::Unknown(tried)) => (None, tried),
            Err(Failure::Stopped { why, last }) => (Some(why), last.unwrap_or_default()),
            Err(Failure::Cut(why)) => (Some(why), Vec::new()),
        };
        Err(Unanswered { question, stop, tried })
    }

    /// Asks each server once.
    async fn round<T>(
        &self,
        servers: &ServerSet,
        question: &Question,
        read: impl Fn(&Reply) -> Result<T, Lame>,
    ) -> Result<T, Vec<(ServerAddress, Problem)>> {
        let mut tried = Vec::new();
        for (index, server) in servers.in_turn() {
            let reply = {
                // The semaphore is never closed.
                let _permit = self.in_flight.acquire().await;
                exchange(server.address, question).await
            };
            match reply.and_then(|reply| read(&reply).map_err(Problem::Lame)) {
                Ok(answer) => {
                    servers.first.store(index, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(problem) => tried.push((server.clone(), problem)),
            }
        }
        Err(tried)
    }
}

fn verdict(tried: &[(ServerAddress, Problem)]) -> Verdict {
    let may_pass = |(_, problem): &(ServerAddress, Problem)| match problem {
        Problem::Socket { .. } | Problem::Silence(_) | Problem::Mismatch => true,
        Problem::Code(code) => *code == ResponseCode::ServFail,
        Problem::Unreadable(_) | Problem::Unwritable(_) | Problem::Lame(_) => false,
    };
    if tried.iter().any(may_pass) { Verdict::Unreached } else { Verdict::Final }
}

impl ServerSet {
    /// Servers in the order in which they are asked first.
    pub fn new(servers: Vec<ServerAddress>) -> Self {
        Self { servers, first: AtomicUsize::new(0) }
    }

    /// The resolvers that the system is set up with.
    pub fn resolvers_of_the_system() -> io::Result<Self> {
        let text = std::fs::read_to_string(RESOLV_CONF)
            .map_err(|error| io::Error::new(error.kind(), format!("cannot read {RESOLV_CONF}: {error}")))?;
        let server = |address| ServerAddress { name: None, address };
        Ok(Self::new(resolv_conf::resolvers(&text).into_iter().map(server).collect()))
    }

    /// All servers with their places, beginning with the one that answered last.
    fn in_turn(&self) -> impl Iterator<Item = (usize, &ServerAddress)> {
        let first = self.first.load(Ordering::Relaxed);
        let (before, from_first) = self.servers.split_at(first.min(self.servers.len()));
        let places = (first..).zip(from_first);
        places.chain((0..).zip(before))
    }
}

impl Unanswered {
    fn reasons(&self) -> String {
        let stop = self.stop.map(|stop| stop.to_string());
        let tried = self.tried.iter().map(|(server, problem)| format!("{server}: {problem}"));
        stop.into_iter().chain(tried).collect::<Vec<_>>().join("; ")
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} ({})", name.without_dot(), self.address),
            None => self.address.fmt(f),
        }
    }
}

#[cfg(test)]
mod loopback;
#[cfg(test)]
mod tests;
