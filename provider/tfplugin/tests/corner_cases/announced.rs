//! What the provider says of itself.

use serde_json::{Value as Json, json};
use tfplugin::proto::tfplugin6 as pb;
use tfplugin::proto::tfplugin6::provider_server::Provider as _;

use crate::pages::golden;
use crate::terraform::{Terraform, answered, plain};

fn block(block: &pb::schema::Block) -> Json {
    let attributes: Json = block.attributes.iter().map(|each| (each.name.clone(), attribute(each))).collect();
    let blocks: Json = block.block_types.iter().map(|each| (each.type_name.clone(), nested(each))).collect();
    let mut json = json!({ "attributes": attributes, "description": block.description });
    if !block.block_types.is_empty() {
        json["blocks"] = blocks;
    }
    json
}

fn nested(nested: &pb::schema::NestedBlock) -> Json {
    let mut json = block(nested.block.as_ref().expect("a block"));
    json["nesting"] = nested.nesting().as_str_name().into();
    json
}

fn attribute(attribute: &pb::schema::Attribute) -> Json {
    let flags = [
        ("required", attribute.required),
        ("optional", attribute.optional),
        ("computed", attribute.computed),
        ("sensitive", attribute.sensitive),
        ("write_only", attribute.write_only),
        ("deprecated", attribute.deprecated),
    ];
    let flags: Vec<_> = flags.iter().filter(|(_, set)| *set).map(|(name, _)| *name).collect();
    let mut json = json!({ "description": attribute.description, "is": flags });
    match &attribute.nested_type {
        Some(object) => {
            json["nesting"] = object.nesting().as_str_name().into();
            json["attributes"] =
                object.attributes.iter().map(|each| (each.name.clone(), self::attribute(each))).collect();
        }
        None => json["type"] = typed(&attribute.r#type),
    }
    if !attribute.deprecation_message.is_empty() {
        json["deprecation_message"] = attribute.deprecation_message.clone().into();
    }
    json
}

fn typed(json: &[u8]) -> Json {
    serde_json::from_slice(json).expect("a type as JSON")
}

fn schema(schema: &pb::Schema) -> Json {
    let mut json = block(schema.block.as_ref().expect("a block"));
    json["version"] = schema.version.into();
    json
}

fn schemas<'s>(schemas: impl IntoIterator<Item = (&'s String, &'s pb::Schema)>) -> Json {
    schemas.into_iter().map(|(name, each)| (name.clone(), schema(each))).collect()
}

fn function(function: &pb::Function) -> Json {
    let parameter = |parameter: &pb::function::Parameter| {
        json!({
            "name": parameter.name, "type": typed(&parameter.r#type), "description": parameter.description,
            "null": parameter.allow_null_value, "unknown": parameter.allow_unknown_values,
        })
    };
    json!({
        "summary": function.summary, "description": function.description,
        "parameters": function.parameters.iter().map(parameter).collect::<Vec<_>>(),
        "variadic": function.variadic_parameter.as_ref().map(parameter),
        "returns": function.r#return.as_ref().map(|returned| typed(&returned.r#type)),
    })
}

#[tokio::test]
async fn the_schema_is_what_was_declared() {
    let answer = answered(Terraform::unconfigured().server.get_provider_schema(plain()).await);
    let functions: Json =
        answer.functions.iter().map(|(name, each)| (name.clone(), function(each))).collect();
    let announced = json!({
        "provider": answer.provider.as_ref().map(schema),
        "resources": schemas(&answer.resource_schemas),
        "data_sources": schemas(&answer.data_source_schemas),
        "ephemeral_resources": schemas(&answer.ephemeral_resource_schemas),
        "functions": functions,
    });
    golden("schema.json", &(format!("{announced:#}") + "\n"));
    assert!(answer.provider_meta.is_some(), "Terraform takes its absence for an error");
    let capabilities = answer.server_capabilities.expect("capabilities");
    assert!(
        capabilities.plan_destroy
            && capabilities.get_provider_schema_optional
            && capabilities.move_resource_state
    );
}

#[tokio::test]
async fn the_metadata_names_everything() {
    let answer = answered(Terraform::unconfigured().server.get_metadata(plain()).await);
    let names = |names: Vec<&String>| names.into_iter().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(answer.resources.iter().map(|each| &each.type_name).collect()),
        ["corner_bare", "corner_thing"]
    );
    assert_eq!(names(answer.data_sources.iter().map(|each| &each.type_name).collect()), ["corner_lookup"]);
    assert_eq!(
        names(answer.ephemeral_resources.iter().map(|each| &each.type_name).collect()),
        ["corner_lease"]
    );
    assert_eq!(names(answer.functions.iter().map(|each| &each.name).collect()), ["half", "join", "tell"]);
}

#[tokio::test]
async fn functions_are_announced_alone_too() {
    let server = Terraform::unconfigured().server;
    let alone = answered(server.get_functions(plain()).await).functions;
    let with_schema = answered(server.get_provider_schema(plain()).await).functions;
    assert_eq!(alone, with_schema);
}

#[tokio::test]
async fn only_a_resource_with_an_identity_has_a_schema_of_it() {
    let answer = answered(Terraform::unconfigured().server.get_resource_identity_schemas(plain()).await);
    let schemas: Vec<_> = answer.identity_schemas.into_iter().collect();
    let [(name, schema)] = schemas.as_slice() else { panic!("one schema, not {schemas:?}") };
    assert_eq!(name, "corner_thing");
    let attributes: Vec<_> = schema
        .identity_attributes
        .iter()
        .map(|each| (each.name.as_str(), each.required_for_import, each.optional_for_import))
        .collect();
    assert_eq!(attributes, [("name", true, false), ("place", false, true)]);
}
