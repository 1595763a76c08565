//! Terraform and OpenTofu providers in Rust.

pub mod plugin;
pub mod proto;
