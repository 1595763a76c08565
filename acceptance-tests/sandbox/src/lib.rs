//! A data centre on one Linux machine: a simulated AWS, and programs built from source, kept in a [`cache`].

pub mod cache;
pub mod daemon;
pub mod go_module;
pub mod moto;
pub mod opentofu;
pub mod packages;
pub mod tether;
pub mod vault;
pub mod wireguard;
