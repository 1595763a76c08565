//! `socle_backup_status`: what the agent has recorded on the host.

use backup_agent::configuration::RECORDS;
use backup_agent::status::{self as records, Outcome, STATUS_FILE, Status};
use jiff::Timestamp;
use tfplugin::{Call, Computed, DataSource, Diagnostic, Diagnostics, List, Model, Value};

use crate::clients::ssh::{Command, HostBlock, SshError, quoted};
use crate::clients::{Clients, budget};

/// What is known of a backup policy: the agent's own records on the host, whoever installed it.
///
/// With a `postcondition`, a plan fails when the newest backup is too old, or the last drill did not hold: see the guide on
/// backups. What never happened is null.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct BackupStatus {
    /// The host on which the policy runs.
    #[tf(block, required)]
    host: Value<HostBlock>,
    /// The name of the policy.
    #[tf(required, validate(pattern("^[a-z0-9][a-z0-9-]{0,47}$", "the name of a policy")))]
    name: Value<String>,
    /// Where the repository is, as `s3:BUCKET/PREFIX`.
    #[tf(computed)]
    repository: Value<String>,
    /// How many backups of the policy are in the repository.
    #[tf(computed)]
    snapshots: Value<u64>,
    /// The id of the newest complete backup.
    #[tf(computed)]
    newest_snapshot: Value<String>,
    /// When the newest complete backup was finished, in RFC 3339.
    #[tf(computed)]
    last_success_at: Value<String>,
    /// The last backup, however it ended.
    #[tf(computed)]
    last_run: Value<Computed<LastRun>>,
    /// The last time that old backups were removed.
    #[tf(computed)]
    last_forget: Value<Computed<LastForget>>,
    /// The last check of the repository.
    #[tf(computed)]
    last_check: Value<Computed<LastCheck>>,
    /// The last restore drill.
    #[tf(computed)]
    last_drill: Value<Computed<LastDrill>>,
}

/// The last backup.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct LastRun {
    /// When it began, in RFC 3339; the data is not older.
    #[tf(computed)]
    started_at: Value<String>,
    /// When it ended, in RFC 3339; null while it runs.
    #[tf(computed)]
    finished_at: Value<String>,
    /// `success`, `incomplete`, `failure` or `running`.
    #[tf(computed)]
    outcome: Value<String>,
    /// The id of the snapshot that it made.
    #[tf(computed)]
    snapshot: Value<String>,
    /// Bytes that were read.
    #[tf(computed)]
    bytes_read: Value<u64>,
    /// Bytes that were added to the repository, compressed.
    #[tf(computed)]
    bytes_added: Value<u64>,
    /// What went wrong, in sentences.
    #[tf(computed)]
    problems: Value<List<String>>,
}

/// The last time that old backups were removed.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct LastForget {
    /// When it ended, in RFC 3339.
    #[tf(computed)]
    at: Value<String>,
    /// Whether it was done.
    #[tf(computed)]
    ok: Value<bool>,
    /// Backups that were removed.
    #[tf(computed)]
    removed: Value<u64>,
    /// Backups that were kept.
    #[tf(computed)]
    kept: Value<u64>,
    /// What went wrong, in sentences.
    #[tf(computed)]
    problems: Value<List<String>>,
}

/// The last check of the repository.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct LastCheck {
    /// When it ended, in RFC 3339.
    #[tf(computed)]
    at: Value<String>,
    /// Whether nothing was found. While it is false nothing is forgotten.
    #[tf(computed)]
    ok: Value<bool>,
    /// The share of the data that was read, in percent.
    #[tf(computed)]
    read_data_percent: Value<u64>,
    /// What was found, in sentences.
    #[tf(computed)]
    problems: Value<List<String>>,
}

/// The last restore drill.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct LastDrill {
    /// When it ended, in RFC 3339.
    #[tf(computed)]
    at: Value<String>,
    /// Whether the backup was restored and every assertion held.
    #[tf(computed)]
    ok: Value<bool>,
    /// The id of the snapshot that was restored.
    #[tf(computed)]
    snapshot: Value<String>,
    /// The recovery point: the age of the restored data when the drill began, in seconds.
    #[tf(computed)]
    rpo: Value<u64>,
    /// The recovery time: until the last assertion was answered, in seconds.
    #[tf(computed)]
    rto: Value<u64>,
    /// What did not hold, in sentences.
    #[tf(computed)]
    problems: Value<List<String>>,
}

