//! Rules of the kernel's audit.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{Hardening, kernel_of_another};
use crate::audit::Rules;
use crate::file::File;
use crate::hardening::control::Wanted;
use crate::pending::Triggering;
use crate::{Host, Item, Outcome, Program};

const FOLDER: &str = "/etc/audit/rules.d";
const PRIVILEGED: &str = "60-socle-privileged.rules";
/// Where programs of the system are. Homes, and file systems of containers, are others' business.
const PROGRAMS: [&str; 7] =
    ["/usr/bin", "/usr/sbin", "/usr/lib", "/usr/libexec", "/usr/local/bin", "/usr/local/sbin", "/opt"];

impl Hardening<'_> {
    pub(super) fn audit_rules(&self, file: &str, rules: &[&str]) -> Outcome {
        if self.container {
            return Outcome::of_fault(file, &kernel_of_another("the kernel's audit"));
        }
        let rules: Vec<String> = rules.iter().map(|rule| (*rule).to_owned()).collect();
        Rules::new(file.trim_end_matches(".rules"), &rules).bring(self.host, self.mode)
    }

    pub(super) fn audit_privileged_programs(&self) -> Outcome {
        if self.container {
            return Outcome::of_fault(PRIVILEGED, &kernel_of_another("the kernel's audit"));
        }
        let rule = |path: &String| {
            format!("-a always,exit -F path={path} -F perm=x -F auid>=1000 -F auid!=unset -k privileged")
        };
        let rules: Vec<String> = privileged(self.host).iter().map(rule).collect();
        Rules::new(PRIVILEGED.trim_end_matches(".rules"), &rules).bring(self.host, self.mode)
    }
}

/// Programs with the set-user-ID or set-group-ID bit, sorted.
fn privileged(host: &Host) -> Vec<String> {
    let mut found = Vec::new();
    for folder in PROGRAMS {
        gather(&host.path(folder), folder, &mut found);
    }
    found.sort();
    found
}

fn gather(place: &Path, name: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let Ok(there) = entry.metadata() else { continue };
        let path = format!("{name}/{}", entry.file_name().to_string_lossy());
        if there.is_dir() {
            gather(&entry.path(), &path, found);
        } else if there.is_file()
            && there.permissions().mode() & 0o6000 != 0
            && there.permissions().mode() & 0o111 != 0
        {
            found.push(path);
        }
    }
}

/// Removes rules of ours that no control wants any more.
pub(super) fn forget(hardening: &Hardening) -> Vec<Outcome> {
    let kept: Vec<&str> = hardening
        .selected
        .iter()
        .filter(|one| hardening.value_of(&one.control.id).is_some())
        .filter_map(|one| match one.control.wanted {
            Wanted::AuditRules { file, .. } => Some(file),
            Wanted::AuditPrivilegedPrograms => Some(PRIVILEGED),
            _ => None,
        })
        .collect();
    let names = hardening.host.names(FOLDER).unwrap_or_default();
    let ours = names.iter().filter(|name| name.contains("-socle-") && !kept.contains(&name.as_str()));
    let load = || vec![Program::new("augenrules").args(["--load"])];
    ours.map(|name| {
        Triggering::new(File::absent(format!("{FOLDER}/{name}")), load())
            .bring(hardening.host, hardening.mode)
    })
    .collect()
}
