//! Making, changing and destroying a zone.

use std::collections::{BTreeMap, BTreeSet};

use tfplugin::{Call, CreateError, Diagnostic, Diagnostics, Model as _, Reached, Value};

use super::super::change::is_route53s;
use super::super::clash::known_sets;
use super::super::reconcile::{Interrupted, Reason, Reconciled, Reconciliation};
use super::super::record::{RecordSets, keys_of, sets_of, shown};
use super::super::route53::{
    ChangeId, NewZone, Route53, Route53Error, Vpc, WriteError, ZoneDetails, ZoneRecords, ZoneSummary,
};
use super::super::{DnsName, RecordSet, SetKey};
use super::plan::not_ours;
use super::{DnsZone, failed, observed};
use crate::clients::Clients;
use crate::clients::retry::Budget;

/// Begins every caller reference; what follows is chance, because Route 53 never takes one twice.
const REFERENCE: &str = "socle-";
/// The comment of a zone from the call that creates it until it is complete: a create that was killed is found by it.
const CREATING: &str = "socle: creating";

/// What to do about a record set in the way of a wanted one, which no plan has shown.
const TAKE_OVER: &str = "Remove it from the zone, or import the zone to take its records over.";
/// The same where the next plan will show it.
const PLAN_AGAIN: &str = "It came after the last refresh: plan again to see it, and apply to replace it.";

/// One apply of one zone.
struct Work<'c> {
    route53: &'c Route53,
    budget: Budget,
    wanted: DnsZone,
    apex: DnsName,
    /// The state that has been reached; what a failure returns.
    reached: DnsZone,
    /// The last change that was accepted: the servers have all when they have this.
    last: Option<ChangeId>,
}

pub(super) async fn create(call: &Call<Clients>, planned: DnsZone) -> Result<DnsZone, CreateError<DnsZone>> {
    let mut work = Work::new(call, DnsZone::default(), planned).map_err(CreateError::nothing)?;
    let begun = work.begin().await.map_err(CreateError::nothing)?;
    match Box::pin(work.finish(begun)).await {
        Ok(()) => Ok(work.reached),
        Err(errors) => Err(work.unfinished(errors)),
    }
}

pub(super) async fn update(
    call: &Call<Clients>,
    prior: DnsZone,
    planned: DnsZone,
) -> Result<DnsZone, Reached<DnsZone>> {
    let mut work = Work::new(call, prior.clone(), planned).map_err(|error| Reached::new(prior, error))?;
    match Box::pin(work.change()).await {
        Ok(()) => Ok(work.reached),
        Err(errors) => Err(Reached::new(work.reached, errors)),
    }
}

pub(super) async fn delete(call: &Call<Clients>, state: DnsZone) -> Result<(), Reached<DnsZone>> {
    let mut work =
        Work::new(call, state.clone(), state.clone()).map_err(|error| Reached::new(state, error))?;
    work.destroy().await.map_err(|errors| Reached::new(work.reached, errors))
}

/// A zone that is there, to be completed.
struct Begun {
    details: ZoneDetails,
    /// Its records, where they are known without asking.
    records: Option<ZoneRecords>,
}

impl<'c> Work<'c> {
    fn new(call: &'c Call<Clients>, reached: DnsZone, wanted: DnsZone) -> Result<Self, Diagnostic> {
        let unreadable = || Diagnostic::error("Invalid zone name", "The name cannot be read.");
        let apex = wanted.apex().ok_or_else(unreadable)?;
        Ok(Self {
            route53: call.clients().route53(),
            budget: crate::clients::budget(call),
            wanted,
            apex,
            reached,
            last: None,
        })
    }

    fn id(&self) -> &str {
        self.reached.id.known().map_or("", String::as_str)
    }

    // === create ===

    /// Makes the zone, or finds the one that a killed create left. One create at a time, and a zone that another resource
    /// of this run has begun is no leftover: two resources of one name would look at once, and make two zones.
    async fn begin(&mut self) -> Result<Begun, Diagnostic> {
        let mut begun = self.route53.begun().await;
        let zone = self.sole(&begun).await?;
        begun.insert(zone.details.zone.id.clone());
        Ok(zone)
    }

