//! A data centre on one Linux machine: a simulated AWS, a Vault, servers with an init system and no way out, and
//! programs built from source, kept in a [`cache`].

pub mod access;
pub mod address;
pub mod ansible;
pub mod aws;
pub mod cache;
pub mod cli;
pub mod command;
pub mod detached;
pub mod doctor;
pub mod gitlab_ci_local;
pub mod go_module;
pub mod kubernetes;
pub mod machine;
pub mod moto;
pub mod opentofu;
pub mod packages;
pub mod python;
pub mod server;
pub mod state;
pub mod status;
pub mod step;
pub mod tether;
pub mod vault;
pub mod wireguard;
