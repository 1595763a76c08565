//! These need root, for servers of another user, and PostgreSQL.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::stage::postgresql::{Blocker, LIVE, Server, programs};
use crate::stage::{self, Stage};
use serde_json::{Value, json};
use tempfile::TempDir;

#[test]
fn dumps_are_whole_and_restic_restores_them() {
    let programs = programs();
    let folder = open_folder();
    let server = Server::social(&folder.path().join("live"));
    let stage = Stage::of_databases(&server);
    stage.run(&["run"]);
    let status = stage.status();
    assert_eq!(status["last_run"]["outcome"], "success", "{status:#}");
    stage.run_restic(&["check", "--read-data"]);
    let target = stage.path("restored");
    stage.run_restic(&["restore", "latest", "--target", target.to_str().unwrap()]);
    let manifest = fs::read_to_string(target.join("postgresql/manifest.json")).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let rows = &manifest["databases"]["social"]["rows"];
    assert_eq!(rows["public.posts"], 5000, "{manifest:#}");
    assert_eq!(rows["public.\"Odd \"\"name\"\"\""], 2, "{manifest:#}");
    assert_eq!(rows["public.events_1"], 50, "{manifest:#}");
    let listed = Command::new(format!("{programs}/pg_restore"))
        .arg("--list")
        .arg(target.join("postgresql/databases/social.dump"))
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&listed.stdout).contains("TABLE DATA public posts"));
    let roles = fs::read_to_string(target.join("postgresql/globals/roles.sql")).unwrap();
    assert!(roles.contains("CREATE ROLE social_app;"), "{roles}");
}

#[test]
fn an_empty_server_gets_every_row_back_and_a_full_one_is_refused() {
    let folder = open_folder();
    let live = Server::social(&folder.path().join("live"));
    let stage = Stage::of_databases(&live);
    stage.run(&["run"]);
    stage.run(&["run"]);
    let status = stage.status();
    let (read, added) = (&status["last_run"]["bytes_read"], &status["last_run"]["bytes_added"]);
    assert!(added.as_u64().unwrap() * 2 < read.as_u64().unwrap(), "deduplicated: {status:#}");
    let other = Server::empty(&folder.path().join("other"));
    let into = ["restore", "--server", other.folder.to_str().unwrap(), "--system-user", LIVE];
    stage.run(&into);
    assert_eq!(other.checksums("social"), live.checksums("social"));
    let owner = "select tableowner from pg_tables where tablename = 'users';";
    assert_eq!(other.execute("social", owner), "social_app");
    assert!(stage.fail(&into).contains("already"));
}

#[test]
fn all_databases_are_backed_up_proved_and_restored_where_the_servers_own_is_empty() {
    let folder = open_folder();
    let live = Server::social(&folder.path().join("live"));
    live.execute("postgres", "create table notes (id int); insert into notes values (1), (2);");
    live.execute("postgres", "alter database postgres set work_mem = '5MB';");
    let stage = Stage::of_databases(&live);
    stage.configure("/source/postgresql/databases", Value::Null);
    let count = |database: &str, sql: &str, expect: &str| json!({ "database": database, "sql": sql, "expect": expect });
    let queries = [
        count("social", "select count(*) from users", "500"),
        count("postgres", "select count(*) from notes", "2"),
    ];
    stage.configure("/drill/queries", json!(queries));
    stage.run(&["run"]);
    stage.run(&["drill"]);
    let other = Server::empty(&folder.path().join("other"));
    let into = ["restore", "--server", other.folder.to_str().unwrap(), "--system-user", LIVE];
    other.execute("postgres", "create function mine() returns int language sql as 'select 1';");
    assert!(stage.fail(&into).contains("database \"postgres\" already"), "nothing is overwritten");
    other.execute("postgres", "drop function mine();");
    stage.run(&into);
    assert_eq!(other.checksums("social"), live.checksums("social"));
    assert_eq!(other.execute("postgres", "select count(*) from notes; show work_mem;"), "2\n5MB");
}

#[test]
fn a_drill_proves_a_good_backup_and_leaves_nothing() {
    let folder = open_folder();
    let live = Server::social(&folder.path().join("live"));
    let stage = Stage::of_databases(&live);
    stage.run(&["run"]);
    stage.run(&["drill"]);
    let drill = stage.status()["last_drill"].clone();
    assert_eq!(drill["ok"], true, "{drill:#}");
    assert!(drill["rpo_seconds"].as_f64().unwrap() > 0.0 && drill["rto_seconds"].as_f64().unwrap() > 0.0);
    assert_eq!(fs::read_dir(stage.path("drill")).unwrap().count(), 0);
    assert!(stage.run(&["metrics"]).contains("socle_backup_drill_success{policy=\"test\"} 1"));
}

