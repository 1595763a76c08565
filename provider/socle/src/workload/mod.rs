//! Workloads: objects in a Kubernetes cluster.

pub mod change;
pub mod conflict;
pub mod fields;
pub mod identity;
pub mod kinds;
pub mod manifest;
pub mod ownership;
pub mod readiness;
pub mod secret;
pub mod trouble;
pub mod yaml;

mod manifests;

pub use manifests::Manifests;
