//! Holds what an apply returns against what was planned.

use crate::cty::Raw;
use crate::path::Path;
use crate::schema::{Kind, Nesting, Object};

/// Where `returned` breaks the promise of `planned`: a known value that differs, or one that is still unknown.
///
/// Terraform would call either a bug of the provider. The framework finds them first, so that the user reads which
/// attribute it was and what the world holds instead.
pub(crate) fn differences(object: &Object, planned: &Raw, returned: &Raw) -> Vec<Path> {
    let mut found = Vec::new();
    compare_object(object, planned, returned, &Path::root(), &mut found);
    found
}

fn compare_object(object: &Object, planned: &Raw, returned: &Raw, path: &Path, found: &mut Vec<Path>) {
    let attributes = object.attributes.iter().map(|attribute| {
        let nested = match &attribute.kind {
            Kind::Nested(nesting, object) => Some((*nesting, object)),
            Kind::Plain(_) => None,
        };
        (attribute.name, nested)
    });
    let blocks = object.blocks.iter().map(|block| (block.name, Some((block.nesting, &block.object))));
    for (name, nested) in attributes.chain(blocks) {
        let path = path.attribute(name);
        compare(nested, planned.get(name), returned.get(name), &path, found);
    }
}

fn compare(
    nested: Option<(Nesting, &Object)>,
    planned: &Raw,
    returned: &Raw,
    path: &Path,
    found: &mut Vec<Path>,
) {
    match (nested, planned, returned) {
        (Some((Nesting::Single, object)), Raw::Map(_), Raw::Map(_)) => {
            compare_object(object, planned, returned, path, found);
        }
        (Some((Nesting::Map, object)), Raw::Map(before), Raw::Map(after))
            if before.keys().eq(after.keys()) =>
        {
            for (key, planned) in before {
                compare(Some((Nesting::Single, object)), planned, returned.get(key), &path.key(key), found);
            }
        }
        (Some((Nesting::List, object)), Raw::List(before), Raw::List(after))
            if before.len() == after.len() =>
        {
            for (index, (planned, returned)) in before.iter().zip(after).enumerate() {
                compare(Some((Nesting::Single, object)), planned, returned, &path.index(index), found);
            }
        }
        _ if fits(planned, returned) => {}
        _ => found.push(path.clone()),
    }
}

/// Is `returned` wholly known, and the same wherever `planned` is known?
fn fits(planned: &Raw, returned: &Raw) -> bool {
    match (planned, returned) {
        (Raw::Unknown, returned) => returned.is_wholly_known(),
        (Raw::List(planned), Raw::List(returned)) => {
            planned.len() == returned.len() && planned.iter().zip(returned).all(|(p, r)| fits(p, r))
        }
        (Raw::Map(planned), Raw::Map(returned)) => {
            planned.keys().eq(returned.keys())
                && planned.values().zip(returned.values()).all(|(p, r)| fits(p, r))
        }
        (Raw::Set(elements), Raw::Set(_)) if !elements.iter().all(Raw::is_wholly_known) => {
            returned.is_wholly_known()
        }
        (Raw::Dynamic(planned), Raw::Dynamic(returned)) => {
            planned.ty == returned.ty && fits(&planned.value, &returned.value)
        }
        (planned, returned) => planned == returned && returned.is_wholly_known(),
    }
}

#[cfg(test)]
mod tests;
