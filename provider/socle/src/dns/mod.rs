//! DNS zones and their records.

pub mod batch;
pub mod change;
pub mod escape;
pub mod glob;
pub mod name;
pub mod rdata;
pub mod record;
pub mod record_set;
pub mod record_type;
pub mod route53;
pub mod ttl;
pub mod zone_file;

pub use name::DnsName;
pub use rdata::Rdata;
pub use record_set::{Alias, Content, Coordinates, FailoverRole, RecordSet, Routing, SetKey};
pub use record_type::RecordType;
