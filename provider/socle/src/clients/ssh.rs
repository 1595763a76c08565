//! SSH: one connection a host for the whole run, strict host keys, and our own programs on the hosts.
//!
//! Resources speak to [`Ssh`] alone: [`run`](Ssh::run) runs a command, [`run_program`](Ssh::run_program) one of our
//! host programs. Connecting is tried again here, for as long as nothing was asked of the host; a command never is: if
//! the connection breaks while it runs, the error is [`SshError::OutcomeUnknown`], and its caller looks.

mod error;
mod host;
mod keys;
mod known_hosts;
mod login;
mod programs;
mod session;
mod store;
mod trust;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

pub use error::SshError;
pub use host::{FirstContact, Host, HostBlock, SSH_PORT, is_host_key};
pub use known_hosts::{KnownHosts, Role};
pub use login::LoginMethod;
/// What a host program answers: the type that it is printed from.
pub use module::Answer as ModuleResult;
pub use programs::{LIBEXEC, Missing, Mode, PROGRAMS_VARIABLE, ProgramCall, ProgramStanding, Programs};
pub use session::{Command, Output};

use super::rate::RateLimit;
use super::retry::{Backoff, Budget, Failure, Policy, Repeat, Verdict};
use super::vault::Vault;
use login::{Attempt, Login};
use session::{Greeter, Input, NoOutput, Session, configuration, said};
use trust::Trust;

/// How long a host may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long greeting and login may take after that; a host under load is slow to fork.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(20);
/// How many connections are made at the same time.
const HANDSHAKES: usize = 16;
/// How many hosts [`in_parallel`] works on at the same time.
pub const PARALLEL_HOSTS: usize = 16;
/// The waits of a host that boots: with the timeouts above, a dead one is given up after half a minute.
const BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(500), longest: Duration::from_secs(4), attempts: 4 };

/// How hosts are reached; what the provider's `ssh` block says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SshSettings {
    /// The user, where a host gives none. Default: `root`.
    pub user: Option<String>,
    /// By what to log in.
    pub login: LoginMethod,
    /// The text of a `known_hosts` file.
    pub known_hosts: String,
    /// A host to go through.
    pub bastion: Option<Host>,
}

/// All hosts. Making it connects to none.
#[derive(Debug)]
pub struct Ssh {
    user: String,
    known_hosts: KnownHosts,
    bastion: Option<Host>,
    login: Login,
    programs: Programs,
    policy: Policy,
    handshakes: Semaphore,
    pool: Mutex<HashMap<Host, Arc<Slot>>>,
}

/// The connection to one host: whoever comes first makes it, the others wait.
type Slot = tokio::sync::Mutex<Option<Arc<Session>>>;

impl Ssh {
    /// Connects to nothing.
    pub fn new(settings: SshSettings, vault: Arc<Vault>, programs: Programs) -> Self {
        Self {
            user: settings.user.unwrap_or_else(|| "root".to_owned()),
            known_hosts: KnownHosts::parse(&settings.known_hosts),
            bastion: settings.bastion,
            login: Login::new(settings.login, vault),
            programs,
            policy: Policy { backoff: BACKOFF, limit: RateLimit::new(Duration::from_millis(20), 64) },
            handshakes: Semaphore::new(HANDSHAKES),
            pool: Mutex::default(),
        }
    }

    /// The user who logs in to the host.
    pub fn user_of<'a>(&'a self, host: &'a Host) -> &'a str {
        host.user.as_deref().unwrap_or(&self.user)
    }

