//! A service of ours: it starts at boot, and runs by what is on the disk.
//!
//! Programs, configuration and unit of a service may all ask for its restart. The restart is owed once, and written down
//! before the first of them changes: see [`Preparation`](crate::preparation::Preparation).

use std::fmt::{self, Display};

use crate::unit::{self, daemon_reload};
use crate::{Fault, Host, Item, Program, pending};

/// A service as it is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    name: String,
    activity: Activity,
    foreseen: bool,
}

/// Whether it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// It does.
    Runs,
    /// As it is: another program starts it when it has something to start by.
    AsItIs,
}

/// What systemd says, and what is owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    unit: unit::Observed,
    /// Its files are others than systemd has read.
    stale: bool,
    owed: bool,
}

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Reload,
    Unmask,
    Enable,
    Start,
    Restart,
    Forget,
}

/// One step on the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    verb: Verb,
    name: String,
}

impl Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.verb {
            Verb::Reload => f.write_str("let systemd read its files anew"),
            Verb::Unmask => write!(f, "unmask {}", self.name),
            Verb::Enable => write!(f, "enable {}", self.name),
            Verb::Start => write!(f, "start {}", self.name),
            Verb::Restart => write!(f, "restart {}", self.name),
            Verb::Forget => write!(f, "forget that {} is to be restarted: it does not run", self.name),
        }
    }
}

impl Service {
    /// The service `name` (`containerd.service`).
    pub fn new(name: impl Into<String>, activity: Activity) -> Service {
        Service { name: name.into(), activity, foreseen: false }
    }

    /// With a restart that the same run would owe, if it changed anything: for check mode.
    #[must_use]
    pub(crate) fn foreseeing(self, foreseen: bool) -> Service {
        Service { foreseen, ..self }
    }

    /// Writes down that it is to be restarted.
    pub(crate) fn owe_restart(&self, host: &Host) -> Result<(), Fault> {
        pending::owe(host, &self.debt())
    }

    fn debt(&self) -> String {
        format!("restart {}", self.name)
    }

    fn verbs(&self, observed: &Observed) -> Vec<Verb> {
        let unit = &observed.unit;
        let (masked, missing) = (unit.load == "masked", unit.load == "not-found");
        let owed = observed.owed || self.foreseen;
        let enabled = !matches!(unit.file.as_str(), "" | "disabled" | "masked" | "masked-runtime");
        let activity = match (unit.runs(), self.activity) {
            (true, _) if owed => Some(Verb::Restart),
            (false, Activity::Runs) => Some(Verb::Start),
            (false, Activity::AsItIs) if owed => Some(Verb::Forget),
            _ => None,
        };
        let when = |condition: bool, verb| condition.then_some(verb);
        [
            when(masked, Verb::Unmask),
            when(observed.stale || missing || owed, Verb::Reload),
            when(!enabled, Verb::Enable),
            activity,
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn systemctl(&self, host: &Host, verb: &str) -> Result<(), Fault> {
        let asked = host.run(&Program::new("systemctl").args([verb, "--", &self.name]));
        let Err(fault) = asked else { return Ok(()) };
        // systemctl only says where to look, so look there.
        let log = Program::new("journalctl").args([
            "--lines=10",
            "--no-pager",
            "--output=cat",
            "--unit",
            &self.name,
        ]);
        let said = host.ask(&log).map(|output| output.stdout).unwrap_or_default();
        let said: Vec<_> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        Err(Fault::Step {
            step: format!("{verb} {}", self.name),
            reason: format!("{fault}. Its log ends with: {}", said.join("; ")),
        })
    }
}

impl Item for Service {
    type Observed = Observed;
    type Change = Change;

    fn id(&self) -> String {
        format!("service {}", self.name)
    }

    fn observe(&self, host: &Host) -> Result<Observed, Fault> {
        let text = unit::show(host, &self.name, "NeedDaemonReload").map_err(|fault| match fault {
            Fault::Unsupported { .. } => {
                Fault::refused(format!("this host has no systemd, and {} is a service of it", self.name))
            }
            other => other,
        })?;
        let stale = text.lines().any(|line| line == "NeedDaemonReload=yes");
        Ok(Observed { unit: unit::parse(&text), stale, owed: pending::is_owed(host, &self.debt()) })
    }

    fn compare(&self, observed: &Observed) -> Result<Vec<Change>, Fault> {
        let verbs = self.verbs(observed).into_iter();
        Ok(verbs.map(|verb| Change { verb, name: self.name.clone() }).collect())
    }

    fn apply(&self, host: &Host, change: &Change) -> Result<(), Fault> {
        match change.verb {
            Verb::Reload => host.run(&daemon_reload()).map(drop),
            Verb::Unmask => self.systemctl(host, "unmask"),
            Verb::Enable => self.systemctl(host, "enable"),
            Verb::Forget => pending::paid(host, &self.debt()),
            Verb::Start => self.systemctl(host, "start").and_then(|()| pending::paid(host, &self.debt())),
            Verb::Restart => self.systemctl(host, "restart").and_then(|()| pending::paid(host, &self.debt())),
        }
    }

    fn before(&self, observed: &Observed) -> String {
        let owed = if observed.owed { "to be restarted\n" } else { "" };
        let unit = &observed.unit;
        format!("{} {} {}\n{owed}", unit.load, unit.file, unit.active)
    }

    fn after(&self, observed: &Observed) -> String {
        let runs = self.activity == Activity::Runs || observed.unit.runs();
        format!("loaded enabled {}\n", if runs { "active" } else { &observed.unit.active })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verbs(activity: Activity, shown: [&str; 3], stale: bool, owed: bool) -> String {
        let [load, file, active] = shown.map(str::to_owned);
        let observed = Observed { unit: unit::Observed { load, file, active }, stale, owed };
        let changes = Service::new("x", activity).compare(&observed).unwrap();
        changes.iter().map(|change| format!("{:?} ", change.verb)).collect::<Vec<_>>().concat()
    }

    #[test]
    fn only_what_is_needed_is_done() {
        let runs = ["loaded", "enabled", "active"];
        let idle = ["loaded", "enabled", "inactive"];
        let missing = ["not-found", "", "inactive"];
        assert_eq!(verbs(Activity::Runs, runs, false, false), "");
        assert_eq!(verbs(Activity::Runs, runs, false, true), "Reload Restart ");
        assert_eq!(verbs(Activity::Runs, runs, true, false), "Reload ");
        assert_eq!(verbs(Activity::Runs, idle, false, false), "Start ");
        assert_eq!(verbs(Activity::Runs, missing, false, true), "Reload Enable Start ");
        assert_eq!(
            verbs(Activity::Runs, ["masked", "masked", "inactive"], false, false),
            "Unmask Enable Start "
        );
        assert_eq!(verbs(Activity::AsItIs, idle, false, false), "");
        assert_eq!(verbs(Activity::AsItIs, idle, false, true), "Reload Forget ");
        assert_eq!(verbs(Activity::AsItIs, runs, false, true), "Reload Restart ");
    }
}
