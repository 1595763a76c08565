//! Logical dumps of a PostgreSQL server as the source of a backup: streamed, one database after the other.
//!
//! Each database is dumped in one exported transaction, in which its tables are listed too. The dump goes to the
//! repository and at the same time to `pg_restore`, which reads all of it and whose output is counted. A backup is
//! committed only when every tool ended well and every table is in its dump ([`DumpSource::witness`]).

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jiff::Timestamp;
use rustic_core::repofile::{Metadata, Node, NodeType};
use rustic_core::{ReadSource, ReadSourceEntry, ReadSourceOpen, RusticResult};

use super::postgresql::{ENTRANCE, Server, TABLES, any_programs, literal, major_of, programs_of};
use super::process::{Account, ProcessError, Running};
use super::sizes::Sizes;
use super::stop::Stop;
use crate::configuration::{Postgresql, is_database_name};
use crate::manifest::{self, Database, Manifest, RowCounter};

/// The folder of a backup of databases in its snapshot.
pub const ROOT: &str = "/postgresql";

/// The last line but one of what `pg_dumpall` writes.
const COMPLETE: &str = "-- PostgreSQL database cluster dump complete";

/// A server whose databases are to be dumped.
#[derive(Debug)]
pub struct DumpSource {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    server: Server,
    version: String,
    in_recovery: bool,
    databases: Vec<String>,
    started_at: Timestamp,
    progress: Mutex<Progress>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Progress {
    /// One database is dumped at a time, so that the server has one more client and not one for each processor.
    busy: bool,
    done: BTreeMap<String, Database>,
    /// What was read of each file.
    sizes: Sizes,
    failure: Option<DumpError>,
}

/// Why databases are not backed up.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// A tool did not do its work.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A tool or the server says something that cannot be understood.
    #[error("{program} says {told:?}, which cannot be understood")]
    Answer {
        /// The tool.
        program: &'static str,
        /// What it said.
        told: String,
    },
    /// The tools are older than the server.
    #[error(
        "{program} is of version {tool}, the server of version {server}: an older tool cannot dump a newer server; install \
         postgresql-client-{server} or set source.postgresql.programs"
    )]
    OldTool {
        /// The tool.
        program: String,
        /// Its major version.
        tool: u32,
        /// The server's.
        server: u32,
    },
    /// There is no database of that name.
    #[error("source.postgresql.databases: the server has no database {0:?}")]
    NoDatabase(String),
    /// There is nothing to back up.
    #[error("the server has no database but its templates")]
    Nothing,
    /// A name that cannot be a file's.
    #[error(
        "database {0:?} cannot be backed up: its name cannot be that of a file; name the others in source.postgresql.databases"
    )]
    Name(String),
    /// The dump ended before its end.
    #[error("the dump of {0} is not complete")]
    Truncated(String),
    /// Tables are not in the dump.
    #[error("the dump of {database} lacks the tables {}", tables.join(", "))]
    MissingTables {
        /// The database.
        database: String,
        /// Their names.
        tables: Vec<String>,
    },
    /// Reading from a tool broke off.
    #[error("the dump of {database} broke off: {source}")]
    Pipe {
        /// The database, or the kind of globals.
        database: String,
        /// The system's answer.
        source: io::Error,
    },
}

