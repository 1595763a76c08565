//! Packages. dpkg's own record is read, which takes milliseconds; apt is asked only for changes.
//!
//! Hosts with dnf are told apart and served (`rpm --query`, `dnf install`), but nobody has tested that.

mod set;

use std::fmt::{self, Display};

pub use set::Set;

use crate::{Fault, Host, Item, Program};

/// A package as it is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    name: String,
    wanted: Wanted,
}

/// What is wanted of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Some version of it.
    Installed,
    /// Not there; its configuration is kept.
    Removed,
}

/// What the package system says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    system: System,
    version: Option<String>,
}

/// Which package system the host has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// dpkg and apt.
    Apt,
    /// rpm and dnf. Untested.
    Dnf,
    /// Neither.
    Unknown,
}

/// Install or remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    system: System,
    verb: &'static str,
    name: String,
}

impl Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} the package {}", self.verb, self.name)
    }
}

impl Package {
    /// The package is installed.
    pub fn installed(name: impl Into<String>) -> Package {
        Package { name: name.into(), wanted: Wanted::Installed }
    }

    /// The package is not installed.
    pub fn removed(name: impl Into<String>) -> Package {
        Package { name: name.into(), wanted: Wanted::Removed }
    }
}

/// The package system of the host.
pub fn system(host: &Host) -> System {
    if host.exists("/var/lib/dpkg/status") {
        System::Apt
    } else if host.has_program("dnf") {
        System::Dnf
    } else {
        System::Unknown
    }
}

/// The version of a package that is installed; none when it is not.
pub fn version(host: &Host, name: &str) -> Result<Option<String>, Fault> {
    match system(host) {
        System::Apt => Ok(dpkg_version(&host.read_text("/var/lib/dpkg/status")?.unwrap_or_default(), name)),
        System::Dnf => {
            let output = host.ask(&Program::new("rpm").args([
                "--query",
                "--queryformat=%{VERSION}-%{RELEASE}",
                name,
            ]))?;
            Ok(output.success().then_some(output.stdout))
        }
        System::Unknown => Ok(None),
    }
}

/// The version of an installed package in the text of dpkg's status file.
fn dpkg_version(status: &str, name: &str) -> Option<String> {
    let head = format!("Package: {name}\n");
    let start = if status.starts_with(&head) { 0 } else { status.find(&format!("\n{head}"))? + 1 };
    let rest = &status[start..];
    let entry = rest.split("\n\n").next()?;
    let field = |name: &str| entry.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    if !field("Status:")?.ends_with(" installed") {
        return None;
    }
    field("Version:").map(str::to_owned)
}

/// The package system's program, about to `install` or `remove`.
fn installing(system: System, verb: &str) -> Program {
    let program = match system {
        System::Apt => Program::new("apt-get").args([
            // A configuration file that an administrator changed is kept, and a lock of another apt awaited.
            "--option=Dpkg::Options::=--force-confold",
            "--option=DPkg::Lock::Timeout=120",
            "--yes",
            "--quiet=2",
            "--no-install-recommends",
            verb,
        ]),
        _ => Program::new("dnf").args(["--assumeyes", "--quiet", verb]),
    };
    program.variable("DEBIAN_FRONTEND", "noninteractive")
}

/// The version that would be installed, as apt's lists have it; none where nobody knows.
pub fn candidate(host: &Host, name: &str) -> Result<Option<String>, Fault> {
    if system(host) != System::Apt {
        return Ok(None);
    }
    let output = host.ask(&Program::new("apt-cache").args(["policy", name]))?;
    let line = output.stdout.lines().find_map(|line| line.trim().strip_prefix("Candidate:"));
    Ok(line.map(str::trim).filter(|version| *version != "(none)").map(str::to_owned))
}

impl Item for Package {
    type Observed = Observed;
    type Change = Change;

    fn id(&self) -> String {
        format!("package {}", self.name)
    }

    fn observe(&self, host: &Host) -> Result<Observed, Fault> {
        Ok(Observed { system: system(host), version: version(host, &self.name)? })
    }

    fn compare(&self, observed: &Observed) -> Result<Vec<Change>, Fault> {
        let verb = match (self.wanted, &observed.version) {
            (Wanted::Installed, None) => "install",
            (Wanted::Removed, Some(_)) => "remove",
            _ => return Ok(Vec::new()),
        };
        if observed.system == System::Unknown {
            return Err(Fault::unsupported("this host has neither apt nor dnf"));
        }
        Ok(vec![Change { system: observed.system, verb, name: self.name.clone() }])
    }

    fn apply(&self, host: &Host, change: &Change) -> Result<(), Fault> {
        host.run(&installing(change.system, change.verb).args([&change.name])).map(drop)
    }

    fn before(&self, observed: &Observed) -> String {
        observed
            .version
            .as_ref()
            .map_or("not installed\n".to_owned(), |version| format!("installed {version}\n"))
    }

    fn after(&self, observed: &Observed) -> String {
        match (self.wanted, &observed.version) {
            (Wanted::Installed, None) => "installed\n".to_owned(),
            (Wanted::Installed, Some(_)) => self.before(observed),
            (Wanted::Removed, _) => "not installed\n".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_whose_configuration_alone_is_left_is_not_installed() {
        let status = "Package: a\nStatus: deinstall ok config-files\nVersion: 1\n\nPackage: b\nStatus: install ok installed\nVersion: 2-1\n";
        assert_eq!(dpkg_version(status, "a"), None);
        assert_eq!(dpkg_version(status, "b"), Some("2-1".to_owned()));
        assert_eq!(dpkg_version(status, "c"), None);
    }
}
