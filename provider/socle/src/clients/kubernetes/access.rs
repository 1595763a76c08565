//! How a cluster is reached: by a kubeconfig file, or by what a cluster of ours says of itself.

use std::path::PathBuf;

use kube::config::{KubeConfigOptions, Kubeconfig};
use tfplugin::{List, Map, Model, Value};

/// How to reach a cluster of this provider. It holds no secret: credentials are minted over SSH when they are needed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Model)]
pub struct ClusterAccess {
    /// The id of the cluster.
    #[tf(required)]
    pub id: Value<String>,
    /// The URLs of its API servers, each tried in turn.
    #[tf(required)]
    pub endpoints: Value<List<String>>,
    /// The certificate that signs those of the API servers, in PEM form.
    #[tf(required)]
    pub ca_certificate: Value<String>,
    /// Where credentials are minted: its control planes, by name.
    #[tf(required)]
    pub control_planes: Value<Map<ControlPlane>>,
}

/// A control plane, as SSH reaches it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Model)]
pub struct ControlPlane {
    /// Its address: an IP address or a name.
    #[tf(required)]
    pub address: Value<String>,
    /// Its SSH port. Default: `22`.
    #[tf(optional)]
    pub port: Value<u16>,
    /// The user to log in as. Default: that of the provider's `ssh` block.
    #[tf(optional)]
    pub user: Value<String>,
    /// Its host key; null means the `known_hosts` of the provider's `ssh` block.
    #[tf(required, nullable)]
    pub host_key: Value<String>,
}

/// How a cluster is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// By a kubeconfig file.
    Kubeconfig {
        /// The file; `~/` at its beginning is the user's home.
        path: String,
        /// One of its contexts; none for its current one.
        context: Option<String>,
    },
    /// By what a cluster of ours says of itself.
    Cluster(Box<ClusterAccess>),
}

/// Why there are no credentials for a cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// The kubeconfig file does not lead to a cluster.
    #[error(
        "the kubeconfig {path} cannot be used: {problem}. Write the path of a file that `kubectl` works with."
    )]
    Kubeconfig {
        /// The file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A certificate, key or helper program that the kubeconfig names does not work.
    #[error("the credentials for the cluster cannot be used: {0}")]
    Credentials(String),
    /// No control plane signs a certificate.
    #[error(
        "{0}. The control planes in `access` must be reachable over SSH; `socle_kubeconfig` asks the same of them"
    )]
    Minting(String),
}

/// What kube connects with, from the text of a kubeconfig.
///
/// # Errors
/// It leads to no cluster.
pub async fn from_text(kubeconfig: &str) -> Result<kube::Config, AccessError> {
    // Nothing of the text is told: there is a key in it.
    let problem = |_| AccessError::Credentials("what was minted is no kubeconfig".to_owned());
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).map_err(problem)?;
    kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.map_err(problem)
}

/// What kube connects with, from a kubeconfig file.
///
/// # Errors
/// It leads to no cluster.
pub async fn from_file(path: &str, context: Option<String>) -> Result<kube::Config, AccessError> {
    let problem = |error: kube::config::KubeconfigError| AccessError::Kubeconfig {
        path: path.to_owned(),
        problem: error.to_string(),
    };
    let kubeconfig = Kubeconfig::read_from(at_home(path)).map_err(problem)?;
    let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
    kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(problem)
}

fn at_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}
