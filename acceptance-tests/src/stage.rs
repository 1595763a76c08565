//! Where a test of the provider plays: a root module, the provider under test, and an AWS account of its own.

use std::error::Error;

use crate::fault_proxy::{FaultProxy, FaultProxyBuilder};
use crate::moto::Moto;
use crate::provider_binary::ProviderBinary;
use crate::route53::{RecordSet, Route53, Zone};
use crate::terraform::{Program, Workspace};

/// Requires the provider; `init` is not needed, because it is a development override.
const HEAD: &str = r#"
terraform {
  required_providers {
    socle = { source = "socle-platform/socle" }
  }
}
"#;

/// A root module that uses the provider under test, and the AWS that it works on.
#[derive(Debug)]
pub struct Stage {
    /// The account, with all calls that arrive.
    pub aws: FaultProxy,
    /// The same account as a stranger sees it. Its calls count like the provider's.
    pub route53: Route53,
    /// The root module.
    pub terraform: Workspace,
}

impl Stage {
    /// Terraform and a well-behaved AWS.
    pub fn new() -> Result<Self, Box<dyn Error>> {
        Self::of(&Program::terraform()?, Self::aws()?)
    }

    /// An AWS that is to misbehave; it goes to [`Stage::of`] or [`Stage::on`].
    pub fn aws() -> Result<FaultProxyBuilder, Box<dyn Error>> {
        Ok(FaultProxy::in_front_of(Moto::shared()?.url()))
    }

    /// Terraform and that AWS.
    pub fn on(aws: FaultProxyBuilder) -> Result<Self, Box<dyn Error>> {
        Self::of(&Program::terraform()?, aws)
    }

    /// That program and that AWS.
    pub fn of(program: &Program, aws: FaultProxyBuilder) -> Result<Self, Box<dyn Error>> {
        let aws = aws.start()?;
        let provider = ProviderBinary::built()?;
        let terraform =
            Workspace::new(program)?.with_provider("socle-platform/socle", provider.folder()).with_aws(&aws);
        Ok(Self { route53: Route53::at(aws.url()), aws, terraform })
    }

    /// Makes `configuration` all that the root module has.
    pub fn write(&self, configuration: &str) -> Result<(), Box<dyn Error>> {
        Ok(self.terraform.write("main.tf", &format!("{HEAD}{configuration}"))?)
    }

    /// Writes `configuration` and applies it.
    pub fn apply(&self, configuration: &str) -> Result<(), Box<dyn Error>> {
        self.write(configuration)?;
        Ok(self.terraform.apply()?)
    }

    /// The only zone of that name.
    ///
    /// # Panics
    /// When there is none, or more than one.
    #[track_caller]
    pub fn zone(&self, name: &str) -> Zone {
        match self.route53.zones_named(name) {
            Ok(mut zones) if zones.len() == 1 => zones.remove(0),
            other => panic!("expected exactly one zone {name}, found {other:?}"),
        }
    }

    /// What is in the only zone of that name, as `NAME TYPE [IDENTIFIER] = VALUES`, but for its own NS and SOA.
    ///
    /// # Panics
    /// When the zone cannot be read.
    #[track_caller]
    pub fn records(&self, zone: &str) -> Vec<String> {
        match self.route53.own_record_sets(&self.zone(zone)) {
            Ok(sets) => sets.iter().map(line).collect(),
            Err(error) => panic!("the zone {zone} cannot be read: {error}"),
        }
    }
}

fn line(set: &RecordSet) -> String {
    let identifier =
        set.set_identifier.as_ref().map(|identifier| format!(" {identifier}")).unwrap_or_default();
    format!("{} {}{identifier} = {}", set.name, set.kind, set.values.join(", "))
}
