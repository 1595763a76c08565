//! The secrets of a policy: where they come from, and in which version.

use tfplugin::{Diagnostic, Model as _, Path, Value, Wanted};

use super::super::parts::drifted;
use super::BackupPolicy;
use crate::clients::Clients;
use crate::clients::retry::Budget;
use crate::clients::secret::Secret;
use crate::clients::vault::{CredentialsReference, SecretReference, Vault, VaultError};

/// What is given to the host; what is not given stays there as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Secrets {
    pub(super) password: Option<Secret>,
    pub(super) recovery: Option<Secret>,
    pub(super) keys: Option<(Secret, Secret)>,
}

/// The versions of Vault's secrets: in use, and the newest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Versions {
    pub(super) password: Pair,
    pub(super) recovery: Pair,
    pub(super) keys: Pair,
}

/// A version in use, and the newest one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) in_use: Value<u64>,
    pub(super) latest: Value<u64>,
}

/// Where a secret is in Vault.
pub(super) trait Reference: PartialEq {
    /// The secret.
    type Secret;

    /// The version that the user wrote.
    fn version(&self) -> &Value<u64>;

    /// Whether it is the same secret, of whatever version.
    fn is_same(&self, other: &Self) -> bool;

    /// Reads that version, or the newest.
    async fn get(
        &self,
        vault: &Vault,
        version: Option<u64>,
        budget: &Budget,
    ) -> Result<(Self::Secret, u64), VaultError>;

    /// The number of the newest version.
    async fn newest(&self, vault: &Vault, budget: &Budget) -> Result<u64, VaultError>;
}

impl Reference for SecretReference {
    type Secret = Secret;

    fn version(&self) -> &Value<u64> {
        &self.version
    }

    fn is_same(&self, other: &Self) -> bool {
        (&self.mount, &self.path) == (&other.mount, &other.path)
    }

    async fn get(
        &self,
        vault: &Vault,
        version: Option<u64>,
        budget: &Budget,
    ) -> Result<(Secret, u64), VaultError> {
        self.read(vault, version, budget).await
    }

    async fn newest(&self, vault: &Vault, budget: &Budget) -> Result<u64, VaultError> {
        self.latest(vault, budget).await
    }
}

impl Reference for CredentialsReference {
    type Secret = (Secret, Secret);

    fn version(&self) -> &Value<u64> {
        &self.version
    }

    fn is_same(&self, other: &Self) -> bool {
        (&self.mount, &self.path) == (&other.mount, &other.path)
    }

    async fn get(
        &self,
        vault: &Vault,
        version: Option<u64>,
        budget: &Budget,
    ) -> Result<((Secret, Secret), u64), VaultError> {
        self.read(vault, version, budget).await
    }

    async fn newest(&self, vault: &Vault, budget: &Budget) -> Result<u64, VaultError> {
        self.latest(vault, budget).await
    }
}

/// Which versions a plan takes: the one that is written, else the newest that a refresh saw.
pub(super) fn planned_versions<R: Reference>(
    reference: &Value<R>,
    prior: Option<(&Value<R>, &Value<u64>)>,
) -> Pair {
    let Value::Known(now) = reference else {
        let nothing = if reference.is_null() { Value::Null } else { Value::Unknown };
        return Pair { in_use: nothing.clone(), latest: nothing };
    };
    let same = prior.filter(|(before, _)| before.known().is_some_and(|before| before.is_same(now)));
    let latest = same.map(|(_, latest)| latest.clone()).filter(|latest| !latest.is_null());
    let latest = latest.unwrap_or(Value::Unknown);
    let in_use = if now.version().is_null() { latest.clone() } else { now.version().clone() };
    Pair { in_use, latest }
}

impl BackupPolicy {
    /// Whether it has a recovery password.
    pub(super) fn has_recovery(&self) -> bool {
        !self.recovery_password_vault.is_null() || !self.recovery_password_wo_version.is_null()
    }

    /// Whether it has an access key; else the machine's role asks.
    pub(super) fn has_keys(&self) -> bool {
        !self.credentials_vault.is_null() || !self.credentials_wo_version.is_null()
    }

    /// The versions that its state or its plan names.
    pub(super) fn versions(&self) -> Versions {
        let pair = |in_use: &Value<u64>, latest: &Value<u64>| Pair {
            in_use: in_use.clone(),
            latest: latest.clone(),
        };
        Versions {
            password: pair(&self.encryption_password_version, &self.encryption_password_latest_version),
            recovery: pair(&self.recovery_password_version, &self.recovery_password_latest_version),
            keys: pair(&self.credentials_version, &self.credentials_latest_version),
        }
    }

    /// With these versions.
    pub(super) fn with_versions(self, versions: Versions) -> Self {
        Self {
            encryption_password_version: versions.password.in_use,
            encryption_password_latest_version: versions.password.latest,
            recovery_password_version: versions.recovery.in_use,
            recovery_password_latest_version: versions.recovery.latest,
            credentials_version: versions.keys.in_use,
            credentials_latest_version: versions.keys.latest,
            ..self
        }
    }
}

