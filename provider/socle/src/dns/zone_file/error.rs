//! What is wrong in a zone file, and where.

use super::super::name::NameError;
use super::super::rdata::RdataError;
use super::super::ttl::TtlError;
use super::super::{DnsName, RecordType};

/// A zone file that is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {kind}")]
pub struct ZoneFileError {
    /// The line, counted from 1.
    pub line: usize,
    /// The character in the line, counted from 1; a tab is one character.
    pub column: usize,
    /// What is wrong.
    pub kind: ZoneFileErrorKind,
}

/// Why a zone file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZoneFileErrorKind {
    /// A quote without its end on the same line.
    #[error("a quoted string does not end on its line: close it, and write \\\" for a quote inside it")]
    OpenQuote,
    /// `(` without `)`.
    #[error("this parenthesis is never closed")]
    OpenParenthesis,
    /// `)` without `(`.
    #[error("this parenthesis closes nothing: write \\) for the character itself")]
    StrayParenthesis,
    /// `$INCLUDE`.
    #[error("$INCLUDE is not read: put the records of that file here")]
    Include,
    /// `$GENERATE`.
    #[error(
        "$GENERATE is BIND's own and is not read: write the records out, or export the zone with named-checkzone -D"
    )]
    Generate,
    /// Another word that begins with `$`.
    #[error("{found} is no directive: $ORIGIN and $TTL are; write \\$ for a name that begins with $")]
    UnknownDirective {
        /// The word.
        found: String,
    },
    /// A directive without its one argument.
    #[error("{directive} takes one argument, such as {example}")]
    Argument {
        /// `$ORIGIN` or `$TTL`.
        directive: &'static str,
        /// The directive with an argument.
        example: &'static str,
    },
    /// `$ORIGIN` or an owner is no name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// `$TTL` is no time.
    #[error(transparent)]
    Ttl(#[from] TtlError),
    /// The first record leaves its owner blank.
    #[error(
        "the line begins with a space, so it belongs to the name before it, and there is none: write a name, or @ for the zone itself"
    )]
    NoOwner,
    /// A name outside the zone.
    #[error(
        "{name} is not in the zone {zone}: remove the record, or put it in its own zone; a name without a final dot is relative to $ORIGIN"
    )]
    OutOfZone {
        /// The name.
        name: DnsName,
        /// The zone that is read.
        zone: DnsName,
    },
    /// Another class than IN.
    #[error("the class {found} is not read: only IN is")]
    Class {
        /// The class.
        found: String,
    },
    /// The record ends before its type.
    #[error("the record has no type: a record is NAME TTL CLASS TYPE DATA, such as www 300 IN A 192.0.2.10")]
    NoType,
    /// A type that Route 53 does not take.
    #[error("the type {found} is not one that Route 53 takes: {}", advice(.found))]
    UnknownType {
        /// The type.
        found: String,
    },
    /// No time to live is stated, and there is nothing to take it from.
    #[error(
        "the record has no time to live, and neither $TTL, a record before it nor an SOA record gives one: begin the file with a line such as $TTL 1h"
    )]
    NoTtl,
    /// An SOA record elsewhere than at the zone's apex.
    #[error("an SOA record belongs to a zone's own name alone: remove it")]
    SoaBelowApex,
    /// The data is not of the record's type.
    #[error(transparent)]
    Data(#[from] RdataError),
}

/// Types that Route 53 makes by itself when it signs a zone.
const SIGNING: [&str; 9] = ["RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY", "CDS", "CDNSKEY", "KEY", "SIG"];

/// Types of other providers that answer another name's addresses.
const ALIASES: [&str; 3] = ["ALIAS", "ANAME", "FLATTEN"];

fn advice(found: &str) -> String {
    let is_in = |list: &[&str]| list.iter().any(|name| name.eq_ignore_ascii_case(found));
    if is_in(&SIGNING) {
        "remove the record; Route 53 signs the zone itself when DNSSEC signing is on".to_owned()
    } else if is_in(&ALIASES) {
        "remove the record, and write an alias or a CNAME in the configuration".to_owned()
    } else {
        format!("remove the record, or use one of {}", RecordType::ALL.map(RecordType::as_str).join(" "))
    }
}
