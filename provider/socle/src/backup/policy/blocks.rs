//! What stands inside a `socle_backup_policy`.

use backup_agent::quantity::{Bytes, Span};
use backup_agent::schedule::Schedule;
use jiff::tz::TimeZone;
use tfplugin::{List, Model, Value};

/// How many backups are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Model)]
#[tf(at_least_one_of(last, hourly, daily, weekly, monthly, yearly))]
pub struct Retention {
    /// The newest so many. Default: `0`.
    #[tf(optional)]
    pub last: Value<u32>,
    /// The newest of each of the last so many hours that have one. Default: `0`.
    #[tf(optional)]
    pub hourly: Value<u32>,
    /// The newest of each of the last so many days that have one. Default: `0`.
    #[tf(optional)]
    pub daily: Value<u32>,
    /// The newest of each of the last so many weeks, from Monday, that have one. Default: `0`.
    #[tf(optional)]
    pub weekly: Value<u32>,
    /// The newest of each of the last so many months that have one. Default: `0`.
    #[tf(optional)]
    pub monthly: Value<u32>,
    /// The newest of each of the last so many years that have one. Default: `0`.
    #[tf(optional)]
    pub yearly: Value<u32>,
}

/// An S3 access key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Model)]
pub struct S3Keys {
    /// Its id.
    #[tf(required, write_only)]
    pub access_key: Value<String>,
    /// Its secret.
    #[tf(required, write_only)]
    pub secret_key: Value<String>,
}

/// A PostgreSQL server on the host.
#[derive(Debug, Clone, PartialEq, Eq, Default, Model)]
pub struct Postgresql {
    /// The databases. Default: every one that is no template, as found at each run.
    #[tf(optional, validate(length(1..)))]
    pub databases: Value<List<String>>,
    /// The role that connects; it must be able to read everything. Default: `postgres`.
    #[tf(optional, validate(length(1..)))]
    pub user: Value<String>,
    /// The system user that the tools run as. Default: `postgres`.
    #[tf(optional, validate(length(1..)))]
    pub system_user: Value<String>,
    /// The folder of the server's socket. Default: `/var/run/postgresql`.
    #[tf(optional, validate(pattern("^/", "an absolute path")))]
    pub socket: Value<String>,
    /// The server's port. Default: `5432`.
    #[tf(optional, validate(range(1..)))]
    pub port: Value<u16>,
    /// The folder of `pg_dump` and its siblings. Default: Debian's for the server's version, else `/usr/bin`.
    #[tf(optional, validate(pattern("^/", "an absolute path")))]
    pub programs: Value<String>,
}

/// Files and folders.
#[derive(Debug, Clone, PartialEq, Eq, Default, Model)]
pub struct Files {
    /// Absolute paths; folders with all that is in them, on every file system.
    #[tf(required, validate(length(1..)))]
    pub paths: Value<List<String>>,
    /// Patterns of what is left out, as in a `.gitignore`. Default: nothing.
    #[tf(optional)]
    pub exclude: Value<List<String>>,
    /// A command before files are read, as a list that begins with the absolute path of a program; when it fails, no backup
    /// is made. Default: none.
    #[tf(optional, validate(length(1..)))]
    pub pre: Value<List<String>>,
    /// A command after files were read, in any case once `pre` succeeded. Default: none.
    #[tf(optional, validate(length(1..)))]
    pub post: Value<List<String>>,
}

