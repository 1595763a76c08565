//! Hosts: `socle_host` makes a rented server ours, hardens it, and keeps it so.
//!
//! What a host should be is written once, in the host programs; here they are brought to the host and run: in check mode
//! by a refresh, which changes nothing, and for real by an apply.

mod apply;
mod arguments;
mod bootstrap;
mod controls;
mod facts;
mod observed;
mod owner;
mod plan;
mod readers;
mod resource;
mod unreached;

pub(crate) use owner::leave;
pub use resource::ManagedHost;
pub(crate) use unreached::forget;
