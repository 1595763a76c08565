//! kubeadm's phases, each run or left out by what is there: `init` and `join` as a whole do not resume on their own
//! leftovers. Every node runs phases of `init`: with the authorities' keys, a control plane makes all that is its own by
//! itself, so a certificate covers every address that the journal knows, and no secret is kept in the cluster.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use host::Host;
use node::fingerprint::fingerprint;
use node::journal::Journal;
use node::observation::{Area, EtcdMember};
use node::render::kubeconfig::{Credential, kubeconfig};
use node::render::{Place, kubeadm, policy};
use node::specification::Role;
use node::step::{Invitation, READERS};
use serde_json::json;

use crate::api::{Api, KUBELET_IDENTITY, MARK};
use crate::command::{is_active, run, systemctl};
use crate::encoding::base64;
use crate::etcd::Etcd;
use crate::failure::Failure;
use crate::files::{self, Readers};
use crate::{api_server, authority, certificates, kubelet, prepare, settings, wait};

const CONFIGURATION: &str = "/var/lib/socle/cluster/kubeadm.json";
const MANIFESTS: &str = "/etc/kubernetes/manifests";
const BOOTSTRAP_CONF: &str = "/etc/kubernetes/bootstrap-kubelet.conf";
/// How long a component may take to answer after its start: images are there already.
const START: Duration = Duration::from_mins(4);
const QUESTION: Duration = Duration::from_secs(5);

fn phase(words: &str) -> Result<(), Failure> {
    let words: Vec<_> = words.split(' ').collect();
    run("kubeadm", &[&["init", "phase"], words.as_slice(), &["--config", CONFIGURATION]].concat()).map(drop)
}

fn manifest(component: &str) -> String {
    format!("{MANIFESTS}/{component}.yaml")
}

fn configure(place: &Place<'_>, etcd: &BTreeMap<String, String>) -> Result<(), Failure> {
    if place.node.role == Role::ControlPlane {
        let (name, text) = kubeadm::patch(place);
        files::write(&format!("{}/{name}", kubeadm::PATCHES), &text, Readers::Root)?;
    }
    files::write(CONFIGURATION, &kubeadm::configuration(place, etcd), Readers::Root).map(drop)
}

// === the first control plane ===

/// Makes the first control plane, or what is still missing of it.
pub(crate) fn init(place: &Place<'_>) -> Result<bool, Failure> {
    configure(place, &BTreeMap::new())?;
    if !files::exists(authority::CERTIFICATE) {
        preflight(place).map_err(Failure::during("preflight"))?;
    }
    settings::begin(place)?;
    policies(place).map_err(Failure::during("policies"))?;
    encryption_key().map_err(Failure::during("policies"))?;
    credentials().map_err(Failure::during("certificates"))?;
    if !files::exists(&manifest("etcd")) {
        phase("etcd local").map_err(Failure::during("etcd"))?;
    }
    control_plane().map_err(Failure::during("control-plane"))?;
    let started = kubelet(place).map_err(Failure::during("kubelet-start"))?;
    let api = ready_api(place).map_err(Failure::during("wait-control-plane"))?;
    // The first to speak to the API as an administrator binds the group that administrators are in.
    phase("upload-config kubeadm").map_err(Failure::during("upload-config"))?;
    known(place, &api, started).map_err(Failure::during("register"))?;
    register(place, &api).map_err(Failure::during("register"))?;
    for addon in ["upload-config kubelet", "bootstrap-token", "addon all"] {
        phase(addon).map_err(Failure::during("addons"))?;
    }
    readers(&api).map_err(Failure::during("readers"))?;
    settings::record(place)?;
    mark(&api, place.journal).map_err(Failure::during("mark"))?;
    Ok(true)
}

fn preflight(place: &Place<'_>) -> Result<(), Failure> {
    let ignored = place.cluster.ignore_preflight_errors.join(",");
    let mut arguments = vec!["init", "phase", "preflight", "--config", CONFIGURATION];
    // Ours are there already.
    let ours = format!("DirAvailable--etc-kubernetes-manifests,DirAvailable--var-lib-etcd,{ignored}");
    arguments.extend(["--ignore-preflight-errors", ours.trim_end_matches(',')]);
    run("kubeadm", &arguments).map(drop)
}

