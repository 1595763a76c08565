//! The sidecar: the file beside a binary module that `ansible-doc` and `validate-modules` read.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::{Arguments, Field, Kind, Module, Need};

/// What the documentation of a module says beside its arguments.
#[derive(Debug, Clone)]
pub struct About {
    /// The module's name.
    pub name: &'static str,
    /// One line without a full stop.
    pub short: &'static str,
    /// Paragraphs.
    pub description: &'static [&'static str],
    /// Tasks in YAML.
    pub examples: &'static str,
    /// Keys of the module's own in its answer, in the form of Ansible's RETURN.
    pub returns: Value,
    /// Whether it tells differences.
    pub diff: bool,
}

/// The sidecar of a module, in YAML.
pub fn sidecar<M: Module>() -> String {
    let about = M::about();
    let documentation = json!({
        "module": about.name,
        "short_description": about.short,
        "description": about.description,
        "version_added": env!("CARGO_PKG_VERSION"),
        "author": ["Socle (@socle-platform)"],
        "options": options(&M::Arguments::fields()),
        "attributes": attributes(about.diff),
    });
    let examples = about.examples.trim().lines().fold(String::new(), |text, line| text + "  " + line + "\n");
    let mut text = "---\n".to_owned();
    write_field(&mut text, "DOCUMENTATION", &documentation, 0);
    if !examples.is_empty() {
        text.push_str("EXAMPLES: |\n");
        text.push_str(&examples.replace("  \n", "\n"));
    }
    write_field(&mut text, "RETURN", &returns(about.returns), 0);
    text
}

fn attributes(diff: bool) -> Value {
    let support = |there: bool| if there { "full" } else { "none" };
    json!({
        "check_mode": { "support": "full", "description": ["Says what would change, and changes nothing."] },
        "diff_mode": { "support": support(diff), "description": ["Shows each thing before and after."] },
        "platform": { "support": "full", "platforms": "linux", "description": ["Systems it works on."] },
    })
}

fn returns(own: Value) -> Value {
    let mut returns = match own {
        Value::Object(own) => own,
        _ => Map::new(),
    };
    returns.insert(
        "items".to_owned(),
        json!({
            "description": ["The outcome of each thing that is managed."],
            "returned": "always",
            "type": "list",
            "elements": "dict",
            "contains": {
                "id": { "description": ["Its name."], "type": "str", "returned": "always" },
                "state": {
                    "description": ["C(ok), C(changed), C(would-change), C(unsupported), C(refused) or C(failed)."],
                    "type": "str",
                    "returned": "always",
                },
                "changed": { "description": ["Whether it was changed, or would be."], "type": "bool", "returned": "always" },
                "before": { "description": ["What was there."], "type": "str", "returned": "always" },
                "after": { "description": ["What is wanted."], "type": "str", "returned": "always" },
                "message": { "description": ["The changes or the reason, in words."], "type": "str", "returned": "always" },
            },
        }),
    );
    Value::Object(returns)
}

fn options(fields: &[Field]) -> Value {
    Value::Object(fields.iter().map(|field| (field.name.to_owned(), option(field))).collect())
}

fn option(field: &Field) -> Value {
    let lines: Vec<&str> = field.description.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut option = kind(&field.kind);
    let paragraphs: Vec<String> = std::iter::once(lines.join(" ")).chain(entry(&field.kind)).collect();
    option.insert("description".to_owned(), json!(paragraphs));
    match field.need {
        Need::Required => {
            option.insert("required".to_owned(), json!(true));
        }
        Need::Secret => {}
        Need::Optional if field.default.is_null() => {}
        Need::Optional => {
            option.insert("default".to_owned(), field.default.clone());
        }
    }
    Value::Object(option)
}

/// What each value of a table is: Ansible has no form for it, so it is said in words.
fn entry(kind_of: &Kind) -> Vec<String> {
    let Kind::Table(value) = kind_of else { return Vec::new() };
    let Kind::Suboptions(fields) = value.as_ref() else { return Vec::new() };
    let told = fields.iter().map(|field| {
        let kind = kind(&field.kind)["type"].as_str().unwrap_or_default().to_owned();
        let need = match field.need {
            Need::Required => "required".to_owned(),
            _ if field.default.is_null() => "optional".to_owned(),
            _ => format!("default C({})", field.default),
        };
        let lines: Vec<&str> = field.description.lines().map(str::trim).collect();
        format!("C({}) ({kind}, {need}): {}", field.name, lines.join(" ").trim())
    });
    std::iter::once("The values of the dictionary are dictionaries with these keys.".to_owned())
        .chain(told)
        .collect()
}

fn kind(kind_of: &Kind) -> Map<String, Value> {
    let told = match kind_of {
        Kind::Text => json!({ "type": "str" }),
        Kind::Number => json!({ "type": "int" }),
        Kind::Truth => json!({ "type": "bool" }),
        Kind::Choice(words) => json!({ "type": "str", "choices": words }),
        Kind::Table(_) | Kind::Anything => json!({ "type": "dict" }),
        Kind::Suboptions(fields) => json!({ "type": "dict", "suboptions": options(fields) }),
        Kind::List(element) => {
            let mut list = kind(element);
            let element = list.insert("type".to_owned(), json!("list"));
            list.insert("elements".to_owned(), element.unwrap_or_default());
            return list;
        }
    };
    told.as_object().cloned().unwrap_or_default()
}

fn write_field(text: &mut String, key: &str, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let _ = writeln!(text, "{indent}{key}:");
            fields.iter().for_each(|(key, value)| write_field(text, key, value, depth + 1));
        }
        Value::Array(values) if !values.is_empty() => {
            let _ = writeln!(text, "{indent}{key}:");
            for value in values {
                let _ = writeln!(text, "{indent}  - {}", scalar(value, depth + 2));
            }
        }
        value => {
            let _ = writeln!(text, "{indent}{key}: {}", scalar(value, depth + 1));
        }
    }
}

/// A JSON value is a YAML value; a long sentence is folded, so that people can read it.
fn scalar(value: &Value, depth: usize) -> String {
    const WIDTH: usize = 118;
    let sentence = value.as_str().filter(|text| text.len() > WIDTH && !text.contains(['\n', '\t']));
    let Some(sentence) = sentence else { return value.to_string() };
    let indent = "  ".repeat(depth);
    let mut folded = ">-".to_owned();
    let mut width = WIDTH;
    for word in sentence.split(' ').filter(|word| !word.is_empty()) {
        let before = if width + 1 + word.len() > WIDTH { format!("\n{indent}") } else { " ".to_owned() };
        width = if before == " " { width + 1 + word.len() } else { indent.len() + word.len() };
        folded.extend([before.as_str(), word]);
    }
    folded
}
