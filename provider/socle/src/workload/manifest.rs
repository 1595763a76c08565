//! From a text to the objects it asks for, and what is refused before any cluster is asked.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::identity::{Identity, Subject, TypeName};
use super::kinds::{self, Rank, Scope};
use super::ownership::PREVENT_PRUNE;
use super::yaml::{self, YamlError};

/// The namespace of objects that name none, where the resource names none either.
pub const DEFAULT_NAMESPACE: &str = "default";

/// How many bytes of a digest tell two documents apart.
const DIGEST_BYTES: usize = 8;

/// One object that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// What names it.
    pub identity: Identity,
    /// Where it lives, as far as that is known without a cluster.
    pub scope: Scope,
    /// All of it but secret values.
    pub object: Value,
    /// What stands in the digest for values that must not: the version of a secret.
    pub seal: Seal,
    /// Where it is written.
    pub place: Place,
}

/// What stands for the values of a secret in its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seal {
    /// It has no values.
    None,
    /// Which ones they are.
    Is(String),
    /// Only an apply will know which ones they are, and so its digest.
    Open,
}

/// Where a document stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In `documents`.
    Document {
        /// Which one, counted from 1.
        number: usize,
        /// The line that it begins on, counted from 1.
        line: usize,
    },
    /// In a block `secret`: which one, counted from 0.
    Secret(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document { number, line } => write!(f, "document {number}, line {line}"),
            Self::Secret(index) => write!(f, "block `secret` {}", index + 1),
        }
    }
}

/// A document that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The text is not YAML.
    #[error("{0}. Nothing was applied.")]
    Yaml(#[from] YamlError),
    /// A document is no object of Kubernetes.
    #[error("{place}: {problem}")]
    Document {
        /// Where it stands.
        place: Place,
        /// What is wrong with it.
        problem: Problem,
    },
}

/// What is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is a list or a word.
    #[error("it is no object. An object begins with `apiVersion:` and `kind:`.")]
    NotAnObject,
    /// A field that every object has is missing, or is no text.
    #[error("`{0}` is missing, or is no text. Every object has `apiVersion`, `kind` and `metadata.name`.")]
    Missing(&'static str),
    /// A name that no object can have.
    #[error("`{field}` is {value:?}, which no object can be called.")]
    BadName {
        /// The field.
        field: &'static str,
        /// What it says.
        value: String,
    },
    /// The server would make up the name.
    #[error("`metadata.generateName` makes a new object at every apply. Give it a `metadata.name`.")]
    GeneratedName,
    /// Several objects in one.
    #[error(
        "`{0}` wraps several objects. Write each of its items as a document of its own, between `---` lines."
    )]
    List(String),
    /// A secret's values would stand in the state.
    #[error(
        "the Secret {0} carries values, and `documents` stands in the state for everyone who reads that. Remove it \
         here, and write a block instead, whose values are in no plan and no state: `secret {{ name = {0:?}, data_wo = \
         {{ KEY = … }}, data_wo_version = 1 }}`."
    )]
    SecretValues(String),
    /// An annotation of ours with a value that means nothing.
    #[error("the annotation `{key}` is {value:?}. Allowed: \"true\", \"false\".")]
    Annotation {
        /// The annotation.
        key: &'static str,
        /// What it says.
        value: String,
    },
    /// Two documents are one object.
    #[error("{label} stands here a second time; first in {first}. Remove one of them.")]
    Twice {
        /// The object.
        label: String,
        /// Where it stands first.
        first: Place,
    },
}

