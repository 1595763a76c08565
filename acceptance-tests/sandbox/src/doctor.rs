//! What a machine needs for each part of a sandbox, and the one command that mends it.

use std::fmt;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use rustix::process::geteuid;

use crate::command::{CommandError, run};
use crate::machine::{Obstacle, obstacle_to_servers};

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
}

/// What brings what is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// A package of Debian and Ubuntu.
    Package(&'static str),
    /// Something that those have too old, in words.
    ByHand(&'static str),
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
    Need { part, sign: Sign::Program("go"), remedy: Remedy::ByHand("install Go 1.26 or newer") }
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
    let sudo = if obstacle_to_servers() == Some(Obstacle::NotRoot) { "sudo " } else { "" };
    remedy_as(sudo, &each_once(findings.iter().flat_map(|finding| finding.lacking.iter().copied())))
}

/// Installs the packages that are lacking. Needs root on Debian or Ubuntu; for others there is [`remedy`].
pub fn install(findings: &[Finding]) -> Result<(), CommandError> {
    let lacking = each_once(findings.iter().flat_map(|finding| finding.lacking.iter().copied()));
    let packages = packages(&lacking);
    if packages.is_empty() || !geteuid().is_root() {
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

fn remedy_as(sudo: &str, lacking: &[Remedy]) -> Option<String> {
    let packages = packages(lacking);
    let command = (!packages.is_empty())
        .then(|| format!("run: {sudo}apt-get install --yes --no-install-recommends {}", packages.join(" ")));
    let by_hand = lacking.iter().filter_map(|remedy| match remedy {
        Remedy::ByHand(advice) => Some((*advice).to_owned()),
        Remedy::Package(_) => None,
    });
    let remedies: Vec<_> = command.into_iter().chain(by_hand).collect();
    (!remedies.is_empty()).then(|| remedies.join("; "))
}

fn packages(lacking: &[Remedy]) -> Vec<&'static str> {
    let package = |remedy: &Remedy| match remedy {
        Remedy::Package(name) => Some(*name),
        Remedy::ByHand(_) => None,
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
            Self::ByHand(advice) => formatter.write_str(advice),
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
        let command = "run: sudo apt-get install --yes --no-install-recommends python3 iproute2";
        assert_eq!(remedy_as("sudo ", &lacking), Some(command.to_owned()));
    }

    #[test]
    fn says_what_no_package_brings() {
        let found = findings(None, |need| need.remedy != go(Part::Vault).remedy);
        assert_eq!(found[2].to_string(), "Vault: lacking: install Go 1.26 or newer");
        assert_eq!(remedy_as("", &found[2].lacking), Some("install Go 1.26 or newer".to_owned()));
        assert_eq!(remedy_as("", &[]), None);
    }

    #[test]
    fn asks_for_nothing_that_cannot_help() {
        let found = findings(Some(Obstacle::NotRoot), |_| false);
        assert_eq!(found[1].lacking, []);
        assert_eq!(found[1].to_string(), "servers: left out: they need root: run it with sudo");
        assert_eq!(found[0].lacking, [PYTHON, Remedy::Package("python3-venv")]);
    }
}
