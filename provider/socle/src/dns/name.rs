//! Absolute domain names, compared as DNS compares them.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use super::escape::{Char, EscapeError, Escapes};

/// An absolute domain name: its labels with escapes resolved and letters in lower case.
///
/// Two names are equal when DNS holds them equal. They are ordered by their labels from the right, as Route 53
/// lists them, so a zone's apex comes first and the names below one name stand together.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DnsName {
    labels: Vec<Vec<u8>>,
}

/// A text that is no domain name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was written.
    #[error("the name is empty: write a name such as www.example.com, or . for the root")]
    Empty,
    /// Two dots in a row, or a dot at the beginning.
    #[error("name {name:?} has an empty label: remove the dot that is too many")]
    EmptyLabel {
        /// The name as written.
        name: String,
    },
    /// A label above 63 bytes (RFC 1035, section 2.3.4).
    #[error("label {label:?} has {length} bytes: a label has at most 63")]
    LongLabel {
        /// The label.
        label: String,
        /// Its length in bytes.
        length: usize,
    },
    /// A name above 255 bytes on the wire (RFC 1035, section 2.3.4).
    #[error("name {name:?} takes {length} bytes on the wire: a name takes at most 255")]
    LongName {
        /// The name.
        name: String,
        /// Its length in bytes, length bytes included.
        length: usize,
    },
    /// A space, a control character or a letter outside ASCII.
    #[error(
        "name {name:?} has the character {found:?}: write international names in their ASCII form (xn--…), \
         other bytes as an escape"
    )]
    Character {
        /// The name as written.
        name: String,
        /// The character.
        found: char,
    },
    /// A backslash that begins no escape.
    #[error("name {name:?}: {source}")]
    Escape {
        /// The name as written.
        name: String,
        /// What is wrong with the escape.
        source: EscapeError,
    },
}

impl DnsName {
    /// Reads a name that is absolute with or without its final dot.
    pub fn absolute(text: &str, escapes: Escapes) -> Result<Self, NameError> {
        Self::from_labels(split(text, escapes)?.labels)
    }

    /// Reads a name that is relative to `origin` unless it ends in a dot; `@` is the origin itself.
    pub fn relative(text: &str, origin: &Self, escapes: Escapes) -> Result<Self, NameError> {
        if text == "@" {
            return Ok(origin.clone());
        }
        let mut parts = split(text, escapes)?;
        if !parts.dotted {
            parts.labels.extend_from_slice(&origin.labels);
        }
        Self::from_labels(parts.labels)
    }

    /// Reads an uncompressed name from the start of `wire`: the name and the bytes after it.
    pub fn from_wire(wire: &[u8]) -> Option<(Self, &[u8])> {
        let mut labels = Vec::new();
        let mut rest = wire;
        loop {
            let (&length, after) = rest.split_first()?;
            if length == 0 {
                return Some((Self::from_labels(labels).ok()?, after));
            }
            let (label, after) = after.split_at_checked(length.into())?;
            labels.push(label.to_vec());
            rest = after;
        }
    }

    fn from_labels(mut labels: Vec<Vec<u8>>) -> Result<Self, NameError> {
        for label in &mut labels {
            label.make_ascii_lowercase();
            if label.len() > 63 {
                return Err(NameError::LongLabel { label: octal(label), length: label.len() });
            }
        }
        let name = Self { labels };
        match name.wire_length() {
            length if length > 255 => Err(NameError::LongName { name: name.to_string(), length }),
            _ => Ok(name),
        }
    }

    fn wire_length(&self) -> usize {
        self.labels.iter().map(|label| label.len() + 1).sum::<usize>() + 1
    }

    /// The root, `.`.
    pub const fn root() -> Self {
        Self { labels: Vec::new() }
    }

    /// Whether this is the root, `.`.
    pub fn is_root(&self) -> bool {
        self.labels.is_empty()
    }

    /// Whether the leftmost label is `*`.
    pub fn is_wildcard(&self) -> bool {
        self.labels.first().is_some_and(|label| label == b"*")
    }

    /// Whether the name is the apex of `zone` or below it.
    pub fn is_in(&self, zone: &Self) -> bool {
        self.labels.ends_with(&zone.labels)
    }

    /// The name without its leftmost label; the root has none.
    pub fn parent(&self) -> Option<Self> {
        let (_, labels) = self.labels.split_first()?;
        Some(Self { labels: labels.to_vec() })
    }

    /// The name within `zone` in Route 53's form: `@` for the apex, without the zone below it, and absolute with
    /// its dot where it is not in the zone.
    pub fn relative_to(&self, zone: &Self) -> String {
        self.relative_text(zone, octal)
    }

