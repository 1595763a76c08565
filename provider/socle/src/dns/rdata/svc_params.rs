//! Service parameters of HTTPS and SVCB records (RFC 9460).

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::escape::{EscapeError, Escapes};
use super::parse::number;
use super::token::Token;

/// The parameters by their key's number, each value as DNS messages carry it, so that `port=443` and
/// `key3="\001\273"` are equal.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SvcParams(BTreeMap<u16, Vec<u8>>);

/// A text that holds no service parameters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SvcParamError {
    /// The key has no meaning.
    #[error("{found:?} is no parameter: use one of {}, or keyNNN by number", names())]
    UnknownKey {
        /// What was written.
        found: String,
    },
    /// The key stands twice.
    #[error("the parameter {key} is given twice")]
    Repeated {
        /// The key.
        key: String,
    },
    /// The value is not one of its key.
    #[error("the parameter {key} {found:?} is not {allowed}")]
    Value {
        /// The key.
        key: String,
        /// What was written.
        found: String,
        /// What the key takes, with an example.
        allowed: &'static str,
    },
    /// The value has a wrong escape.
    #[error("the parameter {key}: {source}")]
    Escape {
        /// The key.
        key: String,
        /// What is wrong with the escape.
        source: EscapeError,
    },
    /// `mandatory` names a parameter that is not given.
    #[error("mandatory names {key}, which is not among the parameters")]
    MandatoryAbsent {
        /// The key that is named.
        key: String,
    },
}

/// How a parameter's value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Keys,
    Ids,
    Nothing,
    Port,
    Ipv4,
    Base64,
    Ipv6,
    Text,
}

/// The keys with a name (IANA "DNS Service Parameter Keys").
const KEYS: &[(u16, &str, Format)] = &[
    (MANDATORY, "mandatory", Format::Keys),
    (1, "alpn", Format::Ids),
    (2, "no-default-alpn", Format::Nothing),
    (3, "port", Format::Port),
    (4, "ipv4hint", Format::Ipv4),
    (5, "ech", Format::Base64),
    (6, "ipv6hint", Format::Ipv6),
    (7, "dohpath", Format::Text),
    (8, "ohttp", Format::Nothing),
];

const MANDATORY: u16 = 0;

fn names() -> String {
    KEYS.iter().map(|(_, name, _)| *name).collect::<Vec<_>>().join(", ")
}

fn key_name(key: u16) -> String {
    let known = KEYS.iter().find(|(number, ..)| *number == key);
    known.map_or_else(|| format!("key{key}"), |(_, name, _)| (*name).to_owned())
}

/// A key as it is written: those that came after RFC 9460 by number, which software of its time reads too.
fn written_key(key: u16) -> String {
    if key <= 6 { key_name(key) } else { format!("key{key}") }
}

/// The format of a key's value; text where the key has no name.
fn format_of(key: u16) -> Format {
    KEYS.iter().find(|(number, ..)| *number == key).map_or(Format::Text, |(.., format)| *format)
}

/// The key and how its value is written under this name.
fn key(text: &str) -> Option<(u16, Format)> {
    let lower = text.to_ascii_lowercase();
    if let Some((key, _, format)) = KEYS.iter().find(|(_, name, _)| *name == lower) {
        return Some((*key, *format));
    }
    let key = number(lower.strip_prefix("key")?, u32::from(u16::MAX))?;
    Some((u16::try_from(key).ok()?, Format::Text))
}

impl SvcParams {
    /// Reads `key=value` tokens; a quoted value is a token of its own that is glued to its key.
    pub(super) fn parse(tokens: &[Token], escapes: Escapes) -> Result<Self, SvcParamError> {
        let mut params = Self::default();
        let mut tokens = tokens.iter().peekable();
        while let Some(token) = tokens.next() {
            let (name, bare) = token.text.split_once('=').unwrap_or((&token.text, ""));
            let quoted = tokens.next_if(|next| next.glued && next.quoted && token.text.ends_with('='));
            params.insert(name, quoted.map_or(bare, |token| &token.text), escapes)?;
        }
        params.check_mandatory()?;
        Ok(params)
    }