/// One secret for an apply, and its versions from now on.
async fn fetch<R: Reference>(
    clients: &Clients,
    reference: &Value<R>,
    planned: &Pair,
    at: Path,
    budget: &Budget,
) -> Result<(Option<R::Secret>, Pair), Diagnostic> {
    let Some(reference) = reference.known() else { return Ok((None, Pair::default())) };
    let failed =
        |error: VaultError| Diagnostic::error("Secret cannot be read", error.to_string()).at(at.clone());
    let version = planned.in_use.known().copied().or(reference.version().known().copied());
    let (secret, version) = reference.get(clients.vault(), version, budget).await.map_err(failed)?;
    let latest = match planned.latest.known() {
        Some(latest) => *latest,
        None if reference.version().is_null() => version,
        None => reference.newest(clients.vault(), budget).await.map_err(failed)?,
    };
    Ok((Some(secret), Pair { in_use: version.into(), latest: latest.into() }))
}

/// The secrets of an apply. A write-only one is given where its version changed, and where something on the host is not as
/// wanted: else a change of it would take effect by the way.
///
/// # Errors
/// Why one cannot be had.
pub(super) async fn gather(
    clients: &Clients,
    wanted: &Wanted<BackupPolicy>,
    prior: Option<&BackupPolicy>,
    budget: &Budget,
) -> Result<(Secrets, Versions), Diagnostic> {
    let (planned, config) = (&wanted.planned, &wanted.config);
    let versions = planned.versions();
    let at = BackupPolicy::paths();
    let (password, of_password) = fetch(
        clients,
        &planned.encryption_password_vault,
        &versions.password,
        at.encryption_password_vault().into(),
        budget,
    )
    .await?;
    let (recovery, of_recovery) = fetch(
        clients,
        &planned.recovery_password_vault,
        &versions.recovery,
        at.recovery_password_vault().into(),
        budget,
    )
    .await?;
    let (keys, of_keys) =
        fetch(clients, &planned.credentials_vault, &versions.keys, at.credentials_vault().into(), budget)
            .await?;
    let gives = |version: fn(&BackupPolicy) -> &Value<u64>| {
        prior.is_none_or(|prior| drifted(&prior.parts) || version(prior) != version(planned))
    };
    let written = |text: &Value<String>| text.known().map(Secret::new);
    let secrets = Secrets {
        password: password.or_else(|| {
            written(&config.encryption_password_wo)
                .filter(|_| gives(|policy| &policy.encryption_password_wo_version))
        }),
        recovery: recovery.or_else(|| {
            written(&config.recovery_password_wo)
                .filter(|_| gives(|policy| &policy.recovery_password_wo_version))
        }),
        keys: keys.or_else(|| {
            let keys = config.credentials_wo.known()?;
            let keys = (written(&keys.access_key)?, written(&keys.secret_key)?);
            gives(|policy| &policy.credentials_wo_version).then_some(keys)
        }),
    };
    Ok((secrets, Versions { password: of_password, recovery: of_recovery, keys: of_keys }))
}

/// What a refresh compares with: Vault's secrets in the version that is on the host, and which version is the newest. What
/// Vault does not give is not compared.
pub(super) async fn look(
    clients: &Clients,
    state: &BackupPolicy,
    budget: &Budget,
    problems: &mut Vec<VaultError>,
) -> (Secrets, Versions) {
    let versions = state.versions();
    let (password, of_password) =
        seen(clients, &state.encryption_password_vault, versions.password, budget, problems).await;
    let (recovery, of_recovery) =
        seen(clients, &state.recovery_password_vault, versions.recovery, budget, problems).await;
    let (keys, of_keys) = seen(clients, &state.credentials_vault, versions.keys, budget, problems).await;
    (
        Secrets { password, recovery, keys },
        Versions { password: of_password, recovery: of_recovery, keys: of_keys },
    )
}

async fn seen<R: Reference>(
    clients: &Clients,
    reference: &Value<R>,
    known: Pair,
    budget: &Budget,
    problems: &mut Vec<VaultError>,
) -> (Option<R::Secret>, Pair) {
    let Some(reference) = reference.known() else { return (None, known) };
    let newest = reference.get(clients.vault(), None, budget).await;
    let (secret, latest) = match newest {
        Ok(newest) => newest,
        Err(error) => {
            problems.push(error);
            return (None, known);
        }
    };
    let pair = Pair { in_use: known.in_use.clone(), latest: latest.into() };
    if known.in_use == Value::Known(latest) {
        return (Some(secret), pair);
    }
    // An older version may have been deleted in Vault; then there is nothing to compare with.
    let older = match known.in_use.known() {
        Some(version) => reference.get(clients.vault(), Some(*version), budget).await.ok(),
        None => None,
    };
    (older.map(|(secret, _)| secret), pair)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(path: &str, version: Value<u64>) -> Value<SecretReference> {
        let (mount, path, field) = ("secret".into(), path.into(), "password".into());
        SecretReference { mount, path, field, version }.into()
    }

    #[test]
    fn a_rotation_in_vault_is_planned_unless_a_version_is_written() {
        let before = reference("db", Value::Null);
        let planned = |now: &Value<SecretReference>, latest: Value<u64>| {
            planned_versions(now, Some((&before, &latest))).in_use
        };
        assert_eq!(planned(&before, 4.into()), 4.into());
        assert_eq!(planned(&reference("db", 2.into()), 4.into()), 2.into());
        assert_eq!(planned(&reference("elsewhere", Value::Null), 4.into()), Value::Unknown);
        assert_eq!(planned_versions(&before, None).in_use, Value::Unknown);
        assert_eq!(planned(&Value::Null, 4.into()), Value::Null);
    }
}
