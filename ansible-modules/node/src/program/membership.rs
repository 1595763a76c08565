//! Journal, lease and invitations: how hosts are in a cluster together.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use host::Host;
use node::journal::{self, Journal};
use node::lease::{self, Decision};
use node::render::{Place, policy};
use node::specification::{NetworkMode, Role};
use node::step::{Invitation, Request};
use serde_json::json;

use crate::api::Api;
use crate::encoding::base64;
use crate::failure::Failure;
use crate::files::{self, Readers};
use crate::{authority, network, observe};

/// Where our records of a cluster stand.
pub(crate) const FOLDER: &str = "/var/lib/socle/cluster";

/// Writes what this host is to remember, and makes its mesh key where it has none.
pub(crate) fn claim(journal: &Journal, mode: NetworkMode) -> Result<bool, Failure> {
    let text = serde_json::to_string_pretty(journal).unwrap_or_default();
    let changed = files::write(journal::PATH, &text, Readers::Root)?;
    if mode == NetworkMode::Wireguard {
        network::make_mesh_key()?;
    }
    Ok(changed)
}

/// What the cluster should be, as the last change had it: for whoever imports it.
pub(crate) const SPECIFICATION: &str = "/var/lib/socle/cluster/specification.json";

/// Remembers what the cluster should be.
pub(crate) fn specify(request: &Request) -> Result<bool, Failure> {
    let text = serde_json::to_string_pretty(&request.cluster).unwrap_or_default();
    files::write(SPECIFICATION, &text, Readers::Root)
}

/// Held while the lease is looked at and written: of two who ask at once, one must see what the other wrote. It is not
/// that of steps, because a lease is renewed while one runs.
const LEASE_LOCK: &str = "/run/socle-lease.lock";

/// Takes or renews the lease, or says who has it.
pub(crate) fn lease(request: &Request) -> Result<(), Failure> {
    let _alone = Host::this().lock(LEASE_LOCK)?;
    files::private_folder("/var/lib/socle")?;
    files::private_folder(FOLDER)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    match lease::decide(observe::own_lease()?.as_ref(), &request.holder, &request.description, now) {
        Decision::Refused(lease) => Err(Failure::Leased { lease }),
        Decision::Granted(lease) => {
            let text = serde_json::to_string(&lease).unwrap_or_default();
            files::write(lease::PATH, &text, Readers::Root).map(drop)
        }
    }
}

/// Gives the lease back, if it is the asker's.
pub(crate) fn release(holder: &str) -> Result<bool, Failure> {
    let _alone = Host::this().lock(LEASE_LOCK)?;
    let own = observe::own_lease()?.is_some_and(|lease| lease.holder == holder);
    if own { files::remove(lease::PATH) } else { Ok(false) }
}

/// The files that all control planes have in common.
const SHARED: [&str; 9] = [
    authority::CERTIFICATE,
    authority::KEY,
    "/etc/kubernetes/pki/sa.key",
    "/etc/kubernetes/pki/sa.pub",
    "/etc/kubernetes/pki/front-proxy-ca.crt",
    "/etc/kubernetes/pki/front-proxy-ca.key",
    "/etc/kubernetes/pki/etcd/ca.crt",
    "/etc/kubernetes/pki/etcd/ca.key",
    policy::ENCRYPTION,
];

/// Makes what another host needs to join. A worker gets a token; only a control plane gets keys.
pub(crate) fn invite(role: Role) -> Result<Invitation, Failure> {
    let authority = files::require(authority::CERTIFICATE)?;
    let mut shared_files = BTreeMap::new();
    if role == Role::ControlPlane {
        for path in SHARED {
            shared_files.insert(path.to_owned(), files::require(path)?);
        }
    }
    Ok(Invitation { token: make_token()?, authority, shared_files })
}

/// How long a token is good for, in seconds.
const TOKEN_SECONDS: i64 = 3600;

fn make_token() -> Result<String, Failure> {
    let letters = files::chance::<22>()?.map(|byte| ALPHABET[usize::from(byte) % ALPHABET.len()] as char);
    let (id, secret): (String, String) = (letters[..6].iter().collect(), letters[6..].iter().collect());
    let end = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(TOKEN_SECONDS);
    let name = format!("bootstrap-token-{id}");
    let data = [
        ("token-id", id.as_str()),
        ("token-secret", &secret),
        ("expiration", &end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        ("usage-bootstrap-authentication", "true"),
        ("auth-extra-groups", "system:bootstrappers:kubeadm:default-node-token"),
        ("description", "made by socle-node to let a node join"),
    ]
    .map(|(key, value)| (key, base64(value)));
    let object = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
        "metadata": { "name": name, "namespace": "kube-system" },
        "data": BTreeMap::from(data),
    });
    let api = Api::here(Duration::from_secs(10))?;
    api.apply(&format!("/api/v1/namespaces/kube-system/secrets/{name}"), &object)?;
    Ok(format!("{id}.{secret}"))
}

/// A bootstrap token has 36 letters (32 of them have no bias under a byte).
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// The place of this host, which a step cannot do without.
pub(crate) fn place(request: &Request) -> Result<Place<'_>, Failure> {
    let journal = request.journal.as_ref();
    let place = journal.and_then(|journal| Place::of(&request.cluster, journal));
    place.ok_or_else(|| Failure::NoPlace {
        node: journal.map_or_else(String::new, |journal| journal.node.clone()),
    })
}
