//! Waiting until objects do what they are for, and saying why they do not.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join;
use serde_json::Value as Json;
use tokio::time::Instant;

use super::super::ownership::OWNER;
use super::super::readiness::{PROVING, Readiness, has_status, is_unproved, readiness};
use super::super::trouble::{Log, Outlook, PODS, Trouble, newest_pods, pod_selector, troubles, warnings};
use super::problem::Problem;
use super::session::{Located, Session, Target, together};
use crate::clients::kubernetes::{View, escaped};
use crate::clients::retry::Budget;

/// Between two looks.
const PAUSES: [u64; 6] = [100, 200, 300, 500, 1000, 2000];
/// How many lines of a log are told.
const LOG_LINES: u32 = 10;
/// How long the reasons of a failure may take to find.
const EXPLAINING: Duration = Duration::from_secs(8);
/// How many objects a failure is explained for.
const EXPLAINED: usize = 3;

/// A moment for each object, by its label.
type Since = BTreeMap<String, Instant>;

/// Since when objects without a probe have been ready, at every look.
struct Proofs {
    lasting: Duration,
    since: Since,
}

impl Proofs {
    fn of(lasting: Duration) -> Self {
        Self { lasting, since: Since::new() }
    }

    /// What is called ready counts once it has been so for long enough.
    fn proved(&mut self, label: &str, state: Readiness) -> Readiness {
        if state != Readiness::Ready {
            self.since.remove(label);
            return state;
        }
        let now = Instant::now();
        let begun = *self.since.entry(label.to_owned()).or_insert(now);
        if now - begun >= self.lasting {
            return Readiness::Ready;
        }
        let seconds = self.lasting.as_secs();
        Readiness::Waiting(format!("it has run for less than {seconds} s, and no probe says that it works"))
    }
}

/// An object that does not do what it is for.
struct Unready<'t> {
    target: &'t Target,
    object: Option<Json>,
    why: String,
}

/// Why there is nothing where something was applied.
fn gone(target: &Target) -> &'static str {
    if target.manifest.passes() {
        "it is gone, and nobody has seen how it ended: its `ttlSecondsAfterFinished` is too short for that"
    } else {
        "it is gone: something deleted it"
    }
}

impl Session {
    /// Waits for all of them. What has become ready goes out of `waiting`, whatever the end.
    pub(super) async fn await_ready(&self, waiting: &mut Vec<&Target>) -> Result<(), Vec<Problem>> {
        waiting.retain(|target| has_status(&target.manifest.identity.type_name));
        let late = self.late_classes(waiting).await;
        let mut proofs = Proofs::of(PROVING);
        let mut troubled = Since::new();
        for pause in PAUSES.iter().chain(std::iter::repeat(&2000)) {
            if waiting.is_empty() {
                return Ok(());
            }
            let looked = self.unready(waiting, &late, &mut proofs).await.map_err(|problem| vec![problem])?;
            *waiting = looked.iter().map(|(unready, _)| unready.target).collect();
            let (failed, open): (Vec<_>, Vec<_>) = looked.into_iter().partition(|(_, failed)| *failed);
            if !failed.is_empty() {
                return Err(self.explain(failed.into_iter().map(|(unready, _)| unready).collect()).await);
            }
            let open: Vec<_> = open.into_iter().map(|(unready, _)| unready).collect();
            let lost = self.beyond_hope(&open, &mut troubled).await;
            if !lost.is_empty() {
                let lost = open.into_iter().filter(|unready| lost.contains(&unready.target.label));
                return Err(self.explain(lost.collect()).await);
            }
            if self.budget.pause(Duration::from_millis(*pause)).await.is_err() {
                return Err(self.explain(open).await);
            }
        }
        Ok(())
    }

    /// Which of them are ready, without waiting.
    pub(super) async fn ready_now(&self, targets: &[&Target]) -> Result<Vec<bool>, Problem> {
        let asked: Vec<&Target> = targets
            .iter()
            .copied()
            .filter(|target| has_status(&target.manifest.identity.type_name))
            .collect();
        let late = self.late_classes(&asked).await;
        let unready = self.unready(&asked, &late, &mut Proofs::of(Duration::ZERO)).await?;
        let is_ready =
            |target: &&Target| !unready.iter().any(|(unready, _)| unready.target.label == target.label);
        Ok(targets.iter().map(is_ready).collect())
    }

