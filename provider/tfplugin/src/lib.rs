//! Terraform and OpenTofu providers in Rust.

pub mod cty;
pub mod diagnostics;
pub mod model;
pub mod path;
pub mod plan;
pub mod schema;
pub mod timeouts;
pub mod validate;
pub mod value;
pub mod proto;
