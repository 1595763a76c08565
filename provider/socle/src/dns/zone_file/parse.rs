//! Reading a zone file: directives and records in order, then the records grouped into sets.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Place;

use super::super::escape::Escapes;
use super::super::rdata::Token;
use super::super::{DnsName, Rdata, RecordType, ttl};
use super::ZoneRecordSet;
use super::error::{ZoneFileError, ZoneFileErrorKind};
use super::lexer::{Entry, Lexer, Position};

/// Reads the zone `origin` from a zone file: its record sets in the order of their names, without the apex SOA and
/// NS, which belong to the provider that the file comes from.
///
/// A record without a time to live takes that of `$TTL`, else the last one stated, else the minimum of the SOA
/// record. Records of one set with different times take the smallest (RFC 2181, section 5.2).
pub fn parse(text: &str, origin: &DnsName) -> Result<Vec<ZoneRecordSet>, ZoneFileError> {
    let mut file = File::new(origin);
    let mut lexer = Lexer::new(text);
    while let Some(entry) = lexer.entry()? {
        file.read(&entry)?;
    }
    Ok(file.sets.into_values().collect())
}

/// What has been read so far.
struct File<'a> {
    zone: &'a DnsName,
    /// What relative names are relative to.
    origin: DnsName,
    /// The name of the last record.
    owner: Option<DnsName>,
    /// The time that `$TTL` states, or the minimum of an SOA record that has no time itself.
    default_ttl: Option<u32>,
    /// The time that the last record states that states one.
    stated_ttl: Option<u32>,
    sets: BTreeMap<(DnsName, RecordType), ZoneRecordSet>,
}

/// What stands between a record's owner and its data.
struct Head {
    ttl: Option<u32>,
    record_type: RecordType,
}

impl<'a> File<'a> {
    fn new(zone: &'a DnsName) -> Self {
        Self {
            zone,
            origin: zone.clone(),
            owner: None,
            default_ttl: None,
            stated_ttl: None,
            sets: BTreeMap::new(),
        }
    }

    fn read(&mut self, entry: &Entry) -> Result<(), ZoneFileError> {
        let first = &entry.tokens[0];
        if first.text.starts_with('$') && !first.quoted { self.directive(entry) } else { self.record(entry) }
    }

    fn directive(&mut self, entry: &Entry) -> Result<(), ZoneFileError> {
        let word = &entry.tokens[0].text;
        match word.to_ascii_uppercase().as_str() {
            "$ORIGIN" => {
                let (text, at) = argument(entry, "$ORIGIN", "$ORIGIN example.com.")?;
                self.origin = self.name(text, at)?;
                Ok(())
            }
            "$TTL" => {
                let (text, at) = argument(entry, "$TTL", "$TTL 1h")?;
                self.default_ttl = Some(ttl::parse(text).map_err(|error| at.error(error))?);
                Ok(())
            }
            "$INCLUDE" => Err(entry.positions[0].error(ZoneFileErrorKind::Include)),
            "$GENERATE" => Err(entry.positions[0].error(ZoneFileErrorKind::Generate)),
            _ => Err(entry.positions[0].error(ZoneFileErrorKind::UnknownDirective { found: word.clone() })),
        }
    }

    fn record(&mut self, entry: &Entry) -> Result<(), ZoneFileError> {
        let name = self.owner(entry)?;
        let mut at = usize::from(!entry.indented);
        let head = head(entry, &mut at)?;
        let data = Rdata::parse_in_master_file(head.record_type, &entry.tokens[at..], &self.origin)
            .map_err(|error| entry.positions[at + error.token].error(error))?;
        let ttl =
            self.ttl(head.ttl, &data).ok_or_else(|| entry.positions[0].error(ZoneFileErrorKind::NoTtl))?;
        let is_apex = name == *self.zone;
        match head.record_type {
            RecordType::Soa if !is_apex => Err(entry.positions[0].error(ZoneFileErrorKind::SoaBelowApex)),
            RecordType::Soa | RecordType::Ns if is_apex => Ok(()),
            _ => {
                self.insert(name, ttl, data);
                Ok(())
            }
        }
    }

