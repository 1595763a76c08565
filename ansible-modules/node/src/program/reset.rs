//! Leaving nothing of a cluster on a host. The journal goes last: what is half reset is still known as ours.

use std::time::Duration;

use host::Host;
use node::journal;
use node::lease;
use node::render::{addons, mesh, pods};
use node::step::{Answer, Kept};
use serde::Deserialize;

use crate::command::{ctr, feed, run, systemctl};
use crate::failure::Failure;
use crate::{files, membership, mounts, network, observe, prepare, wait};

/// Where the kubelet keeps what it mounts for pods.
pub(crate) const KUBELET: &str = "/var/lib/kubelet";
/// What is emptied.
const FOLDERS: [&str; 4] = ["/etc/kubernetes", KUBELET, "/var/lib/etcd", "/var/log/kubernetes"];

/// What the playbook asks: whoever resets a host says which cluster he means.
#[derive(Debug, Deserialize)]
struct Named {
    cluster: String,
    #[serde(rename = "_ansible_check_mode", default)]
    check: bool,
}

/// Resets this host, if it is of the cluster that `text` names. Whoever runs the playbook needs no lease: the run that
/// holds it may be gone for good.
pub(crate) fn by_name(text: &str) -> Result<Answer, Failure> {
    let detail = || "it must say which cluster is meant: { \"cluster\": \"prod\" }".to_owned();
    let asked: Named = serde_json::from_str(text).map_err(|_| Failure::Input { detail: detail() })?;
    // A step goes on when whoever asked for it was killed; what it makes would outlive the reset.
    let _alone = (!asked.check).then(|| Host::this().alone()).transpose()?;
    match observe::own_journal()? {
        None => Ok(Answer::done(false)),
        Some(journal) if journal.fixed.name != asked.cluster => {
            Err(Failure::OtherCluster { found: journal.fixed.name, asked: asked.cluster })
        }
        Some(_) if asked.check => Ok(Answer::done(true)),
        Some(_) => reset(Kept::Goes).map(Answer::done),
    }
}

/// Resets this host.
pub(crate) fn reset(preparation: Kept) -> Result<bool, Failure> {
    // A kubelet that was never there is as good as stopped.
    let _ = systemctl(&["disable", "--now", "kubelet.service"]);
    stop_containers().map_err(Failure::during("containers"))?;
    unmount().map_err(Failure::during("mounts"))?;
    for folder in FOLDERS {
        files::empty(folder).map_err(Failure::during("files"))?;
    }
    // Where a volume is left in it, it stays: what it holds is the user's.
    let _ = std::fs::remove_dir(addons::VOLUMES);
    // Whoever writes there makes them, so nobody misses them.
    for folder in ["/var/lib/cni", "/var/log/pods", "/var/log/containers"] {
        files::remove_folder(folder).map_err(Failure::during("files"))?;
    }
    network::remove().map_err(Failure::during("network"))?;
    remove_interfaces().map_err(Failure::during("interfaces"))?;
    remove_rules().map_err(Failure::during("rules"))?;
    if preparation == Kept::Goes {
        prepare::undo(&Host::this()).map_err(Failure::during("preparation"))?;
    }
    forget().map_err(Failure::during("journal"))?;
    Ok(true)
}

/// Ends all that the kubelet started. Its containers are containerd's namespace `k8s.io`; others are left alone.
fn stop_containers() -> Result<(), Failure> {
    if !std::path::Path::new("/run/containerd/containerd.sock").exists() {
        return Ok(());
    }
    wait::until("the containers to end", Duration::from_mins(1), || {
        let failed = |failure: Failure| failure.to_string();
        let tasks = ctr(&["tasks", "ls", "-q"]).map_err(failed)?;
        for task in tasks.lines() {
            // The runtime's own plugin deletes what has ended; `tasks rm --force` waits for the output of such a task.
            let _ = ctr(&["tasks", "kill", "-s", "SIGKILL", task]);
        }
        let left = ctr(&["tasks", "ls", "-q"]).map_err(failed)?;
        if left.trim().is_empty() { Ok(()) } else { Err(left.trim().replace('\n', ", ")) }
    })?;
    let containers = ctr(&["containers", "ls", "-q"])?;
    for container in containers.lines() {
        let _ = ctr(&["containers", "rm", container]);
    }
    for name in files::names("/run/netns").iter().filter(|name| name.starts_with("cni-")) {
        run("ip", &["netns", "del", name])?;
    }
    // The runtime remembers sandboxes of its own.
    systemctl(&["restart", "containerd.service"]).map(drop)
}

/// Nothing is deleted while a volume stays mounted below any of the folders: the files would be the user's data.
fn unmount() -> Result<(), Failure> {
    for point in mounts::below(KUBELET)? {
        // Never by force: whoever still writes there would lose what he wrote.
        let _ = run("umount", &[&point]);
    }
    let left: Result<Vec<_>, _> = FOLDERS.iter().map(|folder| mounts::below(folder)).collect();
    let mounts = left?.concat();
    if mounts.is_empty() { Ok(()) } else { Err(Failure::Mounted { mounts }) }
}

fn remove_interfaces() -> Result<(), Failure> {
    for name in [mesh::INTERFACE, pods::BRIDGE, "kube-ipvs0"] {
        if files::exists(&format!("/sys/class/net/{name}")) {
            run("ip", &["link", "del", name])?;
        }
    }
    Ok(())
}

/// kube-proxy's and the plugins' rules, and nobody else's.
fn remove_rules() -> Result<(), Failure> {
    for (save, restore) in [("iptables-save", "iptables-restore"), ("ip6tables-save", "ip6tables-restore")] {
        let Ok(rules) = run(save, &[]) else { continue };
        let kept = without_kubernetes(&rules);
        if kept != rules {
            feed(restore, &[], &kept)?;
        }
    }
    for family in ["ip", "ip6"] {
        let _ = run("nft", &["delete", "table", family, "kube-proxy"]);
    }
    Ok(())
}

/// Rules and chains, without those of kube-proxy, kubelet and the plugins.
fn without_kubernetes(rules: &str) -> String {
    let theirs = |line: &&str| ["KUBE-", "CNI-"].iter().any(|mark| line.contains(mark));
    rules.lines().filter(|line| !theirs(line)).flat_map(|line| [line, "\n"]).collect()
}

fn forget() -> Result<(), Failure> {
    files::empty(&format!("{}/applied", membership::FOLDER))?;
    for name in files::names(membership::FOLDER) {
        let path = format!("{}/{name}", membership::FOLDER);
        let is_last = path == journal::PATH || path == lease::PATH;
        if !is_last && !std::path::Path::new(&path).is_dir() {
            files::remove(&path)?;
        }
    }
    files::remove(journal::PATH)?;
    files::empty(membership::FOLDER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_kubernetes_rules_go() {
        let rules = "*nat\n:POSTROUTING ACCEPT [0:0]\n:KUBE-SERVICES - [0:0]\n-A PREROUTING -j KUBE-SERVICES\n\
                     -A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE\n-A CNI-HOSTPORT-DNAT -p tcp\nCOMMIT\n";
        let kept = "*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE\nCOMMIT\n";
        assert_eq!(without_kubernetes(rules), kept);
        assert_eq!(without_kubernetes(kept), kept);
    }
}
