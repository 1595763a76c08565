//! The one pattern: observe, compare, change.

use std::fmt::Display;

use serde::{Deserialize, Serialize};

use crate::{Fault, Host};

/// One thing on a host that is managed. Implement this; call [`Item::bring`].
///
/// What must hold, and is tested for every kind: after `apply` of all changes, `compare` of a new observation is empty;
/// `observe` and `compare` change nothing; `compare` is pure.
pub trait Item {
    /// What is, as far as the item cares.
    type Observed;
    /// One step from what is to what is wanted; displayed as a sentence without a full stop ("set x to y").
    type Change: Display;

    /// The item's name in results, unique in a run: `sysctl net.ipv4.ip_forward`, `file /etc/issue`.
    fn id(&self) -> String;

    /// Looks, and changes nothing.
    fn observe(&self, host: &Host) -> Result<Self::Observed, Fault>;

    /// What must change, in order. Pure. A fault is [`Fault::Unsupported`] or [`Fault::Refused`], found before any change.
    fn compare(&self, observed: &Self::Observed) -> Result<Vec<Self::Change>, Fault>;

    /// Makes one change.
    fn apply(&self, host: &Host, change: &Self::Change) -> Result<(), Fault>;

    /// What was observed, for `before` of a diff. Never a secret.
    fn before(&self, observed: &Self::Observed) -> String;

    /// What is wanted, given what was observed, for `after` of a diff. Never a secret.
    fn after(&self, observed: &Self::Observed) -> String;

    /// Observes, compares, changes (unless `mode` forbids), and observes again.
    fn bring(&self, host: &Host, mode: Mode) -> Outcome
    where
        Self: Sized,
    {
        let mut outcome = Outcome::new(self.id());
        if let Err(fault) = work(self, host, mode, &mut outcome) {
            outcome.state = fault.state();
            outcome.message = fault.to_string();
        }
        outcome
    }
}

fn work<I: Item>(item: &I, host: &Host, mode: Mode, outcome: &mut Outcome) -> Result<(), Fault> {
    let observed = item.observe(host)?;
    outcome.before = item.before(&observed);
    outcome.after.clone_from(&outcome.before);
    let changes = item.compare(&observed)?;
    if changes.is_empty() {
        return Ok(());
    }
    outcome.after = item.after(&observed);
    outcome.message = sentence(&changes);
    if mode == Mode::Check {
        outcome.state = State::WouldChange;
        outcome.changed = true;
        return Ok(());
    }
    for change in &changes {
        item.apply(host, change)?;
        outcome.changed = true;
    }
    outcome.state = State::Changed;
    let left = item.compare(&item.observe(host)?)?;
    if left.is_empty() { Ok(()) } else { Err(Fault::NoEffect { difference: sentence(&left) }) }
}

fn sentence<C: Display>(changes: &[C]) -> String {
    // A step that is only about our own books has no words.
    changes.iter().map(ToString::to_string).filter(|words| !words.is_empty()).collect::<Vec<_>>().join("; ")
}

/// An [`Item`] of any kind, for lists of them: `Vec<Box<dyn Managed>>`.
pub trait Managed {
    /// See [`Item::id`].
    fn name(&self) -> String;
    /// See [`Item::bring`].
    fn bring_about(&self, host: &Host, mode: Mode) -> Outcome;
}

impl<I: Item> Managed for I {
    fn name(&self) -> String {
        self.id()
    }

    fn bring_about(&self, host: &Host, mode: Mode) -> Outcome {
        self.bring(host, mode)
    }
}

/// Whether changes are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Only say what would change.
    Check,
    /// Change it.
    Apply,
}

/// How one item ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It was as wanted.
    Ok,
    /// It was changed, and is now as wanted.
    Changed,
    /// Check mode: it would be changed.
    WouldChange,
    /// This host cannot do it; `message` says what is missing.
    Unsupported,
    /// It would do harm; `message` says which, and what to do instead.
    Refused,
    /// It was tried; `message` names the step, the cause and the cure.
    Failed,
}

/// What is told of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// See [`Item::id`].
    pub id: String,
    /// How it ended.
    pub state: State,
    /// Whether anything was changed (also when a later step failed), or in check mode would be.
    pub changed: bool,
    /// What was observed; a file's text, or a value.
    pub before: String,
    /// What is wanted; the same as `before` when nothing changes.
    pub after: String,
    /// The changes in words, or the fault; empty when all was as wanted.
    pub message: String,
}

impl Outcome {
    /// An outcome of an item that is as wanted.
    pub fn new(id: impl Into<String>) -> Outcome {
        Outcome {
            id: id.into(),
            state: State::Ok,
            changed: false,
            before: String::new(),
            after: String::new(),
            message: String::new(),
        }
    }

    /// The fault of an item that is a step of a larger one.
    pub fn fault(self) -> Result<(), Fault> {
        match self.state {
            State::Ok | State::Changed | State::WouldChange => Ok(()),
            State::Unsupported => Err(Fault::Unsupported { reason: self.told() }),
            State::Refused => Err(Fault::Refused { reason: self.told() }),
            State::Failed => Err(Fault::Step { step: self.id, reason: self.message }),
        }
    }

    fn told(&self) -> String {
        format!("{}: {}", self.id, self.message)
    }

    /// An outcome of an item that met a fault before anything was changed.
    pub fn of_fault(id: impl Into<String>, fault: &Fault) -> Outcome {
        Outcome { state: fault.state(), message: fault.to_string(), ..Outcome::new(id) }
    }
}
