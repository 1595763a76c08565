//! The record types that Route 53 takes.

use std::fmt;
use std::str::FromStr;

/// A DNS record type that a Route 53 zone can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each variant is named exactly as the type is in DNS")]
pub enum RecordType {
    A,
    Aaaa,
    Caa,
    Cname,
    Ds,
    Https,
    Mx,
    Naptr,
    Ns,
    Ptr,
    Soa,
    Spf,
    Srv,
    Sshfp,
    Svcb,
    Tlsa,
    Txt,
}

/// A record type that Route 53 does not take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record type {found:?} is not one that Route 53 takes: use one of {}", list())]
pub struct UnknownRecordType {
    /// What was written instead of a type.
    pub found: String,
}

impl RecordType {
    /// Every type, in alphabetical order.
    pub const ALL: [Self; 17] = [
        Self::A,
        Self::Aaaa,
        Self::Caa,
        Self::Cname,
        Self::Ds,
        Self::Https,
        Self::Mx,
        Self::Naptr,
        Self::Ns,
        Self::Ptr,
        Self::Soa,
        Self::Spf,
        Self::Srv,
        Self::Sshfp,
        Self::Svcb,
        Self::Tlsa,
        Self::Txt,
    ];

    /// The name in capitals, as zone files and Route 53 write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Caa => "CAA",
            Self::Cname => "CNAME",
            Self::Ds => "DS",
            Self::Https => "HTTPS",
            Self::Mx => "MX",
            Self::Naptr => "NAPTR",
            Self::Ns => "NS",
            Self::Ptr => "PTR",
            Self::Soa => "SOA",
            Self::Spf => "SPF",
            Self::Srv => "SRV",
            Self::Sshfp => "SSHFP",
            Self::Svcb => "SVCB",
            Self::Tlsa => "TLSA",
            Self::Txt => "TXT",
        }
    }

    /// The type's number in the DNS protocol (IANA "DNS Parameters"; `TYPE99` in a zone file is SPF).
    pub const fn code(self) -> u16 {
        match self {
            Self::A => 1,
            Self::Ns => 2,
            Self::Cname => 5,
            Self::Soa => 6,
            Self::Ptr => 12,
            Self::Mx => 15,
            Self::Txt => 16,
            Self::Aaaa => 28,
            Self::Srv => 33,
            Self::Naptr => 35,
            Self::Ds => 43,
            Self::Sshfp => 44,
            Self::Tlsa => 52,
            Self::Svcb => 64,
            Self::Https => 65,
            Self::Spf => 99,
            Self::Caa => 257,
        }
    }

    /// The type with this number in the DNS protocol, when Route 53 takes it.
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|record_type| record_type.code() == code)
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for RecordType {
    type Err = UnknownRecordType;

    /// Reads a type's name in any case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|record_type| record_type.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownRecordType { found: text.to_owned() })
    }
}

fn list() -> String {
    RecordType::ALL.map(RecordType::as_str).join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_reads_back_from_its_name_in_any_case_and_from_its_number() {
        for record_type in RecordType::ALL {
            assert_eq!(record_type.to_string().parse(), Ok(record_type));
            assert_eq!(record_type.to_string().to_lowercase().parse(), Ok(record_type));
            assert_eq!(RecordType::from_code(record_type.code()), Some(record_type));
        }
    }

    #[test]
    fn all_is_in_alphabetical_order_without_repeats() {
        let names = RecordType::ALL.map(RecordType::as_str);
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
    }

    #[test]
    fn an_unknown_type_is_refused_with_the_list() {
        let error = "DNSKEY".parse::<RecordType>().unwrap_err().to_string();
        assert!(error.contains("\"DNSKEY\"") && error.contains("TLSA TXT"), "{error}");
    }
}
