//! What the schema alone says of a plan: defaults, unknowns, kept values, and replacement.

use std::collections::BTreeMap;

use crate::cty::Raw;
use crate::path::{Path, Step};
use crate::schema::{Attribute, Kind, Nesting, Object, Replace};

/// A plan as the schema makes it, before the resource's own `plan`.
///
/// `config`, `prior` and `proposed` are objects of this schema; `prior` is null for a new one. `proposed` is
/// Terraform's own merge of the two.
pub(crate) fn modify(object: &Object, config: &Raw, prior: &Raw, proposed: &Raw) -> Raw {
    let planned = fill(object, config, proposed);
    if planned == *prior {
        return planned;
    }
    keep(object, prior, &forget(object, config, &planned))
}

/// The attributes whose change needs a new object, sorted, each once: those that the schema names, and those that the
/// resource `asked` for.
pub(crate) fn replacements(object: &Object, prior: &Raw, planned: &Raw, asked: Vec<Path>) -> Vec<Path> {
    let mut found = asked;
    // An unknown value may turn out to be the old one; replacing for it would be needless.
    found.retain(|path| !at(planned, path).is_unknown());
    if !prior.is_null() {
        collect_replacements(object, prior, planned, &Path::root(), &mut found);
    }
    found.sort();
    found.dedup();
    found
}

/// What stands there; unknown below what is unknown.
fn at<'r>(value: &'r Raw, path: &Path) -> &'r Raw {
    path.steps().iter().fold(value, |value, step| match step {
        _ if value.is_unknown() => value,
        Step::Attribute(name) | Step::Key(name) => value.get(name),
        Step::Index(index) => element_at(value, *index),
    })
}

/// What the user wrote, and what is known where that is nothing: defaults, else what is proposed. No write-only values.
///
/// It starts from the configuration, because Terraform knows no defaults: for an element of a set it proposes the prior
/// one that says the same but for them, so two elements may become one.
fn fill(object: &Object, config: &Raw, proposed: &Raw) -> Raw {
    rebuild(object, config, &[proposed], &|attribute, value, beside| match (&attribute.default, beside) {
        _ if attribute.write_only => Raw::Null,
        _ if !value.is_null() => value,
        (Some(default), _) => default.clone(),
        (None, [proposed]) => (*proposed).clone(),
        (None, _) => value,
    })
}

/// The object as it may stand in a plan or a state: no write-only value, and no block repeated zero times that is
/// null instead of empty.
pub(crate) fn settled(object: &Object, value: &Raw) -> Raw {
    rebuild(object, value, &[], &|attribute, value, _| if attribute.write_only { Raw::Null } else { value })
}

/// Computed attributes that the configuration leaves out become unknown: something changed, so they may.
fn forget(object: &Object, config: &Raw, planned: &Raw) -> Raw {
    rebuild(object, planned, &[config], &|attribute, value, beside| {
        let [config] = beside else { return value };
        let provider_sets_it =
            attribute.presence.is_computed() && attribute.default.is_none() && config.is_null();
        if provider_sets_it { Raw::Unknown } else { value }
    })
}

/// What stays as it is once made, keeps its value.
fn keep(object: &Object, prior: &Raw, planned: &Raw) -> Raw {
    rebuild(object, planned, &[prior], &|attribute, value, beside| {
        let [prior] = beside else { return value };
        if attribute.use_state_for_unknown && value.is_unknown() && !prior.is_null() {
            (*prior).clone()
        } else {
            value
        }
    })
}

/// What one pass does with an attribute: its value, and what stands at the same place in the other trees.
type Visit<'v> = dyn Fn(&Attribute, Raw, &[&Raw]) -> Raw + 'v;

/// Builds an object anew, attribute by attribute, innermost first, with `beside` walked in step.
fn rebuild(object: &Object, value: &Raw, beside: &[&Raw], visit: &Visit<'_>) -> Raw {
    let Raw::Map(entries) = value else { return value.clone() };
    let mut entries = entries.clone();
    for attribute in &object.attributes {
        let below: Vec<_> = beside.iter().map(|tree| tree.get(attribute.name)).collect();
        let mut value = take(&mut entries, attribute.name);
        if let Kind::Nested(nesting, object) = &attribute.kind {
            value = rebuild_each(*nesting, object, value, &below, visit);
        }
        entries.insert(attribute.name.to_owned(), visit(attribute, value, &below));
    }
    for block in &object.blocks {
        let below: Vec<_> = beside.iter().map(|tree| tree.get(block.name)).collect();
        let value = repeated(block.nesting, take(&mut entries, block.name));
        let value = rebuild_each(block.nesting, &block.object, value, &below, visit);
        entries.insert(block.name.to_owned(), value);
    }
    Raw::Map(entries)
}

fn take(entries: &mut BTreeMap<String, Raw>, name: &str) -> Raw {
    entries.remove(name).unwrap_or_default()
}

