//! Some packages, installed together: from files on the host where there are any, else from the host's repositories.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};

use super::{System, installing, system, version};
use crate::{Fault, Host, Item, Program};

/// Packages that are installed, in some version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    names: Vec<String>,
    folder: Option<String>,
}

/// Which of them are not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    system: System,
    missing: Vec<String>,
}

/// Install these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Install {
    system: System,
    names: Vec<String>,
}

impl Display for Install {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "install {}", self.names.join(", "))
    }
}

impl Set {
    /// These packages.
    pub fn new(names: impl IntoIterator<Item = String>) -> Set {
        Set { names: names.into_iter().collect(), folder: None }
    }

    /// With `.deb` files of them, and of what they depend on, in a folder of the host.
    #[must_use]
    pub fn from_folder(self, folder: impl Into<String>) -> Set {
        Set { folder: Some(folder.into()), ..self }
    }

    /// The files of the folder that must be given to apt: of what is missing, and of all that it needs and is missing.
    fn files(&self, host: &Host, names: &[String]) -> Result<Vec<String>, Fault> {
        let Some(folder) = &self.folder else { return Ok(Vec::new()) };
        let mut packages = BTreeMap::new();
        for file in host.names(folder)?.into_iter().filter(|name| is_package(name)) {
            let path = host.path(&format!("{folder}/{file}")).to_string_lossy().into_owned();
            let asked = Program::new("dpkg-deb").args([
                "--field",
                &path,
                "Package",
                "Provides",
                "Depends",
                "Pre-Depends",
            ]);
            packages.insert(path, File::parse(&host.run(&asked)?.stdout));
        }
        needed(&packages, names, |name| Ok(version(host, name)?.is_some()))
    }
}

fn is_package(name: &str) -> bool {
    std::path::Path::new(name).extension().is_some_and(|extension| extension == "deb")
}

/// What a package's file says of it.
#[derive(Debug, Default)]
struct File {
    names: Vec<String>,
    /// What it needs: alternatives, of which one must be there.
    needs: Vec<Vec<String>>,
}

impl File {
    /// Reads the fields that `dpkg-deb --field` prints (deb-control(5)).
    fn parse(text: &str) -> File {
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let list =
            |name: &str| field(name).unwrap_or_default().split(',').filter(|entry| !entry.trim().is_empty());
        let names = list("Package").chain(list("Provides")).map(bare);
        let alternatives = |group: &str| group.split('|').map(bare).collect();
        File {
            names: names.collect(),
            needs: list("Depends").chain(list("Pre-Depends")).map(alternatives).collect(),
        }
    }
}

/// The name in a relation, without version and architecture.
fn bare(relation: &str) -> String {
    relation.trim().split([' ', ':', '(']).next().unwrap_or_default().to_owned()
}

/// The files of `names` and of what they need, without what is there already.
fn needed(
    packages: &BTreeMap<String, File>,
    names: &[String],
    is_there: impl Fn(&str) -> Result<bool, Fault>,
) -> Result<Vec<String>, Fault> {
    let mut files = BTreeSet::new();
    let mut open: Vec<Vec<String>> = names.iter().map(|name| vec![name.clone()]).collect();
    while let Some(alternatives) = open.pop() {
        let there: Result<Vec<_>, _> = alternatives.iter().map(|name| is_there(name)).collect();
        if there?.contains(&true) {
            continue;
        }
        let has = |file: &File| alternatives.iter().any(|name| file.names.contains(name));
        // What the folder has not, apt looks for itself, and names it when there is none.
        if let Some((path, file)) = packages.iter().find(|(_, file)| has(file))
            && files.insert(path.clone())
        {
            open.extend(file.needs.iter().cloned());
        }
    }
    Ok(files.into_iter().collect())
}

impl Item for Set {
    type Observed = Observed;
    type Change = Install;

    fn id(&self) -> String {
        "packages".to_owned()
    }

