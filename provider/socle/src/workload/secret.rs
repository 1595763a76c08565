//! The block `secret`: a Secret whose values are in no plan and no state.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map as JsonMap, Value as Json, json};
use tfplugin::{Map, Model, Value};

use crate::clients::secret::Secret;

use super::identity::{Identity, TypeName};
use super::kinds::Scope;
use super::manifest::{Manifest, Place, Seal};

/// A Secret whose values are in no plan and no state.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Model)]
#[tf(exactly_one_of(data_wo, data_vault), required_together(data_wo, data_wo_version))]
pub struct SecretBlock {
    /// The name of the Secret.
    #[tf(required, validate(length(1..=253)))]
    pub name: Value<String>,
    /// Its namespace. Default: that of the resource.
    #[tf(optional, validate(length(1..=63)))]
    pub namespace: Value<String>,
    /// Its type, such as `kubernetes.io/tls`. Default: `Opaque`.
    #[tf(optional, default = "Opaque")]
    pub r#type: Value<String>,
    /// Its labels. Default: none.
    #[tf(optional)]
    pub labels: Value<Map<String>>,
    /// Its values, as text, by key. Write-only: they are in no plan and no state, so a change of them takes effect
    /// together with `data_wo_version`.
    #[tf(optional, write_only)]
    pub data_wo: Value<Map<String>>,
    /// A number to raise whenever `data_wo` changes.
    #[tf(optional)]
    pub data_wo_version: Value<u64>,
    /// Its values from Vault: every field of the secret there, which must be text, by its name.
    #[tf(block)]
    pub data_vault: Value<ValuesReference>,
    /// The version of the secret in Vault that is in the cluster.
    #[tf(computed)]
    pub data_vault_version: Value<u64>,
    /// The newest version of the secret in Vault, as of the last refresh. Without a `version` in `data_vault` the next
    /// plan takes it: a rotation shows as a change.
    #[tf(computed)]
    pub data_vault_latest_version: Value<u64>,
}

/// Where in Vault's KV version 2 the values are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Model)]
pub struct ValuesReference {
    /// The mount of the KV version 2 engine, such as `secret`.
    #[tf(required, validate(pattern("^[^?#%]+$", "a path, such as `secret`")))]
    pub mount: Value<String>,
    /// The path of the secret in it.
    #[tf(required, validate(pattern("^[^?#%]+$", "a path, such as `social/database`")))]
    pub path: Value<String>,
    /// The version to use. Default: the newest; each refresh looks whether there is a newer one.
    #[tf(optional, validate(range(1..)))]
    pub version: Value<u64>,
}

impl ValuesReference {
    /// Mount and path, once both are known.
    pub fn place(&self) -> Option<(&str, &str)> {
        Some((self.mount.known()?.trim_matches('/'), self.path.known()?.trim_matches('/')))
    }
}

impl SecretBlock {
    /// The object without its values; none while something of it is unknown.
    pub fn manifest(&self, index: usize, namespace: &str) -> Option<Manifest> {
        let name = self.name.known()?.clone();
        let namespace = match &self.namespace {
            Value::Known(namespace) => namespace.clone(),
            Value::Null => namespace.to_owned(),
            Value::Unknown => return None,
        };
        let type_name = TypeName::new("v1", "Secret");
        let seal = self.seal()?;
        let mut object = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": { "name": name, "namespace": namespace },
            "type": self.r#type.known()?,
        });
        if !self.labels.is_null() {
            object["metadata"]["labels"] = Json::Object(known_texts(&self.labels)?);
        }
        Some(Manifest {
            identity: Identity { type_name, namespace: Some(namespace), name },
            scope: Scope::Namespaced,
            object,
            seal,
            place: Place::Secret(index),
        })
    }

    /// Which values they are, without what they are.
    fn seal(&self) -> Option<Seal> {
        match &self.data_vault {
            Value::Unknown => None,
            Value::Null => Some(Seal::Is(format!("data_wo {}", self.data_wo_version.known()?))),
            Value::Known(reference) => {
                let (mount, path) = reference.place()?;
                let version = self.data_vault_version.known();
                Some(
                    version.map_or(Seal::Open, |version| Seal::Is(format!("vault {mount} {path} {version}"))),
                )
            }
        }
    }

    /// Plans which version of Vault's secret is taken: the one that is written, else the newest that a refresh saw.
    pub fn plan_version(&mut self, prior: Option<&Self>) {
        let Value::Known(reference) = &self.data_vault else {
            let nothing = if self.data_vault.is_null() { Value::Null } else { Value::Unknown };
            (self.data_vault_version, self.data_vault_latest_version) = (nothing.clone(), nothing);
            return;
        };
        let is_same = |prior: &&Self| {
            prior.data_vault.known().is_some_and(|before| before.place() == reference.place())
        };
        let latest = prior.filter(is_same).map(|prior| prior.data_vault_latest_version.clone());
        let latest = latest.filter(|latest| !latest.is_null()).unwrap_or(Value::Unknown);
        self.data_vault_version =
            if reference.version.is_null() { latest.clone() } else { reference.version.clone() };
        self.data_vault_latest_version = latest;
    }

    /// The values as the API takes them; none where one of them is null.
    pub fn data(&self) -> Option<Json> {
        let encode = |(key, value): (&String, &Value<String>)| {
            Some((key.clone(), json!(STANDARD.encode(value.known()?))))
        };
        let data = self.data_wo.known()?.iter().map(encode).collect::<Option<_>>()?;
        Some(Json::Object(data))
    }
}

