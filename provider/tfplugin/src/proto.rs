//! The messages and services of the plugin protocol, generated from `proto/`.

/// Terraform's plugin protocol, version 6.10 without state stores.
#[allow(
    missing_docs,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated code; what the protocol says is in proto/tfplugin6.proto"
)]
pub mod tfplugin6 {
    tonic::include_proto!("tfplugin6");
}

/// What go-plugin calls beside the provider.
#[allow(
    missing_docs,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated code; what the protocol says is in proto/goplugin.proto"
)]
pub mod goplugin {
    tonic::include_proto!("plugin");
}

/// The descriptors of both, as an encoded `google.protobuf.FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
