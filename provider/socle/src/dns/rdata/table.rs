//! What the data of each record type consists of: the one table that parsing, comparing, rendering and the
//! words of error messages follow.

use std::fmt;

use super::super::RecordType;
use super::super::ttl;

/// What one field of a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number of one byte.
    U8,
    /// A number of two bytes.
    U16,
    /// A number of four bytes.
    U32,
    /// A time in seconds or master-file units.
    Ttl,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// A domain name.
    Name,
    /// Bytes in hexadecimal digits; takes all that is left of the record.
    Hex,
    /// A word of letters and digits, in any case.
    Tag,
    /// One text of at most 255 bytes.
    CharacterString,
    /// One text to the end of the record, not limited to 255 bytes.
    LongString,
    /// One or more texts that mean their concatenation; takes all that is left.
    TextStrings,
    /// Service parameters (RFC 9460); takes all that is left.
    SvcParams,
    /// A DNSSEC algorithm by number or mnemonic.
    Algorithm,
    /// The digest of a DS record by number or mnemonic.
    Digest,
}

/// One field: its name in the RFC and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
}

/// The fields of a record type, in order, and an example.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The fields.
    pub fields: &'static [Field],
    /// A value as the configuration writes it.
    pub example: &'static str,
}

macro_rules! shape {
    ([$($name:literal: $kind:ident),+], $example:literal) => {
        Shape { fields: &[$(Field { name: $name, kind: Kind::$kind }),+], example: $example }
    };
}

/// The shape of each type's data.
pub const fn shape(record_type: RecordType) -> Shape {
    match record_type {
        RecordType::A => shape!(["address": Ipv4], "192.0.2.10"),
        RecordType::Aaaa => shape!(["address": Ipv6], "2001:db8::10"),
        RecordType::Caa => {
            shape!(["flags": U8, "tag": Tag, "value": LongString], r#"0 issue "letsencrypt.org""#)
        }
        RecordType::Cname => shape!(["target": Name], "www.example.com."),
        RecordType::Ds => shape!(
            ["key tag": U16, "algorithm": Algorithm, "digest type": Digest, "digest": Hex],
            "12345 13 1 123456789ABCDEF67890123456789ABCDEF67890"
        ),
        RecordType::Https | RecordType::Svcb => shape!(
            ["priority": U16, "target": Name, "parameters": SvcParams],
            r#"1 . alpn="h2,h3" ipv4hint=192.0.2.10"#
        ),
        RecordType::Mx => shape!(["preference": U16, "exchange": Name], "10 mail.example.com."),
        RecordType::Naptr => shape!(
            [
                "order": U16,
                "preference": U16,
                "flags": CharacterString,
                "services": CharacterString,
                "regexp": CharacterString,
                "replacement": Name
            ],
            r#"100 50 "s" "SIP+D2U" "" _sip._udp.example.com."#
        ),
        RecordType::Ns => shape!(["name server": Name], "ns1.example.com."),
        RecordType::Ptr => shape!(["target": Name], "host.example.com."),
        RecordType::Soa => shape!(
            [
                "primary server": Name,
                "mailbox": Name,
                "serial": U32,
                "refresh": Ttl,
                "retry": Ttl,
                "expire": Ttl,
                "minimum": Ttl
            ],
            "ns1.example.com. hostmaster.example.com. 1 7200 900 1209600 86400"
        ),
        RecordType::Srv => shape!(
            ["priority": U16, "weight": U16, "port": U16, "target": Name],
            "10 5 5060 sip.example.com."
        ),
        RecordType::Sshfp => shape!(
            ["algorithm": U8, "fingerprint type": U8, "fingerprint": Hex],
            "4 1 123456789ABCDEF67890123456789ABCDEF67890"
        ),
        RecordType::Tlsa => shape!(
            ["certificate usage": U8, "selector": U8, "matching type": U8, "certificate data": Hex],
            "3 1 1 0D6FCE3320315023FF499A3F3DE1362C88F77D4E9D5B3E9B4E0D1C2B3A495867"
        ),
        RecordType::Spf | RecordType::Txt => shape!(["text": TextStrings], "v=spf1 -all"),
    }
}

/// DNSSEC algorithms by mnemonic (IANA "DNS Security Algorithm Numbers").
const ALGORITHMS: &[(&str, u8)] = &[
    ("RSAMD5", 1),
    ("DH", 2),
    ("DSA", 3),
    ("RSASHA1", 5),
    ("DSA-NSEC3-SHA1", 6),
    ("NSEC3DSA", 6),
    ("RSASHA1-NSEC3-SHA1", 7),
    ("NSEC3RSASHA1", 7),
    ("RSASHA256", 8),
    ("RSASHA512", 10),
    ("ECC-GOST", 12),
    ("ECCGOST", 12),
    ("ECDSAP256SHA256", 13),
    ("ECDSAP384SHA384", 14),
    ("ED25519", 15),
    ("ED448", 16),
    ("INDIRECT", 252),
    ("PRIVATEDNS", 253),
    ("PRIVATEOID", 254),
];

/// DS digests by mnemonic (IANA "DS RR Type Digest Algorithms").
const DIGESTS: &[(&str, u8)] = &[("SHA-1", 1), ("SHA-256", 2), ("GOST", 3), ("SHA-384", 4)];

impl Kind {
    /// The largest number that the field takes; none where it is no number.
    pub const fn maximum(self) -> Option<u32> {
        match self {
            Self::U8 | Self::Algorithm | Self::Digest => Some(255),
            Self::U16 => Some(65_535),
            Self::U32 => Some(u32::MAX),
            Self::Ttl => Some(ttl::MAX),
            _ => None,
        }
    }

    /// The words that stand for a number in this field.
    pub const fn mnemonics(self) -> &'static [(&'static str, u8)] {
        match self {
            Self::Algorithm => ALGORITHMS,
            Self::Digest => DIGESTS,
            _ => &[],
        }
    }
}

/// What is allowed, in words that follow "is not".
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::U8 => "a number from 0 to 255",
            Self::U16 => "a number from 0 to 65535",
            Self::U32 => "a number from 0 to 4294967295",
            Self::Ttl => "a time in seconds, or in units such as 1h30m",
            Self::Ipv4 => "an IPv4 address",
            Self::Ipv6 => "an IPv6 address",
            Self::Name => "a domain name",
            Self::Hex => "an even number of hexadecimal digits",
            Self::Tag => "a word of 1 to 15 letters and digits",
            Self::CharacterString => "a text of at most 255 bytes",
            Self::LongString => "a text",
            Self::TextStrings => "a text, or texts in quotes",
            Self::SvcParams => "parameters as key=value",
            Self::Algorithm => "a DNSSEC algorithm such as 13 or ECDSAP256SHA256",
            Self::Digest => "a digest type such as 2 or SHA-256",
        })
    }
}

/// The fields with what each allows, and the example.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for field in self.fields {
            write!(f, "<{}: {}> ", field.name, field.kind)?;
        }
        write!(f, "such as `{}`", self.example)
    }
}
