//! Values as msgpack, the encoding of nearly every value in the protocol.
//!
//! Source: the *object wire format* page of the plugin protocol. Unknown is extension type 0; a refined unknown
//! is type 12. Refinements are only hints, so every extension is read as unknown and none is written.

use std::collections::BTreeMap;

use rmp::Marker;

use super::{DecodeError, Dynamic, MAX_DEPTH, Number, Raw, Type};

/// Writes `value`, which is of type `ty`.
///
/// A value that does not fit its type is a defect of the caller and is written as it stands: Terraform refuses
/// it with the attribute's name.
pub fn encode(value: &Raw, ty: &Type) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out, value, ty);
    out
}

/// Reads a value of type `ty`.
///
/// # Errors
/// When the bytes are not msgpack, or not of that type.
pub fn decode(bytes: &[u8], ty: &Type) -> Result<Raw, DecodeError> {
    let mut reader = Reader { bytes, at: 0 };
    let value = reader.value(ty, 0)?;
    if reader.at == bytes.len() {
        Ok(value)
    } else {
        Err(DecodeError::Malformed { at: reader.at, what: "the end of the value" })
    }
}

/// Writing to a vector cannot fail, which rmp's signatures do not know.
macro_rules! put {
    ($call:expr) => {
        drop($call)
    };
}

fn write(out: &mut Vec<u8>, value: &Raw, ty: &Type) {
    match value {
        Raw::Null => put!(rmp::encode::write_nil(out)),
        // `fixext 1`, type 0, one zero byte: exactly what cty writes.
        Raw::Unknown => out.extend([0xd4, 0, 0]),
        Raw::Bool(flag) => put!(rmp::encode::write_bool(out, *flag)),
        Raw::Number(number) => write_number(out, number),
        Raw::String(text) => put!(rmp::encode::write_str(out, text)),
        Raw::List(elements) | Raw::Set(elements) => {
            put!(rmp::encode::write_array_len(out, length(elements.len())));
            for (index, element) in elements.iter().enumerate() {
                write(out, element, element_type(ty, index));
            }
        }
        Raw::Map(entries) => {
            put!(rmp::encode::write_map_len(out, length(entries.len())));
            for (key, entry) in entries {
                put!(rmp::encode::write_str(out, key));
                write(out, entry, entry_type(ty, key));
            }
        }
        Raw::Dynamic(dynamic) => {
            put!(rmp::encode::write_array_len(out, 2));
            put!(rmp::encode::write_bin(out, dynamic.ty.to_json().to_string().as_bytes()));
            write(out, &dynamic.value, &dynamic.ty);
        }
    }
}

/// As cty does: a 64-bit integer, or a fraction that is exactly a double; else decimal text.
fn write_number(out: &mut Vec<u8>, number: &Number) {
    if let Some(whole) = number.to_integer::<i64>() {
        put!(rmp::encode::write_sint(out, whole));
    } else if let Some(double) = number.to_exact_fraction() {
        put!(rmp::encode::write_f64(out, double));
    } else {
        put!(rmp::encode::write_str(out, &number.to_string()));
    }
}

