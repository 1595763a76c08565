//! A file of a bundle in its place on the host.

use std::fmt::{self, Display};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;

use super::Bundle;
use crate::file::{self, Change as Attribute, New, Owner};
use crate::{Fault, Host, Item, checksum};

/// Permission bits of a program.
const MODE: u32 = 0o755;

/// A program of a bundle, installed: its checksum is the bundle's. What is right already is not read from the bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed<'b> {
    bundle: &'b Bundle,
    file: String,
    place: String,
}

/// What is in the place, and what would come there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    there: There,
    source: Source,
}

/// The bundle's file.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// What is in the place is right, so it was not looked at.
    NotNeeded,
    /// It has this checksum; none: it is missing.
    Has(Option<String>),
}

/// What is in the place.
#[derive(Debug, Clone, PartialEq, Eq)]
enum There {
    Missing,
    File { sum: String, mode: u32, owner: Owner },
    Other(&'static str),
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Copy it from the bundle.
    Install(String),
    /// Set its mode or owner.
    Attribute(Attribute),
}

impl Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Install(from) => write!(f, "install {from}"),
            Change::Attribute(change) => change.fmt(f),
        }
    }
}

impl<'b> Installed<'b> {
    /// The bundle's `file` is `place` on the host, with mode 0755, of root.
    pub fn new(bundle: &'b Bundle, file: impl Into<String>, place: impl Into<String>) -> Installed<'b> {
        Installed { bundle, file: file.into(), place: place.into() }
    }

    fn look(&self, host: &Host) -> Result<There, Fault> {
        let place = host.path(&self.place);
        let there = match place.symlink_metadata() {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(There::Missing);
            }
            there => there.map_err(Fault::file("look at", &place))?,
        };
        if there.is_symlink() {
            return Ok(There::Other("a symbolic link"));
        }
        if !there.is_file() {
            return Ok(There::Other("no regular file"));
        }
        let sum = checksum::of_file(host, &self.place)?.unwrap_or_default();
        Ok(There::File { sum, mode: there.mode() & 0o7777, owner: file::owner_of(host, &there)? })
    }
}

impl Item for Installed<'_> {
    type Observed = Observed;
    type Change = Change;

    fn id(&self) -> String {
        format!("program {}", self.place)
    }

    fn observe(&self, host: &Host) -> Result<Observed, Fault> {
        let there = self.look(host)?;
        let wanted = self.bundle.sum(&self.file)?;
        let source = match &there {
            There::File { sum, .. } if sum == wanted => Source::NotNeeded,
            _ => Source::Has(checksum::of_file(host, &self.bundle.path(&self.file))?),
        };
        Ok(Observed { there, source })
    }

    fn compare(&self, observed: &Observed) -> Result<Vec<Change>, Fault> {
        if let There::Other(kind) = observed.there {
            return Err(file::not_a_file(&self.place, kind));
        }
        if let Source::Has(source) = &observed.source {
            self.bundle.accept(&self.file, source.as_deref())?;
            return Ok(vec![Change::Install(self.bundle.path(&self.file))]);
        }
        let There::File { mode, owner, .. } = &observed.there else { return Ok(Vec::new()) };
        let changes = file::attributes(*mode, Some(MODE), owner, Some(&Owner::root()));
        Ok(changes.into_iter().map(Change::Attribute).collect())
    }

    fn apply(&self, host: &Host, change: &Change) -> Result<(), Fault> {
        match change {
            Change::Attribute(change) => file::set_attribute(host, &self.place, change),
            Change::Install(from) => {
                let bytes = host.read(from)?;
                // What is written is what was checked, whatever happened to the file meanwhile.
                let found = bytes.as_deref().map(checksum::of_bytes);
                self.bundle.accept(&self.file, found.as_deref())?;
                let (bytes, owner) = (bytes.unwrap_or_default(), Owner::root());
                let new = New { bytes: &bytes, mode: MODE, owner: &owner, validate: None };
                file::write(host, &self.place, &new)
            }
        }
    }

    fn before(&self, observed: &Observed) -> String {
        match &observed.there {
            There::Missing => "missing\n".to_owned(),
            There::Other(kind) => format!("{kind}\n"),
            There::File { sum, mode, owner } => format!("sha256 {sum}\nmode {mode:04o}, owner {owner}\n"),
        }
    }

    fn after(&self, _: &Observed) -> String {
        let sum = self.bundle.sum(&self.file).unwrap_or_default();
        format!("sha256 {sum}\nmode {MODE:04o}, owner {}\n", Owner::root())
    }
}
