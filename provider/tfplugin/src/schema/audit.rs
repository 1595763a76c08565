//! What a reviewer of a provider's declarations would object to, as far as a program can see it.

use std::collections::BTreeSet;

use super::{Attribute, Kind, Nesting, Object, Presence};
use crate::cty::{Raw, Type};
use crate::model::Model as _;
use crate::provider::Provider;
use crate::serve::ServedFunction;

/// Every defect of the declarations, a line each: what it is about, and what is wrong. A provider's test asserts that
/// there is none.
///
/// It asks for a description with a final full stop on everything, for names in snake case, each once and none of
/// Terraform's own, for secrets that are `sensitive` or `write_only`, for defaults that their description states and
/// their validators accept, for sets whose elements Terraform can tell apart, for write-only arguments in resources only,
/// and for identities made of plain values.
pub fn audit<P: Provider>() -> Vec<String> {
    let served = P::serves();
    let mut defects = served.duplicates.clone();
    let mut root = |kind: &str, name: &str, object: &Object, write_only: bool| {
        let mut found = named(name);
        found.extend(described(object.description));
        found.extend(object.attributes.iter().filter_map(|attribute| reserved(attribute.name)));
        inside(object, "", &mut found);
        if !write_only {
            refuse_write_only(object, "", &mut found);
        }
        defects.extend(found.into_iter().map(|defect| format!("{kind} {name}: {defect}")));
    };
    root("provider", P::NAME, &P::Config::object(), false);
    for (name, resource) in &served.resources {
        root("resource", name, resource.object(), true);
    }
    for (name, source) in &served.data_sources {
        root("data source", name, source.object(), false);
    }
    for (name, ephemeral) in &served.ephemerals {
        root("ephemeral resource", name, ephemeral.object(), false);
    }
    for (name, resource) in &served.resources {
        let found = identity(resource.identity_object());
        defects.extend(found.into_iter().map(|defect| format!("identity of {name}: {defect}")));
    }
    for (name, served) in &served.functions {
        let found = function(name, served.as_ref());
        defects.extend(found.into_iter().map(|defect| format!("function {name}: {defect}")));
    }
    defects
}

