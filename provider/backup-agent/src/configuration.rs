//! The configuration file of a policy, `/etc/socle/backup/NAME.json`: a public contract.
//!
//! It holds no secret, only where each secret is ([`Secret`]). Unknown keys are refused by name. Times are written as
//! `"90s"`, `"10m"`, `"6h"`, `"30d"`; sizes as `"64MiB"`, `"10MB"`.
//!
//! ```json
//! {
//!   "version": 1,
//!   "name": "social-db",
//!   "time_zone": "Europe/Paris",
//!   "repository": {
//!     "bucket": "example-social-backups", "prefix": "social-db", "region": "eu-west-3",
//!     "credentials": { "keys": { "access_key": { "credential": "s3-access-key" }, "secret_key": { "credential": "s3-secret-key" } } },
//!     "password": { "credential": "password" }
//!   },
//!   "source": { "postgresql": { "databases": ["social"] } },
//!   "retention": { "last": 3, "daily": 7, "weekly": 5, "monthly": 12 },
//!   "drill": { "queries": [{ "database": "social", "sql": "select count(*) > 0 from users", "expect": "t" }] }
//! }
//! ```

use std::fmt;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::quantity::{Bytes, Span};
use crate::retention::Retention;

/// The version of this contract. It grows when an older agent would misunderstand a file.
pub const VERSION: u32 = 1;

/// Where the records of all policies are, unless [`Configuration::records`] says otherwise.
pub const RECORDS: &str = "/var/lib/socle/backup";

/// What a policy backs up, where to, how long it is kept and how it is proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// [`VERSION`].
    pub version: u32,
    /// The policy's name: letters, digits, `-`, `_` and `.`, at most 64; it names the folder of its records.
    pub name: String,
    /// An IANA time zone, as `Europe/Paris`, in which days and weeks of the retention begin. Default: `UTC`.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// Where backups go.
    pub repository: Repository,
    /// What is backed up.
    pub source: Source,
    /// How many backups are kept.
    pub retention: Retention,
    /// Bounds of a run.
    #[serde(default)]
    pub limits: Limits,
    /// How much `check` reads.
    #[serde(default)]
    pub check: Check,
    /// How backups are proved. Default: they are not, and `drill` is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<Drill>,
    /// A file for Prometheus' textfile collector, written after each command. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_file: Option<PathBuf>,
    /// The folder with a folder of records for each policy. Default: [`RECORDS`].
    #[serde(default = "records")]
    pub records: PathBuf,
}

/// A repository in the restic format, in a bucket of S3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repository {
    /// The bucket.
    pub bucket: String,
    /// The folder in it, which nothing else uses. Default: the bucket's root.
    #[serde(default)]
    pub prefix: String,
    /// The bucket's region, as `eu-west-3`.
    pub region: String,
    /// The URL of an S3 that is not AWS, addressed as `ENDPOINT/BUCKET/KEY`. Default: AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Who asks.
    pub credentials: Credentials,
    /// The password that opens the repository.
    pub password: Secret,
    /// The password before it. While this opens the repository and [`password`](Self::password) does not, the next
    /// command adds the new key; then it removes the key of this one. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_password: Option<Secret>,
    /// A second password, kept offline for the day on which the first is lost; it gets a key of its own. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_password: Option<Secret>,
}

/// Who asks S3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Credentials {
    /// An access key.
    Keys {
        /// Its id.
        access_key: Secret,
        /// Its secret.
        secret_key: Secret,
    },
    /// The role of the machine (EC2 instance metadata, version 2).
    HostRole {},
}

/// Where a secret is. Its value is the content without one line break at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Secret {
    /// A systemd credential: the file of that name in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
    /// A file that only its owner can read (mode 0600 or 0400).
    File(PathBuf),
}

/// What is backed up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    /// A PostgreSQL server on this machine, by logical dumps.
    Postgresql(Postgresql),
    /// Files and folders.
    Files(Files),
}

