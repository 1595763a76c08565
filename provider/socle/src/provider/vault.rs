//! The `vault` block.

use tfplugin::{Model, Value};

use super::aws::url;
use crate::clients::vault::{VaultLogin, VaultSettings};

/// How to reach Vault.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct VaultBlock {
    /// The URL of the server. Default: `VAULT_ADDR`.
    #[tf(optional, validate(url()))]
    pub address: Value<String>,
    /// The certificates that may sign the server's, in PEM form. Default: those of the system.
    #[tf(optional)]
    pub ca_certificate: Value<String>,
    /// The namespace. Default: `VAULT_NAMESPACE`, else none.
    #[tf(optional)]
    pub namespace: Value<String>,
    /// How to log in. Default: the token in `VAULT_TOKEN`.
    #[tf(block)]
    pub auth: Value<AuthBlock>,
}

/// How to log in to Vault.
#[derive(Debug, Clone, PartialEq, Default, Model)]
#[tf(exactly_one_of(jwt, token, approle, kubernetes))]
pub struct AuthBlock {
    /// By a signed identity token, such as GitLab issues to a job.
    #[tf(block)]
    pub jwt: Value<JwtBlock>,
    /// By a token.
    #[tf(block)]
    pub token: Value<TokenBlock>,
    /// By a role id and a secret id.
    #[tf(block)]
    pub approle: Value<AppRoleBlock>,
    /// By the service account of the pod that Terraform runs in.
    #[tf(block)]
    pub kubernetes: Value<KubernetesBlock>,
}

/// Login by an identity token.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct JwtBlock {
    /// The role to log in as.
    #[tf(required)]
    pub role: Value<String>,
    /// The mount of the JWT auth method. Default: `jwt`.
    #[tf(optional)]
    pub mount: Value<String>,
    /// The environment variable that holds the identity token. Default: `VAULT_ID_TOKEN`.
    #[tf(optional)]
    pub token_env: Value<String>,
}

/// Login by a token.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct TokenBlock {
    /// The environment variable that holds the token. Default: `VAULT_TOKEN`.
    #[tf(optional)]
    pub token_env: Value<String>,
}

/// Login by a role id and a secret id.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct AppRoleBlock {
    /// The role id.
    #[tf(required)]
    pub role_id: Value<String>,
    /// The mount of the `AppRole` auth method. Default: `approle`.
    #[tf(optional)]
    pub mount: Value<String>,
    /// The environment variable that holds the secret id. Default: `VAULT_SECRET_ID`.
    #[tf(optional)]
    pub secret_id_env: Value<String>,
}

/// Login by a service account.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct KubernetesBlock {
    /// The role to log in as.
    #[tf(required)]
    pub role: Value<String>,
    /// The mount of the Kubernetes auth method. Default: `kubernetes`.
    #[tf(optional)]
    pub mount: Value<String>,
}

impl VaultBlock {
    /// What is unknown while planning is as if it were left out: no resource that exists can depend on it.
    pub(super) fn settings(self) -> VaultSettings {
        VaultSettings {
            address: self.address.into_known(),
            ca_certificate: self.ca_certificate.into_known(),
            namespace: self.namespace.into_known(),
            login: self.auth.into_known().and_then(AuthBlock::login).unwrap_or_default(),
        }
    }
}

impl AuthBlock {
    fn login(self) -> Option<VaultLogin> {
        if let Some(jwt) = self.jwt.into_known() {
            return Some(VaultLogin::Jwt {
                mount: or(jwt.mount, "jwt"),
                role: jwt.role.into_known()?,
                variable: or(jwt.token_env, "VAULT_ID_TOKEN"),
            });
        }
        if let Some(approle) = self.approle.into_known() {
            return Some(VaultLogin::AppRole {
                mount: or(approle.mount, "approle"),
                role_id: approle.role_id.into_known()?,
                variable: or(approle.secret_id_env, "VAULT_SECRET_ID"),
            });
        }
        if let Some(kubernetes) = self.kubernetes.into_known() {
            return Some(VaultLogin::Kubernetes {
                mount: or(kubernetes.mount, "kubernetes"),
                role: kubernetes.role.into_known()?,
            });
        }
        let token = self.token.into_known()?;
        Some(VaultLogin::Token { variable: or(token.token_env, "VAULT_TOKEN") })
    }
}

fn or(value: Value<String>, default: &str) -> String {
    value.into_known().unwrap_or_else(|| default.to_owned())
}
