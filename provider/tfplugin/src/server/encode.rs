//! To the protocol's messages.

use crate::call::Private;
use crate::cty::{self, Raw, Type};
use crate::diagnostics::{Diagnostics, Severity};
use crate::function::{FunctionError, Parameter};
use crate::path::{Path, Step};
use crate::proto::tfplugin6 as pb;
use crate::schema::{Attribute, Block, Kind, Nesting, Object};
use crate::serve::ServedFunction;

/// A value of a resource, data source or ephemeral resource.
pub(super) fn object(value: &Raw, object: &Object) -> pb::DynamicValue {
    typed(value, &object.ty())
}

/// A value of a type.
pub(super) fn typed(value: &Raw, ty: &Type) -> pb::DynamicValue {
    pb::DynamicValue { msgpack: cty::encode(value, ty), json: Vec::new() }
}

/// What names an object in the world. An identity that is not known yet is none.
pub(super) fn identity(value: Option<Raw>, object: &Object) -> Option<pb::ResourceIdentityData> {
    let value = value.filter(Raw::is_wholly_known)?;
    Some(pb::ResourceIdentityData { identity_data: Some(self::object(&value, object)) })
}

/// What a resource notes for itself.
pub(super) fn private(notes: &Private) -> Vec<u8> {
    if notes.is_empty() { Vec::new() } else { serde_json::to_vec(notes).unwrap_or_default() }
}

pub(super) fn diagnostics(diagnostics: Diagnostics) -> Vec<pb::Diagnostic> {
    let severity = |severity| match severity {
        Severity::Error => pb::diagnostic::Severity::Error,
        Severity::Warning => pb::diagnostic::Severity::Warning,
    };
    let encode = |diagnostic: crate::Diagnostic| pb::Diagnostic {
        severity: severity(diagnostic.severity).into(),
        detail: with_place(&diagnostic),
        summary: diagnostic.summary,
        attribute: diagnostic.path.filter(|path| !path.steps().is_empty()).as_ref().map(path),
    };
    diagnostics.into_iter().map(encode).collect()
}

/// Terraform points into the configuration as far as it is written out; where an expression makes the collection, it
/// shows the whole resource. So a message about one element says which.
fn with_place(diagnostic: &crate::Diagnostic) -> String {
    let in_element = |path: &&Path| path.steps().iter().any(|step| !matches!(step, Step::Attribute(_)));
    match diagnostic.path.as_ref().filter(in_element) {
        Some(path) => format!("At {path}: {}", diagnostic.detail),
        None => diagnostic.detail.clone(),
    }
}

pub(super) fn path(path: &Path) -> pb::AttributePath {
    use pb::attribute_path::step::Selector;
    let step = |step: &Step| match step {
        Step::Attribute(name) => Selector::AttributeName(name.clone()),
        Step::Key(key) => Selector::ElementKeyString(key.clone()),
        Step::Index(index) => Selector::ElementKeyInt(i64::try_from(*index).unwrap_or(i64::MAX)),
    };
    let steps = path.steps().iter().map(|each| pb::attribute_path::Step { selector: Some(step(each)) });
    pb::AttributePath { steps: steps.collect() }
}

pub(super) fn function_error(error: FunctionError) -> pb::FunctionError {
    let argument = error.argument.and_then(|argument| i64::try_from(argument.0).ok());
    pb::FunctionError { text: error.message, function_argument: argument }
}

pub(super) fn schema(object: &Object, version: u32) -> pb::Schema {
    pb::Schema { version: version.into(), block: Some(block(object, version)) }
}

fn block(object: &Object, version: u32) -> pb::schema::Block {
    pb::schema::Block {
        version: version.into(),
        attributes: object.attributes.iter().map(attribute).collect(),
        block_types: object.blocks.iter().map(nested_block).collect(),
        description: object.description.to_owned(),
        description_kind: pb::StringKind::Markdown.into(),
        ..Default::default()
    }
}

