//! From what is selected to what is done: each control is brought about by the engine, in the order of the table.
//!
//! Controls that share a file are one [`group`]: the file is written once, its program told once, and each control has the
//! outcome of its own lines. What a container or the kernel refuses is the standing of that one control. What would lock
//! the present session out is refused, with the reason.

mod accounts;
mod audit;
mod boot;
mod group;
mod login;
mod packages;
mod pam;
mod permissions;
mod scan;
mod settings;
mod sshd;
mod sysctl;
mod units;

use std::collections::BTreeMap;

use super::control::{Control, Effect, SettingsFile, Wanted};
use super::outcome::{ControlOutcome, Standing};
use super::selection::{Arguments, Decision, Selected, SelectionFault, select};
use crate::{Fault, Host, Managed, Mode, Outcome, State};

use group::Group;
use login::Login;

/// What a run did, or in check mode would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// One a control that is not left out, under the control's id; then one a file of ours that lost lines of a control
    /// that is wanted no more.
    pub outcomes: Vec<Outcome>,
    /// How each control stands, in the order of the table.
    pub controls: Vec<ControlOutcome>,
}

/// Brings the host to what the arguments ask for.
pub fn run(host: &Host, arguments: &Arguments, mode: Mode) -> Result<Run, SelectionFault> {
    let selected = select(arguments)?;
    let mut hardening = Hardening::of(host, mode, &selected);
    hardening.bring_packages();
    let controls = selected.iter().map(|one| hardening.bring(one)).collect();
    hardening.forget();
    let Hardening { mut outcomes, extra, .. } = hardening;
    outcomes.extend(extra);
    Ok(Run { outcomes, controls })
}

/// One run.
struct Hardening<'a> {
    host: &'a Host,
    mode: Mode,
    selected: &'a [Selected],
    /// Whoever this run must not lock out.
    login: Login,
    /// Whether this is a container: the kernel is then another's.
    container: bool,
    /// Packages that this run installs, or in check mode would.
    missing: Vec<&'static str>,
    /// Outcomes of controls that share a file, until their turn comes.
    shared: BTreeMap<String, Outcome>,
    done: Vec<&'static str>,
    units: units::Seen,
    outcomes: Vec<Outcome>,
    extra: Vec<Outcome>,
}

impl<'a> Hardening<'a> {
    fn of(host: &'a Host, mode: Mode, selected: &'a [Selected]) -> Hardening<'a> {
        Hardening {
            host,
            mode,
            selected,
            login: Login::of(host),
            container: crate::facts::is_container(host),
            missing: packages::missing(host, selected),
            shared: BTreeMap::new(),
            done: Vec::new(),
            units: units::Seen::of(host, selected),
            outcomes: Vec::new(),
            extra: Vec::new(),
        }
    }

    /// Before everything else: they bring the units and the files that other controls are about.
    fn bring_packages(&mut self) {
        let outcomes = packages::install(self);
        self.shared.extend(outcomes.into_iter().map(|outcome| (outcome.id.clone(), outcome)));
        if self.mode == Mode::Apply && !self.missing.is_empty() {
            self.units = units::Seen::of(self.host, self.selected);
        }
    }

    /// One control: what is done about it, and how it then stands.
    fn bring(&mut self, one: &Selected) -> ControlOutcome {
        let control = one.control;
        match &one.decision {
            Decision::Except(reason) => excepted(control, reason),
            Decision::Apply(value) => {
                let mut outcome = self.outcome(control, value.as_deref());
                outcome.id.clone_from(&control.id);
                self.expect_package(control, &mut outcome);
                let told =
                    told(control, &outcome, self.takes_effect_later(control, value.as_deref(), &outcome));
                self.outcomes.push(outcome);
                told
            }
        }
    }

    fn outcome(&mut self, control: &Control, value: Option<&str>) -> Outcome {
        let value = value.unwrap_or_default();
        match &control.wanted {
            Wanted::Sysctl { key, .. } => {
                sysctl::item(key, value, control.effect).bring_about(self.host, self.mode)
            }
            Wanted::Permissions { path, mode, owner, group } => {
                self.permissions(&control.id, path, *mode, owner, group)
            }
            Wanted::Text { path, mode, .. } => {
                settings::text(self.host, path, value, *mode).bring_about(self.host, self.mode)
            }
            Wanted::Pam(step) => self.pam(*step),
            Wanted::AuditRules { file, rules } => self.audit_rules(file, rules),
            Wanted::AuditPrivilegedPrograms => self.audit_privileged_programs(),
            Wanted::Installed { .. } => {
                self.shared.remove(&control.id).unwrap_or_else(|| Outcome::new(&control.id))
            }
            Wanted::Removed { packages } => self.items(&control.id, &packages::remove(packages)),
            Wanted::Unit { unit, state } => self.unit(unit, *state),
            Wanted::MountOptions { path, options } => {
                crate::mount::Options::new(path, options).bring_about(self.host, self.mode)
            }
            Wanted::Accounts(rule) => self.accounts(&control.id, *rule),
            Wanted::Finding(scan) => scan::look(self.host, *scan),
            Wanted::Sshd { .. } => self.sshd(control),
            Wanted::Setting { file: SettingsFile::Pwhistory, .. } => self.history_setting(&control.id),
            Wanted::ModuleBlocked { .. }
            | Wanted::Setting { .. }
            | Wanted::SudoDefault { .. }
            | Wanted::KernelArguments { .. }
            | Wanted::Limit { .. } => self.of_file(control),
        }
    }

    /// All keywords are brought about together, when the first of them comes.
    fn sshd(&mut self, control: &Control) -> Outcome {
        if !self.done.contains(&sshd::PATH) {
            self.done.push(sshd::PATH);
            let outcomes = sshd::bring(self);
            self.shared.extend(outcomes.into_iter().map(|outcome| (outcome.id.clone(), outcome)));
        }
        self.shared.remove(&control.id).unwrap_or_else(|| Outcome::new(&control.id))
    }

    fn of_file(&mut self, control: &Control) -> Outcome {
        let Some(path) = settings::path(&control.wanted) else { return Outcome::new(&control.id) };
        if !self.done.contains(&path) {
            self.done.push(path);
            if let Some(group) = settings::group(self, path) {
                self.bring_group(&group);
            }
        }
        self.shared.remove(&control.id).unwrap_or_else(|| Outcome::new(&control.id))
    }

    fn bring_group(&mut self, group: &Group) {
        let (outcomes, extra) = group.bring(self.host, self.mode);
        self.shared.extend(outcomes.into_iter().map(|outcome| (outcome.id.clone(), outcome)));
        self.extra.extend(extra);
    }

    fn items(&self, id: &str, items: &[Box<dyn Managed>]) -> Outcome {
        together(id, items.iter().map(|item| item.bring_about(self.host, self.mode)).collect())
    }

    /// The decision about a control, if it is selected and wanted.
    fn value_of(&self, id: &str) -> Option<&str> {
        let one = self.selected.iter().find(|one| one.control.id == id)?;
        match &one.decision {
            Decision::Apply(value) => Some(value.as_deref().unwrap_or_default()),
            Decision::Except(_) => None,
        }
    }

    /// What needs a package that this very run would install is no "unsupported" of check mode.
    fn expect_package(&self, control: &Control, outcome: &mut Outcome) {
        let expected = packages::needed(&control.wanted).filter(|package| self.missing.contains(package));
        if let (Mode::Check, State::Unsupported, Some(package)) = (self.mode, outcome.state, expected)
            && !outcome.message.contains(KERNEL_OF_ANOTHER)
        {
            outcome.state = State::WouldChange;
            outcome.changed = true;
            outcome.message = format!("done after the package {package} is installed");
        }
    }

    /// Whether what is written has no effect before the next boot. A change of this run has none in any case, so that the
    /// standing after a change can be told before it.
    fn takes_effect_later(&self, control: &Control, value: Option<&str>, outcome: &Outcome) -> bool {
        let waits = outcome.state == State::Changed
            || boot::in_effect(self.host, &control.wanted, value).unwrap_or(boot::InEffect::No)
                == boot::InEffect::No;
        control.effect == Effect::Reboot && waits
    }

    /// Takes away what earlier runs wrote for controls that are wanted no more.
    fn forget(&mut self) {
        for path in settings::OWN_FILES {
            if !self.done.contains(&path)
                && self.host.exists(path)
                && let Some(group) = settings::group(self, path)
            {
                self.bring_group(&group);
            }
        }
        if !self.done.contains(&sshd::PATH) && self.host.exists(sshd::PATH) {
            let outcomes = sshd::bring(self);
            self.extra.extend(outcomes);
        }
        let forgotten =
            [sysctl::forget(self).into_iter().collect(), audit::forget(self), settings::forget_texts(self)];
        self.extra.extend(
            forgotten.into_iter().flatten().filter(|outcome| outcome.changed || outcome.state != State::Ok),
        );
    }
}

