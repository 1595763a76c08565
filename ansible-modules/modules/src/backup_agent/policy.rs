//! From arguments to what the agent and systemd are told: pure.

use std::path::Path;

use backup_agent::configuration::{
    self as agent, Command, Configuration, ConfigurationError, Credentials, IoClass, Repository, Secret,
    Source,
};
use backup_agent::quantity::QuantityError;
use backup_agent::retention::Retention;
use backup_agent::schedule::{Schedule, ScheduleError};
use jiff::tz::TimeZone;

use super::arguments::{Arguments, Check, Drill, Files, Io, Limits, Location, Postgresql};
use super::units::{Command as Verb, Timing};

/// Where the configurations of policies are.
pub const FOLDER: &str = "/etc/socle/backup";

/// The names of the secrets in a policy's folder, which are those of the units' credentials.
pub mod secrets {
    /// The repository's password.
    pub const PASSWORD: &str = "password";
    /// The password whose key the repository has lost, or is to lose: the same as [`PASSWORD`] but while it changes.
    pub const PREVIOUS: &str = "previous-password";
    /// The recovery password.
    pub const RECOVERY: &str = "recovery-password";
    /// The id of the S3 access key.
    pub const ACCESS_KEY: &str = "s3-access-key";
    /// Its secret.
    pub const SECRET_KEY: &str = "s3-secret-key";
}

/// A policy as it is wanted on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// The path of the agent.
    pub agent: String,
    /// What the agent is told.
    pub configuration: Configuration,
    /// What systemd starts, and when.
    pub timings: Vec<Timing>,
}

/// Why arguments make no policy.
#[derive(Debug, thiserror::Error)]
pub enum PolicyFault {
    /// One is missing.
    #[error("`{0}` is required for `state: present`")]
    Missing(&'static str),
    /// The name cannot be that of files and units.
    #[error(
        "`name` is {0:?}: use lower case letters, digits and dashes, at most 48, beginning with a letter or digit"
    )]
    Name(String),
    /// The figures would be written over, or removed from, where something else is.
    #[error("`metrics_file` is {0:?}: use an absolute path that ends in `.prom`")]
    MetricsFile(String),
    /// Neither databases nor files, or both.
    #[error("exactly one of `postgresql` and `files` is required for `state: present`")]
    Source,
    /// A schedule that is none.
    #[error("`{argument}`: {source}")]
    Schedule {
        /// The argument.
        argument: &'static str,
        /// What is wrong.
        source: ScheduleError,
    },
    /// A quantity that is none.
    #[error("`{argument}`: {source}")]
    Quantity {
        /// The argument.
        argument: &'static str,
        /// What is wrong.
        source: QuantityError,
    },
    /// A number beyond its bounds.
    #[error("`{argument}` is {found}, and must be 0 to {most}")]
    Number {
        /// The argument.
        argument: &'static str,
        /// What was given.
        found: u16,
        /// The largest.
        most: u8,
    },
    /// The agent would refuse it.
    #[error("the policy cannot be: {0}")]
    Configuration(#[from] ConfigurationError),
}

/// Where a policy's configuration is.
pub fn configuration_path(name: &str) -> String {
    format!("{FOLDER}/{name}.json")
}

/// Where a policy's secrets are.
pub fn secrets_folder(name: &str) -> String {
    format!("{FOLDER}/{name}")
}

/// Where a secret of a policy is.
pub fn secret_path(name: &str, secret: &str) -> String {
    format!("{FOLDER}/{name}/{secret}")
}

/// Checks a policy's name: it is that of files, units and a subject of the host.
///
/// # Errors
/// What may be there instead.
pub fn check_name(name: &str) -> Result<(), PolicyFault> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let is_a_name = begins && name.len() <= 48 && name.chars().all(fits);
    if is_a_name { Ok(()) } else { Err(PolicyFault::Name(name.to_owned())) }
}

/// Checks the place of the figures: it is written and removed as root, so it can be no other file.
///
/// # Errors
/// What may be there instead.
pub fn check_metrics_file(arguments: &Arguments) -> Result<(), PolicyFault> {
    match &arguments.metrics_file {
        Some(file) if !is_a_place_of_figures(Path::new(file)) => Err(PolicyFault::MetricsFile(file.clone())),
        _ => Ok(()),
    }
}

fn is_a_place_of_figures(file: &Path) -> bool {
    file.is_absolute() && file.extension().is_some_and(|end| end == "prom")
}

impl Policy {
    /// The policy that the arguments want. `has_recovery` is whether it will have a recovery password.
    ///
    /// # Errors
    /// What is missing or cannot be.
    pub fn of(arguments: &Arguments, has_recovery: bool) -> Result<Policy, PolicyFault> {
        check_name(&arguments.name)?;
        check_metrics_file(arguments)?;
        let configuration = configuration(arguments, has_recovery)?;
        configuration.validate()?;
        let zone = configuration.zone()?;
        Ok(Policy {
            name: arguments.name.clone(),
            agent: arguments.agent.clone().ok_or(PolicyFault::Missing("agent"))?,
            timings: timings(arguments, &zone)?,
            configuration,
        })
    }

    /// The text of the configuration file.
    pub fn text(&self) -> String {
        // A configuration has no map with keys that are not texts.
        serde_json::to_string_pretty(&self.configuration).unwrap_or_default() + "\n"
    }
}

