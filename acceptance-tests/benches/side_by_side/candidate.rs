//! The providers that are compared, each with the configuration that its users would write.

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

/// A whole zone comes from a zone file. It could come from an object of HCL as well, but Terraform itself turns an object
/// of ten thousand entries into a map in time that grows with their square: that would measure Terraform.
const SOCLE_ZONE: &str = r#"
resource "socle_dns_zone" "main" {
  name    = "example.test"
  records = provider::socle::parse_zone_file(file("example.test.zone"), "example.test")
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

/// So many address records, each of a name of its own, as `(name, address)`.
fn records(count: usize) -> impl Iterator<Item = (String, String)> {
    (0..count).map(|n| (format!("host-{n}"), format!("10.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255)))
}

/// The records as `records.json`.
pub(crate) fn records_json(count: usize) -> String {
    let entry = |(name, value)| {
        format!(r#""{name} A": {{"name": "{name}", "type": "A", "ttl": 300, "values": ["{value}"]}}"#)
    };
    format!("{{\n{}\n}}\n", records(count).map(entry).collect::<Vec<_>>().join(",\n"))
}

/// The records as `example.test.zone`.
pub(crate) fn zone_file(count: usize) -> String {
    let line = |(name, value)| format!("{name} 300 IN A {value}");
    records(count).map(line).collect::<Vec<_>>().join("\n") + "\n"
}
