//! The project of `examples/social-network` as a runner of GitLab has it, with all that its jobs find there: a real Vault that
//! knows the environments, a simulated AWS, and the provider and the collection of this checkout.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::error::Error;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use acceptance::gitlab::{Cause, PROJECT, Pipeline, Project, path_with};
use acceptance::http_client::HttpClient;
use acceptance::provider_binary::ProviderBinary;
use acceptance::route53::{ChangeAction::Upsert, RecordSet, Route53};
use acceptance::servers::{Server, Servers};
use acceptance::terraform::Program;
use sandbox::cache::Cache;
use sandbox::state::Sandbox;
use sandbox::vault::Vault;
use sandbox::vault::client::Client;
use tempfile::TempDir;

pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// The bucket of the states, and the version of the provider that the example asks for.
const STATES: &str = "example-social-terraform-state";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Names without servers: what every environment has from its first day on.
pub(crate) fn variables(records: &str) -> String {
    format!("domain = \"example.social\"\nrecords = {{\n{records}}}\n")
}

pub(crate) fn record(name: &str, value: &str) -> String {
    format!("  \"{name} A\" = {{ name = \"{name}\", type = \"A\", ttl = 60, values = [\"{value}\"] }}\n")
}

/// The project, with all that its jobs find on a runner.
pub(crate) struct Bench {
    pub(crate) sandbox: Servers,
    pub(crate) project: Project,
    pub(crate) route53: Route53,
    _runner: TempDir,
}

impl Bench {
    pub(crate) fn up() -> Result<Self> {
        Self::in_a(Servers::up("pipeline", &["--aws", "--vault"])?)
    }

    pub(crate) fn in_a(sandbox: Servers) -> Result<Self> {
        let aws = sandbox.variable("AWS_ENDPOINT_URL")?;
        let runner = tempfile::tempdir()?;
        let mut project = Project::of(&example(), &["main", "develop"])?;
        for environment in ["technical", "staging", "production"] {
            project.write(&format!("environments/{environment}/terraform.tfvars"), &variables(""))?;
        }
        project.set("PATH", &path_with(&tools()?));
        project.set("TF_CLI_CONFIG_FILE", &mirror(runner.path())?.to_string_lossy());
        // Terraform's backend heeds only these, and finds no bucket by its name on loopback.
        for service in ["", "_S3", "_STS"] {
            project.set(&format!("AWS_ENDPOINT_URL{service}"), &aws);
        }
        project.set("TF_CLI_ARGS_init", "-backend-config=use_path_style=true");
        project.set("ANSIBLE_COLLECTIONS_PATH", &collections(runner.path())?.to_string_lossy());
        project.set("TF_CLI_ARGS", "-no-color");
        project.set("AWS_EC2_METADATA_DISABLED", "true");
        project.set("AWS_ACCOUNT", "123456789012");
        project.set("VAULT_ADDR", &sandbox.variable("VAULT_ADDR")?);
        project.set("VAULT_CACERT", &sandbox.variable("VAULT_CACERT")?);
        HttpClient::new().send("PUT", &format!("{aws}/{STATES}"), &[], "")?;
        tell_vault(&sandbox)?;
        Ok(Self { route53: Route53::at(aws), sandbox, project, _runner: runner })
    }

    #[track_caller]
    pub(crate) fn passes(&self, cause: Cause, jobs: &[&str]) -> Pipeline {
        let pipeline = self.project.run(&self.sandbox, cause, jobs).unwrap();
        assert!(pipeline.passed, "{jobs:?} failed:\n{}", pipeline.log);
        pipeline
    }

    #[track_caller]
    pub(crate) fn fails(&self, cause: Cause, jobs: &[&str]) -> Pipeline {
        let pipeline = self.project.run(&self.sandbox, cause, jobs).unwrap();
        assert!(!pipeline.passed, "{jobs:?} passed:\n{}", pipeline.log);
        pipeline
    }

    /// The addresses in the zone, as `NAME = ADDRESS`.
    pub(crate) fn addresses(&self) -> Result<Vec<String>> {
        let zone = self.route53.zones_named("example.social")?.pop().ok_or("there is no zone")?;
        let sets = self.route53.own_record_sets(&zone)?;
        Ok(sets.iter().map(|set| format!("{} = {}", set.name, set.values.join(", "))).collect())
    }