/// What an API server reads: it must be there before it starts.
fn policies(place: &Place<'_>) -> Result<(), Failure> {
    files::private_folder(policy::FOLDER)?;
    files::private_folder(kubeadm::AUDIT_LOGS)?;
    files::write(policy::AUDIT, &policy::audit(), Readers::Root)?;
    files::write(policy::AUTHENTICATION, &policy::authentication(&place.cluster.settings), Readers::Root)?;
    files::write(policy::ADMISSION, &policy::admission(), Readers::Root).map(drop)
}

/// The key of Secrets at rest is made once, and before any Secret.
fn encryption_key() -> Result<(), Failure> {
    if files::exists(policy::ENCRYPTION) {
        return Ok(());
    }
    let key = base64(files::chance::<32>()?);
    files::write(policy::ENCRYPTION, &policy::encryption(&[("key-1".into(), key)]), Readers::Root).map(drop)
}

/// Certificates and the components' kubeconfigs: what is there and good is kept.
fn credentials() -> Result<(), Failure> {
    certificates::mend()?;
    phase("certs all")?;
    phase("kubeconfig all")
}

fn control_plane() -> Result<(), Failure> {
    phase("control-plane all")
}

/// Writes the kubelet's configuration and starts it, unless it runs by it already; says whether it was started.
fn kubelet(place: &Place<'_>) -> Result<bool, Failure> {
    if !settings::differs(place)?.contains(&Area::Kubelet) && is_active("kubelet.service") {
        return Ok(false);
    }
    systemctl(&["enable", "kubelet.service"])?;
    phase("kubelet-start").map(|()| true)
}

/// Waits until this host's own API server is ready: the one that was started by what is wanted.
fn ready_api(place: &Place<'_>) -> Result<Api, Failure> {
    let (api, mark) = (Api::here(QUESTION)?, kubeadm::started_by(place));
    let waited = wait::until("the API server of this host", START, || api_server::serves(&api, &mark));
    waited.map_err(|failure| match failure {
        Failure::Waited { last, .. } => {
            Failure::Unwell { what: "the API server", last, log: api_server::last_words() }
        }
        other => other,
    })?;
    Ok(api)
}

/// Waits for the Node, and marks it as a control plane.
fn register(place: &Place<'_>, api: &Api) -> Result<(), Failure> {
    registered(place, api)?;
    phase("mark-control-plane")?;
    // The kubelet's certificate renews itself from here on.
    if files::exists(KUBELET_IDENTITY) { phase("kubelet-finalize all") } else { Ok(()) }
}

/// Waits until the kubelet has registered: without a Node, the host would be told to join again.
fn registered(place: &Place<'_>, api: &Api) -> Result<(), Failure> {
    let path = format!("/api/v1/nodes/{}", place.name);
    wait::until("the kubelet of this host to register", START, || match api.find(&path) {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err("no Node yet".to_owned()),
        Err(failure) => Err(failure.to_string()),
    })
}

/// A kubelet registers when it starts. One that went on while its Node was removed starts anew.
fn known(place: &Place<'_>, api: &Api, started: bool) -> Result<(), Failure> {
    if started || api.find(&format!("/api/v1/nodes/{}", place.name))?.is_some() {
        return Ok(());
    }
    kubelet::restart(place).map(drop)
}

/// Who may only look is bound to `view`.
fn readers(api: &Api) -> Result<(), Failure> {
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": { "name": "socle-readers" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view" },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": READERS }],
    });
    api.apply("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/socle-readers", &binding)
}

/// Says that the cluster is initialised, and which it is.
fn mark(api: &Api, journal: &Journal) -> Result<(), Failure> {
    let mark = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "socle", "namespace": "kube-system" },
        "data": { "cluster-id": journal.cluster_id, "owner": journal.owner },
    });
    api.apply(MARK, &mark)
}

