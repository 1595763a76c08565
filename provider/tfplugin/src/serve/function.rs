//! A function with the types of its arguments forgotten.

use std::marker::PhantomData;

use crate::cty::{Raw, Type};
use crate::function::{Function, FunctionError, Parameter, Parameters};
use crate::value::Typed as _;

/// What the server needs of a function.
pub(crate) trait ServedFunction: Send + Sync {
    fn summary(&self) -> &'static str;
    fn description(&self) -> &'static str;
    fn parameters(&self) -> &[Parameter];
    fn result(&self) -> &Type;
    fn call(&self, arguments: Vec<Raw>) -> Result<Raw, FunctionError>;
}

pub(super) struct Typed<F> {
    parameters: Vec<Parameter>,
    result: Type,
    function: PhantomData<F>,
}

impl<F: Function> Typed<F> {
    pub(super) fn new() -> Self {
        let (parameters, result) = (F::Parameters::parameters(), F::Result::kind().ty());
        Self { parameters, result, function: PhantomData }
    }
}

impl<F: Function> ServedFunction for Typed<F> {
    fn summary(&self) -> &'static str {
        F::SUMMARY
    }

    fn description(&self) -> &'static str {
        F::DESCRIPTION
    }

    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn result(&self) -> &Type {
        &self.result
    }

    fn call(&self, arguments: Vec<Raw>) -> Result<Raw, FunctionError> {
        F::call(F::Parameters::from_arguments(arguments)?).map(F::Result::into_raw)
    }
}
