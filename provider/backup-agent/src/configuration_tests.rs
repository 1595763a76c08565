use serde_json::{Value, json};

use super::*;

fn minimal() -> Value {
    json!({
        "version": 1,
        "name": "social-db",
        "repository": {
            "bucket": "backups", "region": "eu-west-3",
            "credentials": { "host_role": {} },
            "password": { "credential": "password" },
        },
        "source": { "postgresql": {} },
        "retention": { "daily": 7 },
    })
}

fn with(pointer: &str, value: Value) -> Result<Configuration, ConfigurationError> {
    let mut document = minimal();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    document.pointer_mut(parent).unwrap()[key] = value;
    Configuration::parse(&document.to_string())
}

fn refusal(pointer: &str, value: Value) -> String {
    with(pointer, value).unwrap_err().to_string()
}

#[test]
fn the_example_of_the_documentation_is_understood() {
    let head: Vec<_> =
        include_str!("configuration.rs").lines().map_while(|l| l.strip_prefix("//!")).collect();
    let text = head.join("\n");
    let example = text.split("```").nth(1).unwrap().strip_prefix("json").unwrap();
    let configuration = Configuration::parse(example).unwrap();
    assert_eq!(configuration.repository.location(), "s3:example-social-backups/social-db");
}

#[test]
fn what_is_left_out_has_its_documented_default() {
    let configuration = Configuration::parse(&minimal().to_string()).unwrap();
    assert_eq!(configuration.time_zone, "UTC");
    assert_eq!(configuration.limits, Limits::default());
    assert_eq!(configuration.folder(), Path::new("/var/lib/socle/backup/social-db"));
    assert_eq!(configuration.source, Source::Postgresql(Postgresql::default()));
}

#[test]
fn what_is_written_reads_the_same() {
    let configuration = Configuration::parse(&minimal().to_string()).unwrap();
    let text = serde_json::to_string(&configuration).unwrap();
    assert_eq!(Configuration::parse(&text).unwrap(), configuration);
}

#[test]
fn unknown_keys_are_refused_by_name() {
    assert!(refusal("/retention/dayly", json!(7)).contains("dayly"));
    assert!(refusal("/repository/passwort", json!("x")).contains("passwort"));
    assert!(refusal("/source/etcd", json!({})).contains("etcd"));
}

#[test]
fn a_newer_contract_is_refused_before_it_is_misunderstood() {
    let refusal = refusal("/version", json!(2));
    assert!(refusal.contains("version 2"), "{refusal}");
}

#[test]
fn a_secret_itself_is_refused_and_not_repeated() {
    let refusal = refusal("/repository/password", json!({ "value": "not-repeated" }));
    assert!(!refusal.contains("not-repeated"), "{refusal}");
}

#[test]
fn names_that_would_leave_the_records_folder_are_refused() {
    for name in ["", "..", "a/b", ".hidden", "a b"] {
        assert!(refusal("/name", json!(name)).starts_with("name:"), "{name:?}");
    }
    assert!(with("/repository/password", json!({ "credential": "../shadow" })).is_err());
    assert!(with("/source/postgresql", json!({ "databases": ["a/b"] })).is_err());
}

#[test]
fn values_that_cannot_be_are_refused_with_their_key() {
    assert!(refusal("/time_zone", json!("Europe/Lutetia")).starts_with("time_zone:"));
    assert!(refusal("/retention", json!({})).starts_with("retention:"));
    assert!(refusal("/limits", json!({ "bandwidth": "0B" })).starts_with("limits.bandwidth:"));
    assert!(refusal("/source", json!({ "files": { "paths": ["srv"] } })).starts_with("source.files.paths:"));
    assert!(refusal("/source", json!({ "files": { "paths": [] } })).starts_with("source.files.paths:"));
}

#[test]
fn a_drill_beside_the_live_servers_own_user_is_refused() {
    for user in ["root", "postgres"] {
        assert!(refusal("/drill", json!({ "system_user": user })).starts_with("drill.system_user:"));
    }
}
