//! The images of a bundle in the container runtime.
//!
//! Each carries the checksum of the archive that it was loaded from, so another archive under the same name is loaded
//! anew, and a mark that keeps the kubelet from deleting what a host without a network could not fetch again.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use super::Bundle;
use crate::{Fault, Host, Item, Program, checksum};

/// The label with the checksum of the archive.
pub(super) const ARCHIVE: &str = "socle/archive";
/// containerd tells the kubelet that such an image is pinned (`internal/cri/labels` of its sources).
const PINNED: &str = "io.cri-containerd.pinned=pinned";

/// Images that the runtime has, in the namespace that the kubelet looks into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images<'b> {
    bundle: &'b Bundle,
    /// Their archives, by their names.
    files: BTreeMap<String, String>,
}

/// What the runtime has, and what would be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The names of our images, with the checksums of their archives.
    there: BTreeMap<String, String>,
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

/// Our images in the runtime, with the checksums of their archives; none where it does not answer.
fn ours(host: &Host) -> Result<BTreeMap<String, String>, Fault> {
    match host.ask(&ctr(["images", "ls"])) {
        Ok(output) if output.success() => Ok(output.stdout.lines().filter_map(image).collect()),
        // Not installed or not started yet: in check mode, on a new host, that is no fault.
        Ok(_) | Err(Fault::Start { .. }) => Ok(BTreeMap::new()),
        Err(fault) => Err(fault),
    }
}

/// Images of bundles in the runtime, by their names, with the SHA-256 of the archive that each came from; none where the
/// runtime does not answer.
pub fn loaded_images(host: &Host) -> Result<BTreeMap<String, String>, Fault> {
    ours(host)
}

/// Name and archive of an image of ours, in a line of `ctr images ls`: the first column, and a label in the last one.
fn image(line: &str) -> Option<(String, String)> {
    let (name, labels) = (line.split_whitespace().next()?, line.split_whitespace().next_back()?);
    let sum = labels.split(',').find_map(|label| label.strip_prefix(ARCHIVE)?.strip_prefix('='))?;
    Some((name.to_owned(), sum.to_owned()))
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

    /// The images that are not there, or from another archive.
    fn missing<'i>(
        &'i self,
        there: &'i BTreeMap<String, String>,
    ) -> impl Iterator<Item = (&'i String, &'i String)> {
        let is_there = move |(name, file): &(&String, &String)| {
            there.get(*name).is_some_and(|sum| self.bundle.sum(file).is_ok_and(|wanted| wanted == sum))
        };
        self.files.iter().filter(move |image| !is_there(image))
    }
}

impl Item for Images<'_> {
    type Observed = Observed;
    type Change = Load;

    fn id(&self) -> String {
        "images".to_owned()
    }

    fn observe(&self, host: &Host) -> Result<Observed, Fault> {
        let there = ours(host)?;
        let sum = |(_, file): (&String, &String)| {
            Ok((file.clone(), checksum::of_file(host, &self.bundle.path(file))?))
        };
        let sources = self.missing(&there).map(sum).collect::<Result<_, Fault>>()?;
        Ok(Observed { there, sources })
    }

    fn compare(&self, observed: &Observed) -> Result<Vec<Load>, Fault> {
        for (file, sum) in &observed.sources {
            self.bundle.accept(file, sum.as_deref())?;
        }
        let missing = self.missing(&observed.there);
        Ok(missing.map(|(name, file)| Load { file: file.clone(), name: name.clone() }).collect())
    }

    fn apply(&self, host: &Host, change: &Load) -> Result<(), Fault> {
        host.run(&ctr(["images", "import", &self.bundle.path(&change.file)]))?;
        // The label comes last: without it the image is loaded again.
        let archive = format!("{ARCHIVE}={}", self.bundle.sum(&change.file)?);
        host.run(&ctr(["images", "label", &change.name, PINNED, &archive])).map(drop)
    }

    fn before(&self, observed: &Observed) -> String {
        let there = observed.there.iter().filter(|(name, _)| self.files.contains_key(*name));
        there.map(|(name, sum)| shown(name, sum)).collect()
    }

    fn after(&self, _: &Observed) -> String {
        self.files.iter().map(|(name, file)| shown(name, self.bundle.sum(file).unwrap_or_default())).collect()
    }
}

fn shown(name: &str, sum: &str) -> String {
    format!("{name} sha256 {sum}\n")
}

/// No image of ours is in the runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoImages;

/// Remove the image of this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unload(String);

impl Display for Unload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "remove {}", self.0)
    }
}

impl Item for NoImages {
    type Observed = BTreeMap<String, String>;
    type Change = Unload;

    fn id(&self) -> String {
        "images".to_owned()
    }

    fn observe(&self, host: &Host) -> Result<BTreeMap<String, String>, Fault> {
        ours(host)
    }

    fn compare(&self, observed: &BTreeMap<String, String>) -> Result<Vec<Unload>, Fault> {
        Ok(observed.keys().cloned().map(Unload).collect())
    }

    fn apply(&self, host: &Host, change: &Unload) -> Result<(), Fault> {
        host.run(&ctr(["images", "rm", &change.0])).map(drop)
    }

    fn before(&self, observed: &BTreeMap<String, String>) -> String {
        observed.iter().map(|(name, sum)| shown(name, sum)).collect()
    }

    fn after(&self, _: &BTreeMap<String, String>) -> String {
        String::new()
    }
}
