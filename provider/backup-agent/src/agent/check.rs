//! `check`: whether the repository is whole.

use jiff::Timestamp;
use rustic_core::{CheckOptions, Open, ReadSubsetOption, Repository};

use super::journal::JournalError;
use super::lock::Mode;
use super::repository::{Absent, RepositoryError, Vault, format_error, guarded};
use super::session::Session;
use crate::facts;
use crate::status::{Check, Outcome};

/// So many findings are told.
const TOLD: usize = 20;

/// Why a check did not take place.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The repository cannot be used.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// The records cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Checks the structure, and so many percent of the data; records what was found.
pub fn check(session: &mut Session, read_data_percent: u8) -> Result<Outcome, CheckError> {
    session.event("started", facts! { "read_data_percent": read_data_percent });
    let examined = guarded("check the repository", || open_and_examine(session, read_data_percent));
    let problems = match &examined {
        Ok(problems) => problems.clone(),
        // A repository that cannot be opened is not whole; one that cannot be reached may well be.
        Err(error) if is_damage(error) && session.vault.objects.out_of_reach().is_none() => {
            vec![error.to_string()]
        }
        Err(error) => {
            session.event("failed", facts! { "problem": error.to_string() });
            return examined.map(|_| Outcome::Failure).map_err(CheckError::from);
        }
    };
    let found = record(session, read_data_percent, problems)?;
    examined?;
    Ok(found)
}

/// What is wrong with the repository: nothing, or sentences.
pub fn examine<S: Open>(
    vault: &Vault,
    repository: &Repository<S>,
    read_data_percent: u8,
) -> Result<Vec<String>, RepositoryError> {
    let subset = match read_data_percent {
        100.. => ReadSubsetOption::All,
        percent => ReadSubsetOption::Percentage(f64::from(percent)),
    };
    let options = CheckOptions::default().read_data(read_data_percent > 0).read_data_subset(subset);
    let found = repository.check(options).map_err(format_error("check the repository"))?;
    if found.is_ok().is_ok() {
        return Ok(Vec::new());
    }
    // `rustic_core` tells a pack that cannot be reached as it tells one that is damaged.
    vault.objects.out_of_reach().map_or(Ok(()), Err)?;
    let errors: Vec<_> = found
        .0
        .iter()
        // The level's type has no public name.
        .filter(|(level, _)| format!("{level:?}") == "Error")
        .map(|(_, error)| error.to_string())
        .collect();
    let more = errors.len().saturating_sub(TOLD);
    let rest = (more > 0).then(|| format!("and {more} more"));
    Ok(errors.into_iter().take(TOLD).chain(rest).collect())
}

/// Writes down what was found; while it is not nothing, nothing is forgotten.
pub fn record(
    session: &mut Session,
    read_data_percent: u8,
    problems: Vec<String>,
) -> Result<Outcome, JournalError> {
    let outcome = if problems.is_empty() { Outcome::Success } else { Outcome::Failure };
    session.event("checked", facts! { "ok": problems.is_empty(), "problems": problems });
    let check = Check { at: Timestamp::now(), ok: problems.is_empty(), read_data_percent, problems };
    session.journal.update(|status| status.last_check = Some(check))?;
    Ok(outcome)
}

fn open_and_examine(session: &Session, percent: u8) -> Result<Vec<String>, RepositoryError> {
    let opened = session.open(Absent::Fail)?;
    let lock = session.vault.lock(&opened, Mode::Shared)?;
    let problems = examine(&session.vault, &opened, percent);
    drop(lock);
    session.stop.check().map_err(super::lock::LockError::from)?;
    problems
}

fn is_damage(error: &RepositoryError) -> bool {
    matches!(
        error,
        RepositoryError::Gone { .. }
            | RepositoryError::Headless(_)
            | RepositoryError::Another { .. }
            | RepositoryError::Format { .. }
    )
}
