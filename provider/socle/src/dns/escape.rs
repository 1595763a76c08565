//! Backslash escapes in DNS text: three octal digits in Route 53, three decimal digits in master files.

use std::fmt::Write;

/// Which digits follow a backslash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escapes {
    /// `\052` is `*`: Route 53, and so the configuration and the state.
    Octal,
    /// `\042` is `*`: master files (RFC 1035, section 5.1).
    Decimal,
}

/// One byte of unescaped text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Char {
    /// The byte meant.
    pub byte: u8,
    /// Whether it was written with a backslash, and so has no special meaning.
    pub escaped: bool,
}

/// A backslash that begins no escape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EscapeError {
    /// The text ends in a backslash.
    #[error("the text ends in a single backslash: write {} for a backslash", .escapes.backslash())]
    Unfinished {
        /// The escapes expected.
        escapes: Escapes,
    },
    /// A backslash and a digit, but not three digits of a byte.
    #[error("{found:?} is no escape: a backslash takes {}", .escapes.allowed())]
    Digits {
        /// The backslash and what follows it.
        found: String,
        /// The escapes expected.
        escapes: Escapes,
    },
}

impl Escapes {
    const fn radix(self) -> u32 {
        match self {
            Self::Octal => 8,
            Self::Decimal => 10,
        }
    }

    const fn allowed(self) -> &'static str {
        match self {
            Self::Octal => "three octal digits from 000 to 377, such as \\052 for *",
            Self::Decimal => "three decimal digits from 000 to 255, such as \\042 for *",
        }
    }

    const fn backslash(self) -> &'static str {
        match self {
            Self::Octal => "\\134",
            Self::Decimal => "\\092",
        }
    }

    /// Resolves the escapes of `text`: a backslash takes three digits, or one other character as itself.
    pub fn resolve(self, text: &str) -> Result<Vec<Char>, EscapeError> {
        let mut rest = text.as_bytes();
        let mut chars = Vec::with_capacity(rest.len());
        while let Some((&byte, after)) = rest.split_first() {
            if byte == b'\\' {
                let (byte, after) = self.escape(after)?;
                chars.push(Char { byte, escaped: true });
                rest = after;
            } else {
                chars.push(Char { byte, escaped: false });
                rest = after;
            }
        }
        Ok(chars)
    }

    /// The bytes of `text` with its escapes resolved.
    pub fn bytes(self, text: &str) -> Result<Vec<u8>, EscapeError> {
        Ok(self.resolve(text)?.into_iter().map(|char| char.byte).collect())
    }

    /// Reads what stands after a backslash: the byte meant and the rest.
    fn escape(self, after: &[u8]) -> Result<(u8, &[u8]), EscapeError> {
        match after.split_first() {
            None => Err(EscapeError::Unfinished { escapes: self }),
            Some((first, rest)) if !first.is_ascii_digit() => Ok((*first, rest)),
            Some(_) => {
                let digits = &after[..after.len().min(3)];
                match self.number(digits) {
                    Some(byte) => Ok((byte, &after[3..])),
                    None => Err(EscapeError::Digits {
                        found: format!("\\{}", String::from_utf8_lossy(digits)),
                        escapes: self,
                    }),
                }
            }
        }
    }

    fn number(self, digits: &[u8]) -> Option<u8> {
        let [_, _, _] = digits else { return None };
        let value = digits.iter().try_fold(0, |value, digit| {
            Some(value * self.radix() + char::from(*digit).to_digit(self.radix())?)
        })?;
        u8::try_from(value).ok()
    }

    /// Writes `byte` as a backslash and three digits.
    pub fn push(self, byte: u8, out: &mut String) {
        // Writing to a String cannot fail.
        let _ = match self {
            Self::Octal => write!(out, "\\{byte:03o}"),
            Self::Decimal => write!(out, "\\{byte:03}"),
        };
    }

    /// Writes `bytes` as one quoted string: printable ASCII as it is, quotes and backslashes behind a
    /// backslash, the rest as digits.
    pub fn push_quoted(self, bytes: &[u8], out: &mut String) {
        out.push('"');
        for &byte in bytes {
            match byte {
                b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
                b' '..=b'~' => out.push(char::from(byte)),
                _ => self.push(byte, out),
            }
        }
        out.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_octal_or_decimal() {
        assert_eq!(Escapes::Octal.bytes(r"\052x").unwrap(), b"*x");
        assert_eq!(Escapes::Decimal.bytes(r"\042x").unwrap(), b"*x");
        assert_eq!(Escapes::Octal.bytes(r#"\"\\"#).unwrap(), br#""\"#);
    }

    #[test]
    fn refuses_what_is_no_byte() {
        for (escapes, text) in [
            (Escapes::Octal, r"\400"),
            (Escapes::Octal, r"\089"),
            (Escapes::Octal, r"\05"),
            (Escapes::Decimal, r"\256"),
            (Escapes::Decimal, r"\1x2"),
        ] {
            let error = escapes.bytes(text).unwrap_err();
            assert!(matches!(error, EscapeError::Digits { .. }), "{text}: {error}");
        }
        assert_eq!(Escapes::Octal.bytes("a\\"), Err(EscapeError::Unfinished { escapes: Escapes::Octal }));
    }

    #[test]
    fn every_byte_survives_quoting() {
        let all: Vec<u8> = (0..=255).collect();
        for escapes in [Escapes::Octal, Escapes::Decimal] {
            let mut text = String::new();
            escapes.push_quoted(&all, &mut text);
            assert!(text.is_ascii());
            assert_eq!(escapes.bytes(&text[1..text.len() - 1]).unwrap(), all);
        }
    }
}
