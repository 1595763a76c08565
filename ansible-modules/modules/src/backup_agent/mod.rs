//! `backup_agent`: a backup policy on a host. The agent does the work; this puts it where systemd starts it.

pub mod arguments;
mod first_backup;
mod password;
pub mod policy;
mod program;
pub mod units;

use std::error::Error;

use backup_agent::configuration::{RECORDS, Source};
use host::file::{File, Folder};
use host::gone::Gone;
use host::owner;
use host::pending::Triggering;
use host::secret::Secret;
use host::system_user::SystemUser;
use host::unit::{Activity, Enablement, Unit, daemon_reload};
use host::{Host, Managed, Mode, Outcome, Program};
use module::{About, Answer, Context, Module};
use serde_json::json;

use arguments::{Arguments, InitialBackup, Progress, State};
use first_backup::FirstBackup;
use password::{Password, keep_keys};
use policy::{FOLDER, Policy, configuration_path, secret_path, secrets, secrets_folder};
use program::Agent;
use units::{Command, Timing};

/// The module.
#[derive(Debug)]
pub struct BackupAgent;

impl Module for BackupAgent {
    type Arguments = Arguments;

    fn about() -> About {
        About {
            name: "backup_agent",
            short: "Back up databases and files of a host by a schedule, and prove the backups by restoring them",
            description: &[
                "Installs a policy of the backup agent C(socle-backup): its configuration, its secrets as credentials of systemd, and a timer for backups, checks and restore drills.",
                "Repositories are in the restic format, in a bucket of S3; C(restic) lists, checks and restores them.",
                "A new password gets its key in the repository before that of the old one is removed.",
                "A host has any number of policies, each with one owner.",
            ],
            examples: EXAMPLES,
            returns: json!({}),
            diff: true,
        }
    }

    fn run(host: &Host, arguments: &Arguments, context: Context) -> Result<Answer, Box<dyn Error>> {
        policy::check_name(&arguments.name)?;
        let subject = format!("backup-{}", arguments.name);
        match arguments.state {
            State::Present => install(host, arguments, &subject, context.mode),
            State::Absent => remove(host, arguments, &subject, context.mode),
        }
    }
}

const EXAMPLES: &str = r#"
- name: Back up the database of the social network every night
  socle.platform.backup_agent:
    name: social-db
    location:
      bucket: example-social-backups
      region: eu-west-3
    schedule: "15 2 * * *"
    time_zone: Europe/Paris
    retention:
      last: 3
      daily: 7
      weekly: 5
      monthly: 12
    postgresql:
      databases: [social]
    drill:
      schedule: "0 5 * * 0"
      queries:
        - sql: select count(*) > 0 from users
          expect: t
    password: "{{ backup_password }}"
    access_key: "{{ backup_access_key }}"
    secret_key: "{{ backup_secret_key }}"
    initial_backup: start
"#;

fn install(host: &Host, arguments: &Arguments, subject: &str, mode: Mode) -> Result<Answer, Box<dyn Error>> {
    let policy = Policy::of(arguments, has_recovery(host, arguments))?;
    owner::may_claim(host, subject, &arguments.owner)?;
    if mode == Mode::Apply {
        let progress = match arguments.progress {
            Progress::Creating => owner::Progress::Creating,
            Progress::Complete => owner::Progress::Complete,
        };
        owner::claim_while(host, subject, &arguments.owner, progress)?;
    }
    Ok(answer(bring_all(&present(arguments, &policy), host, mode)))
}

fn remove(host: &Host, arguments: &Arguments, subject: &str, mode: Mode) -> Result<Answer, Box<dyn Error>> {
    owner::may_claim(host, subject, &arguments.owner)?;
    policy::check_metrics_file(arguments)?;
    let outcomes = bring_all(&absent(arguments), host, mode);
    let answer = answer(outcomes);
    if mode == Mode::Apply && !answer.failed {
        owner::release(host, subject, &arguments.owner)?;
    }
    Ok(answer)
}

/// Brings one after the other, and stops at the first that cannot be: what follows stands on it.
fn bring_all(items: &[Box<dyn Managed>], host: &Host, mode: Mode) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for item in items {
        let outcome = item.bring_about(host, mode);
        let is_fine =
            matches!(outcome.state, host::State::Ok | host::State::Changed | host::State::WouldChange);
        outcomes.push(outcome);
        if !is_fine && mode == Mode::Apply {
            break;
        }
    }
    outcomes
}

/// A policy that this host cannot have is no warning.
fn answer(outcomes: Vec<Outcome>) -> Answer {
    let unsupported = outcomes.iter().find(|outcome| outcome.state == host::State::Unsupported);
    let problem = unsupported.map(|outcome| format!("{}: {}", outcome.id, outcome.message));
    let answer = Answer::of(outcomes);
    match problem {
        Some(msg) => Answer { failed: true, msg, warnings: Vec::new(), ..answer },
        None => answer,
    }
}

/// Whether the policy will have a recovery password: a given one, or what the host has.
fn has_recovery(host: &Host, arguments: &Arguments) -> bool {
    let is_there = || host.exists(&secret_path(&arguments.name, secrets::RECOVERY));
    arguments.recovery_password.is_some() || arguments.keep_recovery_password && is_there()
}

