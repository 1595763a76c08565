//! Who owns a subject of this host: one owner a subject, written to `/var/lib/socle/owners/SUBJECT.json`.

use serde::{Deserialize, Serialize};

use crate::file::{self, New, Owner as FileOwner};
use crate::{Fault, Host};

/// Where the records are, one a subject: `SUBJECT.json`.
pub const FOLDER: &str = "/var/lib/socle/owners";

/// The record of an owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Who: `socle_host 7f…`, `ansible`.
    pub owner: String,
    /// How far the owner's work is.
    #[serde(default)]
    pub state: Progress,
}

/// How far the owner's work is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    /// Being made: a create that died left it, and the next one of its kind takes it over.
    Creating,
    /// Made.
    #[default]
    Complete,
}

impl Record {
    /// Whether `owner` may take its subject: it is the owner, or of the kind whose create died here.
    pub fn gives_way_to(&self, owner: &str) -> bool {
        fn kind(owner: &str) -> Option<&str> {
            owner.split_once(' ').map(|(kind, _)| kind)
        }
        let is_left_over =
            self.state == Progress::Creating && kind(owner).is_some() && kind(&self.owner) == kind(owner);
        self.owner == owner || is_left_over
    }
}

/// Why a subject could not be claimed or released.
#[derive(Debug, thiserror::Error)]
pub enum OwnerFault {
    /// Somebody else has it.
    #[error(
        "{subject} of this host belongs to {there}, so {asked} leaves it alone: let {there} go of it first, or remove \
         {FOLDER}/{subject}.json if that owner is gone for good"
    )]
    Taken {
        /// The subject.
        subject: String,
        /// Who has it.
        there: String,
        /// Who asked.
        asked: String,
    },
    /// The name cannot be a file's name.
    #[error(
        "{0:?} is not a subject: use lower case letters, digits and dashes, as in `hardening` or `backup-social-db`"
    )]
    Name(String),
    /// The record is not in our form.
    #[error("{FOLDER}/{subject}.json is damaged ({reason}): remove it if its owner is gone for good")]
    Damaged {
        /// The subject.
        subject: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The system refused.
    #[error(transparent)]
    Host(#[from] Fault),
}

fn path(subject: &str) -> Result<String, OwnerFault> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if subject.is_empty() || !subject.chars().all(fits) {
        return Err(OwnerFault::Name(subject.to_owned()));
    }
    Ok(format!("{FOLDER}/{subject}.json"))
}

/// Who owns `subject`; none when nobody does.
pub fn owner_of(host: &Host, subject: &str) -> Result<Option<String>, OwnerFault> {
    Ok(record_of(host, subject)?.map(|record| record.owner))
}

fn record_of(host: &Host, subject: &str) -> Result<Option<Record>, OwnerFault> {
    let Some(bytes) = host.read(&path(subject)?)? else { return Ok(None) };
    let damaged = |error: serde_json::Error| OwnerFault::Damaged {
        subject: subject.to_owned(),
        reason: error.to_string(),
    };
    Ok(Some(serde_json::from_slice::<Record>(&bytes).map_err(damaged)?))
}

/// All subjects that are owned, with their owners, sorted.
pub fn all(host: &Host) -> Result<Vec<(String, String)>, OwnerFault> {
    let names = host.names(FOLDER)?;
    let subjects = names.iter().filter_map(|name| name.strip_suffix(".json"));
    let owned = subjects.map(|subject| Ok(owner_of(host, subject)?.map(|owner| (subject.to_owned(), owner))));
    owned.filter_map(Result::transpose).collect()
}

/// Whether `owner` may have `subject`: nobody else has it. Changes nothing, so check mode asks this.
pub fn may_claim(host: &Host, subject: &str, owner: &str) -> Result<(), OwnerFault> {
    match record_of(host, subject)? {
        Some(there) if !there.gives_way_to(owner) => Err(OwnerFault::Taken {
            subject: subject.to_owned(),
            there: there.owner,
            asked: owner.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Makes `owner` the owner of `subject`. Done again, it changes nothing.
pub fn claim(host: &Host, subject: &str, owner: &str) -> Result<(), OwnerFault> {
    if owner_of(host, subject)?.as_deref() == Some(owner) {
        return Ok(());
    }
    claim_while(host, subject, owner, Progress::Complete)
}

/// [`claim`] for an owner that is made in steps: what a create of its kind that died left is taken over.
pub fn claim_while(host: &Host, subject: &str, owner: &str, progress: Progress) -> Result<(), OwnerFault> {
    let record = Record { owner: owner.to_owned(), state: progress };
    if record_of(host, subject)?.as_ref() == Some(&record) {
        return Ok(());
    }
    may_claim(host, subject, owner)?;
    file::records_folder(host)?;
    let text = format!("{}\n", serde_json::json!(record));
    let new = New { bytes: text.as_bytes(), mode: 0o600, owner: &FileOwner::root(), validate: None };
    Ok(file::write(host, &path(subject)?, &new)?)
}

/// Lets go of `subject`. That nobody owned it is fine; that somebody else does is a fault.
pub fn release(host: &Host, subject: &str, owner: &str) -> Result<(), OwnerFault> {
    may_claim(host, subject, owner)?;
    Ok(file::remove(host, &path(subject)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Root;

    #[test]
    fn a_second_owner_is_refused_with_the_first_ones_name() {
        let root = Root::new();
        let host = root.host();
        claim(&host, "hardening", "socle_host.a").unwrap();
        claim(&host, "hardening", "socle_host.a").unwrap();
        let refused = claim(&host, "hardening", "role hardening").unwrap_err().to_string();
        assert!(refused.contains("belongs to socle_host.a"), "{refused}");
        assert!(release(&host, "hardening", "role hardening").is_err());
        release(&host, "hardening", "socle_host.a").unwrap();
        claim(&host, "hardening", "role hardening").unwrap();
        assert_eq!(all(&host).unwrap(), [("hardening".to_owned(), "role hardening".to_owned())]);
    }

    #[test]
    fn what_a_create_that_died_left_is_taken_over_by_its_kind_alone() {
        let root = Root::new();
        let host = root.host();
        let claim_as = |owner, progress| claim_while(&host, "backup-db", owner, progress);
        claim_as("socle_backup_policy 7f", Progress::Creating).unwrap();
        assert!(claim(&host, "backup-db", "role socle.platform.backup_agent").is_err());
        claim_as("socle_backup_policy 00", Progress::Creating).unwrap();
        claim_as("socle_backup_policy 00", Progress::Complete).unwrap();
        let refused = claim_as("socle_backup_policy 7f", Progress::Creating).unwrap_err().to_string();
        assert!(refused.contains("belongs to socle_backup_policy 00"), "{refused}");
    }

    #[test]
    fn a_subject_that_would_leave_the_folder_is_refused() {
        let host = Root::new().host();
        assert!(matches!(claim(&host, "../x", "a"), Err(OwnerFault::Name(_))));
    }

    #[test]
    fn a_damaged_record_is_not_taken_for_a_free_subject() {
        let root = Root::with(&[("/var/lib/socle/owners/node.json", "{")]);
        assert!(matches!(claim(&root.host(), "node", "a"), Err(OwnerFault::Damaged { .. })));
    }
}
