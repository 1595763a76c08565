//! The records of a policy, in `/var/lib/socle/backup/NAME/`: a public contract.
//!
//! - `status.json`: a [`Status`], replaced as a whole after each command;
//! - `events.jsonl`: one [`Event`] a line, oldest first; at 1 MiB it becomes `events.jsonl.1`, replacing the one before;
//! - `lock`: held (`flock`) while a command works for the policy on this machine; its content means nothing.
//!
//! The folder is root's (0700). No secret is in it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::retention::Completeness;

/// The version of this contract. Readers ignore keys that they do not know; it grows when one changes its meaning.
pub const VERSION: u32 = 1;

/// The name of the file with a [`Status`].
pub const STATUS_FILE: &str = "status.json";

/// The name of the file with [`Event`]s.
pub const EVENTS_FILE: &str = "events.jsonl";

/// What is known of a policy. A part is absent (null) until it happened for the first time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// [`VERSION`].
    pub version: u32,
    /// The policy's name.
    pub name: String,
    /// The repository, as it was found last.
    pub repository: Option<KnownRepository>,
    /// When the newest complete backup was finished.
    pub last_success_at: Option<Timestamp>,
    /// The run that made it.
    pub last_success: Option<Run>,
    /// The last run, however it ended.
    pub last_run: Option<Run>,
    /// The last `forget`.
    pub last_forget: Option<Forget>,
    /// The last `check`, also that which comes before each `forget`.
    pub last_check: Option<Check>,
    /// The last drill.
    pub last_drill: Option<Drill>,
    /// The last restore.
    pub last_restore: Option<Restore>,
}

/// A repository, as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownRepository {
    /// Its id in the restic format. Another one at the same place is not ours.
    pub id: String,
    /// Where it is, as `s3:BUCKET/PREFIX`.
    pub location: String,
    /// How many backups of this policy are in it.
    pub snapshots: u64,
    /// The id of the newest complete one, if there is one.
    pub newest_snapshot: Option<String>,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All of it was done.
    Success,
    /// A backup was made, or the repository put back, and something is missing in it; `problems` says what.
    Incomplete,
    /// It was not done.
    Failure,
    /// It began and has not ended, or was killed.
    Running,
}

/// A run of `run`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// When it began; the data is not older than this.
    pub started_at: Timestamp,
    /// When it ended; null while it is running.
    pub finished_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Outcome,
    /// The id of the snapshot it made.
    pub snapshot: Option<String>,
    /// Bytes that were read from the source.
    pub bytes_read: u64,
    /// Bytes that were added to the repository, compressed.
    pub bytes_added: u64,
    /// What went wrong, in sentences.
    pub problems: Vec<String>,
}

impl Run {
    /// How long it took, in seconds; null while it is running.
    pub fn seconds(&self) -> Option<f64> {
        self.finished_at.map(|end| seconds_between(self.started_at, end))
    }

    /// Whether all of the data is in its backup.
    pub fn completeness(&self) -> Completeness {
        if self.outcome == Outcome::Success { Completeness::Complete } else { Completeness::Incomplete }
    }
}

/// A run of `forget`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forget {
    /// When it ended.
    pub at: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// Backups that were removed.
    pub removed: u64,
    /// Backups that were kept.
    pub kept: u64,
    /// What went wrong, in sentences.
    pub problems: Vec<String>,
}

/// A run of `check`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// When it ended.
    pub at: Timestamp,
    /// Whether nothing was found. While it is false nothing is forgotten.
    pub ok: bool,
    /// The share of the data that was read, in percent.
    pub read_data_percent: u8,
    /// What was found, in sentences.
    pub problems: Vec<String>,
}

/// A drill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Drill {
    /// When it ended.
    pub at: Timestamp,
    /// Whether the backup was restored and every assertion held.
    pub ok: bool,
    /// The snapshot that was restored.
    pub snapshot: Option<String>,
    /// Recovery point: the age of the restored data when the drill began, in seconds.
    pub rpo_seconds: Option<f64>,
    /// Recovery time: from the beginning of the drill until the last assertion was answered, in seconds.
    pub rto_seconds: Option<f64>,
    /// What did not hold, in sentences.
    pub problems: Vec<String>,
}

/// A restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    /// When it ended.
    pub at: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// The snapshot that was restored.
    pub snapshot: Option<String>,
    /// What went wrong, in sentences.
    pub problems: Vec<String>,
}

/// A line of `events.jsonl`, and of the agent's standard output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// The policy's name.
    pub policy: String,
    /// The agent's command: `run`, `forget`, `check`, `restore`, `drill`.
    pub command: String,
    /// What happened: `started`, `finished`, `failed`, `warning`, or a name of the command's own.
    pub event: String,
    /// Facts.
    #[serde(flatten)]
    pub facts: Map<String, Value>,
}

impl Status {
    /// Of a policy of which nothing is known.
    pub fn new(name: &str) -> Self {
        Self { version: VERSION, name: name.to_owned(), ..Self::default() }
    }

    /// Whether the last check found something: then nothing is forgotten.
    pub fn check_failed(&self) -> bool {
        self.last_check.as_ref().is_some_and(|check| !check.ok)
    }
}

/// From one moment to another, negative when the clock went back.
#[expect(clippy::cast_precision_loss, reason = "milliseconds of a human life are exact in an f64")]
pub fn seconds_between(from: Timestamp, to: Timestamp) -> f64 {
    (to.as_millisecond() - from.as_millisecond()) as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_of_a_newer_agent_with_more_keys_is_understood() {
        let text = r#"{ "version": 1, "name": "db", "new_key": 1,
            "last_check": { "at": "2026-11-24T03:00:00Z", "ok": false, "read_data_percent": 5, "problems": [], "x": 1 } }"#;
        let status: Status = serde_json::from_str(text).unwrap();
        assert!(status.check_failed());
        assert_eq!(status.last_run, None);
    }

    #[test]
    fn facts_of_an_event_stand_beside_its_name() {
        let facts = Map::from_iter([("snapshot".to_owned(), Value::from("abc"))]);
        let at = "2026-11-24T03:00:00Z".parse().unwrap();
        let event =
            Event { at, policy: "db".into(), command: "run".into(), event: "committed".into(), facts };
        assert_eq!(
            serde_json::to_string(&event).unwrap(),
            r#"{"at":"2026-11-24T03:00:00Z","policy":"db","command":"run","event":"committed","snapshot":"abc"}"#
        );
    }
}