    async fn sole(&mut self, begun: &BTreeSet<String>) -> Result<Begun, Diagnostic> {
        let networks = self.wanted.networks();
        let rivals = self.rivals(&networks).await;
        let rivals = rivals.map_err(|error| failed("Zone cannot be created", &error))?;
        if let Some(left) = rivals.iter().find(|zone| is_unfinished(zone) && !begun.contains(&zone.id)) {
            return self.resume(&left.id).await;
        }
        if let Some(other) = rivals.first() {
            return Err(exists(other));
        }
        self.make(networks.into_iter().next()).await
    }

    /// The zones in whose place the wanted one would stand: public ones of its name, or private ones of its name that
    /// one of its networks sees.
    async fn rivals(&self, networks: &BTreeSet<Vpc>) -> Result<Vec<ZoneSummary>, Route53Error> {
        let mut rivals = self.route53.find_zones(&self.apex, &self.budget).await?;
        rivals.retain(|zone| zone.private != networks.is_empty());
        if networks.is_empty() {
            return Ok(rivals);
        }
        let mut seen = Vec::new();
        for zone in rivals {
            // Only the zone itself tells which networks see it.
            let details = self.route53.zone(&zone.id, &self.budget).await?;
            seen.extend(details.filter(|details| !details.vpcs.is_disjoint(networks)).map(|_| zone));
        }
        Ok(seen)
    }

    async fn make(&mut self, vpc: Option<Vpc>) -> Result<Begun, Diagnostic> {
        let new = NewZone {
            name: self.apex.clone(),
            caller_reference: format!("{REFERENCE}{:032x}", fastrand::u128(..)),
            comment: Some(CREATING.to_owned()),
            vpc,
        };
        match self.route53.create_zone(&new, &self.budget).await {
            Ok(created) => {
                self.last = Some(created.change);
                // A new zone holds Route 53's own SOA and NS and nothing else.
                Ok(Begun { details: created.details, records: Some(ZoneRecords::default()) })
            }
            Err(WriteError::Ambiguous(error)) => self.look_for(&new, error).await,
            Err(WriteError::Failed(error)) => Err(failed("Zone cannot be created", &error)),
        }
    }

    /// After a call whose outcome is unknown: the caller reference tells whether the zone is ours.
    async fn look_for(&self, new: &NewZone, ambiguous: Route53Error) -> Result<Begun, Diagnostic> {
        let found = self.route53.find_zones(&self.apex, &self.budget).await;
        let found =
            found.map_err(|_| failed("Zone may have been created; apply again to find it", &ambiguous))?;
        match found.iter().find(|zone| zone.caller_reference == new.caller_reference) {
            Some(zone) => self.resume(&zone.id).await,
            None => Err(failed("Zone was not created", &ambiguous)),
        }
    }

    async fn resume(&self, id: &str) -> Result<Begun, Diagnostic> {
        let details = self.route53.zone(id, &self.budget).await;
        let details = details.map_err(|error| failed("Zone was begun and cannot be read", &error))?;
        let gone =
            || Diagnostic::error("Zone is gone again", format!("Zone {id} was just there. Apply again."));
        Ok(Begun { details: details.ok_or_else(gone)?, records: None })
    }

    /// Brings a zone that is there to what is wanted; its comment comes last, and says that it is complete.
    async fn finish(&mut self, begun: Begun) -> Result<(), Diagnostics> {
        let details = begun.details;
        self.reached = DnsZone {
            id: details.zone.id.clone().into(),
            arn: observed::arn(&details.zone.id).into(),
            name_servers: observed::name_servers(&details).into(),
            comment: details.zone.comment.clone().unwrap_or_default().into(),
            tags: Value::Null,
            vpcs: observed::shown_networks(&details.vpcs),
            records: Value::Null,
            record_sets: RecordSets::new().into(),
            unmanaged_record_sets: RecordSets::new().into(),
            ..self.wanted.clone()
        };
        let mut tags = if begun.records.is_some() {
            BTreeMap::new()
        } else {
            let tags = self.route53.tags(self.id(), &self.budget).await;
            tags.map_err(|error| self.incomplete(&error))?
        };
        // In a zone that is found again, what is not wanted may be anybody's: no plan has shown it, so it stays. The next one
        // shows it.
        let networks: BTreeSet<_> = details.vpcs.intersection(&self.wanted.networks()).cloned().collect();
        let wanted_tags = observed::tags_of(&self.wanted.tags);
        tags.retain(|key, _| wanted_tags.contains_key(key));
        self.set_networks(&networks).await?;
        self.set_tags(&tags).await?;
        self.set_records(BTreeSet::new(), begun.records, TAKE_OVER).await?;
        self.in_sync().await?;
        self.set_comment(details.zone.comment.as_deref()).await
    }