    /// Those that are not ready, and whether they have failed for good.
    async fn unready<'t>(
        &self,
        targets: &[&'t Target],
        late: &[String],
        proofs: &mut Proofs,
    ) -> Result<Vec<(Unready<'t>, bool)>, Problem> {
        let objects = self.whole(&targets.iter().map(|target| &target.located).collect::<Vec<_>>()).await?;
        let mut unready = Vec::new();
        for (target, object) in targets.iter().copied().zip(objects) {
            let state = match &object {
                Some(object) => {
                    let type_name = &target.manifest.identity.type_name;
                    let state = readiness(type_name, object, late);
                    if is_unproved(type_name, object) { proofs.proved(&target.label, state) } else { state }
                }
                None => Readiness::Failed(gone(target).to_owned()),
            };
            match state {
                Readiness::Ready => {}
                Readiness::Waiting(why) => unready.push((Unready { target, object, why }, false)),
                Readiness::Failed(why) => unready.push((Unready { target, object, why }, true)),
            }
        }
        Ok(unready)
    }

    /// These objects in full, in order: those of one collection in one list.
    pub(super) async fn whole(&self, places: &[&Located]) -> Result<Vec<Option<Json>>, Problem> {
        let mut collections: Vec<String> = places.iter().map(|place| place.collection()).collect();
        collections.sort();
        collections.dedup();
        let query = format!("labelSelector={}", escaped(&format!("{OWNER} in ({})", self.names.join(","))));
        let lists = collections.into_iter().map(|collection| self.ours_of(collection, &query)).collect();
        let mut by_place: BTreeMap<(String, String), Json> = BTreeMap::new();
        for list in together(lists).await {
            let (collection, objects) = list?;
            for object in objects {
                let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
                by_place.insert((collection.clone(), name), object);
            }
        }
        Ok(places.iter().map(|place| by_place.remove(&(place.collection(), place.name.clone()))).collect())
    }

    async fn ours_of(&self, collection: String, query: &str) -> Result<(String, Vec<Json>), Problem> {
        match self.cluster.list(&collection, query, View::Whole, &self.budget).await {
            // The kind went with its definition.
            Err(error) if error.is("NotFound") => Ok((collection, Vec::new())),
            list => Ok((collection, list?)),
        }
    }

    /// The storage classes that bind a claim only to a pod.
    async fn late_classes(&self, targets: &[&Target]) -> Vec<String> {
        if !targets.iter().any(|target| target.located.served.kind == "PersistentVolumeClaim") {
            return Vec::new();
        }
        let list = self.cluster.list("/apis/storage.k8s.io/v1/storageclasses", "", View::Whole, &self.budget);
        let classes = list.await.unwrap_or_default();
        let is_late = |class: &&Json| class["volumeBindingMode"] == "WaitForFirstConsumer";
        let name = |class: &Json| class["metadata"]["name"].as_str().map(str::to_owned);
        classes.iter().filter(is_late).filter_map(name).collect()
    }

    // === why ===

    /// The labels of those whose pods there is no use in waiting for any longer. `since` is when each got into its trouble.
    async fn beyond_hope(&self, open: &[Unready<'_>], since: &mut Since) -> Vec<String> {
        let looks = open.iter().map(|unready| self.outlook(unready)).collect();
        let now = Instant::now();
        let mut lost = Vec::new();
        for (label, outlook) in together(looks).await {
            if outlook == Outlook::Open {
                since.remove(label);
                continue;
            }
            let begun = *since.entry(label.to_owned()).or_insert(now);
            if outlook.is_lost(now - begun) {
                lost.push(label.to_owned());
            }
        }
        lost
    }

    /// The worst of the outlooks of its pods.
    async fn outlook<'u>(&self, unready: &'u Unready<'_>) -> (&'u str, Outlook) {
        let troubles = self.troubles(unready, &self.budget).await;
        let worst = troubles.iter().map(|trouble| trouble.outlook).max();
        (&unready.target.label, worst.unwrap_or(Outlook::Open))
    }

