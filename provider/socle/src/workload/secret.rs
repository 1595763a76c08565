//! The block `secret`: a Secret whose values are in no plan and no state.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map as JsonMap, Value as Json, json};
use tfplugin::{Map, Model, Value};

use super::identity::{Identity, TypeName};
use super::kinds::Scope;
use super::manifest::{Manifest, Place};

/// A Secret whose values are in no plan and no state.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Model)]
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
    #[tf(required, write_only)]
    pub data_wo: Value<Map<String>>,
    /// A number to raise whenever `data_wo` changes.
    #[tf(required)]
    pub data_wo_version: Value<u64>,
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
        let version = self.data_wo_version.known()?;
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
            seal: Some(format!("data_wo {version}")),
            place: Place::Secret(index),
        })
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

    #[test]
    fn what_is_unknown_is_no_object_yet() {
        assert_eq!(SecretBlock { name: Value::Unknown, ..block(1) }.manifest(0, "a"), None);
        assert_eq!(SecretBlock { data_wo_version: Value::Unknown, ..block(1) }.manifest(0, "a"), None);
    }
}
