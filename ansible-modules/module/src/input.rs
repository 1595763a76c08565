//! The arguments as they came, taken apart one by one; every fault is noted, so that all are told at once.

use std::fmt::{self, Display};

use serde_json::{Map, Value};

use crate::{Argument, Arguments, Field, Kind, Need};

/// What is wrong with an argument.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentFault {
    /// There is no such argument.
    #[error("`{name}` is no argument of this module{}", nearest.as_ref().map_or(String::new(), |n| format!("; did you mean `{n}`?")))]
    Unknown {
        /// As it was written, with its place.
        name: String,
        /// The known name that is nearest.
        nearest: Option<String>,
    },
    /// A required argument is not there.
    #[error("`{0}` is required")]
    Missing(String),
    /// A value of another type.
    #[error("`{name}` is {found}, and must be {allowed}")]
    Type {
        /// The argument with its place.
        name: String,
        /// What it is; a value is shown only where it is no secret.
        found: String,
        /// What it may be.
        allowed: String,
    },
}

/// All that is wrong with the arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<ArgumentFault>);

impl Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&all.join("; "))
    }
}

impl std::error::Error for Faults {}

/// What is left of the arguments at one place, and the faults so far.
#[derive(Debug, Default)]
pub struct Input {
    values: Map<String, Value>,
    place: String,
    secrets: Vec<String>,
    hidden: bool,
    faults: Vec<ArgumentFault>,
}

impl Input {
    /// Reads the arguments of a module.
    pub fn read<A: Arguments>(values: Map<String, Value>) -> Result<A, Faults> {
        let mut input = Input { values, secrets: secrets_of(&A::fields()), ..Input::default() };
        input.values.retain(|name, _| !name.starts_with("_ansible_"));
        input.refuse_unknown(&A::fields());
        let read = A::take(&mut input);
        match read {
            Some(arguments) if input.faults.is_empty() => Ok(arguments),
            _ => Err(Faults(input.faults)),
        }
    }

    /// Takes an argument that must be there.
    pub fn required<T: Argument>(&mut self, name: &str) -> Option<T> {
        if let Some(value) = self.values.remove(name).filter(|value| !value.is_null()) {
            return self.named(name, &value);
        }
        self.faults.push(ArgumentFault::Missing(join(&self.place, name)));
        None
    }

    /// Takes an argument that may be there. Null is not there.
    pub fn optional<T: Argument>(&mut self, name: &str, default: impl FnOnce() -> T) -> Option<T> {
        match self.values.remove(name).filter(|value| !value.is_null()) {
            Some(value) => self.named(name, &value),
            None => Some(default()),
        }
    }

    fn named<T: Argument>(&mut self, name: &str, value: &Value) -> Option<T> {
        let was_hidden = self.hidden;
        self.hidden |= self.secrets.iter().any(|secret| secret == name);
        let step = if self.place.is_empty() { name.to_owned() } else { format!(".{name}") };
        let read = self.at(&step, |input| T::read(value, input));
        self.hidden = was_hidden;
        read
    }

    /// Reads at a place below this one.
    pub fn at<T>(&mut self, step: &str, read: impl FnOnce(&mut Input) -> Option<T>) -> Option<T> {
        let length = self.place.len();
        self.place.push_str(step);
        let value = read(self);
        self.place.truncate(length);
        value
    }

    /// Reads a dictionary with arguments of its own.
    pub fn inside<T>(
        &mut self,
        value: &Value,
        take: impl FnOnce(&mut Input) -> Option<T>,
        fields: &[Field],
    ) -> Option<T> {
        let Value::Object(values) = value else { return self.wrong(value, "a dictionary") };
        let outer = std::mem::replace(&mut self.values, values.clone());
        let secrets = std::mem::replace(&mut self.secrets, secrets_of(fields));
        self.refuse_unknown(fields);
        let taken = take(self);
        (self.values, self.secrets) = (outer, secrets);
        taken
    }

    /// One of some words.
    pub fn word<'a>(&mut self, value: &Value, words: &[&'a str]) -> Option<&'a str> {
        let found = value.as_str().and_then(|text| words.iter().find(|word| **word == text));
        found.copied().or_else(|| self.wrong(value, &format!("one of {}", words.join(", "))))
    }

    /// Notes that a value is of another type.
    pub fn wrong<T>(&mut self, value: &Value, allowed: &str) -> Option<T> {
        let (name, allowed) = (self.place.clone(), allowed.to_owned());
        let found = if self.hidden { kind_of(value).to_owned() } else { shown(value) };
        self.faults.push(ArgumentFault::Type { name, found, allowed });
        None
    }

    fn refuse_unknown(&mut self, fields: &[Field]) {
        let known: Vec<&str> = fields.iter().map(|field| field.name).collect();
        let unknown = self.values.keys().filter(|name| !known.contains(&name.as_str()));
        let faults: Vec<_> = unknown
            .map(|name| ArgumentFault::Unknown {
                name: join(&self.place, name),
                nearest: nearest(name, &known).map(str::to_owned),
            })
            .collect();
        self.faults.extend(faults);
    }
}

fn join(place: &str, name: &str) -> String {
    if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") }
}

fn secrets_of(fields: &[Field]) -> Vec<String> {
    fields.iter().filter(|field| field.need == Need::Secret).map(|field| field.name.to_owned()).collect()
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a dictionary",
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) | Value::Null => kind_of(value).to_owned(),
        _ => format!("{} ({value})", kind_of(value)),
    }
}

/// The known name with the fewest changes of letters, if these are few.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let by_distance = known.iter().map(|known| (distance(name, known), *known)).min()?;
    (by_distance.0 <= name.chars().count().max(3) / 3).then_some(by_distance.1)
}

