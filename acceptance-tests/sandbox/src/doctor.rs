//! What a machine needs for each part of a sandbox, and the one command that mends it.

use std::fmt;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use rustix::process::geteuid;

use crate::command::{CommandError, run};
use crate::go_module::{OLDEST_GO, go_is_fit};
use crate::machine::{Obstacle, obstacle_to_servers};
use crate::packages::KEYRING;

/// A part of a sandbox that can be there or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// moto.
    Aws,
    /// Debian hosts and their package repository.
    Servers,
    /// Vault, built from source.
    Vault,
}

/// How a need is looked for.
#[derive(Debug, Clone, Copy)]
enum Sign {
    /// A program in `PATH`.
    Program(&'static str),
    /// Modules that Python can import.
    PythonModules(&'static str),
    /// A file.
    File(&'static str),
    /// A Go that is new enough for all that is built by it.
    Go,
}

/// What brings what is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// A package of Debian and Ubuntu.
    Package(&'static str),
    /// Go, which those have too old.
    Go,
}

/// Something that a part needs.
#[derive(Debug)]
struct Need {
    part: Part,
    sign: Sign,
    remedy: Remedy,
}

/// What was found out about one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The part.
    pub part: Part,
    /// Why it cannot be had on this machine; then nothing is said to be lacking.
    pub obstacle: Option<Obstacle>,
    /// What mends what it lacks, each once.
    pub lacking: Vec<Remedy>,
}

const fn program(part: Part, name: &'static str, package: &'static str) -> Need {
    Need { part, sign: Sign::Program(name), remedy: Remedy::Package(package) }
}

const fn go(part: Part) -> Need {
    Need { part, sign: Sign::Go, remedy: Remedy::Go }
}

const NEEDS: &[Need] = &[
    program(Part::Aws, "python3", "python3"),
    Need {
        part: Part::Aws,
        sign: Sign::PythonModules("ensurepip, venv"),
        remedy: Remedy::Package("python3-venv"),
    },
    program(Part::Servers, "podman", "podman"),
    program(Part::Servers, "runc", "runc"),
    program(Part::Servers, "conmon", "conmon"),
    program(Part::Servers, "debootstrap", "debootstrap"),
    program(Part::Servers, "ip", "iproute2"),
    program(Part::Servers, "tc", "iproute2"),
    program(Part::Servers, "ssh-keygen", "openssh-client"),
    program(Part::Servers, "apt-get", "apt"),
    program(Part::Servers, "apt-ftparchive", "apt-utils"),
    // It vouches for the packages that servers are made of.
    Need {
        part: Part::Servers,
        sign: Sign::File(KEYRING),
        remedy: Remedy::Package("debian-archive-keyring"),
    },
    // For bundles of official releases.
    program(Part::Servers, "curl", "curl"),
    program(Part::Servers, "unshare", "util-linux"),
    program(Part::Servers, "tar", "tar"),
    program(Part::Servers, "python3", "python3"),
    // For WireGuard, which some kernels lack.
    go(Part::Servers),
    go(Part::Vault),
];

/// Looks at this machine, part by part.
pub fn examine() -> Vec<Finding> {
    let found = |need: &Need| match need.sign {
        Sign::Program(name) => is_in_path(name),
        Sign::PythonModules(names) => imports(names),
        Sign::File(path) => Path::new(path).is_file(),
        Sign::Go => go_is_fit(),
    };
    findings(obstacle_to_servers(), found)
}

/// The part, looked at alone.
pub fn examine_part(part: Part) -> Finding {
    let finding = examine().into_iter().find(|finding| finding.part == part);
    finding.unwrap_or(Finding { part, obstacle: None, lacking: Vec::new() })
}

/// What to do about all that is lacking: the one command that installs packages, and what is to be done by hand. None
/// when nothing is.
pub fn remedy(findings: &[Finding]) -> Option<String> {
    let installing = match (is_in_path("apt-get"), geteuid().is_root()) {
        (true, true) => "run: apt-get install --yes --no-install-recommends",
        (true, false) => "run: sudo apt-get install --yes --no-install-recommends",
        (false, _) => "install what Debian calls",
    };
    remedy_by(installing, &each_once(findings.iter().flat_map(|finding| finding.lacking.iter().copied())))
}

/// Installs the packages that are lacking. Needs root on Debian or Ubuntu; for others there is [`remedy`].
pub fn install(findings: &[Finding]) -> Result<(), CommandError> {
    let lacking = each_once(findings.iter().flat_map(|finding| finding.lacking.iter().copied()));
    let packages = packages(&lacking);
    if packages.is_empty() || !geteuid().is_root() || !is_in_path("apt-get") {
        return Ok(());
    }
    let apt = || {
        let mut apt = Command::new("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive");
        apt
    };
    let install = || run(apt().args(["install", "--yes", "--no-install-recommends"]).args(&packages));
    // The package lists of a new machine may be missing or old.
    install().or_else(|_| run(apt().arg("update")).and_then(|_| install()))?;
    Ok(())
}

/// `installing` is what stands before the names of packages.
fn remedy_by(installing: &str, lacking: &[Remedy]) -> Option<String> {
    let packages = packages(lacking);
    let command = (!packages.is_empty()).then(|| format!("{installing} {}", packages.join(" ")));
    let by_hand = lacking.contains(&Remedy::Go).then(|| Remedy::Go.to_string());
    let remedies: Vec<_> = command.into_iter().chain(by_hand).collect();
    (!remedies.is_empty()).then(|| remedies.join("; "))
}

fn packages(lacking: &[Remedy]) -> Vec<&'static str> {
    let package = |remedy: &Remedy| match remedy {
        Remedy::Package(name) => Some(*name),
        Remedy::Go => None,
    };
    lacking.iter().filter_map(package).collect()
}

fn findings(obstacle: Option<Obstacle>, found: impl Fn(&Need) -> bool) -> Vec<Finding> {
    let of_part = |part| {
        let obstacle = obstacle.filter(|_| part == Part::Servers);
        let lacks = |need: &&Need| obstacle.is_none() && need.part == part && !found(need);
        let lacking = each_once(NEEDS.iter().filter(lacks).map(|need| need.remedy));
        Finding { part, obstacle, lacking }
    };
    [Part::Aws, Part::Servers, Part::Vault].map(of_part).into()
}

fn each_once(remedies: impl Iterator<Item = Remedy>) -> Vec<Remedy> {
    let mut unique = Vec::new();
    for remedy in remedies {
        if !unique.contains(&remedy) {
            unique.push(remedy);
        }
    }
    unique
}

/// Also where only root's `PATH` leads: programs of Debian's `sbin` serve users, too.
fn is_in_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let sbin = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(Into::into);
    env::split_paths(&path).chain(sbin).any(|folder| is_program(&folder.join(program)))
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
}

