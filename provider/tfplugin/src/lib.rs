//! Terraform and OpenTofu providers in Rust.
