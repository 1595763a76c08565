use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use host::{Output, Runner};
use module::Input;
use serde_json::{Value, json};

use super::*;

/// A host that is a folder, with as much of systemd as units need; what was asked is kept.
struct Stage {
    root: tempfile::TempDir,
    systemd: Arc<Mutex<Systemd>>,
}

#[derive(Default)]
struct Systemd {
    enabled: BTreeSet<String>,
    active: BTreeSet<String>,
    asked: Vec<String>,
}

struct Programs {
    root: PathBuf,
    systemd: Arc<Mutex<Systemd>>,
}

impl Runner for Programs {
    fn run(&self, program: &Program) -> std::io::Result<Output> {
        let mut systemd = self.systemd.lock().unwrap();
        systemd.asked.push(program.to_string());
        let unit = program.arguments().last().cloned().unwrap_or_default();
        match program.arguments().first().map(String::as_str) {
            Some("enable") => drop(systemd.enabled.insert(unit.clone())),
            Some("disable") => drop(systemd.enabled.remove(&unit)),
            Some("start") => drop(systemd.active.insert(unit.clone())),
            Some("stop") => drop(systemd.active.remove(&unit)),
            _ => {}
        }
        let or = |is: bool, yes, no| if is { yes } else { no };
        let is_there = self.root.join("etc/systemd/system").join(&unit).exists();
        let started = systemd.active.contains(&unit);
        let stdout = format!(
            "LoadState={}\nUnitFileState={}\nActiveState={}\nExecMainStartTimestampMonotonic={}\n",
            or(is_there, "loaded", "not-found"),
            or(systemd.enabled.contains(&unit), "enabled", "disabled"),
            or(started, "active", "inactive"),
            or(started, "1", "0"),
        );
        Ok(Output { code: Some(0), stdout, stderr: String::new() })
    }
}

impl Stage {
    fn new() -> Stage {
        let root = tempfile::tempdir().unwrap();
        let stage = Stage { root, systemd: Arc::default() };
        stage.write("/opt/agent", "");
        stage.write(
            "/etc/passwd",
            "root:x:0:0:root:/root:/bin/bash\nsocle-drill:x:900:900::/nonexistent:/bin/false\n",
        );
        stage
    }

    fn host(&self) -> Host {
        let programs = Programs { root: self.root.path().to_owned(), systemd: Arc::clone(&self.systemd) };
        Host::at(self.root.path()).with_runner(programs)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.host().path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        self.host().read_text(path).unwrap().unwrap_or_else(|| panic!("{path} is missing"))
    }

    fn run(&self, told: &Value, mode: Mode) -> Answer {
        let arguments = Input::read(told.as_object().unwrap().clone()).unwrap();
        BackupAgent::run(&self.host(), &arguments, Context { mode, diff: true }).unwrap()
    }

    fn take_asked(&self) -> Vec<String> {
        std::mem::take(&mut self.systemd.lock().unwrap().asked)
    }
}

fn told() -> Value {
    json!({
        "name": "social-db",
        "agent": "/opt/agent",
        "location": { "bucket": "example-social-backups", "region": "eu-west-3" },
        "schedule": "30 4 * * *",
        "time_zone": "Europe/Paris",
        "retention": { "daily": 7 },
        "postgresql": { "databases": ["social"] },
        "drill": { "schedule": "0 6 * * 0", "queries": [{ "sql": "select true", "expect": "t" }] },
        "password": "the first one",
        "access_key": "an id",
        "secret_key": "a key",
    })
}

fn with(key: &str, value: Value) -> Value {
    let mut told = told();
    told[key] = value;
    told
}

fn without_secrets() -> Value {
    let mut told = told();
    for secret in ["password", "access_key", "secret_key"] {
        told.as_object_mut().unwrap().remove(secret);
    }
    told
}

#[test]
fn a_second_run_changes_nothing_also_without_the_secrets() {
    let stage = Stage::new();
    let first = stage.run(&told(), Mode::Apply);
    assert!(first.changed && !first.failed, "{first:?}");
    for again in [told(), without_secrets()] {
        for mode in [Mode::Check, Mode::Apply] {
            let second = stage.run(&again, mode);
            assert!(!second.changed && !second.failed, "{second:?}");
        }
    }
}

