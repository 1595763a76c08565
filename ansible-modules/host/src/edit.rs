//! Keys, lines and blocks in files that others own too.
//!
//! An [`Edit`] is a pure function on text, and applied twice is applied once. Everything it does not name stays as it is,
//! comments included.

use std::fmt::{self, Display};

use crate::file::{self, New, Observed, Owner};
use crate::{Fault, Host, Item, Program};

/// How a key and its value stand on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Separator {
    /// `key = value`
    Equals,
    /// `key=value`
    TightEquals,
    /// `key value`
    Space,
}

/// One change of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// A key has this value, once. It takes the place of the first line with the key, else follows a commented line with
    /// it, else stands at the end of the section.
    Set {
        /// The `[section]`; none is the whole file.
        section: Option<String>,
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// How they stand on a line.
        separator: Separator,
    },
    /// No line gives the key a value.
    Unset {
        /// The `[section]`; none is the whole file.
        section: Option<String>,
        /// The key.
        key: String,
        /// How keys and values stand on a line.
        separator: Separator,
    },
    /// The line is there; a missing one goes to the end.
    Line(String),
    /// No such line is there (spaces at its ends don't matter).
    NoLine(String),
    /// These lines stand together between two marks that name `name`; empty text removes them and the marks.
    Block {
        /// Whose block it is.
        name: String,
        /// Its lines.
        text: String,
    },
}

impl Edit {
    /// `key` set to `value` in the whole file.
    pub fn set(key: impl Into<String>, value: impl Into<String>, separator: Separator) -> Edit {
        Edit::Set { section: None, key: key.into(), value: value.into(), separator }
    }

    /// `key` set to `value` in a section, in the tight form that systemd uses.
    pub fn set_in(section: impl Into<String>, key: impl Into<String>, value: impl Into<String>) -> Edit {
        let separator = Separator::TightEquals;
        Edit::Set { section: Some(section.into()), key: key.into(), value: value.into(), separator }
    }

    /// The text with the edit made.
    pub fn made_in(&self, text: &str) -> String {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let lines = match self {
            Edit::Set { section, key, value, separator } => {
                set(lines, section.as_deref(), key, Some(&separator.line(key, value)), *separator)
            }
            Edit::Unset { section, key, separator } => set(lines, section.as_deref(), key, None, *separator),
            Edit::Line(line) => with_line(lines, line),
            Edit::NoLine(line) => lines.into_iter().filter(|there| there.trim() != line.trim()).collect(),
            Edit::Block { name, text } => with_block(&lines, name, text),
        };
        lines.into_iter().map(|line| line + "\n").collect()
    }
}

impl Separator {
    /// The line that gives `key` this value; an empty one is the key alone.
    pub(crate) fn line(self, key: &str, value: &str) -> String {
        match self {
            _ if value.is_empty() => key.to_owned(),
            Separator::Equals => format!("{key} = {value}"),
            Separator::TightEquals => format!("{key}={value}"),
            Separator::Space => format!("{key} {value}"),
        }
    }

    /// The key of a line that gives a value, and the value; none for comments, sections and empty lines.
    pub fn split(self, line: &str) -> Option<(&str, &str)> {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';', '[']) {
            return None;
        }
        let (key, value) = match self {
            Separator::Space => line.split_once(char::is_whitespace).unwrap_or((line, "")),
            // A key without a value is a setting too: `dumpdir` in many files.
            _ => line.split_once('=').unwrap_or((line, "")),
        };
        Some((key.trim(), value.trim()))
    }
}

/// The value that `key` has in `text`, as programs read it that take the last one.
pub fn value_of(text: &str, key: &str, separator: Separator) -> Option<String> {
    let mut values = text.lines().filter_map(|line| separator.split(line));
    values.rfind(|(there, _)| *there == key).map(|(_, value)| value.to_owned())
}

fn section_of(line: &str) -> Option<&str> {
    line.trim().strip_prefix('[')?.strip_suffix(']')
}

/// The lines of `section`, without its head, as the range of their numbers; the head is added when it is missing.
fn range(lines: &mut Vec<String>, section: Option<&str>, wanted: bool) -> std::ops::Range<usize> {
    let Some(section) = section else { return 0..lines.len() };
    let Some(head) = lines.iter().position(|line| section_of(line) == Some(section)) else {
        if wanted {
            lines.push(format!("[{section}]"));
        }
        return lines.len()..lines.len();
    };
    let rest = &lines[head + 1..];
    let length = rest.iter().position(|line| section_of(line).is_some()).unwrap_or(rest.len());
    head + 1..head + 1 + length
}

fn set(
    mut lines: Vec<String>,
    section: Option<&str>,
    key: &str,
    new: Option<&str>,
    separator: Separator,
) -> Vec<String> {
    let range = range(&mut lines, section, new.is_some());
    let is_key = |line: &str| separator.split(line).is_some_and(|(there, _)| there == key);
    let tail = lines.split_off(range.end);
    let mut middle = lines.split_off(range.start);
    let place = place_in(&middle, key, separator);
    let present = middle.iter().position(|line| is_key(line));
    if let Some(new) = new {
        match present {
            Some(first) if separator.split(&middle[first]) != separator.split(new) => {
                new.clone_into(&mut middle[first]);
            }
            Some(_) => {}
            None => middle.insert(place, new.to_owned()),
        }
    }
    let kept = if new.is_some() { present.unwrap_or(place) } else { usize::MAX };
    let middle = middle.into_iter().enumerate().filter(|(number, line)| *number == kept || !is_key(line));
    lines.extend(middle.map(|(_, line)| line));
    lines.extend(tail);
    lines
}