impl DataSource for BackupStatus {
    type Clients = Clients;
    type Model = Self;

    const NAME: &'static str = "backup_status";
    const SUBCATEGORY: &'static str = "Backups";

    async fn read(call: &Call<Clients>, config: Self) -> Result<Self, Diagnostics> {
        let unknown =
            || Diagnostic::error("Host is not known", "Its address is not known. This is a mistake of ours.");
        let host = config.host.known().and_then(HostBlock::host).ok_or_else(unknown)?;
        let name = config.name.known().cloned().unwrap_or_default();
        let command = Command { step: "read the records", line: &read_line(&name), stdin: b"" };
        let said = call.clients().ssh().run_as_root(&host, command, &budget(call)).await;
        let said = said.map_err(|error| match error {
            SshError::Failed { status: NO_POLICY, .. } => no_policy(&name, &host.to_string()),
            error => error.error().at(Self::paths().host()),
        })?;
        let status = understood(&said.stdout, &name)?;
        Ok(config.told(status))
    }
}

/// By this exit status the line says that the host has no such policy.
const NO_POLICY: u32 = 66;

/// Prints `running` or `resting`, and the records where there are any.
fn read_line(name: &str) -> String {
    let folder = quoted(&format!("{RECORDS}/{name}"));
    let configuration = quoted(&format!("/etc/socle/backup/{name}.json"));
    format!(
        "[ -e {configuration} ] || [ -e {folder} ] || exit {NO_POLICY}; cd {folder} 2>/dev/null || exit 0; \
         if flock --nonblock --shared lock true; then echo resting; else echo running; fi; \
         [ ! -e {STATUS_FILE} ] || cat {STATUS_FILE}"
    )
}

fn no_policy(name: &str, host: &str) -> Diagnostic {
    let detail = format!(
        "{host} has no backup policy {name}. Install it with `socle_backup_policy` or the role `backup_agent`, and let this \
         data source depend on it."
    );
    Diagnostic::error("No such backup policy", detail).at(BackupStatus::paths().name())
}

/// Reads what the line prints. A run that is `running` while nothing runs was killed.
fn understood(said: &[u8], name: &str) -> Result<Status, Diagnostic> {
    let said = String::from_utf8_lossy(said);
    let (state, text) = said.split_once('\n').unwrap_or((&said, ""));
    if text.trim().is_empty() {
        return Ok(Status::new(name));
    }
    let mut status: Status = serde_json::from_str(text).map_err(|error| {
        let detail = format!(
            "{RECORDS}/{name}/{STATUS_FILE} cannot be understood: {error}. Use the provider of the agent's version."
        );
        Diagnostic::error("Records cannot be read", detail)
    })?;
    if let Some(run) =
        status.last_run.as_mut().filter(|run| run.outcome == Outcome::Running && state == "resting")
    {
        run.outcome = Outcome::Failure;
        run.problems.push("the run was killed, or the machine went down".to_owned());
    }
    Ok(status)
}

impl BackupStatus {
    fn told(self, status: Status) -> Self {
        let (location, snapshots, newest) = match status.repository {
            Some(known) => (Some(known.location), Some(known.snapshots), known.newest_snapshot),
            None => (None, None, None),
        };
        Self {
            repository: location.into(),
            snapshots: snapshots.into(),
            newest_snapshot: newest.into(),
            last_success_at: status.last_success_at.as_ref().map(time).into(),
            last_run: status.last_run.map(|run| Computed(run.into())).into(),
            last_forget: status.last_forget.map(|forget| Computed(forget.into())).into(),
            last_check: status.last_check.map(|check| Computed(check.into())).into(),
            last_drill: status.last_drill.map(|drill| Computed(drill.into())).into(),
            ..self
        }
    }
}

