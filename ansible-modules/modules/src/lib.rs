//! The programs of the collection, thin: arguments → host → result. One binary a module, in `bin/`.

pub mod backup_agent;
pub mod firewall;
pub mod host_facts;
