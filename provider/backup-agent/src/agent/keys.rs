//! `keys`: the repository's keys as the configuration wants them, now and not at the next run.

use super::lock::Mode;
use super::repository::{Absent, RepositoryError, guarded};
use super::session::Session;
use crate::facts;
use crate::status::Outcome;

/// Adds the keys that are missing, then removes that of the previous password. A repository that is not made yet gets
/// its keys when it is made.
pub fn keep(session: &mut Session) -> Result<Outcome, RepositoryError> {
    session.event("started", facts! {});
    match guarded("keep the keys", || keep_in(session)) {
        Ok(()) | Err(RepositoryError::None(_)) => {
            session.event("finished", facts! {});
            Ok(Outcome::Success)
        }
        Err(error) => {
            session.event("failed", facts! { "problem": error.to_string() });
            Err(error)
        }
    }
}

fn keep_in(session: &Session) -> Result<(), RepositoryError> {
    let opened = session.open(Absent::Fail)?;
    let lock = session.vault.lock(&opened, Mode::Shared)?;
    for done in session.vault.keep_keys(&opened)? {
        session.event(done, facts! {});
    }
    drop(lock);
    Ok(())
}