#[test]
fn a_drill_fails_loudly_on_a_false_assertion() {
    let folder = open_folder();
    let live = Server::social(&folder.path().join("live"));
    let stage = Stage::of_databases(&live);
    stage.run(&["run"]);
    stage.configure("/drill/queries", json!([{ "sql": "select count(*) from users", "expect": "501" }]));
    assert_drill_fails(&stage, "answers \"500\" instead of \"501\"");
    stage.configure("/drill/queries", json!([{ "sql": "select nonsense", "expect": "t" }]));
    assert_drill_fails(&stage, "nonsense");
}

#[test]
fn a_drill_fails_loudly_on_a_wrong_password() {
    let folder = open_folder();
    let live = Server::social(&folder.path().join("live"));
    let stage = Stage::of_databases(&live);
    stage.run(&["run"]);
    stage::write_secret(&stage.path("password"), "another one");
    assert_drill_fails(&stage, "wrong password");
}

#[test]
fn a_drill_fails_loudly_on_a_flipped_byte() {
    let folder = open_folder();
    let live = Server::social(&folder.path().join("live"));
    let stage = Stage::of_databases(&live);
    stage.run(&["run"]);
    let packs = stage.objects("data/");
    for key in packs {
        let mut content = stage.request_bytes("GET", &key, &[]);
        content[40] ^= 1;
        stage.request_bytes("PUT", &key, &content);
    }
    assert_drill_fails(&stage, "");
}

#[test]
fn a_drill_fails_loudly_on_a_dump_that_lacks_a_table() {
    let folder = open_folder();
    let live = Server::social(&folder.path().join("live"));
    let stage = Stage::of_databases(&live);
    stage.run(&["run"]);
    // Somebody's own backup under our tag: the good manifest, and a dump without `posts`.
    let forged = stage.path("forged");
    stage.run_restic(&["restore", "latest", "--target", forged.to_str().unwrap()]);
    let dump = stage::postgresql::command("pg_dump")
        .args(["--format=custom", "--exclude-table=posts", "--username=postgres", "--host"])
        .arg(&live.folder)
        .arg("social")
        .output()
        .unwrap();
    assert!(dump.status.success(), "{}", stage::told(&dump));
    fs::write(forged.join("postgresql/databases/social.dump"), dump.stdout).unwrap();
    stage.run_restic(&["backup", "--tag", "socle:test", forged.join("postgresql").to_str().unwrap()]);
    assert_drill_fails(&stage, "table public.posts with 5000 rows is not there");
}

#[test]
fn a_dump_that_lacks_a_table_is_not_committed() {
    let programs = programs();
    let folder = open_folder();
    let live = Server::social(&folder.path().join("live"));
    let stage = Stage::of_databases(&live);
    let lacking = format!(
        "case \"$*\" in *--version*) exec {programs}/pg_dump \"$@\" ;; esac\nexec {programs}/pg_dump --exclude-table=posts \"$@\""
    );
    let tools = tools_with(&stage, "pg_dump", &lacking);
    stage.configure("/source/postgresql/programs", json!(tools));
    let told = stage.fail(&["run"]);
    assert!(told.contains("lacks the tables public.posts"), "{told}");
    assert_eq!(stage.objects("snapshots/"), [""; 0]);
}

#[test]
fn a_dump_that_fails_at_its_end_is_not_committed() {
    let programs = programs();
    let folder = open_folder();
    let live = Server::social(&folder.path().join("live"));
    let stage = Stage::of_databases(&live);
    let fails = format!(
        "{programs}/pg_dump \"$@\"\ncase \"$*\" in *--version*) exit 0 ;; esac\necho 'at the last moment' >&2\nexit 1"
    );
    stage.configure("/source/postgresql/programs", json!(tools_with(&stage, "pg_dump", &fails)));
    let told = stage.fail(&["run"]);
    assert!(told.contains("at the last moment"), "{told}");
    assert_eq!(stage.objects("snapshots/"), [""; 0]);
    assert_eq!(stage.status()["last_run"]["outcome"], "failure");
    stage.configure("/source/postgresql/programs", json!(programs));
    stage.run(&["run"]);
}