fn imports(modules: &str) -> bool {
    run(Command::new("python3").args(["-c", &format!("import {modules}")])).is_ok()
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(match self {
            Self::Aws => "AWS",
            Self::Servers => "servers",
            Self::Vault => "Vault",
        })
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Package(name) => write!(formatter, "package {name}"),
            Self::Go => write!(formatter, "install Go {OLDEST_GO} or newer"),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match (&self.obstacle, self.lacking.as_slice()) {
            (Some(obstacle), _) => write!(formatter, "{}: left out: {obstacle}", self.part),
            (None, []) => write!(formatter, "{}: ready", self.part),
            (None, lacking) => {
                let lacking: Vec<_> = lacking.iter().map(Remedy::to_string).collect();
                write!(formatter, "{}: lacking: {}", self.part, lacking.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IPROUTE: Remedy = Remedy::Package("iproute2");
    const PYTHON: Remedy = Remedy::Package("python3");

    #[test]
    fn names_a_package_once_although_two_programs_of_it_are_missing() {
        let found = findings(None, |need| ![IPROUTE, PYTHON].contains(&need.remedy));
        assert_eq!(found[0].lacking, [PYTHON]);
        assert_eq!(found[1].lacking, [IPROUTE, PYTHON]);
        assert_eq!(found[1].to_string(), "servers: lacking: package iproute2, package python3");
        let lacking = each_once(found.iter().flat_map(|finding| finding.lacking.iter().copied()));
        let remedy = remedy_by("run: apt-get install", &lacking);
        assert_eq!(remedy.as_deref(), Some("run: apt-get install python3 iproute2"));
    }

    #[test]
    fn says_what_no_package_brings() {
        let found = findings(None, |need| need.remedy != Remedy::Go);
        let advice = format!("install Go {OLDEST_GO} or newer");
        assert_eq!(found[2].to_string(), format!("Vault: lacking: {advice}"));
        let all = [Remedy::Go, PYTHON];
        assert_eq!(
            remedy_by("run: apt-get install", &all),
            Some(format!("run: apt-get install python3; {advice}"))
        );
        assert_eq!(remedy_by("run: apt-get install", &[]), None);
    }

    #[test]
    fn servers_need_what_vouches_for_their_packages() {
        let found = findings(None, |need| !matches!(need.sign, Sign::File(_)));
        assert_eq!(found[1].lacking, [Remedy::Package("debian-archive-keyring")]);
    }

    #[test]
    fn asks_for_nothing_that_cannot_help() {
        let found = findings(Some(Obstacle::NotRoot), |_| false);
        assert_eq!(found[1].lacking, []);
        assert_eq!(found[1].to_string(), "servers: left out: they need root: run it with sudo");
        assert_eq!(found[0].lacking, [PYTHON, Remedy::Package("python3-venv")]);
    }
}