/// A collection of four billion elements does not fit the protocol's 256 MiB.
fn length(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

fn element_type(ty: &Type, index: usize) -> &Type {
    match ty {
        Type::List(element) | Type::Set(element) => element,
        Type::Tuple(elements) => elements.get(index).unwrap_or(&Type::Dynamic),
        _ => &Type::Dynamic,
    }
}

fn entry_type<'t>(ty: &'t Type, key: &str) -> &'t Type {
    match ty {
        Type::Map(element) => element,
        Type::Object(object) => object.attributes.get(key).unwrap_or(&Type::Dynamic),
        _ => &Type::Dynamic,
    }
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Reader<'b> {
    fn value(&mut self, ty: &Type, depth: usize) -> Result<Raw, DecodeError> {
        if depth > MAX_DEPTH {
            return Err(DecodeError::TooDeep(MAX_DEPTH));
        }
        match self.peek()? {
            Marker::Null => {
                self.at += 1;
                return Ok(Raw::Null);
            }
            Marker::FixExt1
            | Marker::FixExt2
            | Marker::FixExt4
            | Marker::FixExt8
            | Marker::FixExt16
            | Marker::Ext8
            | Marker::Ext16
            | Marker::Ext32 => return self.extension(),
            _ => {}
        }
        match ty {
            Type::Bool => self.bool(),
            Type::Number => self.number(),
            Type::String => Ok(Raw::String(self.string(ty)?.to_owned())),
            Type::Dynamic => self.dynamic(depth),
            Type::List(element) => Ok(Raw::List(self.elements(ty, |_| element, depth)?)),
            Type::Set(element) => Ok(Raw::set(self.elements(ty, |_| element, depth)?)),
            Type::Tuple(elements) => self.tuple(ty, elements, depth),
            Type::Map(element) => self.entries(ty, |_| Some(element), depth),
            Type::Object(object) => {
                let entries = self.entries(ty, |name| object.attributes.get(name), depth)?;
                match &entries {
                    Raw::Map(found) if found.len() < object.attributes.len() => {
                        Err(missing_attribute(ty, found))
                    }
                    _ => Ok(entries),
                }
            }
        }
    }

    fn malformed(&self, what: &'static str) -> DecodeError {
        DecodeError::Malformed { at: self.at, what }
    }

    fn peek(&self) -> Result<Marker, DecodeError> {
        self.bytes.get(self.at).map(|byte| Marker::from_u8(*byte)).ok_or(self.malformed("a value"))
    }

    fn mismatch<T>(&self, wanted: &Type) -> Result<T, DecodeError> {
        let found = self.peek().map_or("nothing".to_owned(), |marker| format!("msgpack {marker:?}"));
        Err(DecodeError::mismatch(wanted, found))
    }

    fn take(&mut self, len: usize) -> Result<&'b [u8], DecodeError> {
        let taken = self
            .at
            .checked_add(len)
            .and_then(|end| self.bytes.get(self.at..end))
            .ok_or(self.malformed("more bytes"))?;
        self.at += len;
        Ok(taken)
    }

    /// Runs one of rmp's readers on what is left, and moves on by what it took.
    fn rmp<T, E>(
        &mut self,
        what: &'static str,
        read: impl FnOnce(&mut &'b [u8]) -> Result<T, E>,
    ) -> Result<T, DecodeError> {
        let mut rest = self.bytes.get(self.at..).unwrap_or_default();
        let before = rest.len();
        let result = read(&mut rest).map_err(|_| self.malformed(what))?;
        self.at += before - rest.len();
        Ok(result)
    }

    fn extension(&mut self) -> Result<Raw, DecodeError> {
        let meta = self.rmp("an extension", rmp::decode::read_ext_meta)?;
        self.take(meta.size as usize)?;
        Ok(Raw::Unknown)
    }

    fn bool(&mut self) -> Result<Raw, DecodeError> {
        match self.peek()? {
            Marker::True | Marker::False => Ok(Raw::Bool(self.rmp("a bool", rmp::decode::read_bool)?)),
            _ => self.mismatch(&Type::Bool),
        }
    }

    fn number(&mut self) -> Result<Raw, DecodeError> {
        let number = match self.peek()? {
            Marker::U64 => self.rmp("a number", rmp::decode::read_u64)?.into(),
            Marker::F32 => Number::from_f64(self.rmp("a number", rmp::decode::read_f32)?.into())?,
            Marker::F64 => Number::from_f64(self.rmp("a number", rmp::decode::read_f64)?)?,
            Marker::FixPos(_)
            | Marker::FixNeg(_)
            | Marker::U8
            | Marker::U16
            | Marker::U32
            | Marker::I8
            | Marker::I16
            | Marker::I32
            | Marker::I64 => self.rmp("a number", rmp::decode::read_int::<i64, _>)?.into(),
            _ => self.string(&Type::Number)?.parse()?,
        };
        Ok(Raw::Number(number))
    }

    fn string(&mut self, wanted: &Type) -> Result<&'b str, DecodeError> {
        match self.peek()? {
            Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => {}
            _ => return self.mismatch(wanted),
        }
        let len = self.rmp("a string", rmp::decode::read_str_len)?;
        let bytes = self.take(len as usize)?;
        std::str::from_utf8(bytes).map_err(|_| self.malformed("UTF-8 text"))
    }

    /// `[type as JSON, value]`; the type comes as a byte string, from some writers as text.
    fn dynamic(&mut self, depth: usize) -> Result<Raw, DecodeError> {
        if self.array_len(&Type::Dynamic)? != 2 {
            return Err(self.malformed("a pair of type and value"));
        }
        let json = match self.peek()? {
            Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => {
                let len = self.rmp("a type", rmp::decode::read_bin_len)?;
                self.take(len as usize)?
            }
            _ => self.string(&Type::String)?.as_bytes(),
        };
        let json: serde_json::Value =
            serde_json::from_slice(json).map_err(|_| self.malformed("a type as JSON"))?;
        let ty = Type::from_json(&json)?;
        let value = self.value(&ty, depth + 1)?;
        Ok(Raw::Dynamic(Box::new(Dynamic { ty, value })))
    }

    fn array_len(&mut self, wanted: &Type) -> Result<u32, DecodeError> {
        match self.peek()? {
            Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => {
                self.rmp("an array", rmp::decode::read_array_len)
            }
            _ => self.mismatch(wanted),
        }
    }

    fn elements<'t>(
        &mut self,
        ty: &Type,
        element: impl Fn(usize) -> &'t Type,
        depth: usize,
    ) -> Result<Vec<Raw>, DecodeError> {
        let len = self.array_len(ty)?;
        (0..len as usize).map(|index| self.value(element(index), depth + 1)).collect()
    }

    fn tuple(&mut self, ty: &Type, elements: &[Type], depth: usize) -> Result<Raw, DecodeError> {
        let found = self.elements(ty, |index| elements.get(index).unwrap_or(&Type::Dynamic), depth)?;
        if found.len() == elements.len() {
            Ok(Raw::List(found))
        } else {
            Err(DecodeError::mismatch(ty, format!("{} elements", found.len())))
        }
    }

    fn entries<'t>(
        &mut self,
        ty: &Type,
        entry: impl Fn(&str) -> Option<&'t Type>,
        depth: usize,
    ) -> Result<Raw, DecodeError> {
        match self.peek()? {
            Marker::FixMap(_) | Marker::Map16 | Marker::Map32 => {}
            _ => return self.mismatch(ty),
        }
        let len = self.rmp("a map", rmp::decode::read_map_len)?;
        let mut entries = BTreeMap::new();
        for _ in 0..len {
            let key = self.string(&Type::String)?;
            let wanted = entry(key).ok_or_else(|| DecodeError::mismatch(ty, format!("attribute {key:?}")))?;
            entries.insert(key.to_owned(), self.value(wanted, depth + 1)?);
        }
        Ok(Raw::Map(entries))
    }
}

fn missing_attribute(ty: &Type, found: &BTreeMap<String, Raw>) -> DecodeError {
    let Type::Object(object) = ty else { return DecodeError::mismatch(ty, "a map") };
    let missing: Vec<_> =
        object.attributes.keys().filter(|name| !found.contains_key(*name)).cloned().collect();
    DecodeError::mismatch(ty, format!("an object without {}", missing.join(", ")))
}
