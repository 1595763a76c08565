//! Controls that share a file.

use crate::{Host, Managed, Mode, Outcome, State};

/// A file, and the lines that are each one control's.
pub(super) struct Group {
    /// The file; where it is, it is read to tell what each control has in it.
    pub(super) path: String,
    /// Brings the file to what all parts want of it.
    pub(super) item: Box<dyn Managed>,
    /// The controls.
    pub(super) parts: Vec<Part>,
    /// What the file says now of a part, in the form of [`Part::wanted`].
    pub(super) found: Found,
}

/// Finds a part's lines in the text of the file.
pub(super) type Found = Box<dyn Fn(&str, &Part) -> String>;

/// One control's share of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// The control.
    pub(super) id: String,
    /// By what its lines are found.
    pub(super) key: String,
    /// Its lines.
    pub(super) wanted: String,
}

impl Group {
    /// Brings the file about. The second half of the answer is a change that belongs to none of the parts: lines of
    /// controls that are wanted no more went away, or a program is run that was owed.
    pub(super) fn bring(&self, host: &Host, mode: Mode) -> (Vec<Outcome>, Option<Outcome>) {
        let text = host.read_text(&self.path).ok().flatten().unwrap_or_default();
        let whole = self.item.bring_about(host, mode);
        let outcomes: Vec<_> =
            self.parts.iter().map(|part| outcome(part, (self.found)(&text, part), &whole)).collect();
        let untold = whole.state != State::Ok && outcomes.iter().all(|outcome| outcome.state == State::Ok);
        (outcomes, untold.then_some(whole))
    }
}

fn outcome(part: &Part, found: String, whole: &Outcome) -> Outcome {
    let is_there = found == part.wanted;
    let concerned = !is_there || whole.state == State::Unsupported;
    let own = concerned && whole.state != State::Ok;
    Outcome {
        id: part.id.clone(),
        state: if own { whole.state } else { State::Ok },
        changed: own && whole.changed,
        before: found,
        after: part.wanted.clone(),
        message: if own { whole.message.clone() } else { String::new() },
    }
}

/// The lines of a text for which `is_its` holds.
pub(super) fn lines(text: &str, is_its: impl Fn(&str) -> bool) -> String {
    text.lines().filter(|line| is_its(line)).map(|line| line.to_owned() + "\n").collect()
}