/// Where a missing key goes: after the comment that shows it, else after the last line that is not empty.
fn place_in(lines: &[String], key: &str, separator: Separator) -> usize {
    let shows = |line: &String| {
        let Some(comment) = line.trim_start().strip_prefix(['#', ';']) else { return false };
        // Prose has a space after the mark; a setting that is commented out mostly has none.
        !comment.starts_with(' ') && separator.split(comment).is_some_and(|(there, _)| there == key)
    };
    let end = || lines.iter().rposition(|line| !line.trim().is_empty()).map_or(0, |last| last + 1);
    lines.iter().position(shows).map_or_else(end, |comment| comment + 1)
}

fn with_line(mut lines: Vec<String>, line: &str) -> Vec<String> {
    if !lines.iter().any(|there| there.trim() == line.trim()) {
        lines.push(line.to_owned());
    }
    lines
}

fn with_block(lines: &[String], name: &str, text: &str) -> Vec<String> {
    let (begin, end) = (format!("# BEGIN socle {name}"), format!("# END socle {name}"));
    let place = lines.iter().position(|line| *line == begin || *line == end);
    let (head, tail) = lines.split_at(place.unwrap_or(lines.len()));
    let mut block: Vec<String> = Vec::new();
    if !text.is_empty() {
        block.push(begin.clone());
        block.extend(text.lines().map(str::to_owned));
        block.push(end.clone());
    }
    head.iter().cloned().chain(block).chain(without_blocks(tail, &begin, &end)).collect()
}

/// Without whole blocks; of a mark that has lost its partner only the mark goes, the lines may be somebody's.
fn without_blocks(lines: &[String], begin: &str, end: &str) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    let mut opened = None;
    for line in lines {
        if line == begin {
            opened = Some(kept.len());
        } else if line == end {
            kept.truncate(opened.take().unwrap_or(kept.len()));
        } else {
            kept.push(line.clone());
        }
    }
    kept
}

/// A file with some edits made in it. A missing file is made, with mode 0644, unless the edits only take away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditedFile {
    path: String,
    edits: Vec<Edit>,
    validate: Option<Program>,
    missing: WhenMissing,
}

/// What a missing file means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenMissing {
    /// It is made.
    Make,
    /// The program it belongs to is not there: unsupported.
    Unsupported,
}

/// Write the edited text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrite {
    text: String,
    mode: u32,
    owner: Owner,
    lines: usize,
}

impl Display for Rewrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "change {} line{}", self.lines, if self.lines == 1 { "" } else { "s" })
    }
}

impl EditedFile {
    /// `path` with `edits` made in order.
    pub fn new(path: impl Into<String>, edits: Vec<Edit>) -> EditedFile {
        EditedFile { path: path.into(), edits, validate: None, missing: WhenMissing::Make }
    }

    /// What a missing file means.
    #[must_use]
    pub fn when_missing(self, missing: WhenMissing) -> EditedFile {
        EditedFile { missing, ..self }
    }

    /// Activated only when `program` accepts it; `{}` in its arguments is the new file's path.
    #[must_use]
    pub fn validate(self, program: Program) -> EditedFile {
        EditedFile { validate: Some(program), ..self }
    }

    fn edited(&self, observed: &Observed) -> String {
        self.edits.iter().fold(text_of(observed), |text, edit| edit.made_in(&text))
    }
}

fn text_of(observed: &Observed) -> String {
    match observed {
        Observed::Regular { content, .. } => String::from_utf8_lossy(content).into_owned(),
        _ => String::new(),
    }
}

fn normal(text: &str) -> String {
    text.lines().map(|line| line.to_owned() + "\n").collect()
}

fn differing(before: &str, after: &str) -> usize {
    let missing = |from: &str, into: &str| {
        from.lines().filter(|line| !into.lines().any(|there| there == *line)).count()
    };
    missing(after, before).max(missing(before, after)).max(1)
}

impl Item for EditedFile {
    type Observed = Observed;
    type Change = Rewrite;

    fn id(&self) -> String {
        format!("settings {}", self.path)
    }

    fn observe(&self, host: &Host) -> Result<Observed, Fault> {
        file::look(host, &self.path)
    }

    fn compare(&self, observed: &Observed) -> Result<Vec<Rewrite>, Fault> {
        let (mode, owner) = match observed {
            Observed::Other(kind) => {
                return Err(Fault::refused(format!("{} is {kind}, and is left alone", self.path)));
            }
            Observed::Missing if self.missing == WhenMissing::Unsupported => {
                return Err(Fault::unsupported(format!("this host has no {}", self.path)));
            }
            Observed::Missing => (0o644, Owner::root()),
            Observed::Regular { content, .. } if std::str::from_utf8(content).is_err() => {
                return Err(Fault::refused(format!("{} is not UTF-8, and is left alone", self.path)));
            }
            Observed::Regular { mode, owner, .. } => (*mode, owner.clone()),
        };
        let (before, text) = (text_of(observed), self.edited(observed));
        if text == normal(&before) {
            return Ok(Vec::new());
        }
        Ok(vec![Rewrite { lines: differing(&before, &text), text, mode, owner }])
    }

    fn apply(&self, host: &Host, change: &Rewrite) -> Result<(), Fault> {
        let Rewrite { text, mode, owner, .. } = change;
        let new = New { bytes: text.as_bytes(), mode: *mode, owner, validate: self.validate.as_ref() };
        file::write(host, &self.path, &new)
    }

    fn before(&self, observed: &Observed) -> String {
        text_of(observed)
    }

    fn after(&self, observed: &Observed) -> String {
        self.edited(observed)
    }
}

#[cfg(test)]
mod tests;
