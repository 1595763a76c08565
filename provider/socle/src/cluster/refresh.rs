//! Read: what the hosts and the API show, within seconds whatever is down.

use std::collections::BTreeMap;

use node::observation::Sight;
use node::plan::action::Patience;
use tfplugin::{Call, Diagnostic, Diagnostics, Model};

use super::apply::now;
use super::converge::Work;
use super::hosts::Hosts;
use super::reading::text;
use super::resource::ClusterResource;
use super::shown::with_results;
use crate::clients::Clients;

/// Looks at all hosts at the same time. Whatever does not answer keeps what is known of it, with a warning: an error would
/// block the very plan that mends it.
pub(super) async fn read<H: Hosts>(
    call: &Call<Clients>,
    hosts: &H,
    state: ClusterResource,
) -> Result<ClusterResource, Diagnostics> {
    let Some(cluster) = state.specification() else { return Ok(state) };
    let present = state.known_nodes().filter(|(_, node)| !node.is_lost());
    let coordinates = present.filter_map(|(name, node)| Some((name.clone(), node.coordinates()?)));
    let work = Work {
        hosts,
        cluster: &cluster,
        bundles: None,
        coordinates: coordinates.collect(),
        holder: String::new(),
        description: String::new(),
        patience: Patience { drain: 0, ready: 0 },
        cancel: call.cancel(),
    };
    let mut sights = work.look(None).await;
    let id = text(&state.id).unwrap_or_default();
    let foreign: Vec<_> =
        sights.iter().filter(|(_, sight)| is_foreign(sight, &id)).map(|(name, _)| name.clone()).collect();
    for name in foreign {
        sights.insert(name, Sight::Unreachable("it is not of this cluster".to_owned()));
    }
    for (name, reason) in unreachable(&sights) {
        let told = reason.trim_end_matches('.');
        let detail = format!("{told}. What is known of it is from the last refresh that reached it.");
        let path = ClusterResource::paths().nodes().key(name);
        call.warn(Diagnostic::warning(format!("Host {name} did not answer"), detail).at(path));
    }
    Ok(with_results(state, &sights, now()))
}

fn is_foreign(sight: &Sight, id: &str) -> bool {
    let journal = sight.view().and_then(|view| view.journal.as_ref());
    journal.is_some_and(|journal| journal.cluster_id != id)
}

fn unreachable(sights: &BTreeMap<String, Sight>) -> impl Iterator<Item = (&String, &String)> {
    sights.iter().filter_map(|(name, sight)| match sight {
        Sight::Unreachable(reason) => Some((name, reason)),
        // The plan shows it as a drift.
        Sight::Seen(_) | Sight::Unprepared(_) => None,
    })
}