    /// A zone that is begun stays, for the next create to finish: tainted, it would be replaced, and a new zone has
    /// other name servers. It is found again by its mark.
    fn unfinished(&self, mut errors: Diagnostics) -> CreateError<DnsZone> {
        let id = self.id();
        let detail = format!(
            "The zone {id} is made, and its comment says {CREATING:?}. Apply again to finish it; should that say that \
             the zone exists, or that a record set of others is in the way, import {id}. To discard it instead, delete it in \
             Route 53."
        );
        errors.push(Diagnostic::warning("Zone is not finished", detail));
        CreateError::Nothing(errors)
    }

    // === update ===

    async fn change(&mut self) -> Result<(), Diagnostics> {
        let prior = self.reached.clone();
        if prior.vpcs != self.wanted.vpcs {
            self.set_networks(&prior.networks()).await?;
        }
        if prior.tags != self.wanted.tags {
            self.set_tags(&observed::tags_of(&prior.tags)).await?;
        }
        if self.changes_records(&prior) {
            let mut managed = keys_of(&prior.record_sets, &self.apex);
            let mut cure = TAKE_OVER;
            if self.wanted.deletes_unmanaged() {
                // What the plan shows goes; what came since the last refresh nobody has agreed to lose.
                managed.extend(keys_of(&prior.unmanaged_record_sets, &self.apex));
                cure = PLAN_AGAIN;
            }
            self.set_records(managed, None, cure).await?;
        }
        self.in_sync().await?;
        self.set_comment(prior.comment.known().map(String::as_str)).await?;
        // The rest is spelling, and words to the provider alone: nothing in the world can fail for them.
        let reached = std::mem::take(&mut self.reached);
        self.reached = DnsZone {
            id: reached.id,
            arn: reached.arn,
            name_servers: reached.name_servers,
            unmanaged_record_sets: reached.unmanaged_record_sets,
            ..self.wanted.clone()
        };
        Ok(())
    }

    fn changes_records(&self, prior: &DnsZone) -> bool {
        prior.record_sets != self.wanted.record_sets
            || prior.unmanaged_record_sets != self.wanted.unmanaged_record_sets
    }

    // === the parts of a zone ===

    async fn set_networks(&mut self, current: &BTreeSet<Vpc>) -> Result<(), Diagnostics> {
        let wanted = self.wanted.networks();
        // First the new ones: Route 53 refuses to take the last network from a private zone.
        let mut reached = current.clone();
        for vpc in wanted.difference(current) {
            match self.route53.associate_vpc(self.id(), vpc, &self.budget).await {
                Ok(change) => self.last = Some(change),
                Err(WriteError::Ambiguous(error)) => self.expect_network(vpc, &error).await?,
                Err(WriteError::Failed(error)) => return Err(self.incomplete(&error).into()),
            }
            reached.insert(vpc.clone());
            self.reached.vpcs = observed::shown_networks(&reached);
        }
        for vpc in current.difference(&wanted) {
            let gone = self.route53.disassociate_vpc(self.id(), vpc, &self.budget).await;
            self.last = gone.map_err(|error| self.incomplete(&error))?.or(self.last.take());
            reached.remove(vpc);
            self.reached.vpcs = observed::shown_networks(&reached);
        }
        self.reached.vpcs = self.wanted.vpcs.clone();
        Ok(())
    }

    async fn expect_network(&self, vpc: &Vpc, ambiguous: &Route53Error) -> Result<(), Diagnostics> {
        match self.route53.zone(self.id(), &self.budget).await {
            Ok(Some(zone)) if zone.vpcs.contains(vpc) => Ok(()),
            _ => Err(self.incomplete(ambiguous).into()),
        }
    }

