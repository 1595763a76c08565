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
    let Some(bytes) = host.read(&path(subject)?)? else { return Ok(None) };
    let damaged = |error: serde_json::Error| OwnerFault::Damaged {
        subject: subject.to_owned(),
        reason: error.to_string(),
    };
    Ok(Some(serde_json::from_slice::<Record>(&bytes).map_err(damaged)?.owner))
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
    match owner_of(host, subject)? {
        Some(there) if there != owner => {
            Err(OwnerFault::Taken { subject: subject.to_owned(), there, asked: owner.to_owned() })
        }
        _ => Ok(()),
    }
}

/// Makes `owner` the owner of `subject`. Done again, it changes nothing.
pub fn claim(host: &Host, subject: &str, owner: &str) -> Result<(), OwnerFault> {
    may_claim(host, subject, owner)?;
    if owner_of(host, subject)?.is_some() {
        return Ok(());
    }
    file::records_folder(host)?;
    let text =
        format!("{}\n", serde_json::json!(Record { owner: owner.to_owned(), state: Progress::Complete }));
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
