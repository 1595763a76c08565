//! The first backup, begun when the policy is installed.

use std::fmt::{self, Display};

use host::{Fault, Host, Item, Program};

use super::units::Command;
use backup_agent::configuration::RECORDS;
use backup_agent::status::STATUS_FILE;

/// A backup that is begun unless one ever was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FirstBackup {
    policy: String,
}

/// Begin it, and do not wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Begin;

impl Display for Begin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("begin the first backup")
    }
}

impl FirstBackup {
    /// Of the policy.
    pub(super) fn of(policy: &str) -> FirstBackup {
        FirstBackup { policy: policy.to_owned() }
    }

    fn service(&self) -> String {
        format!("{}.service", Command::Run.unit(&self.policy))
    }
}

impl Item for FirstBackup {
    type Observed = bool;
    type Change = Begin;

    fn id(&self) -> String {
        format!("first backup of {}", self.policy)
    }

    fn observe(&self, host: &Host) -> Result<bool, Fault> {
        if host.exists(&format!("{RECORDS}/{}/{STATUS_FILE}", self.policy)) {
            return Ok(true);
        }
        let program = Program::new("systemctl").args([
            "show",
            "--property=ActiveState,ExecMainStartTimestampMonotonic,Job",
            "--",
            &self.service(),
        ]);
        let told = host.ask(&program)?.checked(&program)?.stdout;
        let says = |line: &str| told.lines().any(|told| told == line);
        let is_queued =
            told.lines().any(|line| line.starts_with("Job=") && line != "Job=0" && line != "Job=");
        let never = says("ExecMainStartTimestampMonotonic=0") && says("ActiveState=inactive");
        Ok(is_queued || !never)
    }

    fn compare(&self, was_begun: &bool) -> Result<Vec<Begin>, Fault> {
        Ok(if *was_begun { Vec::new() } else { vec![Begin] })
    }

    fn apply(&self, host: &Host, _: &Begin) -> Result<(), Fault> {
        host.run(&Program::new("systemctl").args(["start", "--no-block", "--", &self.service()])).map(drop)
    }

    fn before(&self, was_begun: &bool) -> String {
        if *was_begun { "begun\n" } else { "never begun\n" }.to_owned()
    }

    fn after(&self, _: &bool) -> String {
        "begun\n".to_owned()
    }
}
