//! What goes wrong: S3 that errs, agents that are killed, two at once, no room. Nothing is lost, nothing is silently
//! incomplete, and the next run succeeds.

mod stage;

use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use acceptance::fault_rule::{Rule, Trigger};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use stage::{Stage, noise, told};

#[test]
fn one_fault_at_any_call_is_borne_by_every_command() {
    let stage = Stage::of_files();
    configure_drill(&stage);
    stage.run(&["run"]);
    let faults: [fn(Trigger) -> Rule; 5] = [
        Trigger::internal_error,
        Trigger::cut_before,
        Trigger::cut_after,
        Trigger::truncated_body,
        |trigger| trigger.slow_body(Duration::from_millis(20)),
    ];
    let target = stage.path("restored");
    let commands: [&[&str]; 6] = [
        &["run"],
        &["check"],
        &["drill"],
        &["forget"],
        &["keys"],
        &["restore", "--target", target.to_str().unwrap()],
    ];
    for command in commands {
        let calls = calls_of(&stage, command);
        for n in (1..=calls).step_by(2) {
            let _ = fs::remove_dir_all(&target);
            stage.s3.heal();
            stage.s3.inject(faults[(n / 2) % faults.len()](Rule::on_any_call().nth(n)));
            let output = stage.try_run(command);
            assert!(output.status.success(), "{command:?}, fault {n} of {calls}: {}", told(&output));
        }
        stage.s3.heal();
    }
    stage.run_restic(&["check", "--read-data"]);
}

#[test]
fn a_first_run_bears_a_write_that_was_done_although_the_answer_was_lost() {
    let calls = {
        let stage = Stage::of_files();
        stage.run(&["run"]);
        stage.s3.calls().len()
    };
    for n in (1..=calls).step_by(3) {
        let stage = Stage::of_files();
        stage.s3.inject(Rule::on_any_call().nth(n).cut_after());
        let output = stage.try_run(&["run"]);
        assert!(output.status.success(), "call {n} of {calls}: {}", told(&output));
        stage.run_restic(&["check", "--read-data"]);
        assert_eq!(stage.snapshots_of_restic().len(), 1, "call {n} of {calls}");
    }
}

#[test]
fn an_s3_that_stays_away_fails_the_run_in_time_and_is_told() {
    let stage = Stage::of_files();
    stage.configure("/limits/retries", json!("1s"));
    stage.run(&["run"]);
    for after in [0, 3, 8] {
        (1..=after).for_each(|n| stage.s3.inject(Rule::on_any_call().nth(n).delay(Duration::ZERO)));
        stage.s3.inject(Rule::on_any_call().internal_error());
        fs::write(stage.path("data/new.bin"), noise(100_000, after as u64 + 9)).unwrap();
        let told = stage.fail(&["run"]);
        assert!(told.contains("limits.retries"), "{told}");
        assert_eq!(stage.status()["last_run"]["outcome"], "failure");
        stage.s3.heal();
        stage.run(&["run"]);
    }
    stage.run_restic(&["check", "--read-data"]);
}

#[test]
fn an_outage_or_the_end_of_a_check_is_no_damage_and_forgetting_goes_on() {
    let stage = Stage::of_files();
    stage.configure("/limits/retries", json!("1s"));
    make_backups(&stage, 2);
    for command in ["check", "forget"] {
        // What an earlier one left behind is gone then.
        stage.run(&[command]);
        let calls = calls_of(&stage, &[command]);
        // The last one gives up the lock, which may fail.
        for n in (1..calls).step_by(3) {
            stage.s3.inject(Rule::on_any_call().from(n).internal_error());
            let told = stage.fail(&[command]);
            assert!(told.contains("limits.retries"), "{command}, call {n} of {calls}: {told}");
            assert_ne!(stage.status()["last_check"]["ok"], false, "{command}, call {n} of {calls}: {told}");
            stage.s3.heal();
        }
        for n in [1, calls / 2, calls - 1] {
            let held = hold_at(&stage, &[command], n);
            let told = told(&terminate(held));
            assert!(told.contains("ended by a signal"), "{command}, call {n} of {calls}: {told}");
            assert_ne!(stage.status()["last_check"]["ok"], false, "{command}, call {n} of {calls}: {told}");
            stage.s3.heal();
        }
    }
    make_backups(&stage, 1);
    stage.run(&["forget"]);
    assert_eq!(stage.objects("snapshots/").len(), 2);
}

