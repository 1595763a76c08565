//! Models: the structs from which everything else follows.

use crate::cty::Raw;
use crate::diagnostics::Diagnostic;
use crate::path::Path;
use crate::schema::Object;
use crate::value::Typed;

/// A struct whose fields are the attributes and blocks of a resource, a data source, a block or a nested attribute.
///
/// Get it with `#[derive(Model)]`; see the [crate's front page](crate) for the words that a field takes.
pub trait Model: Typed {
    /// Does it hold blocks? Then it can be a resource or a block, but not a nested attribute.
    const HAS_BLOCKS: bool;

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

/// The model of things that have no attributes at all, such as a resource without an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Nothing;

impl Typed for Nothing {
    type Path = Path;

    fn kind() -> crate::schema::Kind {
        crate::schema::Kind::Nested(crate::schema::Nesting::Single, Object::default())
    }

    fn from_raw(_: Raw, _: &Path) -> Result<Self, Diagnostic> {
        Ok(Self)
    }

    fn into_raw(self) -> Raw {
        Raw::Map(std::collections::BTreeMap::new())
    }
}

impl Model for Nothing {
    const HAS_BLOCKS: bool = false;

    fn object() -> Object {
        Object::default()
    }
}
