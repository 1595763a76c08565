//! Read: what the hosts and the API show, within seconds whatever is down.

use node::observation::Sight;
use node::plan::action::Patience;
use tfplugin::{Call, Diagnostics};

use super::apply::now;
use super::converge::Work;
use super::hosts::Hosts;
use super::reading::text;
use super::resource::ClusterResource;
use super::shown::{warnings, with_results};
use crate::clients::{Clients, budget};

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
        releases: call.clients().releases(),
        coordinates: coordinates.collect(),
        holder: String::new(),
        description: String::new(),
        patience: Patience { drain: 0, ready: 0 },
        cancel: call.cancel(),
        budget: budget(call),
    };
    let mut sights = work.look(None).await;
    let id = text(&state.id).unwrap_or_default();
    let foreign: Vec<_> =
        sights.iter().filter(|(_, sight)| is_foreign(sight, &id)).map(|(name, _)| name.clone()).collect();
    for name in foreign {
        sights.insert(name, Sight::Failed("it is of another cluster".to_owned()));
    }
    for warning in warnings(&state, &sights) {
        call.warn(warning);
    }
    Ok(with_results(state, &sights, now()))
}

fn is_foreign(sight: &Sight, id: &str) -> bool {
    let journal = sight.view().and_then(|view| view.journal.as_ref());
    journal.is_some_and(|journal| journal.cluster_id != id)
}