#[test]
fn check_mode_foresees_a_first_run_to_its_last_timer() {
    let stage = Stage::new();
    let foreseen = stage.run(&told(), Mode::Check);
    assert!(foreseen.changed && !foreseen.failed, "{foreseen:?}");
    let changes = |answer: &Answer| {
        let items = answer.items.iter().filter(|item| item.changed);
        items.map(|item| item.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(changes(&foreseen), changes(&stage.run(&told(), Mode::Apply)));
}

#[test]
fn the_units_are_as_written_down() {
    let stage = Stage::new();
    stage.run(&told(), Mode::Apply);
    let unit = |name: &str| stage.read(&format!("/etc/systemd/system/{name}"));
    assert_eq!(unit("socle-backup-social-db.service"), include_str!("golden/run.service"));
    assert_eq!(unit("socle-backup-social-db.timer"), include_str!("golden/run.timer"));
    assert_eq!(unit("socle-backup-social-db.drill.timer"), include_str!("golden/drill.timer"));
    assert_eq!(stage.read("/usr/local/sbin/socle-backup-social-db"), include_str!("golden/by-hand"));
}

#[test]
fn the_agent_takes_the_configuration_that_is_written() {
    let stage = Stage::new();
    stage.run(&told(), Mode::Apply);
    let text = stage.read("/etc/socle/backup/social-db.json");
    let read = backup_agent::configuration::Configuration::parse(&text).unwrap();
    assert_eq!(read.repository.prefix, "social-db");
    let mode = |path: &str| stage.host().path(path).metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!(
        (mode("/etc/socle/backup/social-db.json"), mode("/etc/socle/backup/social-db")),
        (0o600, 0o700)
    );
}

#[test]
fn secrets_are_in_their_files_and_nowhere_else() {
    let stage = Stage::new();
    let answer = stage.run(&with("recovery_password", json!("the offline one")), Mode::Apply);
    let secrets = ["the first one", "the offline one", "an id", "a key"];
    let everywhere = format!("{answer:?}{:?}", stage.take_asked());
    for unit in ["socle-backup-social-db.service", "socle-backup-social-db.drill.service"] {
        let text = stage.read(&format!("/etc/systemd/system/{unit}"));
        assert!(!secrets.iter().any(|secret| text.contains(secret)), "{text}");
    }
    let configuration = stage.read("/etc/socle/backup/social-db.json");
    for secret in secrets {
        assert!(!everywhere.contains(secret) && !configuration.contains(secret), "{secret:?} is told");
    }
    assert_eq!(stage.read("/etc/socle/backup/social-db/s3-secret-key"), "a key");
}

#[test]
fn whoever_may_only_look_is_told_of_no_file_by_the_place_of_the_figures() {
    let stage = Stage::new();
    stage.write("/etc/shadow", "root:hash");
    stage.write("/srv/figures.prom", "told to nobody");
    let gone = |file: &str| {
        let mut told = with("metrics_file", json!(file));
        told["state"] = json!("absent");
        let arguments = Input::read(told.as_object().unwrap().clone()).unwrap();
        BackupAgent::run(&stage.host(), &arguments, Context { mode: Mode::Check, diff: true })
    };
    let refused = gone("/etc/shadow").unwrap_err().to_string();
    assert!(refused.contains("ends in `.prom`"), "{refused}");
    let answer = format!("{:?}", gone("/srv/figures.prom").unwrap());
    assert!(answer.contains("figures.prom") && !answer.contains("told to nobody"), "{answer}");
}

#[test]
fn another_password_goes_through_the_agent() {
    let stage = Stage::new();
    stage.run(&told(), Mode::Apply);
    let asked = stage.take_asked();
    assert!(!asked.iter().any(|line| line.ends_with(" keys")), "a first one does not: {asked:?}");
    let changed = stage.run(&with("password", json!("the second one")), Mode::Apply);
    assert!(changed.changed && !changed.failed, "{changed:?}");
    assert!(
        stage.take_asked().contains(&"/opt/agent --config /etc/socle/backup/social-db.json keys".to_owned())
    );
    for secret in ["password", "previous-password"] {
        assert_eq!(stage.read(&format!("/etc/socle/backup/social-db/{secret}")), "the second one");
    }
}

#[test]
fn a_unit_changed_by_hand_is_told_and_put_right() {
    let stage = Stage::new();
    stage.run(&told(), Mode::Apply);
    let unit = "/etc/systemd/system/socle-backup-social-db.timer";
    stage.write(unit, "[Timer]\nOnCalendar=yearly\n");
    let seen = stage.run(&without_secrets(), Mode::Check);
    let changed: Vec<_> =
        seen.items.iter().filter(|item| item.changed).map(|item| item.id.as_str()).collect();
    assert_eq!(changed, [format!("file {unit}")]);
    stage.run(&without_secrets(), Mode::Apply);
    assert_eq!(stage.read(unit), include_str!("golden/run.timer"));
    assert!(stage.take_asked().iter().any(|line| line.contains("try-restart")));
}

#[test]
fn a_secret_that_is_gone_is_told_and_must_be_given_again() {
    let stage = Stage::new();
    stage.run(&told(), Mode::Apply);
    std::fs::remove_file(stage.host().path("/etc/socle/backup/social-db/s3-secret-key")).unwrap();
    let seen = stage.run(&without_secrets(), Mode::Check);
    assert!(seen.changed && !seen.failed, "{seen:?}");
    let refused = stage.run(&without_secrets(), Mode::Apply);
    assert!(refused.failed && refused.msg.contains("give it"), "{refused:?}");
    assert!(!stage.run(&told(), Mode::Apply).failed);
}

#[test]
fn without_a_drill_its_units_go() {
    let stage = Stage::new();
    stage.run(&told(), Mode::Apply);
    stage.run(&with("drill", Value::Null), Mode::Apply);
    for kind in ["service", "timer"] {
        assert!(!stage.host().exists(&format!("/etc/systemd/system/socle-backup-social-db.drill.{kind}")));
    }
}

#[test]
fn absent_leaves_nothing_but_the_other_policies() {
    let stage = Stage::new();
    stage.run(&told(), Mode::Apply);
    stage.run(&with("name", json!("other")), Mode::Apply);
    stage.write("/var/lib/socle/backup/social-db/status.json", "{}");
    let gone = stage.run(&json!({ "name": "social-db", "state": "absent" }), Mode::Apply);
    assert!(gone.changed && !gone.failed, "{gone:?}");
    let host = stage.host();
    for path in [
        "/etc/socle/backup/social-db",
        "/etc/socle/backup/social-db.json",
        "/usr/local/sbin/socle-backup-social-db",
        "/etc/systemd/system/socle-backup-social-db.service",
        "/var/lib/socle/backup/social-db",
        "/var/lib/socle/owners/backup-social-db.json",
    ] {
        assert!(!host.exists(path), "{path} is left");
    }
    assert!(host.exists("/etc/socle/backup/other.json"));
    assert!(!stage.run(&json!({ "name": "social-db", "state": "absent" }), Mode::Apply).changed);
}

#[test]
fn a_second_owner_is_refused_before_anything_is_changed() {
    let stage = Stage::new();
    stage.run(&told(), Mode::Apply);
    let arguments = with("owner", json!("socle_backup_policy 7f"));
    let arguments = Input::read(arguments.as_object().unwrap().clone()).unwrap();
    let context = Context { mode: Mode::Check, diff: false };
    let refused = BackupAgent::run(&stage.host(), &arguments, context).unwrap_err().to_string();
    assert!(refused.contains("belongs to ansible"), "{refused}");
}

#[test]
fn the_first_backup_is_begun_once() {
    let stage = Stage::new();
    let told = with("initial_backup", json!("start"));
    stage.run(&told, Mode::Apply);
    let begun = |asked: Vec<String>| asked.iter().any(|line| line.starts_with("systemctl start --no-block"));
    assert!(begun(stage.take_asked()));
    stage.write("/var/lib/socle/backup/social-db/status.json", "{}");
    assert!(!stage.run(&told, Mode::Apply).changed);
    assert!(!begun(stage.take_asked()));
}

#[test]
fn what_cannot_be_is_refused_with_the_argument() {
    for (key, value, wanted) in [
        ("name", json!("../x"), "`name`"),
        ("schedule", json!("often"), "`schedule`"),
        ("time_zone", json!("Mars/Olympus"), "time_zone"),
        ("retention", json!({}), "retention"),
        ("files", json!({ "paths": ["/srv"] }), "exactly one"),
        ("limits", json!({ "nice": 40 }), "`limits.nice`"),
        ("drill", json!({ "max_rpo": "soon" }), "`drill.max_rpo`"),
        ("agent", Value::Null, "`agent`"),
    ] {
        let arguments = Input::read(with(key, value).as_object().unwrap().clone()).unwrap();
        let context = Context { mode: Mode::Check, diff: false };
        let refused = BackupAgent::run(&Stage::new().host(), &arguments, context).unwrap_err().to_string();
        assert!(refused.contains(wanted), "{key}: {refused}");
    }
}