/// All that a policy is on its host, in the order in which it is made.
fn present(arguments: &Arguments, policy: &Policy) -> Vec<Box<dyn Managed>> {
    let name = &policy.name;
    let mut items: Vec<Box<dyn Managed>> = vec![
        Box::new(Agent::at(&policy.agent)),
        Box::new(Folder::new(FOLDER, 0o700)),
        Box::new(Folder::new(secrets_folder(name), 0o700)),
    ];
    let databases = matches!(policy.configuration.source, Source::Postgresql(_));
    if let Some(drill) = policy.configuration.drill.as_ref().filter(|_| databases) {
        items.push(Box::new(SystemUser::new(&drill.system_user)));
    }
    let configuration = File::new(configuration_path(name), policy.text()).mode(0o600);
    items.push(Box::new(configuration));
    let by_hand = File::new(by_hand_path(name), units::by_hand(policy)).mode(0o755);
    items.push(Box::new(by_hand));
    items.extend(secrets_of(arguments, policy));
    items.extend(policy.timings.iter().flat_map(|timing| timed(policy, timing)));
    if arguments.initial_backup == InitialBackup::Start {
        items.push(Box::new(FirstBackup::of(name)));
    }
    items
}

fn secrets_of(arguments: &Arguments, policy: &Policy) -> Vec<Box<dyn Managed>> {
    let name = &policy.name;
    let secret = |secret: &str, value: &Option<String>| -> Box<dyn Managed> {
        Box::new(Secret::new(secret_path(name, secret), value.as_deref()))
    };
    let gone = |secret: &str| -> Box<dyn Managed> { Box::new(File::absent(secret_path(name, secret))) };
    let mut items = if arguments.host_role {
        vec![gone(secrets::ACCESS_KEY), gone(secrets::SECRET_KEY)]
    } else {
        vec![
            secret(secrets::ACCESS_KEY, &arguments.access_key),
            secret(secrets::SECRET_KEY, &arguments.secret_key),
        ]
    };
    items.push(Box::new(Password::new(name, &policy.agent, arguments.password.as_deref())));
    if policy.configuration.repository.recovery_password.is_some() {
        let path = secret_path(name, secrets::RECOVERY);
        let recovery = Secret::new(path, arguments.recovery_password.as_deref());
        items.push(Box::new(Triggering::new(recovery, vec![keep_keys(name, &policy.agent)])));
    } else {
        items.push(gone(secrets::RECOVERY));
    }
    items
}

/// The service, and the timer that starts it: on, or gone when nothing starts it.
fn timed(policy: &Policy, timing: &Timing) -> Vec<Box<dyn Managed>> {
    let unit = timing.command.unit(&policy.name);
    let (service, timer) = (format!("{unit}.service"), format!("{unit}.timer"));
    let wanted = timing.command != Command::Drill || policy.configuration.drill.is_some();
    let mut items: Vec<Box<dyn Managed>> = Vec::new();
    if timing.at.is_empty() {
        items.extend(gone_unit(&timer));
    }
    if wanted {
        let file = File::new(path_of(&service), units::service(policy, timing.command));
        // A backup that runs is not disturbed: the next one takes the new unit.
        items.push(Box::new(Triggering::new(file, vec![daemon_reload()])));
    } else {
        items.extend(gone_unit(&service));
    }
    if !timing.at.is_empty() {
        let file = File::new(path_of(&timer), units::timer(policy, timing));
        let restart = Program::new("systemctl").args(["try-restart", "--", &timer]);
        items.push(Box::new(Triggering::new(file, vec![daemon_reload(), restart])));
        items.push(Box::new(Unit::on(timer).brought()));
    }
    items
}

/// The command of a policy for people.
fn by_hand_path(name: &str) -> String {
    format!("/usr/local/sbin/socle-backup-{name}")
}

fn path_of(unit: &str) -> String {
    format!("/etc/systemd/system/{unit}")
}

fn gone_unit(unit: &str) -> Vec<Box<dyn Managed>> {
    let off = Unit::new(unit).enablement(Enablement::Disabled).activity(Activity::Inactive);
    vec![Box::new(off), Box::new(Triggering::new(File::absent(path_of(unit)), vec![daemon_reload()]))]
}

/// What is left of a policy that goes: nothing on the host, all in the repository.
fn absent(arguments: &Arguments) -> Vec<Box<dyn Managed>> {
    let name = arguments.name.as_str();
    let units = Command::ALL.map(|command| command.unit(name));
    let timers = units.iter().flat_map(|unit| gone_unit(&format!("{unit}.timer")));
    let services = units.iter().flat_map(|unit| gone_unit(&format!("{unit}.service")));
    let mut items: Vec<Box<dyn Managed>> = timers.chain(services).collect();
    items.push(Box::new(File::absent(by_hand_path(name))));
    items.push(Box::new(Gone::new(secrets_folder(name))));
    items.push(Box::new(File::absent(configuration_path(name))));
    items.push(Box::new(Gone::new(format!("{RECORDS}/{name}"))));
    // Figures that nobody renews would be taken for news.
    items.extend(
        arguments.metrics_file.iter().map(|file| Box::new(File::absent(file).secret()) as Box<dyn Managed>),
    );
    items
}

#[cfg(test)]
mod tests;
