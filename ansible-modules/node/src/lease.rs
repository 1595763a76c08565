//! The lease: who may change a cluster now. One file on each host, at [`PATH`].
//!
//! A run must have it from a majority of the control planes, so that of two runs one is refused. On a worker it keeps out
//! the steps of a run that lost it.

use serde::{Deserialize, Serialize};

/// Where it stands on a host.
pub const PATH: &str = "/var/lib/socle/cluster/lease.json";

/// How long it holds after it was last renewed, in seconds. Whoever works renews it three times as often, so what a
/// killed run held is free within a minute.
pub const SECONDS: u64 = 60;

/// Who may change a cluster, and how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Which run it is: chance.
    pub holder: String,
    /// Who that is, for people: `terraform on build-7`.
    pub description: String,
    /// When it ends, in seconds since 1970, by the clock of the host.
    pub expires: u64,
}

/// What becomes of a wish to change a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is the asker's, until then.
    Granted(Lease),
    /// Another has it.
    Refused(Lease),
}

/// Decides; `now` in seconds since 1970.
pub fn decide(found: Option<&Lease>, holder: &str, description: &str, now: u64) -> Decision {
    match found {
        Some(other) if other.holder != holder && other.expires > now => Decision::Refused(other.clone()),
        _ => Decision::Granted(Lease {
            holder: holder.to_owned(),
            description: description.to_owned(),
            expires: now.saturating_add(SECONDS),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(found: Option<&Lease>, holder: &str, now: u64) -> Option<Lease> {
        match decide(found, holder, "a test", now) {
            Decision::Granted(lease) => Some(lease),
            Decision::Refused(_) => None,
        }
    }

    #[test]
    fn a_live_lease_is_refused_to_others_and_renewed_for_its_holder() {
        let lease = granted(None, "first", 1000).unwrap();
        assert_eq!(lease.expires, 1060);
        assert_eq!(decide(Some(&lease), "second", "", 1059), Decision::Refused(lease.clone()));
        assert_eq!(granted(Some(&lease), "first", 1050).unwrap().expires, 1110);
    }

    #[test]
    fn what_a_killed_run_held_is_free_by_itself() {
        let lease = granted(None, "first", 1000).unwrap();
        assert_eq!(granted(Some(&lease), "second", 1060).unwrap().holder, "second");
    }
}
