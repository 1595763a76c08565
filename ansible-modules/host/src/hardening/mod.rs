//! Hardening: one table of controls, and what follows from it.
//!
//! [`table`] says of each control what is wanted, as data; observing and changing follow from the kind of that data, never
//! from the control. Profiles follow from the rules that a control meets: `anssi-enhanced` is every control that meets a
//! rule of ANSSI-BP-028 of the levels minimal, intermediary or enhanced. The page `docs/hardening.md` is written from the
//! same table by [`coverage`].
//!
//! ```text
//! arguments → selection (pure) → observe → compare (pure) → change → one result a control
//! ```

pub mod compliance;
pub mod control;
pub mod coverage;
pub mod devsec;
pub mod nearest;
pub mod outcome;
pub mod profile;
pub mod reference;
mod run;
pub mod selection;
pub mod table;

pub use control::{Consent, Control, Effect, OnNode, Undo, Wanted};
pub use profile::Profile;
pub use run::{Run, run};
pub use selection::{Arguments, Decision, Selected, SelectionFault, select};
