//! The sections on a function.

use super::schema::{indented, type_name};
use crate::function::Parameter;
use crate::serve::ServedFunction;

/// Signature and arguments.
pub(super) fn sections(name: &str, function: &dyn ServedFunction) -> String {
    let parameters = function.parameters();
    let arguments: Vec<_> = parameters.iter().map(argument).collect();
    let signature: Vec<_> = parameters.iter().map(in_signature).collect();
    format!(
        "## Signature\n\n```text\n{name}({}) {}\n```\n\n## Arguments\n\n{}",
        signature.join(", "),
        function.result(),
        arguments.join("\n")
    )
}

fn in_signature(parameter: &Parameter) -> String {
    let dots = if parameter.variadic { "..." } else { "" };
    format!("{} {}{dots}", parameter.name, parameter.ty)
}

fn argument(parameter: &Parameter) -> String {
    let variadic = if parameter.variadic { "Variadic, " } else { "" };
    let nullable = if parameter.allow_null { ", Nullable" } else { "" };
    let description = indented(parameter.description);
    format!("1. `{}` ({variadic}{}{nullable}) {description}", parameter.name, type_name(&parameter.ty))
}
