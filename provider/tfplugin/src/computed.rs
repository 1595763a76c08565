//! Results that look like arguments.

use crate::cty::Raw;
use crate::diagnostics::Diagnostic;
use crate::path::Path;
use crate::schema::{Attribute, Kind, Object, Presence, Replace};
use crate::value::Typed;

/// A model whose every attribute is set by the provider, whatever its own declaration says.
///
/// A resource that takes `records` and reports them again declares them once:
/// `#[tf(computed)] record_sets: Value<Map<Computed<Record>>>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Computed<M>(pub M);

impl<M: Typed> Typed for Computed<M> {
    type Path = M::Path;

    const HAS_BLOCKS: bool = M::HAS_BLOCKS;

    fn kind() -> Kind {
        computed(M::kind())
    }

    fn from_raw(raw: Raw, path: &Path) -> Result<Self, Diagnostic> {
        M::from_raw(raw, path).map(Self)
    }

    fn into_raw(self) -> Raw {
        self.0.into_raw()
    }
}

fn computed(kind: Kind) -> Kind {
    match kind {
        Kind::Nested(nesting, object) => {
            let attributes = object.attributes.into_iter().map(result).collect();
            Kind::Nested(nesting, Object { attributes, rules: Vec::new(), ..object })
        }
        plain @ Kind::Plain(_) => plain,
    }
}

fn result(argument: Attribute) -> Attribute {
    Attribute {
        kind: computed(argument.kind),
        presence: Presence::Computed,
        write_only: false,
        default: None,
        checks: Vec::new(),
        replace: Replace::Never,
        ..argument
    }
}
