//! Zone files: RFC 1035 master files as registrars and BIND export them.
//!
//! Read are `$ORIGIN`, `$TTL`, relative names, `@`, an owner left blank, records over several lines in parentheses,
//! comments, quoted and split texts, decimal escapes, times with units, time to live and class in either order,
//! keywords in any case, types by number (`TYPE99`), data in the generic form of RFC 3597 (`\# 4 C0000201`), either
//! kind of line end and a byte order mark. Everything else is refused by line and column.

mod error;
mod lexer;
mod parse;
mod render;

use std::collections::BTreeSet;

use super::{Content, DnsName, Rdata, RecordSet, RecordType, SetKey};

pub use error::{ZoneFileError, ZoneFileErrorKind};
pub use parse::parse;
pub use render::{RenderError, render};

/// The records of one name and type in a zone file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneRecordSet {
    /// The absolute name.
    pub name: DnsName,
    /// The type.
    pub record_type: RecordType,
    /// Time to live in seconds: the smallest of the set's records, which are to have the same (RFC 2181,
    /// section 5.2).
    pub ttl: u32,
    /// The records' data; identical records count once.
    pub values: BTreeSet<Rdata>,
}

impl From<ZoneRecordSet> for RecordSet {
    fn from(set: ZoneRecordSet) -> Self {
        Self {
            key: SetKey { name: set.name, record_type: set.record_type, set_identifier: None },
            content: Content::Values { ttl: set.ttl, values: set.values },
            routing: None,
            health_check_id: None,
        }
    }
}

#[cfg(test)]
mod tests;
