//! One authenticated connection to a host, and the commands that run over it.

use std::borrow::Cow;
use std::io::Read as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use futures::future::{Either, select};
use russh::client::{self, Handle, Msg};
use russh::keys::{Algorithm, PublicKey, PublicKeyOrCertificate};
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Disconnect, Preferred};
use tokio::sync::Semaphore;

use super::error::SshError;
use super::host::Host;
use super::keys::line;
use super::trust::{Distrust, Trust};
use crate::clients::retry::{Budget, Stop};

/// sshd allows ten sessions on one connection (`MaxSessions`), and counts one until it has buried its process: the next
/// command may come before that.
const CHANNELS: usize = 5;
/// How long a refused session is waited for, each time: nothing was asked of the host yet.
const REFUSED: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
];
/// How much of what a command prints is read: results are JSON of kilobytes.
const STDOUT_LIMIT: usize = 16 << 20;
/// How much of the end of what it complains is kept.
const STDERR_LIMIT: usize = 16 << 10;
/// A silent host is asked for a sign of life this often; three unanswered questions end the connection.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// What a command is given and called.
#[derive(Clone, Copy, Debug)]
pub struct Command<'a> {
    /// What it does, for errors: `install hardening`.
    pub step: &'a str,
    /// The line for the user's shell. Everybody on the host can read it: no place for a secret.
    pub line: &'a str,
    /// What it reads.
    pub stdin: &'a [u8],
}

/// What a command reads.
#[derive(Debug)]
pub(super) enum Input<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// A file of this machine, to its end.
    File(std::fs::File),
}

/// How much of a file is sent at a time, in bytes.
const PIECE: usize = 1 << 20;

/// What a command that ran to its end said.
#[derive(Clone, PartialEq, Eq)]
pub struct Output {
    /// Its exit status; 128 and more for a signal.
    pub status: u32,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// The end of what it complained.
    pub stderr: String,
}

/// Output may hold what a user keeps secret on a host.
impl std::fmt::Debug for Output {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let size = self.stdout.len();
        out.debug_struct("Output")
            .field("status", &self.status)
            .field("stdout bytes", &size)
            .finish_non_exhaustive()
    }
}

/// Why a command has no output.
#[derive(Debug)]
pub(super) enum NoOutput {
    /// It was not sent: the connection was dead already.
    NotBegun(String),
    /// It was sent.
    Failed(SshError),
}

/// Judges the key that a host shows, and remembers what it found.
pub(super) struct Greeter {
    trust: Trust,
    met: Arc<Mutex<Met>>,
}

/// What a host showed.
#[derive(Debug, Default)]
pub(super) struct Met {
    pub(super) key: String,
    pub(super) distrust: Option<Distrust>,
}

impl Greeter {
    pub(super) fn new(trust: Trust) -> (Self, Arc<Mutex<Met>>) {
        let met = Arc::default();
        (Self { trust, met: Arc::clone(&met) }, met)
    }
}

impl client::Handler for Greeter {
    type Error = russh::Error;

    async fn check_server_key(&mut self, offered: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let now = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
        let judged = self.trust.judge(offered, now);
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        met.key = line(&offered.public_key());
        met.distrust = judged.err();
        Ok(met.distrust.is_none())
    }
}

/// How russh is to speak: the kinds of key that are known of the host come first, so that a host with several shows
/// the one that can be compared.
pub(super) fn configuration(trust: &Trust) -> client::Config {
    let default = Preferred::DEFAULT;
    let known: Vec<_> = trust.expected().iter().map(PublicKey::algorithm).collect();
    let is_known = |algorithm: &Algorithm| known.iter().any(|known| same_kind(known, algorithm));
    let (mut key, others): (Vec<_>, Vec<_>) = default.key.iter().cloned().partition(is_known);
    key.extend(others);
    let host_key_certificates = if trust.takes_certificates() { key.clone() } else { Vec::new() };
    client::Config {
        preferred: Preferred {
            key: Cow::Owned(key),
            host_key_certificates: Cow::Owned(host_key_certificates),
            ..default
        },
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: 3,
        nodelay: true,
        ..client::Config::default()
    }
}

/// An RSA key is one kind, whatever hash signs with it.
fn same_kind(one: &Algorithm, other: &Algorithm) -> bool {
    let is_rsa = |algorithm: &Algorithm| matches!(algorithm, Algorithm::Rsa { .. });
    one == other || (is_rsa(one) && is_rsa(other))
}

/// An authenticated connection.
pub(super) struct Session {
    handle: Handle<Greeter>,
    host: Host,
    user: String,
    host_key: String,
    channels: Semaphore,
    /// The connection to the bastion must outlive this one.
    _via: Option<Arc<Session>>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Session({}@{})", self.user, self.host)
    }
}

impl Session {
    pub(super) fn new(
        handle: Handle<Greeter>,
        host: Host,
        user: String,
        host_key: String,
        via: Option<Arc<Self>>,
    ) -> Self {
        Self { handle, host, user, host_key, channels: Semaphore::new(CHANNELS), _via: via }
    }

    pub(super) fn is_open(&self) -> bool {
        !self.handle.is_closed()
    }

    /// The key by which the host was recognised.
    pub(super) fn host_key(&self) -> &str {
        &self.host_key
    }

    /// A channel to another host, as seen from this one.
    pub(super) async fn forward(&self, to: &Host) -> Result<Channel<Msg>, russh::Error> {
        let (address, port) = (to.address.clone(), u32::from(to.port));
        self.handle.channel_open_direct_tcpip(address, port, "127.0.0.1", 0).await
    }

