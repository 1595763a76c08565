//! Vault: log in at first use, read secrets of KV version 2, have SSH keys signed.
//!
//! vaultrs makes single calls; [`retry`](super::retry) repeats them. A token that ended is replaced once a call, which
//! is no retry: Vault had refused the call before it did anything.

mod error;
mod login;
mod reference;

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use vaultrs::api::kv2::requests::{ReadSecretMetadataRequest, ReadSecretRequest};
use vaultrs::api::kv2::responses::{ReadSecretMetadataResponse, ReadSecretResponse};
use vaultrs::api::ssh::requests::SignSSHKeyRequest;
use vaultrs::client::{Client as _, VaultClient, VaultClientSettingsBuilder};
use vaultrs::error::ClientError;

pub use error::VaultError;
pub use login::{Credential, VaultLogin};
pub use reference::{CredentialsReference, SecretReference};

use super::causes::chain;
use super::rate::RateLimit;
use super::retry::{Backoff, Budget, Policy, Repeat};
use super::secret::Secret;
use error::VaultFailure;

/// One call with everything in it.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);
const BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(200), longest: Duration::from_secs(3), attempts: 4 };

/// How Vault is reached; what the provider's `vault` block says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VaultSettings {
    /// The URL. Default: `VAULT_ADDR`.
    pub address: Option<String>,
    /// The certificates that may sign the server's, as PEM. Default: the system's, and `VAULT_CACERT`.
    pub ca_certificate: Option<String>,
    /// The namespace. Default: `VAULT_NAMESPACE`.
    pub namespace: Option<String>,
    /// How to log in.
    pub login: VaultLogin,
}

/// Vault. Making it connects to nothing.
pub struct Vault {
    settings: VaultSettings,
    policy: Policy,
    session: Mutex<Option<Arc<VaultClient>>>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Vault({:?})", self.settings.address)
    }
}

/// One version of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretVersion {
    /// Its number, from 1.
    pub version: u64,
    fields: serde_json::Map<String, serde_json::Value>,
}

impl SecretVersion {
    /// The field, when it is there and a text.
    pub fn field(&self, name: &str) -> Option<Secret> {
        self.fields.get(name)?.as_str().map(Secret::new)
    }

    /// The names of its fields.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }
}

impl Vault {
    /// Keeps the settings for the first use.
    pub fn new(settings: VaultSettings) -> Self {
        let policy = Policy { backoff: BACKOFF, limit: RateLimit::new(Duration::from_millis(10), 32) };
        Self { settings, policy, session: Mutex::default() }
    }

