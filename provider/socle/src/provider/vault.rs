//! The `vault` block.

use tfplugin::{Model, Value};

use super::aws::url;

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