/// How backups are proved.
#[derive(Debug, Clone, PartialEq, Eq, Default, Model)]
pub struct Drill {
    /// When, as five fields of cron, such as `0 5 * * 0`. Default: only by hand.
    #[tf(optional, validate(describe("five fields of cron, such as `0 5 * * 0`", |text: &String| is_schedule(text))))]
    pub schedule: Value<String>,
    /// An assertion about a restored database. Default: none; counts of all rows are compared in any case.
    #[tf(block)]
    pub query: Value<List<Query>>,
    /// Files that must be there and not empty, as absolute paths as they were backed up. Default: none.
    #[tf(optional)]
    pub files: Value<List<String>>,
    /// The oldest that restored data may be, such as `26h`. Default: no bound.
    #[tf(optional, validate(describe("a time, such as `26h`", |text: &String| is_span(text))))]
    pub max_rpo: Value<String>,
    /// The longest that a restore may take, such as `2h`. Default: no bound.
    #[tf(optional, validate(describe("a time, such as `2h`", |text: &String| is_span(text))))]
    pub max_rto: Value<String>,
    /// The folder for throwaway servers and files. Default: `/var/lib/socle-drill`.
    #[tf(optional, validate(pattern("^/", "an absolute path")))]
    pub scratch: Value<String>,
    /// The system user of the throwaway server, neither root nor the live server's. It is made when it is missing.
    /// Default: `socle-drill`.
    #[tf(optional, validate(pattern("^[a-z_][a-z0-9_-]{0,31}$", "the name of a user")))]
    pub system_user: Value<String>,
}

/// An assertion about a restored database.
#[derive(Debug, Clone, PartialEq, Eq, Default, Model)]
pub struct Query {
    /// The database. Default: the only one of the backup.
    #[tf(optional)]
    pub database: Value<String>,
    /// One statement.
    #[tf(required, validate(length(1..)))]
    pub sql: Value<String>,
    /// What it must answer, as `psql --tuples-only --no-align` prints it, such as `t`.
    #[tf(required)]
    pub expect: Value<String>,
}

/// How the repository is verified between drills.
#[derive(Debug, Clone, PartialEq, Eq, Default, Model)]
pub struct Check {
    /// When, as five fields of cron. Default: `0 4 * * 6`, Saturdays at four.
    #[tf(optional, validate(describe("five fields of cron, such as `0 4 * * 6`", |text: &String| is_schedule(text))))]
    pub schedule: Value<String>,
    /// The share of the data that is read and verified, in percent; chosen anew each time. Default: `5`.
    #[tf(optional, validate(range(0..=100)))]
    pub read_data_percent: Value<u16>,
}

/// Bounds of each command of the agent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Model)]
pub struct Limits {
    /// A command that takes longer is ended, such as `6h`. Default: `6h`.
    #[tf(optional, validate(describe("a time, such as `6h`", |text: &String| is_span(text))))]
    pub time: Value<String>,
    /// How long a command may wait, in all, for an S3 that errs or does not answer. Default: `10m`.
    #[tf(optional, validate(describe("a time, such as `10m`", |text: &String| is_span(text))))]
    pub retries: Value<String>,
    /// How long to wait for somebody else's lock on the repository. Default: `10m`.
    #[tf(optional, validate(describe("a time, such as `10m`", |text: &String| is_span(text))))]
    pub lock_wait: Value<String>,
    /// Bytes a second to and from S3 together, such as `10MB`. Default: no limit.
    #[tf(optional, validate(describe("bytes, such as `10MB`", |text: &String| is_amount(text))))]
    pub bandwidth: Value<String>,
    /// Niceness. Default: `10`.
    #[tf(optional, validate(range(0..=19)))]
    pub nice: Value<u16>,
    /// Access to the disk: `best_effort`, or `idle` for only while nobody else wants it. Default: `best_effort`.
    #[tf(optional, validate(one_of(["best_effort", "idle"])))]
    pub io: Value<String>,
}

/// Checks a schedule that a user wrote.
///
/// # Errors
/// What is wrong with it.
pub(super) fn is_schedule(text: &str) -> Result<(), String> {
    text.parse::<Schedule>().map(drop).map_err(|error| error.to_string())
}

/// Checks the name of a time zone.
///
/// # Errors
/// What was found.
pub(super) fn is_time_zone(name: &str) -> Result<(), String> {
    TimeZone::get(name).map(drop).map_err(|_| format!("found {name:?}"))
}

fn is_span(text: &str) -> Result<(), String> {
    Span::try_from(text.to_owned()).map(drop).map_err(|error| error.to_string())
}

fn is_amount(text: &str) -> Result<(), String> {
    Bytes::try_from(text.to_owned()).map(drop).map_err(|error| error.to_string())
}