fn nested_block(nested: &Block) -> pb::schema::NestedBlock {
    use pb::schema::nested_block::NestingMode;
    let nesting = match nested.nesting {
        Nesting::Single => NestingMode::Single,
        Nesting::List => NestingMode::List,
        Nesting::Set => NestingMode::Set,
        Nesting::Map => NestingMode::Map,
    };
    let mut body = block(&nested.object, 0);
    nested.description.clone_into(&mut body.description);
    pb::schema::NestedBlock {
        type_name: nested.name.to_owned(),
        block: Some(body),
        nesting: nesting.into(),
        // The validator asks for a required block, with a message that says what it is for.
        ..Default::default()
    }
}

fn attribute(attribute: &Attribute) -> pb::schema::Attribute {
    let (ty, nested_type) = match &attribute.kind {
        Kind::Plain(ty) => (type_json(ty), None),
        Kind::Nested(nesting, object) => (Vec::new(), Some(nested_type(*nesting, object))),
    };
    pb::schema::Attribute {
        name: attribute.name.to_owned(),
        r#type: ty,
        nested_type,
        description: attribute.description.to_owned(),
        description_kind: pb::StringKind::Markdown.into(),
        required: attribute.presence.is_required(),
        optional: attribute.presence.is_optional(),
        // The protocol lets only a computed attribute have a default.
        computed: attribute.presence.is_computed() || attribute.default.is_some(),
        sensitive: attribute.sensitive,
        write_only: attribute.write_only,
        deprecated: attribute.deprecated.is_some(),
        deprecation_message: attribute.deprecated.unwrap_or_default().to_owned(),
    }
}

fn nested_type(nesting: Nesting, object: &Object) -> pb::schema::Object {
    use pb::schema::object::NestingMode;
    let nesting = match nesting {
        Nesting::Single => NestingMode::Single,
        Nesting::List => NestingMode::List,
        Nesting::Set => NestingMode::Set,
        Nesting::Map => NestingMode::Map,
    };
    pb::schema::Object {
        attributes: object.attributes.iter().map(attribute).collect(),
        nesting: nesting.into(),
        ..Default::default()
    }
}

pub(super) fn identity_schema(object: &Object) -> pb::ResourceIdentitySchema {
    let attribute = |attribute: &Attribute| pb::resource_identity_schema::IdentityAttribute {
        name: attribute.name.to_owned(),
        r#type: type_json(&attribute.kind.ty()),
        required_for_import: attribute.presence.is_required(),
        optional_for_import: attribute.presence.is_optional(),
        description: attribute.description.to_owned(),
    };
    pb::ResourceIdentitySchema {
        version: 0,
        identity_attributes: object.attributes.iter().map(attribute).collect(),
    }
}

pub(super) fn function(function: &dyn ServedFunction) -> pb::Function {
    let (variadic, positional): (Vec<_>, Vec<_>) =
        function.parameters().iter().partition(|parameter| parameter.variadic);
    pb::Function {
        parameters: positional.into_iter().map(parameter).collect(),
        variadic_parameter: variadic.into_iter().map(parameter).next(),
        r#return: Some(pb::function::Return { r#type: type_json(function.result()) }),
        summary: function.summary().to_owned(),
        description: function.description().to_owned(),
        description_kind: pb::StringKind::Markdown.into(),
        ..Default::default()
    }
}

fn parameter(parameter: &Parameter) -> pb::function::Parameter {
    pb::function::Parameter {
        name: parameter.name.to_owned(),
        r#type: type_json(&parameter.ty),
        allow_null_value: parameter.allow_null,
        allow_unknown_values: parameter.allow_unknown,
        description: parameter.description.to_owned(),
        description_kind: pb::StringKind::Markdown.into(),
    }
}

fn type_json(ty: &Type) -> Vec<u8> {
    ty.to_json().to_string().into_bytes()
}
