//! Questions and replies as plain data, and their form on the wire.

use std::fmt;
use std::net::IpAddr;

use hickory_proto::ProtoError;
use hickory_proto::op::{Edns, Header, Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, Record};
use hickory_proto::serialize::binary::{
    BinDecodable as _, BinDecoder, BinEncodable, BinEncoder, DecodeError, NameEncoding,
};

use super::Problem;
use crate::dns::escape::Escapes;
use crate::dns::{DnsName, Rdata, RecordType};

/// The largest reply over UDP that no network fragments (DNS Flag Day 2020).
pub(super) const UDP_PAYLOAD: u16 = 1232;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name.
    pub name: DnsName,
    /// The type of record.
    pub record_type: RecordType,
    /// Who is to find the answer.
    pub recursion: Recursion,
}

/// Who is to find an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recursion {
    /// The server, wherever the answer is: it is a resolver.
    Wanted,
    /// Nobody: the server tells what it has itself.
    Unwanted,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.record_type)
    }
}

/// What a server says, when it says whether the name exists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// Whether the name exists; `false` is NXDOMAIN.
    pub name_exists: bool,
    /// Whether the server is an authority for the name.
    pub authoritative: bool,
    /// The records that answer.
    pub answers: Vec<ResourceRecord>,
    /// The records that name an authority: name servers in a referral, the SOA where there is no answer.
    pub authority: Vec<ResourceRecord>,
    /// What else is useful, such as the addresses of name servers.
    pub additional: Vec<ResourceRecord>,
}

/// One record of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceRecord {
    /// The name that it belongs to.
    pub name: DnsName,
    /// Its time to live, in seconds.
    pub ttl: u32,
    /// Its data.
    pub data: RecordData,
}

/// The data of a record in a reply.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordData {
    /// Data of a type that Route 53 takes.
    Known(Rdata),
    /// Data of another type, or that is not what its type says.
    Other {
        /// The number of the type.
        code: u16,
        /// The data as it came, names uncompressed.
        wire: Vec<u8>,
    },
}

impl ResourceRecord {
    /// Whether this is a record of that name and type.
    pub fn is(&self, name: &DnsName, record_type: RecordType) -> bool {
        self.data.code() == record_type.code() && self.name == *name
    }
}

impl RecordData {
    /// The number of the type.
    pub fn code(&self) -> u16 {
        match self {
            Self::Known(rdata) => rdata.record_type().code(),
            Self::Other { code, .. } => *code,
        }
    }

    /// The address that an A or AAAA record holds.
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Known(rdata) if matches!(rdata.record_type(), RecordType::A | RecordType::Aaaa) => {
                rdata.to_string().parse().ok()
            }
            _ => None,
        }
    }

    /// The name server that an NS record names.
    pub fn name_server(&self) -> Option<DnsName> {
        match self {
            Self::Known(rdata) if rdata.record_type() == RecordType::Ns => rdata.to_string().parse().ok(),
            _ => None,
        }
    }

    fn new(code: u16, wire: Vec<u8>) -> Self {
        let known = RecordType::from_code(code).and_then(|known| Rdata::from_wire(known, &wire));
        known.map_or(Self::Other { code, wire }, Self::Known)
    }
}

/// As a zone file writes it; what is not understood in the form of RFC 3597.
impl fmt::Display for RecordData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(rdata) => rdata.fmt(f),
            Self::Other { wire, .. } => {
                write!(f, "\\# {} ", wire.len())?;
                wire.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
            }
        }
    }
}

/// A question on its way: what a reply is recognized by.
#[derive(Debug)]
pub(super) struct Sent {
    id: u16,
    query: Query,
    /// The message.
    pub(super) bytes: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub(super) enum Received {
    /// The answer.
    Reply(Reply),
    /// The answer is longer than UDP carries: ask over TCP.
    Truncated,
    /// Not an answer to this question.
    Stray,
}

/// Whether a question says that the sender knows EDNS (RFC 6891).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extensions {
    Offered,
    Hidden,
}

