//! A Kubernetes node and the cluster it belongs to.
//!
//! - [`specification`]: what a cluster should be;
//! - [`journal`], [`lease`], [`ownership`]: what hosts remember of it, who may change it now, and who prepares them;
//! - [`observation`]: what a host shows;
//! - [`plan`]: from the two, the steps that come next: the heart, pure;
//! - [`bundle`]: what a node is made from;
//! - [`step`]: one step, as it is asked of the program `socle-node` and answered;
//! - [`render`]: the files of a node.
//!
//! Nothing here but the program itself touches the world.

pub mod bundle;
pub mod fingerprint;
pub mod journal;
pub mod lease;
pub mod observation;
pub mod ownership;
pub mod plan;
pub mod quorum;
pub mod render;
pub mod specification;
pub mod step;
