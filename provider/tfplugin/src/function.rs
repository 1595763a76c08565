//! Functions: pure computations that a configuration calls as `provider::NAME::FUNCTION(…)`.

use crate::cty::{Raw, Type};
use crate::diagnostics::Diagnostic;
use crate::path::Path;
use crate::value::{Typed, Value};

/// A function: the same arguments give the same result, whenever and wherever it is called.
pub trait Function: Send + Sync + 'static {
    /// What it takes; `#[derive(Parameters)]` on a struct.
    type Parameters: Parameters;
    /// What it gives.
    type Result: Typed;

    /// Its name.
    const NAME: &'static str;
    /// One line on what it does.
    const SUMMARY: &'static str;
    /// All of it, as Markdown.
    const DESCRIPTION: &'static str;

    /// Computes the result.
    ///
    /// # Errors
    /// On the argument that cannot be.
    fn call(arguments: Self::Parameters) -> Result<Self::Result, FunctionError>;
}

/// The arguments of a function, by position.
///
/// From the type of a field follows what it takes: `T` a known value, `Option<T>` also null, `Value<T>` also an
/// unknown one. `#[tf(variadic)]` on the last field, a `Vec` of these, takes all that remain.
pub trait Parameters: Sized + Send {
    /// The declared parameters, in order.
    fn parameters() -> Vec<Parameter>;

    /// Reads the arguments of one call.
    ///
    /// # Errors
    /// On the argument that is not of its type.
    fn from_arguments(arguments: Vec<Raw>) -> Result<Self, FunctionError>;
}

/// One parameter of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name, in documentation and messages.
    pub name: &'static str,
    /// What it is, as Markdown.
    pub description: &'static str,
    /// The type of its values.
    pub ty: Type,
    /// Does the function see null? Else Terraform refuses it.
    pub allow_null: bool,
    /// Does the function see unknown values? Else Terraform answers unknown without calling it.
    pub allow_unknown: bool,
    /// Does it take all arguments that remain?
    pub variadic: bool,
}

/// The position of an argument; the derive makes a constant of it for each field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argument(#[doc(hidden)] pub usize);

impl Argument {
    /// One of the arguments of a variadic parameter, counted from 0.
    #[must_use]
    pub const fn nth(self, further: usize) -> Self {
        Self(self.0 + further)
    }
}

/// What is wrong with a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FunctionError {
    /// What was found, what is allowed.
    pub message: String,
    /// The argument that caused it; none for all together.
    pub argument: Option<Argument>,
}

impl FunctionError {
    /// On one argument.
    pub fn on(argument: Argument, message: impl Into<String>) -> Self {
        Self { message: message.into(), argument: Some(argument) }
    }

    /// On the call as a whole.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), argument: None }
    }
}

/// A type that a field of [`Parameters`] may have.
pub trait Taken: Sized + Send {
    /// Does it take null?
    const NULL: bool;
    /// Does it take unknown values?
    const UNKNOWN: bool;

    /// The type of its values.
    fn ty() -> Type;

    /// Reads one argument.
    ///
    /// # Errors
    /// When it does not fit.
    fn take(raw: Raw) -> Result<Self, Diagnostic>;
}

impl<T: Typed> Taken for Value<T> {
    const NULL: bool = true;
    const UNKNOWN: bool = true;

    fn ty() -> Type {
        T::kind().ty()
    }

    fn take(raw: Raw) -> Result<Self, Diagnostic> {
        Self::from_raw(raw, &Path::root())
    }
}

impl<T: Typed> Taken for Option<T> {
    const NULL: bool = true;
    const UNKNOWN: bool = false;

    fn ty() -> Type {
        T::kind().ty()
    }

    fn take(raw: Raw) -> Result<Self, Diagnostic> {
        match raw {
            Raw::Null => Ok(None),
            known => T::from_raw(known, &Path::root()).map(Some),
        }
    }
}

impl<T: Typed> Taken for T {
    const NULL: bool = false;
    const UNKNOWN: bool = false;

    fn ty() -> Type {
        T::kind().ty()
    }

    fn take(raw: Raw) -> Result<Self, Diagnostic> {
        T::from_raw(raw, &Path::root())
    }
}

/// Reads the argument at `position`; made use of by the derive.
#[doc(hidden)]
pub fn take<T: Taken>(raw: Raw, position: usize) -> Result<T, FunctionError> {
    T::take(raw).map_err(|diagnostic| {
        let place = diagnostic.path.filter(|path| !path.steps().is_empty());
        let place = place.map(|path| format!("at {path}: ")).unwrap_or_default();
        FunctionError::on(Argument(position), format!("{place}{}. {}", diagnostic.summary, diagnostic.detail))
    })
}
