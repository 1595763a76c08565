//! The agent itself: brought by the caller, and demanded here.

use std::fmt::{self, Display};

use host::{Fault, Host, Item};

/// The agent at its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Agent {
    path: String,
}

/// Bring it: the caller's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bring;

impl Display for Bring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bring the agent")
    }
}

impl Agent {
    /// The agent at this path.
    pub(super) fn at(path: &str) -> Agent {
        Agent { path: path.to_owned() }
    }
}

impl Item for Agent {
    type Observed = bool;
    type Change = Bring;

    fn id(&self) -> String {
        "agent".to_owned()
    }

    fn observe(&self, host: &Host) -> Result<bool, Fault> {
        Ok(host.exists(&self.path))
    }

    fn compare(&self, is_there: &bool) -> Result<Vec<Bring>, Fault> {
        Ok(if *is_there { Vec::new() } else { vec![Bring] })
    }

    fn apply(&self, _: &Host, _: &Bring) -> Result<(), Fault> {
        Err(Fault::refused(format!("{} is not on this host: bring the agent first", self.path)))
    }

    fn before(&self, is_there: &bool) -> String {
        if *is_there { format!("{}\n", self.path) } else { "missing\n".to_owned() }
    }

    fn after(&self, _: &bool) -> String {
        format!("{}\n", self.path)
    }
}
