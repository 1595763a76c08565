//! What a host program answers.

use serde::Deserialize;
use serde_json::{Map, Value};

/// The one JSON object that a host program prints.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ModuleResult {
    /// Whether something was changed, or in check mode would be.
    pub changed: bool,
    /// Whether it failed.
    pub failed: bool,
    /// What it says in one sentence.
    pub msg: String,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// The results item by item.
    pub items: Vec<Item>,
    /// What it would show as a difference.
    pub diff: Value,
    /// What only this program answers.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// The result of one item, such as one control.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Item {
    /// Its name.
    pub id: String,
    /// How it stands, in the program's own words.
    pub state: String,
    /// Whether it was changed, or in check mode would be.
    pub changed: bool,
    /// What was found.
    pub before: Value,
    /// What is there now.
    pub after: Value,
    /// Why it is so, where that needs saying.
    pub message: Option<String>,
}

impl ModuleResult {
    /// Reads the answer.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(stdout: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(stdout).map_err(|error| {
            if stdout.trim_ascii().is_empty() { "it printed nothing".to_owned() } else { error.to_string() }
        })
    }

    /// Why it failed: its own sentence, and the items that failed.
    pub fn failure(&self) -> String {
        let failed = self.items.iter().filter(|item| item.state == "failed");
        let items: Vec<_> = failed
            .map(|item| format!("{}: {}", item.id, item.message.as_deref().unwrap_or("no reason given")))
            .collect();
        match (self.msg.is_empty(), items.is_empty()) {
            (true, true) => "no reason given".to_owned(),
            (false, true) => self.msg.clone(),
            (true, false) => items.join("; "),
            (false, false) => format!("{} ({})", self.msg, items.join("; ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_one_program_answers_is_kept() {
        let result =
            ModuleResult::parse(br#"{"changed": true, "facts": {"os": "debian"}, "items": [{"id": "a"}]}"#);
        let result = result.expect("a result");
        assert!(result.changed && !result.failed);
        assert_eq!(result.more["facts"]["os"], "debian");
        assert_eq!(result.items[0].id, "a");
    }

    #[test]
    fn an_answer_that_is_none_says_so() {
        assert_eq!(ModuleResult::parse(b" \n").unwrap_err(), "it printed nothing");
        assert!(ModuleResult::parse(b"Segmentation fault").is_err());
    }

    #[test]
    fn a_failure_names_the_items_that_failed() {
        let text = br#"{"failed": true, "msg": "1 failed", "items": [{"id": "a", "state": "failed", "message": "no"}, {"id": "b"}]}"#;
        assert_eq!(ModuleResult::parse(text).expect("a result").failure(), "1 failed (a: no)");
    }
}
