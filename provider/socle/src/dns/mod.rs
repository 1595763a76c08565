//! DNS: zones of Route 53 and their records.
//!
//! The pure core knows names, record data and record sets ([`name`], [`rdata`], [`record_set`]), reads and writes zone
//! files ([`zone_file`]), compares a zone with what is wanted ([`change`]) and packs the difference into batches
//! ([`batch`]). [`record`] leads from what a user writes to a record set and back. The shell is [`route53`], and
//! [`reconcile`] is the loop between the two.

pub mod batch;
pub mod change;
pub mod clash;
pub mod escape;
pub mod glob;
pub mod name;
pub mod rdata;
pub mod reconcile;
pub mod record;
pub mod record_set;
pub mod record_type;
pub mod route53;
pub mod ttl;
pub mod zone_file;

mod delegation;
mod functions;
mod records;
mod zone;
mod zone_data;

pub use delegation::DnsDelegation;
pub use functions::{ParseZoneFile, RenderZoneFile};
pub use name::DnsName;
pub use rdata::Rdata;
pub use record_set::{Alias, Content, Coordinates, FailoverRole, RecordSet, Routing, SetKey};
pub use record_type::RecordType;
pub use records::DnsRecords;
pub use zone::DnsZone;
pub use zone_data::DnsZoneData;