    /// What stands before a command that root must run: nothing, or `sudo`, which asks for no password.
    pub fn as_root(&self, host: &Host) -> &'static str {
        if self.user_of(host) == "root" { "" } else { "sudo -n -- " }
    }

    /// The public half of the key that we log in by, for an `authorized_keys` file; none where an agent or Vault has it.
    pub fn public_key(&self) -> Option<String> {
        self.login.public_key()
    }

    /// Connects, unless there is a connection, and gives the key by which the host was recognised.
    ///
    /// # Errors
    /// Why it cannot be spoken to.
    pub async fn greet(&self, host: &Host, budget: &Budget) -> Result<String, SshError> {
        Ok(self.connect(host, budget).await?.host_key().to_owned())
    }

    /// Ends the connection to a host: the next command makes a new one, which proves that one can still get in.
    pub async fn hang_up(&self, host: &Host) {
        let slot = self.slot(host);
        let session = slot.lock().await.take();
        if let Some(session) = session {
            session.close().await;
        }
    }

    /// Runs a command to its end, whatever its exit status.
    ///
    /// # Errors
    /// Why it was not begun, or that its end was not seen.
    pub async fn run(&self, host: &Host, command: Command<'_>, budget: &Budget) -> Result<Output, SshError> {
        self.run_reading(host, command, || Ok(Input::Bytes(command.stdin)), budget).await
    }

    /// Runs a command that reads what `input` gives: it is asked again when nothing was sent.
    async fn run_reading<'i>(
        &self,
        host: &Host,
        command: Command<'_>,
        input: impl Fn() -> Result<Input<'i>, SshError>,
        budget: &Budget,
    ) -> Result<Output, SshError> {
        let session = self.connect(host, budget).await?;
        match session.run(command, input()?, budget).await {
            Ok(output) => return Ok(output),
            Err(NoOutput::Failed(error)) => return Err(error),
            Err(NoOutput::NotBegun(_)) => {}
        }
        // The connection had died since it was last used; nothing was asked of the host yet.
        self.let_go(host, &session).await;
        let session = self.connect(host, budget).await?;
        session.run(command, input()?, budget).await.map_err(|problem| match problem {
            NoOutput::Failed(error) => error,
            NoOutput::NotBegun(cause) => SshError::Unreachable { host: host.to_string(), cause },
        })
    }

    /// Runs a command that must end with success, as root.
    ///
    /// # Errors
    /// As [`run`](Self::run), and when it fails or root is out of reach.
    pub async fn run_as_root(
        &self,
        host: &Host,
        command: Command<'_>,
        budget: &Budget,
    ) -> Result<Output, SshError> {
        let line = format!("{}sh -c {}", self.as_root(host), quoted(command.line));
        let output = self.run(host, Command { line: &line, ..command }, budget).await?;
        self.succeeded(host, command.step, output)
    }

    /// The output, when its status is 0.
    fn succeeded(&self, host: &Host, step: &str, output: Output) -> Result<Output, SshError> {
        if output.status == 0 {
            return Ok(output);
        }
        if let Some(error) = self.no_sudo(host, &output) {
            return Err(error);
        }
        let (host, step) = (host.to_string(), step.to_owned());
        Err(SshError::Failed { host, step, status: output.status, stderr: excerpt(&output.stderr) })
    }

    /// Whether it was sudo that failed.
    fn no_sudo(&self, host: &Host, output: &Output) -> Option<SshError> {
        let from_sudo = |line: &&str| line.starts_with("sudo:") || line.contains("sudo: ");
        let answer = output.stderr.lines().find(from_sudo)?;
        (output.status == 1 || output.status == 127).then(|| SshError::NoSudo {
            host: host.to_string(),
            user: self.user_of(host).to_owned(),
            answer: answer.trim_end_matches('.').to_owned(),
        })
    }

    fn slot(&self, host: &Host) -> Arc<Slot> {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(pool.entry(host.clone()).or_default())
    }

    /// Forgets a connection that turned out dead, unless somebody has replaced it.
    async fn let_go(&self, host: &Host, dead: &Arc<Session>) {
        let slot = self.slot(host);
        let mut held = slot.lock().await;
        if held.as_ref().is_some_and(|held| Arc::ptr_eq(held, dead)) {
            *held = None;
        }
    }

    async fn connect(&self, host: &Host, budget: &Budget) -> Result<Arc<Session>, SshError> {
        let via = match &self.bastion {
            Some(bastion) => Some(self.pooled(bastion, None, budget).await?),
            None => None,
        };
        self.pooled(host, via, budget).await
    }

    async fn pooled(
        &self,
        host: &Host,
        via: Option<Arc<Session>>,
        budget: &Budget,
    ) -> Result<Arc<Session>, SshError> {
        let slot = self.slot(host);
        let stopped = |why| SshError::Stopped { host: host.to_string(), step: CONNECT.to_owned(), why };
        let mut held = budget.wait(slot.lock()).await.map_err(stopped)?;
        if let Some(session) = held.as_ref().filter(|session| session.is_open()) {
            return Ok(Arc::clone(session));
        }
        let attempt = || self.attempt(host, via.clone(), budget);
        let connected = Box::pin(self.policy.run(budget, Repeat::Safe, verdict, attempt)).await;
        let session = Arc::new(connected.map_err(|failure| given_up(host, failure))?);
        *held = Some(Arc::clone(&session));
        Ok(session)
    }

    /// One attempt to connect and to log in.
    async fn attempt(
        &self,
        host: &Host,
        via: Option<Arc<Session>>,
        budget: &Budget,
    ) -> Result<Session, SshError> {
        // The semaphore is never closed.
        let _permit = self.handshakes.acquire().await.ok();
        match &via {
            None => {
                let connecting = TcpStream::connect((host.address.as_str(), host.port));
                let connected = within(host, CONNECT_TIMEOUT, connecting).await?;
                let stream = connected.map_err(|error| unreachable(host, error.to_string()))?;
                // Without it, small packets of a conversation wait for one another.
                let _ = stream.set_nodelay(true);
                self.log_in(host, stream, via, budget).await
            }
            Some(bastion) => {
                let opened = within(host, CONNECT_TIMEOUT * 2, bastion.forward(host)).await?;
                let through = |error| unreachable(host, format!("from the bastion: {}", said(&error)));
                let stream = opened.map_err(through)?.into_stream();
                self.log_in(host, stream, via.clone(), budget).await
            }
        }
    }

    async fn log_in<S>(
        &self,
        host: &Host,
        stream: S,
        via: Option<Arc<Session>>,
        budget: &Budget,
    ) -> Result<Session, SshError>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let trust = Trust::new(host, &self.known_hosts);
        let configuration = Arc::new(configuration(&trust));
        let (greeter, met) = Greeter::new(trust);
        let greeting = russh::client::connect_stream(configuration, stream, greeter);
        let outcome = within(host, LOGIN_TIMEOUT, greeting).await?;
        let (host_key, distrust) = {
            let mut met = met.lock().unwrap_or_else(PoisonError::into_inner);
            (met.key.clone(), met.distrust.take())
        };
        if let Some(distrust) = distrust {
            return Err(SshError::distrust(host.to_string(), distrust, self.known_hosts.unreadable()));
        }
        let mut handle = outcome.map_err(|error| unreachable(host, said(&error)))?;
        let (name, user) = (host.to_string(), self.user_of(host));
        let attempt = Attempt { handle: &mut handle, host: &name, user, budget };
        within(host, LOGIN_TIMEOUT, self.login.log_in(attempt)).await??;
        Ok(Session::new(handle, host.clone(), user.to_owned(), host_key, via))
    }
}

