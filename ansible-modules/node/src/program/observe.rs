//! What this host shows.

use std::collections::BTreeSet;
use std::time::{Duration, UNIX_EPOCH};

use host::Host;
use node::fingerprint::fingerprint;
use node::journal::{self, Journal};
use node::lease::{self, Lease};
use node::observation::{ClusterView, HostView, Specified, Trace};
use node::render::{Place, mesh, pods};
use node::specification::Cluster;
use node::step::digest;

use crate::api::{Api, Mark};
use crate::etcd::Etcd;
use crate::failure::Failure;
use crate::{
    authority, certificates, files, machine, membership, mounts, network, prepare, reset, settings, snapshot,
};

/// How long one question to an API may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// Looks; changes nothing. Whoever asks without a journal has the host judged by its own.
pub(crate) fn observe(cluster: &Cluster, journal: Option<&Journal>) -> Result<HostView, Failure> {
    let found = own_journal()?;
    let journal = journal.or(found.as_ref());
    let place = journal.and_then(|journal| Place::of(cluster, journal));
    let joined = files::exists("/etc/kubernetes/kubelet.conf");
    let mut differs = BTreeSet::new();
    if let Some(place) = &place {
        differs.extend(network::differs(place)?);
        if joined {
            differs.extend(settings::differs(place)?);
        }
    }
    let cluster_id = journal.map(|journal| journal.cluster_id.clone());
    Ok(HostView {
        lease: own_lease()?,
        busy: Host::this().is_busy(),
        prepared: prepared(),
        // Only of a newcomer it matters whose it is.
        prepared_by: if found.is_none() { prepare::owner(&Host::this())? } else { None },
        mesh_key: files::read(network::MESH_PUBLIC_KEY)?.map(|key| key.trim().to_owned()),
        differs,
        judged: journal.map(|journal| digest(cluster, journal)),
        authority: files::read(authority::CERTIFICATE)?.map(|text| fingerprint(text.as_bytes())),
        ca_certificate: files::read(authority::CERTIFICATE)?.filter(|_| files::exists(authority::KEY)),
        signs: files::exists(authority::KEY),
        etcd_data: files::exists("/var/lib/etcd/member"),
        joined,
        traces: traces()?,
        cluster: ask_cluster(),
        final_snapshot: cluster_id.and_then(|id| snapshot::found(&cluster.name, &id)),
        certificates_expire_at: certificates::first_end(),
        specification: specification()?,
        journal: found,
        machine: Some(machine::look()?),
        ahead: None,
    })
}

/// What this host remembers.
pub(crate) fn own_journal() -> Result<Option<Journal>, Failure> {
    let text = files::read(journal::PATH)?;
    // One that makes no sense is as bad as a foreign one: nobody may write over it unseen.
    text.map(|text| {
        serde_json::from_str(&text)
            .map_err(|error| Failure::Damaged { path: journal::PATH, detail: error.to_string() })
    })
    .transpose()
}

/// The specification of the last change that reached this host.
fn specification() -> Result<Option<Specified>, Failure> {
    let Some(text) = files::read(membership::SPECIFICATION)? else { return Ok(None) };
    let written = std::fs::metadata(membership::SPECIFICATION).and_then(|found| found.modified()).ok();
    let since = written.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let at = u64::try_from(since.as_millis()).unwrap_or_default();
    // One of another release of this program is as good as none.
    Ok(serde_json::from_str(&text).ok().map(|cluster| Specified { cluster, at }))
}

/// Who may change the cluster, as this host knows.
pub(crate) fn own_lease() -> Result<Option<Lease>, Failure> {
    Ok(files::read(lease::PATH)?.and_then(|text| serde_json::from_str(&text).ok()))
}

/// The release of kubeadm and kubelet, where both are the same and the container runtime answers.
fn prepared() -> Option<String> {
    if prepare::is_begun(&Host::this()) {
        return None;
    }
    let kubeadm = crate::command::run("kubeadm", &["version", "-o", "short"]).ok()?;
    let kubelet = crate::command::run("kubelet", &["--version"]).ok()?;
    let kubeadm = kubeadm.trim().trim_start_matches('v');
    let kubelet = kubelet.trim().trim_start_matches("Kubernetes v");
    let runtime = std::path::Path::new("/run/containerd/containerd.sock").exists();
    (kubeadm == kubelet && runtime).then(|| kubeadm.to_owned())
}

fn traces() -> Result<BTreeSet<Trace>, Failure> {
    let link = |name: &str| files::exists(&format!("/sys/class/net/{name}"));
    let found = [
        (Trace::Configuration, !files::names("/etc/kubernetes/manifests").is_empty()),
        (Trace::Containers, !files::names(TASKS).is_empty()),
        (Trace::Mounts, !mounts::below(reset::KUBELET)?.is_empty()),
        (Trace::Etcd, files::exists("/var/lib/etcd/member")),
        (Trace::Interfaces, link(pods::BRIDGE) || link(mesh::INTERFACE)),
        (Trace::Files, files::exists(mesh::PATH) || files::exists(pods::PLUGINS)),
    ];
    Ok(found.into_iter().filter(|(_, is_there)| *is_there).map(|(trace, _)| trace).collect())
}

/// containerd's running tasks of the kubelet's.
const TASKS: &str = "/run/containerd/io.containerd.runtime.v2.task/k8s.io";

/// What this host's own API server and etcd say; none where either does not answer.
fn ask_cluster() -> Option<ClusterView> {
    if !files::exists("/etc/kubernetes/manifests/kube-apiserver.yaml") {
        return None;
    }
    let api = Api::here(PATIENCE).ok()?;
    api.is_ready().ok()?;
    let members = Etcd::here(PATIENCE).ok()?.members(PATIENCE / 2).ok()?;
    let Mark { cluster_id, addons } = api.mark().ok()?;
    Some(ClusterView { initialised: cluster_id, nodes: api.nodes().ok()?, members, addons })
}
