//! `socle_kubeconfig`: a credential that lives as long as Terraform runs, or a little longer, and stands nowhere.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use node::render::kubeconfig::{Credential, kubeconfig};
use tfplugin::validate::parse_duration;
use tfplugin::{Call, Diagnostic, Diagnostics, EphemeralResource, List, Model, Opened, Value};

use super::access::ClusterAccess;
use super::credentials::{Credentials, MintError, mint};
use super::hosts::Hosts;
use super::nodes::Nodes;
use super::reading::text;
use crate::clients::Clients;

/// A client certificate for a cluster, minted over SSH and never stored.
///
/// Its key is made in the provider's memory; a control plane signs the public half, backdated by five minutes because
/// clocks differ. It is usable in a provider block.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct Kubeconfig {
    /// How to reach the cluster: the attribute `access` of its `socle_cluster`.
    #[tf(required)]
    pub access: Value<ClusterAccess>,
    /// The name that the cluster's audit log shows. An identity that may only look gets `socle:readers:` before it, so that
    /// rights that are granted to others by name are not its own. Default: `terraform`.
    #[tf(optional, validate(length(1..=128)))]
    pub user: Value<String>,
    /// The groups that the user is in, such as `kubeadm:cluster-admins`. Default: `socle:readers`, which may look at
    /// everything but Secrets.
    #[tf(optional, validate(length(1..=32)))]
    pub groups: Value<List<String>>,
    /// How long the certificate holds, such as `4h`; at most a day. Default: `1h`.
    #[tf(optional, validate(duration()))]
    pub ttl: Value<String>,
    /// All of it as a kubeconfig file.
    #[tf(computed, sensitive)]
    pub kubeconfig: Value<String>,
    /// The URL of an API server: of the first control plane that accepts connections.
    #[tf(computed)]
    pub host: Value<String>,
    /// The certificate of the cluster's authority, as PEM.
    #[tf(computed)]
    pub cluster_ca_certificate: Value<String>,
    /// The client certificate, as PEM.
    #[tf(computed)]
    pub client_certificate: Value<String>,
    /// Its key, as PEM.
    #[tf(computed, sensitive)]
    pub client_key: Value<String>,
    /// When the certificate ends (RFC 3339).
    #[tf(computed)]
    pub expires_at: Value<String>,
}

/// The longest that a certificate holds.
const LONGEST: Duration = Duration::from_hours(24);

impl EphemeralResource for Kubeconfig {
    type Clients = Clients;
    type Model = Self;

    const NAME: &'static str = "kubeconfig";
    const SUBCATEGORY: &'static str = "Clusters";

    async fn open(call: &Call<Clients>, config: Self) -> Result<Opened<Self>, Diagnostics> {
        Box::pin(Self::minted(&Nodes::to_read(call), config)).await
    }
}

impl Kubeconfig {
    async fn minted<H: Hosts>(hosts: &H, config: Self) -> Result<Opened<Self>, Diagnostics> {
        let access = config.access.known().cloned().unwrap_or_default();
        let user = text(&config.user).unwrap_or_else(|| USER.to_owned());
        let groups = match config.groups.known() {
            Some(groups) => groups.iter().filter_map(text).collect(),
            None => vec![node::step::READERS.to_owned()],
        };
        let ttl = text(&config.ttl).and_then(|ttl| parse_duration(&ttl)).unwrap_or(Duration::from_hours(1));
        let minted = mint(hosts, &access, &user, &groups, ttl.min(LONGEST)).await;
        let credentials = minted.map_err(|error| {
            Diagnostic::error("No credentials", format!("{error}.")).at(Self::paths().access())
        })?;
        Ok(Opened { renew_at: None::<SystemTime>, result: config.with(&credentials, &user) })
    }

    fn with(self, credentials: &Credentials, user: &str) -> Self {
        let name = self.access.known().and_then(|access| text(&access.id)).unwrap_or_default();
        let (certificate, key) = (credentials.certificate.as_str(), credentials.key.as_str());
        let file = file(&name, user, credentials);
        let end = jiff::Timestamp::from_second(credentials.expires_at).ok();
        Self {
            kubeconfig: file.into(),
            host: credentials.server.clone().into(),
            cluster_ca_certificate: credentials.ca_certificate.clone().into(),
            client_certificate: certificate.into(),
            client_key: key.into(),
            expires_at: end.map(|end| end.to_string()).into(),
            ..self
        }
    }
}

/// The kubeconfig for one run of the provider itself: an administrator's, or a reader's where the identity that logs in
/// over SSH may mint no other.
pub(crate) async fn kubeconfig_for(
    call: &Call<Clients>,
    access: &ClusterAccess,
) -> Result<String, MintError> {
    let hosts = Nodes::to_read(call);
    let asked = async |group: &str| {
        let groups = [group.to_owned()];
        mint(&hosts, access, USER, &groups, Duration::from_hours(1)).await
    };
    let credentials = match asked(ADMINISTRATORS).await {
        Ok(credentials) => credentials,
        Err(refusal @ MintError::NobodySigns { refused: true, .. }) => {
            asked(node::step::READERS).await.map_err(|_| refusal)?
        }
        Err(error) => return Err(error),
    };
    Ok(file(&text(&access.id).unwrap_or_default(), USER, &credentials))
}

/// Who the provider is in the cluster's audit log.
const USER: &str = "terraform";
/// The group that kubeadm makes for those who may do everything.
const ADMINISTRATORS: &str = "kubeadm:cluster-admins";

fn file(cluster: &str, user: &str, credentials: &Credentials) -> String {
    let (certificate, key) = (credentials.certificate.as_str(), credentials.key.as_str());
    let credential = Credential::Certificate { certificate, key };
    kubeconfig(cluster, &credentials.server, &credentials.ca_certificate, user, credential, |text| {
        STANDARD.encode(text)
    })
}