#[test]
fn a_run_that_is_killed_anywhere_loses_nothing_and_the_next_one_succeeds() {
    let stage = Stage::of_files();
    stage.run(&["run"]);
    let calls = calls_of(&stage, &["run"]);
    for n in (1..=calls).step_by(2) {
        fs::write(stage.path("data/new.bin"), noise(100_000, n as u64)).unwrap();
        kill_at(&stage, &["run"], n);
        assert_eq!(stage.status()["last_run"]["outcome"], "failure", "call {n} of {calls}");
        // restic goes by a lock until somebody says `unlock`; the agent sees that its holder is gone.
        stage.run_restic(&["check", "--no-lock"]);
        stage.run(&["run"]);
    }
    stage.run(&["forget"]);
    stage.run_restic(&["check", "--read-data"]);
    assert_eq!(stage.objects("locks/"), [""; 0]);
}

#[test]
fn a_first_run_that_is_killed_anywhere_does_not_hinder_the_next_one() {
    let calls = {
        let stage = Stage::of_files();
        calls_of(&stage, &["run"])
    };
    for n in (1..=calls).step_by(3) {
        let stage = Stage::of_files();
        kill_at(&stage, &["run"], n);
        stage.run(&["run"]);
        stage.run_restic(&["check", "--read-data"]);
        assert_eq!(stage.status()["last_run"]["outcome"], "success");
    }
}

#[test]
fn a_forget_that_is_killed_anywhere_loses_no_backup_that_is_kept() {
    let stage = Stage::of_files();
    let calls = {
        make_backups(&stage, 3);
        calls_of(&stage, &["forget"])
    };
    for n in (1..=calls).step_by(3) {
        make_backups(&stage, 2);
        kill_at(&stage, &["forget"], n);
        stage.run_restic(&["check", "--no-lock", "--read-data"]);
        stage.run(&["forget"]);
        stage.run_restic(&["check", "--read-data"]);
        assert_eq!(stage.snapshots_of_restic().len(), 2, "call {n} of {calls}");
    }
}

#[test]
fn check_restore_and_drill_that_are_killed_leave_nothing_that_hinders() {
    let stage = Stage::of_files();
    configure_drill(&stage);
    stage.run(&["run"]);
    let target = stage.path("restored");
    let commands: [&[&str]; 3] = [&["check"], &["drill"], &["restore", "--target", target.to_str().unwrap()]];
    for command in commands {
        let calls = calls_of(&stage, command);
        for n in [2, calls / 2, calls.saturating_sub(1)] {
            let _ = fs::remove_dir_all(&target);
            kill_at(&stage, command, n.max(1));
            let _ = fs::remove_dir_all(&target);
            stage.run(command);
        }
        let _ = fs::remove_dir_all(&target);
    }
    stage.run(&["forget"]);
    assert_eq!(fs::read_dir(stage.path("drill")).unwrap().count(), 0);
}

#[test]
fn a_change_of_password_that_is_killed_anywhere_is_finished_by_the_next_command() {
    let stage = Stage::of_files();
    stage.run(&["run"]);
    stage.configure("/repository/previous_password", json!({ "file": stage.path("old-password") }));
    let change_password = || {
        fs::rename(stage.path("password"), stage.path("old-password")).unwrap();
        stage::write_secret(&stage.path("password"), &stage::random_name());
    };
    change_password();
    let calls = calls_of(&stage, &["keys"]);
    for n in (1..=calls).step_by(3) {
        change_password();
        kill_at(&stage, &["keys"], n);
        stage.run(&["keys"]);
        assert_eq!(stage.objects("keys/").len(), 1, "call {n} of {calls}");
        assert_eq!(stage.snapshots_of_restic().len(), 1, "by the new password, call {n} of {calls}");
    }
}

#[test]
fn every_put_carries_a_checksum_that_s3_can_verify() {
    let stage = Stage::of_files();
    stage.run(&["run"]);
    let calls = stage.s3.take_calls();
    let puts: Vec<_> = calls.iter().filter(|call| call.action.starts_with("PUT ")).collect();
    assert!(puts.len() > 4, "a lock, a key, the configuration, data, an index, a snapshot: {puts:?}");
    for put in puts {
        let sum = BASE64.decode(put.header("x-amz-checksum-sha256")).unwrap();
        assert_eq!(sum, Sha256::digest(&put.body).to_vec(), "{}", put.action);
    }
}

