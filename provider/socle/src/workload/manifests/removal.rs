//! Deleting what is no longer wanted, and destroying it all.

use std::collections::BTreeMap;

use tfplugin::{Call, Diagnostic, Diagnostics, Reached};

use super::super::change::Observed;
use super::super::identity::{Identity, Subject};
use super::super::kinds::{self, Rank};
use super::super::ownership::release;
use super::apply::CLUSTER_NOTE;
use super::plan::{keeps, listed};
use super::problem::{Problem, diagnostics};
use super::session::{Located, Session, together};
use super::sweep::needed;
use super::{Manifests, ObjectState, shown};
use crate::clients::Clients;
use crate::clients::kubernetes::Propagation;

/// An object that is to go, by its label in the state.
pub(super) struct Unwanted {
    label: String,
    identity: Identity,
    /// The id that the state knows.
    uid: Option<String>,
}

impl Unwanted {
    /// One that the state knows.
    pub(super) fn known(label: &str, identity: Identity, state: &ObjectState) -> Self {
        Self { label: label.to_owned(), identity, uid: state.uid.known().cloned() }
    }

    /// One that only the cluster knows.
    pub(super) fn stray(identity: &Identity) -> Self {
        Self { label: identity.to_string(), identity: identity.clone(), uid: None }
    }
}

/// What became of them.
#[derive(Default)]
pub(super) struct Removed {
    /// The labels of what is out of our hands: deleted, or gone before.
    pub(super) gone: Vec<String>,
    /// The labels of what was kept.
    pub(super) kept: Vec<String>,
    /// The labels of what somebody else has taken over.
    pub(super) others: Vec<String>,
    /// Why the rest is still there.
    pub(super) problems: Vec<Problem>,
}

/// One object on its way out.
struct Doomed {
    label: String,
    located: Located,
    uid: String,
    rank: Rank,
}

pub(super) async fn delete(call: &Call<Clients>, state: Manifests) -> Result<(), Reached<Manifests>> {
    let (mut objects, removed) = match destroy(call, &state).await {
        Ok(removed) => (state.objects(), removed),
        Err(problem) => return Err(Reached::new(state, unreached(&problem))),
    };
    removed.tell(call);
    if removed.problems.is_empty() {
        return Ok(());
    }
    objects.retain(|label, _| !removed.gone.contains(label) && !removed.kept.contains(label));
    Err(Reached::new(Manifests { objects: shown(objects), ..state }, diagnostics(&removed.problems)))
}

/// A cluster that is gone for good takes its objects along: the user says so, nobody else knows.
fn unreached(problem: &Problem) -> Diagnostics {
    let mut told = diagnostics(std::slice::from_ref(problem));
    let cure = "Should the cluster be gone for good, its objects are too: remove the resource from the state with \
                `terraform state rm`.";
    told.push(Diagnostic::warning("Nothing was deleted", cure));
    told
}

async fn destroy(call: &Call<Clients>, state: &Manifests) -> Result<Removed, Problem> {
    let session = Session::open(call, state, None, &[]).await?;
    session.is_same_cluster(call.note(CLUSTER_NOTE)).await?;
    let objects = state.objects();
    let sweep = session.sweep(&needed(&[], objects.keys())).await?;
    session.tell_silent(call, &sweep);
    let mut unwanted: BTreeMap<Subject, Unwanted> = BTreeMap::new();
    for (subject, (identity, _)) in &sweep.ours {
        unwanted.insert(subject.clone(), Unwanted::stray(identity));
    }
    for (label, before) in objects {
        let Some(identity) = Identity::parse(&label) else { continue };
        let subject = session.locate(&identity).map_or_else(|| identity.subject(), |located| located.subject);
        unwanted.insert(subject, Unwanted::known(&label, identity, &before));
    }
    let observed = sweep.ours.into_iter().map(|(subject, (_, observed))| (subject, observed)).collect();
    session.remove(unwanted.into_values().collect(), observed).await
}

impl Session {
    /// Deletes them, the last rank first; each rank is gone before the next one goes.
    pub(super) async fn remove(
        &self,
        unwanted: Vec<Unwanted>,
        mut observed: BTreeMap<Subject, Observed>,
    ) -> Result<Removed, Problem> {
        let mut removed = Removed::default();
        let mut placed = Vec::with_capacity(unwanted.len());
        for unwanted in unwanted {
            match self.locate(&unwanted.identity) {
                Some(located) => placed.push((unwanted, located)),
                // Its kind is gone, and all its objects with it.
                None => removed.gone.push(unwanted.label),
            }
        }
        let unseen = placed
            .iter()
            .map(|(_, located)| located)
            .filter(|located| !observed.contains_key(&located.subject));
        let looked = self.look(unseen.collect()).await?;
        observed.extend(looked);
        let mut doomed = Vec::new();
        for (Unwanted { label, identity, uid }, located) in placed {
            match observed.get(&located.subject) {
                None => removed.gone.push(label),
                Some(there) if !there.is_ours(uid.as_deref()) => removed.others.push(label),
                Some(there) if there.is_kept(&identity) => match self.let_go(&label, &located).await {
                    Ok(()) => removed.kept.push(label),
                    Err(problem) => removed.problems.push(problem),
                },
                Some(there) => doomed.push(Doomed {
                    label,
                    located,
                    uid: there.uid.clone(),
                    rank: kinds::rank(&identity.type_name),
                }),
            }
        }
        self.delete_in_order(doomed, &mut removed).await;
        Ok(removed)
    }

    async fn let_go(&self, label: &str, located: &Located) -> Result<(), Problem> {
        let released = self.cluster.merge(&located.path(), &release(self.owner()), &self.budget).await;
        released.map_err(|error| Problem::of(label, error))
    }

    async fn delete_in_order(&self, mut doomed: Vec<Doomed>, removed: &mut Removed) {
        doomed.sort_by_key(|object| std::cmp::Reverse(object.rank));
        for rank in doomed.chunk_by(|one, other| one.rank == other.rank) {
            for outcome in together(rank.iter().map(|object| self.delete_one(object)).collect()).await {
                match outcome {
                    Ok(label) => removed.gone.push(label),
                    Err(problem) => removed.problems.push(problem),
                }
            }
            if !removed.problems.is_empty() {
                return;
            }
        }
    }

    async fn delete_one(&self, object: &Doomed) -> Result<String, Problem> {
        let path = object.located.path();
        let deleted = self.cluster.delete(&path, &object.uid, Propagation::Background, &self.budget).await;
        deleted.map_err(|error| Problem::of(&object.label, error))?;
        self.await_gone(&object.label, &path, Some(&object.uid)).await?;
        Ok(object.label.clone())
    }
}

impl Removed {
    /// Tells what stayed although it was no longer wanted.
    pub(super) fn tell(&self, call: &Call<Clients>) {
        if !self.kept.is_empty() {
            call.warn(keeps(&self.kept));
        }
        if !self.others.is_empty() {
            let labels = listed(self.others.iter().cloned());
            let detail = format!(
                "{labels} carries another owner's mark, or is another object than the one that was applied, and was left alone."
            );
            call.warn(Diagnostic::warning("Objects of others are left alone", detail));
        }
    }
}
