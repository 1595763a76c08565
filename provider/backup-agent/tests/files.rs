//! Backups of files, against a simulated S3, judged by restic.

mod stage;

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use stage::{Stage, await_next_second, noise, now_in_whole_seconds, write_secret};

#[test]
fn restic_lists_checks_and_restores_what_the_agent_backed_up() {
    let stage = Stage::of_files();
    stage.run(&["run"]);
    let snapshots = stage.snapshots_of_restic();
    assert_eq!(snapshots.len(), 1, "{snapshots:?}");
    assert_eq!(snapshots[0]["tags"], json!(["socle:test"]));
    stage.run_restic(&["check", "--read-data"]);
    let target = stage.path("restored");
    stage.run_restic(&["restore", "latest", "--target", target.to_str().unwrap()]);
    assert_same(&stage.path("data"), &target);
    assert_eq!(stage.objects("locks/"), [""; 0], "no lock stays behind");
}

#[test]
fn the_agent_restores_what_restic_backed_up() {
    let stage = Stage::of_files();
    stage.run_restic(&["init"]);
    stage.run_restic(&["backup", "--tag", "socle:test", stage.path("data").to_str().unwrap()]);
    let target = stage.path("restored");
    stage.run(&["restore", "--target", target.to_str().unwrap()]);
    assert_same(&stage.path("data"), &target);
    // And goes on in the same repository.
    stage.run(&["run"]);
    stage.run(&["check"]);
    stage.run_restic(&["check", "--read-data"]);
}

#[test]
fn a_second_run_adds_next_to_nothing() {
    let stage = Stage::of_files();
    stage.run(&["run"]);
    stage.run(&["run"]);
    let status = stage.status();
    assert!(status["last_run"]["bytes_added"].as_u64().unwrap() < 10_000, "{status:#}");
    assert_eq!(status["repository"]["snapshots"], 2);
    let metrics = fs::read_to_string(stage.path("metrics.prom")).unwrap();
    assert!(metrics.contains("socle_backup_last_run_success{policy=\"test\"} 1"), "{metrics}");
    assert_eq!(metrics, stage.run(&["metrics"]));
}

#[test]
fn forget_keeps_what_the_rules_say_and_restic_finds_the_rest_whole() {
    let stage = Stage::of_files();
    make_backups(&stage, 4);
    let before = stage.objects("data/").len();
    stage.run(&["forget", "--dry-run"]);
    assert_eq!(stage.snapshots_of_restic().len(), 4, "a dry run removes nothing");
    stage.run(&["forget"]);
    assert_eq!(stage.snapshots_of_restic().len(), 2);
    assert!(stage.objects("data/").len() < before, "what nobody uses is removed");
    stage.run_restic(&["check", "--read-data"]);
    assert_eq!(stage.status()["last_forget"]["removed"], 2);
}

#[test]
fn a_file_that_cannot_be_read_is_told_and_does_not_end_forgetting() {
    let stage = Stage::of_files();
    make_backups(&stage, 3);
    // Its memory cannot be read from the beginning, by nobody.
    let unreadable = format!("/proc/{}/mem", std::process::id());
    stage.configure("/source/files/paths", json!([stage.path("data"), unreadable]));
    let output = stage.try_run(&["run", "--forget"]);
    assert_eq!(output.status.code(), Some(3), "{}", stage::told(&output));
    let status = stage.status();
    assert_eq!(status["last_run"]["outcome"], "incomplete", "{status:#}");
    assert!(status["last_run"]["problems"].to_string().contains(&unreadable), "{status:#}");
    assert_eq!(status["last_forget"]["removed"], 1, "{status:#}");
    assert!(stage.run(&["metrics"]).contains("socle_backup_last_run_success{policy=\"test\"} 0"));
    assert_eq!(stage.snapshots_of_restic().len(), 3, "two that the rules keep, and what could be read");
}

