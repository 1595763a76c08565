//! Every call of the protocol, answered in this process by a provider made of corner cases.

mod announced;
mod configuration;
mod ephemeral;
mod functions;
mod lookup;
mod pages;
mod provider;
mod resource_changes;
mod resource_states;
mod terraform;
