//! Typed values: what the fields of a model are made of.

use std::collections::{BTreeMap, BTreeSet};

use crate::cty::{Dynamic, Number, Raw, Type};
use crate::diagnostics::Diagnostic;
use crate::path::{ListPath, MapPath, Path};
use crate::schema::{Kind, Nesting};

/// A value that may be absent, or not known before apply.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Value<T> {
    /// Absent.
    #[default]
    Null,
    /// Not known before apply.
    Unknown,
    /// Known.
    Known(T),
}

/// A list; each element may be null or unknown by itself.
pub type List<T> = Vec<Value<T>>;
/// A set; each element may be null or unknown by itself.
pub type Set<T> = BTreeSet<Value<T>>;
/// A map; each entry may be null or unknown by itself.
pub type Map<T> = BTreeMap<String, Value<T>>;

impl<T> Value<T> {
    /// Is it null?
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Is it unknown? (Elements of a known collection may still be.)
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }

    /// The value, if it is known.
    pub const fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Null | Self::Unknown => None,
        }
    }

    /// The value, if it is known.
    pub fn into_known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Null | Self::Unknown => None,
        }
    }

    /// The value to change in place, if it is known.
    pub const fn known_mut(&mut self) -> Option<&mut T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Null | Self::Unknown => None,
        }
    }

    /// The same state, of a reference.
    pub const fn as_ref(&self) -> Value<&T> {
        match self {
            Self::Null => Value::Null,
            Self::Unknown => Value::Unknown,
            Self::Known(value) => Value::Known(value),
        }
    }

    /// The same state, of another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Value<U> {
        match self {
            Self::Null => Value::Null,
            Self::Unknown => Value::Unknown,
            Self::Known(value) => Value::Known(f(value)),
        }
    }

    /// This value where it is not null, else `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if self.is_null() { other } else { self }
    }
}

impl<T> From<T> for Value<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

impl From<&str> for Value<String> {
    fn from(text: &str) -> Self {
        Self::Known(text.to_owned())
    }
}

/// `None` becomes null.
impl<T> From<Option<T>> for Value<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Self::Known)
    }
}

/// A Rust type that stands for a Terraform type.
///
/// Models get it from `#[derive(Model)]`; it is here for strings, numbers, booleans, [`Dynamic`], and lists, sets
/// and maps of all of these.
pub trait Typed: Sized + Clone + PartialEq + Send + Sync + 'static {
    /// The typed path of such a value.
    type Path: From<Path> + Into<Path>;

    /// Does a write-only attribute stand somewhere inside?
    const HAS_WRITE_ONLY: bool = false;

    /// Does such an attribute stand inside a set? Terraform does not allow it, and the derive refuses it.
    const WRITE_ONLY_IN_SET: bool = false;

    /// Does it hold blocks? Then it can be a resource or a block, but no attribute.
    const HAS_BLOCKS: bool = false;

    /// How an attribute of this type is declared in a schema.
    fn kind() -> Kind;

    /// Reads a known value.
    ///
    /// # Errors
    /// When it is not of this type, for example a number too large for it; the message stands on `path`.
    fn from_raw(raw: Raw, path: &Path) -> Result<Self, Diagnostic>;

    /// Writes a known value.
    fn into_raw(self) -> Raw;
}

impl<T: Typed> Value<T> {
    /// Reads a value that may be null or unknown.
    ///
    /// # Errors
    /// As [`Typed::from_raw`].
    pub fn from_raw(raw: Raw, path: &Path) -> Result<Self, Diagnostic> {
        match raw {
            Raw::Null => Ok(Self::Null),
            Raw::Unknown => Ok(Self::Unknown),
            known => T::from_raw(known, path).map(Self::Known),
        }
    }

    /// Writes it.
    pub fn into_raw(self) -> Raw {
        match self {
            Self::Null => Raw::Null,
            Self::Unknown => Raw::Unknown,
            Self::Known(value) => value.into_raw(),
        }
    }
}

fn mismatch(wanted: &str, found: &Raw, path: &Path) -> Diagnostic {
    Diagnostic::error(format!("Expected {wanted}"), format!("Found {} instead.", found.kind()))
        .at(path.clone())
}

impl Typed for bool {
    type Path = Path;

    fn kind() -> Kind {
        Kind::Plain(Type::Bool)
    }

    fn from_raw(raw: Raw, path: &Path) -> Result<Self, Diagnostic> {
        match raw {
            Raw::Bool(flag) => Ok(flag),
            other => Err(mismatch("a bool", &other, path)),
        }
    }

    fn into_raw(self) -> Raw {
        Raw::Bool(self)
    }
}

impl Typed for String {
    type Path = Path;

    fn kind() -> Kind {
        Kind::Plain(Type::String)
    }

