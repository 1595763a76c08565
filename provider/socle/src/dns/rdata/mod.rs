//! The data of one record in canonical form, so that two texts that mean the same to DNS are equal.
//!
//! [`table`] says what each type's data consists of; reading, comparing, rendering and error messages follow it.

mod parse;
mod render;
mod svc_params;
pub mod table;
pub mod token;
mod wire;

use std::net::{Ipv4Addr, Ipv6Addr};

use super::escape::EscapeError;
use super::name::NameError;
use super::{DnsName, RecordType};

pub use svc_params::{SvcParamError, SvcParams};
pub use table::{Field, Kind, Shape, shape};
pub use token::Token;

/// One record's data. Equal when DNS holds it equal: names in any case, numbers and addresses by value, the
/// strings of TXT and SPF by their concatenation, service parameters in any order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rdata {
    record_type: RecordType,
    values: Vec<Value>,
}

/// What one field holds, in the order of [`Shape::fields`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Value {
    Number(u32),
    Ipv4(Ipv4Addr),
    Ipv6(Ipv6Addr),
    Name(DnsName),
    /// Bytes that are written as hexadecimal digits.
    Hex(Vec<u8>),
    /// Bytes that are written as text.
    Text(Vec<u8>),
    Params(SvcParams),
}

/// Data that is not of its record type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{record_type} record: {problem}; write {}", shape(*.record_type))]
pub struct RdataError {
    /// The record's type.
    pub record_type: RecordType,
    /// Which token of the data is wrong, counted from 0; the number of tokens where one is missing.
    pub token: usize,
    /// What is wrong.
    pub problem: RdataProblem,
}

/// What is wrong with a record's data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RdataProblem {
    /// A quoted string does not end.
    #[error("a quoted string does not end: close it, and write \\\" for a quote inside it")]
    OpenQuote,
    /// The data ends before this field.
    #[error("the {} is missing", .field.name)]
    Missing {
        /// The first field that is missing.
        field: Field,
    },
    /// The data goes on after its last field.
    #[error("{found:?} is too much")]
    Extra {
        /// The first token that is too much.
        found: String,
    },
    /// A field does not hold what it should.
    #[error("the {} {found:?} is not {}", .field.name, .field.kind)]
    Field {
        /// The field.
        field: Field,
        /// What was written.
        found: String,
    },
    /// A field is no domain name.
    #[error("the {}: {source}", .field.name)]
    Name {
        /// The field.
        field: Field,
        /// What is wrong with the name.
        source: NameError,
    },
    /// A text has a wrong escape.
    #[error("the {}: {source}", .field.name)]
    Escape {
        /// The field.
        field: Field,
        /// What is wrong with the escape.
        source: EscapeError,
    },
    /// A service parameter is wrong.
    #[error("{0}")]
    Param(#[from] SvcParamError),
    /// The form `\# LENGTH HEX` (RFC 3597) does not hold data of this type.
    #[error("the generic form \\# does not hold its length and as many bytes, being data of this type")]
    Generic,
}

impl Rdata {
    /// The type of record that this is the data of.
    pub const fn record_type(&self) -> RecordType {
        self.record_type
    }

    /// The last field of an SOA record: how long a resolver keeps "no such name", in seconds.
    pub fn soa_minimum(&self) -> Option<u32> {
        match (self.record_type, self.values.last()) {
            (RecordType::Soa, Some(Value::Number(seconds))) => Some(*seconds),
            _ => None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
