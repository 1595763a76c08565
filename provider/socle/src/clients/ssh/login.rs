//! Proving to a host who we are.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use russh::client::{AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{Certificate, PrivateKey, PrivateKeyWithHashAlg};
use tokio::sync::Mutex;

use super::super::secret::Secret;
use super::super::vault::Vault;
use super::error::SshError;
use super::keys::{fingerprint, generate, line, private_key};
use super::session::{Greeter, said};
use crate::clients::retry::Budget;

/// A certificate that ends sooner than this is not shown any more: the login itself takes time.
const RENEW_BEFORE: Duration = Duration::from_mins(1);
/// sshd breaks off after six failed attempts (`MaxAuthTries`).
const AGENT_KEYS: usize = 5;

/// By what to log in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LoginMethod {
    /// Nothing is configured, or not known yet.
    #[default]
    None,
    /// A private key.
    PrivateKey(Secret),
    /// The keys of the agent that `SSH_AUTH_SOCK` names.
    Agent,
    /// A key made for this run, with certificates of Vault's SSH engine.
    Vault {
        /// The engine's mount.
        mount: String,
        /// The role that signs.
        role: String,
    },
}

/// Logs in, on as many hosts as are asked for.
pub(super) struct Login {
    method: LoginMethod,
    vault: Arc<Vault>,
    /// Vault's certificates, one for each user, all on one key.
    signed: Mutex<Signed>,
}

#[derive(Default)]
struct Signed {
    key: Option<Arc<PrivateKey>>,
    certificates: std::collections::HashMap<String, Certificate>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Login({:?})", self.method)
    }
}

/// One attempt to log in.
pub(super) struct Attempt<'a> {
    pub(super) handle: &'a mut Handle<Greeter>,
    pub(super) host: &'a str,
    pub(super) user: &'a str,
    pub(super) budget: &'a Budget,
}

impl Attempt<'_> {
    fn no_key(&self, cause: impl Into<String>) -> SshError {
        SshError::NoKey { host: self.host.to_owned(), cause: cause.into() }
    }

    fn unreachable(&self, error: &russh::Error) -> SshError {
        SshError::Unreachable { host: self.host.to_owned(), cause: said(error) }
    }

    fn ended(&self, result: &AuthResult, tried: impl Into<String>) -> Result<(), SshError> {
        if result.success() {
            return Ok(());
        }
        let (host, user) = (self.host.to_owned(), self.user.to_owned());
        Err(SshError::AuthenticationRefused { host, user, tried: tried.into() })
    }
}

impl Login {
    pub(super) fn new(method: LoginMethod, vault: Arc<Vault>) -> Self {
        Self { method, vault, signed: Mutex::default() }
    }

    pub(super) async fn log_in(&self, attempt: Attempt<'_>) -> Result<(), SshError> {
        match &self.method {
            LoginMethod::None => Err(attempt.no_key(
                "the provider's `ssh` block gives no key. Set `private_key`, `agent = true` or a `vault` block in it",
            )),
            LoginMethod::PrivateKey(text) => {
                let key = private_key(text).map_err(|error| SshError::no_key(attempt.host.to_owned(), &error))?;
                by_key(attempt, Arc::new(key)).await
            }
            LoginMethod::Agent => by_agent(attempt).await,
            LoginMethod::Vault { mount, role } => {
                let (key, certificate) = self.certificate(&attempt, mount, role).await?;
                by_certificate(attempt, key, certificate).await
            }
        }
    }

    /// A certificate for the user that is good for a while yet.
    async fn certificate(
        &self,
        attempt: &Attempt<'_>,
        mount: &str,
        role: &str,
    ) -> Result<(Arc<PrivateKey>, Certificate), SshError> {
        let mut signed = self.signed.lock().await;
        let key = Arc::clone(signed.key.get_or_insert_with(|| Arc::new(generate())));
        if let Some(certificate) = signed.certificates.get(attempt.user).filter(|held| is_fresh(held)) {
            return Ok((key, certificate.clone()));
        }
        let public = line(key.public_key());
        let answer = self.vault.sign_ssh_key(mount, role, &public, attempt.user, attempt.budget).await;
        let text = answer.map_err(|error| attempt.no_key(error.to_string()))?;
        let certificate = Certificate::from_openssh(text.trim()).map_err(|_| {
            attempt
                .no_key(format!("Vault's {mount}/sign/{role} answered with something that is no certificate"))
        })?;
        signed.certificates.insert(attempt.user.to_owned(), certificate.clone());
        Ok((key, certificate))
    }
}

fn is_fresh(certificate: &Certificate) -> bool {
    let needed = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default() + RENEW_BEFORE;
    certificate.valid_before() > needed.as_secs()
}

async fn by_key(attempt: Attempt<'_>, key: Arc<PrivateKey>) -> Result<(), SshError> {
    let tried = format!("the key {}", fingerprint(key.public_key()));
    let hash = if key.algorithm().is_rsa() {
        let best = attempt.handle.best_supported_rsa_hash().await;
        best.map_err(|error| attempt.unreachable(&error))?.flatten()
    } else {
        None
    };
    let key = PrivateKeyWithHashAlg::new(key, hash);
    let result = attempt.handle.authenticate_publickey(attempt.user, key).await;
    let result = result.map_err(|error| attempt.unreachable(&error))?;
    attempt.ended(&result, tried)
}

async fn by_certificate(
    attempt: Attempt<'_>,
    key: Arc<PrivateKey>,
    certificate: Certificate,
) -> Result<(), SshError> {
    let (id, names) = (certificate.key_id().to_owned(), certificate.valid_principals().join(", "));
    let tried = format!(
        "a certificate of Vault's for {names} (key id {id}); the host must trust Vault's authority \
         (`TrustedUserCAKeys`)"
    );
    let result = attempt.handle.authenticate_openssh_cert(attempt.user, key, certificate).await;
    let result = result.map_err(|error| attempt.unreachable(&error))?;
    attempt.ended(&result, tried)
}

async fn by_agent(attempt: Attempt<'_>) -> Result<(), SshError> {
    let agent =
        |error: &russh::keys::Error| attempt.no_key(format!("the SSH agent does not answer: {error}"));
    let mut client = AgentClient::connect_env().await.map_err(|error| agent(&error))?;
    let keys = client.request_identities().await.map_err(|error| agent(&error))?;
    if keys.is_empty() {
        return Err(attempt.no_key("the SSH agent holds no key; `ssh-add` one"));
    }
    let mut tried = Vec::new();
    for identity in keys.into_iter().take(AGENT_KEYS) {
        let key = match identity {
            AgentIdentity::PublicKey { key, .. } => key,
            AgentIdentity::Certificate { .. } => continue,
        };
        tried.push(fingerprint(&key));
        let hash = if key.algorithm().is_rsa() {
            let best = attempt.handle.best_supported_rsa_hash().await;
            best.map_err(|error| attempt.unreachable(&error))?.flatten()
        } else {
            None
        };
        let result = attempt.handle.authenticate_publickey_with(attempt.user, key, hash, &mut client).await;
        match result {
            Ok(result) if result.success() => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(attempt.no_key(format!("the SSH agent does not sign: {error}"))),
        }
    }
    let (host, user) = (attempt.host.to_owned(), attempt.user.to_owned());
    let tried = format!("the agent's keys {}", tried.join(", "));
    Err(SshError::AuthenticationRefused { host, user, tried })
}