impl Sent {
    pub(super) fn new(question: &Question, extensions: Extensions) -> Result<Self, ProtoError> {
        let query = Query::query(wire_name(&question.name)?, question.record_type.code().into());
        let mut message = Message::query();
        message.metadata.recursion_desired = question.recursion == Recursion::Wanted;
        message.add_query(query.clone());
        if extensions == Extensions::Offered {
            let mut edns = Edns::new();
            edns.set_max_payload(UDP_PAYLOAD);
            message.set_edns(edns);
        }
        Ok(Self { id: message.metadata.id, query, bytes: message.to_vec()? })
    }

    /// Reads a message that may be the reply. The header is looked at first: what is cut off need not be readable.
    pub(super) fn read(&self, bytes: &[u8]) -> Result<Received, Problem> {
        match self.envelope(bytes) {
            Some(header) if header.truncation => Ok(Received::Truncated),
            Some(_) => {
                let message = Message::from_vec(bytes).map_err(Problem::Unreadable)?;
                Reply::of(&message).map(Received::Reply)
            }
            None => Ok(Received::Stray),
        }
    }

    /// The header, when the message is the reply to this question. A refusal may leave the question out.
    fn envelope(&self, bytes: &[u8]) -> Option<Header> {
        let mut decoder = BinDecoder::new(bytes);
        let header = Header::read(&mut decoder).ok()?;
        let queries = Message::read_queries(&mut decoder, header.counts.queries.into()).ok()?;
        let ours = match queries.as_slice() {
            [query] => *query == self.query,
            [] => header.response_code != ResponseCode::NoError,
            _ => false,
        };
        (ours && header.id == self.id && header.message_type == MessageType::Response).then_some(header)
    }
}

impl Reply {
    fn of(message: &Message) -> Result<Self, Problem> {
        let name_exists = match message.metadata.response_code {
            ResponseCode::NoError => true,
            ResponseCode::NXDomain => false,
            code => return Err(Problem::Code(code)),
        };
        Ok(Self {
            name_exists,
            authoritative: message.metadata.authoritative,
            answers: read(&message.answers)?,
            authority: read(&message.authorities)?,
            additional: read(&message.additionals)?,
        })
    }
}

fn read(records: &[Record]) -> Result<Vec<ResourceRecord>, Problem> {
    let internet = records.iter().filter(|record| record.dns_class == DNSClass::IN);
    internet.map(|record| resource_record(record).map_err(Problem::Unwritable)).collect()
}

fn resource_record(record: &Record) -> Result<ResourceRecord, ProtoError> {
    let name = uncompressed(&record.name)?;
    let (name, _) = DnsName::from_wire(&name).ok_or(DecodeError::DomainNameTooLong(name.len()))?;
    let data = RecordData::new(record.record_type().into(), uncompressed(&record.data)?);
    Ok(ResourceRecord { name, ttl: record.ttl, data })
}

fn uncompressed(part: &impl BinEncodable) -> Result<Vec<u8>, ProtoError> {
    let mut bytes = Vec::new();
    let mut encoder = BinEncoder::new(&mut bytes);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    part.emit(&mut encoder)?;
    Ok(bytes)
}

/// Route 53's form of a name has each dot inside a label as an escape, so dots part labels and nothing else.
fn wire_name(name: &DnsName) -> Result<Name, ProtoError> {
    let text = name.without_dot();
    let labels = text.split('.').filter(|label| !label.is_empty());
    let bytes = |label| Escapes::Octal.bytes(label).map_err(|error| ProtoError::from(error.to_string()));
    let labels: Vec<_> = labels.map(bytes).collect::<Result<_, _>>()?;
    Name::from_labels(labels.iter().map(Vec::as_slice))
}

#[cfg(test)]
mod tests;
