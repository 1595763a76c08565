//! The provider's configuration, and the list of all that it serves.

mod aws;
mod ssh;
mod vault;

use tfplugin::{Diagnostics, Model, Provider, Served, Terraform, Value};

use crate::backup::{BackupIamPolicy, BackupPolicy, BackupStatus, BackupStore, NextRuns};
use crate::clients::{Clients, Settings};
use crate::cluster::{ClusterData, ClusterResource, Kubeconfig};
use crate::dns::{DnsDelegation, DnsRecords, DnsZone, DnsZoneData, ParseZoneFile, RenderZoneFile};
use crate::host::ManagedHost;
use crate::workload::Manifests;

use aws::AwsBlock;
use ssh::SshBlock;
use vault::VaultBlock;

/// Socle takes rented servers and an AWS account to hardened hosts, Kubernetes clusters, published names and proved
/// backups.
///
/// A block is needed only when a resource that uses it does something. Every secret here may be an ephemeral value: the
/// provider keeps it in memory alone.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct Config {
    /// How to reach AWS. What is left out follows the standard AWS chain: environment, shared files, web identity,
    /// container, instance.
    #[tf(block)]
    pub aws: Value<AwsBlock>,
    /// How to reach hosts.
    #[tf(block)]
    pub ssh: Value<SshBlock>,
    /// How to reach Vault, for every argument that refers to a secret in it.
    #[tf(block)]
    pub vault: Value<VaultBlock>,
}

/// The provider.
#[derive(Debug)]
pub struct Socle;

impl Provider for Socle {
    type Config = Config;
    type Clients = Clients;

    const NAME: &'static str = "socle";

    async fn configure(config: Config, terraform: Terraform) -> Result<Clients, Diagnostics> {
        let aws = config.aws.into_known().unwrap_or_default();
        let agent = format!("terraform/{} socle/{}", terraform.version, env!("CARGO_PKG_VERSION"));
        Ok(Clients::new(Settings {
            aws: aws.settings(agent),
            ssh: config.ssh.into_known().unwrap_or_default().settings(),
            vault: config.vault.into_known().unwrap_or_default().settings(),
        }))
    }

    fn serves() -> Served<Clients> {
        Served::new()
            .resource::<DnsZone>()
            .resource::<DnsRecords>()
            .resource::<ManagedHost>()
            .resource::<Manifests>()
            .resource::<ClusterResource>()
            .resource::<BackupStore>()
            .resource::<BackupPolicy>()
            .ephemeral::<Kubeconfig>()
            .data_source::<ClusterData>()
            .data_source::<DnsZoneData>()
            .data_source::<DnsDelegation>()
            .data_source::<BackupIamPolicy>()
            .data_source::<BackupStatus>()
            .function::<ParseZoneFile>()
            .function::<RenderZoneFile>()
            .function::<NextRuns>()
    }
}
