//! The network of pods, where it is ours: the reference plugins, and routes over the nodes' network.
//!
//! It enforces no `NetworkPolicy`. Whoever needs that takes `pods = "none"` and installs Cilium or Calico.

use std::fmt::Write;

use serde_json::json;

use super::{Place, document};
use crate::specification::{NetworkMode, Pods};

/// The plugins' configuration.
pub const PLUGINS: &str = "/etc/cni/net.d/10-socle.conflist";
/// The rules by which pods reach the world.
pub const RULES: &str = "/etc/socle/pods.nft";
/// The unit that sets rules and routes.
pub const UNIT: &str = "socle-pods.service";
/// The table of those rules.
pub const TABLE: &str = "socle_pods";
/// The mark of our routes, as `ip route` and the kernel call it their protocol: a number that no routing daemon has.
pub const ROUTES: u8 = 83;
/// The bridge that a node's pods hang on.
pub const BRIDGE: &str = "cni0";

/// Is the pods' network ours?
pub fn is_ours(place: &Place<'_>) -> bool {
    place.cluster.network.pods == Pods::Routed
}

/// A bridge with this node's range of pods.
pub fn plugins(place: &Place<'_>) -> String {
    let mut bridge = json!({
        "type": "bridge",
        "bridge": BRIDGE,
        "isGateway": true,
        "hairpinMode": true,
        "ipMasq": false,
        "ipam": {
            "type": "host-local",
            "ranges": [[{ "subnet": place.member.pod_range.to_string() }]],
            "routes": [{ "dst": "0.0.0.0/0" }],
        },
    });
    if let Some(mtu) = place.cluster.network.mtu {
        bridge["mtu"] = json!(mtu);
    } else if place.cluster.network.mode == NetworkMode::Wireguard {
        bridge["mtu"] = json!(MESH_MTU);
    }
    document(&json!({
        "cniVersion": "1.0.0",
        "name": "socle",
        "plugins": [bridge, { "type": "portmap", "capabilities": { "portMappings": true } }],
    }))
}

/// An Ethernet of 1500 bytes, less what `WireGuard` puts around a packet.
const MESH_MTU: u16 = 1420;

/// Pods reach each other under their own addresses, and the world under their node's.
pub fn rules(place: &Place<'_>) -> String {
    let pods = place.cluster.network.pod_cidr;
    format!(
        "# Written by socle-node: changes are lost.
table ip {TABLE} {{}}
delete table ip {TABLE}
table ip {TABLE} {{
    chain postrouting {{
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr {} ip daddr != {pods} oifname != \"{BRIDGE}\" masquerade
    }}
}}
",
        place.member.pod_range
    )
}

/// The routes to Services, and to the other nodes' pods; a mesh has the latter from its peers' ranges.
pub fn routes(place: &Place<'_>) -> Vec<String> {
    // kube-proxy gives a packet to a Service its destination after it was routed: on a server without a default route
    // there would be none for it.
    let services = format!("{} dev lo src {}", place.cluster.network.service_cidr, place.member.internal);
    let route = |member: &crate::journal::Member| format!("{} via {}", member.pod_range, member.internal);
    let is_mesh = place.cluster.network.mode == NetworkMode::Wireguard;
    let pods = place.others().filter(|_| !is_mesh).map(|(_, member)| route(member));
    [services].into_iter().chain(pods).collect()
}

/// The unit that sets rules and routes when the host starts.
pub fn unit(place: &Place<'_>) -> String {
    let mut text = format!(
        "# Written by socle-node: changes are lost.
[Unit]
Description=Routes and rules for the pods of this node
After=network-online.target nftables.service wg-quick@{}.service
Wants=network-online.target
Before=kubelet.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f {RULES}
",
        super::mesh::INTERFACE
    );
    for route in routes(place) {
        let _ = writeln!(text, "ExecStart=/usr/sbin/ip route replace {route} proto {ROUTES}");
    }
    text.push_str("\n[Install]\nWantedBy=multi-user.target\n");
    text
}
