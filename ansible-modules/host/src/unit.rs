//! systemd units: whether they are enabled, masked, running; files of our own; drop-ins.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use crate::file::File;
use crate::pending::Triggering;
use crate::{Fault, Host, Item, Program};

/// Whether a unit starts at boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enablement {
    /// At boot, or when what it belongs to starts.
    Enabled,
    /// Only when asked.
    Disabled,
    /// Never, not even when asked.
    Masked,
}

/// Whether a unit runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// It runs (or, a oneshot, has run).
    Active,
    /// It does not.
    Inactive,
}

/// A unit as it is wanted; what is not asked for is left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    name: String,
    enablement: Option<Enablement>,
    activity: Option<Activity>,
    brought: bool,
}

/// What systemd says of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// `loaded`, `not-found`, `masked`.
    pub load: String,
    /// `enabled`, `static`, `disabled`, …; empty where it has no file.
    pub file: String,
    /// `active`, `inactive`, `failed`, …
    pub active: String,
}

/// A `systemctl` verb on the unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    verb: &'static str,
    name: String,
}

impl Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.name)
    }
}

impl Unit {
    /// The unit `name` (`ssh.service`), with nothing asked of it yet.
    pub fn new(name: impl Into<String>) -> Unit {
        Unit { name: name.into(), enablement: None, activity: None, brought: false }
    }

    /// Starts at boot and runs now.
    pub fn on(name: impl Into<String>) -> Unit {
        Unit::new(name).enablement(Enablement::Enabled).activity(Activity::Active)
    }

    /// Does not run, now or ever. A unit that does not exist is as wanted.
    pub fn off(name: impl Into<String>) -> Unit {
        Unit::new(name).enablement(Enablement::Masked).activity(Activity::Inactive)
    }

    /// Whether it starts at boot.
    #[must_use]
    pub fn enablement(self, enablement: Enablement) -> Unit {
        Unit { enablement: Some(enablement), ..self }
    }

    /// Whether it runs.
    #[must_use]
    pub fn activity(self, activity: Activity) -> Unit {
        Unit { activity: Some(activity), ..self }
    }

    /// Its file comes with the same run. Where that is still missing, which check mode alone sees, it would be there.
    #[must_use]
    pub fn brought(self) -> Unit {
        Unit { brought: true, ..self }
    }

    fn enabling(&self, observed: &Observed) -> Option<&'static str> {
        let is_masked = observed.load == "masked" || observed.file.starts_with("masked");
        match self.enablement? {
            Enablement::Masked if !is_masked => Some("mask"),
            Enablement::Disabled if observed.file.starts_with("enabled") => Some("disable"),
            // static, alias, generated, indirect, …: enabled by others, or not a thing that can be enabled.
            Enablement::Enabled if observed.file == "disabled" => Some("enable"),
            _ => None,
        }
    }

    fn running(&self, observed: &Observed) -> Option<&'static str> {
        match self.activity? {
            Activity::Active if !observed.runs() => Some("start"),
            Activity::Inactive if observed.runs() => Some("stop"),
            _ => None,
        }
    }

    fn wants_it_there(&self) -> bool {
        self.enablement == Some(Enablement::Enabled) || self.activity == Some(Activity::Active)
    }
}

impl Observed {
    /// Whether it runs, or is about to.
    pub(crate) fn runs(&self) -> bool {
        matches!(self.active.as_str(), "active" | "reloading" | "activating")
    }
}

/// What `systemctl show` prints of a unit: what [`parse`] reads, and one property `more`.
pub(crate) fn show(host: &Host, name: &str, more: &str) -> Result<String, Fault> {
    let properties = format!("--property=LoadState,UnitFileState,ActiveState,{more}");
    let program = Program::new("systemctl").args(["show", properties.trim_end_matches(','), "--", name]);
    match host.ask(&program) {
        Ok(output) => Ok(output.checked(&program)?.stdout),
        Err(Fault::Start { .. }) => Err(Fault::unsupported("this host has no systemd")),
        Err(fault) => Err(fault),
    }
}

/// The properties that `systemctl show` prints.
pub(crate) fn parse(text: &str) -> Observed {
    let property = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_default().to_owned()
    };
    Observed { load: property("LoadState"), file: property("UnitFileState"), active: property("ActiveState") }
}

/// What systemd says of all these units, by name, in one call.
pub fn observe_all(host: &Host, units: &[&str]) -> Result<BTreeMap<String, Observed>, Fault> {
    if units.is_empty() {
        return Ok(BTreeMap::new());
    }
    let words = ["show", "--property=LoadState,UnitFileState,ActiveState", "--"];
    let program = Program::new("systemctl").args(words).args(units.iter().copied());
    let told = host.run(&program)?.stdout;
    // One paragraph a unit, in the order of the question.
    let observed: Vec<_> = told.split("\n\n").map(parse).collect();
    if observed.len() != units.len() {
        return Ok(BTreeMap::new());
    }
    Ok(units.iter().map(|unit| (*unit).to_owned()).zip(observed).collect())
}

