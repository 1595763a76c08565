//! Create, update, delete.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use node::plan::action::Patience;
use node::plan::{Intent, Left, Wanted};
use node::specification::Cluster;
use tfplugin::validate::parse_duration;
use tfplugin::{Call, Diagnostic, Diagnostics, Model, Value};

use super::changes;
use super::converge::{DRAIN, Work};
use super::hosts::{Coordinates, Hosts};
use super::reading::text;
use super::resource::ClusterResource;
use super::shown::with_results;
use crate::clients::{Clients, budget};

/// Who owns what Terraform makes.
const OWNER: &str = "terraform";
/// How long nodes may take to become ready.
const READY_SECONDS: u64 = 300;

/// Makes the cluster, or goes on making it.
pub(super) async fn create<H: Hosts>(
    call: &Call<Clients>,
    hosts: &H,
    planned: ClusterResource,
) -> Result<ClusterResource, Diagnostics> {
    let change = Change { intent: Intent::Create, cluster_id: chance()?, ..Change::default() };
    change.run(call, hosts, planned).await
}

/// Changes it. What concerns Terraform alone asks no host.
pub(super) async fn update<H: Hosts>(
    call: &Call<Clients>,
    hosts: &H,
    prior: &ClusterResource,
    planned: ClusterResource,
) -> Result<ClusterResource, Diagnostics> {
    if changes::steps(Some(prior), &planned).is_empty() {
        return Ok(planned);
    }
    let departing = changes::departing(prior, &planned);
    let leave = prior.known_nodes().filter(|(name, _)| departing.contains_key(*name));
    let coordinates = leave.filter_map(|(name, node)| Some((name.clone(), node.coordinates()?)));
    let change = Change {
        intent: Intent::Update,
        cluster_id: text(&prior.id).unwrap_or_default(),
        coordinates: coordinates.collect(),
        departing,
        new_keys: changes::new_keys(prior, &planned),
    };
    change.run(call, hosts, planned).await
}

/// Leaves nothing on the hosts.
pub(super) async fn delete<H: Hosts>(
    call: &Call<Clients>,
    hosts: &H,
    state: &ClusterResource,
) -> Result<(), Diagnostics> {
    let cluster = specification(state)?;
    let work = work(call, hosts, &cluster, state, BTreeMap::new())?;
    let id = text(&state.id).unwrap_or_default();
    let left = in_time(call, work.delete(&id)).await?;
    let is_left = |name: &&String| left.unreachable.contains_key(*name) || left.unseen.contains_key(*name);
    let reset: Vec<_> = work.coordinates.keys().filter(|name| !is_left(name)).cloned().collect();
    in_time(call, work.forget(&reset)).await?;
    if let Some(warning) = left_behind(&left, &state.on_unreachable)? {
        call.warn(warning);
    }
    Ok(())
}

/// What a destroy says of hosts that it did not reset: an error, or a warning where the user lets hosts go that are gone.
fn left_behind(left: &Left, on_unreachable: &Value<String>) -> Result<Option<Diagnostic>, Diagnostic> {
    if !left.unseen.is_empty() {
        // Whatever the user says of hosts that are gone: these run.
        return Err(unseen(left));
    }
    if left.unreachable.is_empty() {
        return Ok(None);
    }
    let detail = format!(
        "All other hosts are reset, and these were not reached: {}. Bring them back and destroy again; or set on_unreachable = \
         \"forget\", apply that while the cluster still stands, and reset them later with the playbook socle.platform.reset.",
        named(&left.unreachable)
    );
    if *on_unreachable == Value::from("forget") {
        return Ok(Some(Diagnostic::warning("Hosts were left as they are", detail)));
    }
    Err(Diagnostic::error("Hosts could not be reset", detail).at(ClusterResource::paths().on_unreachable()))
}

fn unseen(left: &Left) -> Diagnostic {
    let detail = format!(
        "These answered and could not be looked at, so what runs there goes on: {}. Mend that and destroy again.",
        named(&left.unseen)
    );
    Diagnostic::error("Hosts could not be reset", detail).at(ClusterResource::paths().nodes().clone())
}

fn named(hosts: &BTreeMap<String, String>) -> String {
    let names: Vec<_> = hosts.iter().map(|(name, reason)| format!("{name} ({reason})")).collect();
    names.join(", ")
}