impl Manifest {
    /// The first characters of the SHA-256 of what is asked for, in hexadecimal.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.object.to_string());
        if let Seal::Is(seal) = &self.seal {
            hash.update(seal);
        }
        let mut text = String::with_capacity(2 * DIGEST_BYTES);
        for byte in &hash.finalize()[..DIGEST_BYTES] {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    /// Does the cluster delete it some time after it has ended?
    pub fn passes(&self) -> bool {
        kinds::is_job(&self.identity.type_name) && !self.object["spec"]["ttlSecondsAfterFinished"].is_null()
    }

    /// When its turn is.
    pub fn rank(&self) -> Rank {
        kinds::rank(&self.identity.type_name)
    }

    /// The same object in the namespace where the cluster says that it lives.
    #[must_use]
    pub fn placed(mut self, namespace: Option<&str>) -> Self {
        self.identity.namespace = namespace.map(str::to_owned);
        set_namespace(&mut self.object, namespace);
        self
    }
}

/// Reads all objects of a text. `namespace` is the default for those that name none; none while it is unknown.
///
/// # Errors
/// Every document that is refused.
pub fn read(text: &str, namespace: Option<&str>) -> Result<Vec<Manifest>, Vec<Refusal>> {
    let documents = yaml::documents(text).map_err(|error| vec![Refusal::Yaml(error)])?;
    let mut read = Vec::with_capacity(documents.len());
    let mut refused = Vec::new();
    for document in documents {
        let place = Place::Document { number: document.number, line: document.line };
        match manifest(document.value, place) {
            Ok(manifest) => read.push(manifest),
            Err(problem) => refused.push(Refusal::Document { place, problem }),
        }
    }
    if refused.is_empty() { Ok(in_their_places(read, namespace)) } else { Err(refused) }
}

/// The objects that stand a second time.
pub fn twice(manifests: &[Manifest]) -> Vec<Refusal> {
    let mut first: BTreeMap<Subject, Place> = BTreeMap::new();
    let mut refused = Vec::new();
    for Manifest { identity, place, .. } in manifests {
        if let Some(first) = first.get(&identity.subject()) {
            let problem = Problem::Twice { label: identity.to_string(), first: *first };
            refused.push(Refusal::Document { place: *place, problem });
        } else {
            first.insert(identity.subject(), *place);
        }
    }
    refused
}

fn manifest(mut object: Value, place: Place) -> Result<Manifest, Problem> {
    if !object.is_object() {
        return Err(Problem::NotAnObject);
    }
    let type_name = TypeName::new(&word(&object, "apiVersion")?, &word(&object, "kind")?);
    if object["items"].is_array() && type_name.kind.ends_with("List") {
        return Err(Problem::List(type_name.kind));
    }
    if object["metadata"]["name"].is_null() && object["metadata"]["generateName"].is_string() {
        return Err(Problem::GeneratedName);
    }
    let name =
        named(&object["metadata"], "metadata.name", "name")?.ok_or(Problem::Missing("metadata.name"))?;
    let namespace = named(&object["metadata"], "metadata.namespace", "namespace")?;
    refuse_values(&object, &type_name, &name)?;
    refuse_annotation(&object)?;
    forget_what_is_not_ours(&mut object);
    let scope = kinds::scope(&type_name);
    Ok(Manifest { identity: Identity { type_name, namespace, name }, scope, object, seal: Seal::None, place })
}

fn word(object: &Value, field: &'static str) -> Result<String, Problem> {
    let text = object[field].as_str().ok_or(Problem::Missing(field))?;
    if text.is_empty() {
        return Err(Problem::Missing(field));
    }
    segment(text.replacen('/', "", 1).as_str(), field)?;
    Ok(text.to_owned())
}

fn named(metadata: &Value, field: &'static str, key: &str) -> Result<Option<String>, Problem> {
    match &metadata[key] {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() => Ok(None),
        Value::String(text) => segment(text, field).map(|()| Some(text.clone())),
        _ => Err(Problem::Missing(field)),
    }
}

/// What can stand as one step of a path of the API.
fn segment(text: &str, field: &'static str) -> Result<(), Problem> {
    let is_bad = |letter: char| letter.is_whitespace() || letter.is_control() || matches!(letter, '/' | '%');
    if text.contains(is_bad) || matches!(text, "." | "..") {
        return Err(Problem::BadName { field, value: text.to_owned() });
    }
    Ok(())
}

fn refuse_values(object: &Value, type_name: &TypeName, name: &str) -> Result<(), Problem> {
    let has_values = ["data", "stringData"]
        .iter()
        .any(|field| object[field].as_object().is_some_and(|entries| entries.values().any(|v| !v.is_null())));
    if type_name.group.is_empty() && type_name.kind == "Secret" && has_values {
        return Err(Problem::SecretValues(name.to_owned()));
    }
    Ok(())
}

fn refuse_annotation(object: &Value) -> Result<(), Problem> {
    for key in [PREVENT_PRUNE, super::ownership::WAIT] {
        let value = &object["metadata"]["annotations"][key];
        if !matches!(value, Value::Null) && !matches!(value.as_str(), Some("true" | "false")) {
            return Err(Problem::Annotation { key, value: value.to_string() });
        }
    }
    Ok(())
}

/// `status` and the time of creation are the server's, though generators write them.
fn forget_what_is_not_ours(object: &mut Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata
            .retain(|key, value| key != "managedFields" && !(key == "creationTimestamp" && value.is_null()));
    }
}

fn set_namespace(object: &mut Value, namespace: Option<&str>) {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        match namespace {
            Some(namespace) => metadata.insert("namespace".to_owned(), json!(namespace)),
            None => metadata.remove("namespace"),
        };
    }
}

/// A kind that a document of the same text defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Its group.
    pub group: String,
    /// The kind.
    pub kind: String,
    /// Its name in paths.
    pub plural: String,
    /// Where its objects live.
    pub scope: Scope,
}

/// The kinds that the documents define.
pub fn definitions(manifests: &[Manifest]) -> Vec<Definition> {
    let defined = |manifest: &Manifest| {
        let spec = &manifest.object["spec"];
        let is_definition = manifest.rank() == Rank::Definitions;
        let scope = if spec["scope"].as_str()? == "Cluster" { Scope::Cluster } else { Scope::Namespaced };
        is_definition.then_some(Definition {
            group: spec["group"].as_str()?.to_owned(),
            kind: spec["names"]["kind"].as_str()?.to_owned(),
            plural: spec["names"]["plural"].as_str()?.to_owned(),
            scope,
        })
    };
    manifests.iter().filter_map(defined).collect()
}

fn in_their_places(manifests: Vec<Manifest>, namespace: Option<&str>) -> Vec<Manifest> {
    let definitions = definitions(&manifests);
    let place = |mut manifest: Manifest| {
        let type_name = &manifest.identity.type_name;
        let is_its = |known: &&Definition| known.group == type_name.group && known.kind == type_name.kind;
        if let Some(known) = definitions.iter().find(is_its) {
            manifest.scope = known.scope;
        }
        let written = manifest.identity.namespace.clone();
        let lives_in = match manifest.scope {
            Scope::Cluster => None,
            Scope::Namespaced => written.or_else(|| namespace.map(str::to_owned)),
            Scope::Unknown => written,
        };
        manifest.placed(lives_in.as_deref())
    };
    manifests.into_iter().map(place).collect()
}

#[cfg(test)]
mod tests;
