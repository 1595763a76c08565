//! `socle_dns_records`: record sets of one's own in a zone that another state owns.

use std::collections::{BTreeMap, BTreeSet};

use tfplugin::{
    Call, CreateError, Diagnostic, Diagnostics, ImportId, Map, Model, Nothing, Plan, Reached, Resource,
    Timeouts, Value, Wanted,
};

use super::change::{Policy, Unmanaged};
use super::clash::{known_sets, refused};
use super::escape::Escapes;
use super::glob::Ignore;
use super::reconcile::{Reconciled, Reconciliation};
use super::record::{Record, RecordSets, canonical_sets, keys_of, sets_of, shown};
use super::route53::ZoneRecords;
use super::{DnsName, RecordSet, SetKey};
use crate::clients::retry::Budget;
use crate::clients::{Clients, budget};

/// Record sets in a zone that another state owns.
///
/// This resource owns the sets that it names, and no others: it never overwrites a set that it did not make, unless
/// `adopt` says so. A set that is there already, exactly as it is wanted, is taken over, and a destroy removes it: so an
/// apply that was killed goes on. For a zone of your own, use `socle_dns_zone`.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct DnsRecords {
    /// The id of the zone.
    #[tf(required, requires_replace)]
    zone_id: Value<String>,
    /// The record sets, by label, as in `socle_dns_zone`. Names are relative to the zone, without its name. A null
    /// entry is left out.
    #[tf(required)]
    records: Value<Map<Record>>,
    /// Whether a set that is in the zone already, with other content, is taken over and overwritten. Default: `false`,
    /// an error.
    #[tf(optional, default = false)]
    adopt: Value<bool>,
    /// How long each operation may take.
    #[tf(timeouts(create = "10m", read = "5m", update = "10m", delete = "10m"))]
    timeouts: Value<Timeouts>,
    /// The record sets that this resource manages, in full and in canonical form, by label `NAME TYPE [IDENTIFIER]`.
    /// Known at plan: a plan shows here each record set that is added, changed or removed.
    #[tf(computed)]
    record_sets: Value<RecordSets>,
}

impl Resource for DnsRecords {
    type Clients = Clients;
    type Model = Self;
    type Identity = Nothing;

    const NAME: &'static str = "dns_records";
    const SUBCATEGORY: &'static str = "DNS";

    fn validate(config: &Self, found: &mut Diagnostics) {
        let at = Self::paths().records();
        match canonical_sets(&config.records, &at, &DnsName::root()) {
            Ok(_) => {
                let sets = known_sets(&config.records, &DnsName::root());
                found.extend(refused(&sets, &DnsName::root(), &at));
            }
            Err(errors) => found.extend(errors),
        }
    }

    fn plan(plan: &mut Plan<Self>) -> Result<(), Diagnostics> {
        // The zone's name is not known here, so names are relative: their zone is the root.
        plan.planned.record_sets =
            canonical_sets(&plan.planned.records, &Self::paths().records(), &DnsName::root())?;
        Ok(())
    }

    async fn read(call: &Call<Clients>, state: Self) -> Result<Option<Self>, Diagnostics> {
        let work = Work::begin(call, &state).await?;
        let Some(work) = work else { return Ok(None) };
        let managed = keys_of(&state.record_sets, &work.apex);
        let observed = work.observe().await?;
        let ours = observed.sets.values().filter(|set| managed.contains(&set.key));
        let record_sets = shown(ours, &work.apex);
        // A state that managed sets, of which none is left, is of something that is gone.
        let gone = record_sets.is_empty() && !managed.is_empty();
        Ok((!gone).then(|| Self { record_sets: record_sets.into(), ..state }))
    }

