//! From arguments to the list of what is wanted. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::control::{Consent, Control, OnNode};
use super::nearest::nearest;
use super::profile::Profile;
use super::table;

/// How the reason of a control begins that waits for its name.
pub(super) const OPT_IN: &str = "opt-in by name";

/// What a user asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arguments {
    /// The profile's name.
    pub profile: String,
    /// Whether the host is, or will be, a Kubernetes node.
    pub kubernetes_node: bool,
    /// Controls that are left out, with the reason.
    pub exceptions: BTreeMap<String, String>,
    /// Controls with a lock-out risk that are wanted all the same.
    pub enable: BTreeSet<String>,
    /// Other values for controls that have one value.
    pub overrides: BTreeMap<String, String>,
    /// Whether the whole file system is searched too.
    pub audit: bool,
}

/// What becomes of one control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is applied; with this value where the control has one.
    Apply(Option<String>),
    /// It is left out, for this reason.
    Except(String),
}

/// A control that the arguments are about, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// The control.
    pub control: &'static Control,
    /// What becomes of it.
    pub decision: Decision,
}

/// Why arguments were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectionFault {
    /// No such profile.
    #[error("profile {name:?} is not known{}; known are {}", meant(nearest.as_deref()), profiles())]
    Profile {
        /// What was written.
        name: String,
        /// The nearest known.
        nearest: Option<String>,
    },
    /// No such control.
    #[error("{argument}: control {id:?} is not known{}; docs/hardening.md lists them", meant(nearest.as_deref()))]
    Control {
        /// Which argument.
        argument: &'static str,
        /// What was written.
        id: String,
        /// The nearest known.
        nearest: Option<String>,
    },
    /// An exception without a reason.
    #[error("exceptions: {id} has no reason: write why this host does without it, as in \"bastion host\"")]
    NoReason {
        /// The control.
        id: String,
    },
    /// A control that is left out and asked for at once.
    #[error("{id} stands in `exceptions` and in `{argument}`: take it out of one of them")]
    Both {
        /// The control.
        id: String,
        /// The other argument.
        argument: &'static str,
    },
    /// `enable` of a control that a profile turns on by itself.
    #[error(
        "enable: {id} has no lock-out risk, so the profile alone decides; `enable` is for controls marked opt-in"
    )]
    NotByName {
        /// The control.
        id: String,
    },
    /// Another value for a control that has none.
    #[error(
        "overrides: {id} has no single value; only controls of the kinds sysctl, sshd, setting, file and limits have"
    )]
    NoValue {
        /// The control.
        id: String,
    },
    /// A value that could not stand in a configuration file.
    #[error("overrides: the value of {id} is empty or has a control character in it; write it on one line")]
    Value {
        /// The control.
        id: String,
    },
}

fn meant(nearest: Option<&str>) -> String {
    nearest.map(|name| format!(" (did you mean {name:?}?)")).unwrap_or_default()
}

fn profiles() -> String {
    Profile::ALL.map(Profile::name).join(", ")
}

/// The controls that `arguments` are about, in the order in which they are applied.
///
/// A control is there when the profile has it, or when it is enabled by name, or when it is a node's. Of two controls
/// that want one thing, the one enabled by name replaces the other.
pub fn select(arguments: &Arguments) -> Result<Vec<Selected>, SelectionFault> {
    let profile = check(arguments)?;
    let chosen = table::controls().iter().filter(|control| is_meant(control, profile, arguments));
    let mut selected: Vec<_> = chosen.map(|control| decide(control, arguments)).collect();
    replace_doubles(&mut selected, arguments);
    Ok(selected)
}

fn is_meant(control: &Control, profile: Profile, arguments: &Arguments) -> bool {
    if control.is_finding() {
        return arguments.audit && profile.has(control);
    }
    match control.on_node {
        OnNode::Only => arguments.kubernetes_node,
        OnNode::Needed(..) if arguments.kubernetes_node => true,
        _ => profile.has(control) || arguments.enable.contains(&control.id),
    }
}

fn decide(control: &'static Control, arguments: &Arguments) -> Selected {
    Selected { control, decision: decision(control, arguments) }
}