    fn insert(&mut self, name: &str, text: &str, escapes: Escapes) -> Result<(), SvcParamError> {
        let (key, format) = key(name).ok_or_else(|| SvcParamError::UnknownKey { found: name.to_owned() })?;
        let bytes =
            escapes.bytes(text).map_err(|source| SvcParamError::Escape { key: key_name(key), source })?;
        let value = format.read(&bytes).filter(|value| format_of(key).holds(value)).ok_or_else(|| {
            SvcParamError::Value {
                key: key_name(key),
                found: text.to_owned(),
                allowed: format_of(key).allowed(),
            }
        })?;
        match self.0.insert(key, value) {
            Some(_) => Err(SvcParamError::Repeated { key: key_name(key) }),
            None => Ok(()),
        }
    }

    fn check_mandatory(&self) -> Result<(), SvcParamError> {
        let named = self.0.get(&MANDATORY).map(|value| keys(value)).unwrap_or_default();
        match named.into_iter().find(|key| !self.0.contains_key(key)) {
            Some(key) => Err(SvcParamError::MandatoryAbsent { key: key_name(key) }),
            None => Ok(()),
        }
    }

    /// Reads the parameters as messages carry them: keys in strictly increasing order.
    pub(super) fn from_wire(wire: &[u8]) -> Option<Self> {
        let mut params = Self::default();
        let mut rest = wire;
        while let Some(([k0, k1, l0, l1], after)) = rest.split_first_chunk() {
            let key = u16::from_be_bytes([*k0, *k1]);
            let (value, after) = after.split_at_checked(u16::from_be_bytes([*l0, *l1]).into())?;
            let in_order = params.0.last_key_value().is_none_or(|(last, _)| *last < key);
            (in_order && format_of(key).holds(value)).then(|| params.0.insert(key, value.to_vec()))?;
            rest = after;
        }
        (rest.is_empty() && params.check_mandatory().is_ok()).then_some(params)
    }

    /// The parameters in the order of their keys, as `key=value` parted by spaces.
    pub(super) fn text(&self, escapes: Escapes) -> String {
        let params = self.0.iter().map(|(key, value)| {
            let text = format_of(*key).text(value, escapes);
            let equals = if text.is_empty() { "" } else { "=" };
            format!("{}{equals}{text}", written_key(*key))
        });
        params.collect::<Vec<_>>().join(" ")
    }
}

