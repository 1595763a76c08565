//! A data centre on one Linux machine: a simulated AWS, a Vault, servers with an init system and no way out, and
//! programs built from source, kept in a [`cache`].

pub mod address;
pub mod cache;
pub mod command;
pub mod detached;
pub mod go_module;
pub mod moto;
pub mod opentofu;
pub mod packages;
pub mod state;
pub mod step;
pub mod tether;
pub mod vault;
pub mod wireguard;