#[test]
fn all_threads_of_a_running_agent_let_others_go_first() {
    let stage = Stage::of_files();
    stage.configure("/limits/nice", json!(15));
    stage.configure("/limits/io", json!("idle"));
    let run = hold_at(&stage, &["run"], 3);
    let mut threads = 0;
    for thread in fs::read_dir(format!("/proc/{}/task", run.id())).unwrap().flatten() {
        // proc(5): after the name in parentheses, field 19 is the niceness.
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap();
        let nice = stat.rsplit(')').next().unwrap().split_whitespace().nth(16).unwrap();
        let id = thread.file_name();
        let io = Command::new("ionice").arg("--pid").arg(id).output().unwrap();
        assert_eq!((nice, String::from_utf8_lossy(&io.stdout).trim()), ("15", "idle"));
        threads += 1;
    }
    assert!(threads > 2, "the calls of S3 have their own");
    stage.s3.heal();
    end(run);
}

#[test]
fn of_two_commands_of_a_policy_on_one_machine_the_second_is_told() {
    let stage = Stage::of_files();
    stage.run(&["run"]);
    let first = hold_at(&stage, &["run"], 3);
    let told = stage.fail(&["forget"]);
    assert!(told.contains("another command"), "{told}");
    stage.s3.heal();
    end(first);
    stage.run(&["run"]);
}

#[test]
fn two_machines_that_begin_at_once_share_one_repository() {
    for _ in 0..3 {
        let stage = Stage::of_files();
        let first = stage.start(&["run"]);
        stage.configure("/records", json!(stage.path("records-of-another")));
        stage.configure("/metrics_file", json!(stage.path("metrics-of-another.prom")));
        let second = stage.try_run(&["run"]);
        let first = first.wait_with_output().unwrap();
        assert!(first.status.success(), "{}", told(&first));
        assert!(second.status.success(), "{}", told(&second));
        assert_eq!(stage.objects("keys/").len(), 1, "a key that fits nothing would confuse restic");
        assert_eq!(stage.snapshots_of_restic().len(), 2);
        stage.run_restic(&["check", "--read-data"]);
    }
}

#[test]
fn while_a_run_holds_its_lock_restic_does_not_prune_and_forget_waits() {
    let stage = Stage::of_files();
    stage.run(&["run"]);
    stage.configure("/source/files/pre", json!(["/bin/sleep", "600"]));
    let run = stage.start(&["run"]);
    await_event(&stage, "pre_command");
    let restic = stage.restic(&["prune"]).output().unwrap();
    assert!(told(&restic).contains("locked"), "{}", told(&restic));
    stage.configure("/records", json!(stage.path("records-of-another")));
    stage.configure("/limits/lock_wait", json!("0s"));
    let told = stage.fail(&["forget"]);
    assert!(told.contains("locked by process"), "{told}");
    Command::new("kill").arg(run.id().to_string()).status().unwrap();
    run.wait_with_output().unwrap();
}

#[test]
fn secrets_are_neither_arguments_nor_in_the_environment() {
    let stage = Stage::of_files();
    let run = hold_at(&stage, &["run"], 3);
    let of = |name| fs::read(format!("/proc/{}/{name}", run.id())).unwrap();
    let seen = String::from_utf8_lossy(&[of("cmdline"), of("environ")].concat()).into_owned();
    for name in ["password", "access-key", "secret-key"] {
        assert!(!seen.contains(&fs::read_to_string(stage.path(name)).unwrap()), "{name}: {seen}");
    }
    stage.s3.heal();
    end(run);
}

#[test]
fn a_time_limit_ends_a_run_that_hangs() {
    let stage = Stage::of_files();
    stage.run(&["run"]);
    stage.configure("/limits/time", json!("2s"));
    stage.configure("/source/files/pre", json!(["/bin/sleep", "60"]));
    let began = Instant::now();
    stage.fail(&["run"]);
    assert!(began.elapsed() < Duration::from_secs(30));
    assert_eq!(stage.status()["last_run"]["outcome"], "failure");
    assert_eq!(stage.objects("locks/"), [""; 0]);
}

