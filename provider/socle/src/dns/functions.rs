//! `parse_zone_file` and `render_zone_file`.

use tfplugin::{Dynamic, Function, FunctionError, Map, Parameters, Path, Value};

use super::escape::Escapes;
use super::record::Record;
use super::zone_file::{self, ZoneRecordSet};
use super::{DnsName, RecordSet, ttl};

/// What `parse_zone_file` takes.
#[derive(Debug, Parameters)]
pub struct ZoneFileText {
    /// The master file (RFC 1035), as registrars and BIND export it.
    text: String,
    /// The zone's name: what names are relative to before the first `$ORIGIN`.
    origin: String,
}

/// Reads a zone file.
#[derive(Debug)]
pub struct ParseZoneFile;

impl Function for ParseZoneFile {
    type Parameters = ZoneFileText;
    type Result = Map<Record>;

    const NAME: &'static str = "parse_zone_file";
    const SUMMARY: &'static str = "Reads a zone file into record sets.";
    const DESCRIPTION: &'static str = "\
        Reads a DNS zone file (RFC 1035 master file) into a map for the `records` of `socle_dns_zone`, labelled \
        `NAME TYPE`. The SOA and NS records of the zone itself are left out: they name the old provider. `$INCLUDE`, \
        `$GENERATE` and record types that Route 53 does not take are refused, by line and column.";

    fn call(arguments: ZoneFileText) -> Result<Map<Record>, FunctionError> {
        let origin = origin(&arguments.origin, ZoneFileText::ORIGIN)?;
        let sets = zone_file::parse(&arguments.text, &origin).map_err(|error| {
            FunctionError::on(
                ZoneFileText::TEXT,
                format!("line {}, column {}: {}", error.line, error.column, error.kind),
            )
        })?;
        let labelled = |set: ZoneRecordSet| {
            let set = RecordSet::from(set);
            (set.key.label(&origin), Value::Known(Record::of(&set, &origin)))
        };
        Ok(sets.into_iter().map(labelled).collect())
    }
}

/// What `render_zone_file` takes.
#[derive(Debug, Parameters)]
pub struct ZoneRecordsToRender {
    /// Record sets, as `records` of `socle_dns_zone` takes them.
    records: Dynamic,
    /// The zone's name.
    origin: String,
}

/// Writes a zone file.
#[derive(Debug)]
pub struct RenderZoneFile;

impl Function for RenderZoneFile {
    type Parameters = ZoneRecordsToRender;
    type Result = String;

    const NAME: &'static str = "render_zone_file";
    const SUMMARY: &'static str = "Writes record sets as a zone file.";
    const DESCRIPTION: &'static str = "\
        Writes record sets as a DNS zone file (RFC 1035 master file) that `parse_zone_file` reads back to the same \
        sets. Aliases, and sets with a routing policy or a health check, are Route 53's own and are refused by label.";

    fn call(arguments: ZoneRecordsToRender) -> Result<String, FunctionError> {
        let origin = origin(&arguments.origin, ZoneRecordsToRender::ORIGIN)?;
        let on_records = |message: String| FunctionError::on(ZoneRecordsToRender::RECORDS, message);
        let at = <Map<Record> as tfplugin::Typed>::Path::from(Path::root());
        let told = |problem: tfplugin::Diagnostic| {
            let place = problem.path.map(|path| format!("At {path}: ")).unwrap_or_default();
            let sentence = format!("{place}{}: {}", problem.summary, problem.detail);
            on_records(sentence.trim_end_matches('.').to_owned())
        };
        let records = Value::<Map<Record>>::from_raw(arguments.records.value, &Path::root())
            .map_err(told)?
            .into_known();
        let set = |(label, record): (String, Value<Record>)| {
            let record = record.into_known()?.canonical(&label, &at.key(&label), &origin).map_err(told);
            let lost = || {
                let needed = format!("a type, values, and a TTL from 0 to {}", ttl::MAX);
                on_records(format!("the entry {label:?} is no record set: give it {needed}"))
            };
            Some(record.and_then(|record| record.to_set(&origin).ok_or_else(lost)))
        };
        let sets: Vec<_> =
            records.unwrap_or_default().into_iter().filter_map(set).collect::<Result<_, _>>()?;
        zone_file::render(&sets, &origin).map_err(|error| on_records(error.to_string()))
    }
}

fn origin(text: &str, argument: tfplugin::function::Argument) -> Result<DnsName, FunctionError> {
    DnsName::absolute(text, Escapes::Octal).map_err(|error| FunctionError::on(argument, error.to_string()))
}