impl DumpSource {
    /// Asks the server what there is, and checks that the tools fit.
    pub fn begin(configured: &Postgresql, stop: &Stop, started_at: Timestamp) -> Result<Self, DumpError> {
        let mut server = Server {
            account: Account::named(&configured.system_user)?,
            user: configured.user.clone(),
            socket: configured.socket.clone(),
            port: configured.port,
            programs: configured.programs.clone().unwrap_or_else(any_programs),
            stop: stop.clone(),
        };
        let number = server.ask(ENTRANCE, "show server_version_num")?;
        let version = server.ask(ENTRANCE, "show server_version")?;
        let major = number.parse::<u32>().map(|number| number / 10_000);
        let major = major.map_err(|_| DumpError::Answer { program: "psql", told: number })?;
        if configured.programs.is_none() {
            server.programs = programs_of(major);
        }
        ["pg_dump", "pg_restore", "pg_dumpall"]
            .iter()
            .try_for_each(|name| check_tool(&server, name, major))?;
        let in_recovery = server.ask(ENTRANCE, "select pg_is_in_recovery()")? == "t";
        let databases = databases(&server, configured.databases.as_deref())?;
        let version = version.split(' ').next().unwrap_or_default().to_owned();
        let (progress, changed) = (Mutex::default(), Condvar::new());
        let shared = Shared { server, version, in_recovery, databases, started_at, progress, changed };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The databases, in the order in which they are dumped.
    pub fn databases(&self) -> &[String] {
        &self.shared.databases
    }

    /// The server's version.
    pub fn version(&self) -> &str {
        &self.shared.version
    }

    /// The path of the snapshot.
    pub fn root(&self) -> PathBuf {
        PathBuf::from(ROOT)
    }

    /// Says why what was dumped must not be committed.
    pub fn witness(&self) -> impl Fn() -> Result<(), String> + Send + use<> {
        let shared = Arc::clone(&self.shared);
        move || {
            let progress = shared.progress();
            match &progress.failure {
                Some(failure) => Err(failure.to_string()),
                None if progress.is_complete(&shared.databases) => Ok(()),
                None => Err("not everything was dumped".to_owned()),
            }
        }
    }

    /// The sizes of what was read.
    pub fn sizes(&self) -> Sizes {
        self.shared.progress().sizes.clone()
    }

    /// What went wrong, once.
    pub fn failure(&self) -> Option<DumpError> {
        self.shared.progress().failure.take()
    }
}

/// Databases as the configuration names them, or all; sorted as their files are.
fn databases(server: &Server, named: Option<&[String]>) -> Result<Vec<String>, DumpError> {
    let all = server.ask(
        ENTRANCE,
        "select coalesce(json_agg(datname), '[]') from pg_database where datallowconn and not datistemplate",
    )?;
    let all: Vec<String> =
        serde_json::from_str(&all).map_err(|_| DumpError::Answer { program: "psql", told: all })?;
    let mut chosen = match named {
        Some(named) => {
            let missing = named.iter().find(|name| !all.contains(name));
            missing.map_or(Ok(()), |name| Err(DumpError::NoDatabase(name.clone())))?;
            named.to_vec()
        }
        None => all,
    };
    if let Some(name) = chosen.iter().find(|name| !is_database_name(name)) {
        return Err(DumpError::Name(name.clone()));
    }
    chosen.sort_by_key(|name| format!("{name}.dump"));
    chosen.dedup();
    if chosen.is_empty() { Err(DumpError::Nothing) } else { Ok(chosen) }
}

fn check_tool(server: &Server, name: &'static str, major: u32) -> Result<(), DumpError> {
    let told = server.plain_tool(name).arg("--version").output(&server.stop)?;
    let tool = major_of(&told).ok_or(DumpError::Answer { program: name, told })?;
    let program = server.programs.join(name).display().to_string();
    if tool < major { Err(DumpError::OldTool { program, tool, server: major }) } else { Ok(()) }
}

impl Progress {
    fn is_complete(&self, databases: &[String]) -> bool {
        databases.iter().all(|name| self.done.contains_key(name))
            && self.sizes.len() == databases.len() + GLOBALS.len() + 1
    }
}

impl Shared {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `is_due`, or until something failed.
    fn wait(&self, is_due: impl Fn(&Progress) -> bool) -> io::Result<MutexGuard<'_, Progress>> {
        let mut progress = self.progress();
        loop {
            if progress.failure.is_some() {
                return Err(io::Error::other("another dump failed"));
            }
            if is_due(&progress) {
                return Ok(progress);
            }
            self.server.stop.check().map_err(io::Error::other)?;
            let waited = self.changed.wait_timeout(progress, Duration::from_millis(500));
            progress = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn note(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.progress());
        self.changed.notify_all();
    }

    fn fail(&self, error: DumpError) -> io::Error {
        let told = io::Error::other(error.to_string());
        self.note(|progress| {
            progress.failure.get_or_insert(error);
        });
        told
    }

    fn manifest(&self) -> io::Result<String> {
        let progress = self.wait(|progress| progress.done.len() == self.databases.len())?;
        let manifest = Manifest {
            version: manifest::VERSION,
            server_version: self.version.clone(),
            started_at: self.started_at,
            databases: progress.done.clone(),
        };
        Ok(serde_json::to_string_pretty(&manifest)? + "\n")
    }

    fn globals(&self, kind: Globals) -> Result<String, DumpError> {
        let dump = self.server.tool("pg_dumpall", ENTRANCE).arg(kind.option);
        let text = dump.output(&self.server.stop)?;
        let is_complete = text.lines().rev().take(8).any(|line| line == COMPLETE);
        is_complete.then_some(text).ok_or_else(|| DumpError::Truncated(kind.file.to_owned()))
    }
}

/// What belongs to no database.
#[derive(Debug, Clone, Copy)]
struct Globals {
    file: &'static str,
    option: &'static str,
}

const GLOBALS: [Globals; 2] = [
    Globals { file: "roles.sql", option: "--roles-only" },
    Globals { file: "tablespaces.sql", option: "--tablespaces-only" },
];

/// A file of the backup.
#[derive(Debug)]
pub struct DumpFile {
    shared: Arc<Shared>,
    path: PathBuf,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Database(String),
    Globals(Globals),
    Manifest,
}

/// A file of the backup that is being read.
#[derive(Debug)]
pub enum DumpReader {
    /// A dump, as it is made.
    Database(Box<DatabaseReader>),
    /// A small text, made at the first read.
    Text(TextReader),
}

impl ReadSource for DumpSource {
    type Open = DumpFile;
    type Iter = std::vec::IntoIter<RusticResult<ReadSourceEntry<DumpFile>>>;

