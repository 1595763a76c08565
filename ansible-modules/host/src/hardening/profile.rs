//! Profiles: which controls a word stands for. They follow from the rules that a control meets.

use super::control::Control;
use super::reference::{AnssiLevel, anssi_level, cis_level};

/// A named choice of controls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Profile {
    /// What is right for nearly every server and breaks none that is in order.
    Baseline,
    /// ANSSI-BP-028 up to a level.
    Anssi(AnssiLevel),
    /// CIS Debian 12 for servers, level 1.
    Cis1,
    /// CIS Debian 12 for servers, levels 1 and 2.
    Cis2,
}

impl Profile {
    /// All profiles, in the order of the documentation.
    pub const ALL: [Profile; 7] = [
        Profile::Baseline,
        Profile::Anssi(AnssiLevel::Minimal),
        Profile::Anssi(AnssiLevel::Intermediary),
        Profile::Anssi(AnssiLevel::Enhanced),
        Profile::Anssi(AnssiLevel::High),
        Profile::Cis1,
        Profile::Cis2,
    ];

    /// The name that users write.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Baseline => "baseline",
            Profile::Anssi(AnssiLevel::Minimal) => "anssi-minimal",
            Profile::Anssi(AnssiLevel::Intermediary) => "anssi-intermediary",
            Profile::Anssi(AnssiLevel::Enhanced) => "anssi-enhanced",
            Profile::Anssi(AnssiLevel::High) => "anssi-high",
            Profile::Cis1 => "cis-1",
            Profile::Cis2 => "cis-2",
        }
    }

    /// The profile of this name.
    pub fn named(name: &str) -> Option<Profile> {
        Profile::ALL.into_iter().find(|profile| profile.name() == name)
    }

    /// Whether a control is part of it; opt-in controls are, and still wait for their name.
    pub fn has(self, control: &Control) -> bool {
        let cis = |top: u8| control.cis.iter().filter_map(|item| cis_level(item)).any(|level| level <= top);
        match self {
            Profile::Baseline => control.baseline,
            Profile::Anssi(top) => {
                control.anssi.iter().filter_map(|rule| anssi_level(*rule)).any(|level| level <= top)
            }
            Profile::Cis1 => cis(1),
            Profile::Cis2 => cis(2),
        }
    }
}
