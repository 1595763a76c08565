//! Who owns a subject on a host: a record each in `/var/lib/socle/owners`, so that two resources, or a resource and a
//! role, never fight over the same settings.

pub(super) use host::owner::Progress;
use host::owner::{FOLDER, Record};
use node::journal::PATH as JOURNAL;

use super::readers::FORGET;
use crate::clients::retry::Budget;
use crate::clients::ssh::{Command, Host, LIBEXEC, Ssh, SshError};

/// What is owned on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// The settings that the hardening makes.
    Hardening,
    /// The base rules of the firewall.
    Firewall,
}

impl Subject {
    pub(super) const ALL: [Self; 2] = [Self::Hardening, Self::Firewall];

    const fn name(self) -> &'static str {
        match self {
            Self::Hardening => "hardening",
            Self::Firewall => "firewall",
        }
    }
}

/// By what the host knows a resource: the modules compare the same text.
pub(super) fn name_of(id: &str) -> String {
    format!("{KIND} {id}")
}

const KIND: &str = "socle_host";

/// Prints `SUBJECT JSON` for each record.
const READ: &str = "cd /var/lib/socle/owners 2>/dev/null || exit 0; for f in *.json; do [ -e \"$f\" ] || continue; \
                    printf '%s ' \"${f%.json}\"; tr -d '\\n' <\"$f\"; echo; done";

/// The owner of a subject that another may not take, in words; none when it is free, ours, or left over from a create.
fn rival(records: &str, subject: Subject, id: &str) -> Option<String> {
    let of_subject = |line: &&str| line.split(' ').next() == Some(subject.name());
    let (_, text) = records.lines().find(of_subject)?.split_once(' ')?;
    let Ok(record) = serde_json::from_str::<Record>(text) else {
        return Some("an unreadable record".to_owned());
    };
    (!record.gives_way_to(&name_of(id))).then_some(record.owner)
}

/// Takes subjects, or says who has them.
///
/// # Errors
/// The host's answer, or the subject with the name of its owner.
pub(super) async fn claim(
    ssh: &Ssh,
    host: &Host,
    subjects: &[Subject],
    id: &str,
    progress: Progress,
    budget: &Budget,
) -> Result<(), ClaimError> {
    let found =
        ssh.run_as_root(host, Command { step: "read the owners", line: READ, stdin: b"" }, budget).await?;
    let found = String::from_utf8_lossy(&found.stdout).into_owned();
    for &subject in subjects {
        if let Some(owner) = rival(&found, subject, id) {
            return Err(ClaimError::Taken { host: host.to_string(), subject: subject.name(), owner });
        }
    }
    let record = Record { owner: name_of(id), state: progress };
    // Two texts always have a text.
    let record = serde_json::to_string(&record).unwrap_or_default();
    let names: Vec<_> = subjects.iter().map(|subject| subject.name()).collect();
    let line = format!(
        "set -eu; umask 077; mkdir -p {FOLDER}; cd {FOLDER}; r=$(cat); for s in {}; do \
         printf '%s\\n' \"$r\" >\".$s.new\"; mv -f \".$s.new\" \"$s.json\"; done",
        names.join(" ")
    );
    let step = "write down the owner";
    ssh.run_as_root(host, Command { step, line: &line, stdin: record.as_bytes() }, budget).await?;
    Ok(())
}

/// Gives subjects back, when they are ours.
///
/// # Errors
/// The host's answer.
pub(super) async fn release(
    ssh: &Ssh,
    host: &Host,
    subjects: &[Subject],
    id: &str,
    budget: &Budget,
) -> Result<(), SshError> {
    let names: Vec<_> = subjects.iter().map(|subject| subject.name()).collect();
    let line = format!(
        "set -eu; i=$(cat); cd {FOLDER} 2>/dev/null || exit 0; for s in {}; do \
         ! grep -qsF -- \"$i\" \"$s.json\" || rm -f \"$s.json\"; done",
        names.join(" ")
    );
    let name = name_of(id);
    let command = Command { step: "give up the host", line: &line, stdin: name.as_bytes() };
    ssh.run_as_root(host, command, budget).await.map(drop)
}

/// Takes our programs and records off a host on which nobody owns anything any more, and which is no node of a cluster.
///
/// # Errors
/// The host's answer.
pub(crate) async fn leave(ssh: &Ssh, host: &Host, budget: &Budget) -> Result<(), SshError> {
    // A host with a journal is a node, whose timer runs one of our programs. What keeps the firewall over a restart, and
    // originals of files that were replaced, stay with the settings.
    let line = format!(
        "set -eu; [ -z \"$(ls -A {FOLDER} 2>/dev/null)\" ] || exit 0; \
         [ ! -e {JOURNAL} ] || exit 0; rm -rf {LIBEXEC}; {FORGET}; \
         rmdir {FOLDER} /var/lib/socle/pending /var/lib/socle/backup /var/lib/socle-drill /etc/socle/backup /etc/socle \
         2>/dev/null || :; rmdir /var/lib/socle 2>/dev/null || :"
    );
    ssh.run_as_root(host, Command { step: "leave the host", line: &line, stdin: b"" }, budget).await.map(drop)
}

/// Why a subject was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClaimError {
    /// The host could not be asked.
    #[error(transparent)]
    Ssh(#[from] SshError),
    /// It has another owner.
    #[error(
        "the {subject} of {host} belongs to {owner}. One owner a subject: remove the block here or there. When that \
         owner is gone for good, delete /var/lib/socle/owners/{subject}.json on the host."
    )]
    Taken {
        /// The host.
        host: String,
        /// The subject.
        subject: &'static str,
        /// Who has it.
        owner: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_subject_or_our_own_has_no_rival() {
        assert_eq!(rival("", Subject::Hardening, "7f"), None);
        let ours = r#"hardening {"owner":"socle_host 7f","state":"complete"}"#;
        assert_eq!(rival(ours, Subject::Hardening, "7f"), None);
        assert_eq!(rival(ours, Subject::Firewall, "00"), None);
    }

    #[test]
    fn what_a_dead_create_left_is_taken_over() {
        let left = r#"hardening {"owner":"socle_host 7f","state":"creating"}"#;
        assert_eq!(rival(left, Subject::Hardening, "00"), None);
    }

    #[test]
    fn another_owner_is_named() {
        let other = r#"hardening {"owner":"socle_host 7f","state":"complete"}"#;
        assert_eq!(rival(other, Subject::Hardening, "00").as_deref(), Some("socle_host 7f"));
        let role = r#"hardening {"owner":"role socle.platform.hardening"}"#;
        assert_eq!(rival(role, Subject::Hardening, "00").as_deref(), Some("role socle.platform.hardening"));
        assert!(rival("hardening garbage", Subject::Hardening, "00").is_some());
    }
}
