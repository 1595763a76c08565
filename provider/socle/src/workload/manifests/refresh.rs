//! What a refresh sees.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use tfplugin::{Call, Diagnostic, Diagnostics, List, Model as _, Value};

use super::super::change::{Observed, passes};
use super::super::fields::FieldSet;
use super::super::identity::{Identity, Subject, TypeName};
use super::super::ownership::Owner;
use super::super::readiness::{Readiness, has_status, is_unproved, readiness};
use super::apply::{CLUSTER_NOTE, FIELDS_NOTE};
use super::problem::{Problem, diagnostics};
use super::session::{Located, Session, together};
use super::{Manifests, ObjectState, Objects, SecretBlock, shown};
use crate::clients::kubernetes::{KubernetesError, View, escaped};
use crate::clients::{Clients, budget};

/// A claim that no volume is bound to is not looked into here: a refresh has no storage classes at hand.
const NO_CLASSES: &[String] = &[];

pub(super) async fn read(call: &Call<Clients>, state: Manifests) -> Result<Manifests, Diagnostics> {
    let state = Manifests { secret: newest_versions(call, state.secret.clone()).await, ..state };
    match observe(call, &state).await {
        Ok(objects) => Ok(Manifests { objects: shown(objects), ..state }),
        // An error would block the plan that mends it: another path, another address, a destroy.
        Err(
            problem @ (Problem::Access(_)
            | Problem::OtherCluster { .. }
            | Problem::Server(KubernetesError::Unreachable { .. })),
        ) => {
            let detail = format!("{problem}\n\nThe state is as it was: this plan knows nothing newer.");
            call.warn(
                Diagnostic::warning("Manifests were not refreshed", detail).at(Manifests::paths().objects()),
            );
            Ok(state)
        }
        Err(problem) => Err(diagnostics(&[problem])),
    }
}

/// The newest versions of the secrets in Vault. Where Vault does not say, they are as they were.
async fn newest_versions(
    call: &Call<Clients>,
    mut secrets: Value<List<SecretBlock>>,
) -> Value<List<SecretBlock>> {
    for secret in secrets.known_mut().into_iter().flatten().filter_map(Value::known_mut) {
        let Some((mount, path)) = secret.data_vault.known().and_then(|reference| reference.place()) else {
            continue;
        };
        match call.clients().vault().newest_version(mount, path, &budget(call)).await {
            Ok(newest) => secret.data_vault_latest_version = newest.into(),
            Err(error) => {
                let detail = format!("{error} Whether there is a newer version is not known.");
                call.warn(Diagnostic::warning("Vault was not asked", detail).at(Manifests::paths().secret()));
            }
        }
    }
    secrets
}

/// One object of the state, and where it is found.
struct Place {
    label: String,
    type_name: TypeName,
    located: Located,
    before: ObjectState,
}

async fn observe(call: &Call<Clients>, state: &Manifests) -> Result<Objects, Problem> {
    let session = Session::open(call, state, None, &[]).await?;
    session.is_same_cluster(call.note(CLUSTER_NOTE)).await?;
    let fields: BTreeMap<String, FieldSet> = call.note(FIELDS_NOTE).unwrap_or_default();
    let places: Vec<Place> = state.objects().into_iter().filter_map(|entry| place(&session, entry)).collect();
    let Sight { objects: mut seen, hidden } = session.seen(&places).await?;
    for (kind, error) in hidden.values() {
        call.warn(not_looked_at(kind, error));
    }
    let mut objects = Objects::new();
    for Place { label, type_name, located, before } in places {
        if hidden.contains_key(&located.collection()) {
            objects.insert(label, before);
            continue;
        }
        let known = fields.get(&label).cloned().unwrap_or_default();
        let found = seen.remove(&located.subject).unwrap_or_default();
        let there = session.observe(&found);
        match there.as_ref().filter(|there| is_still_ours(there, &before)) {
            Some(there) => {
                objects
                    .insert(label, object_state(&type_name, &found, there, &known, &before, state.waits()));
            }
            // A job that has ended and was told to go: applied it stays. Where nobody waits, its end is not seen.
            None if there.as_ref().is_none_or(|there| there.terminating)
                && passes(&type_name, &known)
                && (before.ready == true.into() || !state.waits()) =>
            {
                objects.insert(label, ObjectState { ready: true.into(), ..before });
            }
            None => {}
        }
    }
    // What carries our mark and is not in the state: an apply was killed before Terraform heard of it.
    for object in seen.into_values() {
        if let Some((label, stray)) = stray(&session, &object) {
            objects.insert(label, stray);
        }
    }
    Ok(objects)
}

