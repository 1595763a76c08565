//! What the host program `backup_agent` is told: its own arguments, which it also takes from Ansible. What the user left out
//! has the program's default.

use module::{Argument as _, Input};
use modules::backup_agent::arguments::{self as told, Arguments, InitialBackup, Io, Progress, State};
use serde_json::{Map as Object, Value as Json};
use tfplugin::{List, Value};

use super::super::location::Location;
use super::BackupPolicy;
use super::blocks::{Check, Drill, Files, Limits, Postgresql, Query, Retention};
use super::secrets::Secrets;
use crate::clients::retry::Budget;
use crate::clients::ssh::{Host, Missing, Mode, ModuleResult, ProgramCall, Ssh, SshError};

/// The program.
const PROGRAM: &str = "backup_agent";

/// What a run is for, beside what the policy says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Purpose<'a> {
    /// The path of the agent on the host.
    pub(super) agent: &'a str,
    /// Who the host knows as the owner.
    pub(super) owner: &'a str,
    /// How far the owner is.
    pub(super) progress: Progress,
    /// Whether the first backup is begun.
    pub(super) initial_backup: InitialBackup,
}

/// What is told of a policy; none while something of it is unknown.
pub(super) fn present(policy: &BackupPolicy, secrets: &Secrets, purpose: Purpose<'_>) -> Option<Arguments> {
    Some(Arguments {
        agent: Some(purpose.agent.to_owned()),
        progress: purpose.progress,
        location: Some(location(policy.location.known()?, &policy.prefix)?),
        schedule: Some(policy.schedule.known()?.clone()),
        time_zone: or(&policy.time_zone, "UTC")?,
        retention: Some(retention(policy.retention.known()?)?),
        postgresql: optional(&policy.postgresql, postgresql)?,
        files: optional(&policy.files, files)?,
        drill: optional(&policy.drill, drill)?,
        check: optional(&policy.check, check)?,
        limits: optional(&policy.limits, limits)?,
        metrics_file: text(&policy.metrics_file)?,
        password: secrets.password.as_ref().map(|secret| secret.expose().to_owned()),
        recovery_password: secrets.recovery.as_ref().map(|secret| secret.expose().to_owned()),
        keep_recovery_password: policy.has_recovery(),
        access_key: secrets.keys.as_ref().map(|(id, _)| id.expose().to_owned()),
        secret_key: secrets.keys.as_ref().map(|(_, key)| key.expose().to_owned()),
        host_role: !policy.has_keys(),
        initial_backup: purpose.initial_backup,
        ..nothing(policy.name.known()?, purpose.owner)?
    })
}

/// What is told of a policy that goes.
pub(super) fn absent(policy: &BackupPolicy, owner: &str) -> Option<Arguments> {
    Some(Arguments {
        state: State::Absent,
        metrics_file: policy.metrics_file.known().cloned(),
        ..nothing(policy.name.known()?, owner)?
    })
}

/// The program's own defaults.
fn nothing(name: &str, owner: &str) -> Option<Arguments> {
    let least = [("name", name), ("owner", owner)].map(|(key, value)| (key.to_owned(), Json::from(value)));
    Input::read(least.into_iter().collect()).ok()
}

/// Runs the program.
///
/// # Errors
/// Why it did not run, or what it said.
pub(super) async fn run(
    ssh: &Ssh,
    host: &Host,
    arguments: &Arguments,
    mode: Mode,
    budget: &Budget,
) -> Result<ModuleResult, SshError> {
    let Json::Object(arguments) = arguments.show() else { return Ok(ModuleResult::default()) };
    let arguments: Object<String, Json> = arguments;
    let missing = if mode == Mode::Check { Missing::Report } else { Missing::Upload };
    let call = ProgramCall { name: PROGRAM, arguments: &arguments, mode, missing };
    ssh.run_program(host, call, budget).await
}

/// What is told of a value: nothing for null. While it is unknown, or something in it is, there is no answer.
type Told<T> = Option<Option<T>>;

fn optional<T, U>(value: &Value<T>, told: impl FnOnce(&T) -> Option<U>) -> Told<U> {
    match value {
        Value::Null => Some(None),
        Value::Unknown => None,
        Value::Known(value) => told(value).map(Some),
    }
}

fn text(value: &Value<String>) -> Told<String> {
    optional(value, |text| Some(text.clone()))
}

fn or(value: &Value<String>, default: &str) -> Option<String> {
    text(value).map(|text| text.unwrap_or_else(|| default.to_owned()))
}

fn number<N: Copy>(value: &Value<N>, default: N) -> Option<N> {
    optional(value, |number| Some(*number)).map(|number| number.unwrap_or(default))
}

fn texts(list: &List<String>) -> Option<Vec<String>> {
    list.iter().map(|text| text.known().cloned()).collect()
}

fn list(value: &Value<List<String>>) -> Told<Vec<String>> {
    optional(value, texts)
}

fn location(place: &Location, prefix: &Value<String>) -> Option<told::Location> {
    Some(told::Location {
        bucket: place.bucket.known()?.clone(),
        region: place.region.known()?.clone(),
        endpoint: text(&place.endpoint)?,
        prefix: text(prefix)?,
    })
}

