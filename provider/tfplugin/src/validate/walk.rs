//! Holds a whole configuration against its schema.

use super::Rule;
use crate::cty::Raw;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::path::Path;
use crate::schema::{Attribute, Kind, Nesting, Object, Presence};

/// Everything in `config` that its schema does not allow.
pub fn validate(object: &Object, config: &Raw) -> Diagnostics {
    let mut found = Diagnostics::new();
    check_object(object, config, &Path::root(), &mut found);
    found
}

fn check_object(object: &Object, config: &Raw, path: &Path, found: &mut Diagnostics) {
    for attribute in &object.attributes {
        check_attribute(attribute, config.get(attribute.name), &path.attribute(attribute.name), found);
    }
    for block in &object.blocks {
        let value = config.get(block.name);
        let path = path.attribute(block.name);
        let is_empty_map =
            block.nesting == Nesting::Map && matches!(value, Raw::Map(entries) if entries.is_empty());
        if block.required && (is_absent(value) || is_empty_map) {
            let detail = format!("Add a `{}` block: {}", block.name, block.description);
            found.push(Diagnostic::error("Missing block", detail).at(path.clone()));
        }
        check_each(block.nesting, &block.object, value, &path, found);
    }
    for rule in &object.rules {
        found.extend(broken(*rule, config).map(|message| message.at(path.clone())));
    }
}

fn check_attribute(attribute: &Attribute, value: &Raw, path: &Path, found: &mut Diagnostics) {
    if value.is_null() {
        if attribute.presence == Presence::Required {
            let detail =
                format!("`{}` must be set, and not to null. {}", attribute.name, attribute.description);
            found.push(Diagnostic::error("Missing value", detail).at(path.clone()));
        }
        return;
    }
    if attribute.presence == Presence::Computed {
        let detail =
            format!("`{}` is set by the provider: remove it from the configuration.", attribute.name);
        found.push(Diagnostic::error("Read-only attribute", detail).at(path.clone()));
        return;
    }
    if let Some(instead) = attribute.deprecated {
        found.push(Diagnostic::warning("Deprecated attribute", instead).at(path.clone()));
    }
    if value.is_unknown() {
        return;
    }
    // How many elements such a set has is not known: two may turn out to be one.
    let is_certain = !matches!(value, Raw::Set(elements) if elements.len() > 1) || value.is_wholly_known();
    for check in attribute.checks.iter().filter(|_| is_certain) {
        if let Err(problem) = check.run(value) {
            let detail = format!("`{}` must be {}; {problem}.", attribute.name, check.description());
            found.push(Diagnostic::error("Invalid value", detail).at(path.clone()));
        }
    }
    if let Kind::Nested(nesting, object) = &attribute.kind {
        check_each(*nesting, object, value, path, found);
    }
}

/// The protocol has no path into a set: what is wrong inside stands on the set as a whole.
fn check_each(nesting: Nesting, object: &Object, value: &Raw, path: &Path, found: &mut Diagnostics) {
    let mut inside = Diagnostics::new();
    each_object(nesting, value, path, &mut |value, path| check_object(object, value, path, &mut inside));
    let is_set = nesting == Nesting::Set;
    found.extend(inside.into_iter().map(|message| if is_set { message.at(path.clone()) } else { message }));
}

/// Write-only arguments in `config`, for a client that would store them.
pub(crate) fn refuse_write_only(object: &Object, config: &Raw) -> Diagnostics {
    let mut found = Diagnostics::new();
    find_write_only(object, config, &Path::root(), &mut found);
    found
}

fn find_write_only(object: &Object, config: &Raw, path: &Path, found: &mut Diagnostics) {
    for attribute in &object.attributes {
        let (value, path) = (config.get(attribute.name), path.attribute(attribute.name));
        if attribute.write_only && !value.is_null() {
            let detail = format!(
                "`{}` is write-only, which Terraform knows since version 1.11. Upgrade Terraform, or leave it out.",
                attribute.name
            );
            found.push(Diagnostic::error("Write-only argument not supported", detail).at(path.clone()));
        }
        if let Kind::Nested(nesting, object) = &attribute.kind {
            each_object(*nesting, value, &path, &mut |value, path| {
                find_write_only(object, value, path, found);
            });
        }
    }
    for block in &object.blocks {
        let (value, path) = (config.get(block.name), path.attribute(block.name));
        each_object(block.nesting, value, &path, &mut |value, path| {
            find_write_only(&block.object, value, path, found);
        });
    }
}

/// Visits every known object of a nested attribute or block.
fn each_object(nesting: Nesting, value: &Raw, path: &Path, visit: &mut dyn FnMut(&Raw, &Path)) {
    match (nesting, value) {
        (Nesting::Single, Raw::Map(_)) => visit(value, path),
        (_, Raw::List(elements)) => {
            for (index, element) in
                elements.iter().enumerate().filter(|(_, element)| matches!(element, Raw::Map(_)))
            {
                visit(element, &path.index(index));
            }
        }
        (_, Raw::Set(elements)) => {
            for element in elements.iter().filter(|element| matches!(element, Raw::Map(_))) {
                visit(element, path);
            }
        }
        (Nesting::Map, Raw::Map(entries)) => {
            for (key, entry) in entries.iter().filter(|(_, entry)| matches!(entry, Raw::Map(_))) {
                visit(entry, &path.key(key));
            }
        }
        _ => {}
    }
}

/// Null, or a repeatable block that was not written at all.
fn is_absent(value: &Raw) -> bool {
    match value {
        Raw::Null => true,
        Raw::List(elements) | Raw::Set(elements) => elements.is_empty(),
        _ => false,
    }
}

/// An unknown value may turn out null, so it breaks no rule yet.
fn broken(rule: Rule, config: &Raw) -> Option<Diagnostic> {
    let (Rule::ExactlyOneOf(names)
    | Rule::AtLeastOneOf(names)
    | Rule::ConflictsWith(names)
    | Rule::RequiredTogether(names)) = rule;
    let values = || names.iter().map(|name| (*name, config.get(name)));
    let unknown = values().any(|(_, value)| value.is_unknown());
    let set: Vec<_> = values().filter(|(_, value)| !is_absent(value) && !value.is_unknown()).collect();
    let too_many = set.len() > 1;
    let none = set.is_empty() && !unknown;
    let is_broken = match rule {
        Rule::ExactlyOneOf(_) => too_many || none,
        Rule::AtLeastOneOf(_) => none,
        Rule::ConflictsWith(_) => too_many,
        Rule::RequiredTogether(_) => !set.is_empty() && !unknown && set.len() < names.len(),
    };
    is_broken.then(|| {
        let written = match set.as_slice() {
            [] => "none of them".to_owned(),
            set => set.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        };
        Diagnostic::error("Invalid combination", format!("{rule}; found {written}."))
    })
}

#[cfg(test)]
mod tests;
