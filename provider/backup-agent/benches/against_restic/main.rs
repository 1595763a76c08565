//! The agent beside Debian's restic, on one machine, one S3 and the same data: `pg_dump | restic backup --stdin` for a
//! database, `restic backup` for files; a first and a second backup of each, wall time and peak memory.
//!
//! `cargo bench -p backup-agent -- [FILE]` prints a table, and writes it to FILE. Needs root, PostgreSQL and restic.
//! `SOCLE_BACKUP_AGENT` names another agent than the one that was just built, as the static one of a release.
//! Sizes: `SOCLE_BENCH_DATABASE_MB` (1024) and `SOCLE_BENCH_FILES` (100000).

#[path = "../../tests/stage/mod.rs"]
mod stage;

use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use stage::Stage;
use stage::postgresql::{Server, command};

/// How one backup went.
struct Measured {
    seconds: f64,
    peak_mb: u64,
}

fn main() {
    let megabytes = size("SOCLE_BENCH_DATABASE_MB", 1024);
    let files = size("SOCLE_BENCH_FILES", 100_000);
    let mut table = String::from(
        "| what | how | first run | throughput | peak memory | second run |\n|---|---|---|---|---|---|\n",
    );
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    bench_database(folder.path(), megabytes, &mut table);
    bench_files(folder.path(), files, &mut table);
    println!("{table}");
    if let Some(file) = std::env::args().skip(1).find(|argument| !argument.starts_with('-')) {
        fs::write(&file, format!("# Backups beside restic\n\n{table}")).unwrap();
    }
}

fn bench_database(folder: &Path, megabytes: u64, table: &mut String) {
    let server = Server::empty(&folder.join("live"));
    server.execute("postgres", "create database social;");
    // About 1 kB a row, of which some compresses.
    let rows = megabytes * 1000;
    server.execute(
        "social",
        &format!(
            "create table posts (id bigint, body text); \
             insert into posts select n, (select string_agg(md5((n * 31 + m)::text), ' ') from generate_series(1, 30) m) \
             from generate_series(1, {rows}) n;"
        ),
    );
    let bytes = server.execute("postgres", "select pg_database_size('social');").parse().unwrap();
    let what = format!("database, {} MB", bytes / 1_000_000);
    let ours = Stage::of_databases(&server);
    report(table, &what, "socle-backup", bytes, || measure(ours.agent(&["run"])));
    let theirs = Stage::of_databases(&server);
    theirs.run_restic(&["init"]);
    report(table, &what, "pg_dump \\| restic", bytes, || {
        let mut dump = command("pg_dump");
        dump.args(["--format=custom", "--compress=0", "--username=postgres", "--host"]).arg(&server.folder);
        let mut dump = dump.arg("social").stdout(Stdio::piped()).spawn().unwrap();
        let mut restic = theirs.restic(&["backup", "--stdin"]);
        restic.stdin(dump.stdout.take().unwrap());
        let measured = measure(restic);
        assert!(dump.wait().unwrap().success());
        measured
    });
}

fn bench_files(folder: &Path, count: u64, table: &mut String) {
    let data = folder.join("files");
    let mut bytes = 0;
    for n in 0..count {
        let parent = data.join((n / 1000).to_string());
        if n % 1000 == 0 {
            fs::create_dir_all(&parent).unwrap();
        }
        let length = 1000 + usize::try_from(n * 7919 % 8000).unwrap();
        bytes += length as u64;
        fs::write(parent.join(n.to_string()), stage::noise(length, n + 1)).unwrap();
    }
    let what = format!("{count} files, {} MB", bytes / 1_000_000);
    let ours = Stage::new();
    ours.configure("/source", json!({ "files": { "paths": [data] } }));
    report(table, &what, "socle-backup", bytes, || measure(ours.agent(&["run"])));
    let theirs = Stage::new();
    theirs.run_restic(&["init"]);
    report(table, &what, "restic", bytes, || measure(theirs.restic(&["backup", data.to_str().unwrap()])));
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn report(table: &mut String, what: &str, how: &str, bytes: u64, backup: impl Fn() -> Measured) {
    let (first, second) = (backup(), backup());
    let rate = bytes as f64 / 1e6 / first.seconds;
    let peak = first.peak_mb.max(second.peak_mb);
    let line = format!(
        "| {what} | {how} | {:.1} s | {rate:.0} MB/s | {peak} MB | {:.1} s |",
        first.seconds, second.seconds
    );
    eprintln!("{line}");
    writeln!(table, "{line}").unwrap();
}

/// Runs it to its end, which must be a success.
fn measure(mut command: Command) -> Measured {
    let began = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stderr.take().unwrap();
    let told = thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).map(|_| text)
    });
    let peak_mb = watch(&mut child);
    let status = child.wait().unwrap();
    let seconds = began.elapsed().as_secs_f64();
    assert!(status.success(), "{}", told.join().unwrap().unwrap());
    std::io::stderr().flush().unwrap();
    Measured { seconds, peak_mb }
}

/// The kernel keeps the peak; it is read until the process is gone.
fn watch(child: &mut Child) -> u64 {
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = kilobytes.map_or(peak, |kilobytes| kilobytes / 1000);
        thread::sleep(Duration::from_millis(20));
    }
    peak
}

fn size(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}
