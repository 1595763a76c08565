//! What a subject put onto this host as files of its own: its inventory, `/var/lib/socle/installed/SUBJECT`, a path a line.
//!
//! The inventory is written before the files are, so that a run that was killed is known, too. What it names and is no
//! longer wanted is removed: that is how a smaller list, and `state: absent`, take effect.

use std::collections::BTreeSet;
use std::fmt::{self, Display};

use crate::file::{self, New, Owner};
use crate::{Fault, Host, Item};

const FOLDER: &str = "/var/lib/socle/installed";

/// The files of a subject, and no others that it once had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    subject: String,
    paths: BTreeSet<String>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Remove a file that is no longer wanted.
    Remove(String),
    /// Write down what is wanted; nothing removes the record.
    Record,
}

impl Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Remove(path) => write!(f, "remove {path}"),
            Change::Record => f.write_str("write down which files are installed"),
        }
    }
}

impl Inventory {
    /// `subject` has these files.
    pub fn new(subject: impl Into<String>, paths: impl IntoIterator<Item = String>) -> Inventory {
        Inventory { subject: subject.into(), paths: paths.into_iter().collect() }
    }

    fn record(&self) -> String {
        format!("{FOLDER}/{}", self.subject)
    }
}

/// The subjects that have files here.
pub fn subjects(host: &Host) -> Result<Vec<String>, Fault> {
    host.names(FOLDER)
}

fn lines<'p>(paths: impl IntoIterator<Item = &'p String>) -> String {
    paths.into_iter().flat_map(|path| [path, "\n"]).collect()
}

impl Item for Inventory {
    type Observed = BTreeSet<String>;
    type Change = Change;

    fn id(&self) -> String {
        format!("files of {}", self.subject)
    }

    fn observe(&self, host: &Host) -> Result<BTreeSet<String>, Fault> {
        let text = host.read_text(&self.record())?.unwrap_or_default();
        Ok(text.lines().filter(|line| line.starts_with('/')).map(str::to_owned).collect())
    }

    fn compare(&self, observed: &BTreeSet<String>) -> Result<Vec<Change>, Fault> {
        if *observed == self.paths {
            return Ok(Vec::new());
        }
        let gone = observed.difference(&self.paths).cloned().map(Change::Remove);
        Ok(gone.chain([Change::Record]).collect())
    }

    fn apply(&self, host: &Host, change: &Change) -> Result<(), Fault> {
        match change {
            Change::Remove(path) => file::remove(host, path),
            Change::Record if self.paths.is_empty() => file::remove(host, &self.record()),
            Change::Record => {
                file::records_folder(host)?;
                let text = lines(&self.paths);
                let new = New { bytes: text.as_bytes(), mode: 0o600, owner: &Owner::root(), validate: None };
                file::write(host, &self.record(), &new)
            }
        }
    }

    fn before(&self, observed: &BTreeSet<String>) -> String {
        lines(observed)
    }

    fn after(&self, _: &BTreeSet<String>) -> String {
        lines(&self.paths)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Root;
    use crate::{Mode, State};

    fn inventory(paths: &[&str]) -> Inventory {
        Inventory::new("x", paths.iter().map(|&path| path.to_owned()))
    }

    #[test]
    fn what_is_no_longer_wanted_goes_and_what_others_have_stays() {
        let root = Root::with(&[("/bin/a", "a"), ("/bin/b", "b"), ("/bin/others", "o")]);
        let host = root.host();
        assert_eq!(inventory(&["/bin/a", "/bin/b"]).bring(&host, Mode::Apply).state, State::Changed);
        assert_eq!(inventory(&["/bin/a", "/bin/b"]).bring(&host, Mode::Apply).state, State::Ok);
        assert_eq!(subjects(&host).unwrap(), ["x"]);
        inventory(&["/bin/b"]).bring(&host, Mode::Apply);
        assert_eq!(host.names("/bin").unwrap(), ["b", "others"]);
        assert_eq!(inventory(&[]).bring(&host, Mode::Apply).state, State::Changed);
        assert_eq!(inventory(&[]).bring(&host, Mode::Apply).state, State::Ok);
        assert_eq!(host.names("/bin").unwrap(), ["others"]);
        assert!(subjects(&host).unwrap().is_empty());
    }
}
