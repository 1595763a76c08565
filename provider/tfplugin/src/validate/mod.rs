//! Validators: what a value must satisfy, said in a way that also documents it.
//!
//! A [`Validator`] judges one known value of a Rust type, so a wrong pairing (a CIDR check on a number) does not
//! compile. A [`Rule`] judges several attributes of one object together. Unknown values pass: they are judged again
//! when they are known.

mod ready;
mod walk;

use std::fmt;
use std::sync::Arc;

pub use ready::{
    Counted, cidr, duration, each, each_key, hostname, ip_address, length, one_of, parse_duration, pattern,
    range,
};
pub(crate) use walk::refuse_write_only;
pub use walk::validate;

use crate::cty::Raw;
use crate::path::Path;
use crate::value::Typed;

/// Judges a value of type `T`.
///
/// Every `Fn(&T) -> Result<(), String>` is one; give it a description with [`describe`].
pub trait Validator<T>: Send + Sync + 'static {
    /// What is allowed, as the end of the sentence "must be …".
    fn describe(&self) -> String;

    /// Says what is wrong with it.
    ///
    /// # Errors
    /// What was found, when it is not allowed.
    fn check(&self, value: &T) -> Result<(), String>;
}

/// A validator of an author's own: `describe("an even number", |n: &i64| …)`.
pub fn describe<T, F>(description: &'static str, check: F) -> impl Validator<T>
where
    F: Fn(&T) -> Result<(), String> + Send + Sync + 'static,
{
    struct Described<F>(&'static str, F);
    impl<T, F: Fn(&T) -> Result<(), String> + Send + Sync + 'static> Validator<T> for Described<F> {
        fn describe(&self) -> String {
            self.0.to_owned()
        }
        fn check(&self, value: &T) -> Result<(), String> {
            (self.1)(value)
        }
    }
    Described(description, check)
}

/// A validator as a schema holds it: its type forgotten, its description kept for the documentation.
#[derive(Clone)]
pub struct Check {
    description: String,
    run: Arc<dyn Fn(Raw) -> Result<(), String> + Send + Sync>,
}

impl Check {
    /// Forgets the type.
    pub fn new<T: Typed>(validator: impl Validator<T>) -> Self {
        let description = validator.describe();
        let run = move |raw| {
            // A value that is not even of the type is reported where it is read.
            T::from_raw(raw, &Path::root()).map_or(Ok(()), |value| validator.check(&value))
        };
        Self { description, run: Arc::new(run) }
    }

    /// What is allowed, as the end of the sentence "must be …".
    pub fn description(&self) -> &str {
        &self.description
    }

    pub(crate) fn run(&self, raw: &Raw) -> Result<(), String> {
        (self.run)(raw.clone())
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Check({})", self.description)
    }
}

/// What must hold between attributes and blocks of one object, named as in HCL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// One of them, and only one.
    ExactlyOneOf(&'static [&'static str]),
    /// One of them, or more.
    AtLeastOneOf(&'static [&'static str]),
    /// Not two of them.
    ConflictsWith(&'static [&'static str]),
    /// All of them, or none.
    RequiredTogether(&'static [&'static str]),
}

impl fmt::Display for Rule {
    /// A sentence for the documentation and for messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, names) = match self {
            Self::ExactlyOneOf(names) => ("Exactly one of", names),
            Self::AtLeastOneOf(names) => ("At least one of", names),
            Self::ConflictsWith(names) => ("At most one of", names),
            Self::RequiredTogether(names) => ("All or none of", names),
        };
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        write!(f, "{start} {} must be set", names.join(", "))
    }
}
