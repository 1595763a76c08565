//! The `timeouts` block.

use std::time::Duration;

use crate::cty::{Raw, Type};
use crate::diagnostics::Diagnostic;
use crate::path::Path;
use crate::schema::{Attribute, Block, Kind, Nesting, Object, Presence, Replace};
use crate::validate::{Check, duration, parse_duration};
use crate::value::Typed;

/// The `timeouts` block of a resource: how long each operation may take.
///
/// A field of this type says which operations there are, and their defaults:
/// `#[tf(timeouts(create = "30m", delete = "15m"))] timeouts: Value<Timeouts>`. The framework reads it and gives each
/// call its deadline, so a resource need not look at it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Timeouts(Raw);

impl Typed for Timeouts {
    type Path = Path;

    fn kind() -> Kind {
        Kind::Nested(Nesting::Single, Object::default())
    }

    fn from_raw(raw: Raw, _: &Path) -> Result<Self, Diagnostic> {
        Ok(Self(raw))
    }

    fn into_raw(self) -> Raw {
        self.0
    }
}

/// The name of the block.
const BLOCK: &str = "timeouts";

/// A `timeouts` block; made by the derive.
#[doc(hidden)]
pub fn block(description: &'static str, attributes: Vec<Attribute>) -> Block {
    let object = Object { attributes, ..Object::default() };
    Block { name: BLOCK, description, nesting: Nesting::Single, required: false, object }
}

/// One operation of a `timeouts` block; made by the derive.
#[doc(hidden)]
pub fn attribute(operation: &'static str, description: &'static str) -> Attribute {
    Attribute {
        name: operation,
        description,
        kind: Kind::Plain(Type::String),
        presence: Presence::Optional,
        sensitive: false,
        write_only: false,
        deprecated: None,
        default: None,
        checks: vec![Check::new::<String>(duration())],
        replace: Replace::Never,
        use_state_for_unknown: false,
    }
}

/// The time that `operation` has: what the user wrote, else the default of the resource, else no limit.
pub(crate) fn of(object: &Object, value: &Raw, operation: &str) -> Option<Duration> {
    if let Raw::String(text) = value.get(BLOCK).get(operation) {
        return parse_duration(text);
    }
    let (_, default) = object.timeouts.iter().find(|(name, _)| *name == operation)?;
    parse_duration(default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_time_wins_over_the_default_and_no_default_is_no_limit() {
        let object = Object { timeouts: &[("create", "30m")], ..Object::default() };
        let written: Raw = [(BLOCK, [("create", "90s".into()), ("delete", Raw::Null)].into_iter().collect())]
            .into_iter()
            .collect();
        assert_eq!(of(&object, &written, "create"), Some(Duration::from_secs(90)));
        assert_eq!(of(&object, &Raw::Null, "create"), Some(Duration::from_mins(30)));
        assert_eq!(of(&object, &written, "delete"), None);
    }
}