    async fn set_tags(&mut self, current: &BTreeMap<String, String>) -> Result<(), Diagnostics> {
        let wanted = observed::tags_of(&self.wanted.tags);
        let set: BTreeMap<_, _> =
            wanted.iter().filter(|(key, value)| current.get(*key) != Some(*value)).map(owned).collect();
        let own = |key: &&String| !key.starts_with("aws:");
        let remove: BTreeSet<_> =
            current.keys().filter(own).filter(|key| !wanted.contains_key(*key)).cloned().collect();
        let changed = self.route53.change_tags(self.id(), &set, &remove, &self.budget).await;
        changed.map_err(|error| self.incomplete(&error))?;
        self.reached.tags = self.wanted.tags.clone();
        Ok(())
    }

    async fn set_records(
        &mut self,
        managed: BTreeSet<SetKey>,
        observed: Option<ZoneRecords>,
        cure: &str,
    ) -> Result<(), Diagnostics> {
        let wanted = self.wanted_sets();
        let outcome = self.reconciliation().run(&managed, &wanted, observed).await;
        match outcome {
            Ok(done) => {
                self.records_done(&wanted, done);
                Ok(())
            }
            Err(interrupted) => {
                self.records_interrupted(&interrupted);
                Err(self.explain(interrupted.reason, cure))
            }
        }
    }

    fn wanted_sets(&self) -> BTreeMap<SetKey, RecordSet> {
        sets_of(&self.wanted.record_sets, &self.apex)
    }