/// As when a time server was wrong. A lock that others may take for stale by now keeps nobody out, so nothing is committed
/// under it.
#[test]
fn a_clock_that_jumps_in_the_middle_of_a_run_loses_nothing() {
    let stage = Stage::of_files();
    let clock = stage.path("clock");
    make_backups(&stage, 1);
    for (seed, jump, ends_well) in [(7, "+3d", false), (8, "-3d", true)] {
        fs::write(&clock, "+0d").unwrap();
        let jumps = format!("echo {jump} >{}", clock.display());
        stage.configure("/source/files/pre", json!(["/bin/sh", "-c", jumps]));
        fs::write(stage.path("data/new.bin"), noise(100_000, seed)).unwrap();
        let output = faked(stage.agent(&["run"]), &clock).output().unwrap();
        assert_eq!(fs::read_to_string(&clock).unwrap().trim(), jump);
        assert_eq!(output.status.success(), ends_well, "{jump}: {}", told(&output));
        assert!(ends_well || told(&output).contains("became stale meanwhile"), "{}", told(&output));
        assert_eq!(stage.objects("locks/"), [""; 0]);
        stage.run_restic(&["check", "--read-data"]);
    }
    stage.configure("/source/files/pre", json!(["/bin/true"]));
    make_backups(&stage, 1);
    let status = stage.status();
    let newest = status["last_run"]["snapshot"].as_str().unwrap();
    stage.run(&["forget"]);
    let kept = stage.snapshots_of_restic();
    let is_newest = |snapshot: &Value| snapshot["id"].as_str().is_some_and(|id| id.starts_with(newest));
    assert!(kept.iter().any(is_newest), "{kept:#?}");
    stage.run_restic(&["check", "--read-data"]);
}

/// A program whose clock is ahead by what the file says, or behind.
fn faked(mut program: Command, clock: &Path) -> Command {
    let found = Command::new("find").args(["/usr/lib", "-name", "libfaketime.so.1"]).output().unwrap();
    let library = String::from_utf8(found.stdout).unwrap();
    program
        .env("LD_PRELOAD", library.lines().next().expect("libfaketime"))
        .env("FAKETIME_TIMESTAMP_FILE", clock)
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    program
}

#[test]
fn a_signal_ends_a_run_in_order() {
    let stage = Stage::of_files();
    stage.run(&["run"]);
    stage.configure("/source/files/pre", json!(["/bin/sleep", "60"]));
    let run = stage.start(&["run"]);
    await_event(&stage, "pre_command");
    Command::new("kill").arg(run.id().to_string()).status().unwrap();
    let output = run.wait_with_output().unwrap();
    assert!(!output.status.success(), "{}", told(&output));
    assert_eq!(stage.objects("locks/"), [""; 0]);
    let status = stage.status();
    assert_eq!(status["last_run"]["outcome"], "failure", "{status:#}");
}

#[test]
fn the_command_after_a_backup_runs_although_the_run_was_ended() {
    let ended: [fn(&Stage, usize) -> String; 2] = [
        |stage, call| told(&terminate(hold_at(stage, &["run"], call))),
        |stage, call| {
            stage.configure("/limits/time", json!("20s"));
            stage.s3.inject(Rule::on_any_call().from(call).delay(Duration::from_mins(1)));
            stage.fail(&["run"])
        },
    ];
    for (end, because) in ended.into_iter().zip(["ended by a signal", "limits.time"]) {
        let stage = Stage::of_files();
        stage.run(&["run"]);
        let call = put_of_data(&stage);
        let script = format!("touch {}; echo broken >&2; exit 3", stage.path("by-post").display());
        stage.configure("/source/files/post", json!(["/bin/sh", "-c", script]));
        let told = end(&stage, call);
        assert!(told.contains(because) && told.contains("exit status: 3: broken"), "{told}");
        assert!(stage.path("by-post").exists(), "{told}");
        assert_eq!(stage.status()["last_run"]["outcome"], "failure");
    }
}

#[test]
fn the_command_after_a_backup_undoes_what_one_before_it_began_that_was_ended() {
    let stage = Stage::of_files();
    stage.configure("/source/files/pre", json!(["/bin/sleep", "600"]));
    stage.configure("/source/files/post", json!(["/usr/bin/touch", stage.path("by-post")]));
    let run = stage.start(&["run"]);
    await_event(&stage, "pre_command");
    let told = told(&terminate(run));
    assert!(told.contains("ended by a signal") && stage.path("by-post").exists(), "{told}");
}

