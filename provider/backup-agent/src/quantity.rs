//! Quantities as people write them: `"30d"`, `"6h"`, `"90s"`; `"10MB"`, `"4MiB"`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A length of time: a whole number and a unit (`s`, `m`, `h`, `d`), as `"90s"`. A day has 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(Duration);

/// An amount of bytes: a whole number and a unit (`B`, `kB`, `MB`, `GB`, `KiB`, `MiB`, `GiB`), as `"10MB"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bytes(u64);

/// A text that is no quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// Not a whole number and a unit.
    #[error("{0:?} is no quantity: write a whole number and one of the units {1}")]
    Form(String, &'static str),
    /// More than can be counted.
    #[error("{0:?} is too much")]
    TooMuch(String),
}

const SPAN_UNITS: [(&str, u64); 4] = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];
const BYTE_UNITS: [(&str, u64); 7] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

impl Span {
    /// So many seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The same as a duration.
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl Bytes {
    /// So many bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// How many.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl TryFrom<String> for Span {
    type Error = QuantityError;

    fn try_from(text: String) -> Result<Self, QuantityError> {
        parse(&text, &SPAN_UNITS, "s, m, h, d").map(Self::seconds)
    }
}

impl TryFrom<String> for Bytes {
    type Error = QuantityError;

    fn try_from(text: String) -> Result<Self, QuantityError> {
        parse(&text, &BYTE_UNITS, "B, kB, MB, GB, KiB, MiB, GiB").map(Self)
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl From<Bytes> for String {
    fn from(bytes: Bytes) -> Self {
        bytes.to_string()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        written(self.0.as_secs(), &SPAN_UNITS, formatter)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        written(self.0, &BYTE_UNITS, formatter)
    }
}

fn parse(text: &str, units: &[(&str, u64)], names: &'static str) -> Result<u64, QuantityError> {
    let form = || QuantityError::Form(text.to_owned(), names);
    let digits = text.find(|character: char| !character.is_ascii_digit()).ok_or_else(form)?;
    let (number, unit) = text.split_at(digits);
    let (_, size) = units.iter().find(|(name, _)| *name == unit).ok_or_else(form)?;
    if number.is_empty() {
        return Err(form());
    }
    let number = number.parse::<u64>().ok();
    number.and_then(|n| n.checked_mul(*size)).ok_or_else(|| QuantityError::TooMuch(text.to_owned()))
}

/// In the largest unit that leaves no rest.
fn written(amount: u64, units: &[(&str, u64)], formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    let whole = units.iter().filter(|(_, size)| amount.is_multiple_of(*size));
    let (name, size) = whole.max_by_key(|(_, size)| if amount == 0 { 0 } else { *size }).unwrap_or(&units[0]);
    write!(formatter, "{}{name}", amount / size)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_people_write() {
        assert_eq!(Span::try_from("30d".to_owned()), Ok(Span::seconds(30 * 86_400)));
        assert_eq!(Bytes::try_from("4MiB".to_owned()), Ok(Bytes::new(4 << 20)));
        for wrong in ["", "5", "d", "1.5h", "-1s", "1 h", "1w"] {
            assert!(Span::try_from(wrong.to_owned()).is_err(), "{wrong:?} was taken");
        }
        assert!(matches!(Span::try_from(format!("{}d", u64::MAX)), Err(QuantityError::TooMuch(_))));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_the_same(seconds in 0..1_u64 << 40, bytes in any::<u64>()) {
            prop_assert_eq!(Span::try_from(Span::seconds(seconds).to_string()), Ok(Span::seconds(seconds)));
            prop_assert_eq!(Bytes::try_from(Bytes::new(bytes).to_string()), Ok(Bytes::new(bytes)));
        }
    }
}
