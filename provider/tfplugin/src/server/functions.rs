//! `CallFunction`.

use super::{Server, decode, encode};
use crate::cty::Raw;
use crate::function::{Argument, FunctionError, Parameter};
use crate::proto::tfplugin6 as pb;
use crate::provider::Provider;

impl<P: Provider> Server<P> {
    pub(super) fn call_function(&self, request: &pb::call_function::Request) -> pb::call_function::Response {
        match self.result_of(request) {
            Ok(result) => pb::call_function::Response { result: Some(result), error: None },
            Err(error) => {
                pb::call_function::Response { result: None, error: Some(encode::function_error(error)) }
            }
        }
    }

    fn result_of(&self, request: &pb::call_function::Request) -> Result<pb::DynamicValue, FunctionError> {
        let unknown = || FunctionError::new(format!("This provider has no function {:?}.", request.name));
        let function = self.served.functions.get(request.name.as_str()).ok_or_else(unknown)?;
        let arguments = request.arguments.iter().enumerate();
        let arguments = arguments.map(|(position, value)| argument(function.parameters(), position, value));
        let result = function.call(arguments.collect::<Result<_, _>>()?)?;
        Ok(encode::typed(&result, function.result()))
    }
}

/// The last parameter, when it is variadic, stands for every argument from its own position on.
fn argument(
    parameters: &[Parameter],
    position: usize,
    value: &pb::DynamicValue,
) -> Result<Raw, FunctionError> {
    let parameter = parameters.get(position).or(parameters.last().filter(|last| last.variadic));
    let at = Argument(position);
    let parameter = parameter.ok_or_else(|| FunctionError::on(at, "There is no such parameter."))?;
    decode::typed(Some(value), &parameter.ty).map_err(|errors| {
        let text: Vec<_> = errors.iter().map(|error| error.detail.as_str()).collect();
        FunctionError::on(at, text.join(" "))
    })
}
