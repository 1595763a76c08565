//! The backup agent `socle-backup`: a program beside the data that backs it up, forgets what is too old, checks,
//! restores, and proves by drills that it can.
//!
//! Without the feature `agent` this crate is the agent's public contract alone, and light:
//! - [`configuration`]: the file that tells a policy;
//! - [`status`]: the records that the agent leaves on its host;
//! - [`schedule`]: when it runs, as the timer of the policy has it;
//! - [`retention`], [`metrics`], [`object_history`]: what follows from them, pure.

pub mod configuration;
pub mod manifest;
pub mod metrics;
pub mod object_history;
pub mod quantity;
pub mod retention;
pub mod schedule;
pub mod status;

#[cfg(feature = "agent")]
pub mod agent;