    /// What is wrong with the newest pods of an object. A question that is refused has no answer here.
    async fn troubles(&self, unready: &Unready<'_>, budget: &Budget) -> Vec<Trouble> {
        let Some(object) = &unready.object else { return Vec::new() };
        let namespace = unready.target.located.namespace.as_deref().unwrap_or_default();
        let path = |group: &str, plural: &str| format!("{group}/namespaces/{}/{plural}", escaped(namespace));
        if unready.target.located.served.kind == "Pod" {
            return troubles(object);
        }
        let Some(selector) = pod_selector(object) else { return Vec::new() };
        let query = format!("labelSelector={}", escaped(&selector));
        let of_pods = path("/api/v1", "pods");
        let pods =
            async { self.cluster.list(&of_pods, &query, View::Whole, budget).await.unwrap_or_default() };
        let of_sets = path("/apis/apps/v1", "replicasets");
        let sets = async {
            if unready.target.located.served.kind != "Deployment" {
                return Vec::new();
            }
            self.cluster.list(&of_sets, &query, View::Metadata, budget).await.unwrap_or_default()
        };
        let (pods, sets) = join(pods, sets).await;
        newest_pods(object, &sets, &pods).into_iter().flat_map(troubles).collect()
    }

    /// What a person would look up now. A run that was cancelled ends without.
    async fn explain(&self, unready: Vec<Unready<'_>>) -> Vec<Problem> {
        let budget = Budget::new(EXPLAINING, self.cancel.clone());
        let mut problems = Vec::with_capacity(unready.len());
        for (position, unready) in unready.into_iter().enumerate() {
            let found = if position < EXPLAINED && !self.cancel.is_cancelled() {
                self.explanation(&unready, &budget).await
            } else {
                Vec::new()
            };
            problems.push(Problem::NotReady { label: unready.target.label.clone(), why: unready.why, found });
        }
        problems
    }

    async fn explanation(&self, unready: &Unready<'_>, budget: &Budget) -> Vec<String> {
        let namespace = unready.target.located.namespace.as_deref().unwrap_or_default();
        let mut found = Vec::new();
        let mut pods: Vec<String> = Vec::new();
        for trouble in self.troubles(unready, budget).await {
            if !pods.contains(&trouble.pod) {
                if pods.len() == PODS {
                    break;
                }
                pods.push(trouble.pod.clone());
            }
            let log = self.log(namespace, &trouble, budget).await;
            found.push(format!("{trouble}{log}"));
        }
        let named = [unready.target.located.name.clone()];
        for name in pods.iter().chain(&named) {
            let events = self.events(namespace, name, budget).await;
            found.extend(events.into_iter().map(|event| format!("event of {name}: {event}")));
        }
        found
    }

    async fn events(&self, namespace: &str, name: &str, budget: &Budget) -> Vec<String> {
        let namespace = if namespace.is_empty() { "default" } else { namespace };
        let path = format!("/api/v1/namespaces/{}/events", escaped(namespace));
        let query = format!("fieldSelector={}", escaped(&format!("involvedObject.name={name}")));
        let events = self.cluster.list(&path, &query, View::Whole, budget).await.unwrap_or_default();
        warnings(&events)
    }

    async fn log(&self, namespace: &str, trouble: &Trouble, budget: &Budget) -> String {
        let Some(container) = &trouble.container else { return String::new() };
        let previous = match trouble.log {
            Log::None => return String::new(),
            Log::Current => "",
            Log::Previous => "&previous=true",
        };
        let path = format!(
            "/api/v1/namespaces/{}/pods/{}/log?tailLines={LOG_LINES}&container={}{previous}",
            escaped(namespace),
            escaped(&trouble.pod),
            escaped(container)
        );
        match self.cluster.text(&path, budget).await {
            Ok(text) if !text.trim().is_empty() => format!("; its last words:\n{}", text.trim_end()),
            _ => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_has_no_probe_must_have_been_ready_for_a_while_at_every_look() {
        let mut proofs = Proofs::of(PROVING);
        let crashed = || Readiness::Waiting("0 of 1 replicas available".to_owned());
        assert!(
            matches!(proofs.proved("web", Readiness::Ready), Readiness::Waiting(why) if why.contains("less than 5 s"))
        );
        tokio::time::advance(PROVING / 2).await;
        assert_eq!(proofs.proved("web", crashed()), crashed());
        assert!(matches!(proofs.proved("web", Readiness::Ready), Readiness::Waiting(_)));
        tokio::time::advance(PROVING / 2).await;
        assert!(matches!(proofs.proved("web", Readiness::Ready), Readiness::Waiting(_)));
        tokio::time::advance(PROVING / 2).await;
        assert_eq!(proofs.proved("web", Readiness::Ready), Readiness::Ready);
    }
}