fn decision(control: &Control, arguments: &Arguments) -> Decision {
    if let Some(reason) = arguments.exceptions.get(&control.id) {
        return Decision::Except(reason.trim().to_owned());
    }
    if let (OnNode::LeftOut(reason), true) = (control.on_node, arguments.kubernetes_node) {
        return Decision::Except(format!("Kubernetes node: {reason}"));
    }
    if let (Consent::ByName(risk), false) = (control.consent, arguments.enable.contains(&control.id)) {
        return Decision::Except(format!("{OPT_IN}, because {risk}"));
    }
    Decision::Apply(value(control, arguments))
}

fn value(control: &Control, arguments: &Arguments) -> Option<String> {
    let node = match control.on_node {
        OnNode::Value(value, _) | OnNode::Needed(value, _) if arguments.kubernetes_node => Some(value),
        _ => None,
    };
    let own = arguments.overrides.get(&control.id).map(String::as_str);
    own.or(node).or(control.wanted.value()).map(str::to_owned)
}

/// What two controls may both want: a keyword of sshd, a key of a file.
fn place(control: &Control) -> Option<(String, &'static str)> {
    use super::control::Wanted::{Setting, Sshd};
    match control.wanted {
        Sshd { keyword, .. } => Some(("sshd".to_owned(), keyword)),
        Setting { file, key, .. } => Some((file.path().to_owned(), key)),
        _ => None,
    }
}

fn replace_doubles(selected: &mut [Selected], arguments: &Arguments) {
    let named: Vec<_> = selected
        .iter()
        .filter(|one| {
            arguments.enable.contains(&one.control.id) && matches!(one.decision, Decision::Apply(_))
        })
        .filter_map(|one| Some((place(one.control)?, one.control.id.clone())))
        .collect();
    for one in selected.iter_mut().filter(|one| !arguments.enable.contains(&one.control.id)) {
        let winner = place(one.control).and_then(|place| named.iter().find(|(taken, _)| *taken == place));
        if let (Some((_, id)), Decision::Apply(_)) = (winner, &one.decision) {
            one.decision = Decision::Except(format!("replaced by {id}, which is enabled by name"));
        }
    }
}

fn check(arguments: &Arguments) -> Result<Profile, SelectionFault> {
    let profile = Profile::named(&arguments.profile).ok_or_else(|| SelectionFault::Profile {
        name: arguments.profile.clone(),
        nearest: nearest(&arguments.profile, Profile::ALL.map(Profile::name)).map(str::to_owned),
    })?;
    for (id, reason) in &arguments.exceptions {
        known("exceptions", id)?;
        if reason.trim().is_empty() {
            return Err(SelectionFault::NoReason { id: id.clone() });
        }
    }
    arguments.enable.iter().try_for_each(|id| check_enabled(id, arguments))?;
    arguments.overrides.iter().try_for_each(|(id, value)| check_override(id, value, arguments))?;
    Ok(profile)
}

fn check_enabled(id: &str, arguments: &Arguments) -> Result<(), SelectionFault> {
    let control = known("enable", id)?;
    if arguments.exceptions.contains_key(id) {
        return Err(SelectionFault::Both { id: id.to_owned(), argument: "enable" });
    }
    match control.consent {
        Consent::ByName(_) => Ok(()),
        Consent::ByProfile => Err(SelectionFault::NotByName { id: id.to_owned() }),
    }
}

fn check_override(id: &str, value: &str, arguments: &Arguments) -> Result<(), SelectionFault> {
    let control = known("overrides", id)?;
    if arguments.exceptions.contains_key(id) {
        return Err(SelectionFault::Both { id: id.to_owned(), argument: "overrides" });
    }
    let is_text = matches!(control.wanted, super::control::Wanted::Text { .. });
    match control.wanted.value() {
        None => Err(SelectionFault::NoValue { id: id.to_owned() }),
        Some(_) if is_text && !value.is_empty() => Ok(()),
        Some(_) if value.trim().is_empty() || value.chars().any(char::is_control) => {
            Err(SelectionFault::Value { id: id.to_owned() })
        }
        Some(_) => Ok(()),
    }
}

fn known(argument: &'static str, id: &str) -> Result<&'static Control, SelectionFault> {
    table::control(id).ok_or_else(|| SelectionFault::Control {
        argument,
        id: id.to_owned(),
        nearest: nearest(id, table::controls().iter().map(|control| control.id.as_str())).map(str::to_owned),
    })
}

#[cfg(test)]
mod tests;