    /// Reads a secret of a KV version 2 engine: that version, or the newest.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn secret(
        &self,
        mount: &str,
        path: &str,
        version: Option<u64>,
        budget: &Budget,
    ) -> Result<SecretVersion, VaultError> {
        let what = format!("{mount}/data/{path}");
        let read = async |client: Arc<VaultClient>| {
            let request = ReadSecretRequest { mount: mount.to_owned(), path: path.to_owned(), version };
            vaultrs::api::exec_with_result(client.as_ref(), request).await
        };
        let found: ReadSecretResponse = self.call(&what, budget, read).await?;
        match found.data {
            serde_json::Value::Object(fields) => {
                Ok(SecretVersion { version: found.metadata.version, fields })
            }
            _ => Err(VaultError::NotFound { what }),
        }
    }

    /// The number of the newest version of a secret of a KV version 2 engine. The right to read its metadata is enough,
    /// which is all that a plan should have; without it, the secret itself is read.
    ///
    /// # Errors
    /// Why it is not known.
    pub async fn newest_version(&self, mount: &str, path: &str, budget: &Budget) -> Result<u64, VaultError> {
        let what = format!("{mount}/metadata/{path}");
        let read = async |client: Arc<VaultClient>| {
            let request = ReadSecretMetadataRequest { mount: mount.to_owned(), path: path.to_owned() };
            vaultrs::api::exec_with_result(client.as_ref(), request).await
        };
        let found: Result<ReadSecretMetadataResponse, _> = self.call(&what, budget, read).await;
        match found {
            Ok(metadata) => Ok(metadata.current_version),
            Err(VaultError::Refused { status: 403, .. }) => {
                Ok(self.secret(mount, path, None, budget).await?.version)
            }
            Err(error) => Err(error),
        }
    }

    /// Has a user's SSH key signed, for one user of the hosts. The answer is an OpenSSH certificate.
    ///
    /// # Errors
    /// Why it was not signed.
    pub async fn sign_ssh_key(
        &self,
        mount: &str,
        role: &str,
        public_key: &str,
        user: &str,
        budget: &Budget,
    ) -> Result<String, VaultError> {
        let what = format!("{mount}/sign/{role}");
        let sign = async |client: Arc<VaultClient>| {
            let request = SignSSHKeyRequest {
                mount: mount.to_owned(),
                name: role.to_owned(),
                cert_type: Some("user".to_owned()),
                public_key: public_key.to_owned(),
                valid_principals: Some(user.to_owned()),
                ..SignSSHKeyRequest::default()
            };
            vaultrs::api::exec_with_result(client.as_ref(), request).await
        };
        let signed: vaultrs::api::ssh::responses::SignSSHKeyResponse = self.call(&what, budget, sign).await?;
        Ok(signed.signed_key)
    }

    /// Makes a call that may be repeated; when Vault refuses the token, once more with a new one.
    async fn call<T, F>(
        &self,
        what: &str,
        budget: &Budget,
        make: impl Fn(Arc<VaultClient>) -> F,
    ) -> Result<T, VaultError>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        let client = self.session(budget, None).await?;
        let refused = match self.repeat(what, budget, &client, &make).await {
            Err(VaultError::Refused { status: 403, .. }) if self.settings.login.is_renewable() => client,
            answer => return answer,
        };
        let client = self.session(budget, Some(&refused)).await?;
        self.repeat(what, budget, &client, &make).await
    }

    async fn repeat<T, F>(
        &self,
        what: &str,
        budget: &Budget,
        client: &Arc<VaultClient>,
        make: impl Fn(Arc<VaultClient>) -> F,
    ) -> Result<T, VaultError>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        let attempt = async || make(Arc::clone(client)).await.map_err(|error| VaultFailure::of(&error));
        let answer = self.policy.run(budget, Repeat::Safe, VaultFailure::verdict, attempt).await;
        answer.map_err(|failure| VaultError::of(what, failure))
    }

    /// The client that is logged in; a new one when there is none, or only the `refused` one.
    async fn session(
        &self,
        budget: &Budget,
        refused: Option<&Arc<VaultClient>>,
    ) -> Result<Arc<VaultClient>, VaultError> {
        let mut session = self.session.lock().await;
        let is_refused = |held: &Arc<VaultClient>| refused.is_some_and(|refused| Arc::ptr_eq(held, refused));
        if let Some(held) = session.as_ref().filter(|held| !is_refused(held)) {
            return Ok(Arc::clone(held));
        }
        let mut client = self.client()?;
        let token = self.log_in(&client, budget).await?;
        client.set_token(token.expose());
        let client = Arc::new(client);
        *session = Some(Arc::clone(&client));
        Ok(client)
    }

    async fn log_in(&self, client: &VaultClient, budget: &Budget) -> Result<Secret, VaultError> {
        let credential = self.settings.login.credential()?;
        let attempt = async || {
            let token = self.settings.login.log_in(client, &credential).await;
            token.map_err(|error| VaultFailure::of(&error))
        };
        let answer = self.policy.run(budget, Repeat::Safe, VaultFailure::verdict, attempt).await;
        answer.map_err(|failure| VaultError::of(&self.settings.login.path(), failure))
    }

    /// A client without a token.
    fn client(&self) -> Result<VaultClient, VaultError> {
        // reqwest asks rustls for the process's default; whoever set one before us is right.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let setting = |cause: String| VaultError::Settings { cause };
        let address = self.settings.address.clone().or_else(|| variable("VAULT_ADDR"));
        let address = address.ok_or_else(|| setting("`address` is not set, nor is VAULT_ADDR".to_owned()))?;
        let is_url = address.starts_with("https://") || address.starts_with("http://");
        if !is_url || address.contains(char::is_whitespace) {
            return Err(setting(format!("the address {address:?} is no URL")));
        }
        let authority = self.authority_file()?;
        let named = authority.as_ref().map(|file| file.path().display().to_string());
        let settings = VaultClientSettingsBuilder::default()
            .address(address)
            .ca_certs(named.or_else(|| variable("VAULT_CACERT")).into_iter().collect::<Vec<_>>())
            .identity(None)
            .timeout(Some(CALL_TIMEOUT))
            .token("")
            .verify(true)
            .namespace(self.settings.namespace.clone().or_else(|| variable("VAULT_NAMESPACE")))
            .build();
        let settings = settings.map_err(|error| setting(error.to_string()))?;
        VaultClient::new(settings).map_err(|error| setting(chain(&error)))
    }

    /// vaultrs takes certificates from files only. They are public.
    fn authority_file(&self) -> Result<Option<tempfile::NamedTempFile>, VaultError> {
        let Some(pem) = &self.settings.ca_certificate else { return Ok(None) };
        let written = tempfile::NamedTempFile::new().and_then(|mut file| {
            file.write_all(pem.as_bytes())?;
            Ok(file)
        });
        let cause = |error| format!("`ca_certificate` cannot be handed on: {error}");
        written.map(Some).map_err(|error| VaultError::Settings { cause: cause(error) })
    }
}

/// A variable of the environment that says something.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
