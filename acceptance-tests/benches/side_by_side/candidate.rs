//! The providers that are compared, each with the configuration that its users would write.

use std::fmt::Write;
use std::path::PathBuf;

use acceptance::provider_binary::{ProviderBinary, ProviderBinaryError};
use acceptance::terraform::{Program, TerraformError, Workspace};

/// A provider, and how a zone is written for it.
pub(crate) struct Candidate {
    /// How it is called in the report.
    pub(crate) name: &'static str,
    /// The sizes of zones to measure it with.
    pub(crate) sizes: Vec<usize>,
    source: &'static str,
    folder: PathBuf,
    settings: &'static str,
    zone: &'static str,
}

const SOCLE_ZONE: &str = r#"
resource "socle_dns_zone" "main" {
  name    = "example.test"
  records = jsondecode(file("records.json"))
}
"#;

const AWS_SETTINGS: &str = r#"
provider "aws" {
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}
"#;

const AWS_ZONE: &str = r#"
resource "aws_route53_zone" "main" {
  name = "example.test"
}

resource "aws_route53_record" "main" {
  for_each = jsondecode(file("records.json"))
  zone_id  = aws_route53_zone.main.zone_id
  name     = each.value.name
  type     = each.value.type
  ttl      = each.value.ttl
  records  = each.value.values
}
"#;

impl Candidate {
    pub(crate) fn socle(sizes: Vec<usize>) -> Result<Self, &'static ProviderBinaryError> {
        let folder = ProviderBinary::built()?.folder().to_owned();
        let source = "socle-platform/socle";
        Ok(Self { name: "socle", sizes, source, folder, settings: "", zone: SOCLE_ZONE })
    }

    pub(crate) fn aws(folder: PathBuf, sizes: Vec<usize>) -> Self {
        let (source, settings) = ("hashicorp/aws", AWS_SETTINGS);
        Self { name: "terraform-provider-aws", sizes, source, folder, settings, zone: AWS_ZONE }
    }

    /// A configuration that requires the provider and uses nothing of it.
    pub(crate) fn provider_only(&self) -> String {
        let (local, source) = (self.source.rsplit('/').next().unwrap_or(self.source), self.source);
        let settings = self.settings;
        format!(
            "terraform {{\n  required_providers {{\n    {local} = {{ source = {source:?} }}\n  }}\n}}\n{settings}"
        )
    }

    /// A configuration of one zone with what `records.json` lists.
    pub(crate) fn zone(&self) -> String {
        self.provider_only() + self.zone
    }

    pub(crate) fn workspace(
        &self,
        terraform: &Program,
        configuration: &str,
    ) -> Result<Workspace, TerraformError> {
        let workspace = Workspace::new(terraform)?.with_provider(self.source, &self.folder);
        workspace.write("main.tf", configuration)?;
        Ok(workspace)
    }
}

/// What Terraform needs by itself, before any provider of ours or others'.
pub(crate) fn without_provider(terraform: &Program) -> Result<Workspace, TerraformError> {
    let workspace = Workspace::new(terraform)?;
    workspace.write("main.tf", "resource \"terraform_data\" \"x\" {}\n")?;
    Ok(workspace)
}

/// `records.json`: so many address records, each of a name of its own.
pub(crate) fn records(count: usize) -> String {
    let records = (0..count).fold(String::new(), |mut records, n| {
        let separator = if n == 0 { "" } else { ",\n" };
        let value = format!("10.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255);
        // Writing to a string cannot fail.
        let _ = write!(
            records,
            r#"{separator}"host-{n} A": {{"name": "host-{n}", "type": "A", "ttl": 300, "values": ["{value}"]}}"#
        );
        records
    });
    format!("{{\n{records}\n}}\n")
}