/// Levenshtein's distance.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (number, letter) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = number + 1;
        for column in 0..right.len() {
            let cost = diagonal + usize::from(right[column] != letter);
            diagonal = row[column + 1];
            row[column + 1] = cost.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

const MASK: &str = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER";

/// The arguments with secrets masked and Ansible's own keys left out, for `invocation.module_args`. What is unknown is
/// left out, too: it may be a secret under a misspelt name.
pub(crate) fn masked(values: &Map<String, Value>, fields: &[Field]) -> Value {
    let shown = fields.iter().filter_map(|field| {
        let value = values.get(field.name)?;
        let value =
            if field.need == Need::Secret { Value::from(MASK) } else { masked_value(value, &field.kind) };
        Some((field.name.to_owned(), value))
    });
    Value::Object(shown.collect())
}

fn masked_value(value: &Value, kind: &Kind) -> Value {
    match (value, kind) {
        (Value::Object(values), Kind::Suboptions(fields)) => masked(values, fields),
        (Value::Object(values), Kind::Table(kind)) => Value::Object(
            values.iter().map(|(name, value)| (name.clone(), masked_value(value, kind))).collect(),
        ),
        (Value::Array(values), Kind::List(kind)) => {
            values.iter().map(|value| masked_value(value, kind)).collect()
        }
        _ => value.clone(),
    }
}

/// Every text that stands in a secret argument.
pub(crate) fn secret_texts(values: &Map<String, Value>, fields: &[Field]) -> Vec<String> {
    let mut texts = Vec::new();
    for field in fields {
        match values.get(field.name) {
            Some(value) if field.need == Need::Secret => gather(value, &mut texts),
            Some(value) => texts.extend(secrets_in(value, &field.kind)),
            None => {}
        }
    }
    texts
}

fn secrets_in(value: &Value, kind: &Kind) -> Vec<String> {
    match (value, kind) {
        (Value::Object(values), Kind::Suboptions(fields)) => secret_texts(values, fields),
        (Value::Object(values), Kind::Table(kind)) => {
            values.values().flat_map(|value| secrets_in(value, kind)).collect()
        }
        (Value::Array(values), Kind::List(kind)) => {
            values.iter().flat_map(|value| secrets_in(value, kind)).collect()
        }
        _ => Vec::new(),
    }
}

fn gather(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) if !text.is_empty() => texts.push(text.clone()),
        Value::Number(number) => texts.push(number.to_string()),
        Value::Array(values) => values.iter().for_each(|value| gather(value, texts)),
        Value::Object(values) => values.values().for_each(|value| gather(value, texts)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    crate::choices! {
        /// Which way.
        pub(crate) enum Way { In = "in", Out = "out" }
    }

    crate::arguments! {
        /// A rule.
        pub(crate) struct Rule {
            /// The port.
            required port: u16,
            /// A token.
            secret token: Option<String>,
        }
    }

    crate::arguments! {
        /// All of it.
        pub(crate) struct Whole {
            /// Who.
            required name: String,
            /// Which way.
            optional way: Way = Way::In,
            /// Networks.
            optional ssh_from: Vec<String>,
            /// Rules.
            optional open: BTreeMap<String, Rule>,
            /// One rule.
            optional rule: Option<Rule>,
        }
    }

    fn read(value: Value) -> Result<Whole, String> {
        let Value::Object(values) = value else { unreachable!() };
        Input::read(values).map_err(|faults| faults.to_string())
    }

    #[test]
    fn defaults_hold_for_what_is_not_given() {
        let whole = read(json!({ "name": "a", "_ansible_new_key": 1, "open": { "web": { "port": "443" } } }))
            .unwrap();
        assert_eq!((whole.way, whole.ssh_from, whole.open["web"].port), (Way::In, vec![], 443));
    }

    #[test]
    fn all_faults_are_told_at_once_with_place_found_and_allowed() {
        let told = read(
            json!({ "way": "up", "shs_from": [], "open": { "web": { "port": 70000, "tokn": "s3cr3t" } } }),
        );
        let told = told.unwrap_err();
        for expected in [
            "`shs_from` is no argument of this module; did you mean `ssh_from`?",
            "`name` is required",
            "`way` is a string (\"up\"), and must be one of in, out",
            "`open.web.port` is a number (70000), and must be a whole number (u16)",
            "`open.web.tokn` is no argument of this module; did you mean `token`?",
        ] {
            assert!(told.contains(expected), "{expected}\nis not in\n{told}");
        }
        assert!(!told.contains("s3cr3t"), "{told}");
    }

    #[test]
    fn a_secret_of_a_wrong_type_is_not_shown() {
        let told = read(json!({ "name": "a", "rule": { "port": 1, "token": [true] } })).unwrap_err();
        assert_eq!(told, "`rule.token` is a list, and must be a string");
    }

    #[test]
    fn secrets_are_masked_wherever_they_stand() {
        let Value::Object(values) =
            json!({ "name": "a", "open": { "web": { "port": 1, "token": "x" } }, "oops": "x" })
        else {
            unreachable!()
        };
        let shown = masked(&values, &Whole::fields());
        assert_eq!(shown, json!({ "name": "a", "open": { "web": { "port": 1, "token": MASK } } }));
    }

    proptest! {
        #[test]
        fn distance_is_symmetric_and_zero_only_for_equals(a in "[abc]{0,6}", b in "[abc]{0,6}") {
            prop_assert_eq!(distance(&a, &b), distance(&b, &a));
            prop_assert_eq!(distance(&a, &b) == 0, a == b);
        }
    }
}
