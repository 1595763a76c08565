use proptest::prelude::*;

use super::*;

fn arguments(profile: &str) -> Arguments {
    Arguments { profile: profile.to_owned(), ..Arguments::default() }
}

fn decision_of(arguments: &Arguments, id: &str) -> Option<Decision> {
    select(arguments).unwrap().into_iter().find(|one| one.control.id == id).map(|one| one.decision)
}

fn value_of(arguments: &Arguments, id: &str) -> Option<String> {
    match decision_of(arguments, id) {
        Some(Decision::Apply(value)) => value,
        other => panic!("{id}: {other:?}"),
    }
}

#[test]
fn a_mistyped_name_is_refused_with_the_nearest() {
    let mut typed = arguments("anssi-high");
    typed.exceptions.insert("ssh.tcp-forwading".into(), "bastion host".into());
    let told = select(&typed).unwrap_err().to_string();
    assert!(told.contains("did you mean \"ssh.tcp-forwarding\""), "{told}");
    let told = select(&arguments("anssi-hihg")).unwrap_err().to_string();
    assert!(told.contains("did you mean \"anssi-high\""), "{told}");
}

#[test]
fn an_exception_needs_a_reason() {
    let mut silent = arguments("baseline");
    silent.exceptions.insert("ssh.use-dns".into(), "  ".into());
    assert_eq!(select(&silent), Err(SelectionFault::NoReason { id: "ssh.use-dns".into() }));
    silent.exceptions.insert("ssh.use-dns".into(), "old resolver".into());
    assert_eq!(decision_of(&silent, "ssh.use-dns"), Some(Decision::Except("old resolver".into())));
}

#[test]
fn a_lock_out_risk_waits_for_its_name() {
    let mut cis = arguments("cis-1");
    let decision = decision_of(&cis, "ssh.permit-root-login");
    assert!(
        matches!(&decision, Some(Decision::Except(reason)) if reason.starts_with("opt-in by name")),
        "{decision:?}"
    );
    cis.enable.insert("ssh.permit-root-login".into());
    assert_eq!(value_of(&cis, "ssh.permit-root-login").as_deref(), Some("no"));
}

#[test]
fn enabling_what_a_profile_decides_is_refused() {
    let mut odd = arguments("baseline");
    odd.enable.insert("ssh.use-dns".into());
    assert_eq!(select(&odd), Err(SelectionFault::NotByName { id: "ssh.use-dns".into() }));
}

#[test]
fn a_named_control_replaces_the_one_that_wants_the_same() {
    let mut strict = arguments("baseline");
    strict.enable.insert("ssh.permit-root-login".into());
    assert_eq!(value_of(&strict, "ssh.permit-root-login").as_deref(), Some("no"));
    let replaced = decision_of(&strict, "ssh.permit-root-login-by-key");
    assert!(
        matches!(&replaced, Some(Decision::Except(why)) if why.contains("ssh.permit-root-login,")),
        "{replaced:?}"
    );
}

#[test]
fn a_kubernetes_node_keeps_what_it_needs() {
    let node = Arguments { kubernetes_node: true, ..arguments("anssi-high") };
    for (id, value) in [
        ("sysctl.net-ipv4-ip-forward", "1"),
        ("sysctl.net-ipv4-conf-all-rp-filter", "2"),
        ("sysctl.net-bridge-bridge-nf-call-iptables", "1"),
        ("sysctl.vm-overcommit-memory", "1"),
        ("sysctl.kernel-panic", "10"),
        ("sysctl.kernel-panic-on-oops", "1"),
        ("sysctl.vm-panic-on-oom", "0"),
    ] {
        assert_eq!(value_of(&node, id).as_deref(), Some(value), "{id}");
    }
    assert_eq!(value_of(&arguments("anssi-high"), "sysctl.net-ipv4-ip-forward").as_deref(), Some("0"));
    assert_eq!(decision_of(&arguments("anssi-high"), "sysctl.vm-overcommit-memory"), None);
}

#[test]
fn a_kubernetes_node_never_locks_modules_nor_its_storage() {
    let mut node = Arguments { kubernetes_node: true, ..arguments("anssi-high") };
    for id in ["sysctl.kernel-modules-disabled", "mount.var-noexec"] {
        node.enable.insert(id.into());
        let decision = decision_of(&node, id);
        assert!(
            matches!(&decision, Some(Decision::Except(why)) if why.starts_with("Kubernetes node")),
            "{id}: {decision:?}"
        );
    }
}

#[test]
fn kubelet_defaults_hold_in_every_profile() {
    for profile in Profile::ALL {
        let node = Arguments { kubernetes_node: true, ..arguments(profile.name()) };
        assert_eq!(value_of(&node, "sysctl.kernel-panic").as_deref(), Some("10"), "{}", profile.name());
        assert_eq!(
            value_of(&node, "sysctl.kernel-panic-on-oops").as_deref(),
            Some("1"),
            "{}",
            profile.name()
        );
        assert_eq!(value_of(&node, "sysctl.net-ipv4-ip-forward").as_deref(), Some("1"), "{}", profile.name());
    }
}

#[test]
fn searching_the_file_system_is_asked_for() {
    let is_there = |audit| {
        let asked = Arguments { audit, ..arguments("cis-1") };
        decision_of(&asked, "audit-pass.set-id").is_some()
    };
    assert_eq!((is_there(false), is_there(true)), (false, true));
}

#[test]
fn another_value_is_taken_where_there_is_one() {
    let mut own = arguments("baseline");
    own.overrides.insert("ssh.max-auth-tries".into(), "6".into());
    assert_eq!(value_of(&own, "ssh.max-auth-tries").as_deref(), Some("6"));
    own.overrides.insert("package.sudo".into(), "x".into());
    assert_eq!(select(&own), Err(SelectionFault::NoValue { id: "package.sudo".into() }));
}

proptest! {
    /// A line break in a value would be a second line of sshd's configuration.
    #[test]
    fn no_value_brings_a_second_line(head in "[a-z0-9]{0,8}", tail in "[a-z]{1,8}") {
        let mut own = arguments("baseline");
        own.overrides.insert("ssh.max-auth-tries".into(), format!("{head}\n{tail}"));
        prop_assert_eq!(select(&own), Err(SelectionFault::Value { id: "ssh.max-auth-tries".into() }));
    }
}
