//! A real PostgreSQL in a temporary folder, with the database of a social network.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{Stage, told};

/// Debian's folder of the newest PostgreSQL that is installed.
pub(crate) fn programs() -> &'static str {
    static FOUND: OnceLock<String> = OnceLock::new();
    FOUND.get_or_init(|| {
        let installed = fs::read_dir("/usr/lib/postgresql").unwrap().flatten();
        let versions = installed.filter(|entry| entry.path().join("bin/initdb").is_file());
        let versions = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        format!("/usr/lib/postgresql/{}/bin", versions.max().unwrap())
    })
}

/// The live server's system user, and the drill's.
pub(crate) const LIVE: &str = "postgres";
pub(crate) const DRILL: &str = "nobody";

/// A server that ends when this is dropped.
pub(crate) struct Server {
    pub(crate) folder: PathBuf,
    postgres: Child,
}

/// The database `social`: people, what they write, and whom they follow.
const SOCIAL: &str = r#"
create role social_app login;
create database social owner social_app;
\connect social
create table users (id bigint primary key, name text not null, joined timestamptz not null default '2026-01-01');
create table posts (id bigint primary key, author bigint not null references users, body text not null);
create table follows (follower bigint references users, followed bigint references users, primary key (follower, followed));
create table "Odd ""name""" (id int);
create table events (id bigint, kind int) partition by list (kind);
create table events_1 partition of events for values in (1);
create table events_2 partition of events for values in (2);
alter table users owner to social_app;
insert into users select n, 'user ' || n from generate_series(1, 500) n;
insert into posts select n, 1 + n % 500, 'post ' || n || E'\nwith a second line and a \\. ' || repeat(md5(n::text), 8) from generate_series(1, 5000) n;
insert into follows select 1 + n % 500, 1 + (n * 7) % 500 from generate_series(1, 3000) n on conflict do nothing;
insert into "Odd ""name""" values (1), (2);
insert into events select n, 1 + n % 2 from generate_series(1, 100) n;
create function copy_text() returns text language sql as $$ select '
COPY public.users (id) FROM stdin;
' $$;
"#;

impl Server {
    /// An empty server.
    pub(crate) fn empty(folder: &Path) -> Self {
        fs::create_dir_all(folder).unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
        let (uid, gid) = ids(LIVE);
        chown(folder, Some(uid), Some(gid)).unwrap();
        let data = folder.join("data");
        let made = command("initdb")
            .args(["--username=postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"])
            .arg("--pgdata")
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", told(&made));
        let postgres = start(folder);
        let server = Self { folder: folder.to_owned(), postgres };
        server.await_ready();
        server
    }

    /// A server with the database `social`.
    pub(crate) fn social(folder: &Path) -> Self {
        let server = Self::empty(folder);
        server.execute("postgres", SOCIAL);
        server
    }

    pub(crate) fn execute(&self, database: &str, sql: &str) -> String {
        let mut psql = command("psql");
        psql.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, "-h"]);
        psql.arg(&self.folder).stdin(super::file_with(sql.as_bytes()));
        let output = psql.output().unwrap();
        assert!(output.status.success(), "{sql}: {}", told(&output));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Every row of every table, as one checksum each.
    pub(crate) fn checksums(&self, database: &str) -> Vec<String> {
        let tables = ["users", "posts", "follows", r#""Odd ""name""""#, "events"];
        let checksum = |table: &&str| {
            let text = "string_agg(t::text, E'\\n' order by t::text collate \"C\")";
            self.execute(database, &format!("select count(*) || ' ' || md5({text}) from {table} t;"))
        };
        tables.iter().map(checksum).collect()
    }

    /// Ends at once, without a word to its clients, and comes back.
    pub(crate) fn restart(&mut self) {
        self.signal("QUIT");
        self.postgres.wait().unwrap();
        self.postgres = start(&self.folder);
        self.await_ready();
    }

    fn signal(&self, name: &str) {
        let pid = self.postgres.id().to_string();
        Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap();
    }

    fn await_ready(&self) {
        let end = Instant::now() + Duration::from_mins(1);
        // pg_isready with a timeout waits for the socket itself; a socket that is not there yet is asked for again.
        while !command("pg_isready")
            .args(["-q", "-t", "5", "-h"])
            .arg(&self.folder)
            .status()
            .unwrap()
            .success()
        {
            assert!(Instant::now() < end, "the server does not come up");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.signal("QUIT");
        let _ = self.postgres.wait();
    }
}

/// A client that holds a lock on a table until this is dropped.
pub(crate) struct Blocker {
    psql: Child,
    folder: PathBuf,
}

impl Blocker {
    pub(crate) fn lock(server: &Server, database: &str, table: &str) -> Self {
        let mut psql = command("psql");
        psql.args(["-XAtq", "-U", "postgres", "-d", database, "-h"]).arg(&server.folder);
        let mut psql = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let script = format!("begin; lock table {table} in access exclusive mode; select 'locked';\n");
        psql.stdin.as_mut().unwrap().write_all(script.as_bytes()).unwrap();
        let mut line = String::new();
        BufReader::new(psql.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "locked");
        Self { psql, folder: server.folder.clone() }
    }

    /// Until somebody waits for the lock.
    pub(crate) fn await_waiting(&self, server: &Server) {
        assert_eq!(self.folder, server.folder);
        let end = Instant::now() + Duration::from_mins(1);
        while server.execute("postgres", "select count(*) from pg_locks where not granted;") == "0" {
            assert!(Instant::now() < end, "nobody waits");
        }
    }
}

impl Drop for Blocker {
    fn drop(&mut self) {
        drop(self.psql.stdin.take());
        let _ = self.psql.wait();
    }
}

impl Stage {
    /// A policy of all databases of the server, with a drill.
    pub(crate) fn of_databases(server: &Server) -> Self {
        let stage = Self::new();
        let source = json!({
            "system_user": LIVE, "user": "postgres", "socket": server.folder, "programs": programs(),
            "databases": ["social"],
        });
        stage.configure("/source", json!({ "postgresql": source }));
        stage.configure("/drill/scratch", json!(stage.path("drill")));
        stage.configure("/drill/system_user", json!(DRILL));
        stage.configure("/drill/queries", json!([{ "sql": "select count(*) from users", "expect": "500" }]));
        stage
    }
}

pub(crate) fn command(program: &str) -> Command {
    use std::os::unix::process::CommandExt;
    let (uid, gid) = ids(LIVE);
    let mut command = Command::new(Path::new(programs()).join(program));
    command
        .uid(uid)
        .gid(gid)
        .current_dir("/")
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C.UTF-8");
    command
}

fn start(folder: &Path) -> Child {
    let log = fs::File::create(folder.join("log")).unwrap();
    command("postgres")
        .arg("-D")
        .arg(folder.join("data"))
        .args(["-c", "listen_addresses=", "-c", "fsync=off", "-k"])
        .arg(folder)
        .stdin(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

fn ids(user: &str) -> (u32, u32) {
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let line = passwd.lines().find(|line| line.starts_with(&format!("{user}:"))).unwrap();
    let fields: Vec<_> = line.split(':').collect();
    (fields[2].parse().unwrap(), fields[3].parse().unwrap())
}