#[test]
fn a_truncated_dump_is_not_committed() {
    let programs = programs();
    let folder = open_folder();
    let live = Server::social(&folder.path().join("live"));
    let stage = Stage::of_databases(&live);
    let cut = format!(
        "case \"$*\" in *--version*) exec {programs}/pg_dump \"$@\" ;; esac\n{programs}/pg_dump \"$@\" | head -c 200000"
    );
    stage.configure("/source/postgresql/programs", json!(tools_with(&stage, "pg_dump", &cut)));
    let told = stage.fail(&["run"]);
    assert!(told.contains("pg_restore") || told.contains("not complete"), "{told}");
    assert_eq!(stage.objects("snapshots/"), [""; 0]);
}

#[test]
fn a_server_that_restarts_in_the_middle_of_a_dump_fails_the_run_and_the_next_one_succeeds() {
    let folder = open_folder();
    let mut live = Server::social(&folder.path().join("live"));
    let stage = Stage::of_databases(&live);
    // The dump waits for a lock that the test holds: it is in its middle then.
    let blocker = Blocker::lock(&live, "social", "posts");
    let run = stage.start(&["run"]);
    blocker.await_waiting(&live);
    live.restart();
    drop(blocker);
    let output = run.wait_with_output().unwrap();
    assert!(!output.status.success(), "{}", stage::told(&output));
    assert_eq!(stage.objects("snapshots/"), [""; 0]);
    stage.run(&["run"]);
    stage.run(&["drill"]);
}

#[test]
fn tools_that_are_older_than_the_server_are_refused() {
    let folder = open_folder();
    let live = Server::social(&folder.path().join("live"));
    let stage = Stage::of_databases(&live);
    let old = tools_with(&stage, "pg_dump", "echo 'pg_dump (PostgreSQL) 9.6.24'");
    stage.configure("/source/postgresql/programs", json!(old));
    let told = stage.fail(&["run"]);
    let pg_dump = old.join("pg_dump").display().to_string();
    assert!(told.contains(&format!("{pg_dump} is of version 9, the server of version")), "{told}");
    assert!(told.contains("install postgresql-client-"), "{told}");
    assert_eq!(stage.objects("snapshots/"), [""; 0]);
}

#[test]
fn a_run_that_is_killed_in_the_middle_of_a_dump_does_not_hinder_the_next_one() {
    let folder = open_folder();
    let live = Server::social(&folder.path().join("live"));
    let stage = Stage::of_databases(&live);
    let blocker = Blocker::lock(&live, "social", "posts");
    let mut run = stage.start(&["run"]);
    blocker.await_waiting(&live);
    run.kill().unwrap();
    run.wait().unwrap();
    drop(blocker);
    assert_eq!(stage.objects("snapshots/"), [""; 0]);
    assert_eq!(stage.status()["last_run"]["outcome"], "failure");
    stage.run(&["run"]);
    stage.run(&["drill"]);
}

#[test]
fn what_a_killed_drill_leaves_is_erased_by_the_next_one() {
    let folder = open_folder();
    let live = Server::social(&folder.path().join("live"));
    let stage = Stage::of_databases(&live);
    stage.run(&["run"]);
    let mut drill = stage.start(&["drill"]);
    while !stage.path("drill/test/data/postmaster.pid").exists() {
        assert!(drill.try_wait().unwrap().is_none(), "the drill ended");
        std::thread::yield_now();
    }
    drill.kill().unwrap();
    drill.wait().unwrap();
    assert!(stage.path("drill/test/data").exists(), "it is left over");
    stage.run(&["drill"]);
    assert_eq!(fs::read_dir(stage.path("drill")).unwrap().count(), 0);
}

fn assert_drill_fails(stage: &Stage, because: &str) {
    stage.fail(&["drill"]);
    let drill = stage.status()["last_drill"].clone();
    assert_eq!(drill["ok"], false, "{drill:#}");
    assert!(drill["problems"].to_string().replace('\\', "").contains(because), "{drill:#}");
    assert!(stage.run(&["metrics"]).contains("socle_backup_drill_success{policy=\"test\"} 0"));
}

/// A folder of tools in which one is a script.
fn tools_with(stage: &Stage, name: &str, script: &str) -> std::path::PathBuf {
    let tools = stage.path("tools");
    let programs = programs();
    fs::create_dir(&tools).unwrap();
    for tool in ["psql", "pg_dump", "pg_dumpall", "pg_restore"] {
        std::os::unix::fs::symlink(format!("{programs}/{tool}"), tools.join(tool)).unwrap();
    }
    fs::remove_file(tools.join(name)).unwrap();
    fs::write(tools.join(name), format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(tools.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    tools
}

/// A folder that other users can work below.
fn open_folder() -> TempDir {
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}
