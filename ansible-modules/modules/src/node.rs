//! What the modules that prepare a node have in common: they share the subject `node` of a host.

use std::error::Error;

use host::{Host, Mode, Outcome, installed, owner};
use module::Answer;

/// The subject.
const SUBJECT: &str = "node";

/// Brings something about for `owner`, who has the subject from before the first change.
pub(crate) fn present(
    host: &Host,
    owner: &str,
    mode: Mode,
    bring: impl Fn(&Host, Mode) -> Vec<Outcome>,
) -> Result<Answer, Box<dyn Error>> {
    match mode {
        Mode::Check => owner::may_claim(host, SUBJECT, owner)?,
        Mode::Apply => owner::claim(host, SUBJECT, owner)?,
    }
    Ok(Answer::of(bring(host, mode)))
}

/// Takes something away for `owner`, who lets go of the subject with the last of it.
pub(crate) fn absent(
    host: &Host,
    owner: &str,
    mode: Mode,
    remove: impl Fn(&Host, Mode) -> Vec<Outcome>,
) -> Result<Answer, Box<dyn Error>> {
    owner::may_claim(host, SUBJECT, owner)?;
    let answer = Answer::of(remove(host, mode));
    if mode == Mode::Apply && installed::subjects(host)?.is_empty() {
        owner::release(host, SUBJECT, owner)?;
    }
    Ok(answer)
}
