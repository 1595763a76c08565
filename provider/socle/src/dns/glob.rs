//! Patterns over names: which records of a zone are somebody else's.

use super::DnsName;
use super::escape::{Char, EscapeError, Escapes};

/// A pattern over an absolute name without its final dot: `*` is any run of characters, dots included, `?` is one
/// character, `\052` the character `*` itself; letters match in any case.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Glob(Vec<Char>);

/// The globs of `ignore_records`: what they match is never touched and never shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ignore(Vec<Glob>);

impl Ignore {
    /// Reads the patterns; refuses one with a wrong escape.
    pub fn parse<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, EscapeError> {
        patterns.into_iter().map(Glob::parse).collect::<Result<_, _>>().map(Self)
    }

    /// Whether one of the patterns matches the name.
    pub fn matches(&self, name: &DnsName) -> bool {
        let Ok(name) = Escapes::Octal.bytes(&name.without_dot()) else { return false };
        self.0.iter().any(|glob| glob.matches(&name))
    }
}

impl Glob {
    fn parse(pattern: &str) -> Result<Self, EscapeError> {
        let mut chars = Escapes::Octal.resolve(pattern)?;
        for char in &mut chars {
            char.byte.make_ascii_lowercase();
        }
        if chars.last() == Some(&Char { byte: b'.', escaped: false }) {
            chars.pop();
        }
        Ok(Self(chars))
    }

    /// Goes back to the last `*` alone where a character does not match, so the time is never exponential.
    fn matches(&self, name: &[u8]) -> bool {
        let (mut at, mut in_name) = (0, 0);
        let mut last_star = None;
        while in_name < name.len() {
            match self.0.get(at) {
                Some(Char { byte: b'*', escaped: false }) => {
                    last_star = Some((at, in_name));
                    at += 1;
                }
                Some(char) if char.matches(name[in_name]) => {
                    at += 1;
                    in_name += 1;
                }
                _ => {
                    let Some((star, from)) = last_star else { return false };
                    last_star = Some((star, from + 1));
                    at = star + 1;
                    in_name = from + 1;
                }
            }
        }
        self.0[at..].iter().all(|char| *char == Char { byte: b'*', escaped: false })
    }
}

impl Char {
    fn matches(self, byte: u8) -> bool {
        self.byte == byte || (self.byte == b'?' && !self.escaped)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::name::tests::name;
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Ignore::parse([pattern]).unwrap().matches(&name(text))
    }

    #[test]
    fn a_star_spans_dots_and_a_question_mark_is_one_character() {
        assert!(matches("_acme-challenge.*", "_acme-challenge.www.example.com"));
        assert!(matches("*", "example.com"));
        assert!(matches("*.internal.*", "a.b.internal.example.com"));
        assert!(matches("db?.example.com", "db1.example.com"));
        assert!(!matches("db?.example.com", "db.example.com"));
        assert!(!matches("db?.example.com", "db12.example.com"));
        assert!(!matches("_acme-challenge.*", "x._acme-challenge.example.com"));
        assert!(!matches("example", "example.com"));
    }

    #[test]
    fn letters_match_in_any_case_and_a_final_dot_is_nothing() {
        assert!(matches("WWW.Example.com.", "www.EXAMPLE.com"));
    }

    #[test]
    fn an_escaped_star_matches_the_wildcard_record_alone() {
        assert!(matches(r"\052.example.com", "*.example.com"));
        assert!(!matches(r"\052.example.com", "www.example.com"));
    }

    #[test]
    fn without_patterns_nothing_is_ignored() {
        assert!(!Ignore::default().matches(&name("example.com")));
    }

    /// The definition, too slow for use.
    fn by_definition(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|skipped| by_definition(rest, &text[skipped..])),
            Some((first, rest)) => text
                .split_first()
                .is_some_and(|(byte, text)| (*first == b'?' || first == byte) && by_definition(rest, text)),
        }
    }

    proptest! {
        #[test]
        fn matches_as_defined(pattern in "[ab*?]{0,8}", text in "[ab]{1,8}") {
            let expected = by_definition(pattern.as_bytes(), text.as_bytes());
            prop_assert_eq!(matches(&pattern, &text), expected);
        }
    }
}
