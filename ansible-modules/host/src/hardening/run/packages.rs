//! Packages: all that is missing comes in one go.

use super::Hardening;
use crate::hardening::control::{PamStep, SettingsFile, Wanted};
use crate::hardening::selection::{Decision, Selected};
use crate::package::{self, Package};
use crate::{Host, Managed, Mode, Outcome, State};

/// The packages that the selected controls want and that are not installed.
pub(super) fn missing(host: &Host, selected: &[Selected]) -> Vec<&'static str> {
    let wanted = selected.iter().filter(|one| matches!(one.decision, Decision::Apply(_)));
    let names = wanted.flat_map(|one| match one.control.wanted {
        Wanted::Installed { packages } => packages,
        _ => &[],
    });
    names.copied().filter(|name| !is_installed(host, name)).collect()
}

fn is_installed(host: &Host, name: &str) -> bool {
    package::version(host, name).is_ok_and(|version| version.is_some())
}

/// The package that brings what a control changes.
pub(super) fn needed(wanted: &Wanted) -> Option<&'static str> {
    match wanted {
        Wanted::Setting { file: SettingsFile::Auditd, .. }
        | Wanted::AuditRules { .. }
        | Wanted::AuditPrivilegedPrograms
        | Wanted::Unit { unit: "auditd.service", .. } => Some("auditd"),
        Wanted::Setting { file: SettingsFile::Pwquality, .. } | Wanted::Pam(PamStep::Pwquality) => {
            Some("libpam-pwquality")
        }
        Wanted::Unit { unit: "apparmor.service", .. } => Some("apparmor"),
        Wanted::Unit { unit: "dailyaidecheck.timer", .. } => Some("aide-common"),
        Wanted::SudoDefault { .. } => Some("sudo"),
        _ => None,
    }
}

/// Installs what is missing, for all controls at once; where that fails, one control after the other.
pub(super) fn install(hardening: &mut Hardening) -> Vec<Outcome> {
    let host = hardening.host;
    let together = hardening.mode == Mode::Apply
        && !hardening.missing.is_empty()
        && package::install(host, &hardening.missing).is_ok();
    let wanted = hardening.selected.iter().filter(|one| matches!(one.decision, Decision::Apply(_)));
    wanted
        .filter_map(|one| match one.control.wanted {
            Wanted::Installed { packages } => Some((one.control.id.as_str(), packages)),
            _ => None,
        })
        .map(|(id, packages)| outcome(hardening, id, packages, together))
        .collect()
}

fn outcome(hardening: &Hardening, id: &str, packages: &[&str], together: bool) -> Outcome {
    let missing: Vec<&str> =
        packages.iter().copied().filter(|name| hardening.missing.contains(name)).collect();
    if missing.is_empty() {
        return Outcome {
            before: "installed\n".to_owned(),
            after: "installed\n".to_owned(),
            ..Outcome::new(id)
        };
    }
    if together {
        return Outcome {
            state: State::Changed,
            changed: true,
            before: format!("not installed: {}\n", missing.join(", ")),
            after: "installed\n".to_owned(),
            message: format!("install {}", missing.join(", ")),
            ..Outcome::new(id)
        };
    }
    let items: Vec<Box<dyn Managed>> =
        missing.iter().map(|name| Box::new(Package::installed(*name)) as Box<dyn Managed>).collect();
    hardening.items(id, &items)
}

/// The packages that must not be there.
pub(super) fn remove(packages: &[&str]) -> Vec<Box<dyn Managed>> {
    packages.iter().map(|name| Box::new(Package::removed(*name)) as Box<dyn Managed>).collect()
}