/// Whoever plans need not be who applies: one that may only look sees no secrets.
fn not_looked_at(kind: &str, error: &KubernetesError) -> Diagnostic {
    // By this summary a pipeline tells what it knows to be hidden from what nobody expected.
    let summary = if kind == "Secret" { "Secret cannot be seen" } else { "Some objects were not looked at" };
    let detail =
        format!("{error}\n\nThe state of these objects is as it was: this plan knows of no drift in them.");
    Diagnostic::warning(summary, detail).at(Manifests::paths().objects())
}

fn place(session: &Session, (label, before): (String, ObjectState)) -> Option<Place> {
    let identity = Identity::parse(&label)?;
    let located = session.locate(&identity)?;
    Some(Place { label, type_name: identity.type_name, located, before })
}

fn is_still_ours(there: &Observed, before: &ObjectState) -> bool {
    !there.terminating && there.is_ours(before.uid.known().map(String::as_str))
}

fn object_state(
    type_name: &TypeName,
    object: &Json,
    there: &Observed,
    known: &FieldSet,
    before: &ObjectState,
    waits: bool,
) -> ObjectState {
    let lost = known.lost(&there.fields).into_iter().map(Into::into).collect::<Vec<_>>();
    ObjectState {
        uid: there.uid.clone().into(),
        digest: there.digest.clone().unwrap_or_default().into(),
        ready: seen_ready(type_name, object, &before.ready, waits),
        drifted_fields: lost.into(),
    }
}

/// Is it ready, as far as one look tells? Where it tells nothing, that is as it was.
fn seen_ready(type_name: &TypeName, object: &Json, before: &Value<bool>, waits: bool) -> Value<bool> {
    let state = readiness(type_name, object, NO_CLASSES);
    // A claim that waits for its pod was ready without a volume, and stays so.
    let is_claim = type_name.kind == "PersistentVolumeClaim" && matches!(state, Readiness::Waiting(_));
    // One that ends again and again may run just now.
    let is_luck = waits && state == Readiness::Ready && is_unproved(type_name, object);
    if is_claim || is_luck { before.clone() } else { (state == Readiness::Ready).into() }
}

fn stray(session: &Session, object: &Json) -> Option<(String, ObjectState)> {
    let there = session.observe(object).filter(|there| there.owner == Owner::Ours && !there.terminating)?;
    let type_name = TypeName::new(object["apiVersion"].as_str()?, object["kind"].as_str()?);
    let namespace = object["metadata"]["namespace"].as_str().map(str::to_owned);
    let name = object["metadata"]["name"].as_str()?.to_owned();
    let label = Identity { type_name, namespace, name }.to_string();
    let state = ObjectState {
        uid: there.uid.into(),
        digest: there.digest.unwrap_or_default().into(),
        ready: false.into(),
        drifted_fields: Vec::new().into(),
    };
    Some((label, state))
}

/// What a refresh may look at.
#[derive(Default)]
struct Sight {
    objects: BTreeMap<Subject, Json>,
    /// The collections that it may not look into: their kind, and what the API said.
    hidden: BTreeMap<String, (String, KubernetesError)>,
}

