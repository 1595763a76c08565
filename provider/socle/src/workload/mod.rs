//! Workloads: objects in a Kubernetes cluster.

pub mod fields;
pub mod identity;
pub mod kinds;
pub mod manifest;
pub mod ownership;
pub mod readiness;
pub mod trouble;
pub mod yaml;