/// Terraform knows no null in place of blocks that can be repeated.
fn repeated(nesting: Nesting, value: Raw) -> Raw {
    match (nesting, value) {
        (Nesting::List, Raw::Null) => Raw::List(Vec::new()),
        (Nesting::Set, Raw::Null) => Raw::set([]),
        (Nesting::Map, Raw::Null) => Raw::Map(BTreeMap::new()),
        (_, value) => value,
    }
}

fn rebuild_each(nesting: Nesting, object: &Object, value: Raw, beside: &[&Raw], visit: &Visit<'_>) -> Raw {
    match (nesting, value) {
        (Nesting::Single, value) => rebuild(object, &value, beside, visit),
        (_, Raw::List(elements)) => {
            let element = |(index, element): (usize, Raw)| {
                let below: Vec<_> = beside.iter().map(|tree| element_at(tree, index)).collect();
                rebuild(object, &element, &below, visit)
            };
            Raw::List(elements.into_iter().enumerate().map(element).collect())
        }
        (_, Raw::Set(elements)) => Raw::set(elements.into_iter().map(|element| {
            let below: Vec<_> = beside.iter().map(|tree| counterpart(object, tree, &element)).collect();
            rebuild(object, &element, &below, visit)
        })),
        (_, Raw::Map(entries)) => entries
            .into_iter()
            .map(|(key, entry)| {
                let below: Vec<_> = beside.iter().map(|tree| tree.get(&key)).collect();
                let entry = rebuild(object, &entry, &below, visit);
                (key, entry)
            })
            .collect(),
        (_, value) => value,
    }
}

/// Elements of a set have no identity: what stands beside one is what says the same, where the user may say
/// something; it may come from an earlier pass or a later one. One without a counterpart is walked with itself.
fn counterpart<'r>(object: &Object, tree: &'r Raw, element: &'r Raw) -> &'r Raw {
    let Raw::Set(elements) = tree else { return element };
    let find = |is_same: &dyn Fn(&Raw) -> bool| elements.iter().find(|other| is_same(other));
    find(&|other| other == element)
        .or_else(|| find(&|other| says_the_same(object, other, element)))
        .or_else(|| find(&|other| says_the_same(object, element, other)))
        .unwrap_or(element)
}

/// Is `element` what the plan may have made of `other`?
fn says_the_same(object: &Object, other: &Raw, element: &Raw) -> bool {
    let is_plain = matches!((other, element), (Raw::Map(_), Raw::Map(_)));
    is_plain
        && object.attributes.iter().all(|attribute| {
            let (other, element) = (other.get(attribute.name), element.get(attribute.name));
            let is_computed = attribute.presence.is_computed();
            match &attribute.kind {
                _ if other == element => true,
                _ if other.is_null() => is_computed || attribute.default.is_some(),
                _ if element.is_unknown() => is_computed,
                Kind::Nested(Nesting::Single, object) => says_the_same(object, other, element),
                _ => false,
            }
        })
        && object.blocks.iter().all(|block| other.get(block.name) == element.get(block.name))
}

fn element_at(tree: &Raw, index: usize) -> &Raw {
    match tree {
        Raw::List(elements) => elements.get(index).unwrap_or(&Raw::Null),
        _ => &Raw::Null,
    }
}

fn collect_replacements(object: &Object, prior: &Raw, planned: &Raw, path: &Path, found: &mut Vec<Path>) {
    for attribute in &object.attributes {
        let (before, after) = (prior.get(attribute.name), planned.get(attribute.name));
        let path = path.attribute(attribute.name);
        if replaces(attribute, before, after) {
            found.push(path.clone());
        }
        if let Kind::Nested(nesting, object) = &attribute.kind {
            collect_in_each(*nesting, object, before, after, &path, found);
        }
    }
    for block in &object.blocks {
        let (before, after) = (prior.get(block.name), planned.get(block.name));
        collect_in_each(block.nesting, &block.object, before, after, &path.attribute(block.name), found);
    }
}

fn replaces(attribute: &Attribute, before: &Raw, after: &Raw) -> bool {
    if before == after || !after.is_wholly_known() {
        return false;
    }
    match &attribute.replace {
        Replace::Never => false,
        Replace::Always => true,
        Replace::If(decide) => decide(before, after),
    }
}

/// Only what stands at the same place before and after is compared: an added or removed element is a change of the
/// collection itself.
fn collect_in_each(
    nesting: Nesting,
    object: &Object,
    before: &Raw,
    after: &Raw,
    path: &Path,
    found: &mut Vec<Path>,
) {
    match (nesting, before, after) {
        (Nesting::Single, Raw::Map(_), Raw::Map(_)) => {
            collect_replacements(object, before, after, path, found);
        }
        (Nesting::Map, Raw::Map(_), Raw::Map(entries)) => {
            for (key, entry) in entries.iter().filter(|(key, _)| !before.get(key).is_null()) {
                collect_replacements(object, before.get(key), entry, &path.key(key), found);
            }
        }
        (Nesting::List, Raw::List(before), Raw::List(after)) => {
            for (index, (before, after)) in before.iter().zip(after).enumerate() {
                collect_replacements(object, before, after, &path.index(index), found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