    /// The name within `origin` as a master file writes it, with the same rules as [`DnsName::relative_to`].
    pub fn in_master_file(&self, origin: &Self) -> String {
        self.relative_text(origin, decimal)
    }

    /// The absolute name with its final dot as a master file writes it.
    pub fn absolute_in_master_file(&self) -> String {
        join(&self.labels, decimal) + "."
    }

    /// The absolute name in Route 53's form, without its final dot: what globs are matched against.
    pub fn without_dot(&self) -> String {
        join(&self.labels, octal)
    }

    fn relative_text(&self, zone: &Self, write: fn(&[u8]) -> String) -> String {
        match self.labels.strip_suffix(zone.labels.as_slice()) {
            Some([]) => "@".to_owned(),
            Some(labels) => join(labels, write),
            None => join(&self.labels, write) + ".",
        }
    }
}

/// The labels of a text, and whether it ends in a dot.
struct Parts {
    labels: Vec<Vec<u8>>,
    dotted: bool,
}

fn split(text: &str, escapes: Escapes) -> Result<Parts, NameError> {
    match text {
        "" => return Err(NameError::Empty),
        "." => return Ok(Parts { labels: Vec::new(), dotted: true }),
        _ => {}
    }
    if let Some(found) = text.chars().find(|found| !found.is_ascii_graphic()) {
        return Err(NameError::Character { name: text.to_owned(), found });
    }
    let chars =
        escapes.resolve(text).map_err(|source| NameError::Escape { name: text.to_owned(), source })?;
    let dot = |char: &Char| char.byte == b'.' && !char.escaped;
    let (body, dotted) = match chars.split_last() {
        Some((last, body)) if dot(last) => (body, true),
        _ => (chars.as_slice(), false),
    };
    let labels: Vec<Vec<u8>> =
        body.split(dot).map(|label| label.iter().map(|char| char.byte).collect()).collect();
    if labels.iter().any(Vec::is_empty) {
        return Err(NameError::EmptyLabel { name: text.to_owned() });
    }
    Ok(Parts { labels, dotted })
}

fn join(labels: &[Vec<u8>], write: fn(&[u8]) -> String) -> String {
    labels.iter().map(|label| write(label)).collect::<Vec<_>>().join(".")
}

/// Writes a label as Route 53 answers it: everything but letters, digits, `-`, `_` and `*` as octal digits.
fn octal(label: &[u8]) -> String {
    let mut text = String::with_capacity(label.len());
    for &byte in label {
        if byte.is_ascii_alphanumeric() || b"-_*".contains(&byte) {
            text.push(char::from(byte));
        } else {
            Escapes::Octal.push(byte, &mut text);
        }
    }
    text
}

/// Writes a label for a master file: what has a meaning there behind a backslash, unprintable bytes as digits.
fn decimal(label: &[u8]) -> String {
    let mut text = String::with_capacity(label.len());
    for &byte in label {
        if br#".;\"()@$"#.contains(&byte) {
            text.extend(['\\', char::from(byte)]);
        } else if byte.is_ascii_graphic() {
            text.push(char::from(byte));
        } else {
            Escapes::Decimal.push(byte, &mut text);
        }
    }
    text
}

/// Whether `text` names a zone that somebody can own.
pub fn is_zone_name(text: &str) -> Result<(), String> {
    match DnsName::absolute(text, Escapes::Octal) {
        Ok(name) if name.is_root() => Err("the root is nobody's zone".to_owned()),
        // A slash alone is legal, and in use: RFC 2317 delegates `0/25.2.0.192.in-addr.arpa`.
        Ok(_) if text.contains("://") => Err(format!("{text:?} is a URL: leave all but its host name out")),
        Ok(_) => Ok(()),
        Err(problem) => Err(problem.to_string()),
    }
}

impl Ord for DnsName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.labels.iter().rev().cmp(other.labels.iter().rev())
    }
}

impl PartialOrd for DnsName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The absolute name in Route 53's form, with its final dot.
impl fmt::Display for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.without_dot())?;
        f.write_str(".")
    }
}

impl fmt::Debug for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DnsName({self})")
    }
}

