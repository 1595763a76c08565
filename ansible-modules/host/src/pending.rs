//! What must still be done after a change: a reload, a restart.
//!
//! A run that is killed between the change of a file and the restart of its service must not forget the restart. So the
//! debt is written to `/var/lib/socle/pending` before the change and removed after the programs ran; a run that finds it
//! runs them, though the file itself is as wanted.

use std::fmt::{self, Display};

use crate::file::{self, New, Owner};
use crate::{Fault, Host, Item, Program};

/// An item, and the programs that make its change take effect.
#[derive(Debug, Clone)]
pub struct Triggering<I> {
    item: I,
    programs: Vec<Program>,
}

/// What is, and whether programs are owed from a run that did not end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed<O> {
    inner: O,
    owed: bool,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<C> {
    /// Write down that the programs are owed.
    Owe,
    /// A step of the item.
    Inner(C),
    /// Run the programs and forget the debt.
    Settle(String),
}

impl<C: Display> Display for Change<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Owe => f.write_str("note what must follow"),
            Change::Inner(change) => change.fmt(f),
            Change::Settle(programs) => write!(f, "run {programs}"),
        }
    }
}

impl<I: Item> Triggering<I> {
    /// `item`, followed by `programs` whenever it changed.
    pub fn new(item: I, programs: Vec<Program>) -> Triggering<I> {
        Triggering { item, programs }
    }

    fn debt(&self) -> String {
        self.item.id()
    }
}

/// Where a debt is written down.
fn record(debt: &str) -> String {
    format!("/var/lib/socle/pending/{}", debt.replace(['/', ' '], "%"))
}

/// Writes down that something is owed.
pub(crate) fn owe(host: &Host, debt: &str) -> Result<(), Fault> {
    file::records_folder(host)?;
    let new = New { bytes: b"", mode: 0o600, owner: &Owner::root(), validate: None };
    file::write(host, &record(debt), &new)
}

/// Whether it is owed.
pub(crate) fn is_owed(host: &Host, debt: &str) -> bool {
    host.exists(&record(debt))
}

/// Forgets it.
pub(crate) fn paid(host: &Host, debt: &str) -> Result<(), Fault> {
    file::remove(host, &record(debt))
}

impl<I: Item> Item for Triggering<I> {
    type Observed = Observed<I::Observed>;
    type Change = Change<I::Change>;

    fn id(&self) -> String {
        self.item.id()
    }

    fn observe(&self, host: &Host) -> Result<Self::Observed, Fault> {
        Ok(Observed { inner: self.item.observe(host)?, owed: is_owed(host, &self.debt()) })
    }

    fn compare(&self, observed: &Self::Observed) -> Result<Vec<Self::Change>, Fault> {
        let changes = self.item.compare(&observed.inner)?;
        if changes.is_empty() && !observed.owed {
            return Ok(Vec::new());
        }
        let programs: Vec<_> = self.programs.iter().map(|program| format!("`{program}`")).collect();
        let settle = Change::Settle(programs.join(", "));
        Ok([Change::Owe].into_iter().chain(changes.into_iter().map(Change::Inner)).chain([settle]).collect())
    }

    fn apply(&self, host: &Host, change: &Self::Change) -> Result<(), Fault> {
        match change {
            Change::Owe => owe(host, &self.debt()),
            Change::Inner(change) => self.item.apply(host, change),
            Change::Settle(_) => {
                self.programs.iter().try_for_each(|program| host.run(program).map(drop))?;
                paid(host, &self.debt())
            }
        }
    }

    fn before(&self, observed: &Self::Observed) -> String {
        self.item.before(&observed.inner)
    }

    fn after(&self, observed: &Self::Observed) -> String {
        self.item.after(&observed.inner)
    }
}

#[cfg(test)]
mod tests {
    use crate::file::File;
    use crate::testing::Root;
    use crate::{Item, Mode, Output, Program, State};

    use super::Triggering;

    fn banner() -> Triggering<File> {
        Triggering::new(
            File::new("/etc/issue", "hello\n"),
            vec![Program::new("systemctl").args(["reload", "x"])],
        )
    }

    #[test]
    fn programs_run_after_a_change_and_only_then() {
        let root = Root::new();
        assert_eq!(banner().bring(&root.obeying(), Mode::Apply).state, State::Changed);
        assert_eq!(banner().bring(&root.obeying(), Mode::Apply).state, State::Ok);
        assert_eq!(root.asked(), ["systemctl reload x"]);
    }

    #[test]
    fn a_program_that_failed_is_run_again_though_the_file_is_right() {
        let root = Root::new();
        let broken =
            root.answering(|_| Output { code: Some(1), stderr: "no".to_owned(), ..Output::default() });
        let outcome = banner().bring(&broken, Mode::Apply);
        assert_eq!((outcome.state, outcome.changed), (State::Failed, true));
        assert_eq!(root.read("/etc/issue"), "hello\n");
        assert_eq!(banner().bring(&root.obeying(), Mode::Check).state, State::WouldChange);
        assert_eq!(banner().bring(&root.obeying(), Mode::Apply).state, State::Changed);
        assert_eq!(banner().bring(&root.obeying(), Mode::Apply).state, State::Ok);
    }
}
