//! What the modules that prepare a node have in common: they share the subject `node` of a host.

use std::error::Error;
use std::time::{SystemTime, UNIX_EPOCH};

use host::{Host, Mode, Outcome, installed, owner};
use module::Answer;
use node::lease::{self, Lease};
use node::ownership::SUBJECT;

/// Brings something about for `owner`, who has the subject from before the first change.
pub(crate) fn present(
    host: &Host,
    owner: &str,
    mode: Mode,
    bring: impl Fn(&Host, Mode) -> Vec<Outcome>,
) -> Result<Answer, Box<dyn Error>> {
    match mode {
        Mode::Check => owner::may_claim(host, SUBJECT, owner)?,
        Mode::Apply => {
            respect_lease(host)?;
            owner::claim(host, SUBJECT, owner)?;
        }
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
    if mode == Mode::Apply {
        respect_lease(host)?;
    }
    let answer = Answer::of(remove(host, mode));
    if mode == Mode::Apply && installed::subjects(host)?.is_empty() {
        owner::release(host, SUBJECT, owner)?;
    }
    Ok(answer)
}

/// Somebody changes the cluster of this host now.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0} is changing the cluster of this host: run this again when that has ended. A run that was killed holds a cluster for a \
     minute at most"
)]
struct Leased(String);

/// Between two steps of a run, a node stays as that run left it.
fn respect_lease(host: &Host) -> Result<(), Box<dyn Error>> {
    let Some(text) = host.read_text(lease::PATH)? else { return Ok(()) };
    // One that makes no sense is nobody's.
    let Ok(lease) = serde_json::from_str::<Lease>(&text) else { return Ok(()) };
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    if lease.expires > now { Err(Leased(lease.description).into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leased_until(expires: u64) -> (tempfile::TempDir, Host) {
        let root = tempfile::tempdir().unwrap();
        let lease = Lease { holder: "chance".into(), description: "terraform on build-7".into(), expires };
        let path = root.path().join(lease::PATH.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, serde_json::to_string(&lease).unwrap()).unwrap();
        let host = Host::at(root.path());
        (root, host)
    }

    #[test]
    fn a_node_whose_cluster_is_being_changed_is_left_alone() {
        let (_root, host) = leased_until(u64::MAX);
        let bring = |_: &Host, mode: Mode| {
            assert_eq!(mode, Mode::Check, "nothing may be changed");
            Vec::new()
        };
        let refused = present(&host, "ansible", Mode::Apply, bring).unwrap_err().to_string();
        assert!(refused.starts_with("terraform on build-7 is changing the cluster"), "{refused}");
        assert!(absent(&host, "ansible", Mode::Apply, bring).is_err());
        assert_eq!(owner::owner_of(&host, SUBJECT).unwrap(), None);
        present(&host, "ansible", Mode::Check, bring).unwrap();
    }

    #[test]
    fn what_a_killed_run_held_keeps_nobody_out() {
        let (_root, host) = leased_until(1);
        respect_lease(&host).unwrap();
    }
}
