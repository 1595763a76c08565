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
        if block.required && is_absent(value) {
            let detail = format!("Add a `{}` block: {}", block.name, block.description);
            found.push(Diagnostic::error("Missing block", detail).at(path.clone()));
        }
        each_object(block.nesting, value, &path, &mut |value, path| {
            check_object(&block.object, value, path, found)
        });
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
    if let Some(instead) = attribute.deprecated {
        found.push(Diagnostic::warning("Deprecated attribute", instead).at(path.clone()));
    }
    if value.is_unknown() {
        return;
    }
    for check in &attribute.checks {
        if let Err(problem) = check.run(value) {
            let detail = format!("`{}` must be {}; {problem}.", attribute.name, check.description());
            found.push(Diagnostic::error("Invalid value", detail).at(path.clone()));
        }
    }
    if let Kind::Nested(nesting, object) = &attribute.kind {
        each_object(*nesting, value, path, &mut |value, path| check_object(object, value, path, found));
    }
}

/// Visits every known object of a nested attribute or block. A set has no paths inside: its own stands for all.
pub(crate) fn each_object(nesting: Nesting, value: &Raw, path: &Path, visit: &mut dyn FnMut(&Raw, &Path)) {
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
