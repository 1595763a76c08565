//! The mesh of a cluster's nodes, for `wg-quick`.

use std::fmt::Write;

use super::Place;
use crate::journal::Member;
use crate::specification::NetworkMode;

/// The name of the interface.
pub const INTERFACE: &str = "socle0";
/// Its configuration: secret, because of the private key.
pub const PATH: &str = "/etc/wireguard/socle0.conf";
/// The UDP port that members listen on.
pub const PORT: u16 = 51820;

/// The configuration, once every other member has a key. None where the nodes need no mesh.
///
/// A member may send from its own address and from the range of its pods, and from nothing else.
pub fn configuration(place: &Place<'_>, private_key: &str) -> Option<String> {
    let network = &place.cluster.network;
    if network.mode == NetworkMode::Private {
        return None;
    }
    let mut text = String::from("# Written by socle-node: changes are lost.\n[Interface]\n");
    let prefix = network.mesh_cidr.prefix_len();
    let _ = writeln!(text, "Address = {}/{prefix}", place.member.internal);
    let _ = writeln!(text, "ListenPort = {PORT}");
    let _ = writeln!(text, "PrivateKey = {private_key}");
    if let Some(mtu) = network.mtu {
        let _ = writeln!(text, "MTU = {mtu}");
    }
    for (name, member) in place.others() {
        peer(&mut text, name, member);
    }
    Some(text)
}

fn peer(text: &mut String, name: &str, member: &Member) {
    let Some(key) = &member.mesh_key else { return };
    let _ = writeln!(text, "\n# {name}\n[Peer]\nPublicKey = {key}");
    let _ = writeln!(text, "Endpoint = {}:{PORT}", member.address);
    let _ = writeln!(text, "AllowedIPs = {}/32, {}", member.internal, member.pod_range);
    let _ = writeln!(text, "PersistentKeepalive = 25");
}