/// A PostgreSQL server on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Postgresql {
    /// The databases. Default: every one that can be connected to and is no template, as found at each run.
    pub databases: Option<Vec<String>>,
    /// The role that connects; it must be able to read everything. Default: `postgres`.
    pub user: String,
    /// The system user that the tools run as (peer authentication). Default: `postgres`.
    pub system_user: String,
    /// The folder of the server's socket. Default: `/var/run/postgresql`.
    pub socket: PathBuf,
    /// The server's port. Default: 5432.
    pub port: u16,
    /// The folder of `pg_dump` and its siblings. Default: Debian's for the server's version, else those in `/usr/bin`.
    pub programs: Option<PathBuf>,
}

/// Files and folders.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// Absolute paths; folders with all that is in them, on every file system.
    pub paths: Vec<PathBuf>,
    /// What is left out: patterns as in a `.gitignore`, as `*.tmp` or `/srv/cache`. Default: nothing.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// A command before files are read; when it fails, no backup is made. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre: Option<Command>,
    /// A command after files were read, also when that failed; its own failure fails the run. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post: Option<Command>,
}

/// A program and its arguments; no shell is between.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Command(pub Vec<String>);

/// Bounds of a command of the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// A command that takes longer is stopped and has failed. Default: `6h`.
    pub time: Span,
    /// How long a command may, in all, wait for an S3 that refuses or does not answer. Default: `10m`.
    pub retries: Span,
    /// How long to wait for somebody else's lock on the repository. Default: `10m`.
    pub lock_wait: Span,
    /// So many bytes a second to or from S3, at most. Default: no limit.
    pub bandwidth: Option<Bytes>,
    /// Niceness of the agent and of all it starts, 0 to 19. Default: 10.
    pub nice: u8,
    /// Its access to the disk. Default: `best_effort`.
    pub io: IoClass,
}

/// Access to the disk, as `ionice` has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IoClass {
    /// With the lowest priority among the ordinary.
    #[default]
    BestEffort,
    /// Only while nobody else wants the disk.
    Idle,
}

/// How much `check` reads, besides the structure, which it always checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Check {
    /// The share of the data that is read and verified, in percent, 0 to 100; chosen anew each time. Default: 5.
    pub read_data_percent: u8,
}

/// How backups are proved: the newest one is restored into a throwaway place, asked, and erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Drill {
    /// A folder for throwaway servers and files; the drill makes a folder of its own in it. The drill's user must be able
    /// to enter it, so it is not below `/var/lib/socle`, which is root's alone. Default: `/var/lib/socle-drill`.
    pub scratch: PathBuf,
    /// The system user of the throwaway server: neither root nor that of the live one. Default: `socle-drill`.
    pub system_user: String,
    /// Assertions about databases, each asked after a restore.
    pub queries: Vec<Query>,
    /// Assertions about files: absolute paths as they were backed up, which must be there and not empty.
    pub files: Vec<PathBuf>,
    /// The oldest that restored data may be. Default: no bound.
    pub max_rpo: Option<Span>,
    /// The longest that a restore may take. Default: no bound.
    pub max_rto: Option<Span>,
}

/// An assertion about a restored database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// The database. Default: the only one of the backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// One statement.
    pub sql: String,
    /// What it must answer, as `psql --tuples-only --no-align` prints it: `t`, `42`.
    pub expect: String,
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// It is not JSON of the expected form.
    #[error("the configuration cannot be understood: {0}")]
    Form(#[from] serde_json::Error),
    /// It is of another version of the contract.
    #[error(
        "the configuration is of version {0}, this agent knows version {VERSION}: install an agent that fits"
    )]
    Version(u32),
    /// A value that cannot be.
    #[error("{key}: {problem}")]
    Value {
        /// The key, as `drill.system_user`.
        key: &'static str,
        /// What is wrong and what would be right.
        problem: String,
    },
}