    fn owner(&mut self, entry: &Entry) -> Result<DnsName, ZoneFileError> {
        let at = entry.positions[0];
        if !entry.indented {
            let name = self.name(&entry.tokens[0].text, at)?;
            if !name.is_in(self.zone) {
                return Err(at.error(ZoneFileErrorKind::OutOfZone { name, zone: self.zone.clone() }));
            }
            self.owner = Some(name);
        }
        self.owner.clone().ok_or_else(|| at.error(ZoneFileErrorKind::NoOwner))
    }

    fn name(&self, text: &str, at: Position) -> Result<DnsName, ZoneFileError> {
        DnsName::relative(text, &self.origin, Escapes::Decimal).map_err(|error| at.error(error))
    }

    /// The record's time to live, as BIND finds it.
    fn ttl(&mut self, stated: Option<u32>, data: &Rdata) -> Option<u32> {
        self.stated_ttl = stated.or(self.stated_ttl);
        if self.stated_ttl.is_none() {
            self.default_ttl = self.default_ttl.or(data.soa_minimum());
        }
        stated.or(self.default_ttl).or(self.stated_ttl)
    }

    fn insert(&mut self, name: DnsName, ttl: u32, data: Rdata) {
        let record_type = data.record_type();
        match self.sets.entry((name.clone(), record_type)) {
            Place::Occupied(mut place) => {
                let set = place.get_mut();
                set.ttl = set.ttl.min(ttl);
                set.values.insert(data);
            }
            Place::Vacant(place) => {
                place.insert(ZoneRecordSet { name, record_type, ttl, values: [data].into() });
            }
        }
    }
}

/// The one argument of a directive.
fn argument<'a>(
    entry: &'a Entry,
    directive: &'static str,
    example: &'static str,
) -> Result<(&'a str, Position), ZoneFileError> {
    match entry.tokens.as_slice() {
        [_, argument] => Ok((&argument.text, entry.positions[1])),
        tokens => {
            let at = entry.positions[tokens.len().min(2)];
            Err(at.error(ZoneFileErrorKind::Argument { directive, example }))
        }
    }
}

/// Reads time to live and class, in either order and both optional, and the type; moves `at` behind them.
fn head(entry: &Entry, at: &mut usize) -> Result<Head, ZoneFileError> {
    let (mut stated, mut has_class) = (None, false);
    while let Some(token) = entry.tokens.get(*at) {
        let position = entry.positions[*at];
        *at += 1;
        if let (None, Ok(seconds)) = (stated, ttl::parse(&token.text)) {
            stated = Some(seconds);
        } else if !has_class && is_class(token) {
            has_class = true;
            check_class(token).map_err(|kind| position.error(kind))?;
        } else {
            let record_type = record_type(token).map_err(|kind| position.error(kind))?;
            return Ok(Head { ttl: stated, record_type });
        }
    }
    Err(entry.positions[*at].error(ZoneFileErrorKind::NoType))
}

fn is_class(token: &Token) -> bool {
    ["IN", "CH", "CHAOS", "HS", "HESIOD", "CS"].iter().any(|class| class.eq_ignore_ascii_case(&token.text))
        || numbered("CLASS", &token.text).is_some()
}

fn check_class(token: &Token) -> Result<(), ZoneFileErrorKind> {
    let is_internet = token.text.eq_ignore_ascii_case("IN") || numbered("CLASS", &token.text) == Some(1);
    if is_internet { Ok(()) } else { Err(ZoneFileErrorKind::Class { found: token.text.clone() }) }
}

fn record_type(token: &Token) -> Result<RecordType, ZoneFileErrorKind> {
    let by_number = || RecordType::from_code(numbered("TYPE", &token.text)?);
    token
        .text
        .parse()
        .ok()
        .or_else(by_number)
        .ok_or_else(|| ZoneFileErrorKind::UnknownType { found: token.text.clone() })
}

/// The number in a word such as `TYPE99` (RFC 3597, section 5).
fn numbered(prefix: &str, text: &str) -> Option<u16> {
    let (head, number) = text.split_at_checked(prefix.len())?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse().ok().filter(|_| head.eq_ignore_ascii_case(prefix) && is_number)
}
