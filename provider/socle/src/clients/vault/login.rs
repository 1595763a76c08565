//! Proving to Vault who we are.

use std::path::PathBuf;

use vaultrs::api::AuthInfo;
use vaultrs::client::VaultClient;
use vaultrs::error::ClientError;

use super::error::VaultError;
use super::variable;
use crate::clients::secret::Secret;

/// Where Kubernetes puts the token of a pod's service account.
const SERVICE_ACCOUNT_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// How to log in to Vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VaultLogin {
    /// By a token.
    Token {
        /// Where it is.
        token: Credential,
    },
    /// By a signed identity token.
    Jwt {
        /// The method's mount.
        mount: String,
        /// The role.
        role: String,
        /// Where the identity token is.
        token: Credential,
    },
    /// By a role id and a secret id.
    AppRole {
        /// The method's mount.
        mount: String,
        /// The role id.
        role_id: String,
        /// Where the secret id is.
        secret_id: Credential,
    },
    /// By the service account of the pod.
    Kubernetes {
        /// The method's mount.
        mount: String,
        /// The role.
        role: String,
        /// Where the service account's token is.
        token: Credential,
    },
}

/// Where the proof is. It is read at each login, because it may be renewed meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// In this variable of the environment.
    Variable(String),
    /// In this file.
    File(PathBuf),
}

impl Credential {
    /// The token of the pod's service account, where Kubernetes puts it.
    pub fn of_service_account() -> Self {
        Self::File(PathBuf::from(SERVICE_ACCOUNT_TOKEN))
    }

    fn read(&self) -> Result<Secret, VaultError> {
        let settings = |cause| VaultError::Settings { cause };
        match self {
            Self::Variable(name) => {
                let value = variable(name).map(|value| Secret::new(value.trim()));
                value.ok_or_else(|| settings(format!("the environment variable {name} is empty or not set")))
            }
            Self::File(path) => {
                let unreadable = |error| settings(format!("{} cannot be read: {error}", path.display()));
                std::fs::read_to_string(path).map(|token| Secret::new(token.trim())).map_err(unreadable)
            }
        }
    }
}

impl Default for VaultLogin {
    fn default() -> Self {
        Self::Token { token: Credential::Variable("VAULT_TOKEN".to_owned()) }
    }
}

impl VaultLogin {
    /// Whether another login gives another token.
    pub(super) const fn is_renewable(&self) -> bool {
        !matches!(self, Self::Token { .. })
    }

    /// What is called to log in, for errors.
    pub(super) fn path(&self) -> String {
        match self {
            Self::Token { .. } => "auth/token".to_owned(),
            Self::Jwt { mount, .. } | Self::AppRole { mount, .. } | Self::Kubernetes { mount, .. } => {
                format!("auth/{mount}/login")
            }
        }
    }

    /// What proves it.
    pub(super) fn credential(&self) -> Result<Secret, VaultError> {
        match self {
            Self::Token { token } | Self::Jwt { token, .. } | Self::Kubernetes { token, .. } => token.read(),
            Self::AppRole { secret_id, .. } => secret_id.read(),
        }
    }

    /// Exchanges it for a token.
    pub(super) async fn log_in(
        &self,
        client: &VaultClient,
        credential: &Secret,
    ) -> Result<Secret, ClientError> {
        let secret = credential.expose();
        let granted: AuthInfo = match self {
            Self::Token { .. } => return Ok(credential.clone()),
            Self::Jwt { mount, role, .. } => {
                vaultrs::auth::oidc::login(client, mount, secret, Some(role.clone())).await?
            }
            Self::AppRole { mount, role_id, .. } => {
                vaultrs::auth::approle::login(client, mount, role_id, secret).await?
            }
            Self::Kubernetes { mount, role, .. } => {
                vaultrs::auth::kubernetes::login(client, mount, role, secret).await?
            }
        };
        Ok(Secret::new(granted.client_token))
    }
}
