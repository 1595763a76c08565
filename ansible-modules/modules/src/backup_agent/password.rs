//! The repository's password, and its change: the new key is added before the old one goes.
//!
//! Beside the password stands the one before it, as a secret of its own; both are the same but while a change is under way.
//! So whatever is killed in between, the next command of the agent, also one that the timer starts, still opens the
//! repository and finishes the change.

use std::fmt::{self, Display};

use host::file::{Change as FileChange, Observed as Seen};
use host::secret::{Change as SecretChange, Secret};
use host::{Fault, Host, Item, Program};

use super::policy::{configuration_path, secret_path, secrets, secrets_folder};

/// The password of a policy; where it is not given, what is there stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Password {
    policy: String,
    agent: String,
    given: Option<String>,
}

/// The password and the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Observed {
    current: Seen,
    previous: Seen,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// Write the password, or set its file's mode or owner.
    Write(SecretChange),
    /// Let the agent add the key of the password, then remove that of the one before.
    Settle,
    /// The one before is the password again: the change is over.
    Conclude,
}

impl Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Write(change) => change.fmt(f),
            Change::Settle => f.write_str("add the new key to the repository, then remove the old one"),
            Change::Conclude => f.write_str("keep the password as the one before, too"),
        }
    }
}

/// The agent's command that brings the repository's keys in line with its configuration.
pub(super) fn keep_keys(policy: &str, agent: &str) -> Program {
    // The folder's files are named as the credentials of the units are.
    let program = Program::new(agent).variable("CREDENTIALS_DIRECTORY", &secrets_folder(policy));
    program.args(["--config", &configuration_path(policy), "keys"])
}

impl Password {
    /// The password of the policy.
    pub(super) fn new(policy: &str, agent: &str, given: Option<&str>) -> Password {
        Password { policy: policy.to_owned(), agent: agent.to_owned(), given: given.map(str::to_owned) }
    }

    fn current(&self) -> Secret {
        Secret::new(secret_path(&self.policy, secrets::PASSWORD), self.given.as_deref())
    }

    fn previous_path(&self) -> String {
        secret_path(&self.policy, secrets::PREVIOUS)
    }
}

fn content(seen: &Seen) -> Option<&[u8]> {
    match seen {
        Seen::Regular { content, .. } => Some(content),
        _ => None,
    }
}

impl Item for Password {
    type Observed = Observed;
    type Change = Change;

    fn id(&self) -> String {
        self.current().id()
    }

    fn observe(&self, host: &Host) -> Result<Observed, Fault> {
        let previous = host::file::look(host, &self.previous_path())?;
        Ok(Observed { current: self.current().observe(host)?, previous })
    }

    fn compare(&self, observed: &Observed) -> Result<Vec<Change>, Fault> {
        let writes = self.current().compare(&observed.current)?;
        let is_new = writes.contains(&SecretChange::File(FileChange::Write));
        let writes = writes.into_iter().map(Change::Write);
        let Some(current) = content(&observed.current) else {
            // The first one: there is no repository of ours yet, or the password is the one that it has.
            return Ok(writes.chain([Change::Conclude]).collect());
        };
        // A change that was begun comes to its end before the next one begins.
        let is_unfinished = content(&observed.previous).is_some_and(|previous| previous != current);
        let finish = is_unfinished.then_some(Change::Settle);
        let conclude = (content(&observed.previous) != Some(current)).then_some(Change::Conclude);
        let change = is_new.then_some([Change::Settle, Change::Conclude]);
        Ok(finish.into_iter().chain(conclude).chain(writes).chain(change.into_iter().flatten()).collect())
    }

    fn apply(&self, host: &Host, change: &Change) -> Result<(), Fault> {
        match change {
            Change::Write(change) => self.current().apply(host, change),
            Change::Settle => host.run(&keep_keys(&self.policy, &self.agent)).map(drop),
            Change::Conclude => {
                let current = host.read_text(&secret_path(&self.policy, secrets::PASSWORD))?;
                let secret = Secret::new(self.previous_path(), current.as_deref());
                secret.bring(host, host::Mode::Apply).fault()
            }
        }
    }

    fn before(&self, observed: &Observed) -> String {
        self.current().before(&observed.current)
    }

    fn after(&self, observed: &Observed) -> String {
        self.current().after(&observed.current)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(content: &str) -> Seen {
        let content = content.as_bytes().to_vec();
        Seen::Regular { content, mode: 0o600, owner: host::file::Owner::root() }
    }

    fn changes(given: Option<&str>, current: Seen, previous: Seen) -> Vec<String> {
        let password = Password::new("db", "/agent", given);
        let changes = password.compare(&Observed { current, previous }).unwrap();
        changes.iter().map(|change| format!("{change:?}").split('(').next().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_first_password_is_written_and_nothing_is_asked_of_the_repository() {
        assert_eq!(changes(Some("a"), Seen::Missing, Seen::Missing), ["Write", "Conclude"]);
    }

    #[test]
    fn another_password_gets_its_key_before_the_old_one_is_forgotten() {
        assert_eq!(changes(Some("b"), seen("a"), seen("a")), ["Write", "Settle", "Conclude"]);
    }

    #[test]
    fn a_change_that_was_killed_is_finished_before_the_next_one_begins() {
        assert_eq!(changes(Some("b"), seen("b"), seen("a")), ["Settle", "Conclude"]);
        assert_eq!(changes(None, seen("b"), seen("a")), ["Settle", "Conclude"]);
        assert_eq!(
            changes(Some("c"), seen("b"), seen("a")),
            ["Settle", "Conclude", "Write", "Settle", "Conclude"]
        );
    }

    #[test]
    fn a_password_that_is_as_wanted_is_left_alone() {
        assert_eq!(changes(Some("a"), seen("a"), seen("a")), [""; 0]);
        assert_eq!(changes(None, seen("a"), seen("a")), [""; 0]);
        assert_eq!(changes(None, Seen::Missing, Seen::Missing), ["Write", "Conclude"], "and asks for it");
    }
}