/// Reads Route 53's form: octal escapes, absolute with or without the final dot.
impl FromStr for DnsName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::absolute(text, Escapes::Octal)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_label() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            3 => "[a-z0-9_-]{1,12}".prop_map(String::into_bytes),
            1 => prop::collection::vec(any::<u8>(), 1..8),
            1 => Just(b"*".to_vec()),
            1 => Just(b"@".to_vec()),
        ]
    }

    /// Names of every kind: any bytes in a label, at most 92 bytes in all.
    pub(crate) fn any_name() -> impl Strategy<Value = DnsName> {
        any_name_below(&name("."), 0)
    }

    /// Names of `least` to seven labels more than `zone` has.
    pub(crate) fn any_name_below(zone: &DnsName, least: usize) -> impl Strategy<Value = DnsName> + use<> {
        let zone = zone.labels.clone();
        prop::collection::vec(any_label(), least..8).prop_map(move |mut labels| {
            labels.extend_from_slice(&zone);
            DnsName::from_labels(labels).expect("short labels, and few")
        })
    }

    pub(crate) fn name(text: &str) -> DnsName {
        text.parse().unwrap()
    }

    #[test]
    fn case_and_the_final_dot_make_no_difference() {
        assert_eq!(name("WWW.Example.COM"), name("www.example.com."));
    }

    #[test]
    fn the_octal_wildcard_is_the_wildcard() {
        let wildcard = name(r"\052.example.com");
        assert_eq!(wildcard, name("*.example.com"));
        assert!(wildcard.is_wildcard());
        assert_eq!(wildcard.to_string(), "*.example.com.");
    }

    #[test]
    fn an_escaped_dot_separates_nothing() {
        let rname = DnsName::absolute(r"first\.last.example.com.", Escapes::Decimal).unwrap();
        assert_eq!(rname.to_string(), r"first\056last.example.com.");
        assert_eq!(rname.parent(), Some(name("example.com")));
        assert_eq!(rname.in_master_file(&name("example.com")), r"first\.last");
    }

    #[test]
    fn relative_names_take_the_origin() {
        let origin = name("example.com");
        let read = |text| DnsName::relative(text, &origin, Escapes::Decimal).unwrap();
        assert_eq!(read("@"), origin);
        assert_eq!(read("www"), name("www.example.com"));
        assert_eq!(read("www.example.net."), name("www.example.net"));
        assert_eq!(read("."), name("."));
        assert_ne!(read(r"\@"), origin);
    }

    #[test]
    fn names_stand_in_zones_by_whole_labels() {
        let zone = name("example.com");
        assert!(zone.is_in(&zone) && name("a.b.example.com").is_in(&zone));
        assert!(!name("notexample.com").is_in(&zone) && !name("com").is_in(&zone));
        assert_eq!(zone.relative_to(&zone), "@");
        assert_eq!(name("a.b.example.com").relative_to(&zone), "a.b");
        assert_eq!(name("example.net").relative_to(&zone), "example.net.");
    }

    #[test]
    fn the_apex_is_ordered_first_and_names_below_one_name_together() {
        let sorted = ["example.com", "a.example.com", "x.a.example.com", "b.example.com"].map(name);
        assert!(sorted.is_sorted(), "{sorted:?}");
    }

    #[test]
    fn refuses_what_is_no_name() {
        let label = "a".repeat(64);
        let long = ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(62)].join(".");
        for (text, message) in [
            ("", "the name is empty"),
            ("a..b", "empty label"),
            (".a", "empty label"),
            ("..", "empty label"),
            (label.as_str(), "at most 63"),
            (long.as_str(), "at most 255"),
            ("é.example.com", "xn--"),
            ("a b", "' '"),
            (r"a\8b", "no escape"),
        ] {
            let error = text.parse::<DnsName>().unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
    }

    #[test]
    fn the_longest_name_is_taken() {
        let longest = ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(61)].join(".");
        assert_eq!(name(&longest).wire_length(), 255);
    }

    proptest! {
        #[test]
        fn every_form_reads_back(name in any_name(), origin in any_name()) {
            prop_assert_eq!(&name.to_string().parse::<DnsName>().unwrap(), &name);
            let read = DnsName::relative(&name.in_master_file(&origin), &origin, Escapes::Decimal);
            prop_assert_eq!(read.as_ref(), Ok(&name));
            let read = DnsName::relative(&name.relative_to(&origin), &origin, Escapes::Octal);
            prop_assert_eq!(read.as_ref(), Ok(&name));
        }

        #[test]
        fn any_text_is_a_name_or_an_error(text in ".*") {
            let _ = text.parse::<DnsName>();
        }
    }

    #[test]
    fn a_url_is_no_name_of_a_zone_and_a_slash_may_be_in_one() {
        assert!(is_zone_name("https://example.social").unwrap_err().contains("is a URL"));
        assert_eq!(is_zone_name("0/25.2.0.192.in-addr.arpa"), Ok(()));
    }
}
