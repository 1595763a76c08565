//! The parts of a node that are rendered and take effect by themselves: mesh, balancer, hosts file, pods' network, timer.

use std::collections::BTreeSet;

use aws_lc_rs::agreement::{PrivateKey, X25519};
use node::observation::Area;
use node::render::{Place, balancer, mesh, pods, timer};
use node::specification::{API_PORT, NetworkMode};

use crate::command::{feed, is_active, run, systemctl};
use crate::encoding::{base64, from_base64};
use crate::failure::Failure;
use crate::files::{self, Readers};
use crate::firewall;

/// The private key of the mesh.
pub(crate) const MESH_KEY: &str = "/var/lib/socle/cluster/mesh.key";
/// Its public half.
pub(crate) const MESH_PUBLIC_KEY: &str = "/var/lib/socle/cluster/mesh.pub";
const UNITS: &str = "/etc/systemd/system";
const HOSTS: &str = "/etc/hosts";
/// The lines of ours in the hosts file stand between these.
const BEGIN: &str = "# begin socle cluster";
const END: &str = "# end socle cluster";

/// A file that should be.
struct Wanted {
    area: Area,
    path: String,
    text: String,
    readers: Readers,
}

fn unit_path(unit: &str) -> String {
    format!("{UNITS}/{unit}")
}

/// The unit of `wg-quick` for our interface.
pub(crate) fn mesh_unit() -> String {
    format!("wg-quick@{}.service", mesh::INTERFACE)
}

/// All files that should be; the hosts file is only partly ours.
fn wanted(place: &Place<'_>) -> Result<Vec<Wanted>, Failure> {
    let open = |area, path: &str, text| Wanted { area, path: path.to_owned(), text, readers: Readers::All };
    let mut found = Vec::new();
    if place.cluster.network.mode == NetworkMode::Wireguard {
        let key = files::read(MESH_KEY)?.unwrap_or_default();
        let text = mesh::configuration(place, key.trim()).unwrap_or_default();
        found.push(Wanted { area: Area::Mesh, path: mesh::PATH.to_owned(), text, readers: Readers::Root });
    }
    if let Some(text) = balancer::configuration(place) {
        found.push(open(Area::Balancer, balancer::PATH, text));
        found.push(open(Area::Balancer, &unit_path(balancer::UNIT), balancer::unit()));
    }
    if pods::is_ours(place) {
        found.push(open(Area::Pods, pods::PLUGINS, pods::plugins(place)));
        found.push(open(Area::Pods, pods::RULES, pods::rules(place)));
        found.push(open(Area::Pods, &unit_path(pods::UNIT), pods::unit(place)));
    }
    found.push(open(Area::Timer, &unit_path(timer::SERVICE), timer::service(&own_path())));
    found.push(open(Area::Timer, &unit_path(timer::TIMER), timer::timer()));
    Ok(found)
}

fn own_path() -> String {
    std::env::current_exe().map_or_else(|_| "socle-node".to_owned(), |path| path.display().to_string())
}

/// The units that should run, each with its area.
fn units(place: &Place<'_>) -> Vec<(Area, String)> {
    let mut units = vec![(Area::Timer, timer::TIMER.to_owned())];
    if place.cluster.network.mode == NetworkMode::Wireguard {
        units.push((Area::Mesh, mesh_unit()));
    }
    if place.cluster.endpoint.is_none() {
        units.push((Area::Balancer, balancer::UNIT.to_owned()));
    }
    if pods::is_ours(place) {
        units.push((Area::Pods, pods::UNIT.to_owned()));
    }
    units
}

/// What does not fit.
pub(crate) fn differs(place: &Place<'_>) -> Result<BTreeSet<Area>, Failure> {
    let mut areas = BTreeSet::new();
    for wanted in wanted(place)? {
        if files::read(&wanted.path)?.as_ref() != Some(&wanted.text) {
            areas.insert(wanted.area);
        }
    }
    let hosts = files::read(HOSTS)?.unwrap_or_default();
    if with_block(&hosts, &names(place)) != hosts {
        areas.insert(Area::Hosts);
    }
    if place.cluster.endpoint.is_some() && files::exists(balancer::PATH) {
        areas.insert(Area::Balancer);
    }
    if firewall::differs(place)? {
        areas.insert(Area::Firewall);
    }
    areas.extend(units(place).into_iter().filter(|(_, unit)| !is_active(unit)).map(|(area, _)| area));
    Ok(areas)
}