// === those that join ===

/// Joins, or does what is still missing of it.
pub(crate) fn join(place: &Place<'_>, invitation: &Invitation) -> Result<bool, Failure> {
    files::write(authority::CERTIFICATE, &invitation.authority, Readers::All)?;
    settings::begin(place)?;
    match place.node.role {
        Role::Worker => join_worker(place, invitation)?,
        Role::ControlPlane => join_control_plane(place, invitation)?,
    }
    settings::record(place)?;
    Ok(true)
}

fn join_worker(place: &Place<'_>, invitation: &Invitation) -> Result<(), Failure> {
    configure(place, &BTreeMap::new())?;
    files::private_folder(kubeadm::NO_CERTIFICATES)?;
    if !files::exists(KUBELET_IDENTITY) {
        let server = format!("https://{}", place.cluster.api());
        let token = Credential::Token(&invitation.token);
        let text =
            kubeconfig(&place.cluster.name, &server, &invitation.authority, "bootstrap", token, |text| {
                base64(text)
            });
        files::write(BOOTSTRAP_CONF, &text, Readers::Root)?;
    }
    let started = kubelet(place).map_err(Failure::during("kubelet-start"))?;
    let waited = wait::until("the kubelet's own certificate", START, || {
        if files::exists(KUBELET_IDENTITY) { Ok(()) } else { Err(format!("no {KUBELET_IDENTITY} yet")) }
    });
    waited.map_err(Failure::during("kubelet-bootstrap"))?;
    files::remove(BOOTSTRAP_CONF)?;
    let api = Api::as_kubelet(&place.cluster.api().to_string(), &invitation.authority, QUESTION)?;
    known(place, &api, started).map_err(Failure::during("register"))?;
    registered(place, &api).map_err(Failure::during("register"))
}

fn join_control_plane(place: &Place<'_>, invitation: &Invitation) -> Result<(), Failure> {
    policies(place).map_err(Failure::during("policies"))?;
    for (path, text) in &invitation.shared_files {
        let is_public = [".crt", ".pub"].iter().any(|ending| path.ends_with(ending));
        let readers = if is_public { Readers::All } else { Readers::Root };
        files::write(path, text, readers)?;
    }
    configure(place, &BTreeMap::new())?;
    credentials().map_err(Failure::during("certificates"))?;
    join_etcd(place).map_err(Failure::during("etcd-join"))?;
    control_plane().map_err(Failure::during("control-plane"))?;
    let started = kubelet(place).map_err(Failure::during("kubelet-start"))?;
    promote(place).map_err(Failure::during("etcd-promote"))?;
    let api = ready_api(place).map_err(Failure::during("wait-control-plane"))?;
    known(place, &api, started).map_err(Failure::during("register"))?;
    register(place, &api).map_err(Failure::during("register"))
}

/// Announces this member as a learner, and writes the manifest by which it starts. Both or neither: the planner has a
/// member that never started removed, and data without a member reset, before it asks for a join.
fn join_etcd(place: &Place<'_>) -> Result<(), Failure> {
    if files::exists(&manifest("etcd")) {
        return Ok(());
    }
    let (etcd, members) = elsewhere(place)?;
    let own = format!("https://{}:2380", place.member.internal);
    if !members.iter().any(|member| member.peer == own) {
        etcd.add_learner(&own)?;
    }
    let mut peers: BTreeMap<_, _> = members.into_iter().map(|member| (member.name, member.peer)).collect();
    peers.insert(place.name.to_owned(), own);
    configure(place, &peers)?;
    phase("etcd local")
}

/// A member on another host that answers, and what it knows.
fn elsewhere(place: &Place<'_>) -> Result<(Etcd, Vec<EtcdMember>), Failure> {
    let others = place.control_planes().into_iter().filter(|(name, _)| *name != place.name);
    let mut last =
        Failure::Https { url: "etcd".into(), detail: "no other control plane in the journal".into() };
    for (_, address) in others {
        let asked =
            Etcd::at(IpAddr::V4(address), QUESTION).and_then(|etcd| Ok((etcd.members(QUESTION)?, etcd)));
        match asked {
            Ok((members, etcd)) => return Ok((etcd, members)),
            Err(failure) => last = failure,
        }
    }
    Err(last)
}

