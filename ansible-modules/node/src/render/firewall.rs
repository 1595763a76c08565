//! Whom a node lets in.

use super::Place;

/// The networks inside the cluster: the nodes by their inner addresses, and all pods.
pub fn inner(place: &Place<'_>) -> impl Iterator<Item = String> {
    let nodes = place.journal.members.values().map(|member| member.internal.to_string());
    nodes.chain([place.cluster.network.pod_cidr.to_string()])
}

/// The networks outside of it from which the API servers may be reached.
pub fn clients(place: &Place<'_>) -> impl Iterator<Item = String> {
    let everybody = || vec!["0.0.0.0/0".to_owned(), "::/0".to_owned()];
    let named = place.cluster.api_from.as_ref();
    named.map_or_else(everybody, |named| named.iter().map(ToString::to_string).collect()).into_iter()
}