impl Item for Unit {
    type Observed = Observed;
    type Change = Change;

    fn id(&self) -> String {
        format!("unit {}", self.name)
    }

    fn observe(&self, host: &Host) -> Result<Observed, Fault> {
        let found = show(host, &self.name, "").map(|text| parse(&text))?;
        if self.brought && found.load == "not-found" {
            return Ok(Observed { file: "disabled".to_owned(), ..found });
        }
        Ok(found)
    }

    fn compare(&self, observed: &Observed) -> Result<Vec<Change>, Fault> {
        let missing = observed.load == "not-found" && !self.brought;
        if missing && self.wants_it_there() {
            return Err(Fault::unsupported(format!(
                "this host has no {}: install its package first",
                self.name
            )));
        }
        // One that must not run, and is not there, needs no mask.
        if missing {
            return Ok(Vec::new());
        }
        let masked = observed.load == "masked" && self.wants_it_there();
        let unmask = masked.then_some("unmask");
        let stop_first = self.running(observed).filter(|verb| *verb == "stop");
        let start_last = self.running(observed).filter(|verb| *verb == "start");
        let enable = if masked && self.enablement == Some(Enablement::Enabled) {
            Some("enable")
        } else {
            self.enabling(observed)
        };
        let verbs = unmask.into_iter().chain(stop_first).chain(enable).chain(start_last);
        Ok(verbs.map(|verb| Change { verb, name: self.name.clone() }).collect())
    }

    fn apply(&self, host: &Host, change: &Change) -> Result<(), Fault> {
        host.run(&Program::new("systemctl").args([change.verb, "--", &change.name])).map(drop)
    }

    fn before(&self, observed: &Observed) -> String {
        format!("{} {} {}\n", observed.load, observed.file, observed.active)
    }

    fn after(&self, observed: &Observed) -> String {
        let file = match self.enablement {
            Some(Enablement::Masked) => "masked",
            Some(Enablement::Disabled) => "disabled",
            Some(Enablement::Enabled) if observed.file == "disabled" || observed.load == "masked" => {
                "enabled"
            }
            _ => &observed.file,
        };
        let active = match self.activity {
            Some(Activity::Active) => "active",
            Some(Activity::Inactive) => "inactive",
            None => &observed.active,
        };
        let load = if file == "masked" { "masked" } else { "loaded" };
        format!("{load} {file} {active}\n")
    }
}

/// `systemctl daemon-reload`.
pub fn daemon_reload() -> Program {
    Program::new("systemctl").args(["daemon-reload"])
}

/// Restarts `unit` if it runs.
pub fn restart(unit: &str) -> Program {
    Program::new("systemctl").args(["try-restart", "--", unit])
}

/// Reloads `unit` if it runs, and restarts it if it cannot reload.
pub fn reload(unit: &str) -> Program {
    Program::new("systemctl").args(["try-reload-or-restart", "--", unit])
}

/// A unit file of our own in `/etc/systemd/system`; a change of it restarts the unit if it runs.
pub fn unit_file(name: &str, text: &str) -> Triggering<File> {
    let file = File::new(format!("/etc/systemd/system/{name}"), text);
    Triggering::new(file, vec![daemon_reload(), restart(name)])
}

/// A drop-in of our own for somebody's unit; a change of it restarts the unit if it runs.
pub fn drop_in(unit: &str, name: &str, text: &str) -> Triggering<File> {
    let file = File::new(format!("/etc/systemd/system/{unit}.d/{name}.conf"), text);
    Triggering::new(file, vec![daemon_reload(), restart(unit)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verbs(unit: &Unit, load: &str, file: &str, active: &str) -> Vec<&'static str> {
        let text = format!("LoadState={load}\nUnitFileState={file}\nActiveState={active}\n");
        unit.compare(&parse(&text)).unwrap().into_iter().map(|change| change.verb).collect()
    }

    #[test]
    fn only_the_verbs_that_are_needed_are_used() {
        let on = Unit::on("x.service");
        assert_eq!(verbs(&on, "loaded", "enabled", "active"), [""; 0]);
        assert_eq!(verbs(&on, "loaded", "static", "active"), [""; 0]);
        assert_eq!(verbs(&on, "loaded", "disabled", "failed"), ["enable", "start"]);
        assert_eq!(verbs(&on, "masked", "masked", "inactive"), ["unmask", "enable", "start"]);
        let off = Unit::off("x.service");
        assert_eq!(verbs(&off, "loaded", "enabled", "active"), ["stop", "mask"]);
        assert_eq!(verbs(&off, "masked", "masked", "inactive"), [""; 0]);
        assert_eq!(verbs(&off, "not-found", "", "inactive"), [""; 0]);
    }

    #[test]
    fn a_unit_that_must_run_and_is_not_there_is_unsupported() {
        let missing = parse("LoadState=not-found\nUnitFileState=\nActiveState=inactive\n");
        assert!(matches!(Unit::on("x.service").compare(&missing), Err(Fault::Unsupported { .. })));
    }
}
