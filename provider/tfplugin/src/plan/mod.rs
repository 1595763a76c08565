//! Planning: what a change would make of a resource, as a pure function.
//!
//! Terraform plans twice: once for the person, and again inside every apply, where more is known. What the first plan
//! knew must be the same in the second, so nothing here can see a client, a clock, or chance. For what follows from the
//! schema that law holds by itself: a value is known only where the configuration, a default or the prior state gives
//! it, and none of them changes when an unknown elsewhere turns out. A resource's own `plan` keeps it by setting
//! nothing that depends on an unknown.
//!
//! The order, as terraform-plugin-framework has it: defaults → write-only arguments to null → where anything changed,
//! computed attributes that the configuration leaves out become unknown → those that stay keep their value → the
//! resource's own [`plan`](crate::Resource::plan) → what needs a new object.

mod conform;
#[cfg(test)]
mod machine;
mod modify;
mod unknown_elements;

pub(crate) use conform::differences;
pub(crate) use modify::{modify, replacements, settled};
pub(crate) use unknown_elements::told_apart;

use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::path::Path;

/// A change that is being planned. The resource may fill in what it can know already.
///
/// There are no clients here, and `plan` is no method: it is a function of configuration and prior state alone.
#[derive(Debug)]
pub struct Plan<M> {
    /// What the user wrote. Write-only arguments are here, and only here.
    pub config: M,
    /// The last known state; none for a new object.
    pub prior: Option<M>,
    /// The outcome so far: what the user wrote, defaults, prior values. Computed attributes that may change are
    /// unknown; set those that can be known already.
    pub planned: M,
    replace: Vec<Path>,
    warnings: Diagnostics,
}

impl<M> Plan<M> {
    /// A change to plan; resources get theirs from the framework, tests make their own.
    pub fn new(config: M, prior: Option<M>, planned: M) -> Self {
        Self { config, prior, planned, replace: Vec::new(), warnings: Diagnostics::new() }
    }

    /// A new object is needed because of this attribute. While what is planned for it is unknown that says nothing:
    /// it may turn out to be the old value.
    pub fn requires_replace(&mut self, path: impl Into<Path>) {
        self.replace.push(path.into());
    }

    /// Tells the user something, without stopping the plan.
    pub fn warn(&mut self, warning: Diagnostic) {
        self.warnings.push(warning);
    }

    /// What was planned: the outcome, what needs a new object, and the warnings.
    pub fn into_parts(self) -> (M, Vec<Path>, Diagnostics) {
        (self.planned, self.replace, self.warnings)
    }
}
