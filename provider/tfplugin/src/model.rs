//! Models: the structs from which everything else follows.

use std::collections::BTreeMap;

use crate::cty::Raw;
use crate::diagnostics::Diagnostic;
use crate::path::Path;
use crate::schema::{Kind, Nesting, Object};
use crate::value::{Typed, Value};

/// A struct whose fields are the attributes and blocks of a resource, a data source, a block or a nested attribute.
///
/// Get it with `#[derive(Model)]`; see the [crate's front page](crate) for the words that a field takes.
pub trait Model: Typed {
    /// Its schema.
    fn object() -> Object;

    /// The typed path of its root.
    fn paths() -> Self::Path {
        Path::root().into()
    }
}

/// Reads a whole configuration, plan or state.
///
/// # Errors
/// When a value does not fit its Rust type; the message names its attribute.
pub(crate) fn read<M: Model>(raw: Raw) -> Result<M, Diagnostic> {
    M::from_raw(raw, &Path::root())
}

/// The fields of an object while a model is read; made use of by the derive.
#[doc(hidden)]
pub struct Fields<'p> {
    entries: BTreeMap<String, Raw>,
    path: &'p Path,
}

impl<'p> Fields<'p> {
    /// Opens an object.
    ///
    /// # Errors
    /// When it is none.
    pub fn new(raw: Raw, path: &'p Path) -> Result<Self, Diagnostic> {
        match raw {
            Raw::Map(entries) => Ok(Self { entries, path }),
            other => {
                let detail = format!("Found {} instead.", other.kind());
                Err(Diagnostic::error("Expected an object", detail).at(path.clone()))
            }
        }
    }

    /// Takes one field out of it.
    ///
    /// # Errors
    /// When it is not of the type.
    pub fn take<T: Typed>(&mut self, name: &str) -> Result<Value<T>, Diagnostic> {
        Value::from_raw(self.entries.remove(name).unwrap_or_default(), &self.path.attribute(name))
    }
}

/// The model of things that have no attributes at all, such as a resource without an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Nothing;

impl Typed for Nothing {
    type Path = Path;

    fn kind() -> Kind {
        Kind::Nested(Nesting::Single, Object::default())
    }

    fn from_raw(_: Raw, _: &Path) -> Result<Self, Diagnostic> {
        Ok(Self)
    }

    fn into_raw(self) -> Raw {
        Raw::Map(BTreeMap::new())
    }
}

impl Model for Nothing {
    fn object() -> Object {
        Object::default()
    }
}