mod on_servers {
    //! These need root, to mount a small file system.

    use super::*;

    #[test]
    fn a_full_disk_is_told_and_the_next_run_succeeds_once_there_is_room() {
        let stage = Stage::of_files();
        configure_drill(&stage);
        stage.run(&["run"]);
        let small = SmallDisk::at(&stage.path("records"), "64k");
        fs::create_dir(stage.path("records/test")).unwrap();
        fs::write(stage.path("records/fill"), noise(60_000, 5)).unwrap();
        let told = stage.fail(&["run"]);
        assert!(told.contains("No space left"), "{told}");
        drop(small);
        stage.run(&["run"]);
        let small = SmallDisk::at(&stage.path("drill"), "1M");
        stage.fail(&["drill"]);
        let drill = stage.status()["last_drill"].clone();
        assert!(drill["problems"].to_string().contains("bytes free"), "{drill:#}");
        drop(small);
        stage.run(&["drill"]);
    }

    struct SmallDisk(std::path::PathBuf);

    impl SmallDisk {
        fn at(path: &Path, size: &str) -> Self {
            fs::create_dir_all(path).unwrap();
            let options = format!("size={size}");
            let mounted = Command::new("mount")
                .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
                .arg(path)
                .output()
                .unwrap();
            assert!(mounted.status.success(), "{}", told(&mounted));
            Self(path.to_owned())
        }
    }

    impl Drop for SmallDisk {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg(&self.0).status();
        }
    }
}

fn configure_drill(stage: &Stage) {
    stage.configure("/drill/scratch", json!(stage.path("drill")));
    stage.configure("/drill/files", json!([stage.path("data/large.bin")]));
}

fn make_backups(stage: &Stage, count: u64) {
    for _ in 0..count {
        let seed = stage.s3.calls().len() as u64;
        fs::write(stage.path("data/changing.bin"), noise(100_000, seed)).unwrap();
        stage.run(&["run"]);
    }
}

/// How many calls of S3 a command makes.
fn calls_of(stage: &Stage, command: &[&str]) -> usize {
    stage.s3.take_calls();
    stage.run(command);
    stage.s3.take_calls().len()
}

/// A command that waits in its `n`th call of S3.
fn hold_at(stage: &Stage, command: &[&str], n: usize) -> Child {
    stage.s3.heal();
    stage.s3.take_calls();
    // Also every later one: calls overlap.
    (0..200)
        .for_each(|more| stage.s3.inject(Rule::on_any_call().nth(n + more).delay(Duration::from_secs(20))));
    let mut child = stage.start(command);
    let end = Instant::now() + Duration::from_mins(1);
    while !stage.s3.await_calls(n, Duration::from_millis(200)) && child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < end, "{command:?} does not come to call {n}");
    }
    child
}

fn kill_at(stage: &Stage, command: &[&str], n: usize) {
    let mut child = hold_at(stage, command, n);
    child.kill().unwrap();
    child.wait().unwrap();
    stage.s3.heal();
}

fn end(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Ends a command as systemd does; it has no more than a few seconds, however long a call would take.
fn terminate(child: Child) -> std::process::Output {
    let began = Instant::now();
    Command::new("kill").arg(child.id().to_string()).status().unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(began.elapsed() < Duration::from_secs(15), "{}", told(&output));
    output
}

/// The number of the call by which a run puts the first of what is new.
fn put_of_data(stage: &Stage) -> usize {
    fs::write(stage.path("data/new.bin"), noise(100_000, 2)).unwrap();
    stage.s3.take_calls();
    stage.run(&["run"]);
    fs::write(stage.path("data/new.bin"), noise(100_000, 3)).unwrap();
    let calls = stage.s3.take_calls();
    let is_put = |action: &str| action.starts_with("PUT ") && action.contains("/data/");
    1 + calls.iter().position(|call| is_put(&call.action)).unwrap()
}

fn await_event(stage: &Stage, event: &str) {
    let end = Instant::now() + Duration::from_mins(1);
    let events = stage.path("records/test/events.jsonl");
    let wanted = format!("\"event\":\"{event}\"");
    while !fs::read_to_string(&events).unwrap_or_default().contains(&wanted) {
        assert!(Instant::now() < end, "no event {event}");
        std::thread::yield_now();
    }
}