    fn from_raw(raw: Raw, path: &Path) -> Result<Self, Diagnostic> {
        match raw {
            Raw::String(text) => Ok(text),
            other => Err(mismatch("a string", &other, path)),
        }
    }

    fn into_raw(self) -> Raw {
        Raw::String(self)
    }
}

impl Typed for Number {
    type Path = Path;

    fn kind() -> Kind {
        Kind::Plain(Type::Number)
    }

    fn from_raw(raw: Raw, path: &Path) -> Result<Self, Diagnostic> {
        match raw {
            Raw::Number(number) => Ok(number),
            other => Err(mismatch("a number", &other, path)),
        }
    }

    fn into_raw(self) -> Raw {
        Raw::Number(self)
    }
}

macro_rules! typed_integers {
    ($($integer:ty),*) => { $(
        impl Typed for $integer {
            type Path = Path;

            fn kind() -> Kind {
                Kind::Plain(Type::Number)
            }

            fn from_raw(raw: Raw, path: &Path) -> Result<Self, Diagnostic> {
                let number = Number::from_raw(raw, path)?;
                number.to_integer().ok_or_else(|| {
                    let allowed = format!("Found {number}; allowed: whole numbers from {} to {}.", Self::MIN, Self::MAX);
                    Diagnostic::error("Not a whole number in range", allowed).at(path.clone())
                })
            }

            fn into_raw(self) -> Raw {
                Raw::Number(self.into())
            }
        }
    )* };
}
typed_integers!(u8, u16, u32, u64, i8, i16, i32, i64);

impl Typed for Dynamic {
    type Path = Path;

    fn kind() -> Kind {
        Kind::Plain(Type::Dynamic)
    }

    fn from_raw(raw: Raw, path: &Path) -> Result<Self, Diagnostic> {
        match raw {
            Raw::Dynamic(dynamic) => Ok(*dynamic),
            other => Err(mismatch("a value of any type", &other, path)),
        }
    }

    fn into_raw(self) -> Raw {
        Raw::Dynamic(Box::new(self))
    }
}

impl<T: Typed> Typed for List<T> {
    type Path = ListPath<T::Path>;

    const HAS_WRITE_ONLY: bool = T::HAS_WRITE_ONLY;
    const WRITE_ONLY_IN_SET: bool = T::WRITE_ONLY_IN_SET;
    const HAS_BLOCKS: bool = T::HAS_BLOCKS;

    fn kind() -> Kind {
        T::kind().collected(Nesting::List, Type::List)
    }

    fn from_raw(raw: Raw, path: &Path) -> Result<Self, Diagnostic> {
        match raw {
            Raw::List(elements) => {
                let read = |(index, element)| Value::from_raw(element, &path.index(index));
                elements.into_iter().enumerate().map(read).collect()
            }
            other => Err(mismatch("a list", &other, path)),
        }
    }

    fn into_raw(self) -> Raw {
        Raw::List(self.into_iter().map(Value::into_raw).collect())
    }
}

impl<T: Typed + Ord> Typed for Set<T> {
    /// The protocol has no path into a set: a message stands on the set as a whole.
    type Path = Path;

    const HAS_WRITE_ONLY: bool = T::HAS_WRITE_ONLY;
    const WRITE_ONLY_IN_SET: bool = T::HAS_WRITE_ONLY;
    const HAS_BLOCKS: bool = T::HAS_BLOCKS;

    fn kind() -> Kind {
        T::kind().collected(Nesting::Set, Type::Set)
    }

    fn from_raw(raw: Raw, path: &Path) -> Result<Self, Diagnostic> {
        match raw {
            Raw::Set(elements) => {
                elements.into_iter().map(|element| Value::from_raw(element, path)).collect()
            }
            other => Err(mismatch("a set", &other, path)),
        }
    }

    fn into_raw(self) -> Raw {
        Raw::set(self.into_iter().map(Value::into_raw))
    }
}

impl<T: Typed> Typed for Map<T> {
    type Path = MapPath<T::Path>;

    const HAS_WRITE_ONLY: bool = T::HAS_WRITE_ONLY;
    const WRITE_ONLY_IN_SET: bool = T::WRITE_ONLY_IN_SET;
    const HAS_BLOCKS: bool = T::HAS_BLOCKS;

    fn kind() -> Kind {
        T::kind().collected(Nesting::Map, Type::Map)
    }

    fn from_raw(raw: Raw, path: &Path) -> Result<Self, Diagnostic> {
        match raw {
            Raw::Map(entries) => entries
                .into_iter()
                .map(|(key, entry)| {
                    let entry = Value::from_raw(entry, &path.key(&key))?;
                    Ok((key, entry))
                })
                .collect(),
            other => Err(mismatch("a map", &other, path)),
        }
    }

    fn into_raw(self) -> Raw {
        self.into_iter().map(|(key, entry)| (key, entry.into_raw())).collect()
    }
}