impl Configuration {
    /// Reads and checks a configuration.
    pub fn parse(text: &str) -> Result<Self, ConfigurationError> {
        let version = serde_json::from_str::<Versioned>(text)?.version;
        if version != VERSION {
            return Err(ConfigurationError::Version(version));
        }
        let configuration = serde_json::from_str::<Self>(text)?;
        configuration.validate()?;
        Ok(configuration)
    }

    /// Refuses what would fail at night.
    pub fn validate(&self) -> Result<(), ConfigurationError> {
        check_name(&self.name)?;
        check_zone(&self.time_zone)?;
        self.repository.validate()?;
        self.source.validate()?;
        demand(!self.retention.is_empty(), "retention", "give at least one rule, as { \"daily\": 7 }")?;
        demand(self.limits.nice <= 19, "limits.nice", "must be 0 to 19")?;
        let is_some_rate = self.limits.bandwidth.is_none_or(|rate| rate.get() > 0);
        demand(is_some_rate, "limits.bandwidth", "must not be 0; leave it out for no limit")?;
        demand(self.check.read_data_percent <= 100, "check.read_data_percent", "must be 0 to 100")?;
        self.drill.as_ref().map_or(Ok(()), |drill| drill.validate(&self.source))
    }

    /// The time zone of the retention.
    pub fn zone(&self) -> Result<TimeZone, ConfigurationError> {
        check_zone(&self.time_zone)
    }

    /// The folder with this policy's records.
    pub fn folder(&self) -> PathBuf {
        self.records.join(&self.name)
    }

    /// The tag of this policy's snapshots.
    pub fn tag(&self) -> String {
        format!("socle:{}", self.name)
    }
}

impl Repository {
    /// Where it is, for people: `s3:BUCKET/PREFIX`.
    pub fn location(&self) -> String {
        let endpoint = self.endpoint.as_deref().map(|url| format!("{}/", url.trim_end_matches('/')));
        let path = self.prefix.trim_matches('/');
        let separator = if path.is_empty() { "" } else { "/" };
        format!("s3:{}{}{separator}{path}", endpoint.unwrap_or_default(), self.bucket)
    }

    fn validate(&self) -> Result<(), ConfigurationError> {
        demand(!self.bucket.is_empty(), "repository.bucket", "must not be empty")?;
        demand(!self.region.is_empty(), "repository.region", "must not be empty")?;
        let is_plain = !self.prefix.starts_with('/') && !self.prefix.contains("//");
        demand(is_plain, "repository.prefix", "must not begin with a slash nor have two in a row")?;
        let secrets =
            [Some(&self.password), self.previous_password.as_ref(), self.recovery_password.as_ref()];
        secrets.into_iter().flatten().try_for_each(|secret| secret.validate("repository.password"))?;
        match &self.credentials {
            Credentials::Keys { access_key, secret_key } => {
                access_key.validate("repository.credentials.keys.access_key")?;
                secret_key.validate("repository.credentials.keys.secret_key")
            }
            Credentials::HostRole {} => Ok(()),
        }
    }
}

impl Secret {
    fn validate(&self, key: &'static str) -> Result<(), ConfigurationError> {
        match self {
            Self::Credential(name) => {
                let is_a_name = !name.is_empty() && !name.contains('/') && name != "." && name != "..";
                demand(is_a_name, key, "a credential is a file name, without a slash")
            }
            Self::File(path) => demand(path.is_absolute(), key, "the path must be absolute"),
        }
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credential(name) => write!(formatter, "credential {name}"),
            Self::File(path) => write!(formatter, "{}", path.display()),
        }
    }
}

impl Source {
    fn validate(&self) -> Result<(), ConfigurationError> {
        match self {
            Self::Postgresql(server) => server.validate(),
            Self::Files(files) => files.validate(),
        }
    }
}