    async fn create(call: &Call<Clients>, wanted: Wanted<Self>) -> Result<Self, CreateError<Self>> {
        let planned = wanted.planned;
        let work = Work::begin(call, &planned).await.and_then(|work| work.ok_or_else(|| planned.no_zone()));
        let mut work = work.map_err(CreateError::nothing)?;
        let nothing = Self { record_sets: RecordSets::new().into(), ..planned.clone() };
        work.apply(nothing, &planned).await.map_err(|reached| match &reached.state.record_sets {
            Value::Known(sets) if !sets.is_empty() => CreateError::Exists(Box::new(reached)),
            _ => CreateError::Nothing(reached.errors),
        })
    }

    async fn update(call: &Call<Clients>, prior: Self, wanted: Wanted<Self>) -> Result<Self, Reached<Self>> {
        let planned = wanted.planned;
        let work = Work::begin(call, &planned).await.and_then(|work| work.ok_or_else(|| planned.no_zone()));
        match work {
            Ok(mut work) => work.apply(prior, &planned).await,
            Err(errors) => Err(Reached::new(prior, errors)),
        }
    }

    async fn delete(call: &Call<Clients>, state: Self) -> Result<(), Reached<Self>> {
        match Work::begin(call, &state).await {
            Ok(None) => Ok(()),
            Ok(Some(mut work)) => {
                let nothing = Self {
                    records: Map::new().into(),
                    record_sets: RecordSets::new().into(),
                    ..state.clone()
                };
                work.apply(state, &nothing).await.map(drop)
            }
            Err(errors) => Err(Reached::new(state, errors)),
        }
    }

    /// `ZONE_ID,LABEL,…`: the labels are those of `record_sets`.
    async fn import(call: &Call<Clients>, id: ImportId<Nothing>) -> Result<Self, Diagnostics> {
        let ImportId::Id(id) = id else { return Err(import_form().into()) };
        let (zone_id, labels) = id.split_once(',').ok_or_else(import_form)?;
        let labels: BTreeSet<&str> = labels.split(',').map(str::trim).collect();
        let state = Self { zone_id: zone_id.trim().into(), adopt: false.into(), ..Self::default() };
        let work = Work::begin(call, &state).await?.ok_or_else(|| state.no_zone())?;
        let observed = work.observe().await?;
        let named = observed.sets.values().filter(|set| labels.contains(set.key.label(&work.apex).as_str()));
        let named: Vec<&RecordSet> = named.collect();
        if let Some(missing) =
            labels.iter().find(|label| !named.iter().any(|set| set.key.label(&work.apex) == **label))
        {
            let detail = format!(
                "The zone {} holds no record set {missing:?}. {IMPORT_FORM}",
                work.apex.without_dot()
            );
            return Err(Diagnostic::error("No such record set", detail).into());
        }
        let records = named.iter().map(|set| (set.key.label(&work.apex), Record::of(set, &work.apex).into()));
        Ok(Self {
            records: records.collect::<Map<Record>>().into(),
            record_sets: shown(named, &work.apex).into(),
            ..state
        })
    }
}

const IMPORT_FORM: &str =
    "An import names the zone's id and the labels of its sets: `Z0123456789ABCDEFGHIJ,www A,@ MX`.";

fn import_form() -> Diagnostic {
    Diagnostic::error("Import id has another form", IMPORT_FORM)
}

impl DnsRecords {
    fn no_zone(&self) -> Diagnostics {
        let id = self.zone_id.known().map_or("", String::as_str);
        let detail = format!(
            "There is no hosted zone {id:?}. Check the id, and that the credentials are of its account."
        );
        Diagnostic::error("No such zone", detail).at(Self::paths().zone_id()).into()
    }
}

/// One look at, or change of, the sets in one zone.
struct Work<'c> {
    call: &'c Call<Clients>,
    budget: Budget,
    zone_id: String,
    apex: DnsName,
}