/// Values as the API takes them.
///
/// # Errors
/// The name of a field that has no text.
pub fn data_of_fields<'f>(fields: impl Iterator<Item = (&'f str, Option<Secret>)>) -> Result<Json, String> {
    let encode = |(name, value): (&str, Option<Secret>)| {
        let value = value.ok_or_else(|| name.to_owned())?;
        Ok((name.to_owned(), json!(STANDARD.encode(value.expose()))))
    };
    fields.map(encode).collect::<Result<_, _>>().map(Json::Object)
}

/// `None` while one of them is unknown.
fn known_texts(texts: &Value<Map<String>>) -> Option<JsonMap<String, Json>> {
    let text = |(key, text): (&String, &Value<String>)| match text {
        Value::Unknown => None,
        Value::Null => Some((key.clone(), Json::Null)),
        Value::Known(text) => Some((key.clone(), json!(text))),
    };
    texts.known()?.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(version: u64) -> SecretBlock {
        SecretBlock {
            name: "db".into(),
            r#type: "Opaque".into(),
            data_wo: Map::from([("password".to_owned(), "s3cr3t".into())]).into(),
            data_wo_version: version.into(),
            ..SecretBlock::default()
        }
    }

    #[test]
    fn values_are_neither_in_the_object_nor_in_its_digest() {
        let manifest = block(1).manifest(0, "social").unwrap();
        assert_eq!(manifest.identity.to_string(), "v1 Secret social/db");
        assert!(!format!("{manifest:?}").contains("s3cr3t"));
        let other = SecretBlock { data_wo: Value::Null, ..block(1) }.manifest(0, "social").unwrap();
        assert_eq!(manifest.digest(), other.digest());
    }

    #[test]
    fn a_new_version_is_a_new_digest() {
        let digest = |version| block(version).manifest(0, "social").unwrap().digest();
        assert_ne!(digest(1), digest(2));
    }

    #[test]
    fn values_travel_in_base64() {
        assert_eq!(block(1).data(), Some(json!({"password": "czNjcjN0"})));
    }

    fn of_vault(version: Value<u64>, latest: Value<u64>) -> SecretBlock {
        let reference = ValuesReference { mount: "secret".into(), path: "db".into(), version };
        SecretBlock {
            data_wo: Value::Null,
            data_wo_version: Value::Null,
            data_vault: reference.into(),
            data_vault_version: latest.clone(),
            data_vault_latest_version: latest,
            ..block(1)
        }
    }

    #[test]
    fn a_rotation_in_vault_is_planned_unless_a_version_is_written() {
        let planned = |written: Value<u64>, prior: Option<&SecretBlock>| {
            let mut planned = of_vault(written, Value::Unknown);
            planned.plan_version(prior);
            planned.data_vault_version
        };
        let prior = of_vault(Value::Null, 4.into());
        assert_eq!(planned(Value::Null, None), Value::Unknown);
        assert_eq!(planned(Value::Null, Some(&prior)), 4.into());
        assert_eq!(planned(2.into(), Some(&prior)), 2.into());
        let mut moved = prior.clone();
        moved.data_vault =
            ValuesReference { mount: "secret".into(), path: "else".into(), version: Value::Null }.into();
        assert_eq!(planned(Value::Null, Some(&moved)), Value::Unknown);
    }

    #[test]
    fn another_version_of_vault_is_another_digest_and_an_unknown_one_is_open() {
        let manifest = |latest| of_vault(Value::Null, latest).manifest(0, "a").unwrap();
        assert_ne!(manifest(1.into()).digest(), manifest(2.into()).digest());
        assert_eq!(manifest(Value::Unknown).seal, Seal::Open);
    }

    #[test]
    fn what_is_unknown_is_no_object_yet() {
        assert_eq!(SecretBlock { name: Value::Unknown, ..block(1) }.manifest(0, "a"), None);
        assert_eq!(SecretBlock { data_wo_version: Value::Unknown, ..block(1) }.manifest(0, "a"), None);
    }
}
