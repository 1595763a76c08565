//! Splitting a zone file into entries: one directive or record each, over as many lines as parentheses span.

use super::super::rdata::token::{Token, quoted_length, word_length};
use super::error::{ZoneFileError, ZoneFileErrorKind};

/// A place in the file, line and column counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Position {
    pub(super) fn error(self, kind: impl Into<ZoneFileErrorKind>) -> ZoneFileError {
        ZoneFileError { line: self.line, column: self.column, kind: kind.into() }
    }
}

/// One directive or record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Whether the line begins with a space, so that the owner is the one before.
    pub(super) indented: bool,
    /// At least one.
    pub(super) tokens: Vec<Token>,
    /// Where each token begins, and last where the last one ends.
    pub(super) positions: Vec<Position>,
}

/// Reads entries in order; what follows an error has no meaning.
pub(super) struct Lexer<'a> {
    rest: &'a str,
    at: Position,
    /// Where the parentheses begin that are open.
    open: Vec<Position>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self { rest, at: Position { line: 1, column: 1 }, open: Vec::new() }
    }

    /// The next entry; none at the end of the file.
    pub(super) fn entry(&mut self) -> Result<Option<Entry>, ZoneFileError> {
        while !self.rest.is_empty() {
            let indented = self.rest.starts_with([' ', '\t']);
            let (tokens, positions) = self.line()?;
            if !tokens.is_empty() {
                return Ok(Some(Entry { indented, tokens, positions }));
            }
        }
        Ok(None)
    }

    /// The tokens up to the end of the line that is in no parenthesis.
    fn line(&mut self) -> Result<(Vec<Token>, Vec<Position>), ZoneFileError> {
        let (mut tokens, mut positions, mut end) = (Vec::new(), Vec::new(), self.at);
        loop {
            let glued = !self.skip_blank()?;
            if self.rest.is_empty() || self.rest.starts_with('\n') {
                break;
            }
            positions.push(self.at);
            tokens.push(self.token(glued)?);
            end = self.at;
        }
        if let Some(open) = self.open.first() {
            return Err(open.error(ZoneFileErrorKind::OpenParenthesis));
        }
        self.take(self.rest.len().min(1));
        positions.push(end);
        Ok((tokens, positions))
    }

    /// Moves over spaces, comments, parentheses and the line ends inside them; whether there were any.
    fn skip_blank(&mut self) -> Result<bool, ZoneFileError> {
        let before = self.rest.len();
        while let Some(char) = self.rest.chars().next() {
            match char {
                '\n' if self.open.is_empty() => break,
                ';' => drop(self.take(self.rest.find('\n').unwrap_or(self.rest.len()))),
                '(' => self.open_parenthesis(),
                ')' => self.close_parenthesis()?,
                char if char.is_ascii_whitespace() => drop(self.take(1)),
                _ => break,
            }
        }
        Ok(self.rest.len() < before)
    }

    fn open_parenthesis(&mut self) {
        self.open.push(self.at);
        self.take(1);
    }

    fn close_parenthesis(&mut self) -> Result<(), ZoneFileError> {
        self.open.pop().ok_or_else(|| self.at.error(ZoneFileErrorKind::StrayParenthesis))?;
        self.take(1);
        Ok(())
    }

    fn token(&mut self, glued: bool) -> Result<Token, ZoneFileError> {
        let Some(inside) = self.rest.strip_prefix('"') else {
            let text = self.take(word_length(self.rest, &['(', ')', ';'])).to_owned();
            return Ok(Token { text, quoted: false, glued });
        };
        let length = quoted_length(inside).map_err(|_| self.at.error(ZoneFileErrorKind::OpenQuote))?;
        let text = self.take(length + 2)[1..=length].to_owned();
        Ok(Token { text, quoted: true, glued })
    }

    /// Moves over the next `length` bytes.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        for char in taken.chars() {
            self.at = match char {
                '\n' => Position { line: self.at.line + 1, column: 1 },
                _ => Position { line: self.at.line, column: self.at.column + 1 },
            };
        }
        self.rest = rest;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(text: &str) -> Vec<Entry> {
        let mut lexer = Lexer::new(text);
        std::iter::from_fn(|| lexer.entry().unwrap()).collect()
    }

    fn texts(entry: &Entry) -> Vec<&str> {
        entry.tokens.iter().map(|token| token.text.as_str()).collect()
    }

    #[test]
    fn parentheses_join_lines_and_comments_end_them() {
        let entries = entries("a (b ; c )\r\n \"d;e\"\tf) g;h\n\n ; nothing\n i\n");
        assert_eq!(entries.len(), 2);
        assert_eq!(texts(&entries[0]), ["a", "b", "d;e", "f", "g"]);
        assert_eq!(texts(&entries[1]), ["i"]);
        assert!(!entries[0].indented && entries[1].indented);
    }

    #[test]
    fn positions_are_counted_in_characters_from_one() {
        let entry = &entries("\u{feff}é\t\"x\" y;\n")[0];
        let columns: Vec<_> = entry.positions.iter().map(|position| position.column).collect();
        assert_eq!(columns, [1, 3, 7, 8]);
    }

    #[test]
    fn escaped_special_characters_are_part_of_a_word() {
        assert_eq!(texts(&entries(r#"a\(b\;c\"d e\ f"#)[0]), [r#"a\(b\;c\"d"#, r"e\ f"]);
    }
}
