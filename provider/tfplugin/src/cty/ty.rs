//! Types, and the JSON form in which the protocol writes them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Value as Json, json};

use super::{DecodeError, MAX_DEPTH};

/// A type of Terraform's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Type {
    /// `bool`
    Bool,
    /// `number`
    Number,
    /// `string`
    String,
    /// `any`: the value brings its own type.
    Dynamic,
    /// `list(T)`
    List(Box<Type>),
    /// `set(T)`
    Set(Box<Type>),
    /// `map(T)`
    Map(Box<Type>),
    /// `tuple([…])`
    Tuple(Vec<Type>),
    /// `object({…})`
    Object(ObjectType),
}

/// The attributes of an object type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ObjectType {
    /// Every attribute with its type.
    pub attributes: BTreeMap<String, Type>,
    /// Those a caller may leave out (only in the arguments of functions).
    pub optional: BTreeSet<String>,
}

impl Type {
    /// The protocol's JSON: `"string"`, `["list","string"]`, `["object",{"a":"bool"}]`.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Bool => json!("bool"),
            Self::Number => json!("number"),
            Self::String => json!("string"),
            Self::Dynamic => json!("dynamic"),
            Self::List(element) => json!(["list", element.to_json()]),
            Self::Set(element) => json!(["set", element.to_json()]),
            Self::Map(element) => json!(["map", element.to_json()]),
            Self::Tuple(elements) => json!(["tuple", elements.iter().map(Self::to_json).collect::<Vec<_>>()]),
            Self::Object(object) => object.to_json(),
        }
    }

    /// The type written in the protocol's JSON.
    ///
    /// # Errors
    /// When it is not one of Terraform's types.
    pub fn from_json(json: &Json) -> Result<Self, DecodeError> {
        Self::from_json_at(json, 0)
    }

    fn from_json_at(json: &Json, depth: usize) -> Result<Self, DecodeError> {
        if depth > MAX_DEPTH {
            return Err(DecodeError::TooDeep(MAX_DEPTH));
        }
        let refuse = || DecodeError::NotAType(json.to_string());
        let element = |json: &Json| Self::from_json_at(json, depth + 1);
        match json {
            Json::String(name) => Self::primitive(name).ok_or_else(refuse),
            Json::Array(parts) => match parts.as_slice() {
                [Json::String(kind), of] if kind == "list" => Ok(Self::List(Box::new(element(of)?))),
                [Json::String(kind), of] if kind == "set" => Ok(Self::Set(Box::new(element(of)?))),
                [Json::String(kind), of] if kind == "map" => Ok(Self::Map(Box::new(element(of)?))),
                [Json::String(kind), Json::Array(of)] if kind == "tuple" => {
                    Ok(Self::Tuple(of.iter().map(element).collect::<Result<_, _>>()?))
                }
                [Json::String(kind), Json::Object(of), optional @ ..] if kind == "object" => {
                    let attributes = of
                        .iter()
                        .map(|(name, ty)| Ok((name.clone(), element(ty)?)))
                        .collect::<Result<_, DecodeError>>()?;
                    let optional = optional_names(optional).ok_or_else(refuse)?;
                    Ok(Self::Object(ObjectType { attributes, optional }))
                }
                _ => Err(refuse()),
            },
            _ => Err(refuse()),
        }
    }

    fn primitive(name: &str) -> Option<Self> {
        Some(match name {
            "bool" => Self::Bool,
            "number" => Self::Number,
            "string" => Self::String,
            "dynamic" => Self::Dynamic,
            _ => return None,
        })
    }
}

fn optional_names(rest: &[Json]) -> Option<BTreeSet<String>> {
    match rest {
        [] => Some(BTreeSet::new()),
        [Json::Array(names)] => names.iter().map(|name| name.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

impl ObjectType {
    fn to_json(&self) -> Json {
        let attributes: serde_json::Map<_, _> =
            self.attributes.iter().map(|(name, ty)| (name.clone(), ty.to_json())).collect();
        if self.optional.is_empty() {
            json!(["object", attributes])
        } else {
            json!(["object", attributes, self.optional])
        }
    }
}

impl fmt::Display for Type {
    /// As HCL writes it: `map(list(string))`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Number => f.write_str("number"),
            Self::String => f.write_str("string"),
            Self::Dynamic => f.write_str("any"),
            Self::List(element) => write!(f, "list({element})"),
            Self::Set(element) => write!(f, "set({element})"),
            Self::Map(element) => write!(f, "map({element})"),
            Self::Tuple(elements) => {
                let elements: Vec<_> = elements.iter().map(Self::to_string).collect();
                write!(f, "tuple([{}])", elements.join(", "))
            }
            Self::Object(object) => {
                let attributes: Vec<_> =
                    object.attributes.iter().map(|(name, ty)| format!("{name} = {ty}")).collect();
                write!(f, "object({{{}}})", attributes.join(", "))
            }
        }
    }
}