fn retention(rules: &Retention) -> Option<told::Retention> {
    Some(told::Retention {
        last: number(&rules.last, 0)?,
        hourly: number(&rules.hourly, 0)?,
        daily: number(&rules.daily, 0)?,
        weekly: number(&rules.weekly, 0)?,
        monthly: number(&rules.monthly, 0)?,
        yearly: number(&rules.yearly, 0)?,
    })
}

fn postgresql(server: &Postgresql) -> Option<told::Postgresql> {
    let default = defaults::<told::Postgresql>()?;
    Some(told::Postgresql {
        databases: list(&server.databases)?,
        user: or(&server.user, &default.user)?,
        system_user: or(&server.system_user, &default.system_user)?,
        socket: or(&server.socket, &default.socket)?,
        port: number(&server.port, default.port)?,
        programs: text(&server.programs)?,
    })
}

fn files(source: &Files) -> Option<told::Files> {
    Some(told::Files {
        paths: texts(source.paths.known()?)?,
        exclude: list(&source.exclude)?.unwrap_or_default(),
        pre: list(&source.pre)?,
        post: list(&source.post)?,
    })
}

fn drill(block: &Drill) -> Option<told::Drill> {
    let default = defaults::<told::Drill>()?;
    let queries = optional(&block.query, |queries| queries.iter().map(|one| query(one.known()?)).collect())?;
    Some(told::Drill {
        schedule: text(&block.schedule)?,
        queries: queries.unwrap_or_default(),
        files: list(&block.files)?.unwrap_or_default(),
        max_rpo: text(&block.max_rpo)?,
        max_rto: text(&block.max_rto)?,
        scratch: or(&block.scratch, &default.scratch)?,
        system_user: or(&block.system_user, &default.system_user)?,
    })
}

fn query(assertion: &Query) -> Option<told::Query> {
    Some(told::Query {
        database: text(&assertion.database)?,
        sql: assertion.sql.known()?.clone(),
        expect: assertion.expect.known()?.clone(),
    })
}

fn check(block: &Check) -> Option<told::Check> {
    let default = told::Check::default();
    Some(told::Check {
        schedule: or(&block.schedule, &default.schedule)?,
        read_data_percent: number(&block.read_data_percent, default.read_data_percent)?,
    })
}

fn limits(block: &Limits) -> Option<told::Limits> {
    let default = defaults::<told::Limits>()?;
    Some(told::Limits {
        time: or(&block.time, &default.time)?,
        retries: or(&block.retries, &default.retries)?,
        lock_wait: or(&block.lock_wait, &default.lock_wait)?,
        bandwidth: text(&block.bandwidth)?,
        nice: number(&block.nice, default.nice)?,
        io: if text(&block.io)?.as_deref() == Some("idle") { Io::Idle } else { Io::BestEffort },
    })
}

/// The values of options that have defaults, all of them.
fn defaults<A: module::Arguments>() -> Option<A> {
    Input::read(Object::new()).ok()
}

#[cfg(test)]
mod tests {
    use modules::backup_agent::policy::Policy;

    use super::*;

    fn policy() -> BackupPolicy {
        let place = Location { bucket: "b".into(), region: "eu-west-3".into(), ..Location::default() };
        BackupPolicy {
            name: "social-db".into(),
            location: place.into(),
            schedule: "15 2 * * *".into(),
            time_zone: "Europe/Paris".into(),
            retention: Retention { daily: 7.into(), ..Retention::default() }.into(),
            postgresql: Postgresql::default().into(),
            ..BackupPolicy::default()
        }
    }

    const PURPOSE: Purpose<'_> = Purpose {
        agent: "/agent",
        owner: "socle_backup_policy 7f",
        progress: Progress::Complete,
        initial_backup: InitialBackup::None,
    };

    #[test]
    fn what_is_left_out_has_the_programs_own_default() {
        let arguments = present(&policy(), &Secrets::default(), PURPOSE).unwrap();
        assert_eq!(arguments.postgresql.as_ref().unwrap().port, 5432);
        assert!(arguments.host_role && !arguments.keep_recovery_password);
        let on_host = Policy::of(&arguments, false).unwrap();
        assert_eq!(on_host.configuration.repository.prefix, "social-db");
    }

    #[test]
    fn what_is_told_is_read_by_the_program_as_it_was_meant() {
        let drill = Drill { max_rpo: "26h".into(), ..Drill::default() };
        let arguments =
            present(&BackupPolicy { drill: drill.into(), ..policy() }, &Secrets::default(), PURPOSE);
        let arguments = arguments.unwrap();
        let Json::Object(told) = arguments.show() else { panic!("an object") };
        assert_eq!(Input::read::<Arguments>(told).unwrap(), arguments);
    }

    #[test]
    fn nothing_is_told_while_something_is_unknown() {
        let unknown = BackupPolicy { schedule: Value::Unknown, ..policy() };
        assert_eq!(present(&unknown, &Secrets::default(), PURPOSE), None);
        let unknown = BackupPolicy { files: Value::Unknown, ..policy() };
        assert_eq!(present(&unknown, &Secrets::default(), PURPOSE), None);
    }
}
