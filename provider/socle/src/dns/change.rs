//! Comparing a zone with what it should be: the changes that lead from one to the other.

use std::collections::{BTreeMap, BTreeSet};

use super::glob::Ignore;
use super::{DnsName, RecordSet, RecordType, SetKey};

/// One change to one record set, as Route 53 takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A new set; Route 53 refuses it where one is there.
    Create(RecordSet),
    /// A set that is there gets this content.
    Upsert(RecordSet),
    /// A set goes. Route 53 wants exactly what it holds, so this is the set as observed.
    Delete(RecordSet),
}

impl Change {
    /// The set created, updated or deleted.
    pub const fn set(&self) -> &RecordSet {
        match self {
            Self::Create(set) | Self::Upsert(set) | Self::Delete(set) => set,
        }
    }

    /// Whether the set goes.
    pub const fn is_delete(&self) -> bool {
        matches!(self, Self::Delete(_))
    }
}

/// What happens to sets in the zone that this state does not manage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmanaged {
    /// They stay; one in the way of a wanted set is a [`Collision`].
    Keep,
    /// One with the key of a wanted set is overwritten, the others stay.
    Adopt,
}

/// The rules by which a zone is changed.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The zone's apex, whose SOA and NS are Route 53's.
    pub zone: DnsName,
    /// What happens to sets that are not managed.
    pub unmanaged: Unmanaged,
    /// Sets that are never touched, managed before or not.
    pub ignore: Ignore,
}

/// A set that is not managed stands in the way of a wanted one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collision {
    /// The set that cannot be made.
    pub wanted: SetKey,
    /// What stands in its way: a set of the same key, or one that DNS or Route 53 does not allow beside it (a CNAME
    /// beside another type, another routing policy of the same name and type).
    pub observed: RecordSet,
}

/// The changes that lead from `observed` to `wanted`, in the order of their keys.
///
/// `managed_before` are the sets that the prior state manages: they are overwritten, and deleted when no longer
/// wanted. The apex SOA and NS are never created or deleted; when wanted they are overwritten.
pub fn changes(
    managed_before: &BTreeSet<SetKey>,
    wanted: &BTreeMap<SetKey, RecordSet>,
    observed: &BTreeMap<SetKey, RecordSet>,
    policy: &Policy,
) -> Result<Vec<Change>, Vec<Collision>> {
    let comparison = Comparison { managed_before, wanted, observed, policy };
    let collisions: Vec<_> = wanted.values().filter_map(|set| comparison.collision(set)).collect();
    if !collisions.is_empty() {
        return Err(collisions);
    }
    let mut changes = comparison.deletions();
    changes.extend(wanted.values().flat_map(|set| comparison.reach(set)));
    changes.sort_by(|a, b| a.set().key.cmp(&b.set().key));
    Ok(changes)
}

/// Whether two sets can be in one zone: a CNAME stands alone, and all sets of one name and type have one routing
/// policy.
pub fn can_coexist(one: &RecordSet, other: &RecordSet) -> bool {
    if one.key.name != other.key.name {
        return true;
    }
    if one.key.record_type == other.key.record_type {
        return one.key != other.key && one.routing.is_some() && policy_of(one) == policy_of(other);
    }
    ![one, other].iter().any(|set| set.key.record_type == RecordType::Cname)
}

fn policy_of(set: &RecordSet) -> Option<&'static str> {
    set.routing.as_ref().map(super::Routing::policy)
}

/// Whether a set is the SOA or NS of the zone itself, which Route 53 makes and keeps.
pub fn is_route53s(key: &SetKey, zone: &DnsName) -> bool {
    matches!(key.record_type, RecordType::Soa | RecordType::Ns) && key.name == *zone
}

struct Comparison<'a> {
    managed_before: &'a BTreeSet<SetKey>,
    wanted: &'a BTreeMap<SetKey, RecordSet>,
    observed: &'a BTreeMap<SetKey, RecordSet>,
    policy: &'a Policy,
}

impl Comparison<'_> {
    /// What makes a wanted set from what is there.
    fn reach(&self, set: &RecordSet) -> Vec<Change> {
        match self.observed.get(&set.key) {
            Some(current) if current == set => vec![],
            // A set does not change its routing policy: Route 53 checks it against the others of its name.
            Some(current) if policy_of(current) != policy_of(set) => {
                vec![Change::Delete(current.clone()), Change::Create(set.clone())]
            }
            None if !self.is_route53s(&set.key) => vec![Change::Create(set.clone())],
            _ => vec![Change::Upsert(set.clone())],
        }
    }

    fn deletions(&self) -> Vec<Change> {
        let unwanted = self.observed.values().filter(|set| !self.wanted.contains_key(&set.key));
        unwanted.filter(|set| self.is_ours_to_delete(&set.key)).cloned().map(Change::Delete).collect()
    }

    fn is_ours_to_delete(&self, key: &SetKey) -> bool {
        let is_managed = self.managed_before.contains(key);
        is_managed && !self.is_route53s(key) && !self.policy.ignore.matches(&key.name)
    }

    fn is_route53s(&self, key: &SetKey) -> bool {
        is_route53s(key, &self.policy.zone)
    }

    /// What stands in the way of a wanted set.
    fn collision(&self, set: &RecordSet) -> Option<Collision> {
        let observed = self.same_key(set).or_else(|| self.obstacle(set))?;
        Some(Collision { wanted: set.key.clone(), observed: observed.clone() })
    }

    /// A set of the wanted one's key that has other content and may not be overwritten.
    fn same_key(&self, set: &RecordSet) -> Option<&RecordSet> {
        let owned = self.managed_before.contains(&set.key)
            || self.is_route53s(&set.key)
            || self.policy.unmanaged == Unmanaged::Adopt;
        self.observed.get(&set.key).filter(|current| !owned && *current != set)
    }

    /// A set of another key that stays and cannot be beside the wanted one.
    fn obstacle(&self, set: &RecordSet) -> Option<&RecordSet> {
        let first = SetKey { name: set.key.name.clone(), record_type: RecordType::A, set_identifier: None };
        let of_the_name = self.observed.range(first..).map(|(_, current)| current);
        of_the_name.take_while(|current| current.key.name == set.key.name).find(|current| {
            let stays = !self.wanted.contains_key(&current.key) && !self.is_ours_to_delete(&current.key);
            stays && !can_coexist(set, current)
        })
    }
}

#[cfg(test)]
mod tests;