/// Gives this host's member its vote, once it has caught up. One that votes is asked itself: it may be the only one.
fn promote(place: &Place<'_>) -> Result<(), Failure> {
    let own = Etcd::here(QUESTION).and_then(|etcd| etcd.members(QUESTION));
    if own.is_ok_and(|members| members.iter().any(|member| member.name == place.name && member.votes)) {
        return Ok(());
    }
    wait::until("this host's etcd member to catch up", START, || {
        let asked = elsewhere(place).and_then(|(etcd, members)| {
            let own = members.into_iter().find(|member| member.name == place.name);
            match own {
                Some(member) if member.votes => Ok(Ok(())),
                Some(member) => etcd.promote(member.id).map(|()| Ok(())),
                None => Ok(Err("it has not started yet".to_owned())),
            }
        });
        asked.map_err(|failure| failure.to_string())?
    })
}

// === settings ===

/// Brings kubelet and control plane to what is wanted, and waits until they are well.
pub(crate) fn roll(place: &Place<'_>) -> Result<bool, Failure> {
    let differs = settings::begin(place)?;
    if differs.is_empty() {
        return Ok(false);
    }
    configure(place, &BTreeMap::new())?;
    if differs.contains(&Area::Runtime) {
        let settings = &place.cluster.settings;
        prepare::configure_runtime(&Host::this(), settings).map_err(Failure::during("container-runtime"))?;
    }
    if place.node.role == Role::ControlPlane {
        policies(place).map_err(Failure::during("policies"))?;
        renew_server_certificate().map_err(Failure::during("certificates"))?;
        control_plane().map_err(Failure::during("control-plane"))?;
    }
    phase("kubelet-start").map_err(Failure::during("kubelet-start"))?;
    let restart = kubelet::restart(place).map_err(Failure::during("kubelet-start"))?;
    let api = match place.node.role {
        Role::ControlPlane => ready_api(place).map_err(Failure::during("wait-control-plane"))?,
        Role::Worker => Api::as_kubelet(
            &place.cluster.api().to_string(),
            &files::require(authority::CERTIFICATE)?,
            QUESTION,
        )?,
    };
    kubelet::is_heard_of(place, &api, restart).map_err(Failure::during("wait-kubelet"))?;
    if place.node.role == Role::ControlPlane {
        register(place, &api).map_err(Failure::during("register"))?;
        phase("upload-config all").map_err(Failure::during("upload-config"))?;
        proxies(place, &api).map_err(Failure::during("kube-proxy"))?;
    }
    settings::record(place)?;
    Ok(true)
}

/// Brings kube-proxy's configuration to what is wanted. Its pods read it when they start: they are replaced when it
/// changed, and only then.
fn proxies(place: &Place<'_>, api: &Api) -> Result<(), Failure> {
    let path = "/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy";
    let wanted = fingerprint(kubeadm::kube_proxy(place).to_string().as_bytes());
    let found = api.get(path)?;
    if found["metadata"]["annotations"][CONFIGURED] == json!(wanted) {
        return Ok(());
    }
    phase("addon kube-proxy")?;
    let template = json!({ "metadata": { "annotations": { CONFIGURED: wanted } } });
    let mark =
        json!({ "metadata": { "annotations": { CONFIGURED: wanted } }, "spec": { "template": template } });
    api.merge(path, &mark).map(drop)
}

/// By which configuration kube-proxy's pods started.
const CONFIGURED: &str = "socle/configuration";

/// Names may have been added, so the API server gets a certificate with all of them.
fn renew_server_certificate() -> Result<(), Failure> {
    for ending in ["crt", "key"] {
        files::remove(&format!("{}/apiserver.{ending}", certificates::FOLDER))?;
    }
    phase("certs apiserver")
}
