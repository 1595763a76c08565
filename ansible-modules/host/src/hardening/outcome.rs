//! What is told of each control: the contract between the module, the provider and the compliance report.

use serde::{Deserialize, Serialize};

/// How a control stands on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It is as wanted.
    Applied,
    /// It is not as wanted: check mode, or a change that failed.
    Drifted,
    /// It is written as wanted and takes effect with the next boot.
    PendingReboot,
    /// It is left out, with a reason.
    Excepted,
    /// This host cannot do it, with a reason.
    Unsupported,
}

impl Standing {
    /// All, worst news first.
    pub const ALL: [Standing; 5] = [
        Standing::Drifted,
        Standing::PendingReboot,
        Standing::Excepted,
        Standing::Unsupported,
        Standing::Applied,
    ];

    /// The word in JSON and in reports.
    pub fn word(self) -> &'static str {
        match self {
            Standing::Applied => "applied",
            Standing::Drifted => "drifted",
            Standing::PendingReboot => "pending-reboot",
            Standing::Excepted => "excepted",
            Standing::Unsupported => "unsupported",
        }
    }
}

/// One control on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlOutcome {
    /// The control.
    pub id: String,
    /// How it stands.
    pub standing: Standing,
    /// What was observed; empty where nothing was looked at.
    #[serde(default)]
    pub observed: String,
    /// What is wanted.
    #[serde(default)]
    pub wanted: String,
    /// Why it is excepted or unsupported, or what went wrong.
    #[serde(default)]
    pub reason: String,
}

/// The controls of one host, as the module tells them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostReport {
    /// The host's name.
    pub host: String,
    /// The profile that was asked for.
    pub profile: String,
    /// Its controls.
    pub controls: Vec<ControlOutcome>,
}

impl HostReport {
    /// How many controls stand so.
    pub fn count(&self, standing: Standing) -> usize {
        self.controls.iter().filter(|control| control.standing == standing).count()
    }

    /// Applied of those that the host could do and was asked for, in percent, rounded down; none where there are none.
    pub fn score(&self) -> Option<usize> {
        let applied = self.count(Standing::Applied);
        let asked = applied + self.count(Standing::Drifted) + self.count(Standing::PendingReboot);
        (applied * 100).checked_div(asked)
    }
}