impl<'c> Work<'c> {
    /// `None` when the zone is gone.
    async fn begin(call: &'c Call<Clients>, state: &DnsRecords) -> Result<Option<Self>, Diagnostics> {
        let (budget, zone_id) = (budget(call), state.zone_id.known().cloned().unwrap_or_default());
        let zone = call.clients().route53().zone(&zone_id, &budget).await;
        let zone = zone.map_err(|error| unreadable(&error))?;
        Ok(zone.map(|found| Self { call, budget, zone_id, apex: found.zone.name }))
    }

    async fn observe(&self) -> Result<ZoneRecords, Diagnostics> {
        let records = self.call.clients().route53().record_sets(&self.zone_id, &self.budget).await;
        records.map_err(|error| unreadable(&error).into())
    }

    /// From one state to another; a failure returns what was reached.
    async fn apply(&mut self, from: DnsRecords, to: &DnsRecords) -> Result<DnsRecords, Reached<DnsRecords>> {
        if let Err(errors) = self.names_are_relative(to) {
            return Err(Reached::new(from, errors));
        }
        let managed = keys_of(&from.record_sets, &self.apex);
        let wanted = sets_of(&to.record_sets, &self.apex);
        match self.reconciliation(to).run(&managed, &wanted, None).await {
            Ok(done) => self.in_sync(done, to).await,
            Err(interrupted) => {
                let reached = interrupted.reached(sets_of(&from.record_sets, &self.apex));
                let labels = self.labels(to);
                let cure = "Remove it from the zone, or set `adopt = true` to take it over and overwrite it.";
                let at = DnsRecords::paths().records();
                let errors = interrupted.reason.diagnostics(&self.apex, &labels, &at, cure);
                let record_sets = shown(reached.values(), &self.apex).into();
                Err(Reached::new(DnsRecords { record_sets, ..from }, errors))
            }
        }
    }

    fn reconciliation(&self, to: &DnsRecords) -> Reconciliation<'_> {
        let adopts = to.adopt == Value::Known(true);
        let unmanaged = if adopts { Unmanaged::Adopt } else { Unmanaged::Keep };
        Reconciliation {
            route53: self.call.clients().route53(),
            zone_id: &self.zone_id,
            budget: &self.budget,
            policy: Policy { zone: self.apex.clone(), unmanaged, ignore: Ignore::default() },
        }
    }

    async fn in_sync(&self, done: Reconciled, to: &DnsRecords) -> Result<DnsRecords, Reached<DnsRecords>> {
        let Some(change) = done.change else { return Ok(to.clone()) };
        match self.call.clients().route53().wait_insync(&change, &self.budget).await {
            Ok(()) => Ok(to.clone()),
            Err(error) => {
                let summary = "Records are accepted, but not known to be served everywhere yet";
                Err(Reached::new(to.clone(), Diagnostic::error(summary, error.to_string())))
            }
        }
    }

    /// The plan could not know the zone's name; now it is known whether a name repeats it.
    fn names_are_relative(&self, to: &DnsRecords) -> Result<(), Diagnostics> {
        let at = DnsRecords::paths().records();
        let repeats = |(label, record): (&String, &Value<Record>)| {
            let name = record.known()?.name.known().unwrap_or(label);
            let absolute =
                DnsName::absolute(name, Escapes::Octal).ok().filter(|name| name.is_in(&self.apex))?;
            let relative = absolute.relative_to(&self.apex);
            let detail = format!("{name:?} ends with the name of the zone: write {relative:?}.");
            Some(Diagnostic::error("Name is not relative to the zone", detail).at(at.key(label).name()))
        };
        let found: Diagnostics = to.records.known().into_iter().flatten().filter_map(repeats).collect();
        found.into_result()
    }

    fn labels(&self, to: &DnsRecords) -> BTreeMap<SetKey, String> {
        known_sets(&to.records, &self.apex).into_iter().map(|(label, set)| (set.key, label)).collect()
    }
}

fn unreadable(problem: &impl ToString) -> Diagnostic {
    Diagnostic::error("Zone cannot be read", problem.to_string())
}