impl From<records::Run> for LastRun {
    fn from(run: records::Run) -> Self {
        Self {
            started_at: time(&run.started_at).into(),
            finished_at: run.finished_at.as_ref().map(time).into(),
            outcome: word(run.outcome).into(),
            snapshot: run.snapshot.into(),
            bytes_read: run.bytes_read.into(),
            bytes_added: run.bytes_added.into(),
            problems: sentences(run.problems),
        }
    }
}

impl From<records::Forget> for LastForget {
    fn from(forget: records::Forget) -> Self {
        Self {
            at: time(&forget.at).into(),
            ok: (forget.outcome == Outcome::Success).into(),
            removed: forget.removed.into(),
            kept: forget.kept.into(),
            problems: sentences(forget.problems),
        }
    }
}

impl From<records::Check> for LastCheck {
    fn from(check: records::Check) -> Self {
        Self {
            at: time(&check.at).into(),
            ok: check.ok.into(),
            read_data_percent: u64::from(check.read_data_percent).into(),
            problems: sentences(check.problems),
        }
    }
}

impl From<records::Drill> for LastDrill {
    fn from(drill: records::Drill) -> Self {
        Self {
            at: time(&drill.at).into(),
            ok: drill.ok.into(),
            snapshot: drill.snapshot.into(),
            rpo: drill.rpo_seconds.map(seconds).into(),
            rto: drill.rto_seconds.map(seconds).into(),
            problems: sentences(drill.problems),
        }
    }
}

/// In RFC 3339 with whole seconds, as Terraform's own functions take it.
fn time(at: &Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Success => "success",
        Outcome::Incomplete => "incomplete",
        Outcome::Failure => "failure",
        Outcome::Running => "running",
    }
}

fn sentences(problems: Vec<String>) -> Value<List<String>> {
    Value::Known(problems.into_iter().map(Value::Known).collect())
}

/// Whole seconds, upwards: a bound that is just met is not exceeded by rounding down.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an age in seconds fits, and is not negative here"
)]
fn seconds(exact: f64) -> u64 {
    exact.max(0.0).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNNING: &str = r#"{ "version": 1, "name": "db", "last_success_at": "2026-11-24T03:00:00.25Z",
        "repository": { "id": "7f", "location": "s3:b/db", "snapshots": 3, "newest_snapshot": "ab" },
        "last_run": { "started_at": "2026-11-25T03:00:00Z", "finished_at": null, "outcome": "running", "snapshot": null,
            "bytes_read": 1, "bytes_added": 0, "problems": [] },
        "last_drill": { "at": "2026-11-24T05:00:00Z", "ok": true, "snapshot": "ab", "rpo_seconds": 7200.4, "rto_seconds": 3.0,
            "problems": [] } }"#;

    fn outcome(state: &str) -> String {
        let status = understood(format!("{state}\n{RUNNING}").as_bytes(), "db").unwrap();
        let Computed(run) = BackupStatus::default().told(status).last_run.into_known().unwrap();
        run.outcome.into_known().unwrap()
    }

    #[test]
    fn a_run_that_was_killed_is_a_failure_and_one_that_runs_is_not() {
        assert_eq!((outcome("running"), outcome("resting")), ("running".into(), "failure".into()));
    }

    #[test]
    fn records_are_told_in_the_words_of_terraform() {
        let told =
            BackupStatus::default().told(understood(format!("running\n{RUNNING}").as_bytes(), "db").unwrap());
        assert_eq!(told.last_success_at, "2026-11-24T03:00:00Z".into());
        assert_eq!((told.snapshots, told.repository), (3.into(), "s3:b/db".into()));
        let Computed(drill) = told.last_drill.into_known().unwrap();
        assert_eq!((drill.ok, drill.rpo, drill.rto), (true.into(), 7201.into(), 3.into()));
        assert_eq!(told.last_check, Value::Null);
    }

    #[test]
    fn a_policy_that_never_ran_has_a_status_of_nothing() {
        for said in ["", "resting\n"] {
            assert_eq!(understood(said.as_bytes(), "db").unwrap(), Status::new("db"));
        }
    }
}
