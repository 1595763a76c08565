//! The schema as Terraform and OpenTofu see it.

use std::error::Error;

use acceptance::stage::Stage;
use serde_json::{Map, Value};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

fn schema(stage: &Stage, address: &str) -> Result<Value> {
    stage.write("")?;
    Ok(stage.terraform.schemas()?["provider_schemas"][address].take())
}

/// The attributes of a block, and of all within it, that say nothing, by their place.
fn undescribed(block: &Value, place: &str) -> Vec<String> {
    let attributes = named(block, "attributes").into_iter().flat_map(|(name, attribute)| {
        let place = format!("{place}.{name}");
        let own = says_nothing(&attribute).then(|| place.clone());
        own.into_iter().chain(undescribed(&attribute["nested_type"], &place)).collect::<Vec<_>>()
    });
    let blocks = named(block, "block_types")
        .into_iter()
        .flat_map(|(name, inner)| undescribed(&inner["block"], &format!("{place}.{name}")));
    attributes.chain(blocks).collect()
}

fn named(schema: &Value, kind: &str) -> Map<String, Value> {
    schema[kind].as_object().cloned().unwrap_or_default()
}

fn says_nothing(schema: &Value) -> bool {
    schema["description"].as_str().is_none_or(|description| description.trim().is_empty())
}

#[test]
fn every_attribute_has_a_description() -> Result {
    let schema = schema(&Stage::new()?, "registry.terraform.io/socle-platform/socle")?;
    let kinds = ["resource_schemas", "data_source_schemas", "ephemeral_resource_schemas"];
    let blocks = kinds.iter().flat_map(|kind| named(&schema, kind));
    let undescribed: Vec<_> = blocks
        .chain([("provider".to_owned(), schema["provider"].clone())])
        .flat_map(|(name, schema)| undescribed(&schema["block"], &name))
        .collect();
    assert_eq!(undescribed, Vec::<String>::new());
    Ok(())
}

#[test]
fn every_resource_and_function_has_a_description() -> Result {
    let schema = schema(&Stage::new()?, "registry.terraform.io/socle-platform/socle")?;
    let blocks =
        ["resource_schemas", "data_source_schemas"].into_iter().flat_map(|kind| named(&schema, kind));
    let silent = blocks.filter(|(_, schema)| says_nothing(&schema["block"]));
    let silent =
        silent.chain(named(&schema, "functions").into_iter().filter(|(_, function)| says_nothing(function)));
    assert_eq!(silent.map(|(name, _)| name).collect::<Vec<_>>(), Vec::<String>::new());
    Ok(())
}

#[test]
fn serves_what_the_interface_promises() -> Result {
    let schema = schema(&Stage::new()?, "registry.terraform.io/socle-platform/socle")?;
    let names = |kind: &str| {
        schema[kind].as_object().into_iter().flat_map(|all| all.keys()).cloned().collect::<Vec<_>>()
    };
    assert_eq!(
        names("resource_schemas"),
        [
            "socle_backup_policy",
            "socle_backup_store",
            "socle_cluster",
            "socle_dns_records",
            "socle_dns_zone",
            "socle_host",
            "socle_manifests"
        ]
    );
    assert_eq!(names("ephemeral_resource_schemas"), ["socle_kubeconfig"]);
    assert_eq!(
        names("data_source_schemas"),
        [
            "socle_backup_iam_policy",
            "socle_backup_status",
            "socle_cluster",
            "socle_dns_delegation",
            "socle_dns_zone"
        ]
    );
    assert_eq!(names("functions"), ["next_runs", "parse_zone_file", "render_zone_file"]);
    Ok(())
}

#[test]
fn opentofu_reads_the_same_schema() -> Result {
    let tofu = Stage::of(acceptance::opentofu::program()?, Stage::aws()?)?;
    let theirs = schema(&tofu, "registry.opentofu.org/socle-platform/socle")?;
    let ours = schema(&Stage::new()?, "registry.terraform.io/socle-platform/socle")?;
    for kind in ["provider", "resource_schemas", "data_source_schemas"] {
        assert!(!ours[kind].is_null());
        assert_eq!(theirs[kind], ours[kind], "{kind}");
    }
    Ok(())
}
