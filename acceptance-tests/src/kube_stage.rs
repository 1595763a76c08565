//! Where a test of workloads plays: a root module, the provider under test, and a name of its own in a real Kubernetes
//! API.

use std::error::Error;
use std::fs;
use std::process::Command;

use crate::kube_api::KubeApi;
use crate::kube_proxy::KubeProxy;
use crate::plan::Plan;
use crate::provider_binary::ProviderBinary;
use crate::terraform::{Program, Workspace};

/// Requires the provider; `init` is not needed, because it is a development override.
const HEAD: &str = r#"
terraform {
  required_providers {
    socle = { source = "socle-platform/socle" }
  }
}
"#;

/// The address of the resource that [`KubeStage::manifests`] writes.
pub const WEB: &str = "socle_manifests.web";

/// A root module that uses the provider under test, and a Kubernetes API that it works on.
#[derive(Debug)]
pub struct KubeStage {
    /// The API, shared with other tests.
    pub api: &'static KubeApi,
    /// The only way of this test's provider to it.
    pub proxy: KubeProxy,
    /// A name that is this test's alone: of its resource, and of its namespace.
    pub name: String,
    /// The root module.
    pub terraform: Workspace,
}

/// A saved plan is an archive. The first word has to be in it, the second must not.
const LOOK_INTO_PLAN: &str = "
import base64, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
text = b''.join(archive.read(name) for name in archive.namelist())
there, secret = (word.encode() for word in sys.argv[2:])
assert there in text, 'the plan is not read'
assert secret not in text, 'the value stands in the plan'
assert base64.b64encode(secret) not in text, 'the value stands in the plan, in Base64'
";

impl KubeStage {
    /// Terraform and a namespace that does not exist yet.
    pub fn new() -> Result<Self, Box<dyn Error>> {
        Self::of(&Program::terraform()?)
    }

    /// That program and a namespace that does not exist yet.
    pub fn of(program: &Program) -> Result<Self, Box<dyn Error>> {
        let api = KubeApi::shared()?;
        let proxy = KubeProxy::in_front_of(api.url(), &api.authority())?;
        let provider = ProviderBinary::built()?;
        let terraform = Workspace::new(program)?.with_provider("socle-platform/socle", provider.folder());
        fs::write(terraform.folder().join("kubeconfig"), api.kubeconfig_through(&proxy.url()))?;
        Ok(Self { api, proxy, name: KubeApi::fresh_name("t"), terraform })
    }

    /// Sets a variable for the program and its providers.
    #[must_use]
    pub fn with_variable(self, name: &str, value: &str) -> Self {
        Self { terraform: self.terraform.with_variable(name, value), ..self }
    }

    /// One resource of these documents, with these further arguments.
    pub fn manifests(&self, documents: &str, arguments: &str) -> String {
        format!(
            r#"
resource "socle_manifests" "web" {{
  name            = "{name}"
  kubeconfig_path = "kubeconfig"
  namespace       = "{name}"
  documents       = <<-YAML
{documents}
  YAML
  {arguments}
}}
"#,
            name = self.name,
            documents = documents.trim_end(),
        )
    }

    /// Makes `configuration` all that the root module has.
    pub fn write(&self, configuration: &str) -> Result<(), Box<dyn Error>> {
        Ok(self.terraform.write("main.tf", &format!("{HEAD}{configuration}"))?)
    }

    /// Writes one resource of these documents.
    pub fn write_documents(&self, documents: &str) -> Result<(), Box<dyn Error>> {
        self.write(&self.manifests(documents, ""))
    }

    /// Writes and applies one resource of these documents.
    pub fn apply(&self, documents: &str) -> Result<(), Box<dyn Error>> {
        self.apply_with(documents, "")
    }

    /// Writes and applies one resource of these documents, with these further arguments.
    pub fn apply_with(&self, documents: &str, arguments: &str) -> Result<(), Box<dyn Error>> {
        self.write(&self.manifests(documents, arguments))?;
        Ok(self.terraform.apply()?)
    }

    /// Runs kubectl in the namespace of the test.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String, Box<dyn Error>> {
        Ok(self.api.kubectl(&[&["--namespace", &self.name], arguments].concat())?)
    }

    /// An object of the test's namespace, `KIND/NAME`; null when there is none.
    pub fn get(&self, object: &str) -> Result<serde_json::Value, Box<dyn Error>> {
        Ok(self.api.get(&self.name, object)?)
    }

    /// The objects of these kinds that carry the test's mark, as `KIND/NAME`.
    pub fn owned(&self, kinds: &str) -> Result<Vec<String>, Box<dyn Error>> {
        Ok(self.api.owned_by(&self.name, kinds)?)
    }

    /// Checks that a value stands in no file of a saved plan and in nothing that is shown of it; its Base64 neither.
    ///
    /// # Panics
    /// When it stands there.
    pub fn assert_is_in_no_plan(&self, plan: &Plan, value: &str) -> Result<(), Box<dyn Error>> {
        let file = plan.file().display().to_string();
        let shown = self.terraform.run(&["show", "-json", &file])?;
        assert!(shown.contains(&self.name) && !shown.contains(value), "the value is shown");
        let looked =
            Command::new("python3").args(["-c", LOOK_INTO_PLAN, &file, &self.name, value]).output()?;
        assert!(looked.status.success(), "{}", String::from_utf8_lossy(&looked.stderr));
        Ok(())
    }

    /// The label of an object in the plan.
    pub fn label(&self, api_version: &str, kind: &str, name: &str) -> String {
        format!("{api_version} {kind} {}/{name}", self.name)
    }
}
