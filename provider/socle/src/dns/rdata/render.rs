//! Writing a record's data as text.

use std::fmt::{self, Write};

use super::super::DnsName;
use super::super::escape::Escapes;
use super::table::{Field, Kind, shape};
use super::{Rdata, Value};

impl Rdata {
    /// The data as a master file writes it: decimal escapes, names relative to `origin`.
    pub fn in_master_file(&self, origin: &DnsName) -> String {
        self.text(Some(origin))
    }

    fn text(&self, origin: Option<&DnsName>) -> String {
        let fields = shape(self.record_type).fields;
        let texts = fields.iter().zip(&self.values).map(|(field, value)| text(*field, value, origin));
        texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

/// The data as Route 53 takes it, which is also how the state shows it: octal escapes, absolute names.
impl fmt::Display for Rdata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(None))
    }
}

fn text(field: Field, value: &Value, origin: Option<&DnsName>) -> String {
    let escapes = if origin.is_some() { Escapes::Decimal } else { Escapes::Octal };
    match value {
        Value::Number(number) => number.to_string(),
        Value::Ipv4(address) => address.to_string(),
        Value::Ipv6(address) => address.to_string(),
        Value::Name(name) => origin.map_or_else(|| name.to_string(), |origin| name.in_master_file(origin)),
        Value::Hex(bytes) => hex(bytes),
        Value::Params(params) => params.text(escapes),
        Value::Text(bytes) if field.kind == Kind::Tag => String::from_utf8_lossy(bytes).into_owned(),
        Value::Text(bytes) if field.kind == Kind::TextStrings => strings(bytes, escapes),
        Value::Text(bytes) => quoted(bytes, escapes),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02X}");
        text
    })
}

/// Quoted strings of at most 255 bytes each, at least one.
fn strings(bytes: &[u8], escapes: Escapes) -> String {
    if bytes.is_empty() {
        return quoted(bytes, escapes);
    }
    bytes.chunks(255).map(|chunk| quoted(chunk, escapes)).collect::<Vec<_>>().join(" ")
}

fn quoted(bytes: &[u8], escapes: Escapes) -> String {
    let mut text = String::with_capacity(bytes.len() + 2);
    escapes.push_quoted(bytes, &mut text);
    text
}
