//! Terraform's type system, as it travels: types, untyped values, exact numbers, and their two encodings.
//!
//! Terraform calls it *cty*. A resource author meets it only in [`Dynamic`] attributes; everything else is the
//! typed layer on top, [`Value`](crate::Value) and the models.

mod json;
mod msgpack;
mod number;
mod raw;
mod ty;

pub use json::from_json;
pub use msgpack::{decode, encode};
pub use number::{Number, NumberError};
pub use raw::{Dynamic, Raw};
pub use ty::{ObjectType, Type};

/// Why bytes that came over the wire are not a value of the wanted type.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DecodeError {
    /// The bytes end in the middle of a value, or a marker is not msgpack.
    #[error("malformed msgpack at byte {at}: {what}")]
    Malformed {
        /// Offset of the offending byte.
        at: usize,
        /// What was expected there.
        what: &'static str,
    },
    /// Well-formed, but not a value of this type.
    #[error("expected {wanted}, found {found}")]
    Mismatch {
        /// The type the schema asks for.
        wanted: String,
        /// What was there.
        found: String,
    },
    /// A type written as JSON that is not one of Terraform's.
    #[error("{0} is not a type")]
    NotAType(String),
    /// A number that cannot be read.
    #[error(transparent)]
    Number(#[from] NumberError),
    /// Nested deeper than any real configuration.
    #[error("nested more than {0} levels deep")]
    TooDeep(usize),
}

impl DecodeError {
    fn mismatch(wanted: &impl ToString, found: impl Into<String>) -> Self {
        Self::Mismatch { wanted: wanted.to_string(), found: found.into() }
    }
}

/// Bounds recursion: a hostile or corrupt message must not overflow the stack.
const MAX_DEPTH: usize = 100;

#[cfg(test)]
mod tests;