/// The defects of everything that stands in an object; `path` leads to it.
fn inside(object: &Object, path: &str, found: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for attribute in &object.attributes {
        let path = below(path, attribute.name);
        let mut defects = attribute_defects(attribute);
        if !seen.insert(attribute.name) {
            defects.push("there are two of this name".to_owned());
        }
        if let Kind::Nested(Nesting::Set, object) = &attribute.kind {
            defects.extend(confusable(object));
        }
        found.extend(defects.into_iter().map(|defect| format!("{path}: {defect}")));
        if let Kind::Nested(_, object) = &attribute.kind {
            inside(object, &path, found);
        }
    }
    for block in &object.blocks {
        let path = below(path, block.name);
        let mut defects = named(block.name);
        defects.extend(described(block.description));
        if block.nesting == Nesting::Set {
            defects.extend(confusable(&block.object));
        }
        if !seen.insert(block.name) {
            defects.push("there are two of this name".to_owned());
        }
        found.extend(defects.into_iter().map(|defect| format!("{path}: {defect}")));
        inside(&block.object, &path, found);
    }
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn attribute_defects(attribute: &Attribute) -> Vec<String> {
    let mut found = named(attribute.name);
    found.extend(described(attribute.description));
    if is_secret(attribute) && !attribute.sensitive && !attribute.write_only {
        found.push("sounds like a secret, and is neither sensitive nor write-only".to_owned());
    }
    if let Some(default) = &attribute.default {
        if !states(attribute.description, default) {
            found.push("the description does not state the default".to_owned());
        }
        let refused = attribute.checks.iter().filter_map(|check| check.run(default).err());
        found.extend(refused.map(|problem| format!("the default is not valid: {problem}")));
    }
    found
}

fn named(name: &str) -> Vec<String> {
    let word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let is_snake_case =
        name.split('_').all(word) && name.starts_with(|first: char| first.is_ascii_lowercase());
    if is_snake_case { Vec::new() } else { vec![format!("the name {name:?} is not in snake case")] }
}

fn described(text: &str) -> Option<String> {
    match text.trim() {
        "" => Some("has no description".to_owned()),
        text if !text.ends_with('.') => Some("the description has no final full stop".to_owned()),
        _ => None,
    }
}

/// Terraform pairs an element of a set with the first prior one that says the same where the user said something. So a
/// result may come from another element when the user can leave out what tells the two apart.
fn confusable(object: &Object) -> Option<String> {
    let attributes = || object.attributes.iter();
    let has_results = attributes().any(|attribute| attribute.presence == Presence::Computed);
    let mut left_out = attributes().filter(|attribute| {
        attribute.presence == Presence::OptionalComputed || has_results && attribute.default.is_some()
    });
    left_out.next().map(|attribute| {
        let name = attribute.name;
        format!(
            "in a set, elements that differ in {name} alone can be taken for each other: use a map or a list"
        )
    })
}

/// Terraform's own arguments of a `resource`, `data`, `ephemeral` or `provider` block.
fn reserved(name: &str) -> Option<String> {
    let names = [
        "alias",
        "connection",
        "count",
        "depends_on",
        "for_each",
        "lifecycle",
        "provider",
        "provisioner",
        "version",
    ];
    names.contains(&name).then(|| format!("{name}: Terraform keeps this name for itself"))
}

/// By its name, text that opens something. A host's or a public key is no secret, nor is a key of a map.
fn is_secret(attribute: &Attribute) -> bool {
    let words: Vec<_> = attribute.name.trim_end_matches("_wo").split('_').collect();
    let is_text = matches!(attribute.kind, Kind::Plain(Type::String | Type::Dynamic));
    is_text
        && match words.as_slice() {
            [] | ["key"] | [.., "host" | "public" | "authorized", "key"] => false,
            [.., last] => ["key", "password", "passphrase", "secret", "token", "credentials"].contains(last),
        }
}

fn states(description: &str, default: &Raw) -> bool {
    let value = match default {
        Raw::Bool(flag) => flag.to_string(),
        Raw::Number(number) => number.to_string(),
        Raw::String(text) => text.clone(),
        // How a person writes a collection is a matter of taste.
        _ => String::new(),
    };
    description.contains("Default") && description.contains(&value)
}

/// Terraform has write-only arguments in resources alone.
fn refuse_write_only(object: &Object, path: &str, found: &mut Vec<String>) {
    for attribute in &object.attributes {
        let path = below(path, attribute.name);
        if attribute.write_only {
            found.push(format!("{path}: only a resource can have write-only arguments"));
        }
        if let Kind::Nested(_, object) = &attribute.kind {
            refuse_write_only(object, &path, found);
        }
    }
    for block in &object.blocks {
        refuse_write_only(&block.object, &below(path, block.name), found);
    }
}

fn identity(object: &Object) -> Vec<String> {
    let mut found = Vec::new();
    inside(object, "", &mut found);
    let is_plain = |ty: &Type| match ty {
        Type::List(element) => matches!(**element, Type::Bool | Type::Number | Type::String),
        ty => matches!(ty, Type::Bool | Type::Number | Type::String),
    };
    let complex = object.attributes.iter().filter(|attribute| !is_plain(&attribute.kind.ty()));
    found.extend(
        complex.map(|attribute| format!("{}: is neither a plain value nor a list of these", attribute.name)),
    );
    found
}

fn function(name: &str, function: &dyn ServedFunction) -> Vec<String> {
    let mut found = named(name);
    found.extend(described(function.summary()).map(|defect| format!("summary: {defect}")));
    found.extend(described(function.description()));
    for parameter in function.parameters() {
        let defects = named(parameter.name).into_iter().chain(described(parameter.description));
        found.extend(defects.map(|defect| format!("{}: {defect}", parameter.name)));
    }
    found
}

#[cfg(test)]
mod tests;