    /// Somebody changes a record in AWS's console.
    pub(crate) fn meddle(&self, name: &str, value: &str) -> Result {
        let zone = self.route53.zones_named("example.social")?.pop().ok_or("there is no zone")?;
        let set = RecordSet::simple(&format!("{name}.example.social."), "A", 60, &[value]);
        Ok(self.route53.change(&zone.id, &[(Upsert, set)])?)
    }

    /// From now on the server takes certificates of Vault's, and no other key.
    pub(crate) fn trust_vault_on(&self, server: &Server) -> Result {
        let authority = operator(&self.sandbox)?.read("ssh/config/ca")?;
        let script = format!(
            "echo '{}' >/etc/ssh/vault.pub; echo 'TrustedUserCAKeys /etc/ssh/vault.pub' \
             >/etc/ssh/sshd_config.d/vault.conf; rm -f /home/admin/.ssh/authorized_keys; systemctl reload ssh",
            authority["data"]["public_key"].as_str().unwrap_or_default().trim()
        );
        self.sandbox.on(&server.name, &script)?;
        Ok(())
    }

    pub(crate) fn change(&self, environment: &str, records: &str, message: &str) -> Result {
        self.project.write(&format!("environments/{environment}/terraform.tfvars"), &variables(records))?;
        Ok(self.project.commit(message)?)
    }
}

/// The folders of the programs that jobs start: Vault's first.
pub(crate) fn tools() -> Result<Vec<PathBuf>> {
    let cache = Cache::of_this_user()?;
    let vault = sandbox::vault::programs(&cache, || ())?;
    let ansible = sandbox::ansible::folder(&cache, || ())?.join("bin");
    let terraform = Program::terraform()?.path().parent().map(PathBuf::from).unwrap_or_default();
    Ok(vec![vault, ansible, terraform])
}

pub(crate) fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/social-network")
}

/// Tells the sandbox's Vault about the environments, as its administrator does: by the example's script.
pub(crate) fn tell_vault(sandbox: &Servers) -> Result {
    for (environment, branch) in [("technical", "develop"), ("staging", "develop"), ("production", "main")] {
        let mut script = Command::new("ci/vault.sh");
        script.args([environment, branch, PROJECT]).current_dir(example()).stdin(Stdio::null());
        script.env("PATH", path_with(&tools()?));
        for variable in ["VAULT_ADDR", "VAULT_CACERT"] {
            script.env(variable, sandbox.variable(variable)?);
        }
        script.env("VAULT_TOKEN", sandbox.run("token", &["--root"])?.trim());
        // What the sandbox's tokens are for.
        script.env("AUDIENCE", sandbox::vault::identity_token::AUDIENCE);
        let output = script.output()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// A folder of collections in which this checkout's is installed.
pub(crate) fn collections(folder: &Path) -> Result<PathBuf> {
    let place = folder.join("collections/ansible_collections/socle");
    fs::create_dir_all(&place)?;
    symlink(acceptance::ansible::COLLECTION, place.join("platform"))?;
    Ok(folder.join("collections"))
}

/// A mirror that holds the provider under test, and Terraform's configuration that names it.
pub(crate) fn mirror(folder: &Path) -> Result<PathBuf> {
    let package = format!("registry.terraform.io/socle-platform/socle/{VERSION}/linux_amd64");
    let package = folder.join("mirror").join(package);
    fs::create_dir_all(&package)?;
    let provider = ProviderBinary::built()?.path();
    symlink(provider, package.join(format!("terraform-provider-socle_v{VERSION}")))?;
    let configuration = folder.join("terraform.rc");
    let mirror = folder.join("mirror");
    let text = format!(
        "provider_installation {{\n  filesystem_mirror {{\n    path = \"{}\"\n  }}\n}}\n",
        mirror.display()
    );
    fs::write(&configuration, text)?;
    Ok(configuration)
}

/// Vault's API, without a token.
pub(crate) fn vault(sandbox: &Servers) -> Result<(Vault, Client)> {
    let vault = Vault::of(&Sandbox::named(&Cache::of_this_user()?, sandbox.name().parse()?));
    let client = vault.client()?;
    Ok((vault, client))
}

/// Vault as its operator sees it.
pub(crate) fn operator(sandbox: &Servers) -> Result<Client> {
    let (vault, mut client) = vault(sandbox)?;
    client.set_token(&vault.root_token()?);
    Ok(client)
}
