//! What a change of a policy would do: a pure function of configuration and prior state.

use modules::backup_agent::arguments::{InitialBackup, Progress};
use modules::backup_agent::policy::Policy;
use tfplugin::{Diagnostic, Diagnostics, Model as _, Plan, Value};

use super::super::parts::{drifted, repaired, will_be};
use super::BackupPolicy;
use super::arguments::{Purpose, present};
use super::secrets::{Secrets, Versions, planned_versions};

pub(super) fn plan(plan: &mut Plan<BackupPolicy>) -> Result<(), Diagnostics> {
    refuse_what_the_agent_would(&plan.planned)?;
    if is_another_host(plan) {
        plan.requires_replace(BackupPolicy::paths().host());
    }
    plan.planned = plan.planned.clone().with_versions(versions(plan));
    let Some(prior) = &plan.prior else { return Ok(()) };
    plan.planned.parts = match prior.parts.known().filter(|_| asks_the_same(prior, &plan.planned)) {
        Some(found) => will_be(repaired(found)),
        None => Value::Unknown,
    };
    // A repair speaks to the host.
    if drifted(&prior.parts) && prior.reachable != Value::Known(true) {
        plan.planned.reachable = Value::Unknown;
    }
    Ok(())
}

/// What would fail at night fails now.
fn refuse_what_the_agent_would(planned: &BackupPolicy) -> Result<(), Diagnostic> {
    let purpose = Purpose {
        agent: "/usr/local/libexec/socle/socle-backup",
        owner: "socle_backup_policy",
        progress: Progress::Complete,
        initial_backup: InitialBackup::None,
    };
    let Some(arguments) = present(planned, &Secrets::default(), purpose) else { return Ok(()) };
    let refused = Policy::of(&arguments, planned.has_recovery());
    refused.map(drop).map_err(|fault| Diagnostic::error("Policy cannot be", fault.to_string()))
}

fn is_another_host(plan: &Plan<BackupPolicy>) -> bool {
    let address = |policy: &BackupPolicy| policy.host.known().and_then(|host| host.address.known()).cloned();
    let before = plan.prior.as_ref().and_then(address);
    let now = address(&plan.planned);
    before.is_some() && now.is_some() && before != now
}

fn versions(plan: &Plan<BackupPolicy>) -> Versions {
    let (planned, prior) = (&plan.planned, plan.prior.as_ref());
    Versions {
        password: planned_versions(
            &planned.encryption_password_vault,
            prior.map(|prior| (&prior.encryption_password_vault, &prior.encryption_password_latest_version)),
        ),
        recovery: planned_versions(
            &planned.recovery_password_vault,
            prior.map(|prior| (&prior.recovery_password_vault, &prior.recovery_password_latest_version)),
        ),
        keys: planned_versions(
            &planned.credentials_vault,
            prior.map(|prior| (&prior.credentials_vault, &prior.credentials_latest_version)),
        ),
    }
}

/// Whether the same parts are wanted on the host, so that each stands as it stood.
fn asks_the_same(prior: &BackupPolicy, planned: &BackupPolicy) -> bool {
    let asked = |policy: &BackupPolicy| BackupPolicy {
        // What says how the host is spoken to, and what a destroy does, makes no part.
        host: Value::Null,
        on_unreachable: Value::Null,
        initial_backup: Value::Null,
        timeouts: Value::Null,
        reachable: Value::Null,
        parts: Value::Null,
        id: Value::Null,
        ..policy.clone().with_versions(Versions::default())
    };
    asked(prior) == asked(planned)
}

#[cfg(test)]
mod tests {
    use tfplugin::Map;

    use super::super::super::location::Location;
    use super::super::super::parts::{APPLIED, DRIFTED};
    use super::super::blocks::{Files, Retention};
    use super::*;
    use crate::clients::ssh::HostBlock;

    fn policy() -> BackupPolicy {
        let place = Location { bucket: "b".into(), region: "eu-west-3".into(), ..Location::default() };
        let files = Files { paths: Value::Known(vec!["/srv".into()]), ..Files::default() };
        BackupPolicy {
            name: "files".into(),
            location: place.into(),
            schedule: "15 2 * * *".into(),
            time_zone: "UTC".into(),
            retention: Retention { daily: 7.into(), ..Retention::default() }.into(),
            files: files.into(),
            host: HostBlock { address: "203.0.113.1".into(), ..HostBlock::default() }.into(),
            reachable: true.into(),
            parts: parts(APPLIED),
            ..BackupPolicy::default()
        }
    }

    fn parts(standing: &str) -> Value<Map<String>> {
        Value::Known([("timer".to_owned(), Value::from(standing))].into_iter().collect())
    }

    fn planned(prior: &BackupPolicy, config: BackupPolicy) -> (BackupPolicy, usize) {
        let mut change = Plan::new(config.clone(), Some(prior.clone()), config);
        plan(&mut change).unwrap();
        let (planned, replaced, _) = change.into_parts();
        (planned, replaced.len())
    }

    #[test]
    fn a_part_that_drifted_will_be_put_right() {
        let prior = BackupPolicy { parts: parts(DRIFTED), ..policy() };
        assert_eq!(planned(&prior, prior.clone()).0.parts, parts(APPLIED));
    }

    #[test]
    fn another_schedule_makes_other_parts_and_another_user_does_not() {
        let other = BackupPolicy { schedule: "0 3 * * *".into(), ..policy() };
        assert_eq!(planned(&policy(), other).0.parts, Value::Unknown);
        let host = HostBlock { user: "admin".into(), address: "203.0.113.1".into(), ..HostBlock::default() };
        assert_eq!(planned(&policy(), BackupPolicy { host: host.into(), ..policy() }), {
            let host =
                HostBlock { user: "admin".into(), address: "203.0.113.1".into(), ..HostBlock::default() };
            (BackupPolicy { host: host.into(), ..policy() }, 0)
        });
    }

    #[test]
    fn another_address_is_another_host() {
        let host = HostBlock { address: "203.0.113.2".into(), ..HostBlock::default() };
        assert_eq!(planned(&policy(), BackupPolicy { host: host.into(), ..policy() }).1, 1);
    }

    #[test]
    fn what_the_agent_would_refuse_at_night_is_refused_by_the_plan() {
        let files = Files { paths: Value::Known(vec!["srv".into()]), ..Files::default() };
        let config = BackupPolicy { files: files.into(), ..policy() };
        let mut change = Plan::new(config.clone(), None, config);
        let refused = format!("{:?}", plan(&mut change).unwrap_err());
        assert!(refused.contains("source.files.paths"), "{refused}");
    }
}