    fn observe(&self, host: &Host) -> Result<Observed, Fault> {
        let mut missing = Vec::new();
        for name in &self.names {
            if version(host, name)?.is_none() {
                missing.push(name.clone());
            }
        }
        Ok(Observed { system: system(host), missing })
    }

    fn compare(&self, observed: &Observed) -> Result<Vec<Install>, Fault> {
        let names = observed.missing.clone();
        match observed.system {
            _ if names.is_empty() => Ok(Vec::new()),
            System::Unknown => Err(Fault::refused(format!(
                "this host has neither apt nor dnf: install {} by hand, and ask for no packages here",
                names.join(", ")
            ))),
            system => Ok(vec![Install { system, names }]),
        }
    }

    fn apply(&self, host: &Host, change: &Install) -> Result<(), Fault> {
        let mut wanted = self.files(host, &change.names)?;
        // Names that no file has; apt takes names and files together.
        let has = |name: &String| {
            wanted
                .iter()
                .any(|file| file.rsplit('/').next().is_some_and(|f| f.starts_with(&format!("{name}_"))))
        };
        let others: Vec<_> = change.names.iter().filter(|name| !has(name)).cloned().collect();
        wanted.extend(others);
        host.run(&installing(change.system, "install").args(wanted)).map(drop)
    }

    fn before(&self, observed: &Observed) -> String {
        let there = self.names.iter().filter(|name| !observed.missing.contains(name));
        there.flat_map(|name| [name, "\n"]).collect()
    }

    fn after(&self, _: &Observed) -> String {
        self.names.iter().flat_map(|name| [name, "\n"]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Root;
    use crate::{Mode, Output, State};

    const STATUS: &str = "Package: libc6\nStatus: install ok installed\nVersion: 2\n";
    const FIELDS: &str = "Package: conntrack\nDepends: libc6 (>= 2.36), libconntrack3 (>= 1.0.1)\n";
    const LIBRARY: &str = "Package: libconntrack3\nDepends: libc6 (>= 2), libmnl0\nPre-Depends: dpkg\n";

    fn root() -> Root {
        Root::with(&[
            ("/var/lib/dpkg/status", STATUS),
            ("/b/packages/conntrack_1_amd64.deb", ""),
            ("/b/packages/libconntrack3_1_amd64.deb", ""),
            ("/b/packages/nobody-asked_1_amd64.deb", ""),
        ])
    }

    fn answers(program: &Program) -> Output {
        let path = program.arguments().get(1).cloned().unwrap_or_default();
        let stdout = match path.rsplit('/').next() {
            Some("conntrack_1_amd64.deb") => FIELDS,
            Some("libconntrack3_1_amd64.deb") => LIBRARY,
            Some("nobody-asked_1_amd64.deb") => "Package: nobody-asked\n",
            _ => "",
        };
        Output { code: Some(0), stdout: stdout.to_owned(), ..Output::default() }
    }

    fn set() -> Set {
        Set::new(["conntrack", "libc6"].map(str::to_owned)).from_folder("/b/packages")
    }

    #[test]
    fn only_what_is_missing_comes_from_the_folder_with_what_it_needs() {
        let root = root();
        let host = root.answering(answers);
        assert_eq!(set().bring(&host, Mode::Check).message, "install conntrack");
        let change = Install { system: System::Apt, names: vec!["conntrack".to_owned()] };
        set().apply(&host, &change).unwrap();
        let asked = root.asked().pop().unwrap();
        let words: Vec<_> =
            asked.split(' ').filter(|word| is_package(word) || *word == "conntrack").collect();
        let names: Vec<_> = words.iter().filter_map(|word| word.rsplit('/').next()).collect();
        assert_eq!(names, ["conntrack_1_amd64.deb", "libconntrack3_1_amd64.deb"]);
    }

    #[test]
    fn a_host_that_can_install_nothing_is_told_what_it_lacks() {
        let outcome = set().bring(&Root::new().obeying(), Mode::Apply);
        assert_eq!(outcome.state, State::Refused);
        assert!(outcome.message.contains("install conntrack, libc6 by hand"), "{}", outcome.message);
    }
}
