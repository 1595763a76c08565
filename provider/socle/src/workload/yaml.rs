//! YAML as Kubernetes reads it: many documents become JSON values, each with the line it begins on.
//!
//! The parser is a library's; what a plain scalar means is decided here, as `kubectl` does it (YAML 1.1, by
//! sigs.k8s.io/yaml): `yes` and `on` are true, `0644` is octal, `<<` merges. `y` and `n` stay words.

use std::collections::BTreeMap;
use std::fmt;

use granit_parser::{Event, Parser, ScalarStyle, StrInput, Tag};
use serde_json::{Map, Number, Value};

/// The deepest nesting that is read.
const DEEPEST: usize = 128;
/// The most values that one text may stand for, its aliases written out.
const MOST_VALUES: usize = 2_000_000;

/// One document of a text. Empty ones are left out, though counted.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Which one it is, counted from 1.
    pub number: usize,
    /// The line that its content begins on, counted from 1.
    pub line: usize,
    /// What it says.
    pub value: Value,
}

/// A text that is not YAML, or YAML that stands for no JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("document {document}, line {line}: {problem}")]
pub struct YamlError {
    /// Which document, counted from 1.
    pub document: usize,
    /// The line in the whole text, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: YamlProblem,
}

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum YamlProblem {
    /// It breaks YAML's own rules.
    Syntax(String),
    /// A key stands twice in one mapping.
    DuplicateKey(String),
    /// A key is a list or a mapping.
    KeyIsNoScalar,
    /// A value has a tag that JSON has no form for.
    Tag(String),
    /// A value is not of the type that its tag says, or is no number of JSON.
    Value(String),
    /// `<<` stands before something that is no mapping.
    Merge,
    /// It is nested too deeply, or its aliases multiply beyond measure.
    TooLarge,
}

impl fmt::Display for YamlProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(message) => f.write_str(message),
            Self::DuplicateKey(key) => write!(f, "the key {key:?} stands twice in one mapping"),
            Self::KeyIsNoScalar => f.write_str("a key must be a plain word, not a list or a mapping"),
            Self::Tag(tag) => write!(f, "the tag {tag} has no meaning in Kubernetes"),
            Self::Value(text) => write!(f, "{text:?} is no value that JSON can hold"),
            Self::Merge => f.write_str("`<<` merges mappings only"),
            Self::TooLarge => {
                write!(
                    f,
                    "it is nested deeper than {DEEPEST} levels, or stands for more than {MOST_VALUES} values"
                )
            }
        }
    }
}

/// Reads all documents of a text.
///
/// # Errors
/// Where the text is wrong first.
pub fn documents(text: &str) -> Result<Vec<Document>, YamlError> {
    let mut reader = Reader::new(text);
    let mut found = Vec::new();
    while let Some((event, line)) = reader.next()? {
        match event {
            Event::DocumentStart(..) => {
                reader.document += 1;
                reader.anchors.clear();
            }
            Event::StreamEnd => break,
            Event::StreamStart | Event::DocumentEnd => {}
            node => {
                let value = reader.node(node, line, 0)?;
                if !value.is_null() {
                    found.push(Document { number: reader.document, line, value });
                }
            }
        }
    }
    Ok(found)
}

struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    /// What an alias stands for, and how many values that is.
    anchors: BTreeMap<usize, (Value, usize)>,
    document: usize,
    values: usize,
    line: usize,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Self {
        let parser = Parser::new_from_str(text);
        Self { parser, anchors: BTreeMap::new(), document: 0, values: 0, line: 1 }
    }

    /// The next event that is not about presentation, with its line.
    fn next(&mut self) -> Result<Option<(Event<'t>, usize)>, YamlError> {
        while let Some(event) = self.parser.next_event() {
            match event {
                Ok((event, span)) if is_content(&event) => {
                    self.line = span.start.line();
                    return Ok(Some((event, self.line)));
                }
                Ok(_) => {}
                Err(error) => {
                    self.line = error.marker().line();
                    return Err(self.wrong(YamlProblem::Syntax(error.info())));
                }
            }
        }
        Ok(None)
    }

    fn wrong(&self, problem: YamlProblem) -> YamlError {
        YamlError { document: self.document.max(1), line: self.line, problem }
    }

    /// The value that begins with `event`.
    fn node(&mut self, event: Event<'t>, line: usize, depth: usize) -> Result<Value, YamlError> {
        self.line = line;
        self.count(1)?;
        if depth > DEEPEST {
            return Err(self.wrong(YamlProblem::TooLarge));
        }
        let before = self.values;
        let (value, anchor) = match event {
            Event::Alias(anchor) => return self.alias(anchor),
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(&text, style, tag.as_deref());
                (value.map_err(|problem| self.wrong(problem))?, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.only_core(tag.as_deref())?;
                (self.sequence(depth)?, anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.only_core(tag.as_deref())?;
                (self.mapping(depth)?, anchor)
            }
            _ => return Err(self.wrong(YamlProblem::Syntax("a value is missing".to_owned()))),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, (value.clone(), self.values - before + 1));
        }
        Ok(value)
    }

    fn count(&mut self, values: usize) -> Result<(), YamlError> {
        self.values = self.values.saturating_add(values);
        if self.values > MOST_VALUES { Err(self.wrong(YamlProblem::TooLarge)) } else { Ok(()) }
    }

    fn alias(&mut self, anchor: usize) -> Result<Value, YamlError> {
        let Some((value, weight)) = self.anchors.get(&anchor) else {
            return Err(self.wrong(YamlProblem::Syntax("an alias stands inside its own anchor".to_owned())));
        };
        let (value, weight) = (value.clone(), *weight);
        self.count(weight)?;
        Ok(value)
    }

    fn only_core(&self, tag: Option<&Tag>) -> Result<(), YamlError> {
        match tag {
            Some(tag) if !tag.is_yaml_core_schema() => Err(self.wrong(YamlProblem::Tag(tag.original()))),
            _ => Ok(()),
        }
    }

    fn sequence(&mut self, depth: usize) -> Result<Value, YamlError> {
        let mut items = Vec::new();
        while let Some((event, line)) = self.next()? {
            if matches!(event, Event::SequenceEnd) {
                break;
            }
            items.push(self.node(event, line, depth + 1)?);
        }
        Ok(Value::Array(items))
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, YamlError> {
        let mut entries = Map::new();
        let mut merged = Map::new();
        while let Some((event, line)) = self.next()? {
            self.line = line;
            let (key, style) = match event {
                Event::MappingEnd => break,
                Event::Scalar(key, style, ..) => (key.into_owned(), style),
                _ => return Err(self.wrong(YamlProblem::KeyIsNoScalar)),
            };
            if entries.contains_key(&key) {
                return Err(self.wrong(YamlProblem::DuplicateKey(key)));
            }
            let Some((event, line)) = self.next()? else { break };
            let value = self.node(event, line, depth + 1)?;
            if key == "<<" && style == ScalarStyle::Plain {
                merge(&mut merged, value).map_err(|problem| self.wrong(problem))?;
            } else {
                entries.insert(key, value);
            }
        }
        for (key, value) in merged {
            entries.entry(key).or_insert(value);
        }
        Ok(Value::Object(entries))
    }
}

/// Of several merged mappings the first one's value counts.
fn merge(merged: &mut Map<String, Value>, value: Value) -> Result<(), YamlProblem> {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                merged.entry(key).or_insert(value);
            }
            Ok(())
        }
        Value::Array(items) => items.into_iter().try_for_each(|item| match item {
            Value::Object(_) => merge(merged, item),
            _ => Err(YamlProblem::Merge),
        }),
        _ => Err(YamlProblem::Merge),
    }
}

fn is_content(event: &Event<'_>) -> bool {
    matches!(
        event,
        Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(..)
            | Event::DocumentEnd
            | Event::Alias(_)
            | Event::Scalar(..)
            | Event::SequenceStart(..)
            | Event::SequenceEnd
            | Event::MappingStart(..)
            | Event::MappingEnd
    )
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, YamlProblem> {
    let Some(tag) = tag else {
        return if style == ScalarStyle::Plain { plain(text) } else { Ok(Value::String(text.to_owned())) };
    };
    let resolved = || plain(text);
    let fits = match tag.core_suffix() {
        Some("str") => return Ok(Value::String(text.to_owned())),
        Some("null") => resolved()?.is_null(),
        Some("bool") => resolved()?.is_boolean(),
        Some("int" | "float") => resolved()?.is_number(),
        _ => return Err(YamlProblem::Tag(tag.original())),
    };
    if fits { resolved() } else { Err(YamlProblem::Value(text.to_owned())) }
}

/// What an unquoted word means.
fn plain(text: &str) -> Result<Value, YamlProblem> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Value::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Value::Bool(false),
        _ => match integer(text).map(Number::from).map_or_else(|| float(text), |number| Ok(Some(number)))? {
            Some(number) => Value::Number(number),
            None => Value::String(text.to_owned()),
        },
    })
}

fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits.get(..2) {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        Some(start) if start.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    // `from_str_radix` would take a second sign.
    if !digits.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return None;
    }
    let value = u64::from_str_radix(digits, radix).ok().map(i128::from)?;
    Some(if negative { -value } else { value })
}

fn float(text: &str) -> Result<Option<Number>, YamlProblem> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN") {
        return Err(YamlProblem::Value(text.to_owned()));
    }
    let is_float = unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && unsigned.contains(|digit: char| digit.is_ascii_digit())
        && unsigned.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'-' | b'+'));
    let Some(value) = text.parse::<f64>().ok().filter(|_| is_float) else { return Ok(None) };
    Ok(Some(
        whole(value)
            .map_or_else(|| Number::from_f64(value), |whole| Some(whole.into()))
            .ok_or_else(|| YamlProblem::Value(text.to_owned()))?,
    ))
}

/// `1e3` is the integer 1000: a field of type integer refuses `1000.0`.
fn whole(value: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "whole, and exact below 2^53")]
    (value.fract() == 0.0 && value.abs() < EXACT).then_some(value as i64)
}

#[cfg(test)]
mod tests;