#[test]
fn a_flipped_byte_is_found_and_then_nothing_is_forgotten() {
    let stage = Stage::of_files();
    (0..3).for_each(|_| drop(stage.run(&["run"])));
    flip_a_byte(&stage);
    let told = stage.fail(&["check", "--read-data", "100"]);
    assert_eq!(stage.status()["last_check"]["ok"], false, "{told}");
    let told = stage.fail(&["forget"]);
    assert!(told.contains("Nothing is forgotten"), "{told}");
    assert_eq!(stage.objects("snapshots/").len(), 3);
}

#[test]
fn a_drill_of_files_proves_and_a_flipped_byte_fails_it() {
    let stage = Stage::of_files();
    stage.configure("/drill/scratch", json!(stage.path("drill")));
    stage.configure("/drill/files", json!([stage.path("data/large.bin")]));
    stage.run(&["run"]);
    stage.run(&["drill"]);
    let status = stage.status();
    assert_eq!(status["last_drill"]["ok"], true, "{status:#}");
    assert!(status["last_drill"]["rto_seconds"].as_f64().unwrap() > 0.0);
    assert_eq!(fs::read_dir(stage.path("drill")).unwrap().count(), 0, "all is erased");
    flip_a_byte(&stage);
    stage.fail(&["drill"]);
    assert_eq!(stage.status()["last_drill"]["ok"], false);
    assert_eq!(fs::read_dir(stage.path("drill")).unwrap().count(), 0, "all is erased");
}

#[test]
fn excluded_files_are_left_out_and_commands_run_before_and_after() {
    let stage = Stage::of_files();
    fs::write(stage.path("data/x.tmp"), "x").unwrap();
    fs::create_dir(stage.path("data/cache")).unwrap();
    fs::write(stage.path("data/cache/y"), "y").unwrap();
    let excluded = stage.path("data/cache");
    stage.configure("/source/files/exclude", json!(["*.tmp", excluded]));
    stage.configure("/source/files/pre", json!(["/usr/bin/touch", stage.path("data/by-pre")]));
    stage.configure("/source/files/post", json!(["/usr/bin/touch", stage.path("by-post")]));
    stage.run(&["run"]);
    let listed = stage.run_restic(&["ls", "latest"]);
    assert!(listed.contains("data/by-pre") && listed.contains("large.bin"), "{listed}");
    assert!(!listed.contains("x.tmp") && !listed.contains("cache/y"), "{listed}");
    assert!(stage.path("by-post").exists());
}

#[test]
fn a_failing_command_before_means_no_backup() {
    let stage = Stage::of_files();
    stage.configure("/source/files/pre", json!(["/bin/false"]));
    let told = stage.fail(&["run"]);
    assert!(told.contains("source.files.pre"), "{told}");
    assert_eq!(stage.objects("snapshots/"), [""; 0]);
    assert_eq!(stage.status()["last_run"]["outcome"], "failure");
}

#[test]
fn a_new_password_gets_its_key_before_the_old_one_loses_its() {
    let stage = Stage::of_files();
    stage.run(&["run"]);
    let old = fs::read_to_string(stage.path("password")).unwrap();
    write_secret(&stage.path("old-password"), &old);
    write_secret(&stage.path("password"), &stage::random_name());
    let told = stage.fail(&["run"]);
    assert!(told.contains("wrong password"), "{told}");
    stage.configure("/repository/previous_password", json!({ "file": stage.path("old-password") }));
    stage.configure("/repository/recovery_password", json!({ "file": stage.path("recovery") }));
    write_secret(&stage.path("recovery"), &stage::random_name());
    stage.run(&["run"]);
    assert_eq!(stage.objects("keys/").len(), 2, "the new one's and the recovery's");
    assert_eq!(stage.snapshots_of_restic().len(), 2, "restic opens it by the new one");
    fs::copy(stage.path("recovery"), stage.path("password")).unwrap();
    assert_eq!(stage.snapshots_of_restic().len(), 2, "and by the recovery password");
    fs::copy(stage.path("old-password"), stage.path("password")).unwrap();
    assert!(!stage.restic(&["snapshots"]).output().unwrap().status.success(), "not by the old one");
}