    /// Says good-bye; what runs on it is cut.
    pub(super) async fn close(&self) {
        let _ = self.handle.disconnect(Disconnect::ByApplication, "", "").await;
    }

    async fn open(&self) -> Result<Channel<Msg>, russh::Error> {
        for wait in REFUSED {
            match self.handle.channel_open_session().await {
                Err(russh::Error::ChannelOpenFailure(_)) => tokio::time::sleep(wait).await,
                answer => return answer,
            }
        }
        self.handle.channel_open_session().await
    }

    /// Runs a command that reads `input` to its end. A command that was sent is never sent again.
    pub(super) async fn run(
        &self,
        command: Command<'_>,
        input: Input<'_>,
        budget: &Budget,
    ) -> Result<Output, NoOutput> {
        let opening = async {
            // The semaphore is never closed, so the permit is always had in the end.
            let permit = self.channels.acquire().await.ok();
            Ok::<_, russh::Error>((permit, self.open().await?))
        };
        let (_permit, channel) = match budget.wait(opening).await {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => return Err(NoOutput::NotBegun(said(&error))),
            Err(why) => return Err(NoOutput::Failed(self.stopped(command, why))),
        };
        if let Err(error) = channel.exec(true, command.line).await {
            return Err(NoOutput::NotBegun(said(&error)));
        }
        let (reading, writing) = channel.split();
        let fed = async {
            feed(&writing, input).await?;
            writing.eof().await
        };
        let told = collect(reading);
        let both = async {
            match select(Box::pin(told), Box::pin(fed)).await {
                // It may end without having read all that it was given.
                Either::Left((told, _)) => told,
                Either::Right((_, told)) => told.await,
            }
        };
        let told = match budget.finish(both).await {
            Ok(told) => told,
            Err(why) => Err(Interrupted::Cut(why.to_string())),
        };
        let _ = writing.close().await;
        told.map_err(|interrupted| NoOutput::Failed(self.interrupted(command, interrupted)))
    }

    fn stopped(&self, command: Command<'_>, why: Stop) -> SshError {
        SshError::Stopped { host: self.host.to_string(), step: command.step.to_owned(), why }
    }

    fn interrupted(&self, command: Command<'_>, interrupted: Interrupted) -> SshError {
        let (host, step) = (self.host.to_string(), command.step.to_owned());
        match interrupted {
            Interrupted::Cut(cause) => SshError::OutcomeUnknown { host, step, cause },
            Interrupted::Refused => {
                let cause = "sshd refuses to run commands".to_owned();
                SshError::Failed { host, step, status: 255, stderr: cause }
            }
            Interrupted::TooMuch => SshError::TooMuchOutput { host, step, limit: STDOUT_LIMIT },
        }
    }
}

/// Sends what a command reads. Of a file, only pieces are in memory.
async fn feed(writing: &ChannelWriteHalf<Msg>, input: Input<'_>) -> Result<(), russh::Error> {
    let mut file = match input {
        Input::Bytes(bytes) => return writing.data_bytes(bytes.to_vec()).await,
        Input::File(file) => file,
    };
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        (&mut file).take(PIECE as u64).read_to_end(&mut piece)?;
        if piece.is_empty() {
            return Ok(());
        }
        writing.data_bytes(piece).await?;
    }
}

/// Why a command that was sent has no end.
enum Interrupted {
    Cut(String),
    Refused,
    TooMuch,
}

async fn collect(mut channel: ChannelReadHalf) -> Result<Output, Interrupted> {
    let (mut status, mut stdout, mut stderr) = (None, Vec::new(), Vec::new());
    while let Some(message) = channel.wait().await {
        match message {
            ChannelMsg::Data { data } if stdout.len() + data.len() > STDOUT_LIMIT => {
                return Err(Interrupted::TooMuch);
            }
            ChannelMsg::Data { data } => stdout.extend_from_slice(&data),
            ChannelMsg::ExtendedData { data, .. } => keep_end(&mut stderr, &data),
            ChannelMsg::Failure => return Err(Interrupted::Refused),
            ChannelMsg::ExitStatus { exit_status } => status = Some(exit_status),
            ChannelMsg::ExitSignal { signal_name, .. } => {
                keep_end(&mut stderr, format!("ended by the signal {signal_name:?}").as_bytes());
                status = Some(128);
            }
            _ => {}
        }
    }
    let status = status.ok_or_else(|| Interrupted::Cut("the connection was lost".to_owned()))?;
    Ok(Output { status, stdout, stderr: String::from_utf8_lossy(&stderr).trim().to_owned() })
}

fn keep_end(kept: &mut Vec<u8>, more: &[u8]) {
    kept.extend_from_slice(more);
    let surplus = kept.len().saturating_sub(STDERR_LIMIT);
    kept.drain(..surplus);
}

/// russh's error in words for a person.
pub(super) fn said(error: &russh::Error) -> String {
    match error {
        russh::Error::SendError | russh::Error::RecvError | russh::Error::Disconnect | russh::Error::HUP => {
            "the connection was closed".to_owned()
        }
        russh::Error::IO(error) => error.to_string(),
        error => error.to_string().trim_end_matches('.').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_complaint_the_end_is_kept() {
        let mut kept = vec![b'a'; STDERR_LIMIT];
        keep_end(&mut kept, b"the cause");
        assert_eq!(kept.len(), STDERR_LIMIT);
        assert!(kept.ends_with(b"athe cause"));
    }
}