impl Postgresql {
    fn validate(&self) -> Result<(), ConfigurationError> {
        let named = self.databases.as_deref();
        demand(
            named.is_none_or(|names| !names.is_empty()),
            "source.postgresql.databases",
            "must not be empty; leave it out for all databases",
        )?;
        // A name becomes a file name in the snapshot.
        let are_names = named.unwrap_or_default().iter().all(|name| is_database_name(name));
        demand(are_names, "source.postgresql.databases", "a name must not be empty nor have a slash")?;
        let absolute = self.programs.iter().chain([&self.socket]).all(|path| path.is_absolute());
        demand(absolute, "source.postgresql", "`socket` and `programs` must be absolute paths")
    }
}

/// Whether a database of this name can be backed up: its name becomes a file name.
pub fn is_database_name(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0', '\n'])
}

impl Default for Postgresql {
    fn default() -> Self {
        Self {
            databases: None,
            user: "postgres".to_owned(),
            system_user: "postgres".to_owned(),
            socket: PathBuf::from("/var/run/postgresql"),
            port: 5432,
            programs: None,
        }
    }
}

impl Files {
    fn validate(&self) -> Result<(), ConfigurationError> {
        demand(!self.paths.is_empty(), "source.files.paths", "give at least one path")?;
        demand(are_plain(&self.paths), "source.files.paths", "must be absolute, without `..`")?;
        let commands = [&self.pre, &self.post].into_iter().flatten();
        let is_command = |command: &Command| command.0.first().is_some_and(|p| Path::new(p).is_absolute());
        let all = { commands }.all(is_command);
        demand(all, "source.files", "a command is a list that begins with the absolute path of a program")
    }
}

impl Drill {
    fn validate(&self, source: &Source) -> Result<(), ConfigurationError> {
        demand(self.scratch.is_absolute(), "drill.scratch", "must be an absolute path")?;
        demand(are_plain(&self.files), "drill.files", "must be absolute, without `..`")?;
        match source {
            Source::Postgresql(server) => {
                let is_another = self.system_user != "root" && self.system_user != server.system_user;
                demand(is_another, "drill.system_user", "must be neither root nor the live server's user")?;
                demand(self.files.is_empty(), "drill.files", "is for policies of files; use `queries`")
            }
            Source::Files(_) => {
                demand(self.queries.is_empty(), "drill.queries", "is for policies of databases; use `files`")
            }
        }
    }
}

impl Default for Drill {
    fn default() -> Self {
        Self {
            scratch: PathBuf::from("/var/lib/socle-drill"),
            system_user: "socle-drill".to_owned(),
            queries: Vec::new(),
            files: Vec::new(),
            max_rpo: None,
            max_rto: None,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Span::seconds(6 * 3_600),
            retries: Span::seconds(600),
            lock_wait: Span::seconds(600),
            bandwidth: None,
            nice: 10,
            io: IoClass::default(),
        }
    }
}

impl Default for Check {
    fn default() -> Self {
        Self { read_data_percent: 5 }
    }
}

/// The part that every version of the contract has.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

fn utc() -> String {
    "UTC".to_owned()
}

fn records() -> PathBuf {
    PathBuf::from(RECORDS)
}

fn are_plain(paths: &[PathBuf]) -> bool {
    use std::path::Component;
    paths.iter().all(|path| path.is_absolute() && !path.components().any(|part| part == Component::ParentDir))
}

fn check_name(name: &str) -> Result<(), ConfigurationError> {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    let fits = (1..=64).contains(&name.len()) && !name.starts_with('.') && name.chars().all(is_plain);
    demand(fits, "name", "1 to 64 letters, digits, `-`, `_`, `.`, not beginning with a dot")
}

fn check_zone(name: &str) -> Result<TimeZone, ConfigurationError> {
    TimeZone::get(name).map_err(|_| ConfigurationError::Value {
        key: "time_zone",
        problem: format!("{name:?} is no time zone; write an IANA name, as \"Europe/Paris\""),
    })
}

fn demand(holds: bool, key: &'static str, problem: &str) -> Result<(), ConfigurationError> {
    let refusal = || ConfigurationError::Value { key, problem: problem.to_owned() };
    holds.then_some(()).ok_or_else(refusal)
}

#[cfg(test)]
#[path = "configuration_tests.rs"]
mod tests;
