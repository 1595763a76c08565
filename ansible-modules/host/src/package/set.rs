//! Some packages, installed together: from files on the host where there are any, else from the host's repositories.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};

use super::{System, system, version, work};
use crate::bundle::Bundle;
use crate::{Fault, Host, Item, Program, checksum};

/// Packages that are installed, in some version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set<'b> {
    names: Vec<String>,
    source: Option<(&'b Bundle, String)>,
}

/// Which of them are not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    system: System,
    missing: Vec<String>,
    /// The files of the bundle that bring them, with their checksums.
    files: BTreeMap<String, Option<String>>,
}

/// Install these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Install {
    system: System,
    names: Vec<String>,
    files: Vec<String>,
}

impl Display for Install {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "install {}", self.names.join(", "))
    }
}

impl<'b> Set<'b> {
    /// These packages.
    pub fn new(names: impl IntoIterator<Item = String>) -> Set<'b> {
        Set { names: names.into_iter().collect(), source: None }
    }

    /// With `.deb` files of them, and of what they depend on, in a folder of a bundle (`packages/bookworm`).
    #[must_use]
    pub fn from_bundle(self, bundle: &'b Bundle, folder: impl Into<String>) -> Set<'b> {
        Set { source: Some((bundle, folder.into())), ..self }
    }

    /// The files of the bundle that must be given to apt: of what is missing, and of all that it needs and is missing.
    fn files(&self, host: &Host, names: &[String]) -> Result<BTreeMap<String, Option<String>>, Fault> {
        let Some((bundle, folder)) = self.source.as_ref().filter(|_| !names.is_empty()) else {
            return Ok(BTreeMap::new());
        };
        let mut packages = BTreeMap::new();
        for name in host.names(&bundle.path(folder))?.into_iter().filter(|name| is_package(name)) {
            let file = format!("{folder}/{name}");
            let path = path(host, bundle, &file);
            let asked = ["--field", &path, "Package", "Provides", "Depends", "Pre-Depends"];
            let told = host.run(&Program::new("dpkg-deb").args(asked))?;
            packages.insert(file, File::parse(&told.stdout));
        }
        let files = needed(&packages, names, |name| Ok(version(host, name)?.is_some()))?;
        let sum = |file: String| Ok((file.clone(), checksum::of_file(host, &bundle.path(&file))?));
        files.into_iter().map(sum).collect()
    }
}

/// A file of a bundle, as programs of the host find it.
fn path(host: &Host, bundle: &Bundle, file: &str) -> String {
    host.path(&bundle.path(file)).to_string_lossy().into_owned()
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

impl Item for Set<'_> {
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
        let files = self.files(host, &missing)?;
        Ok(Observed { system: system(host), missing, files })
    }

    fn compare(&self, observed: &Observed) -> Result<Vec<Install>, Fault> {
        let names = observed.missing.clone();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        if observed.system == System::Unknown {
            return Err(Fault::refused(format!(
                "this host has neither apt nor dnf: install {} by hand, and ask for no packages here",
                names.join(", ")
            )));
        }
        if let Some((bundle, _)) = &self.source {
            observed.files.iter().try_for_each(|(file, sum)| bundle.accept(file, sum.as_deref()))?;
        }
        let files = observed.files.keys().cloned().collect();
        Ok(vec![Install { system: observed.system, names, files }])
    }

    fn apply(&self, host: &Host, change: &Install) -> Result<(), Fault> {
        let paths = |(bundle, _): &(&Bundle, String)| -> Vec<String> {
            change.files.iter().map(|file| path(host, bundle, file)).collect()
        };
        let paths = self.source.as_ref().map(paths).unwrap_or_default();
        let has = |name: &str| {
            let is_its =
                |path: &str| path.rsplit('/').next().and_then(|file| file.split('_').next()) == Some(name);
            paths.iter().any(|path| is_its(path))
        };
        // apt takes files and names together; what no file brings, it looks for itself.
        let others = change.names.iter().filter(|name| !has(name));
        let all: Vec<_> = paths.iter().chain(others).map(String::as_str).collect();
        work(host, change.system, "install", &all)
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
    use crate::bundle::tests::{bundled, location};
    use crate::testing::Root;
    use crate::{Mode, Output, State};

    const STATUS: &str = "Package: libc6\nStatus: install ok installed\nVersion: 2\n";
    const FIELDS: &str = "Package: conntrack\nDepends: libc6 (>= 2.36), libconntrack3 (>= 1.0.1)\n";
    const LIBRARY: &str = "Package: libconntrack3\nDepends: libc6 (>= 2), libmnl0\nPre-Depends: dpkg\n";

    fn root() -> Root {
        let root = bundled(&[
            ("packages/bookworm/conntrack_1_amd64.deb", "c"),
            ("packages/bookworm/libconntrack3_1_amd64.deb", "l"),
            ("packages/bookworm/nobody-asked_1_amd64.deb", "n"),
        ]);
        root.write("/var/lib/dpkg/status", STATUS);
        root
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

    fn set(bundle: &Bundle) -> Set<'_> {
        Set::new(["conntrack", "libc6"].map(str::to_owned)).from_bundle(bundle, "packages/bookworm")
    }

    #[test]
    fn only_what_is_missing_comes_from_the_bundle_with_what_it_needs() {
        let root = root();
        let host = root.answering(answers);
        let bundle = location().open(&host).unwrap();
        assert_eq!(set(&bundle).bring(&host, Mode::Check).message, "install conntrack");
        let changes = set(&bundle).compare(&set(&bundle).observe(&host).unwrap()).unwrap();
        set(&bundle).apply(&host, &changes[0]).unwrap();
        let asked = root.asked().pop().unwrap();
        let words: Vec<_> = asked.split(' ').skip_while(|word| *word != "install").skip(1).collect();
        let names: Vec<_> = words.iter().filter_map(|word| word.rsplit('/').next()).collect();
        assert_eq!(names, ["conntrack_1_amd64.deb", "libconntrack3_1_amd64.deb"]);
    }

    #[test]
    fn a_damaged_package_is_not_given_to_apt() {
        let root = root();
        root.write("/bundle/packages/bookworm/libconntrack3_1_amd64.deb", "damaged");
        let host = root.answering(answers);
        let bundle = location().open(&host).unwrap();
        let outcome = set(&bundle).bring(&host, Mode::Apply);
        assert_eq!(outcome.state, State::Refused);
        assert!(outcome.message.contains("it is damaged"), "{}", outcome.message);
    }

    #[test]
    fn a_host_that_can_install_nothing_is_told_what_it_lacks() {
        let wanted = Set::new(["conntrack", "libc6"].map(str::to_owned));
        let outcome = wanted.bring(&Root::new().obeying(), Mode::Apply);
        assert_eq!(outcome.state, State::Refused);
        assert!(outcome.message.contains("install conntrack, libc6 by hand"), "{}", outcome.message);
    }
}
