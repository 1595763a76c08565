//! What an argument can be, and what is known of each.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::Input;

/// A struct of arguments; [`crate::arguments!`] writes it.
pub trait Arguments: Sized {
    /// Its fields, in order.
    fn fields() -> Vec<Field>;
    /// Takes itself out of the input; faults are noted there.
    fn take(input: &mut Input) -> Option<Self>;
}

/// One argument, as data: validation, masking and documentation follow from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Sentences, one a line.
    pub description: &'static str,
    /// Whether it must be given, and may be shown.
    pub need: Need,
    /// Its type.
    pub kind: Kind,
    /// What holds when it is not given; null is nothing.
    pub default: Value,
}

/// Whether an argument must be given, and may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It must be given.
    Required,
    /// It may be given.
    Optional,
    /// It may be given, and is never shown.
    Secret,
}

/// The type of an argument, in the words of Ansible.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// `str`
    Text,
    /// `int`
    Number,
    /// `bool`
    Truth,
    /// `str` with `choices`
    Choice(Vec<&'static str>),
    /// `list` with `elements`
    List(Box<Kind>),
    /// `dict` of names to values of one kind
    Table(Box<Kind>),
    /// `dict` with `options`
    Suboptions(Vec<Field>),
    /// `dict` with anything in it
    Anything,
}

/// A type that an argument can have.
pub trait Argument: Sized {
    /// The type in Ansible's words.
    fn kind() -> Kind;
    /// Reads a value; a fault is noted in the input.
    fn read(value: &Value, input: &mut Input) -> Option<Self>;
    /// The value as JSON.
    fn show(&self) -> Value;
}

impl Argument for String {
    fn kind() -> Kind {
        Kind::Text
    }

    fn read(value: &Value, input: &mut Input) -> Option<String> {
        match value {
            Value::String(text) => Some(text.clone()),
            // YAML makes a number of 1.37 and of 022: both were meant as text.
            Value::Number(number) => Some(number.to_string()),
            other => input.wrong(other, "a string"),
        }
    }

    fn show(&self) -> Value {
        Value::from(self.clone())
    }
}

impl Argument for bool {
    fn kind() -> Kind {
        Kind::Truth
    }

    fn read(value: &Value, input: &mut Input) -> Option<bool> {
        match value {
            Value::Bool(truth) => return Some(*truth),
            Value::String(text) => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => return Some(true),
                "false" | "no" | "off" | "0" => return Some(false),
                _ => {}
            },
            _ => {}
        }
        input.wrong(value, "true or false")
    }

    fn show(&self) -> Value {
        Value::from(*self)
    }
}

macro_rules! numbers {
    ($($type:ty),*) => { $(
        impl Argument for $type {
            fn kind() -> Kind {
                Kind::Number
            }

            fn read(value: &Value, input: &mut Input) -> Option<$type> {
                let text = match value {
                    Value::Number(number) => number.to_string(),
                    Value::String(text) => text.clone(),
                    _ => String::new(),
                };
                let allowed = concat!("a whole number (", stringify!($type), ")");
                text.parse().ok().or_else(|| input.wrong(value, allowed))
            }

            fn show(&self) -> Value {
                Value::from(*self)
            }
        }
    )* };
}
numbers!(u16, u32, u64, i64);

impl<T: Argument> Argument for Option<T> {
    fn kind() -> Kind {
        T::kind()
    }

    fn read(value: &Value, input: &mut Input) -> Option<Option<T>> {
        if value.is_null() { Some(None) } else { T::read(value, input).map(Some) }
    }

    fn show(&self) -> Value {
        self.as_ref().map_or(Value::Null, Argument::show)
    }
}

impl<T: Argument> Argument for Vec<T> {
    fn kind() -> Kind {
        Kind::List(Box::new(T::kind()))
    }

    fn read(value: &Value, input: &mut Input) -> Option<Vec<T>> {
        let Value::Array(values) = value else { return input.wrong(value, "a list") };
        let read = values
            .iter()
            .enumerate()
            .map(|(number, value)| input.at(&format!("[{number}]"), |i| T::read(value, i)));
        // All of them, so that all faults are told at once.
        let read: Vec<Option<T>> = read.collect();
        read.into_iter().collect()
    }

    fn show(&self) -> Value {
        self.iter().map(Argument::show).collect()
    }
}

impl<T: Argument> Argument for BTreeMap<String, T> {
    fn kind() -> Kind {
        Kind::Table(Box::new(T::kind()))
    }

    fn read(value: &Value, input: &mut Input) -> Option<BTreeMap<String, T>> {
        let Value::Object(table) = value else { return input.wrong(value, "a dictionary") };
        let read = table.iter().map(|(name, value)| {
            input.at(&format!(".{name}"), |input| T::read(value, input)).map(|value| (name.clone(), value))
        });
        let read: Vec<_> = read.collect();
        read.into_iter().collect()
    }

    fn show(&self) -> Value {
        Value::Object(self.iter().map(|(name, value)| (name.clone(), value.show())).collect())
    }
}

impl Argument for Map<String, Value> {
    fn kind() -> Kind {
        Kind::Anything
    }

    fn read(value: &Value, input: &mut Input) -> Option<Map<String, Value>> {
        value.as_object().cloned().or_else(|| input.wrong(value, "a dictionary"))
    }

    fn show(&self) -> Value {
        Value::Object(self.clone())
    }
}
