//! Packing changes into few atomic requests, as full as Route 53's limits allow (first fit, the largest first).

mod order;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::iter::Sum;
use std::ops::Add;

use super::change::Change;
use super::{Content, DnsName};

/// The limits of one request (Amazon Route 53 API, `ChangeResourceRecordSets`).
pub const LIMITS: Cost = Cost { elements: 1_000, characters: 32_000 };

/// What changes count for towards the limits of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// `ResourceRecord` elements: one a value, one an alias; twice that for an UPSERT.
    pub elements: usize,
    /// Characters of all values as Route 53 takes them; twice that for an UPSERT.
    pub characters: usize,
}

/// Changes that Route 53 makes together or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Deletions first, then what is created and updated; aliases stand on the safe side of their targets.
    pub changes: Vec<Change>,
    /// What the changes count for.
    pub cost: Cost,
}

/// Changes that must go together and do not fit one request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the changes to {} must go in one request, but count for {} elements (at most {}) and {} characters (at most \
     {}); an update counts twice: change the name in two steps, or give it fewer or shorter values",
    .names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    .cost.elements, LIMITS.elements, .cost.characters, LIMITS.characters
)]
pub struct TooLarge {
    /// The names whose changes go together.
    pub names: Vec<DnsName>,
    /// What the changes count for.
    pub cost: Cost,
}

impl Cost {
    /// What one change counts for.
    pub fn of(change: &Change) -> Self {
        let set = match &change.set().content {
            Content::Alias(_) => Self { elements: 1, characters: 0 },
            Content::Values { values, .. } => Self {
                elements: values.len(),
                characters: values.iter().map(|value| value.to_string().len()).sum(),
            },
        };
        match change {
            Change::Upsert(_) => set + set,
            Change::Create(_) | Change::Delete(_) => set,
        }
    }

    const fn fits(self, limits: Self) -> bool {
        self.elements <= limits.elements && self.characters <= limits.characters
    }

    /// The share of a request that is taken, by the scarcer of the two.
    fn share(self) -> usize {
        (self.elements * LIMITS.characters).max(self.characters * LIMITS.elements)
    }
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { elements: self.elements + other.elements, characters: self.characters + other.characters }
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::default(), Add::add)
    }
}

/// Packs the changes into batches, to be sent in their order.
///
/// The changes of a name of which something is deleted and something made travel together, so nobody sees the name
/// missing. An alias is made no sooner than its target in the zone, and deleted no later. `cost` is what each change counts
/// for: [`Cost::of`], or more where a deletion must repeat a longer spelling.
pub fn batches(changes: Vec<Change>, cost: impl Fn(&Change) -> Cost) -> Result<Vec<Batch>, TooLarge> {
    let changes = order::by_depth(changes);
    let costs: Vec<Cost> = changes.iter().map(cost).collect();
    let groups = order::untangled(groups(&changes), &changes);
    let sizes: Vec<Cost> = groups.iter().map(|group| group.iter().map(|at| costs[*at]).sum()).collect();
    if let Some(large) = sizes.iter().position(|size| !size.fits(LIMITS)) {
        return Err(TooLarge { names: names(&groups[large], &changes), cost: sizes[large] });
    }
    let batch_of = pack(&sizes, &order::after(&groups, &changes));
    Ok(fill(changes, &groups, &costs, &batch_of))
}

/// The places of the changes that travel together.
type Group = Vec<usize>;

/// One group for a name of which something goes and something comes, one for every other change.
fn groups(changes: &[Change]) -> Vec<Group> {
    let mut by_name: BTreeMap<&DnsName, Group> = BTreeMap::new();
    for (at, change) in changes.iter().enumerate() {
        by_name.entry(&change.set().key.name).or_default().push(at);
    }
    let mut groups = Vec::new();
    for group in by_name.into_values() {
        let deletions = group.iter().filter(|at| changes[**at].is_delete()).count();
        if deletions == 0 || deletions == group.len() {
            groups.extend(group.into_iter().map(|at| vec![at]));
        } else {
            groups.push(group);
        }
    }
    groups
}

/// The batch of each group: the largest first, into the first batch with room that is not before one that the group
/// comes after.
fn pack(sizes: &[Cost], after: &[Vec<usize>]) -> Vec<usize> {
    let depths = order::depths(after);
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|group| (depths[*group], Reverse(sizes[*group].share())));
    let mut batches: Vec<Cost> = Vec::new();
    let mut batch_of = vec![0; sizes.len()];
    for group in order {
        let earliest = after[group].iter().map(|before| batch_of[*before]).max().unwrap_or(0);
        let room = (earliest..batches.len()).find(|batch| (batches[*batch] + sizes[group]).fits(LIMITS));
        let batch = room.unwrap_or(batches.len());
        batches.resize(batches.len().max(batch + 1), Cost::default());
        batches[batch] = batches[batch] + sizes[group];
        batch_of[group] = batch;
    }
    batch_of
}

/// Puts the changes into their batches, in their order, deletions first.
fn fill(changes: Vec<Change>, groups: &[Group], costs: &[Cost], batch_of: &[usize]) -> Vec<Batch> {
    let count = batch_of.iter().max().map_or(0, |last| last + 1);
    let mut batches = vec![Batch { changes: Vec::new(), cost: Cost::default() }; count];
    let mut batch_of_change = vec![0; changes.len()];
    for (group, batch) in groups.iter().zip(batch_of) {
        for at in group {
            batch_of_change[*at] = *batch;
        }
    }
    for (at, change) in changes.into_iter().enumerate() {
        let batch = &mut batches[batch_of_change[at]];
        batch.cost = batch.cost + costs[at];
        batch.changes.push(change);
    }
    batches
}

fn names(group: &[usize], changes: &[Change]) -> Vec<DnsName> {
    let mut names: Vec<_> = group.iter().map(|at| changes[*at].set().key.name.clone()).collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests;
