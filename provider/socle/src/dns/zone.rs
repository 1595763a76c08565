//! `socle_dns_zone`: a zone with its whole record set as one resource.

mod apply;
pub(super) mod observed;
mod plan;

use std::collections::BTreeSet;

use tfplugin::{
    Call, CreateError, Diagnostic, Diagnostics, ImportId, List, Map, Model, Plan, Reached, Resource, Set,
    Timeouts, Value, Wanted,
};

use super::change::{Policy, Unmanaged};
use super::escape::Escapes;
use super::glob::Ignore;
use super::name::is_zone_name;
use super::record::{Record, RecordSets};
use super::{DnsName, route53};
use crate::clients::Clients;

/// A hosted zone of Route 53, with its records.
///
/// The zone and all its records are one resource: a change of any number of records is planned as one, sent in the
/// few atomic batches, as large as Route 53 takes them, and awaited once. The plan shows every record set that changes in
/// `record_sets`, in canonical form, whatever way it is written in `records`.
///
/// Let one state own a zone. A zone that exists is never made a second time: the create says to import it, and one that an
/// earlier create left half made is finished. But runs of two states that make a zone of one name at the same moment cannot
/// see each other, and Route 53 takes both: there may then be two zones, or one that both states hold. Other states take the
/// data source, or `socle_dns_records` for sets of their own.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct DnsZone {
    /// The name of the zone, such as `example.social`. A change means a new zone with other name servers.
    #[tf(required, validate(describe("a domain name", |name: &String| is_zone_name(name))), requires_replace_if(|before: &String, after: &String| is_another_name(before, after)))]
    name: Value<String>,
    /// The record sets, by label. The label is for reading: `name`, `type` and `set_identifier` of the entry say what
    /// it is. A null entry is left out. Terraform drops, without a word, what an entry has and should not: mind the spelling
    /// of `ttl`. The zone's own SOA and NS are Route 53's unless they stand here. Thousands of
    /// records come best from `parse_zone_file`: Terraform itself turns an object of HCL into a map in time that grows
    /// with the square of its entries.
    #[tf(optional)]
    records: Value<Map<Record>>,
    /// What happens to record sets in the zone that `records` does not name: `keep` leaves them, and a new record that
    /// would overwrite one is an error; `delete` removes them, and the plan shows which. Default: `keep`.
    #[tf(optional, default = "keep", validate(one_of(["keep", "delete"])))]
    unmanaged_records: Value<String>,
    /// Names that are never touched and never shown: globs over the absolute name without its final dot, where `*`
    /// stands for any text (dots too) and `?` for one character, such as `_acme-challenge.*`. A destroy with
    /// `force_destroy` removes them with the zone. Default: none.
    #[tf(optional, validate(describe("a list of globs", are_globs)))]
    ignore_records: Value<List<String>>,
    /// The networks that see the zone, which makes it a private one. Between public and private only a new zone
    /// leads. Default: none, a public zone.
    #[tf(optional)]
    vpcs: Value<Set<Vpc>>,
    /// A comment, at most 256 characters. While a zone is being made, it reads `socle: creating`. Default: empty.
    #[tf(optional, default = "", validate(length(..=256)))]
    comment: Value<String>,
    /// Tags of the zone. Tags that begin with `aws:` are AWS's own and never touched. Default: none.
    #[tf(optional)]
    tags: Value<Map<String>>,
    /// Whether the zone may be destroyed with record sets in it that this resource does not manage. Must be applied
    /// before the destroy. Default: `false`.
    #[tf(optional, default = false)]
    force_destroy: Value<bool>,
    /// How long each operation may take.
    #[tf(timeouts(create = "10m", read = "5m", update = "10m", delete = "10m"))]
    timeouts: Value<Timeouts>,
    /// The id of the zone, such as `Z0123456789ABCDEFGHIJ`.
    #[tf(computed, use_state_for_unknown)]
    id: Value<String>,
    /// The Amazon Resource Name of the zone.
    #[tf(computed, use_state_for_unknown)]
    arn: Value<String>,
    /// The names of the servers that answer for the zone, to be set at the registrar. Empty for a private zone.
    #[tf(computed, use_state_for_unknown)]
    name_servers: Value<List<String>>,
    /// The record sets that this resource manages, in full and in canonical form, by label `NAME TYPE [IDENTIFIER]`.
    /// Known at plan: a plan shows here each record set that is added, changed or removed.
    #[tf(computed)]
    record_sets: Value<RecordSets>,
    /// What else is in the zone, by the same labels, as of the last refresh. Under `unmanaged_records = "delete"` the
    /// plan empties it: what it shows as removed is what goes.
    #[tf(computed)]
    unmanaged_record_sets: Value<RecordSets>,
}

