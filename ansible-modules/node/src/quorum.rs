//! etcd's majority, before and after a change of membership.

use crate::observation::EtcdMember;

/// Why a change of membership must not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Quorum {
    /// It is lost already, so etcd takes no change.
    #[error("only {healthy} of {voters} etcd members answer, and {needed} must")]
    Lost {
        /// Voting members that answer.
        healthy: usize,
        /// Voting members.
        voters: usize,
        /// The majority.
        needed: usize,
    },
    /// It would be lost.
    #[error("{healthy} of {voters} etcd members would answer afterwards, and {needed} must")]
    WouldBeLost {
        /// Voting members that would answer.
        healthy: usize,
        /// Voting members that there would be.
        voters: usize,
        /// The majority.
        needed: usize,
    },
}

/// The least number that is more than half.
pub const fn majority(voters: usize) -> usize {
    voters / 2 + 1
}

/// May a member be added, one that will be healthy?
///
/// # Errors
/// When etcd could not agree to it, or could not agree to anything afterwards.
pub fn may_add(members: &[EtcdMember]) -> Result<(), Quorum> {
    let (healthy, voters) = now(members)?;
    afterwards(healthy + 1, voters + 1)
}

/// May this member be removed?
///
/// # Errors
/// As for [`may_add`].
pub fn may_remove(members: &[EtcdMember], id: u64) -> Result<(), Quorum> {
    let (healthy, voters) = now(members)?;
    match members.iter().find(|member| member.id == id && member.votes) {
        None => Ok(()),
        Some(member) => afterwards(healthy - usize::from(member.healthy), voters - 1),
    }
}

/// May one healthy member be away for a while, as for a restart?
///
/// # Errors
/// When the others alone are no majority. A cluster of one has none to lose.
pub fn may_pause(members: &[EtcdMember]) -> Result<(), Quorum> {
    let (healthy, voters) = now(members)?;
    if voters <= 2 { Ok(()) } else { judge(healthy - 1, voters) }
}

fn now(members: &[EtcdMember]) -> Result<(usize, usize), Quorum> {
    let voters = members.iter().filter(|member| member.votes).count();
    let healthy = members.iter().filter(|member| member.votes && member.healthy).count();
    let needed = majority(voters);
    if healthy >= needed { Ok((healthy, voters)) } else { Err(Quorum::Lost { healthy, voters, needed }) }
}

fn afterwards(healthy: usize, voters: usize) -> Result<(), Quorum> {
    judge(healthy, voters)
}

fn judge(healthy: usize, voters: usize) -> Result<(), Quorum> {
    let needed = majority(voters);
    if healthy >= needed { Ok(()) } else { Err(Quorum::WouldBeLost { healthy, voters, needed }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(healthy: usize, voters: usize) -> Vec<EtcdMember> {
        let member = |number: usize| EtcdMember {
            id: number as u64,
            name: format!("cp-{number}"),
            peer: String::new(),
            started: true,
            votes: true,
            healthy: number < healthy,
        };
        (0..voters).map(member).collect()
    }

    #[test]
    fn a_dead_member_of_three_may_go_and_a_living_one_beside_it_may_not() {
        let members = members(2, 3);
        assert_eq!(may_remove(&members, 2), Ok(()));
        assert_eq!(may_remove(&members, 0), Err(Quorum::WouldBeLost { healthy: 1, voters: 2, needed: 2 }));
    }

    #[test]
    fn without_a_majority_nothing_may_change() {
        let lost = Quorum::Lost { healthy: 1, voters: 3, needed: 2 };
        assert_eq!(may_remove(&members(1, 3), 2), Err(lost));
        assert_eq!(may_add(&members(1, 3)), Err(lost));
    }

    #[test]
    fn adding_while_one_of_three_is_down_keeps_a_majority() {
        assert_eq!(may_add(&members(2, 3)), Ok(()));
        assert_eq!(may_add(&members(1, 1)), Ok(()));
    }

    #[test]
    fn the_last_member_never_goes() {
        assert_eq!(
            may_remove(&members(1, 1), 0),
            Err(Quorum::WouldBeLost { healthy: 0, voters: 0, needed: 1 })
        );
    }

    #[test]
    fn a_member_is_restarted_only_while_the_others_are_a_majority() {
        assert_eq!(may_pause(&members(3, 3)), Ok(()));
        assert!(may_pause(&members(2, 3)).is_err());
        assert_eq!(may_pause(&members(1, 1)), Ok(()));
    }
}
