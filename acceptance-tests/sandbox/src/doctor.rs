//! What a machine needs for each part of a sandbox, and the one command that mends it.

use std::fmt;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use crate::command::{CommandError, run};
use crate::machine::{Obstacle, obstacle_to_servers};

/// A part of a sandbox that can be there or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// moto.
    Aws,
    /// Debian hosts and their package repository.
    Servers,
}

/// How a need is looked for.
#[derive(Debug, Clone, Copy)]
enum Sign {
    /// A program in `PATH`.
    Program(&'static str),
    /// Modules that Python can import.
    PythonModules(&'static str),
}

/// Something that a part needs, and the package of Debian and Ubuntu that brings it.
#[derive(Debug)]
struct Need {
    part: Part,
    sign: Sign,
    package: &'static str,
}

/// What was found out about one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The part.
    pub part: Part,
    /// Why it cannot be had on this machine; then nothing is said to be lacking.
    pub obstacle: Option<Obstacle>,
    /// The packages that it lacks, each once.
    pub lacking: Vec<&'static str>,
}

const fn program(part: Part, name: &'static str, package: &'static str) -> Need {
    Need { part, sign: Sign::Program(name), package }
}

const NEEDS: &[Need] = &[
    program(Part::Aws, "python3", "python3"),
    Need { part: Part::Aws, sign: Sign::PythonModules("ensurepip, venv"), package: "python3-venv" },
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

/// The one command that installs what is lacking; none when nothing is.
pub fn remedy(findings: &[Finding]) -> Option<String> {
    let packages = packages(findings);
    let sudo = if obstacle_to_servers() == Some(Obstacle::NotRoot) { "sudo " } else { "" };
    (!packages.is_empty())
        .then(|| format!("{sudo}apt-get install --yes --no-install-recommends {}", packages.join(" ")))
}

/// Installs what is lacking. Needs root on Debian or Ubuntu.
pub fn install(findings: &[Finding]) -> Result<(), CommandError> {
    let packages = packages(findings);
    if packages.is_empty() {
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

fn findings(obstacle: Option<Obstacle>, found: impl Fn(&Need) -> bool) -> Vec<Finding> {
    let of_part = |part| {
        let obstacle = obstacle.filter(|_| part == Part::Servers);
        let lacks = |need: &&Need| obstacle.is_none() && need.part == part && !found(need);
        let lacking = each_once(NEEDS.iter().filter(lacks).map(|need| need.package));
        Finding { part, obstacle, lacking }
    };
    [Part::Aws, Part::Servers].map(of_part).into()
}

fn packages(findings: &[Finding]) -> Vec<&'static str> {
    each_once(findings.iter().flat_map(|finding| finding.lacking.iter().copied()))
}

fn each_once(names: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let mut unique = Vec::new();
    for name in names {
        if !unique.contains(&name) {
            unique.push(name);
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
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match (&self.obstacle, self.lacking.as_slice()) {
            (Some(obstacle), _) => write!(formatter, "{}: left out: {obstacle}", self.part),
            (None, []) => write!(formatter, "{}: ready", self.part),
            (None, lacking) => write!(formatter, "{}: lack the packages {}", self.part, lacking.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_a_package_once_although_two_programs_of_it_are_missing() {
        let found = findings(None, |need| need.package != "iproute2" && need.package != "python3");
        assert_eq!(found[0].lacking, ["python3"]);
        assert_eq!(found[1].lacking, ["iproute2", "python3"]);
        assert_eq!(packages(&found), ["python3", "iproute2"]);
        assert_eq!(found[1].to_string(), "servers: lack the packages iproute2, python3");
    }

    #[test]
    fn asks_for_nothing_that_cannot_help() {
        let found = findings(Some(Obstacle::NotRoot), |_| false);
        assert_eq!(found[1].lacking, [""; 0]);
        assert_eq!(found[1].to_string(), "servers: left out: servers need root: run it with sudo");
        assert_eq!(found[0].lacking, ["python3", "python3-venv"]);
    }
}
