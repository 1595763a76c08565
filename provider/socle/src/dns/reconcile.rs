//! Observe, compare, change: brings the record sets of a zone to what is wanted.
//!
//! The comparison is pure ([`changes`], [`batches`]); here are only its loop and its memory: what was accepted so far,
//! which is all that a failed update may claim to have done.

use std::collections::{BTreeMap, BTreeSet};

use tfplugin::path::MapPath;
use tfplugin::{Diagnostic, Diagnostics};

use super::batch::{Batch, TooLarge, batches};
use super::change::{Change, Collision, Policy, changes};
use super::record::RecordPath;
use super::route53::{ChangeId, Route53, Route53Error, SubmitError, ZoneRecords};
use super::{DnsName, RecordSet, SetKey};
use crate::clients::retry::Budget;

/// How often a zone is looked at again after a write whose outcome is not known.
const ROUNDS: usize = 4;

/// The record sets that one resource brings about in one zone.
#[derive(Debug)]
pub struct Reconciliation<'r> {
    /// The account.
    pub route53: &'r Route53,
    /// The zone's id.
    pub zone_id: &'r str,
    /// The time there is.
    pub budget: &'r Budget,
    /// What may be done with sets that are not managed.
    pub policy: Policy,
}

/// The zone is as wanted.
#[derive(Debug)]
pub struct Reconciled {
    /// The last change; none when nothing was to change.
    pub change: Option<ChangeId>,
    /// What the zone held before the last round.
    pub observed: ZoneRecords,
}

/// The zone is not as wanted.
#[derive(Debug)]
pub struct Interrupted {
    /// The changes that Route 53 accepted, in order.
    pub accepted: Vec<Change>,
    /// Why it went no further.
    pub reason: Reason,
}

/// Why a zone could not be brought to what is wanted.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// Sets that are not managed stand in the way.
    #[error("record sets that this resource does not manage stand in the way")]
    Collisions(Vec<Collision>),
    /// One name needs more changes at once than Route 53 takes.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// A call failed.
    #[error(transparent)]
    Call(#[from] Route53Error),
    /// Route 53 refused a batch.
    #[error("{0}")]
    Refused(SubmitError),
}

