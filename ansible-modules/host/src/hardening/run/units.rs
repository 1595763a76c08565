//! Units of systemd: asked for once, all together.

use std::collections::BTreeMap;

use super::{Hardening, kernel_of_another};
use crate::hardening::control::{UnitState, Wanted};
use crate::hardening::selection::{Decision, Selected};
use crate::unit::{self, Unit};
use crate::{Fault, Host, Item, Mode, Outcome, Program, State, time_sync};

/// What systemd said of the units that a run is about.
#[derive(Debug, Default)]
pub(super) struct Seen(BTreeMap<String, unit::Observed>);

/// Units that work on the machine's kernel, so that a container has no use for them.
const OF_THE_MACHINE: [&str; 2] = ["auditd.service", "apparmor.service"];
const TIMESYNCD: &str = "systemd-timesyncd.service";

impl Seen {
    pub(super) fn of(host: &Host, selected: &[Selected]) -> Seen {
        let units: Vec<&str> = selected
            .iter()
            .filter(|one| matches!(one.decision, Decision::Apply(_)))
            .filter_map(|one| match one.control.wanted {
                Wanted::Unit { unit, .. } => Some(unit),
                _ => None,
            })
            .collect();
        Seen(unit::observe_all(host, &units).unwrap_or_default())
    }
}

impl Hardening<'_> {
    pub(super) fn unit(&self, name: &str, state: UnitState) -> Outcome {
        if self.container && OF_THE_MACHINE.contains(&name) {
            return Outcome::of_fault(name, &kernel_of_another(name));
        }
        if name == TIMESYNCD {
            return self.time_sync();
        }
        let wanted = if state == UnitState::Enabled { Unit::on(name) } else { Unit::off(name) };
        if let Some(outcome) = self.units.0.get(name).and_then(|seen| as_wanted(&wanted, seen)) {
            return outcome;
        }
        match conditions(self.host, name, state) {
            Some(fault) => Outcome::of_fault(name, &fault),
            None => wanted.bring(self.host, self.mode),
        }
    }
}

impl Hardening<'_> {
    /// Any daemon will do; one that check mode would install has no unit yet that could be looked at.
    fn time_sync(&self) -> Outcome {
        let is_told_by_the_first = self.mode == Mode::Check
            && time_sync::daemon(self.host).is_ok_and(|daemon| daemon == time_sync::Daemon::None);
        match time_sync::kept(self.host) {
            Ok(items) if is_told_by_the_first => self.items(TIMESYNCD, &items[..1]),
            Ok(items) => self.items(TIMESYNCD, &items),
            Err(fault) => Outcome::of_fault(TIMESYNCD, &fault),
        }
    }
}

fn as_wanted(unit: &Unit, seen: &unit::Observed) -> Option<Outcome> {
    let is_wanted = unit.compare(seen).is_ok_and(|changes| changes.is_empty());
    let text = unit.before(seen);
    is_wanted.then(|| Outcome {
        before: text.clone(),
        after: text,
        state: State::Ok,
        ..Outcome::new(unit.id())
    })
}

/// A unit whose own conditions do not hold here is not started by systemd, and that is no failure.
fn conditions(host: &Host, name: &str, state: UnitState) -> Option<Fault> {
    if state != UnitState::Enabled {
        return None;
    }
    let output =
        host.ask(&Program::new("systemd-analyze").args(["condition", &format!("--unit={name}")])).ok()?;
    let said = format!("{}{}", output.stdout, output.stderr);
    let failed = said.lines().find(|line| line.contains("failed"))?;
    Some(Fault::unsupported(format!("systemd does not start {name} here: {}", failed.trim())))
}
