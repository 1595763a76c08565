//! Secrets of a service on this host: files that only root can read. No diff, message or answer shows one.

use std::fmt::{self, Display};

use crate::file::{self, Change as FileChange, File, Observed};
use crate::{Fault, Host, Item};

/// A secret in a file of its own, mode 0600, of root. Where its value is not given, what is there stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    path: String,
    value: Option<Vec<u8>>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Write it, or set its mode or owner.
    File(FileChange),
    /// Write it, but its value is not known here.
    Ask,
}

impl Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::File(change) => change.fmt(f),
            Change::Ask => f.write_str("write the file, once the secret is given"),
        }
    }
}

impl Secret {
    /// The secret `path`, with this value, or with whatever it has.
    pub fn new(path: impl Into<String>, value: Option<&str>) -> Secret {
        Secret { path: path.into(), value: value.map(|value| value.as_bytes().to_vec()) }
    }

    /// As a file with that content, or with that which it has.
    fn file(&self, content: &[u8]) -> File {
        File::new(&self.path, self.value.as_deref().unwrap_or(content)).mode(0o600).secret()
    }
}

impl Item for Secret {
    type Observed = Observed;
    type Change = Change;

    fn id(&self) -> String {
        format!("secret {}", self.path)
    }

    fn observe(&self, host: &Host) -> Result<Observed, Fault> {
        file::look(host, &self.path)
    }

    fn compare(&self, observed: &Observed) -> Result<Vec<Change>, Fault> {
        let content = match (observed, &self.value) {
            (Observed::Missing, None) => return Ok(vec![Change::Ask]),
            (Observed::Regular { content, .. }, _) => content.as_slice(),
            _ => &[],
        };
        Ok(self.file(content).compare(observed)?.into_iter().map(Change::File).collect())
    }

    fn apply(&self, host: &Host, change: &Change) -> Result<(), Fault> {
        match change {
            Change::File(change) => self.file(&[]).apply(host, change),
            Change::Ask => Err(Fault::refused(format!(
                "{} is missing, and the secret was not given: give it",
                self.path
            ))),
        }
    }

    fn before(&self, observed: &Observed) -> String {
        self.file(&[]).before(observed)
    }

    fn after(&self, observed: &Observed) -> String {
        self.file(&[]).after(observed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Root;
    use crate::{Mode, State};

    fn bring(root: &Root, value: Option<&str>, mode: Mode) -> crate::Outcome {
        Secret::new("/etc/x/password", value).bring(&root.host(), mode)
    }

    #[test]
    fn what_is_given_is_written_for_root_alone_and_shown_to_nobody() {
        let root = Root::new();
        let outcome = bring(&root, Some("correct horse"), Mode::Apply);
        assert_eq!(outcome.state, State::Changed, "{outcome:?}");
        assert!(!format!("{outcome:?}").contains("horse"), "{outcome:?}");
        assert_eq!(root.read("/etc/x/password"), "correct horse");
        assert!(outcome.after.contains("mode 0600"), "{outcome:?}");
        assert_eq!(bring(&root, Some("correct horse"), Mode::Apply).state, State::Ok);
        assert_eq!(bring(&root, Some("another"), Mode::Check).state, State::WouldChange);
    }

    #[test]
    fn what_is_not_given_stays_and_must_be_there() {
        let root = Root::new();
        assert_eq!(bring(&root, None, Mode::Check).state, State::WouldChange);
        assert_eq!(bring(&root, None, Mode::Apply).state, State::Refused);
        bring(&root, Some("correct horse"), Mode::Apply);
        assert_eq!(bring(&root, None, Mode::Apply).state, State::Ok);
        assert_eq!(root.read("/etc/x/password"), "correct horse");
    }
}
