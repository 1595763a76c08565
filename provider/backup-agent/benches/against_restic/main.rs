//! The agent beside Debian's restic, on one machine, one S3 and the same data: `pg_dump | restic backup --stdin` for a
//! database, `restic backup` for files; a first and a second backup of each, wall time and peak memory: of the program
//! alone, and with all that works beside it (`pg_dump` for both, the agent's `pg_restore` that reads each dump).
//! The agent is to be at least as fast, to take less memory, and never more than 200 MB; the table is judged by that.
//!
//! `cargo bench -p backup-agent -- [FILE]` prints a table, and writes it to FILE. Needs root, PostgreSQL and restic.
//! `SOCLE_BACKUP_AGENT` names another agent than the one that was just built, as the static one of a release.
//! Sizes: `SOCLE_BENCH_DATABASE_MB` (1024) and `SOCLE_BENCH_FILES` (100000).

#[path = "../../tests/stage/mod.rs"]
mod stage;

use std::collections::BTreeMap;
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

/// The agent may take so much memory, however large what it backs up.
const BOUND_MB: u64 = 200;

/// How one backup went; memory is the peak of what is resident.
#[derive(Clone, Copy)]
struct Measured {
    seconds: f64,
    own_mb: u64,
    /// With the programs beside it, each at its peak.
    all_mb: u64,
}

/// A first and a second backup.
struct Pair {
    first: Measured,
    second: Measured,
}

fn main() {
    let megabytes = size("SOCLE_BENCH_DATABASE_MB", 1024);
    let files = size("SOCLE_BENCH_FILES", 100_000);
    let mut table = String::from(
        "| what | how | first run | throughput | peak memory | with what works beside it | second run |\n\
         |---|---|---|---|---|---|---|\n",
    );
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let database = bench_database(folder.path(), megabytes, &mut table);
    let files = bench_files(folder.path(), files, &mut table);
    let judged = [judge("database", &database), judge("files", &files)].concat();
    let text = format!("{table}\n{judged}");
    println!("{text}");
    if let Some(file) = std::env::args().skip(1).find(|argument| !argument.starts_with('-')) {
        fs::write(&file, format!("# Backups beside restic\n\n{text}")).unwrap();
    }
    let peak = database[0].own_mb().max(files[0].own_mb());
    assert!(peak <= BOUND_MB, "the agent took {peak} MB, more than {BOUND_MB} MB");
}

/// What was asked for, and whether it held: of ours and theirs.
fn judge(what: &str, [ours, theirs]: &[Pair; 2]) -> String {
    let (own, bound) = (ours.own_mb(), BOUND_MB);
    let claims = [
        (own <= bound, format!("peak memory {own} MB, at most {bound} MB")),
        (own < theirs.own_mb(), format!("less memory than restic's {} MB", theirs.own_mb())),
        (
            ours.all_mb() < theirs.all_mb(),
            format!("{} MB in all, less than {} MB", ours.all_mb(), theirs.all_mb()),
        ),
        (ours.first.seconds <= theirs.first.seconds, "the first run at least as fast".to_owned()),
        (ours.second.seconds <= theirs.second.seconds, "the second run at least as fast".to_owned()),
    ];
    let line = |(holds, claim): &(bool, String)| {
        format!("- {what}: {claim}: {}\n", if *holds { "holds" } else { "**does not hold**" })
    };
    claims.iter().map(line).collect()
}

impl Pair {
    fn own_mb(&self) -> u64 {
        self.first.own_mb.max(self.second.own_mb)
    }

    fn all_mb(&self) -> u64 {
        self.first.all_mb.max(self.second.all_mb)
    }
}

fn bench_database(folder: &Path, megabytes: u64, table: &mut String) -> [Pair; 2] {
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
    let ours = report(table, &what, "socle-backup", bytes, || measure(ours.agent(&["run"]), &[]));
    let theirs = Stage::of_databases(&server);
    theirs.run_restic(&["init"]);
    let theirs = report(table, &what, "pg_dump \\| restic", bytes, || {
        let mut dump = command("pg_dump");
        dump.args(["--format=custom", "--compress=0", "--username=postgres", "--host"]).arg(&server.folder);
        let mut dump = dump.arg("social").stdout(Stdio::piped()).spawn().unwrap();
        let mut restic = theirs.restic(&["backup", "--stdin"]);
        restic.stdin(dump.stdout.take().unwrap());
        let measured = measure(restic, &[dump.id()]);
        assert!(dump.wait().unwrap().success());
        measured
    });
    [ours, theirs]
}

fn bench_files(folder: &Path, count: u64, table: &mut String) -> [Pair; 2] {
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
    let ours = report(table, &what, "socle-backup", bytes, || measure(ours.agent(&["run"]), &[]));
    let theirs = Stage::new();
    theirs.run_restic(&["init"]);
    let backup = || measure(theirs.restic(&["backup", data.to_str().unwrap()]), &[]);
    [ours, report(table, &what, "restic", bytes, backup)]
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn report(table: &mut String, what: &str, how: &str, bytes: u64, backup: impl Fn() -> Measured) -> Pair {
    let pair = Pair { first: backup(), second: backup() };
    let rate = bytes as f64 / 1e6 / pair.first.seconds;
    let line = format!(
        "| {what} | {how} | {:.1} s | {rate:.0} MB/s | {} MB | {} MB | {:.1} s |",
        pair.first.seconds,
        pair.own_mb(),
        pair.all_mb(),
        pair.second.seconds
    );
    eprintln!("{line}");
    writeln!(table, "{line}").unwrap();
    pair
}

/// Runs it to its end, which must be a success; `beside` are processes that work with it and are not its children.
fn measure(mut command: Command, beside: &[u32]) -> Measured {
    let began = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stderr.take().unwrap();
    let told = thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).map(|_| text)
    });
    let peaks = watch(&mut child, beside);
    let status = child.wait().unwrap();
    let seconds = began.elapsed().as_secs_f64();
    assert!(status.success(), "{}", told.join().unwrap().unwrap());
    std::io::stderr().flush().unwrap();
    let own_mb = peaks.get(&child.id()).copied().unwrap_or_default() / 1000;
    Measured { seconds, own_mb, all_mb: peaks.values().sum::<u64>() / 1000 }
}

/// Peaks in kilobytes by process. The kernel keeps them; they are read until the process is gone.
fn watch(child: &mut Child, beside: &[u32]) -> BTreeMap<u32, u64> {
    let mut peaks = BTreeMap::new();
    while child.try_wait().unwrap().is_none() {
        for process in [&[child.id()], beside].concat().into_iter().flat_map(family) {
            let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
            peaks.extend(kilobytes.map(|kilobytes| (process, kilobytes)));
        }
        thread::sleep(Duration::from_millis(20));
    }
    peaks
}

/// A process and its children, which any of its threads may have started.
fn family(process: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lists = threads.map(|thread| fs::read_to_string(thread.path().join("children")).unwrap_or_default());
    let children: String = lists.collect();
    let children = children.split_whitespace().filter_map(|child| child.parse().ok());
    [process].into_iter().chain(children).collect()
}

fn size(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}