impl Session {
    /// What is there of the kinds and namespaces of the state: everything with our mark, and what the state knows.
    async fn seen(&self, places: &[Place]) -> Result<Sight, Problem> {
        let mut sight = self.listed_by_collection(places).await?;
        let is_open = |place: &&Place| {
            !sight.objects.contains_key(&place.located.subject)
                && !sight.hidden.contains_key(&place.located.collection())
        };
        let unseen: Vec<_> = places.iter().filter(is_open).collect();
        for found in together(unseen.into_iter().map(|place| self.seen_at(place)).collect()).await {
            sight.objects.extend(found?);
        }
        Ok(sight)
    }

    async fn seen_at(&self, place: &Place) -> Result<Option<(Subject, Json)>, Problem> {
        let view = view(&place.type_name);
        let object = self.cluster.get(&place.located.path(), view, &self.budget).await?;
        Ok(object.map(|object| (place.located.subject.clone(), object)))
    }

    async fn marked_at<'p>(
        &self,
        place: &'p Place,
        query: &str,
    ) -> Result<(&'p Place, Result<Vec<Json>, KubernetesError>), Problem> {
        let view = view(&place.type_name);
        match self.cluster.list(&place.located.collection(), query, view, &self.budget).await {
            // The kind went with its definition.
            Err(error) if error.is("NotFound") => Ok((place, Ok(Vec::new()))),
            Err(error) if error.is("Forbidden") => Ok((place, Err(error))),
            list => Ok((place, Ok(list?))),
        }
    }

    async fn listed_by_collection(&self, places: &[Place]) -> Result<Sight, Problem> {
        let mut collections: BTreeMap<String, &Place> = BTreeMap::new();
        for place in places {
            collections.entry(place.located.collection()).or_insert(place);
        }
        let query = format!(
            "labelSelector={}",
            escaped(&format!("{}={}", super::super::ownership::OWNER, self.owner()))
        );
        let lists = collections.values().map(|place| self.marked_at(place, &query));
        let mut sight = Sight::default();
        for list in together(lists.collect()).await {
            let (place, objects) = match list? {
                (place, Ok(objects)) => (place, objects),
                (place, Err(error)) => {
                    let kind = place.located.served.kind.clone();
                    sight.hidden.insert(place.located.collection(), (kind, error));
                    continue;
                }
            };
            for mut object in objects {
                // Items of a list do not say what they are.
                object["apiVersion"] = place.located.served.api_version.clone().into();
                object["kind"] = place.located.served.kind.clone().into();
                let namespace = object["metadata"]["namespace"].as_str().map(str::to_owned);
                let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
                let identity = Identity { type_name: place.type_name.clone(), namespace, name };
                sight.objects.insert(identity.subject(), object);
            }
        }
        Ok(sight)
    }

    /// The cluster of an earlier apply must be the one that answers now.
    pub(super) async fn is_same_cluster(&self, expected: Option<String>) -> Result<(), Problem> {
        let found = self.cluster_id().await?;
        match (expected, found) {
            (Some(expected), Some(found)) if expected != found => {
                Err(Problem::OtherCluster { expected, found })
            }
            _ => Ok(()),
        }
    }
}

/// Where there is no status to see, the metadata are enough.
fn view(type_name: &TypeName) -> View {
    if has_status(type_name) { View::Whole } else { View::Metadata }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_look_does_not_tell_that_what_failed_without_a_probe_works_now() {
        let web = TypeName::new("apps/v1", "Deployment");
        let running = json!({
            "metadata": {"generation": 1},
            "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "main"}]}}},
            "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
        });
        let seen = |object: &Json, before: bool, waits| seen_ready(&web, object, &before.into(), waits);
        assert_eq!(seen(&running, false, true), false.into());
        assert_eq!(seen(&running, true, true), true.into());
        assert_eq!(seen(&running, false, false), true.into(), "nobody waits for a proof");
        assert_eq!(seen(&json!({"spec": {"replicas": 1}}), true, true), false.into());
    }
}
