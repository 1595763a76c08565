//! The clients of the world outside: they connect, authenticate, keep a service's rate and try again.
//!
//! Nothing outside this room retries, waits between attempts or counts requests.

pub mod aws;
mod causes;
pub mod dns;
pub mod kubernetes;
pub mod rate;
pub mod releases;
pub mod retry;
pub mod secret;
pub mod ssh;
pub mod vault;

use std::sync::Arc;
use std::time::Duration;

use tfplugin::Call;
use tokio::time::Instant;

use crate::backup::s3::S3;
use crate::dns::route53::Route53;
use aws::{Aws, AwsSettings};
use dns::DnsClient;
use kubernetes::Kubernetes;
use releases::Releases;
use retry::Budget;
use ssh::{Programs, Ssh, SshSettings};
use vault::{Vault, VaultSettings};

/// What every resource works with. Each client connects when it is first used, so a configuration that uses no AWS
/// needs no credentials.
#[derive(Debug)]
pub struct Clients {
    route53: Route53,
    s3: S3,
    dns: DnsClient,
    kubernetes: Kubernetes,
    vault: Arc<Vault>,
    ssh: Ssh,
    releases: Releases,
}

/// What the provider's blocks say.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The `aws` block.
    pub aws: AwsSettings,
    /// The `ssh` block.
    pub ssh: SshSettings,
    /// The `vault` block.
    pub vault: VaultSettings,
}

impl Clients {
    /// Connects to nothing.
    pub fn new(settings: Settings) -> Self {
        let vault = Arc::new(Vault::new(settings.vault));
        let aws = Arc::new(Aws::new(settings.aws));
        Self {
            route53: Route53::new(Arc::clone(&aws)),
            s3: S3::new(aws),
            dns: DnsClient::default(),
            ssh: Ssh::new(settings.ssh, Arc::clone(&vault), Programs::installed()),
            vault,
            kubernetes: Kubernetes::default(),
            releases: Releases::of_environment(),
        }
    }

    /// Route 53.
    pub fn route53(&self) -> &Route53 {
        &self.route53
    }

    /// The buckets of S3.
    pub fn s3(&self) -> &S3 {
        &self.s3
    }

    /// The DNS servers of the world.
    pub fn dns(&self) -> &DnsClient {
        &self.dns
    }

    /// The API servers of clusters.
    pub fn kubernetes(&self) -> &Kubernetes {
        &self.kubernetes
    }

    /// Hosts.
    pub fn ssh(&self) -> &Ssh {
        &self.ssh
    }

    /// Release sites.
    pub fn releases(&self) -> &Releases {
        &self.releases
    }

    /// Vault.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }
}

/// The time that an operation without a `timeouts` block has.
const NO_TIMEOUT: Duration = Duration::from_mins(5);

/// What a call may spend: until its deadline, or until the user stops the run.
pub fn budget(call: &Call<Clients>) -> Budget {
    let left = call.deadline().map_or(NO_TIMEOUT, |deadline| deadline.duration_since(Instant::now()));
    Budget::new(left, call.cancel().clone())
}
