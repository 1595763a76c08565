//! How a cluster is reached, as one resource tells another: no secret is in it.

pub use crate::clients::kubernetes::{ClusterAccess, ControlPlane};