impl Format {
    const fn allowed(self) -> &'static str {
        match self {
            Self::Keys => "a list of other keys, such as alpn,port",
            Self::Ids => "a list of protocol ids, such as h2,h3",
            Self::Nothing => "empty: the parameter takes no value",
            Self::Port => "a port from 0 to 65535",
            Self::Ipv4 => "a list of IPv4 addresses, such as 192.0.2.1,192.0.2.2",
            Self::Base64 => "a configuration in base64",
            Self::Ipv6 => "a list of IPv6 addresses, such as 2001:db8::1,2001:db8::2",
            Self::Text => "a text of at most 65535 bytes",
        }
    }

    /// The value as messages carry it; none where the text is not of this format.
    fn read(self, text: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Text => Some(text.to_vec()),
            Self::Nothing => text.is_empty().then(Vec::new),
            Self::Ids => ids(text),
            Self::Base64 => STANDARD.decode(text).ok(),
            _ => self.read_words(std::str::from_utf8(text).ok()?),
        }
    }

    fn read_words(self, text: &str) -> Option<Vec<u8>> {
        let mut values = text.split(',').map(|word| self.read_word(word)).collect::<Option<Vec<_>>>()?;
        if self == Self::Keys {
            values.sort();
        }
        Some(values.concat())
    }

    fn read_word(self, word: &str) -> Option<Vec<u8>> {
        match self {
            Self::Keys => Some(key(word)?.0.to_be_bytes().to_vec()),
            Self::Ipv4 => Some(word.parse::<Ipv4Addr>().ok()?.octets().to_vec()),
            Self::Ipv6 => Some(word.parse::<Ipv6Addr>().ok()?.octets().to_vec()),
            _ => Some(u16::try_from(number(word, u32::from(u16::MAX))?).ok()?.to_be_bytes().to_vec()),
        }
    }

    /// Whether `value` is one that messages can carry in this format.
    fn holds(self, value: &[u8]) -> bool {
        let in_parts_of = |size| !value.is_empty() && value.len().is_multiple_of(size);
        u16::try_from(value.len()).is_ok()
            && match self {
                Self::Keys => {
                    let keys = keys(value);
                    in_parts_of(2) && keys.is_sorted_by(|a, b| a < b) && !keys.contains(&MANDATORY)
                }
                Self::Ids => split_ids(value).is_some_and(|ids| !ids.is_empty()),
                Self::Nothing => value.is_empty(),
                Self::Port => value.len() == 2,
                Self::Ipv4 => in_parts_of(4),
                Self::Ipv6 => in_parts_of(16),
                Self::Base64 => !value.is_empty(),
                Self::Text => true,
            }
    }

    fn text(self, value: &[u8], escapes: Escapes) -> String {
        match self {
            Self::Keys => list(keys(value).into_iter().map(written_key)),
            Self::Ids => quoted(&escaped_ids(value), escapes),
            Self::Nothing => String::new(),
            Self::Port => list(keys(value)),
            Self::Ipv4 => list(value.as_chunks().0.iter().map(|octets: &[u8; 4]| Ipv4Addr::from(*octets))),
            Self::Ipv6 => list(value.as_chunks().0.iter().map(|octets: &[u8; 16]| Ipv6Addr::from(*octets))),
            Self::Base64 => quoted(STANDARD.encode(value).as_bytes(), escapes),
            Self::Text if value.is_empty() => String::new(),
            Self::Text => quoted(value, escapes),
        }
    }
}

/// The two-byte numbers that `value` consists of.
fn keys(value: &[u8]) -> Vec<u16> {
    value.as_chunks().0.iter().map(|bytes| u16::from_be_bytes(*bytes)).collect()
}

/// Reads ids parted by commas, where `\,` and `\\` mean themselves (RFC 9460, appendix A.1).
fn ids(text: &[u8]) -> Option<Vec<u8>> {
    let mut ids = vec![Vec::new()];
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b',' => ids.push(Vec::new()),
            b'\\' => ids.last_mut()?.push(*bytes.next()?),
            byte => ids.last_mut()?.push(*byte),
        }
    }
    let mut value = Vec::with_capacity(text.len() + 1);
    for id in ids {
        value.push(u8::try_from(id.len()).ok()?);
        value.extend(id);
    }
    Some(value)
}

/// The ids behind their length bytes; none where a length is 0 or wrong.
fn split_ids(value: &[u8]) -> Option<Vec<&[u8]>> {
    let mut ids = Vec::new();
    let mut rest = value;
    while let Some((&length, after)) = rest.split_first() {
        let (id, after) = after.split_at_checked(length.into())?;
        ids.push(Some(id).filter(|id| !id.is_empty())?);
        rest = after;
    }
    Some(ids)
}

fn escaped_ids(value: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(value.len());
    for id in split_ids(value).unwrap_or_default() {
        if !text.is_empty() {
            text.push(b',');
        }
        for byte in id {
            if b",\\".contains(byte) {
                text.push(b'\\');
            }
            text.push(*byte);
        }
    }
    text
}

fn list<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(",")
}

fn quoted(bytes: &[u8], escapes: Escapes) -> String {
    let mut text = String::with_capacity(bytes.len() + 2);
    escapes.push_quoted(bytes, &mut text);
    text
}
