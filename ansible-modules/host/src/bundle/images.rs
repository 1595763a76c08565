//! The images of a bundle in the container runtime.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};

use super::Bundle;
use crate::{Fault, Host, Item, Program, checksum};

/// Images that the runtime has, in the namespace that the kubelet looks into. A name that is there is not loaded again,
/// as with the kubelet's policy `IfNotPresent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images<'b> {
    bundle: &'b Bundle,
    /// Their archives, by their names.
    files: BTreeMap<String, String>,
}

/// What the runtime has, and what would be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The names that it has; none where it does not answer.
    there: Option<BTreeSet<String>>,
    /// The checksums of the archives of those that it has not.
    sources: BTreeMap<String, Option<String>>,
}

/// Load the archive, for the image of this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    file: String,
    name: String,
}

impl Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "load {}", self.name)
    }
}

/// `ctr`, in the kubelet's namespace.
fn ctr<const N: usize>(arguments: [&str; N]) -> Program {
    Program::new("ctr").args(["--namespace", "k8s.io"]).args(arguments)
}

impl<'b> Images<'b> {
    /// These images of the bundle, by their names; none: all of it.
    pub fn new(bundle: &'b Bundle, names: Option<&[String]>) -> Result<Images<'b>, Fault> {
        let all = bundle.images.iter().map(|(file, name)| (name.clone(), file.clone()));
        let files: BTreeMap<_, _> =
            all.filter(|(name, _)| names.is_none_or(|names| names.contains(name))).collect();
        let lacking = names.unwrap_or_default().iter().find(|name| !files.contains_key(*name));
        match lacking {
            Some(name) => Err(Fault::refused(format!("the bundle in {} has no image {name}", bundle.folder))),
            None => Ok(Images { bundle, files }),
        }
    }

    fn missing<'i>(
        &'i self,
        there: Option<&'i BTreeSet<String>>,
    ) -> impl Iterator<Item = (&'i String, &'i String)> {
        self.files.iter().filter(move |(name, _)| there.is_none_or(|there| !there.contains(*name)))
    }
}

impl Item for Images<'_> {
    type Observed = Observed;
    type Change = Load;

    fn id(&self) -> String {
        "images".to_owned()
    }

    fn observe(&self, host: &Host) -> Result<Observed, Fault> {
        let there = match host.ask(&ctr(["images", "ls", "--quiet"])) {
            Ok(output) if output.success() => Some(output.stdout.lines().map(str::to_owned).collect()),
            // Not installed or not started yet: in check mode, on a new host, that is no fault.
            Ok(_) | Err(Fault::Start { .. }) => None,
            Err(fault) => return Err(fault),
        };
        let sum = |(_, file): (&String, &String)| {
            Ok((file.clone(), checksum::of_file(host, &self.bundle.path(file))?))
        };
        let sources = self.missing(there.as_ref()).map(sum).collect::<Result<_, Fault>>()?;
        Ok(Observed { there, sources })
    }

    fn compare(&self, observed: &Observed) -> Result<Vec<Load>, Fault> {
        for (file, sum) in &observed.sources {
            self.bundle.accept(file, sum.as_deref())?;
        }
        let missing = self.missing(observed.there.as_ref());
        Ok(missing.map(|(name, file)| Load { file: file.clone(), name: name.clone() }).collect())
    }

    fn apply(&self, host: &Host, change: &Load) -> Result<(), Fault> {
        host.run(&ctr(["images", "import", &self.bundle.path(&change.file)])).map(drop)
    }

    fn before(&self, observed: &Observed) -> String {
        let there = observed.there.iter().flatten().filter(|name| self.files.contains_key(*name));
        there.flat_map(|name| [name, "\n"]).collect()
    }

    fn after(&self, _: &Observed) -> String {
        self.files.keys().flat_map(|name| [name, "\n"]).collect()
    }
}
