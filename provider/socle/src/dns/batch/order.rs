//! What must not come before what: aliases and their targets in the same zone.

use std::collections::HashMap;

use super::super::change::Change;
use super::super::{Content, DnsName, RecordType};
use super::Group;

/// A place that depends on something that depends on it has no depth.
const NO_DEPTH: usize = usize::MAX;

/// Deletions first; among them aliases before their targets, among the others targets before their aliases.
pub(super) fn by_depth(changes: Vec<Change>) -> Vec<Change> {
    let depths = depths(&targets(&changes));
    let mut changes: Vec<_> = changes.into_iter().zip(depths).collect();
    changes.sort_by_key(|(change, depth)| (!change.is_delete(), *depth));
    changes.into_iter().map(|(change, _)| change).collect()
}

/// For each change the places of those that must not come after it.
fn targets(changes: &[Change]) -> Vec<Vec<usize>> {
    let mut places: HashMap<(&DnsName, RecordType, bool), Vec<usize>> = HashMap::new();
    for (at, change) in changes.iter().enumerate() {
        let key = &change.set().key;
        places.entry((&key.name, key.record_type, change.is_delete())).or_default().push(at);
    }
    let mut after = vec![Vec::new(); changes.len()];
    for (alias, change) in changes.iter().enumerate() {
        let Content::Alias(target) = &change.set().content else { continue };
        let key = (&target.name, change.set().key.record_type, change.is_delete());
        for &target in places.get(&key).into_iter().flatten() {
            let (first, second) = if change.is_delete() { (alias, target) } else { (target, alias) };
            after[second].push(first);
        }
    }
    after
}

/// For each group the groups that must not come after it.
pub(super) fn after(groups: &[Group], changes: &[Change]) -> Vec<Vec<usize>> {
    let mut group_of = vec![0; changes.len()];
    for (group, places) in groups.iter().enumerate() {
        for at in places {
            group_of[*at] = group;
        }
    }
    let mut after = vec![Vec::new(); groups.len()];
    for (second, targets) in targets(changes).into_iter().enumerate() {
        let others = targets.into_iter().map(|first| group_of[first]);
        after[group_of[second]].extend(others.filter(|first| *first != group_of[second]));
    }
    after
}

/// The groups, with those that must each not come after the other made one.
pub(super) fn untangled(groups: Vec<Group>, changes: &[Change]) -> Vec<Group> {
    let after = after(&groups, changes);
    let forward = depths(&after);
    let backward = depths(&reversed(&after));
    let is_tangled = |group: usize| forward[group] == NO_DEPTH && backward[group] == NO_DEPTH;
    let (tangled, mut free): (Vec<_>, Vec<_>) =
        groups.into_iter().enumerate().partition(|(group, _)| is_tangled(*group));
    if !tangled.is_empty() {
        free.push((0, tangled.into_iter().flat_map(|(_, places)| places).collect()));
    }
    free.into_iter().map(|(_, places)| places).collect()
}

fn reversed(after: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut before = vec![Vec::new(); after.len()];
    for (second, firsts) in after.iter().enumerate() {
        for first in firsts {
            before[*first].push(second);
        }
    }
    before
}

/// How many others stand in a row before each; those in a circle, and after one, have [`NO_DEPTH`].
pub(super) fn depths(after: &[Vec<usize>]) -> Vec<usize> {
    let before = reversed(after);
    let mut waiting: Vec<usize> = after.iter().map(Vec::len).collect();
    let mut depths = vec![NO_DEPTH; after.len()];
    let mut ready: Vec<usize> = (0..after.len()).filter(|at| waiting[*at] == 0).collect();
    while let Some(at) = ready.pop() {
        depths[at] = after[at].iter().map(|first| depths[*first] + 1).max().unwrap_or(0);
        for &second in &before[at] {
            waiting[second] -= 1;
            if waiting[second] == 0 {
                ready.push(second);
            }
        }
    }
    depths
}
