//! Everything in a cluster that is ours, whatever the state knows of it: what an apply left that was killed before
//! Terraform heard of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value as Json;
use tfplugin::{Call, Diagnostic, Model as _};

use super::super::change::Observed;
use super::super::identity::{Identity, Subject, TypeName};
use super::super::manifest::Manifest;
use super::super::ownership::{OWNER, Owner};
use super::Manifests;
use super::plan::listed;
use super::problem::Problem;
use super::session::{Session, together};
use crate::clients::Clients;
use crate::clients::kubernetes::{KubernetesError, Served, View, escaped};

/// How long a kind may take to answer of which nothing of ours is known.
const PATIENCE: Duration = Duration::from_secs(15);

/// A kind, whatever its version: (group, kind).
type Kind = (String, String);

/// What a sweep found.
#[derive(Default)]
pub(super) struct Sweep {
    /// Our objects.
    pub(super) ours: BTreeMap<Subject, (Identity, Observed)>,
    /// The kinds that gave no answer, as kubectl takes them, and what came instead.
    silent: Vec<(String, KubernetesError)>,
}

/// The kinds that must answer: those that are wanted, and those that the state knows.
pub(super) fn needed<'l>(wanted: &[Manifest], labels: impl Iterator<Item = &'l String>) -> BTreeSet<Kind> {
    let of_state = labels.filter_map(|label| Identity::parse(label)).map(|identity| identity.type_name);
    let of_wanted = wanted.iter().map(|manifest| manifest.identity.type_name.clone());
    of_state.chain(of_wanted).map(kind).collect()
}

fn kind(TypeName { group, kind, .. }: TypeName) -> Kind {
    (group, kind)
}

impl Session {
    /// Everything in the cluster that carries one of our names, whatever its kind. Kinds that one may not list are
    /// looked for where the resource is at home, and passed over where that is refused too. A kind that does not answer
    /// (the webhook that converts its objects is down, or the server behind it) holds nobody up who does not need it.
    pub(super) async fn sweep(&self, needed: &BTreeSet<Kind>) -> Result<Sweep, Problem> {
        let query = format!("labelSelector={}", escaped(&self.selector()));
        let lists = self.kinds.all().iter().map(|served| self.listed(served, &query, needed)).collect();
        let mut sweep = Sweep::default();
        for (served, list) in together(lists).await {
            match list {
                Ok(objects) => {
                    sweep.ours.extend(objects.iter().filter_map(|object| self.ours(served, object)));
                }
                Err(error) if is_silent(&error) && !needed.contains(&kind_of(served)) => {
                    sweep.silent.push((spelled(served), error));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(sweep)
    }

    fn selector(&self) -> String {
        format!("{OWNER} in ({})", self.names.join(","))
    }

    async fn listed<'k>(
        &self,
        served: &'k Served,
        query: &str,
        needed: &BTreeSet<Kind>,
    ) -> (&'k Served, Result<Vec<Json>, KubernetesError>) {
        let is_needed = needed.contains(&kind_of(served));
        let budget = if is_needed { self.budget.clone() } else { self.budget.within(PATIENCE) };
        let budget = &budget;
        let list = |namespace: Option<String>| async move {
            let path = served.collection(namespace.as_deref());
            self.cluster.list(&path, query, View::Metadata, budget).await
        };
        let answer = match list(None).await {
            Err(error) if is_closed(&error) && served.namespaced => list(Some(self.namespace.clone())).await,
            answer => answer,
        };
        match answer {
            Err(error) if is_closed(&error) => (served, Ok(Vec::new())),
            answer => (served, answer),
        }
    }

    fn ours(&self, served: &Served, object: &Json) -> Option<(Subject, (Identity, Observed))> {
        let type_name = TypeName::new(&served.api_version, &served.kind);
        let namespace = object["metadata"]["namespace"].as_str().map(str::to_owned);
        let name = object["metadata"]["name"].as_str()?.to_owned();
        let observed = self.observe(object)?;
        let is_ours = observed.owner == Owner::Ours && observed.carries.is_some();
        let identity = Identity { type_name, namespace, name };
        is_ours.then(|| (identity.subject(), (identity, observed)))
    }

    /// Tells where a sweep could not look.
    pub(super) fn tell_silent(&self, call: &Call<Clients>, sweep: &Sweep) {
        let Some((_, error)) = sweep.silent.first() else { return };
        let kinds = listed(sweep.silent.iter().map(|(kind, _)| kind.clone()));
        let detail = format!(
            "The cluster does not answer for {kinds}: {error}. Nothing of this resource is known to be there, so it was gone \
             on without. Had an apply been killed that had such objects in its documents, they would still be there; once \
             the kind answers, `kubectl get KIND --all-namespaces --selector \"{}\"` shows them.",
            self.selector()
        );
        call.warn(Diagnostic::warning("Kinds were not looked into", detail).at(Manifests::paths().objects()));
    }
}

fn kind_of(served: &Served) -> Kind {
    kind(TypeName::new(&served.api_version, &served.kind))
}

/// As kubectl takes it: `deployments.apps`.
fn spelled(served: &Served) -> String {
    match served.api_version.split_once('/') {
        Some((group, _)) => format!("{}.{group}", served.plural),
        None => served.plural.clone(),
    }
}

/// May one not look there?
fn is_closed(error: &KubernetesError) -> bool {
    error.is("Forbidden") || error.is("NotFound") || error.is("MethodNotAllowed")
}

/// Does the server answer, but not for this kind?
fn is_silent(error: &KubernetesError) -> bool {
    match error {
        KubernetesError::Refused { status, .. } => status.code >= 500,
        KubernetesError::Garbled { .. } | KubernetesError::Stopped { .. } => true,
        KubernetesError::Unreachable { .. } | KubernetesError::TooOld { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::kubernetes::Status;

    #[test]
    fn kinds_of_the_documents_and_of_the_state_must_answer() {
        let wanted =
            super::super::manifest::read("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n", None);
        let state = ["autoscaling/v1 HorizontalPodAutoscaler a/b".to_owned()];
        let needed = needed(&wanted.unwrap(), state.iter());
        let kinds: Vec<_> = needed.iter().map(|(group, kind)| format!("{group}/{kind}")).collect();
        assert_eq!(kinds, ["/Secret", "autoscaling/HorizontalPodAutoscaler"]);
    }

    #[test]
    fn a_server_that_refuses_is_not_a_kind_that_is_silent() {
        let refused = |code| {
            let status = Box::new(Status { code, ..Status::default() });
            KubernetesError::Refused { call: "GET /".to_owned(), status }
        };
        assert!(is_silent(&refused(500)) && is_silent(&refused(503)));
        assert!(!is_silent(&refused(401)) && !is_silent(&refused(422)));
    }
}