/// The words by which an "unsupported" of a container is told from that of a missing package.
const KERNEL_OF_ANOTHER: &str = "a container shares the kernel of its machine";

fn kernel_of_another(what: &str) -> Fault {
    Fault::unsupported(format!("{what}: {KERNEL_OF_ANOTHER}"))
}

fn excepted(control: &Control, reason: &str) -> ControlOutcome {
    ControlOutcome {
        id: control.id.clone(),
        standing: Standing::Excepted,
        observed: String::new(),
        wanted: control.wanted.value().unwrap_or_default().trim_end().to_owned(),
        reason: reason.to_owned(),
    }
}

fn told(control: &Control, outcome: &Outcome, later: bool) -> ControlOutcome {
    let standing = match outcome.state {
        State::Ok | State::Changed if later => Standing::PendingReboot,
        State::Ok | State::Changed => Standing::Applied,
        State::WouldChange | State::Refused | State::Failed => Standing::Drifted,
        State::Unsupported => Standing::Unsupported,
    };
    let changed = matches!(outcome.state, State::Ok | State::Changed);
    let observed = if changed { &outcome.after } else { &outcome.before };
    ControlOutcome {
        id: control.id.clone(),
        standing,
        observed: observed.trim_end().to_owned(),
        wanted: outcome.after.trim_end().to_owned(),
        reason: if changed { String::new() } else { outcome.message.clone() },
    }
}

/// One outcome of several: the worst of them is told first.
fn together(id: &str, mut parts: Vec<Outcome>) -> Outcome {
    if parts.len() == 1 {
        return Outcome { id: id.to_owned(), ..parts.remove(0) };
    }
    let worst = [State::Failed, State::Refused, State::Unsupported, State::Changed, State::WouldChange];
    let state =
        worst.into_iter().find(|state| parts.iter().any(|part| part.state == *state)).unwrap_or(State::Ok);
    let told = |text: fn(&Outcome) -> &str| {
        let telling = parts.iter().filter(|part| part.state != State::Ok);
        telling.flat_map(|part| [part.id.as_str(), ": ", text(part).trim_end(), "\n"]).collect::<String>()
    };
    Outcome {
        id: id.to_owned(),
        state,
        changed: parts.iter().any(|part| part.changed),
        before: told(|part| &part.before),
        after: told(|part| &part.after),
        message: told(|part| &part.message).trim_end().replace('\n', "; "),
    }
}

#[cfg(test)]
mod tests;