/// Brings about what is wanted; says whether anything changed.
pub(crate) fn configure(place: &Place<'_>) -> Result<bool, Failure> {
    let differs: BTreeSet<_> = differs(place)?.into_iter().filter(|area| area.is_network()).collect();
    for wanted in wanted(place)? {
        files::write(&wanted.path, &wanted.text, wanted.readers)?;
    }
    if !differs.is_empty() {
        systemctl(&["daemon-reload"])?;
    }
    for area in &differs {
        match area {
            Area::Mesh => start_mesh(place)?,
            Area::Balancer => start_balancer(place)?,
            Area::Hosts => write_hosts(place)?,
            Area::Pods => {
                systemctl(&["enable", pods::UNIT])?;
                systemctl(&["restart", pods::UNIT])?;
            }
            Area::Timer => drop(systemctl(&["enable", "--now", timer::TIMER])?),
            Area::Firewall => firewall::bring(place)?,
            Area::ControlPlane | Area::Kubelet | Area::Runtime => {}
        }
    }
    Ok(!differs.is_empty())
}

/// Makes the key pair of the mesh, once.
pub(crate) fn make_mesh_key() -> Result<(), Failure> {
    if !files::exists(MESH_KEY) {
        files::write(MESH_KEY, &base64(files::chance::<32>()?), Readers::Root)?;
    }
    let public = public_key(&files::require(MESH_KEY)?)?;
    files::write(MESH_PUBLIC_KEY, &public, Readers::All).map(drop)
}

/// The public half of a key of `WireGuard`'s (RFC 7748). Its own program may not be there yet.
fn public_key(private: &str) -> Result<String, Failure> {
    let wrong = |detail: &str| Failure::Certificate { what: MESH_KEY.into(), detail: detail.into() };
    let bytes = from_base64(private.trim()).ok_or_else(|| wrong("not Base64"))?;
    let key = PrivateKey::from_private_key(&X25519, &bytes).map_err(|_| wrong("not a key of X25519"))?;
    let public = key.compute_public_key().map_err(|_| wrong("it has no public half"))?;
    Ok(base64(public))
}

/// A mesh that runs takes its new peers without losing the others.
fn start_mesh(place: &Place<'_>) -> Result<(), Failure> {
    let unit = mesh_unit();
    systemctl(&["enable", &unit])?;
    if !is_active(&unit) {
        return systemctl(&["restart", &unit]).map(drop);
    }
    let stripped = run("wg-quick", &["strip", mesh::INTERFACE])?;
    feed("wg", &["syncconf", mesh::INTERFACE, "/dev/stdin"], &stripped)?;
    set_mesh_routes(place)
}

fn set_mesh_routes(place: &Place<'_>) -> Result<(), Failure> {
    let wanted: BTreeSet<_> = place.others().map(|(_, member)| member.pod_range.to_string()).collect();
    for range in &wanted {
        run("ip", &["route", "replace", range, "dev", mesh::INTERFACE])?;
    }
    let shown = run("ip", &["-4", "route", "show", "dev", mesh::INTERFACE, "scope", "link"])?;
    let found = shown.lines().filter_map(|line| line.split_whitespace().next());
    let pods = place.cluster.network.pod_cidr;
    let is_stale = |range: &&str| {
        let ours = range.parse::<ipnet::Ipv4Net>().is_ok_and(|range| pods.contains(&range));
        ours && !wanted.contains(*range)
    };
    for range in found.filter(is_stale) {
        run("ip", &["route", "del", range, "dev", mesh::INTERFACE])?;
    }
    Ok(())
}

