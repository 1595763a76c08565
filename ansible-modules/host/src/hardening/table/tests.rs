use std::collections::{BTreeSet, HashMap, HashSet};

use super::*;
use crate::hardening::control::{Consent, Effect, Wanted};
use crate::hardening::profile::Profile;
use crate::hardening::reference::{ANSSI, AnssiLevel, CIS, anssi_gap, anssi_level, cis_gap, cis_level};

fn ids(profile: Profile) -> BTreeSet<&'static str> {
    controls().iter().filter(|control| profile.has(control)).map(|control| control.id.as_str()).collect()
}

#[test]
fn ids_are_unique_and_of_one_form() {
    let mut seen = HashSet::new();
    for control in controls() {
        assert!(seen.insert(&control.id), "{} is there twice", control.id);
        let (kind, subject) = control.id.split_once('.').unwrap();
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(!kind.is_empty() && kind.chars().all(fits), "{}", control.id);
        assert!(!subject.is_empty() && subject.chars().all(fits), "{}", control.id);
    }
}

#[test]
fn every_control_says_what_and_why() {
    for control in controls() {
        assert!(!control.title.is_empty(), "{}", control.id);
        assert!(control.why.ends_with('.') && control.why.len() > 20, "{}: {}", control.id, control.why);
    }
}

#[test]
fn rules_named_by_controls_exist() {
    for control in controls() {
        assert!(control.anssi.iter().all(|rule| anssi_level(*rule).is_some()), "{}", control.id);
        for item in control.cis {
            assert!(cis_level(item).is_some(), "{}: {item}", control.id);
        }
    }
}

#[test]
fn every_rule_has_a_control_or_a_reason() {
    let met: HashSet<u8> = controls().iter().flat_map(|control| control.anssi.iter().copied()).collect();
    for rule in 1..=u8::try_from(ANSSI.len()).unwrap() {
        assert!(met.contains(&rule) || anssi_gap(rule).is_some(), "R{rule}");
    }
    let met: HashSet<&str> = controls().iter().flat_map(|control| control.cis.iter().copied()).collect();
    for (item, _) in CIS {
        assert!(met.contains(item) || cis_gap(item).is_some(), "{item}");
    }
}

#[test]
fn catalogue_is_complete_and_without_doubles() {
    assert_eq!(ANSSI.len(), 80);
    let items: HashSet<_> = CIS.iter().map(|(item, _)| item).collect();
    assert_eq!((items.len(), CIS.len()), (309, 309));
}

#[test]
fn a_higher_profile_has_all_of_a_lower_one() {
    use AnssiLevel::{Enhanced, High, Intermediary, Minimal};
    for (lower, higher) in [(Minimal, Intermediary), (Intermediary, Enhanced), (Enhanced, High)] {
        assert!(ids(Profile::Anssi(lower)).is_subset(&ids(Profile::Anssi(higher))));
    }
    assert!(ids(Profile::Cis1).is_subset(&ids(Profile::Cis2)));
}

#[test]
fn no_profile_is_empty() {
    for profile in Profile::ALL {
        assert!(
            ids(profile).len() > 20 || profile.name() == "anssi-minimal",
            "{}: {}",
            profile.name(),
            ids(profile).len()
        );
    }
}

#[test]
fn baseline_has_no_control_that_needs_a_name() {
    for control in controls().iter().filter(|control| control.baseline) {
        assert_eq!(control.consent, Consent::ByProfile, "{}", control.id);
    }
}

/// Two controls may want one thing only where all but one wait for their name, or where no profile has both.
#[test]
fn no_profile_wants_one_thing_twice() {
    for profile in Profile::ALL {
        let mut places = HashMap::new();
        let by_profile = |control: &&Control| profile.has(control) && control.consent == Consent::ByProfile;
        for control in controls().iter().filter(by_profile) {
            let place = match &control.wanted {
                Wanted::Sysctl { key, .. } => (*key).to_owned(),
                Wanted::Sshd { keyword, .. } => format!("sshd {keyword}"),
                Wanted::Setting { file, key, .. } => format!("{} {key}", file.path()),
                Wanted::Text { path, .. } => (*path).to_owned(),
                Wanted::AuditRules { file, .. } => (*file).to_owned(),
                _ => continue,
            };
            if let Some(other) = places.insert(place.clone(), &control.id) {
                panic!("{}: {} and {other} both want {place}", profile.name(), control.id);
            }
        }
    }
}

#[test]
fn what_can_lock_out_waits_for_its_name() {
    for id in [
        "sysctl.kernel-modules-disabled",
        "ssh.permit-root-login",
        "ssh.password-authentication",
        "auditd.halt-on-full-disk",
        "auditd.halt-on-disk-error",
        "login-defs.pass-max-days",
        "useradd.inactive",
        "accounts.password-ageing",
        "sudo.requiretty",
        "sudo.noexec",
        "sudo.umask",
        "mount.tmp-noexec",
        "mount.var-noexec",
        "faillock.even-deny-root",
    ] {
        let control = control(id).unwrap_or_else(|| panic!("{id} is missing"));
        assert!(matches!(control.consent, Consent::ByName(_)), "{id}");
    }
}

#[test]
fn auditd_halts_the_host_only_where_named() {
    for control in controls() {
        if let Wanted::Setting { key, value, .. } = control.wanted
            && key.ends_with("_action")
            && ["halt", "single"].contains(&value)
        {
            assert!(matches!(control.consent, Consent::ByName(_)), "{}", control.id);
        }
    }
}

#[test]
fn immutable_audit_rules_come_last_and_need_a_boot() {
    let last = controls().last().unwrap();
    assert_eq!((last.id.as_str(), last.effect), ("audit.immutable", Effect::Reboot));
    assert_eq!(
        controls()
            .iter()
            .filter(|c| matches!(c.wanted, Wanted::AuditRules { rules, .. } if rules.contains(&"-e 2")))
            .count(),
        1
    );
}
