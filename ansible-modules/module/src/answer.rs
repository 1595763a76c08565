//! What a module prints: one JSON object.

use host::{Outcome, State};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The answer of a module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Whether anything was changed, or in check mode would be.
    pub changed: bool,
    /// Whether it failed.
    pub failed: bool,
    /// One sentence.
    pub msg: String,
    /// The outcome of every item.
    pub items: Vec<Outcome>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// What will stop working: message and the version that ends it.
    pub deprecations: Vec<(String, String)>,
    /// Keys of the module's own.
    pub more: Map<String, Value>,
}

/// An answer as it is printed.
#[derive(Deserialize)]
struct Printed {
    changed: bool,
    #[serde(default)]
    failed: bool,
    #[serde(default)]
    msg: String,
    #[serde(default)]
    items: Vec<Outcome>,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    deprecations: Vec<Deprecation>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

#[derive(Deserialize)]
struct Deprecation {
    msg: String,
    version: String,
}

impl Answer {
    /// The answer that follows from the outcomes: failed when an item failed or was refused.
    pub fn of(items: Vec<Outcome>) -> Answer {
        let changed = items.iter().any(|item| item.changed);
        let bad: Vec<&Outcome> =
            items.iter().filter(|item| matches!(item.state, State::Failed | State::Refused)).collect();
        let msg = match bad.as_slice() {
            [] => summary(&items),
            bad => {
                bad.iter().map(|item| format!("{}: {}", item.id, item.message)).collect::<Vec<_>>().join("; ")
            }
        };
        let unsupported = items.iter().filter(|item| item.state == State::Unsupported);
        let warnings =
            unsupported.map(|item| format!("{} is unsupported here: {}", item.id, item.message)).collect();
        Answer { changed, failed: !bad.is_empty(), msg, warnings, items, ..Answer::default() }
    }

    /// The answer of a module that could not work at all.
    pub fn failure(msg: impl Into<String>) -> Answer {
        Answer { failed: true, msg: msg.into(), ..Answer::default() }
    }

    /// Why it failed: its own sentence, or the items that failed.
    pub fn failure_in_words(&self) -> String {
        let failed = self.items.iter().filter(|item| matches!(item.state, State::Failed | State::Refused));
        let items: Vec<_> = failed.map(|item| format!("{}: {}", item.id, item.message)).collect();
        match (self.msg.is_empty(), items.is_empty()) {
            (true, true) => "no reason given".to_owned(),
            (true, false) => items.join("; "),
            (false, _) => self.msg.clone(),
        }
    }

    /// With a key of the module's own.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Answer {
        self.more.insert(key.to_owned(), value.into());
        self
    }

    /// With a warning.
    #[must_use]
    pub fn warning(mut self, text: impl Into<String>) -> Answer {
        self.warnings.push(text.into());
        self
    }

    /// Reads what a module printed.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(printed: &[u8]) -> Result<Answer, String> {
        if printed.trim_ascii().is_empty() {
            return Err("it printed nothing".to_owned());
        }
        let told: Printed = serde_json::from_slice(printed).map_err(|error| error.to_string())?;
        let Printed { changed, failed, msg, items, warnings, deprecations, mut more } = told;
        more.retain(|key, _| !["diff", "invocation"].contains(&key.as_str()));
        let deprecations = deprecations.into_iter().map(|told| (told.msg, told.version)).collect();
        Ok(Answer { changed, failed, msg, items, warnings, deprecations, more })
    }

    pub(crate) fn json(self, diff: bool) -> Map<String, Value> {
        let mut told = self.more;
        if diff {
            told.insert(
                "diff".to_owned(),
                self.items.iter().filter(|item| item.changed).map(diff_of).collect(),
            );
        }
        let deprecations: Value = self
            .deprecations
            .iter()
            .map(|(msg, version)| json!({ "msg": msg, "version": version }))
            .collect();
        let known = [
            ("changed", json!(self.changed)),
            ("msg", json!(self.msg)),
            ("items", json!(self.items)),
            ("warnings", json!(self.warnings)),
            ("deprecations", deprecations),
        ];
        told.extend(known.map(|(key, value)| (key.to_owned(), value)));
        told.insert("failed".to_owned(), json!(self.failed));
        told
    }
}

fn summary(items: &[Outcome]) -> String {
    let changed = items.iter().filter(|item| item.changed).count();
    let would = items.iter().any(|item| item.changed && item.state == State::WouldChange);
    match (changed, would) {
        (0, _) => "all as wanted".to_owned(),
        (_, true) => format!("{changed} of {} would change", items.len()),
        _ => format!("{changed} of {} changed", items.len()),
    }
}

fn diff_of(item: &Outcome) -> Value {
    json!({ "before_header": item.id, "after_header": item.id, "before": item.before, "after": item.after })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_again() {
        let changed =
            Outcome { state: State::Changed, changed: true, after: "1".to_owned(), ..Outcome::new("a") };
        let answer = Answer {
            deprecations: vec![("old".to_owned(), "2.0".to_owned())],
            ..Answer::of(vec![changed, Outcome::new("b")])
                .with("facts", json!({ "os": "debian" }))
                .warning("look")
        };
        let printed = Value::Object(answer.clone().json(true)).to_string();
        assert_eq!(Answer::parse(printed.as_bytes()), Ok(answer));
    }

    #[test]
    fn an_answer_that_is_none_says_so() {
        assert_eq!(Answer::parse(b" \n").unwrap_err(), "it printed nothing");
        assert!(Answer::parse(b"Segmentation fault").is_err());
    }
}
