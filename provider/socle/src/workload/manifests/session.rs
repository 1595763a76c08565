//! One operation on one cluster: finding objects, and applying one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use serde_json::Value as Json;
use tfplugin::Call;
use tokio_util::sync::CancellationToken;

use super::super::change::{Observed, Step};
use super::super::conflict::{Immutability, conflicts, immutability};
use super::super::fields::covers;
use super::super::identity::{Identity, Subject};
use super::super::kinds::Scope;
use super::super::manifest::{Definition, Manifest, definitions};
use super::super::ownership::{Stage, marked};
use super::Manifests;
use super::problem::Problem;
use crate::clients::kubernetes::{
    Access, AccessError, Cluster, Conflicts, Discovery, KindIs, KubernetesError, Propagation, Served, Status,
    View, escaped, from_file, from_text,
};
use crate::clients::retry::Budget;
use crate::clients::{Clients, budget};

/// How many calls of one operation are in flight at once.
const PARALLEL: usize = 16;
/// From how many objects of a namespace on they are listed rather than asked for one by one.
const LIST_FROM: usize = 10;
/// How often, and how many times, a kind that is missing is asked for again: its definition may be a moment old.
const KIND_PAUSE: Duration = Duration::from_millis(500);
const KIND_LOOKS: u32 = 8;

/// Runs all of it, so much at a time, and answers in the order in which it ends.
///
/// It takes futures that are made already: a stream that makes them would hold its closure across every wait, and then
/// is `Send` for no lifetime that the compiler can name.
pub(super) async fn together<F: Future>(work: Vec<F>) -> Vec<F::Output> {
    stream::iter(work).buffer_unordered(PARALLEL).collect().await
}

/// One operation on one cluster.
pub(super) struct Session {
    pub(super) cluster: Arc<Cluster>,
    pub(super) budget: Budget,
    pub(super) cancel: CancellationToken,
    /// The name of the resource, then its former one while it is renamed.
    pub(super) names: Vec<String>,
    pub(super) namespace: String,
    pub(super) kinds: Arc<Discovery>,
    /// The kinds that the documents themselves define.
    definitions: Vec<Definition>,
}

/// Where an object is found.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Located {
    /// How its kind is served.
    pub(super) served: Served,
    /// Its namespace, where its kind has one.
    pub(super) namespace: Option<String>,
    /// Its name.
    pub(super) name: String,
    /// Whether the server may not know the kind yet.
    pub(super) kind: KindIs,
    /// The object itself.
    pub(super) subject: Subject,
}

impl Located {
    pub(super) fn path(&self) -> String {
        self.served.object(self.namespace.as_deref(), &self.name)
    }

    pub(super) fn collection(&self) -> String {
        self.served.collection(self.namespace.as_deref())
    }
}

/// One wanted object and its place.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// Its label in the state.
    pub(super) label: String,
    /// What is wanted.
    pub(super) manifest: Manifest,
    /// The object in its namespace.
    pub(super) object: Json,
    /// Where it is found.
    pub(super) located: Located,
}

impl Session {
    /// Connects, and learns what the server serves.
    pub(super) async fn open(
        call: &Call<Clients>,
        of: &Manifests,
        former: Option<&str>,
        wanted: &[Manifest],
    ) -> Result<Self, Problem> {
        let access = of.reached_by().ok_or_else(|| {
            let problem = "neither `access` nor `kubeconfig_path` is known".to_owned();
            Problem::Access(crate::clients::kubernetes::AccessError::Credentials(problem))
        })?;
        let budget = budget(call);
        let cluster = call.clients().kubernetes().cluster(&access, config(call, &access)).await?;
        let kinds = cluster.discovery(&budget).await?;
        let names = [Some(of.name()), former.filter(|former| *former != of.name())];
        Ok(Self {
            cluster,
            budget,
            cancel: call.cancel().clone(),
            names: names.into_iter().flatten().map(str::to_owned).collect(),
            namespace: of.default_namespace().unwrap_or_default().to_owned(),
            kinds,
            definitions: definitions(wanted),
        })
    }