/// What an apply changes.
struct Change {
    intent: Intent,
    cluster_id: String,
    /// How those that leave are reached.
    coordinates: BTreeMap<String, Coordinates>,
    departing: BTreeMap<String, node::specification::Role>,
    new_keys: BTreeSet<String>,
}

impl Default for Change {
    fn default() -> Self {
        Self {
            intent: Intent::Create,
            cluster_id: String::new(),
            coordinates: BTreeMap::new(),
            departing: BTreeMap::new(),
            new_keys: BTreeSet::new(),
        }
    }
}

impl Change {
    async fn run<H: Hosts>(
        self,
        call: &Call<Clients>,
        hosts: &H,
        planned: ClusterResource,
    ) -> Result<ClusterResource, Diagnostics> {
        let cluster = specification(&planned)?;
        let work = work(call, hosts, &cluster, &planned, self.coordinates)?;
        let lost = planned.known_nodes().filter(|(_, node)| node.is_lost()).map(|(name, _)| name.clone());
        let wanted = Wanted {
            cluster: &cluster,
            intent: self.intent,
            cluster_id: self.cluster_id,
            owner: OWNER.to_owned(),
            seed: chance()?,
            departing: self.departing,
            lost: lost.collect(),
            new_keys: self.new_keys,
        };
        let sights = in_time(call, work.converge(&wanted)).await?;
        in_time(call, work.forget(wanted.departing.keys())).await?;
        Ok(with_results(planned, &sights, now()))
    }
}

/// Seconds since 1970.
pub(super) fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// Until the deadline of the `timeouts` block.
async fn in_time<T>(
    call: &Call<Clients>,
    work: impl Future<Output = Result<T, Diagnostics>>,
) -> Result<T, Diagnostics> {
    let Some(deadline) = call.deadline() else { return work.await };
    tokio::time::timeout_at(deadline, work).await.unwrap_or_else(|_| {
        let detail = "The `timeouts` block ended it. What was begun on a host may still end there; the next apply goes on \
                      from here.";
        Err(Diagnostic::error("Out of time", detail).into())
    })
}

fn specification(cluster: &ClusterResource) -> Result<Cluster, Diagnostics> {
    cluster.specification().ok_or_else(|| {
        Diagnostic::error("Cluster is not wholly known", "Its name, release or a range is missing.").into()
    })
}

fn work<'w, H: Hosts>(
    call: &'w Call<Clients>,
    hosts: &'w H,
    cluster: &'w Cluster,
    model: &ClusterResource,
    more: BTreeMap<String, Coordinates>,
) -> Result<Work<'w, H>, Diagnostics> {
    let present = model.known_nodes().filter(|(_, node)| !node.is_lost());
    let coordinates = present.filter_map(|(name, node)| Some((name.clone(), node.coordinates()?)));
    let drain = model.upgrade.known().and_then(|block| parse_duration(block.drain_timeout.known()?));
    Ok(Work {
        hosts,
        cluster,
        bundles: text(&model.bundles).map(PathBuf::from),
        releases: call.clients().releases(),
        coordinates: coordinates.chain(more).collect(),
        holder: chance()?,
        description: format!("{OWNER} (process {})", std::process::id()),
        patience: Patience { drain: drain.unwrap_or(DRAIN).as_secs(), ready: READY_SECONDS },
        cancel: call.cancel(),
        budget: budget(call),
    })
}

/// 128 bits that nobody can guess, in hexadecimal digits.
fn chance() -> Result<String, Diagnostics> {
    let mut bytes = [0; 16];
    let failed =
        |error: getrandom::Error| Diagnostic::error("The system gives no random numbers", error.to_string());
    getrandom::fill(&mut bytes).map_err(failed)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_that_do_not_answer_are_forgotten() {
        let hosts = || BTreeMap::from([("w-1".to_owned(), "no route to host".to_owned())]);
        let gone = Left { unreachable: hosts(), ..Left::default() };
        assert!(left_behind(&gone, &"forget".into()).unwrap().is_some());
        assert!(left_behind(&gone, &"fail".into()).is_err());
        let there = Left { unseen: hosts(), ..Left::default() };
        let error = left_behind(&there, &"forget".into()).unwrap_err();
        assert!(error.detail.contains("w-1") && !error.detail.contains("forget"), "{}", error.detail);
    }
}