    fn size(&self) -> RusticResult<Option<u64>> {
        Ok(None)
    }

    /// In the order of their names, which the format of the repository wants.
    fn entries(&self) -> Self::Iter {
        let root = Path::new(ROOT);
        let databases =
            self.shared.databases.iter().map(|name| {
                (root.join("databases").join(format!("{name}.dump")), Kind::Database(name.clone()))
            });
        let globals = GLOBALS.iter().map(|kind| (root.join("globals").join(kind.file), Kind::Globals(*kind)));
        let manifest = (root.join("manifest.json"), Kind::Manifest);
        let entry = |(path, kind): (PathBuf, Kind)| {
            let node = Node::new_node(path.file_name().unwrap_or_default(), NodeType::File, metadata());
            let file = DumpFile { shared: Arc::clone(&self.shared), path: path.clone(), kind };
            Ok(ReadSourceEntry { path, node, open: Some(file) })
        };
        databases.chain(globals).chain([manifest]).map(entry).collect::<Vec<_>>().into_iter()
    }
}

fn metadata() -> Metadata {
    let now = rustic_core::jiff::Timestamp::now();
    Metadata {
        mode: Some(0o600),
        mtime: Some(now),
        ctime: Some(now),
        atime: Some(now),
        ..Metadata::default()
    }
}

impl ReadSourceOpen for DumpFile {
    type Reader = DumpReader;

    fn open(self) -> RusticResult<DumpReader> {
        Ok(match self.kind {
            Kind::Database(name) => {
                let state = State::Waiting;
                DumpReader::Database(Box::new(DatabaseReader {
                    shared: self.shared,
                    path: self.path,
                    name,
                    state,
                }))
            }
            kind => DumpReader::Text(TextReader { shared: self.shared, path: self.path, kind, text: None }),
        })
    }
}

impl Read for DumpReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Database(reader) => reader.read(buffer),
            Self::Text(reader) => reader.read(buffer),
        }
    }
}

/// Globals or the manifest.
#[derive(Debug)]
pub struct TextReader {
    shared: Arc<Shared>,
    path: PathBuf,
    kind: Kind,
    text: Option<io::Cursor<String>>,
}

impl Read for TextReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.text.is_none() {
            let text = match &self.kind {
                Kind::Globals(kind) => self.shared.globals(*kind).map_err(|error| self.shared.fail(error))?,
                _ => self.shared.manifest()?,
            };
            self.shared.note(|progress| {
                progress.sizes.insert(self.path.clone(), text.len() as u64);
            });
            self.text = Some(io::Cursor::new(text));
        }
        self.text.as_mut().map_or(Ok(0), |text| text.read(buffer))
    }
}

/// A dump, as it is made.
#[derive(Debug)]
pub struct DatabaseReader {
    shared: Arc<Shared>,
    path: PathBuf,
    name: String,
    state: State,
}

#[derive(Debug)]
enum State {
    Waiting,
    Dumping(Box<Dumping>),
    Done,
}

/// Rows by table; none when the data broke off.
type Counted = Option<BTreeMap<String, u64>>;

/// The tools that make and verify one dump.
#[derive(Debug)]
struct Dumping {
    session: Session,
    dump: Running,
    output: ChildStdout,
    verifier: Running,
    to_verifier: Option<ChildStdin>,
    counting: Option<JoinHandle<io::Result<Counted>>>,
    bytes: u64,
}

impl Read for DatabaseReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if matches!(self.state, State::Waiting) {
            self.shared.wait(|progress| !progress.busy)?.busy = true;
            let dumping = Dumping::start(&self.shared, &self.name).map_err(|error| self.shared.fail(error));
            self.state = State::Dumping(Box::new(dumping?));
        }
        let State::Dumping(dumping) = &mut self.state else { return Ok(0) };
        let pipe = |source| DumpError::Pipe { database: self.name.clone(), source };
        let read = dumping.read(buffer).map_err(|error| self.shared.fail(pipe(error)))?;
        if read == 0 && !buffer.is_empty() {
            let database = dumping.finish(&self.name).map_err(|error| self.shared.fail(error))?;
            self.state = State::Done;
            self.shared.note(|progress| {
                progress.busy = false;
                progress.sizes.insert(self.path.clone(), database.dump_bytes);
                progress.done.insert(self.name.clone(), database);
            });
        }
        Ok(read)
    }
}

