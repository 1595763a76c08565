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
    input: Input,
    /// How many records Terraform makes or removes at once in zones of more than a hundred: with its usual ten, a
    /// provider that waits for each record by itself would need half an hour for a thousand.
    parallelism: Option<usize>,
}

/// The file from which the configuration takes its records, and how it is written.
struct Input {
    file: &'static str,
    around: [&'static str; 2],
    between: &'static str,
    record: fn(usize, &str) -> String,
}

const ZONE_FILE: Input = Input {
    file: "example.zone",
    around: ["$TTL 300\n", "\n"],
    between: "\n",
    record: |n, address| format!("host-{n} A {address}"),
};

const JSON: Input = Input {
    file: "records.json",
    around: ["{\n", "\n}\n"],
    between: ",\n",
    record: |n, address| format!(r#""host-{n}": "{address}""#),
};

const SOCLE_ZONE: &str = r#"
resource "socle_dns_zone" "main" {
  name    = "example.test"
  records = provider::socle::parse_zone_file(file("example.zone"), "example.test")
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
  name     = each.key
  type     = "A"
  ttl      = 300
  records  = [each.value]
}
"#;

impl Candidate {
    pub(crate) fn socle(sizes: Vec<usize>) -> Result<Self, &'static ProviderBinaryError> {
        let folder = ProviderBinary::built()?.folder().to_owned();
        let source = "socle-platform/socle";
        let (name, zone, input) = ("socle", SOCLE_ZONE, ZONE_FILE);
        Ok(Self { name, sizes, source, folder, settings: "", zone, input, parallelism: None })
    }

    pub(crate) fn aws(folder: PathBuf, sizes: Vec<usize>) -> Self {
        let (name, source, settings) = ("terraform-provider-aws", "hashicorp/aws", AWS_SETTINGS);
        let (zone, input, parallelism) = (AWS_ZONE, JSON, Some(100));
        Self { name, sizes, source, folder, settings, zone, input, parallelism }
    }

    /// A configuration that requires the provider and uses nothing of it.
    pub(crate) fn provider_only(&self) -> String {
        let (local, source) = (self.source.rsplit('/').next().unwrap_or(self.source), self.source);
        let settings = self.settings;
        format!(
            "terraform {{\n  required_providers {{\n    {local} = {{ source = {source:?} }}\n  }}\n}}\n{settings}"
        )
    }

    /// A configuration of one zone with so many address records, each of a name of its own.
    pub(crate) fn zone(&self, terraform: &Program, records: usize) -> Result<Workspace, TerraformError> {
        let workspace = self.workspace(terraform, &(self.provider_only() + self.zone))?;
        workspace.write(self.input.file, &self.input.with(records))?;
        Ok(match self.parallelism.filter(|_| records > 100) {
            None => workspace,
            Some(number) => ["TF_CLI_ARGS_apply", "TF_CLI_ARGS_destroy"]
                .into_iter()
                .fold(workspace, |it, verb| it.with_variable(verb, &format!("-parallelism={number}"))),
        })
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

impl Input {
    fn with(&self, records: usize) -> String {
        let address = |n: usize| format!("10.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255);
        let records: Vec<_> = (0..records).map(|n| (self.record)(n, &address(n))).collect();
        [self.around[0], &records.join(self.between), self.around[1]].concat()
    }
}