fn configuration(arguments: &Arguments, has_recovery: bool) -> Result<Configuration, PolicyFault> {
    let location = arguments.location.as_ref().ok_or(PolicyFault::Missing("location"))?;
    let check = arguments.check.as_ref();
    let percent = check.map_or(Check::default().read_data_percent, |check| check.read_data_percent);
    Ok(Configuration {
        version: agent::VERSION,
        name: arguments.name.clone(),
        time_zone: arguments.time_zone.clone(),
        repository: repository(arguments, location, has_recovery),
        source: source(arguments)?,
        retention: retention(arguments)?,
        limits: arguments.limits.as_ref().map(limits).transpose()?.unwrap_or_default(),
        check: agent::Check { read_data_percent: bounded("check.read_data_percent", percent, 100)? },
        drill: arguments.drill.as_ref().map(drill).transpose()?,
        metrics_file: arguments.metrics_file.as_ref().map(Into::into),
        records: agent::RECORDS.into(),
    })
}

fn repository(arguments: &Arguments, location: &Location, has_recovery: bool) -> Repository {
    let credential = |name: &str| Secret::Credential(name.to_owned());
    let keys = || Credentials::Keys {
        access_key: credential(secrets::ACCESS_KEY),
        secret_key: credential(secrets::SECRET_KEY),
    };
    Repository {
        bucket: location.bucket.clone(),
        prefix: location.prefix.clone().unwrap_or_else(|| arguments.name.clone()),
        region: location.region.clone(),
        endpoint: location.endpoint.clone(),
        credentials: if arguments.host_role { Credentials::HostRole {} } else { keys() },
        password: credential(secrets::PASSWORD),
        previous_password: Some(credential(secrets::PREVIOUS)),
        recovery_password: has_recovery.then(|| credential(secrets::RECOVERY)),
    }
}

fn source(arguments: &Arguments) -> Result<Source, PolicyFault> {
    match (&arguments.postgresql, &arguments.files) {
        (Some(server), None) => Ok(Source::Postgresql(postgresql(server))),
        (None, Some(told)) => Ok(Source::Files(files(told))),
        _ => Err(PolicyFault::Source),
    }
}

fn postgresql(told: &Postgresql) -> agent::Postgresql {
    agent::Postgresql {
        databases: told.databases.clone(),
        user: told.user.clone(),
        system_user: told.system_user.clone(),
        socket: told.socket.clone().into(),
        port: told.port,
        programs: told.programs.as_ref().map(Into::into),
    }
}

fn files(told: &Files) -> agent::Files {
    agent::Files {
        paths: told.paths.iter().map(Into::into).collect(),
        exclude: told.exclude.clone(),
        pre: told.pre.clone().map(Command),
        post: told.post.clone().map(Command),
    }
}

fn retention(arguments: &Arguments) -> Result<Retention, PolicyFault> {
    let told = arguments.retention.as_ref().ok_or(PolicyFault::Missing("retention"))?;
    Ok(Retention {
        last: told.last,
        hourly: told.hourly,
        daily: told.daily,
        weekly: told.weekly,
        monthly: told.monthly,
        yearly: told.yearly,
    })
}

fn limits(told: &Limits) -> Result<agent::Limits, PolicyFault> {
    Ok(agent::Limits {
        time: quantity("limits.time", &told.time)?,
        retries: quantity("limits.retries", &told.retries)?,
        lock_wait: quantity("limits.lock_wait", &told.lock_wait)?,
        bandwidth: told.bandwidth.as_ref().map(|rate| quantity("limits.bandwidth", rate)).transpose()?,
        nice: bounded("limits.nice", told.nice, 19)?,
        io: if told.io == Io::Idle { IoClass::Idle } else { IoClass::BestEffort },
    })
}

fn drill(told: &Drill) -> Result<agent::Drill, PolicyFault> {
    let query = |query: &super::arguments::Query| agent::Query {
        database: query.database.clone(),
        sql: query.sql.clone(),
        expect: query.expect.clone(),
    };
    Ok(agent::Drill {
        scratch: told.scratch.clone().into(),
        system_user: told.system_user.clone(),
        queries: told.queries.iter().map(query).collect(),
        files: told.files.iter().map(Into::into).collect(),
        max_rpo: told.max_rpo.as_ref().map(|span| quantity("drill.max_rpo", span)).transpose()?,
        max_rto: told.max_rto.as_ref().map(|span| quantity("drill.max_rto", span)).transpose()?,
    })
}

fn quantity<Q: TryFrom<String, Error = QuantityError>>(
    argument: &'static str,
    text: &str,
) -> Result<Q, PolicyFault> {
    Q::try_from(text.to_owned()).map_err(|source| PolicyFault::Quantity { argument, source })
}

fn bounded(argument: &'static str, found: u16, most: u8) -> Result<u8, PolicyFault> {
    let fitting = u8::try_from(found).ok().filter(|number| *number <= most);
    fitting.ok_or(PolicyFault::Number { argument, found, most })
}

fn timings(arguments: &Arguments, zone: &TimeZone) -> Result<Vec<Timing>, PolicyFault> {
    let at = |argument: &'static str, text: &str| -> Result<Vec<String>, PolicyFault> {
        let schedule = text.parse::<Schedule>();
        let schedule = schedule.map_err(|source| PolicyFault::Schedule { argument, source })?;
        Ok(schedule.on_calendar(zone))
    };
    let run = arguments.schedule.as_deref().ok_or(PolicyFault::Missing("schedule"))?;
    let check = arguments.check.clone().unwrap_or_default();
    let drill = arguments.drill.as_ref().and_then(|drill| drill.schedule.as_deref());
    Ok(vec![
        Timing { command: Verb::Run, at: at("schedule", run)? },
        Timing { command: Verb::Check, at: at("check.schedule", &check.schedule)? },
        Timing {
            command: Verb::Drill,
            at: drill.map(|text| at("drill.schedule", text)).transpose()?.unwrap_or_default(),
        },
    ])
}

impl Default for Check {
    fn default() -> Check {
        Check { schedule: "0 4 * * 6".to_owned(), read_data_percent: 5 }
    }
}