impl Drop for DatabaseReader {
    /// One that was not read to its end leaves the others nothing to wait for.
    fn drop(&mut self) {
        if !matches!(self.state, State::Done) {
            self.shared.fail(DumpError::Truncated(self.name.clone()));
        }
    }
}

impl Dumping {
    fn start(shared: &Shared, database: &str) -> Result<Self, DumpError> {
        let server = &shared.server;
        let session = Session::open(server, database, shared.in_recovery)?;
        let snapshot = session.snapshot.as_ref().map(|id| format!("--snapshot={id}"));
        let dump = server.tool("pg_dump", database).args(["--format=custom", "--compress=0"]).args(snapshot);
        let mut dump = dump.start(&server.stop)?;
        let verifier = server.plain_tool("pg_restore").args(["--data-only", "--file=-"]).with_input();
        let mut verifier = verifier.start(&server.stop)?;
        let missing = || DumpError::Truncated(database.to_owned());
        let output = dump.child.stdout.take().ok_or_else(missing)?;
        let counted = verifier.child.stdout.take().ok_or_else(missing)?;
        let to_verifier = verifier.child.stdin.take();
        let counting = Some(thread::spawn(move || count_rows(counted)));
        Ok(Self { session, dump, output, verifier, to_verifier, counting, bytes: 0 })
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.output.read(buffer)?;
        self.bytes += read as u64;
        if let Some(verifier) = &mut self.to_verifier {
            // Why it ended early is told at the end.
            if verifier.write_all(&buffer[..read]).is_err() {
                self.to_verifier = None;
            }
        }
        Ok(read)
    }

    /// The dump is at its end: was it whole?
    fn finish(&mut self, name: &str) -> Result<Database, DumpError> {
        self.dump.finish()?;
        drop(self.to_verifier.take());
        let counted = self.counting.take().and_then(|counting| counting.join().ok());
        self.verifier.finish()?;
        let truncated = || DumpError::Truncated(name.to_owned());
        let rows = counted.and_then(Result::ok).flatten().ok_or_else(truncated)?;
        let expected = self.session.tables.iter();
        let missing: Vec<_> = expected.filter(|table| !rows.contains_key(*table)).cloned().collect();
        if !missing.is_empty() {
            return Err(DumpError::MissingTables { database: name.to_owned(), tables: missing });
        }
        Ok(Database { dump_bytes: self.bytes, server_bytes: self.session.bytes, rows })
    }
}

fn count_rows(output: ChildStdout) -> io::Result<Counted> {
    let mut reader = BufReader::with_capacity(256 << 10, output);
    let mut counter = RowCounter::default();
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        counter.line(line.strip_suffix(b"\n").unwrap_or(&line));
        line.clear();
    }
    Ok(counter.finish())
}

/// The transaction in which a database is dumped; it lasts until this is dropped.
#[derive(Debug)]
struct Session {
    snapshot: Option<String>,
    tables: Vec<String>,
    bytes: u64,
    _psql: Running,
}

impl Session {
    fn open(server: &Server, database: &str, in_recovery: bool) -> Result<Self, DumpError> {
        let mut psql = server.psql(database).start(&server.stop)?;
        let mut answers = psql.child.stdout.take().map(BufReader::new);
        // A standby cannot lend its transaction: there the tables are listed a moment earlier.
        let export = if in_recovery { "select ''" } else { "select pg_export_snapshot()" };
        let size = format!("select pg_database_size({})", literal(database));
        let script =
            format!("begin isolation level repeatable read, read only;\n{export};\n{TABLES};\n{size};\n");
        let asked = psql.child.stdin.as_mut().map_or(Ok(()), |stdin| stdin.write_all(script.as_bytes()));
        let mut lines = [String::new(), String::new(), String::new()];
        for line in &mut lines {
            let read = answers.as_mut().map_or(Ok(0), |answers| answers.read_line(line));
            if asked.is_err() || !matches!(read, Ok(1..)) {
                psql.finish()?;
                return Err(DumpError::Answer { program: "psql", told: String::new() });
            }
        }
        let [snapshot, tables, bytes] = lines.map(|line| line.trim_end_matches('\n').to_owned());
        let tables = serde_json::from_str(&tables);
        let tables =
            tables.map_err(|error| DumpError::Answer { program: "psql", told: error.to_string() })?;
        let bytes = bytes.parse().map_err(|_| DumpError::Answer { program: "psql", told: bytes.clone() })?;
        Ok(Self { snapshot: (!in_recovery).then_some(snapshot), tables, bytes, _psql: psql })
    }
}
