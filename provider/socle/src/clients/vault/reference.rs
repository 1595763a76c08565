//! Arguments that say where a secret is, in place of the secret: `x_vault { mount, path, field, version }`.

use tfplugin::{Model, Value};

use super::{Secret, Vault, VaultError};
use crate::clients::retry::Budget;

/// A secret of one part in Vault's KV version 2.
#[derive(Debug, Clone, PartialEq, Eq, Default, Model)]
pub struct SecretReference {
    /// The mount of the KV version 2 engine, such as `secret`.
    #[tf(required, validate(describe("a path without `..`, `?` and `#`", is_path)))]
    pub mount: Value<String>,
    /// The path of the secret in it.
    #[tf(required, validate(describe("a path without `..`, `?` and `#`", is_path)))]
    pub path: Value<String>,
    /// The field of the secret.
    #[tf(required, validate(length(1..)))]
    pub field: Value<String>,
    /// The version to use. Default: the newest; each refresh looks whether there is a newer one.
    #[tf(optional, validate(range(1..)))]
    pub version: Value<u64>,
}

/// Credentials of two parts in Vault's KV version 2.
#[derive(Debug, Clone, PartialEq, Eq, Default, Model)]
pub struct CredentialsReference {
    /// The mount of the KV version 2 engine, such as `secret`.
    #[tf(required, validate(describe("a path without `..`, `?` and `#`", is_path)))]
    pub mount: Value<String>,
    /// The path of the secret in it.
    #[tf(required, validate(describe("a path without `..`, `?` and `#`", is_path)))]
    pub path: Value<String>,
    /// The field that holds the access key's id.
    #[tf(required, validate(length(1..)))]
    pub access_key_field: Value<String>,
    /// The field that holds the secret key.
    #[tf(required, validate(length(1..)))]
    pub secret_key_field: Value<String>,
    /// The version to use. Default: the newest; each refresh looks whether there is a newer one.
    #[tf(optional, validate(range(1..)))]
    pub version: Value<u64>,
}

/// What becomes a part of a URL says nothing else there.
fn is_path(path: &String) -> Result<(), String> {
    let bad = path.is_empty() || path.split('/').any(|step| step == "..") || path.contains(['?', '#', '%']);
    if bad { Err(format!("found {path:?}")) } else { Ok(()) }
}

fn known(value: &Value<String>) -> &str {
    value.known().map_or("", String::as_str).trim_matches('/')
}

impl SecretReference {
    /// The number of the newest version: what a refresh keeps in `x_latest_version`.
    ///
    /// # Errors
    /// Why it is not known.
    pub async fn latest(&self, vault: &Vault, budget: &Budget) -> Result<u64, VaultError> {
        vault.newest_version(known(&self.mount), known(&self.path), budget).await
    }

    /// The secret at a version; none for the newest. With it comes the version that it is.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub async fn read(
        &self,
        vault: &Vault,
        version: Option<u64>,
        budget: &Budget,
    ) -> Result<(Secret, u64), VaultError> {
        let found = vault.secret(known(&self.mount), known(&self.path), version, budget).await?;
        let secret = field(&found, &self.mount, &self.path, &self.field)?;
        Ok((secret, found.version))
    }
}

impl CredentialsReference {
    /// The number of the newest version: what a refresh keeps in `x_latest_version`.
    ///
    /// # Errors
    /// Why it is not known.
    pub async fn latest(&self, vault: &Vault, budget: &Budget) -> Result<u64, VaultError> {
        vault.newest_version(known(&self.mount), known(&self.path), budget).await
    }

    /// Id and secret key at a version; none for the newest. With them comes the version that they are.
    ///
    /// # Errors
    /// Why they cannot be had.
    pub async fn read(
        &self,
        vault: &Vault,
        version: Option<u64>,
        budget: &Budget,
    ) -> Result<((Secret, Secret), u64), VaultError> {
        let found = vault.secret(known(&self.mount), known(&self.path), version, budget).await?;
        let id = field(&found, &self.mount, &self.path, &self.access_key_field)?;
        let key = field(&found, &self.mount, &self.path, &self.secret_key_field)?;
        Ok(((id, key), found.version))
    }
}

fn field(
    found: &super::SecretVersion,
    mount: &Value<String>,
    path: &Value<String>,
    name: &Value<String>,
) -> Result<Secret, VaultError> {
    let field = name.known().map_or("", String::as_str);
    found.field(field).ok_or_else(|| VaultError::NoField {
        what: format!("{}/data/{}", known(mount), known(path)),
        field: field.to_owned(),
        found: found.names().collect::<Vec<_>>().join(", "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_nothing_but_a_path() {
        assert!(is_path(&"backup/social-db".to_owned()).is_ok());
        for bad in ["", "../sys", "a/../b", "a?version=1", "a#b", "a%2e"] {
            assert!(is_path(&bad.to_owned()).is_err(), "{bad}");
        }
    }
}
