//! Credentials for a cluster, minted over SSH when they are needed: the one place where that happens.
//!
//! The key is made here and never travels; a control plane signs its public half for a while.

use std::fmt;
use std::time::Duration;

use node::specification::{Cluster, Network, NetworkMode, Pods, Settings};
use node::step::{Answer, Request, Step};
use rcgen::{KeyPair, PublicKeyData};

use super::access::{ClusterAccess, ControlPlane};
use super::endpoint;
use super::hosts::{Coordinates, HostError, Hosts};
use super::reading::text;

/// What a client of a cluster needs. Its key is secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The client certificate, as PEM.
    pub certificate: String,
    /// Its key, as PEM.
    pub key: String,
    /// The URL of an API server: of one that answers, if any does.
    pub server: String,
    /// The certificate of the cluster's authority, as PEM.
    pub ca_certificate: String,
    /// When the certificate ends, in seconds since 1970.
    pub expires_at: i64,
}

impl fmt::Debug for Credentials {
    /// Shows no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// Why there are no credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MintError {
    /// `access` is not known yet.
    #[error("the cluster's access is not known yet; it is after the apply that makes the cluster")]
    NotKnown,
    /// No key could be made.
    #[error("no key could be made: {0}")]
    Key(String),
    /// Every control plane was asked.
    #[error("no control plane of the cluster signs: {}", .said.join("; "))]
    NobodySigns {
        /// What each said.
        said: Vec<String>,
        /// Did one answer, and refuse? Whoever asks may then be allowed less.
        refused: bool,
    },
}

/// Mints a client certificate for `user` in `groups`, on the first control plane that answers.
///
/// # Errors
/// When none does, with what each said.
pub async fn mint<H: Hosts>(
    hosts: &H,
    access: &ClusterAccess,
    user: &str,
    groups: &[String],
    ttl: Duration,
) -> Result<Credentials, MintError> {
    let key = KeyPair::generate().map_err(|error| MintError::Key(error.to_string()))?;
    let public_key = public_pem(&key);
    let step =
        Step::Mint { public_key, user: user.to_owned(), groups: groups.to_vec(), seconds: ttl.as_secs() };
    let request = request(step);
    let planes = access.control_planes.known().ok_or(MintError::NotKnown)?;
    let endpoints = access.endpoints.known().ok_or(MintError::NotKnown)?;
    let ca = text(&access.ca_certificate).ok_or(MintError::NotKnown)?;
    let (mut said, mut refused) = (Vec::new(), false);
    for (name, plane) in planes {
        let host = plane.known().and_then(coordinates).ok_or(MintError::NotKnown)?;
        match sign(hosts, &host, &request, &ca).await {
            Ok((certificate, expires_at)) => {
                let endpoints: Vec<_> = endpoints.iter().filter_map(text).collect();
                let server = endpoint::answering(&endpoints).await;
                let key = key.serialize_pem();
                return Ok(Credentials { certificate, key, server, ca_certificate: ca, expires_at });
            }
            Err(Unsigned { problem, refused: here }) => {
                refused |= here;
                said.push(format!("{name}: {problem}"));
            }
        }
    }
    Err(MintError::NobodySigns { said, refused })
}

/// Why one control plane did not sign.
struct Unsigned {
    problem: String,
    /// Did its program say so?
    refused: bool,
}

async fn sign<H: Hosts>(
    hosts: &H,
    host: &Coordinates,
    request: &Request,
    ca: &str,
) -> Result<(String, i64), Unsigned> {
    let unsigned = |problem: &str| Unsigned { problem: problem.to_owned(), refused: false };
    let asked = hosts.ask(host, request).await;
    match asked.map_err(|error: HostError| unsigned(&error.to_string()))? {
        Answer::Done { certificate: Some(signed), .. } if signed.authority.trim() == ca.trim() => {
            Ok((signed.certificate, signed.expires_at))
        }
        Answer::Done { certificate: Some(_), .. } => Err(unsigned("it is of another cluster")),
        Answer::Done { certificate: None, .. } => Err(unsigned("it signed nothing")),
        Answer::Failed { message, cure, .. } => {
            let problem = format!("{}. {cure}", message.trim_end_matches('.'));
            Err(Unsigned { problem: problem.trim_end_matches(['.', ' ']).to_owned(), refused: true })
        }
    }
}

pub(super) fn coordinates(plane: &ControlPlane) -> Option<Coordinates> {
    Some(Coordinates {
        address: text(&plane.address)?,
        port: plane.port.known().copied().unwrap_or(22),
        user: text(&plane.user),
        host_key: text(&plane.host_key),
    })
}

/// A request that says nothing of a cluster: minting and looking need only what is on the host.
pub(super) fn request(step: Step) -> Request {
    let none = ipnet::Ipv4Net::default();
    let network = Network {
        mode: NetworkMode::Private,
        mtu: None,
        pod_cidr: none,
        service_cidr: none,
        mesh_cidr: none,
        pods: Pods::None,
    };
    let cluster = Cluster {
        name: String::new(),
        kubernetes_version: String::new(),
        nodes: std::collections::BTreeMap::new(),
        network,
        endpoint: None,
        certificate_sans: Vec::new(),
        api_from: None,
        settings: Settings::default(),
        addons: std::collections::BTreeSet::new(),
        ignore_preflight_errors: Vec::new(),
    };
    Request { cluster, journal: None, holder: String::new(), description: String::new(), step }
}

fn public_pem(key: &KeyPair) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(key.subject_public_key_info());
    format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
}
