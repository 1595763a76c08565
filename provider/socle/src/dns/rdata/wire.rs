//! Reading a record's data from the bytes that DNS messages carry, names uncompressed.

use super::super::{DnsName, RecordType};
use super::table::{Kind, shape};
use super::{Rdata, SvcParams, Value};

impl Rdata {
    /// Reads uncompressed data, as RFC 3597 writes it; none where it is not data of this type.
    pub fn from_wire(record_type: RecordType, wire: &[u8]) -> Option<Self> {
        let mut wire = Wire(wire);
        let fields = shape(record_type).fields;
        let values = fields.iter().map(|field| wire.value(field.kind)).collect::<Option<_>>()?;
        wire.0.is_empty().then_some(Self { record_type, values })
    }
}

/// The bytes not yet read.
struct Wire<'a>(&'a [u8]);

impl<'a> Wire<'a> {
    fn value(&mut self, kind: Kind) -> Option<Value> {
        Some(match kind {
            Kind::U8 | Kind::Algorithm | Kind::Digest => Value::Number(self.array::<1>()?[0].into()),
            Kind::U16 => Value::Number(u16::from_be_bytes(self.array()?).into()),
            Kind::U32 | Kind::Ttl => {
                let number = u32::from_be_bytes(self.array()?);
                Value::Number(Some(number).filter(|number| Some(*number) <= kind.maximum())?)
            }
            Kind::Ipv4 => Value::Ipv4(self.array::<4>()?.into()),
            Kind::Ipv6 => Value::Ipv6(self.array::<16>()?.into()),
            Kind::Name => self.name()?,
            Kind::Hex => Value::Hex(Some(self.rest()).filter(|bytes| !bytes.is_empty())?),
            Kind::Tag => Value::Text(self.tag()?),
            Kind::CharacterString => Value::Text(self.string()?.to_vec()),
            Kind::LongString => Value::Text(self.rest()),
            Kind::TextStrings => Value::Text(self.strings()?),
            Kind::SvcParams => Value::Params(SvcParams::from_wire(&self.rest())?),
        })
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0).to_vec()
    }

    fn name(&mut self) -> Option<Value> {
        let (name, rest) = DnsName::from_wire(self.0)?;
        self.0 = rest;
        Some(Value::Name(name))
    }

    /// A string behind its length byte.
    fn string(&mut self) -> Option<&'a [u8]> {
        let [length] = self.array()?;
        let (string, rest) = self.0.split_at_checked(length.into())?;
        self.0 = rest;
        Some(string)
    }

    fn strings(&mut self) -> Option<Vec<u8>> {
        let mut all = self.string()?.to_vec();
        while !self.0.is_empty() {
            all.extend_from_slice(self.string()?);
        }
        Some(all)
    }

    fn tag(&mut self) -> Option<Vec<u8>> {
        let tag = self.string()?.to_ascii_lowercase();
        let valid = (1..=15).contains(&tag.len()) && tag.iter().all(u8::is_ascii_alphanumeric);
        valid.then_some(tag)
    }
}
