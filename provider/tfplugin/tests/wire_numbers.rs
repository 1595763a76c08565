//! Our `.proto` files say the same on the wire as the released ones.
//!
//! `wire_numbers/*.txt` list every field, enum value and call of a release, one a line, sorted. They
//! are data read from the release's descriptor; the files that they came from are named in them.

use std::collections::BTreeSet;

use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet, MethodDescriptorProto,
};
use tfplugin::proto::DESCRIPTORS;

/// The parts of the released protocol that this one leaves out: all of them state stores.
const LEFT_OUT: &[&str] = &[
    "GetMetadata.Response.state_stores",
    "GetMetadata.StateStoreMetadata.",
    "GetProviderSchema.Response.state_store_schemas",
    "GetProviderSchema.Response.StateStoreSchemasEntry.",
    "Provider.ConfigureStateStore",
    "Provider.DeleteState",
    "Provider.GetStates",
    "Provider.LockState",
    "Provider.ReadStateBytes",
    "Provider.UnlockState",
    "Provider.ValidateStateStoreConfig",
    "Provider.WriteStateBytes",
    "ConfigureStateStore.",
    "DeleteState.",
    "GetStates.",
    "LockState.",
    "ReadStateBytes.",
    "RequestChunkMeta.",
    "StateRange.",
    "StateStoreClientCapabilities.",
    "StateStoreServerCapabilities.",
    "UnlockState.",
    "ValidateStateStore.",
    "WriteStateBytes.",
];

#[test]
fn provider_protocol_equals_the_release_but_for_state_stores() {
    let released = golden(include_str!("wire_numbers/terraform-1.15.9.txt"));
    let (left_out, expected): (BTreeSet<_>, BTreeSet<_>) =
        released.into_iter().partition(|line| LEFT_OUT.iter().any(|name| is_of(line, name)));
    for name in LEFT_OUT {
        assert!(left_out.iter().any(|line| is_of(line, name)), "{name} is in no release");
    }
    assert_same(&table("tfplugin6"), &expected);
}

#[test]
fn process_protocol_equals_the_release() {
    assert_same(&table("plugin"), &golden(include_str!("wire_numbers/go-plugin-1.8.0.txt")));
}

#[test]
fn numbers_of_state_store_fields_are_reserved() {
    let set = descriptors();
    let reserved = |message: &str| {
        let messages = &file(&set, "tfplugin6").message_type;
        let outer = messages.iter().find(|m| m.name() == message).expect("message");
        let response = outer.nested_type.iter().find(|m| m.name() == "Response").expect("response");
        response.reserved_range.iter().map(|range| (range.start(), range.end())).collect::<Vec<_>>()
    };
    assert_eq!(reserved("GetMetadata"), [(8, 9)]);
    assert_eq!(reserved("GetProviderSchema"), [(10, 11)]);
}

fn assert_same(ours: &BTreeSet<String>, released: &BTreeSet<String>) {
    let only =
        |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect::<Vec<_>>().join("\n");
    let (added, missing) = (only(ours, released), only(released, ours));
    assert!(added.is_empty() && missing.is_empty(), "not in the release:\n{added}\nmissing here:\n{missing}");
}

/// Whether a line speaks of `name`: the thing itself, or for a name that ends in a dot, anything within.
fn is_of(line: &str, name: &str) -> bool {
    let subject = line.split(' ').nth(1).unwrap_or_default();
    if name.ends_with('.') { subject.starts_with(name) } else { subject == name }
}

fn golden(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(str::to_owned).collect()
}

fn descriptors() -> FileDescriptorSet {
    FileDescriptorSet::decode(DESCRIPTORS).expect("the compiled descriptors")
}

fn file<'a>(set: &'a FileDescriptorSet, package: &str) -> &'a prost_types::FileDescriptorProto {
    set.file.iter().find(|file| file.package() == package).expect("the package is compiled")
}

/// The table of one of our packages, in the form of the golden files.
fn table(package: &str) -> BTreeSet<String> {
    let set = descriptors();
    let file = file(&set, package);
    let prefix = format!(".{package}.");
    let mut lines = BTreeSet::new();
    file.message_type.iter().for_each(|message| add_message(message, "", &prefix, &mut lines));
    file.enum_type.iter().for_each(|values| add_enum(values, "", &mut lines));
    for service in &file.service {
        lines.extend(service.method.iter().map(|method| rpc_line(service.name(), method, &prefix)));
    }
    lines
}

fn add_message(message: &DescriptorProto, parent: &str, prefix: &str, lines: &mut BTreeSet<String>) {
    let name = format!("{parent}{}.", message.name());
    lines.extend(message.field.iter().map(|field| field_line(message, field, &name, prefix)));
    message.nested_type.iter().for_each(|nested| add_message(nested, &name, prefix, lines));
    message.enum_type.iter().for_each(|values| add_enum(values, &name, lines));
}

fn add_enum(values: &EnumDescriptorProto, parent: &str, lines: &mut BTreeSet<String>) {
    lines.extend(
        values
            .value
            .iter()
            .map(|value| format!("value {parent}{}.{} {}", values.name(), value.name(), value.number())),
    );
}

fn field_line(message: &DescriptorProto, field: &FieldDescriptorProto, parent: &str, prefix: &str) -> String {
    let kind = match field.r#type() {
        Type::Message | Type::Enum => field.type_name().trim_start_matches(prefix).to_owned(),
        scalar => scalar.as_str_name().trim_start_matches("TYPE_").to_lowercase(),
    };
    format!("field {parent}{} {} {kind} {}", field.name(), field.number(), label(message, field))
}

fn label(message: &DescriptorProto, field: &FieldDescriptorProto) -> String {
    match field.oneof_index {
        _ if field.label() == Label::Repeated => "repeated".to_owned(),
        _ if field.proto3_optional() => "optional".to_owned(),
        Some(index) => {
            let index = usize::try_from(index).expect("an index is not negative");
            format!("oneof:{}", message.oneof_decl[index].name())
        }
        None => "single".to_owned(),
    }
}

fn rpc_line(service: &str, method: &MethodDescriptorProto, prefix: &str) -> String {
    let side = |streaming: bool, name: &str| {
        format!("{}{}", if streaming { "stream " } else { "" }, name.trim_start_matches(prefix))
    };
    let input = side(method.client_streaming(), method.input_type());
    let output = side(method.server_streaming(), method.output_type());
    format!("rpc {service}.{} {input} -> {output}", method.name())
}
