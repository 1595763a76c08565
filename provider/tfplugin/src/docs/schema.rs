//! The section on arguments and results.

use super::joined;
use crate::cty::Type;
use crate::schema::{Attribute, Block, Kind, Nesting, Object, Presence, Replace};

/// The whole section: three groups, then the nested schemas, each with an anchor.
pub(super) fn section(object: &Object) -> String {
    let mut nested = Vec::new();
    let groups = groups(object, &[], |title| format!("### {title}"), &mut nested);
    let rules = rules(object);
    joined(["## Schema", &groups, &rules, &joined(nested.iter().map(String::as_str))])
}

/// The attributes that name an object in an `import` block.
pub(super) fn identity(object: &Object) -> String {
    let group = |title: &str, required: bool| {
        let lines: Vec<_> = object
            .attributes
            .iter()
            .filter(|attribute| attribute.presence.is_required() == required)
            .map(|attribute| {
                format!(
                    "- `{}` ({}) {}",
                    attribute.name,
                    type_name(&attribute.kind.ty()),
                    indented(attribute.description)
                )
            })
            .collect();
        if lines.is_empty() { String::new() } else { format!("\n\n#### {title}\n\n{}", lines.join("\n")) }
    };
    format!("### Identity Schema{}{}", group("Required", true), group("Optional", false))
}

/// The name of a type as `tfplugindocs` writes it.
pub(super) fn type_name(ty: &Type) -> String {
    match ty {
        Type::Bool => "Boolean".to_owned(),
        Type::Number => "Number".to_owned(),
        Type::String => "String".to_owned(),
        Type::Dynamic => "Dynamic".to_owned(),
        Type::List(element) => format!("List of {}", type_name(element)),
        Type::Set(element) => format!("Set of {}", type_name(element)),
        Type::Map(element) => format!("Map of {}", type_name(element)),
        Type::Tuple(_) => "Tuple".to_owned(),
        Type::Object(_) => "Object".to_owned(),
    }
}

/// Text as part of a list item: further lines stand under the first.
pub(super) fn indented(markdown: &str) -> String {
    markdown.trim().replace('\n', "\n  ")
}

#[derive(Clone, Copy, PartialEq)]
enum Group {
    Required,
    Optional,
    ReadOnly,
}

impl Group {
    const ALL: [(Self, &'static str); 3] =
        [(Self::Required, "Required"), (Self::Optional, "Optional"), (Self::ReadOnly, "Read-Only")];

    fn of(presence: Presence) -> Self {
        match presence {
            Presence::Required | Presence::RequiredNullable => Self::Required,
            Presence::Optional | Presence::OptionalComputed => Self::Optional,
            Presence::Computed => Self::ReadOnly,
        }
    }
}

/// The three groups of one object; what is nested in it is added to `nested`, depth first.
fn groups(object: &Object, path: &[&str], title: fn(&str) -> String, nested: &mut Vec<String>) -> String {
    let mut lines: Vec<_> = object
        .attributes
        .iter()
        .map(|attribute| {
            (Group::of(attribute.presence), attribute.name, attribute_line(attribute, path, nested))
        })
        .collect();
    for block in &object.blocks {
        let group = if block.required { Group::Required } else { Group::Optional };
        lines.push((group, block.name, block_line(block, path, nested)));
    }
    lines.sort_by_key(|(_, name, _)| *name);
    let written = Group::ALL.iter().filter_map(|(group, heading)| {
        let lines: Vec<_> =
            lines.iter().filter(|(of, ..)| of == group).map(|(.., line)| line.as_str()).collect();
        (!lines.is_empty()).then(|| format!("{}\n\n{}", title(heading), lines.join("\n")))
    });
    written.collect::<Vec<_>>().join("\n\n")
}

fn attribute_line(attribute: &Attribute, path: &[&str], nested: &mut Vec<String>) -> String {
    let Attribute { name, kind, .. } = attribute;
    let (ty, below) = match kind {
        Kind::Plain(ty) => (type_name(ty), String::new()),
        Kind::Nested(nesting, object) => {
            let ty = match nesting {
                Nesting::Single => "Attributes",
                Nesting::List => "Attributes List",
                Nesting::Set => "Attributes Set",
                Nesting::Map => "Attributes Map",
            };
            (ty.to_owned(), nested_section("nestedatt", object, path, name, nested))
        }
    };
    format!("- `{name}` ({ty}{}) {}{below}", marks(attribute), indented(&about(attribute)))
}

fn marks(attribute: &Attribute) -> String {
    let write_only = ", [Write-only](https://developer.hashicorp.com/terraform/language/resources/ephemeral#write-only-arguments)";
    let marks = [
        (attribute.sensitive, ", Sensitive"),
        (attribute.deprecated.is_some(), ", Deprecated"),
        (attribute.write_only, write_only),
    ];
    marks.iter().filter(|(applies, _)| *applies).map(|(_, mark)| *mark).collect()
}

/// The description, and what else the declaration says of the attribute.
fn about(attribute: &Attribute) -> String {
    let mut sentences = vec![attribute.description.trim().to_owned()];
    if let Some(instead) = attribute.deprecated {
        sentences.push(format!("**Deprecated:** {instead}"));
    }
    if attribute.presence == Presence::RequiredNullable {
        sentences.push("It must be written; `null` is a legal value.".to_owned());
    }
    sentences.extend(attribute.checks.iter().map(|check| format!("Must be {}.", check.description())));
    match attribute.replace {
        Replace::Never => {}
        Replace::Always => sentences.push("A change makes a new object.".to_owned()),
        Replace::If(_) => sentences.push("Some changes make a new object.".to_owned()),
    }
    sentences.join(" ")
}

fn block_line(block: &Block, path: &[&str], nested: &mut Vec<String>) -> String {
    let ty = match block.nesting {
        Nesting::Single => "Block",
        Nesting::List => "Block List",
        Nesting::Set => "Block Set",
        Nesting::Map => "Block Map",
    };
    let min = match (block.required, block.nesting) {
        (true, Nesting::List | Nesting::Set | Nesting::Map) => ", Min: 1",
        _ => "",
    };
    let below = nested_section("nestedblock", &block.object, path, block.name, nested);
    format!("- `{}` ({ty}{min}) {}{below}", block.name, indented(block.description))
}

/// Adds the section of a nested object, and gives the reference to it.
fn nested_section(
    kind: &str,
    object: &Object,
    path: &[&str],
    name: &str,
    nested: &mut Vec<String>,
) -> String {
    let path = [path, &[name]].concat();
    let anchor = format!("{kind}--{}", path.join("--"));
    // Its own place comes before those of what stands in it.
    let place = nested.len();
    nested.push(String::new());
    let groups = groups(object, &path, |title| format!("{title}:"), nested);
    let heading = format!("<a id=\"{anchor}\"></a>\n### Nested Schema for `{}`", path.join("."));
    nested[place] = joined([heading.as_str(), &groups, &rules(object)]);
    format!(" (see [below for nested schema](#{anchor}))")
}

fn rules(object: &Object) -> String {
    let rules: Vec<_> = object.rules.iter().map(|rule| format!("{rule}.")).collect();
    rules.join("\n\n")
}
