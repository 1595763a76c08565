//! The audit pass: what only a person can decide is looked for and told, never changed.

mod people;
mod system;
mod walk;

use crate::hardening::control::Scan;
use crate::{Fault, Host, Outcome, State};

/// So many findings are told; a report is read by people.
const MOST: usize = 200;

/// Looks, and tells what was found: nothing is as wanted, everything else is for a person to decide.
pub(super) fn look(host: &Host, scan: Scan) -> Outcome {
    let id = format!("{scan:?}");
    match found(host, scan) {
        Err(fault) => Outcome::of_fault(id, &fault),
        Ok(found) if found.is_empty() => Outcome::new(id),
        Ok(found) => Outcome {
            state: State::WouldChange,
            before: shown(&found),
            message: format!("{} found; decide what becomes of it, or name an exception", found.len()),
            ..Outcome::new(id)
        },
    }
}

fn shown(found: &[String]) -> String {
    let mut text: String = found.iter().take(MOST).map(|line| line.to_owned() + "\n").collect();
    if found.len() > MOST {
        text.extend(["and ".to_owned(), (found.len() - MOST).to_string(), " more\n".to_owned()]);
    }
    text
}

fn found(host: &Host, scan: Scan) -> Result<Vec<String>, Fault> {
    match scan {
        Scan::WorldWritable => Ok(walk::world_writable(host)),
        Scan::SharedFolders => Ok(walk::shared_folders(host)),
        Scan::Unowned => walk::unowned(host),
        Scan::SetId => walk::set_id(host),
        Scan::LogFiles => Ok(walk::log_files(host)),
        Scan::AccountFiles => people::account_files(host),
        Scan::RootDoubles => people::root_doubles(host),
        Scan::HomeFolders => people::home_folders(host),
        Scan::SudoRules => people::sudo_rules(host),
        Scan::UnusedAccounts => people::unused(host),
        Scan::RootPath => people::root_path(host),
        Scan::ListeningSockets => system::listening(host),
        Scan::PackageSources => system::package_sources(host),
        Scan::SecurityUpdates => system::security_updates(host),
        Scan::ApparmorProfiles => system::apparmor(host),
        Scan::KernelBuild => system::kernel_build(host),
    }
}

#[cfg(test)]
mod tests;