impl Reconciliation<'_> {
    /// Brings the zone from `managed`, the sets that the prior state manages, to `wanted`.
    ///
    /// `observed` is what the zone is known to hold, where that is known already.
    pub async fn run(
        &self,
        managed: &BTreeSet<SetKey>,
        wanted: &BTreeMap<SetKey, RecordSet>,
        observed: Option<ZoneRecords>,
    ) -> Result<Reconciled, Interrupted> {
        let mut progress = Progress::from(managed.clone());
        let outcome = self.rounds(&mut progress, wanted, observed).await;
        match outcome {
            Ok(observed) => Ok(Reconciled { change: progress.last, observed }),
            Err(reason) => Err(Interrupted { accepted: progress.accepted, reason }),
        }
    }

    async fn rounds(
        &self,
        progress: &mut Progress,
        wanted: &BTreeMap<SetKey, RecordSet>,
        mut observed: Option<ZoneRecords>,
    ) -> Result<ZoneRecords, Reason> {
        let mut round = 1;
        let mut doubt = None;
        loop {
            let zone = if let Some(zone) = observed.take() {
                zone
            } else {
                let listed = self.route53.record_sets(self.zone_id, self.budget).await;
                // Where the zone cannot be looked at either, the write is what went wrong first.
                listed.map_err(|error| doubt.take().unwrap_or(error))?
            };
            progress.confirm(&zone);
            let changes =
                changes(&progress.managed, wanted, &zone.sets, &self.policy).map_err(Reason::Collisions)?;
            match self.submit(progress, batches(changes, |change| zone.cost(change))?, &zone).await {
                Ok(()) => return Ok(zone),
                // Applied or not? The zone tells.
                Err(SubmitError::Ambiguous(error)) if round < ROUNDS => {
                    doubt = Some(error);
                    round += 1;
                }
                Err(SubmitError::Ambiguous(error) | SubmitError::Failed(error)) => return Err(error.into()),
                Err(refused) => return Err(Reason::Refused(refused)),
            }
        }
    }

    async fn submit(
        &self,
        progress: &mut Progress,
        batches: Vec<Batch>,
        zone: &ZoneRecords,
    ) -> Result<(), SubmitError> {
        for batch in batches {
            // A set of a batch that may have been applied is ours in the next round.
            progress.managed.extend(batch.changes.iter().map(|change| change.set().key.clone()));
            match self.route53.submit(self.zone_id, &batch, zone, self.budget).await {
                Ok(change) => {
                    progress.last = Some(change);
                    progress.accepted.extend(batch.changes);
                }
                Err(error) => {
                    if matches!(error, SubmitError::Ambiguous(_)) {
                        progress.doubtful = batch.changes;
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

/// What a run remembers from round to round.
struct Progress {
    managed: BTreeSet<SetKey>,
    accepted: Vec<Change>,
    /// The changes of a batch that may have been applied.
    doubtful: Vec<Change>,
    last: Option<ChangeId>,
}

impl From<BTreeSet<SetKey>> for Progress {
    fn from(managed: BTreeSet<SetKey>) -> Self {
        Self { managed, accepted: Vec::new(), doubtful: Vec::new(), last: None }
    }
}

impl Progress {
    /// What was in doubt and is seen in the zone was accepted.
    fn confirm(&mut self, zone: &ZoneRecords) {
        let is_seen = |change: &Change| match change {
            Change::Create(set) | Change::Upsert(set) => zone.sets.get(&set.key) == Some(set),
            Change::Delete(set) => !zone.sets.contains_key(&set.key),
        };
        self.accepted.extend(std::mem::take(&mut self.doubtful).into_iter().filter(is_seen));
    }
}

impl Interrupted {
    /// The managed sets of a state, with the accepted changes merged in.
    pub fn reached(&self, mut managed: BTreeMap<SetKey, RecordSet>) -> BTreeMap<SetKey, RecordSet> {
        for change in &self.accepted {
            match change {
                Change::Create(set) | Change::Upsert(set) => managed.insert(set.key.clone(), set.clone()),
                Change::Delete(set) => managed.remove(&set.key),
            };
        }
        managed
    }
}

impl Reason {
    /// What the user reads. `labels` are those that the user gave; `cure` says what to do about a set in the way.
    pub fn diagnostics(
        self,
        zone: &DnsName,
        labels: &BTreeMap<SetKey, String>,
        at: &MapPath<RecordPath>,
        cure: &str,
    ) -> Diagnostics {
        let zone_name = zone.without_dot();
        let Self::Collisions(collisions) = self else {
            let summary = format!("Records of {zone_name} are not complete");
            return Diagnostic::error(summary, self.to_string()).at(at.clone()).into();
        };
        let told = |Collision { wanted, observed }| {
            let detail = format!(
                "{zone_name} holds {}, which this resource does not manage, so {} is not made. Nothing was overwritten. {cure}",
                observed.key.label(zone),
                wanted.label(zone),
            );
            let label = labels.get(&wanted).cloned().unwrap_or_else(|| wanted.label(zone));
            Diagnostic::error("A record set of others is in the way", detail).at(at.key(&label))
        };
        collisions.into_iter().map(told).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio_util::sync::CancellationToken;

    use super::super::RecordType;
    use super::super::change::Unmanaged;
    use super::super::glob::Ignore;
    use super::super::name::tests::name;
    use super::super::record_set::tests::set;
    use super::super::route53::Action;
    use super::*;
    use crate::clients::aws::AwsSettings;
    use crate::clients::aws::script::{Reply, Script};

    #[test]
    fn what_was_in_doubt_counts_only_where_the_zone_shows_it() {
        let www = |value| set("www.example.test", RecordType::A, &[value]);
        let (old, gone) =
            (set("old.example.test", RecordType::A, &["192.0.2.3"]), set("a.test", RecordType::A, &[]));
        let mut progress = Progress::from(BTreeSet::new());
        progress.doubtful = vec![
            Change::Create(www("192.0.2.1")),
            Change::Upsert(www("192.0.2.2")),
            Change::Delete(old.clone()),
            Change::Delete(gone.clone()),
        ];
        let mut zone = ZoneRecords::default();
        zone.sets.extend([www("192.0.2.1"), old].map(|set| (set.key.clone(), set)));
        progress.confirm(&zone);
        assert_eq!(progress.accepted, [Change::Create(www("192.0.2.1")), Change::Delete(gone)]);
        assert_eq!(progress.doubtful, []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_without_an_answer_is_named_and_not_the_look_for_which_no_time_is_left() {
        let script = Script::new([Reply::Silence]);
        let route53 = Route53::new(Arc::new(script.aws(AwsSettings::default()).await));
        let budget = Budget::new(Duration::from_secs(10), CancellationToken::new());
        let policy =
            Policy { zone: name("example.test"), unmanaged: Unmanaged::Keep, ignore: Ignore::default() };
        let reconciliation = Reconciliation { route53: &route53, zone_id: "Z1", budget: &budget, policy };
        let www = set("www.example.test", RecordType::A, &["192.0.2.1"]);
        let wanted = BTreeMap::from([(www.key.clone(), www)]);
        let ended = reconciliation.run(&BTreeSet::new(), &wanted, Some(ZoneRecords::default())).await;
        let Err(Interrupted { reason: Reason::Call(error), .. }) = ended else { panic!("{ended:?}") };
        assert_eq!(error.action, Action::ChangeResourceRecordSets);
        assert_eq!(script.arrived().len(), 1);
    }
}
