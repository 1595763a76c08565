use tfplugin::Map;

use super::super::resource::{Bootstrap, Hardening};
use super::*;

fn states(states: &[(&str, &str)]) -> Value<Map<String>> {
    let states = states.iter().map(|(id, state)| ((*id).to_owned(), Value::from(*state)));
    states.collect::<Map<String>>().into()
}

fn host(controls: Value<Map<String>>) -> ManagedHost {
    ManagedHost {
        address: "203.0.113.1".into(),
        port: 22.into(),
        hardening: Hardening { profile: "baseline".into(), ..Hardening::default() }.into(),
        reachable: true.into(),
        accepted_host_key: "ssh-ed25519 AAAA".into(),
        controls,
        ..ManagedHost::default()
    }
}

fn planned(prior: Option<ManagedHost>, wanted: ManagedHost) -> ManagedHost {
    let mut change = Plan::new(wanted.clone(), prior, wanted);
    plan(&mut change);
    change.planned
}

#[test]
fn a_host_as_wanted_plans_nothing() {
    let prior = host(states(&[("a", "applied"), ("b", "unsupported")]));
    assert_eq!(planned(Some(prior.clone()), prior.clone()), prior);
}

#[test]
fn drift_is_planned_to_be_repaired() {
    let prior = host(states(&[("a", "drifted"), ("b", "excepted")]));
    let planned = planned(Some(prior.clone()), prior);
    assert_eq!(planned.controls, states(&[("a", "applied"), ("b", "excepted")]));
}

#[test]
fn another_profile_makes_the_controls_unknown() {
    let prior = host(states(&[("a", "applied")]));
    let hardening = Hardening { profile: "cis-1".into(), ..Hardening::default() };
    let planned = planned(Some(prior.clone()), ManagedHost { hardening: hardening.into(), ..prior });
    assert_eq!(planned.controls, Value::Unknown);
}

#[test]
fn an_unreachable_host_as_it_was_plans_nothing() {
    let prior = ManagedHost { reachable: false.into(), ..host(states(&[("a", "applied")])) };
    assert_eq!(planned(Some(prior.clone()), prior.clone()), prior);
}

#[test]
fn a_written_host_key_becomes_the_accepted_one() {
    let prior = host(states(&[]));
    let planned = planned(Some(prior.clone()), ManagedHost { host_key: "ssh-ed25519 BBBB".into(), ..prior });
    assert_eq!(planned.accepted_host_key, "ssh-ed25519 BBBB".into());
}

#[test]
fn a_known_key_is_not_also_accepted_on_trust() {
    let bootstrap = Bootstrap { accept_new_host_key: true.into(), ..Bootstrap::default() };
    let config =
        ManagedHost { host_key: "ssh-ed25519 BBBB".into(), bootstrap: bootstrap.into(), ..host(Value::Null) };
    let mut found = Diagnostics::new();
    validate(&config, &mut found);
    assert!(found.has_errors());
}

#[test]
fn an_exception_needs_a_reason() {
    let exceptions: Map<String> = [("ssh.tcp-forwarding".to_owned(), " ".into())].into_iter().collect();
    let hardening =
        Hardening { exceptions: exceptions.into(), profile: "baseline".into(), ..Hardening::default() };
    let config = ManagedHost { hardening: hardening.into(), ..host(Value::Null) };
    let mut found = Diagnostics::new();
    validate(&config, &mut found);
    assert_eq!(found.iter().count(), 1);
}