/// A network of AWS's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Model)]
pub struct Vpc {
    /// The id of the VPC, such as `vpc-0a1b2c3d`.
    #[tf(required)]
    id: Value<String>,
    /// The region of the VPC, such as `eu-west-3`.
    #[tf(required)]
    region: Value<String>,
}

/// What names a zone in the world.
#[derive(Debug, Clone, PartialEq, Model)]
pub struct ZoneIdentity {
    /// The id of the zone.
    #[tf(required)]
    id: Value<String>,
}

impl Resource for DnsZone {
    type Clients = Clients;
    type Model = Self;
    type Identity = ZoneIdentity;

    const NAME: &'static str = "dns_zone";
    const SUBCATEGORY: &'static str = "DNS";

    fn validate(config: &Self, found: &mut Diagnostics) {
        plan::validate(config, found);
    }

    fn plan(plan: &mut Plan<Self>) -> Result<(), Diagnostics> {
        plan::plan(plan)
    }

    fn plan_destroy(prior: &Self) -> Result<(), Diagnostics> {
        plan::plan_destroy(prior)
    }

    async fn read(call: &Call<Clients>, state: Self) -> Result<Option<Self>, Diagnostics> {
        observed::read(call, state).await
    }

    // Boxed: the futures of the SDK's calls add up to kilobytes.
    async fn create(call: &Call<Clients>, wanted: Wanted<Self>) -> Result<Self, CreateError<Self>> {
        Box::pin(apply::create(call, wanted.planned)).await
    }

    async fn update(call: &Call<Clients>, prior: Self, wanted: Wanted<Self>) -> Result<Self, Reached<Self>> {
        Box::pin(apply::update(call, prior, wanted.planned)).await
    }

    async fn delete(call: &Call<Clients>, state: Self) -> Result<(), Reached<Self>> {
        Box::pin(apply::delete(call, state)).await
    }

    async fn import(call: &Call<Clients>, id: ImportId<ZoneIdentity>) -> Result<Self, Diagnostics> {
        let id = match id {
            ImportId::Id(id) => id,
            ImportId::Identity(identity) => identity.id.into_known().unwrap_or_default(),
        };
        observed::import(call, id.trim_start_matches("/hostedzone/")).await
    }

    fn identity(state: &Self) -> Option<ZoneIdentity> {
        Some(ZoneIdentity { id: state.id.clone() })
    }
}

impl DnsZone {
    /// The zone's name, once it is known.
    fn apex(&self) -> Option<DnsName> {
        DnsName::absolute(self.name.known()?, Escapes::Octal).ok()
    }

    /// The names that are never touched, once they are all known.
    fn ignored(&self) -> Option<Ignore> {
        let Value::Known(patterns) = &self.ignore_records else {
            return self.ignore_records.is_null().then(Ignore::default);
        };
        let patterns: Vec<_> =
            patterns.iter().map(|pattern| Some(pattern.known()?.as_str())).collect::<Option<_>>()?;
        Ignore::parse(patterns).ok()
    }

    fn deletes_unmanaged(&self) -> bool {
        self.unmanaged_records.known().is_some_and(|word| word == "delete")
    }

    /// The rules by which the zone is changed; at apply everything is known.
    fn policy(&self, apex: DnsName) -> Policy {
        Policy { zone: apex, unmanaged: Unmanaged::Keep, ignore: self.ignored().unwrap_or_default() }
    }

    fn networks(&self) -> BTreeSet<route53::Vpc> {
        let known = self.vpcs.known().into_iter().flatten().filter_map(Value::known);
        let network = |vpc: &Vpc| {
            Some(route53::Vpc { id: vpc.id.known()?.clone(), region: vpc.region.known()?.clone() })
        };
        known.filter_map(network).collect()
    }
}

fn is_another_name(before: &str, after: &str) -> bool {
    DnsName::absolute(before, Escapes::Octal).ok() != DnsName::absolute(after, Escapes::Octal).ok()
}

fn are_globs(patterns: &List<String>) -> Result<(), String> {
    let known = patterns.iter().filter_map(Value::known).map(String::as_str);
    Ignore::parse(known).map(drop).map_err(|problem| problem.to_string())
}

fn failed(summary: &str, problem: &impl ToString) -> Diagnostic {
    Diagnostic::error(summary, problem.to_string())
}
