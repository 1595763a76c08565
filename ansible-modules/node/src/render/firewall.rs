//! Whom a node lets in.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::Place;

/// The networks inside the cluster: the nodes by their inner addresses, and all pods.
pub fn inner(place: &Place<'_>) -> Vec<IpNet> {
    let nodes = place.journal.members.values().map(|member| Ipv4Net::from(member.internal));
    nodes.chain([place.cluster.network.pod_cidr]).map(IpNet::from).collect()
}

/// The networks outside of it from which the API servers may be reached.
pub fn clients(place: &Place<'_>) -> Vec<IpNet> {
    let everybody = || vec![Ipv4Net::default().into(), Ipv6Net::default().into()];
    place.cluster.api_from.clone().unwrap_or_else(everybody)
}
