//! The Socle provider: one room a subject.
//!
//! A room holds its resources, their pure core and the shell around it; [`provider`] lists what is served, and
//! [`clients`] is the only place that connects, authenticates and tries again.

pub mod backup;
pub mod clients;
pub mod cluster;
pub mod dns;
pub mod host;
pub mod provider;
pub mod workload;
