//! The programs of the collection, thin: arguments → host → result. One binary a module, in `bin/`.

pub mod container_runtime;
pub mod firewall;
pub mod host_facts;
pub mod kubelet;
mod node;