fn start_balancer(place: &Place<'_>) -> Result<(), Failure> {
    if place.cluster.endpoint.is_some() {
        let _ = systemctl(&["disable", "--now", balancer::UNIT]);
        files::remove(balancer::PATH)?;
        return files::remove(&unit_path(balancer::UNIT)).map(drop);
    }
    run("haproxy", &["-c", "-q", "-f", balancer::PATH])?;
    systemctl(&["enable", balancer::UNIT])?;
    systemctl(&["reload-or-restart", balancer::UNIT]).map(drop)
}

/// An endpoint's name is known on the nodes before it is published. At another port than the API servers' own it is
/// somebody else's balancer, which must be found by itself.
fn names(place: &Place<'_>) -> Vec<String> {
    let Some(endpoint) = &place.cluster.endpoint else { return Vec::new() };
    if endpoint.port != API_PORT || endpoint.host.parse::<std::net::IpAddr>().is_ok() {
        return Vec::new();
    }
    let line = |(_, address): (&str, std::net::Ipv4Addr)| format!("{address} {}", endpoint.host);
    place.control_planes().into_iter().map(line).collect()
}

fn write_hosts(place: &Place<'_>) -> Result<(), Failure> {
    let hosts = files::read(HOSTS)?.unwrap_or_default();
    overwrite_hosts(&with_block(&hosts, &names(place)))
}

/// In a container the hosts file is mounted, so it is written in place.
fn overwrite_hosts(text: &str) -> Result<(), Failure> {
    std::fs::write(HOSTS, text).map_err(|source| Failure::File { path: HOSTS.to_owned(), source })
}

/// The text with our block, and nothing else changed.
fn with_block(text: &str, lines: &[String]) -> String {
    let mut ours = false;
    let mut kept = String::new();
    for line in text.lines() {
        ours |= line == BEGIN;
        if !ours {
            kept.push_str(line);
            kept.push('\n');
        }
        ours &= line != END;
    }
    if !lines.is_empty() {
        kept.extend([BEGIN, "\n", &lines.join("\n"), "\n", END, "\n"]);
    }
    kept
}

/// Leaves nothing of all that.
pub(crate) fn remove() -> Result<(), Failure> {
    for unit in [timer::TIMER, timer::SERVICE, balancer::UNIT, pods::UNIT, &mesh_unit()] {
        // A unit that was never there is as good as stopped.
        let _ = systemctl(&["disable", "--now", unit]);
    }
    for unit in [timer::TIMER, timer::SERVICE, balancer::UNIT, pods::UNIT] {
        files::remove(&unit_path(unit))?;
    }
    for path in [mesh::PATH, balancer::PATH, pods::RULES, pods::PLUGINS] {
        files::remove(path)?;
    }
    let _ = run("nft", &["delete", "table", "ip", pods::TABLE]);
    run("ip", &["-4", "route", "flush", "proto", &pods::ROUTES.to_string()])?;
    firewall::remove()?;
    let hosts = files::read(HOSTS)?.unwrap_or_default();
    if hosts.contains(BEGIN) {
        overwrite_hosts(&with_block(&hosts, &[]))?;
    }
    systemctl(&["daemon-reload"]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bob's keys in RFC 7748, section 6.1.
    #[test]
    fn the_public_half_of_a_mesh_key_is_as_the_standard_has_it() {
        let public = public_key("XasIfmJKikt54X+Lg4AO5m87sSkmGLb9HC+LJ/+I4Os=\n").unwrap();
        assert_eq!(public, "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=");
        assert!(public_key("c2hvcnQ=").is_err());
    }

    #[test]
    fn the_hosts_file_keeps_what_is_not_ours() {
        let before = "127.0.0.1 localhost\n10.0.0.9 nas\n";
        let lines = ["10.220.0.1 api.example.social".to_owned()];
        let with = with_block(before, &lines);
        assert_eq!(with, format!("{before}{BEGIN}\n{}\n{END}\n", lines[0]));
        assert_eq!(with_block(&with, &lines), with);
        assert_eq!(with_block(&with, &[]), before);
    }
}