    pub(super) fn owner(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }

    fn owners(&self) -> Vec<&str> {
        self.names.iter().map(String::as_str).collect()
    }

    pub(super) fn observe(&self, object: &Json) -> Option<Observed> {
        Observed::read(object, &self.owners())
    }

    /// The id of the cluster, as far as one may see it.
    pub(super) async fn cluster_id(&self) -> Result<Option<String>, Problem> {
        let path = "/api/v1/namespaces/kube-system";
        match self.cluster.get(path, View::Metadata, &self.budget).await {
            Ok(found) => Ok(found.and_then(|found| found["metadata"]["uid"].as_str().map(str::to_owned))),
            Err(error) if error.is("Forbidden") => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Where an object is found; none when the server serves no such kind.
    pub(super) fn locate(&self, identity: &Identity) -> Option<Located> {
        let name = &identity.type_name;
        let (served, kind) = match self.kinds.find(&name.group, &name.version, &name.kind) {
            Some(served) => (served.clone(), KindIs::Served),
            None => (self.defined(identity)?, KindIs::Fresh),
        };
        let written = || identity.namespace.clone().unwrap_or_else(|| self.namespace.clone());
        let namespace = served.namespaced.then(written);
        let placed = Identity { namespace: namespace.clone(), ..identity.clone() };
        Some(Located { served, namespace, name: identity.name.clone(), kind, subject: placed.subject() })
    }

    /// A kind that a document defines.
    fn defined(&self, identity: &Identity) -> Option<Served> {
        let name = &identity.type_name;
        let known =
            self.definitions.iter().find(|known| known.group == name.group && known.kind == name.kind)?;
        Some(Served {
            api_version: name.api_version(),
            kind: name.kind.clone(),
            plural: known.plural.clone(),
            namespaced: known.scope == Scope::Namespaced,
        })
    }

    /// All wanted objects at their places.
    pub(super) async fn targets(&mut self, wanted: Vec<Manifest>) -> Result<Vec<Target>, Vec<Problem>> {
        for _ in 0..KIND_LOOKS {
            if wanted.iter().all(|manifest| self.locate(&manifest.identity).is_some()) {
                break;
            }
            self.budget.pause(KIND_PAUSE).await.map_err(|stop| vec![Problem::Stopped(stop)])?;
            self.kinds =
                self.cluster.discovery_anew(&self.budget).await.map_err(|error| vec![error.into()])?;
        }
        let mut problems = Vec::new();
        let mut targets: Vec<Target> = Vec::with_capacity(wanted.len());
        let mut places: BTreeMap<Subject, String> = BTreeMap::new();
        for manifest in wanted {
            match self.target(manifest) {
                Ok(target) => match places.insert(target.located.subject.clone(), target.label.clone()) {
                    Some(other) => problems.push(Problem::SameObject { label: target.label, other }),
                    None => targets.push(target),
                },
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(targets) } else { Err(problems) }
    }

    fn target(&self, manifest: Manifest) -> Result<Target, Problem> {
        let label = manifest.identity.to_string();
        let Some(located) = self.locate(&manifest.identity) else {
            let name = &manifest.identity.type_name;
            let versions: Vec<_> =
                self.kinds.versions(&name.group, &name.kind).into_iter().map(str::to_owned).collect();
            let cure = if versions.is_empty() {
                "Write its CustomResourceDefinition into the same `documents`, or apply that first (`depends_on`)."
            } else {
                "Write its `apiVersion` so."
            };
            return Err(Problem::UnknownKind { label, versions, cure });
        };
        let object = manifest.clone().placed(located.namespace.as_deref()).object;
        Ok(Target { label, manifest, object, located })
    }

    /// The objects at these places, as far as there are any: their metadata. Many of one namespace come in one list.
    pub(super) async fn look(&self, places: Vec<&Located>) -> Result<BTreeMap<Subject, Observed>, Problem> {
        let mut collections: BTreeMap<String, Vec<&Located>> = BTreeMap::new();
        for place in places {
            collections.entry(place.collection()).or_default().push(place);
        }
        let (many, few): (Vec<_>, Vec<_>) =
            collections.into_iter().partition(|(_, places)| places.len() >= LIST_FROM);
        let mut found = BTreeMap::new();
        for (collection, places) in many {
            found.extend(self.look_at_all(&collection, &places).await?);
        }
        let few: Vec<&Located> = few.into_iter().flat_map(|(_, places)| places).collect();
        let looks = few.into_iter().map(|place| self.look_at(place)).collect();
        for look in together(looks).await {
            if let (subject, Some(observed)) = look? {
                found.insert(subject, observed);
            }
        }
        Ok(found)
    }

    async fn look_at(&self, place: &Located) -> Result<(Subject, Option<Observed>), Problem> {
        let object = self.cluster.get(&place.path(), View::Metadata, &self.budget).await?;
        Ok((place.subject.clone(), object.and_then(|object| self.observe(&object))))
    }

    async fn look_at_all(
        &self,
        collection: &str,
        places: &[&Located],
    ) -> Result<BTreeMap<Subject, Observed>, Problem> {
        let objects = match self.cluster.list(collection, "", View::Metadata, &self.budget).await {
            Err(error) if error.is("NotFound") => Vec::new(),
            objects => objects?,
        };
        let by_name: BTreeMap<_, _> = objects
            .iter()
            .map(|object| (object["metadata"]["name"].as_str().unwrap_or_default(), object))
            .collect();
        let observed = |place: &&Located| {
            let object = by_name.get(place.name.as_str())?;
            Some((place.subject.clone(), self.observe(object)?))
        };
        Ok(places.iter().filter_map(observed).collect())
    }

    /// Makes the default namespace, where it is missing and none of the documents makes it.
    pub(super) async fn ensure_namespace(&self, targets: &[Target]) -> Result<(), Problem> {
        let is_used = targets.iter().any(|target| target.located.namespace.as_ref() == Some(&self.namespace));
        let is_wanted = |target: &Target| {
            target.located.served.kind == "Namespace" && target.located.name == self.namespace
        };
        if !is_used || targets.iter().any(is_wanted) {
            return Ok(());
        }
        let path = format!("/api/v1/namespaces/{}", escaped(&self.namespace));
        match self.cluster.get(&path, View::Metadata, &self.budget).await {
            Ok(Some(_)) => return Ok(()),
            // Whoever may not see it may not make it either; then it has to be there.
            Err(error) if error.is("Forbidden") => return Ok(()),
            Err(error) => return Err(error.into()),
            Ok(None) => {}
        }
        let namespace = serde_json::json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": self.namespace },
        });
        Ok(self.cluster.create("/api/v1/namespaces", &namespace, &self.budget).await?)
    }

    /// Applies one object, and answers its metadata as they are now.
    pub(super) async fn apply(
        &self,
        target: &Target,
        step: &Step,
        of: &Manifests,
        stage: Stage,
    ) -> Result<Json, Problem> {
        if *step == Step::AwaitThenApply {
            self.await_gone(&target.label, &target.located.path(), None).await?;
        }
        let object = marked(target.object.clone(), self.owner(), &target.manifest.digest(), stage);
        let force = of.force_conflicts == tfplugin::Value::Known(true);
        let first = if force { Conflicts::Force } else { Conflicts::Refuse };
        let refused = match self.send(target, &object, first).await {
            Ok(answer) => return Ok(answer),
            Err(refused) => refused,
        };
        match refused.status() {
            Some(status) if !conflicts(status).is_empty() => {
                let conflicts = conflicts(status);
                if let Step::Apply { takes_back } = step
                    && conflicts.iter().all(|conflict| covers(takes_back, &conflict.field))
                {
                    let again = self.send(target, &object, Conflicts::Force).await;
                    return again.map_err(|error| Problem::of(&target.label, error));
                }
                Err(Problem::Conflict { label: target.label.clone(), conflicts })
            }
            Some(status) if self.cannot_change(target, &object, status).await => {
                let kind = target.manifest.identity.type_name.kind.clone();
                if !of.replaces(&kind) {
                    let (label, message) = (target.label.clone(), status.message.clone());
                    return Err(Problem::Immutable { label, kind, message });
                }
                self.make_again(target, &object).await
            }
            _ => Err(Problem::of(&target.label, refused)),
        }
    }

    async fn send(
        &self,
        target: &Target,
        object: &Json,
        conflicts: Conflicts,
    ) -> Result<Json, KubernetesError> {
        let Located { kind, .. } = target.located;
        self.cluster.apply(&target.located.path(), object, conflicts, kind, &self.budget).await
    }

    /// Is it refused only because it exists, and a field of it cannot change? Where the words do not tell, the server
    /// says whether it would take the object as a new one.
    async fn cannot_change(&self, target: &Target, object: &Json, status: &Status) -> bool {
        match immutability(status) {
            Immutability::Told => true,
            Immutability::No => false,
            Immutability::Possible => {
                let tried = self.cluster.try_create(&target.located.collection(), object, &self.budget).await;
                tried.is_err_and(|error| error.is("AlreadyExists"))
            }
        }
    }

    /// The old object goes with its pods before the new one comes.
    async fn make_again(&self, target: &Target, object: &Json) -> Result<Json, Problem> {
        let of = |error| Problem::of(&target.label, error);
        let path = target.located.path();
        let old = self.cluster.get(&path, View::Metadata, &self.budget).await.map_err(of)?;
        if let Some(uid) = old.as_ref().and_then(|old| old["metadata"]["uid"].as_str()) {
            self.cluster.delete(&path, uid, Propagation::Foreground, &self.budget).await.map_err(of)?;
            self.await_gone(&target.label, &path, Some(uid)).await?;
        }
        self.send(target, object, Conflicts::Refuse).await.map_err(of)
    }

    /// Waits until there is nothing at a path, or, with a `uid`, something else.
    pub(super) async fn await_gone(&self, label: &str, path: &str, uid: Option<&str>) -> Result<(), Problem> {
        const PAUSES: [u64; 5] = [50, 100, 250, 500, 1000];
        let mut held_by = "it has not gone yet".to_owned();
        for pause in PAUSES.iter().chain(std::iter::repeat(&1000)) {
            match self.cluster.get(path, View::Metadata, &self.budget).await {
                Ok(None) => return Ok(()),
                Ok(Some(there)) if uid.is_some_and(|uid| there["metadata"]["uid"] != uid) => return Ok(()),
                Ok(Some(there)) => held_by = holders(&there),
                Err(KubernetesError::Stopped { why, .. }) => {
                    return Err(Problem::StillThere {
                        label: label.to_owned(),
                        why: format!("{why}; {held_by}"),
                    });
                }
                Err(error) => return Err(Problem::of(label, error)),
            }
            if let Err(why) = self.budget.pause(Duration::from_millis(*pause)).await {
                return Err(Problem::StillThere {
                    label: label.to_owned(),
                    why: format!("{why}; {held_by}"),
                });
            }
        }
        Ok(())
    }
}

/// What keeps an object that is deleted already.
fn holders(object: &Json) -> String {
    let finalizers = object["metadata"]["finalizers"].as_array();
    let names: Vec<_> = finalizers.into_iter().flatten().filter_map(Json::as_str).collect();
    if names.is_empty() {
        return "its deletion has not ended yet".to_owned();
    }
    format!("its finalizers wait for their controllers: {}", names.join(", "))
}

/// What kube connects with: a file, or a certificate that is minted for this run.
async fn config(call: &Call<Clients>, access: &Access) -> Result<kube::Config, AccessError> {
    match access {
        Access::Kubeconfig { path, context } => from_file(path, context.clone()).await,
        Access::Cluster(access) => {
            let minted = Box::pin(crate::cluster::kubeconfig_for(call, access)).await;
            from_text(&minted.map_err(|error| AccessError::Minting(error.to_string()))?).await
        }
    }
}