#[test]
fn keys_are_changed_without_a_backup_and_before_there_is_a_repository() {
    let stage = Stage::of_files();
    stage.run(&["keys"]);
    assert_eq!(stage.objects(""), [""; 0], "nothing is made by it");
    stage.run(&["run"]);
    let old = fs::read_to_string(stage.path("password")).unwrap();
    write_secret(&stage.path("old-password"), &old);
    write_secret(&stage.path("password"), &stage::random_name());
    stage.configure("/repository/previous_password", json!({ "file": stage.path("old-password") }));
    stage.run(&["keys"]);
    assert_eq!((stage.objects("keys/").len(), stage.snapshots_of_restic().len()), (1, 1));
    stage.run(&["keys"]);
    assert_eq!(stage.objects("keys/").len(), 1, "a second time changes nothing");
}

#[test]
fn what_an_intruder_wiped_is_restored_as_it_was_and_put_back() {
    let stage = Stage::of_files();
    stage.run(&["run"]);
    let before = now_in_whole_seconds();
    await_next_second();
    for key in stage.objects("") {
        stage.request("DELETE", &key, "");
    }
    let told = stage.fail(&["run"]);
    assert!(told.contains("is gone"), "nothing new is made in its place: {told}");
    let target = stage.path("restored");
    stage.run(&["restore", "--at", &before, "--target", target.to_str().unwrap()]);
    assert_same(&stage.path("data"), &target);
    stage.run(&["restore", "--at", &before, "--repository"]);
    stage.run(&["run"]);
    stage.run_restic(&["check", "--read-data"]);
    assert_eq!(stage.snapshots_of_restic().len(), 2);
}

#[test]
fn what_was_damaged_even_then_is_left_out_and_told() {
    let stage = Stage::of_files();
    stage.run(&["run"]);
    await_next_second();
    let damaged = flip_a_byte(&stage);
    let then = now_in_whole_seconds();
    await_next_second();
    for key in stage.objects("") {
        stage.request("DELETE", &key, "");
    }
    let output = stage.try_run(&["restore", "--at", &then, "--repository"]);
    assert_eq!(output.status.code(), Some(3), "{}", stage::told(&output));
    let restore = stage.status()["last_restore"].clone();
    let name = damaged.rsplit('/').next().unwrap();
    assert!(restore["problems"].to_string().contains(name), "{restore:#}");
    assert_eq!(restore["outcome"], "incomplete", "{restore:#}");
    assert!(!stage.objects("data/").contains(&damaged));
    // The damage is found by who looks for it.
    stage.fail(&["check"]);
}

#[test]
fn secrets_are_nowhere_but_in_their_files() {
    let stage = Stage::of_files();
    let mut spoken = stage.run(&["run"]);
    spoken += &stage.run(&["status"]);
    for entry in fs::read_dir(stage.path("records/test")).unwrap().flatten().filter(|e| e.path().is_file()) {
        spoken += &fs::read_to_string(entry.path()).unwrap();
    }
    for name in ["password", "access-key", "secret-key"] {
        let secret = fs::read_to_string(stage.path(name)).unwrap();
        assert!(!spoken.contains(&secret), "{name} is told");
    }
}

fn make_backups(stage: &Stage, count: u64) {
    for seed in 0..count {
        fs::write(stage.path("data/changing.bin"), noise(200_000, seed)).unwrap();
        stage.run(&["run"]);
    }
}

/// Damages an object of the data; gives its key.
fn flip_a_byte(stage: &Stage) -> String {
    let key = stage.objects("data/").into_iter().next().unwrap();
    let mut content = stage.request_bytes("GET", &key, &[]);
    let middle = content.len() / 2;
    content[middle] ^= 1;
    stage.request_bytes("PUT", &key, &content);
    key
}

fn assert_same(original: &Path, restored_root: &Path) {
    let restored = restored_root.join(original.strip_prefix("/").unwrap());
    let compared = Command::new("diff").arg("-r").args([original, &restored]).output().unwrap();
    assert!(compared.status.success(), "{}", stage::told(&compared));
}
