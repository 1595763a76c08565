//! Reading a record's data from text.

use super::super::escape::Escapes;
use super::super::{DnsName, RecordType, ttl};
use super::table::{Field, Kind, shape};
use super::token::{Token, tokens};
use super::{Rdata, RdataError, RdataProblem, SvcParams, Value};

impl Rdata {
    /// Reads a value as the configuration and Route 53 write it: octal escapes, absolute names. A TXT or SPF value
    /// that does not begin with a quote is one text, taken as it is.
    pub fn parse(record_type: RecordType, value: &str) -> Result<Self, RdataError> {
        let is_text = matches!(record_type, RecordType::Txt | RecordType::Spf);
        if is_text && !value.starts_with('"') {
            return Ok(Self { record_type, values: vec![Value::Text(value.as_bytes().to_vec())] });
        }
        let tokens = tokens(value).map_err(|_| RdataError {
            record_type,
            token: 0,
            problem: RdataProblem::OpenQuote,
        })?;
        Fields { record_type, tokens: &tokens, next: 0, origin: None }.read()
    }

    /// Reads the tokens of a record in a master file: decimal escapes, names relative to `origin`, and the generic
    /// form `\# LENGTH HEX` for every type.
    pub fn parse_in_master_file(
        record_type: RecordType,
        tokens: &[Token],
        origin: &DnsName,
    ) -> Result<Self, RdataError> {
        match tokens.split_first() {
            Some((first, rest)) if first.text == r"\#" && !first.quoted => generic(record_type, rest)
                .ok_or(RdataError { record_type, token: 0, problem: RdataProblem::Generic }),
            _ => Fields { record_type, tokens, next: 0, origin: Some(origin) }.read(),
        }
    }
}

/// Reads what follows `\#` (RFC 3597, section 5).
fn generic(record_type: RecordType, tokens: &[Token]) -> Option<Rdata> {
    let (length, hex) = tokens.split_first()?;
    let length = number(&length.text, u32::from(u16::MAX))?;
    let bytes = hex_bytes(&hex.iter().map(|token| token.text.as_str()).collect::<String>())?;
    let is_whole = usize::try_from(length).is_ok_and(|length| length == bytes.len());
    is_whole.then(|| Rdata::from_wire(record_type, &bytes))?
}

/// The tokens of one record, read field by field.
struct Fields<'a> {
    record_type: RecordType,
    tokens: &'a [Token],
    next: usize,
    /// What relative names are relative to; none where every name is absolute, as in Route 53.
    origin: Option<&'a DnsName>,
}

impl<'a> Fields<'a> {
    fn read(mut self) -> Result<Rdata, RdataError> {
        let fields = shape(self.record_type).fields;
        let values = fields.iter().map(|field| self.value(*field)).collect::<Result<_, _>>()?;
        match self.tokens.get(self.next) {
            Some(token) => Err(self.error(RdataProblem::Extra { found: token.text.clone() })),
            None => Ok(Rdata { record_type: self.record_type, values }),
        }
    }

    fn value(&mut self, field: Field) -> Result<Value, RdataError> {
        let value = match field.kind {
            Kind::Hex => self.hex(field),
            Kind::TextStrings => self.text_strings(field),
            Kind::SvcParams => return self.params(),
            _ => self.token(field).and_then(|token| self.single(field, &token.text)),
        };
        let value = value.map_err(|problem| self.error(problem))?;
        self.next += 1;
        Ok(value)
    }

    /// The token that is to be read now.
    fn token(&self, field: Field) -> Result<&'a Token, RdataProblem> {
        self.tokens.get(self.next).ok_or(RdataProblem::Missing { field })
    }

    fn single(&self, field: Field, text: &str) -> Result<Value, RdataProblem> {
        let value = match field.kind {
            Kind::Ipv4 => text.parse().ok().map(Value::Ipv4),
            Kind::Ipv6 => text.parse().ok().map(Value::Ipv6),
            Kind::Name => return self.name(field, text),
            Kind::Ttl => ttl::parse(text).ok().map(Value::Number),
            Kind::Tag => tag(text),
            Kind::CharacterString => self.text(field, text)?,
            Kind::LongString => Some(Value::Text(self.bytes(field, text)?)),
            kind => kind
                .maximum()
                .and_then(|maximum| number(text, maximum).or_else(|| mnemonic(kind, text)))
                .map(Value::Number),
        };
        value.ok_or_else(|| RdataProblem::Field { field, found: text.to_owned() })
    }

    fn name(&self, field: Field, text: &str) -> Result<Value, RdataProblem> {
        match self.origin {
            Some(origin) => DnsName::relative(text, origin, self.escapes()),
            None => DnsName::absolute(text, self.escapes()),
        }
        .map(Value::Name)
        .map_err(|source| RdataProblem::Name { field, source })
    }

    /// A text of at most 255 bytes; none where it is longer.
    fn text(&self, field: Field, text: &str) -> Result<Option<Value>, RdataProblem> {
        let bytes = self.bytes(field, text)?;
        Ok((bytes.len() <= 255).then_some(Value::Text(bytes)))
    }

    /// The concatenation of all strings. One above 255 bytes is split where it is written, as some registrars
    /// export a long key in one string.
    fn text_strings(&mut self, field: Field) -> Result<Value, RdataProblem> {
        let mut all = Vec::new();
        self.token(field)?;
        while let Some(token) = self.tokens.get(self.next) {
            all.extend(self.bytes(field, &token.text)?);
            self.next += 1;
        }
        Ok(Value::Text(all))
    }

    /// Hexadecimal digits, which may be parted by spaces.
    fn hex(&mut self, field: Field) -> Result<Value, RdataProblem> {
        self.token(field)?;
        let found: String = self.tokens[self.next..].iter().map(|token| token.text.as_str()).collect();
        match hex_bytes(&found).filter(|bytes| !bytes.is_empty()) {
            Some(bytes) => {
                self.next = self.tokens.len();
                Ok(Value::Hex(bytes))
            }
            None => Err(RdataProblem::Field { field, found }),
        }
    }

    fn params(&mut self) -> Result<Value, RdataError> {
        let params = SvcParams::parse(&self.tokens[self.next..], self.escapes())
            .map_err(|problem| self.error(problem.into()))?;
        self.next = self.tokens.len();
        Ok(Value::Params(params))
    }

    fn bytes(&self, field: Field, text: &str) -> Result<Vec<u8>, RdataProblem> {
        self.escapes().bytes(text).map_err(|source| RdataProblem::Escape { field, source })
    }

    const fn escapes(&self) -> Escapes {
        if self.origin.is_some() { Escapes::Decimal } else { Escapes::Octal }
    }

    const fn error(&self, problem: RdataProblem) -> RdataError {
        RdataError { record_type: self.record_type, token: self.next, problem }
    }
}

/// Reads decimal digits alone: `str::parse` would take a sign.
pub(super) fn number(text: &str, maximum: u32) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number <= maximum)
}

fn mnemonic(kind: Kind, text: &str) -> Option<u32> {
    let (_, number) = kind.mnemonics().iter().find(|(name, _)| name.eq_ignore_ascii_case(text))?;
    Some(u32::from(*number))
}

fn tag(text: &str) -> Option<Value> {
    let valid = (1..=15).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    valid.then(|| Value::Text(text.to_ascii_lowercase().into_bytes()))
}

fn hex_bytes(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| {
            let [high, low] = pair else { return None };
            let digit = |byte: &u8| char::from(*byte).to_digit(16);
            u8::try_from(digit(high)? * 16 + digit(low)?).ok()
        })
        .collect()
}
