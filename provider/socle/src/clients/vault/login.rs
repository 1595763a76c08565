//! Proving to Vault who we are.

use vaultrs::api::AuthInfo;
use vaultrs::client::VaultClient;
use vaultrs::error::ClientError;

use super::error::VaultError;
use super::variable;
use crate::clients::secret::Secret;

/// Where Kubernetes puts the token of a pod's service account.
const SERVICE_ACCOUNT_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// How to log in to Vault. What is secret comes from the environment, or from the pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VaultLogin {
    /// By a token.
    Token {
        /// The variable that holds it.
        variable: String,
    },
    /// By a signed identity token.
    Jwt {
        /// The method's mount.
        mount: String,
        /// The role.
        role: String,
        /// The variable that holds the identity token.
        variable: String,
    },
    /// By a role id and a secret id.
    AppRole {
        /// The method's mount.
        mount: String,
        /// The role id.
        role_id: String,
        /// The variable that holds the secret id.
        variable: String,
    },
    /// By the service account of the pod.
    Kubernetes {
        /// The method's mount.
        mount: String,
        /// The role.
        role: String,
    },
}

impl Default for VaultLogin {
    fn default() -> Self {
        Self::Token { variable: "VAULT_TOKEN".to_owned() }
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
        let missing = |cause: String| VaultError::Settings { cause };
        match self {
            Self::Token { variable: name }
            | Self::Jwt { variable: name, .. }
            | Self::AppRole { variable: name, .. } => {
                let value = variable(name).map(|value| Secret::new(value.trim()));
                value.ok_or_else(|| missing(format!("the environment variable {name} is empty or not set")))
            }
            Self::Kubernetes { .. } => {
                let token = std::fs::read_to_string(SERVICE_ACCOUNT_TOKEN);
                let unreadable = |error| missing(format!("{SERVICE_ACCOUNT_TOKEN} cannot be read: {error}"));
                token.map(|token| Secret::new(token.trim())).map_err(unreadable)
            }
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
            Self::Kubernetes { mount, role } => {
                vaultrs::auth::kubernetes::login(client, mount, role, secret).await?
            }
        };
        Ok(Secret::new(granted.client_token))
    }
}
