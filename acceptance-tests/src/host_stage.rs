//! The real Terraform and this provider with the real host programs, in front of servers of the sandbox.

use std::fs;

use crate::host_programs::HostPrograms;
use crate::provider_binary::ProviderBinary;
use crate::servers::{Server, Servers};
use crate::terraform::{Program, Workspace};

/// Whatever goes wrong.
pub type StageError = Box<dyn std::error::Error>;

/// A workspace whose provider logs in to the servers of a sandbox.
#[derive(Debug)]
pub struct HostStage {
    /// Where Terraform works.
    pub terraform: Workspace,
    admin: String,
    key_file: String,
    key: String,
}

impl HostStage {
    /// An empty workspace; Terraform writes all that it knows into a log there.
    pub fn new(site: &Servers) -> Result<Self, StageError> {
        let terraform = Workspace::new(&Program::terraform()?)?;
        let log = terraform.folder().join("trace.log").display().to_string();
        let programs = HostPrograms::built()?.folder().display().to_string();
        let terraform = terraform
            .with_provider("socle-platform/socle", ProviderBinary::built()?.folder())
            .with_variable("SOCLE_HOST_PROGRAMS", &programs)
            .with_variable("TF_LOG", "TRACE")
            .with_variable("TF_LOG_PATH", &log);
        let key_file = site.variable("TF_VAR_private_key_file")?;
        Ok(Self { terraform, admin: site.admin().to_owned(), key_file, key: site.admin_key()? })
    }

    /// Writes these resources, under a provider that logs in as `user`.
    pub fn write_as(&self, user: &str, resources: &str) -> Result<(), StageError> {
        let head = format!(
            "terraform {{\n  required_providers {{\n    socle = {{ source = \"socle-platform/socle\" }}\n  }}\n}}\n\
             provider \"socle\" {{\n  ssh {{\n    user = \"{user}\"\n    private_key = file(\"{}\")\n  }}\n}}\n",
            self.key_file
        );
        Ok(self.terraform.write("main.tf", &(head + resources))?)
    }

    /// Writes these resources.
    pub fn write(&self, resources: &str) -> Result<(), StageError> {
        self.write_as(&self.admin, resources)
    }

    /// Writes these resources, and applies them.
    pub fn apply(&self, resources: &str) -> Result<(), StageError> {
        self.write(resources)?;
        Ok(self.terraform.apply()?)
    }

    /// What `plan` says, warnings included, as lines of JSON.
    pub fn plan_in_words(&self) -> Result<String, StageError> {
        Ok(self.terraform.run(&["plan", "-json", "-input=false"])?)
    }

    /// No line of the private key stands in any file that Terraform wrote.
    ///
    /// # Panics
    /// One does.
    pub fn assert_no_secret(&self) -> Result<(), StageError> {
        let lines: Vec<_> = self.key.lines().filter(|line| !line.contains("-----")).collect();
        for file in fs::read_dir(self.terraform.folder())? {
            let text = fs::read(file?.path()).unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            assert!(!lines.iter().any(|line| text.contains(*line)), "the private key was written down");
        }
        Ok(())
    }
}

/// A `socle_host.x` on this server, with these blocks and arguments.
pub fn host(server: &Server, body: &str) -> String {
    host_named("x", server, body)
}

/// A `socle_host` of that name.
pub fn host_named(name: &str, server: &Server, body: &str) -> String {
    format!(
        "resource \"socle_host\" {name:?} {{\n  address = \"{}\"\n  host_key = \"{}\"\n  {body}\n}}\n",
        server.address, server.host_key
    )
}

/// A `hardening` block with this profile and these further lines.
pub fn hardening(profile: &str, more: &str) -> String {
    format!("hardening {{\n    profile = \"{profile}\"\n    {more}\n  }}")
}