    fn reconciliation(&self) -> Reconciliation<'_> {
        Reconciliation {
            route53: self.route53,
            zone_id: self.id(),
            budget: &self.budget,
            policy: self.wanted.policy(self.apex.clone()),
        }
    }

    fn records_done(&mut self, wanted: &BTreeMap<SetKey, RecordSet>, done: Reconciled) {
        let managed = wanted.keys().cloned().collect();
        let others = || -> Value<RecordSets> {
            if self.wanted.deletes_unmanaged() {
                return RecordSets::new().into();
            }
            let ignored = self.wanted.ignored().unwrap_or_default();
            observed::unmanaged(&done.observed, &managed, &ignored, &self.apex).into()
        };
        // A known plan is kept; what others did meanwhile is the next refresh's to see.
        let planned = self.wanted.unmanaged_record_sets.clone();
        let unmanaged = if planned.is_unknown() { others() } else { planned };
        self.reached.records = self.wanted.records.clone();
        self.reached.record_sets = shown(wanted.values(), &self.apex).into();
        self.reached.unmanaged_record_sets = unmanaged;
        self.last = done.change.or(self.last.take());
    }

    /// Only what Route 53 accepted counts as done.
    fn records_interrupted(&mut self, interrupted: &Interrupted) {
        let before = sets_of(&self.reached.record_sets, &self.apex);
        let (ours, others): (BTreeMap<_, _>, BTreeMap<_, _>) = {
            let unmanaged = sets_of(&self.reached.unmanaged_record_sets, &self.apex);
            let others = interrupted.reached(unmanaged.clone());
            let others = others.into_iter().filter(|(key, _)| unmanaged.contains_key(key)).collect();
            let wanted = self.wanted_sets();
            let ours = interrupted.reached(before.clone());
            let ours =
                ours.into_iter().filter(|(key, _)| before.contains_key(key) || wanted.contains_key(key));
            (ours.collect(), others)
        };
        self.reached.record_sets = shown(ours.values(), &self.apex).into();
        self.reached.unmanaged_record_sets = shown(others.values(), &self.apex).into();
    }

    async fn in_sync(&self) -> Result<(), Diagnostics> {
        let Some(change) = &self.last else { return Ok(()) };
        let waited = self.route53.wait_insync(change, &self.budget).await;
        waited.map_err(|error| {
            failed("Changes are accepted, but not known to be served everywhere yet", &error).into()
        })
    }

    async fn set_comment(&mut self, current: Option<&str>) -> Result<(), Diagnostics> {
        let wanted = self.wanted.comment.known().map_or("", String::as_str);
        if current.unwrap_or_default() != wanted {
            let comment = Some(wanted).filter(|comment| !comment.is_empty());
            let set = self.route53.set_comment(self.id(), comment, &self.budget).await;
            if let Err(error) = set {
                self.expect_comment(wanted, &error).await?;
            }
        }
        self.reached.comment = self.wanted.comment.clone();
        Ok(())
    }

    /// After a failure the zone tells whether the comment was set all the same: a create whose mark is gone already must
    /// not end as if it were unfinished.
    async fn expect_comment(&self, wanted: &str, failure: &Route53Error) -> Result<(), Diagnostics> {
        match self.route53.zone(self.id(), &self.budget).await {
            Ok(Some(found)) if found.zone.comment.as_deref().unwrap_or_default() == wanted => Ok(()),
            _ => Err(self.incomplete(failure).into()),
        }
    }

    // === destroy ===

    /// Records first, the zone last; everything is looked at before the first deletion.
    async fn destroy(&mut self) -> Result<(), Diagnostics> {
        let zone = self.route53.zone(self.id(), &self.budget).await;
        if zone.map_err(|error| failed("Zone cannot be destroyed", &error))?.is_none() {
            return Ok(());
        }
        let observed = self.route53.record_sets(self.id(), &self.budget).await;
        let observed = observed.map_err(|error| failed("Zone cannot be destroyed", &error))?;
        let doomed = self.doomed(&observed)?;
        let nothing = BTreeMap::new();
        let emptied = self.reconciliation().run(&doomed, &nothing, Some(observed)).await;
        if let Err(interrupted) = emptied {
            self.wanted.record_sets = RecordSets::new().into();
            self.records_interrupted(&interrupted);
            return Err(self.explain(interrupted.reason, TAKE_OVER));
        }
        self.reached.record_sets = RecordSets::new().into();
        self.reached.unmanaged_record_sets = RecordSets::new().into();
        let deleted = self.route53.delete_zone(self.id(), &self.budget).await;
        deleted.map(drop).map_err(|error| failed("Zone cannot be destroyed", &error).into())
    }

    /// The sets to delete; an error when some of them are not ours to delete.
    fn doomed(&mut self, observed: &ZoneRecords) -> Result<BTreeSet<SetKey>, Diagnostic> {
        let managed = keys_of(&self.reached.record_sets, &self.apex);
        let all = observed.sets.keys().filter(|key| !is_route53s(key, &self.apex));
        if self.wanted.force_destroy == Value::Known(true) {
            // Also those that were ignored: the zone cannot go without them.
            self.wanted.ignore_records = Value::Null;
            return Ok(all.cloned().collect());
        }
        let others = all.filter(|key| !managed.contains(key)).map(|key| key.label(&self.apex));
        let route53s = format!("{} SOA", self.apex);
        let opaque = observed.opaque.iter().map(|set| set.label.clone()).filter(|label| *label != route53s);
        let others: Vec<_> = others.chain(opaque).collect();
        if others.is_empty() {
            return Ok(managed);
        }
        Err(not_ours(&others.iter().map(String::as_str).collect::<Vec<_>>()))
    }

    // === what a failure says ===

    fn incomplete(&self, problem: &impl ToString) -> Diagnostic {
        failed(&format!("Zone {} is not complete", self.id()), problem)
    }

    fn explain(&self, reason: Reason, cure: &str) -> Diagnostics {
        let at = DnsZone::paths().records();
        let labels: BTreeMap<SetKey, String> = known_sets(&self.wanted.records, &self.apex)
            .into_iter()
            .map(|(label, set)| (set.key, label))
            .collect();
        reason.diagnostics(&self.apex, &labels, &at, cure)
    }
}

fn is_unfinished(zone: &ZoneSummary) -> bool {
    zone.caller_reference.starts_with(REFERENCE) && zone.comment.as_deref() == Some(CREATING)
}

fn exists(zone: &ZoneSummary) -> Diagnostic {
    let (name, id) = (zone.name.without_dot(), &zone.id);
    let why = if zone.private {
        format!("One of `vpcs` sees a private zone {name} already: {id}. It can see only one of a name.")
    } else {
        format!(
            "The account has a public zone {name} already: {id}. A second one would answer nobody, since its name \
             servers are delegated nowhere."
        )
    };
    let detail = format!("{why} Import that one: `terraform import ADDRESS {id}`.");
    Diagnostic::error("Zone exists", detail).at(DnsZone::paths().name())
}

fn owned((key, value): (&String, &String)) -> (String, String) {
    (key.clone(), value.clone())
}

#[cfg(test)]
mod tests;
