//! The words and quoted strings that a record's data is written in.

/// One word or quoted string, its escapes not yet resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The text, without the quotes around it.
    pub text: String,
    /// Whether quotes stood around it.
    pub quoted: bool,
    /// Whether no space separates it from the token before, as in `alpn="h2"`.
    pub glued: bool,
}

/// A quoted string that does not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenQuote;

/// How many bytes of `text` its first word takes: up to a space, a quote or one of `stops`.
pub fn word_length(text: &str, stops: &[char]) -> usize {
    end_of(text, |char| char.is_ascii_whitespace() || char == '"' || stops.contains(&char))
        .unwrap_or(text.len())
}

/// How many bytes the quoted string takes that `text` is in, up to its closing quote on the same line.
pub fn quoted_length(text: &str) -> Result<usize, OpenQuote> {
    match end_of(text, |char| char == '"' || char == '\n') {
        Some(end) if text[end..].starts_with('"') => Ok(end),
        _ => Err(OpenQuote),
    }
}

/// Where the first character stands that is an end; behind a backslash only the end of the line is one.
fn end_of(text: &str, is_end: impl Fn(char) -> bool) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, char)| {
        let ends = matches!(char, '\n' | '\r') || !escaped;
        escaped = char == '\\' && !escaped;
        (ends && is_end(char)).then_some(at)
    })
}

/// The tokens of one value outside a master file, where `;` and parentheses mean themselves.
pub fn tokens(value: &str) -> Result<Vec<Token>, OpenQuote> {
    let mut tokens = Vec::new();
    let mut rest = value;
    loop {
        let start = rest.trim_ascii_start();
        let glued = start.len() == rest.len() && !tokens.is_empty();
        rest = start;
        if let Some(inside) = rest.strip_prefix('"') {
            let (text, after) = inside.split_at(quoted_length(inside)?);
            tokens.push(Token { text: text.to_owned(), quoted: true, glued });
            rest = &after[1..];
        } else if rest.is_empty() {
            return Ok(tokens);
        } else {
            let (text, after) = rest.split_at(word_length(rest, &[]));
            tokens.push(Token { text: text.to_owned(), quoted: false, glued });
            rest = after;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(value: &str) -> Vec<(String, bool, bool)> {
        tokens(value)
            .unwrap()
            .into_iter()
            .map(|Token { text, quoted, glued }| (text, quoted, glued))
            .collect()
    }

    #[test]
    fn words_and_quoted_strings_are_told_apart() {
        assert_eq!(
            texts(r#" 0 issue  "ca.example; a=\"b c\"" "#),
            [
                ("0".to_owned(), false, false),
                ("issue".to_owned(), false, false),
                (r#"ca.example; a=\"b c\""#.to_owned(), true, false),
            ]
        );
    }

    #[test]
    fn a_quoted_string_may_be_glued_to_a_key() {
        assert_eq!(
            texts(r#"alpn="h2" port=1"#),
            [
                ("alpn=".to_owned(), false, false),
                ("h2".to_owned(), true, true),
                ("port=1".to_owned(), false, false),
            ]
        );
    }

    #[test]
    fn an_open_quote_is_refused() {
        for value in [r#""abc"#, r#""abc\""#, "\"abc\n\"", "\"abc\\\n\""] {
            assert_eq!(tokens(value), Err(OpenQuote), "{value}");
        }
    }
}
