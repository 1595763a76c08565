//! Backups: a store that is safe, policies that run by themselves on hosts, and what is known of them.
//!
//! The pure core says what makes a bucket safe ([`safeguard`]); the shell around it is [`s3`]. What a policy is on its host
//! is written once, in the host program `backup_agent`: here it is brought to the host and run, in check mode by a refresh
//! and for real by an apply. The agent itself, its configuration, records and schedules are the crate `backup-agent`.

pub mod location;
pub mod s3;
pub mod safeguard;

mod functions;
mod iam_policy;
mod parts;
mod policy;
mod status;
mod store;

pub use functions::NextRuns;
pub use iam_policy::BackupIamPolicy;
pub use policy::BackupPolicy;
pub use status::BackupStatus;
pub use store::BackupStore;
