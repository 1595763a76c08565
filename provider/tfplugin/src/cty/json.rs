//! Values as JSON, the encoding of a stored state.

use serde_json::Value as Json;

use super::{DecodeError, Dynamic, MAX_DEPTH, Raw, Type};

/// Reads a value of type `ty` from the JSON of a state file.
///
/// Attributes that the JSON lacks are null and those the type lacks are dropped, so that a state written before an
/// attribute was added or removed can still be read.
///
/// # Errors
/// When a value is not of its type.
pub fn from_json(json: &Json, ty: &Type) -> Result<Raw, DecodeError> {
    read(json, ty, 0)
}

fn read(json: &Json, ty: &Type, depth: usize) -> Result<Raw, DecodeError> {
    if depth > MAX_DEPTH {
        return Err(DecodeError::TooDeep(MAX_DEPTH));
    }
    let inner = |json: &Json, ty: &Type| read(json, ty, depth + 1);
    Ok(match (ty, json) {
        (_, Json::Null) => Raw::Null,
        (Type::Bool, Json::Bool(flag)) => Raw::Bool(*flag),
        // serde_json keeps every digit (`arbitrary_precision`); a number may also stand as a string.
        (Type::Number, Json::Number(number)) => Raw::Number(number.to_string().parse()?),
        (Type::Number, Json::String(text)) => Raw::Number(text.parse()?),
        (Type::String, Json::String(text)) => Raw::String(text.clone()),
        (Type::List(element), Json::Array(elements)) => {
            Raw::List(elements.iter().map(|json| inner(json, element)).collect::<Result<_, _>>()?)
        }
        (Type::Set(element), Json::Array(elements)) => {
            Raw::set(elements.iter().map(|json| inner(json, element)).collect::<Result<Vec<_>, _>>()?)
        }
        (Type::Tuple(types), Json::Array(elements)) if types.len() == elements.len() => {
            let elements = elements.iter().zip(types).map(|(json, ty)| inner(json, ty));
            Raw::List(elements.collect::<Result<_, _>>()?)
        }
        (Type::Map(element), Json::Object(entries)) => entries
            .iter()
            .map(|(key, json)| Ok((key.clone(), inner(json, element)?)))
            .collect::<Result<Raw, DecodeError>>()?,
        (Type::Object(object), Json::Object(entries)) => object
            .attributes
            .iter()
            .map(|(name, ty)| Ok((name.clone(), inner(entries.get(name).unwrap_or(&Json::Null), ty)?)))
            .collect::<Result<Raw, DecodeError>>()?,
        (Type::Dynamic, Json::Object(pair)) => {
            let ty = Type::from_json(pair.get("type").unwrap_or(&Json::Null))?;
            let value = inner(pair.get("value").unwrap_or(&Json::Null), &ty)?;
            Raw::Dynamic(Box::new(Dynamic { ty, value }))
        }
        (ty, found) => return Err(DecodeError::mismatch(ty, kind(found))),
    })
}

fn kind(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "a bool",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}
