//! A value whose type is known only from the schema beside it.

use std::collections::BTreeMap;

use super::{Number, Type};

/// A value as it travels: null, unknown, or known. What it is a value *of* stands in the schema.
///
/// Lists and tuples are [`Raw::List`]; maps and objects are [`Raw::Map`]. Sets are kept sorted and without
/// duplicates, so that `==` compares them as sets. Elements that are not wholly known may turn out to differ, so each
/// of them stays.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Raw {
    /// Absent.
    #[default]
    Null,
    /// Not known before apply.
    Unknown,
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(String),
    /// A list or tuple.
    List(Vec<Raw>),
    /// A set; build it with [`Raw::set`].
    Set(Vec<Raw>),
    /// A map or object.
    Map(BTreeMap<String, Raw>),
    /// The value of an attribute that may hold any type.
    Dynamic(Box<Dynamic>),
}

/// A value together with its type, for attributes that take any type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dynamic {
    /// The type of `value`.
    pub ty: Type,
    /// The value.
    pub value: Raw,
}

impl Raw {
    /// A set of these elements.
    pub fn set(elements: impl IntoIterator<Item = Raw>) -> Self {
        let mut elements: Vec<_> = elements.into_iter().collect();
        elements.sort();
        elements.dedup_by(|one, other| one == other && one.is_wholly_known());
        Self::Set(elements)
    }

    /// Is it null? (So is a null of a known type where any type is allowed.)
    pub fn is_null(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Dynamic(dynamic) => dynamic.value.is_null(),
            _ => false,
        }
    }

    /// Is the value itself unknown? (An element of a known collection may still be.)
    pub fn is_unknown(&self) -> bool {
        match self {
            Self::Unknown => true,
            Self::Dynamic(dynamic) => dynamic.value.is_unknown(),
            _ => false,
        }
    }

    /// Is it known, down to the last element?
    pub fn is_wholly_known(&self) -> bool {
        match self {
            Self::Unknown => false,
            Self::List(elements) | Self::Set(elements) => elements.iter().all(Self::is_wholly_known),
            Self::Map(entries) => entries.values().all(Self::is_wholly_known),
            Self::Dynamic(dynamic) => dynamic.value.is_wholly_known(),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => true,
        }
    }

    /// The same value with null for everything unknown.
    #[must_use]
    pub fn unknown_as_null(self) -> Self {
        match self {
            Self::Unknown => Self::Null,
            Self::List(elements) => Self::List(elements.into_iter().map(Self::unknown_as_null).collect()),
            Self::Set(elements) => Self::set(elements.into_iter().map(Self::unknown_as_null)),
            Self::Map(entries) => {
                entries.into_iter().map(|(key, entry)| (key, entry.unknown_as_null())).collect()
            }
            Self::Dynamic(dynamic) if !dynamic.value.is_wholly_known() => Self::Null,
            known => known,
        }
    }

    /// The attribute of an object, or the entry of a map; null where there is none.
    pub fn get(&self, name: &str) -> &Raw {
        match self {
            Self::Map(entries) => entries.get(name).unwrap_or(&Self::Null),
            _ => &Self::Null,
        }
    }

    /// What a message to a person calls this kind of value.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Unknown => "an unknown value",
            Self::Bool(_) => "a bool",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::List(_) => "a list",
            Self::Set(_) => "a set",
            Self::Map(_) => "a map or object",
            Self::Dynamic(dynamic) => dynamic.value.kind(),
        }
    }
}

impl From<&str> for Raw {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<bool> for Raw {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl<K: Into<String>> FromIterator<(K, Raw)> for Raw {
    fn from_iter<I: IntoIterator<Item = (K, Raw)>>(entries: I) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }
}