/// What connecting is called in errors.
const CONNECT: &str = "connect";

/// Only a host that was not reached is tried again: the other answers are definite.
fn verdict(error: &SshError) -> Verdict {
    match error {
        SshError::Unreachable { .. } => Verdict::Unreached,
        _ => Verdict::Final,
    }
}

fn given_up(host: &Host, failure: Failure<SshError>) -> SshError {
    match failure {
        Failure::Final(error) | Failure::Unknown(error) | Failure::Stopped { last: Some(error), .. } => error,
        Failure::Stopped { why: super::retry::Stop::OutOfTime, last: None }
        | Failure::Cut(super::retry::Stop::OutOfTime) => {
            unreachable(host, "no answer in the time for it".to_owned())
        }
        Failure::Stopped { why, last: None } | Failure::Cut(why) => {
            SshError::Stopped { host: host.to_string(), step: CONNECT.to_owned(), why }
        }
    }
}

fn unreachable(host: &Host, cause: String) -> SshError {
    SshError::Unreachable { host: host.to_string(), cause }
}

async fn within<T>(host: &Host, limit: Duration, work: impl Future<Output = T>) -> Result<T, SshError> {
    let timely = tokio::time::timeout(limit, work).await;
    timely.map_err(|_| unreachable(host, format!("no answer within {} s", limit.as_secs())))
}

/// A word of a POSIX shell that stands for exactly this text.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The end of a complaint, as long as a person reads.
fn excerpt(text: &str) -> String {
    const SHOWN: usize = 2000;
    let start = text.len().saturating_sub(SHOWN);
    let start = (start..text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len());
    text[start..].trim().to_owned()
}

/// Works on several hosts at the same time, on at most [`PARALLEL_HOSTS`] of them; the results come in the order of
/// the hosts.
pub async fn in_parallel<H, T, F>(hosts: impl IntoIterator<Item = H>, work: impl Fn(H) -> F) -> Vec<T>
where
    F: Future<Output = T>,
{
    futures::stream::iter(hosts).map(work).buffered(PARALLEL_HOSTS).collect().await
}

#[cfg(test)]
mod tests;
