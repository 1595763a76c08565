//! Clusters: from bare servers to Kubernetes.
//!
//! What a cluster should be, what its hosts show and which steps lie between is the library `node`'s. This room has the
//! resource around it: what the user writes ([`resource`], [`blocks`]) becomes a [specification](node::specification), a
//! change is judged by the [table of changes](changes), and an [apply](converge) asks the planner for steps and hosts to
//! take them, until nothing is left to do.

pub mod access;
mod apply;
mod artefacts;
mod blocks;
mod bundles;
mod changes;
mod converge;
pub mod credentials;
mod data;
mod downloads;
mod endpoint;
#[cfg(test)]
mod fake;
pub mod hosts;
mod imported;
mod kubeconfig;
mod nodes;
mod preparing;
mod reading;
mod refresh;
mod resource;
mod shown;

pub use access::{ClusterAccess, ControlPlane};
pub use data::ClusterData;
pub use kubeconfig::Kubeconfig;
pub(crate) use kubeconfig::kubeconfig_for;
pub use resource::ClusterResource;
