//! Where a test of `socle_backup_policy` plays: servers with a simulated S3 beside them, the real host programs, Terraform.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::error::Error;
use std::fs;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use acceptance::host_programs::HostPrograms;
use acceptance::provider_binary::ProviderBinary;
use acceptance::servers::{Server, Servers};
use acceptance::terraform::{Program, Workspace};

pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// The policy in the state.
pub(crate) const POLICY: &str = "socle_backup_policy.main";

/// A root module whose policy runs on one server, and the secrets that nobody else may see.
pub(crate) struct Stage<'s> {
    pub(crate) site: &'s Servers,
    pub(crate) server: Server,
    pub(crate) terraform: Workspace,
    pub(crate) bucket: String,
    pub(crate) password: String,
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
}

impl<'s> Stage<'s> {
    pub(crate) fn new(site: &'s Servers, number: usize) -> Result<Self> {
        let key = |variable: &str| -> Result<String> {
            if site.take_any_credentials() { random_name() } else { Ok(site.variable(variable)?) }
        };
        let (password, access_key, secret_key) =
            (random_name()?, key("AWS_ACCESS_KEY_ID")?, key("AWS_SECRET_ACCESS_KEY")?);
        let terraform = Workspace::new(&Program::terraform()?)?;
        let log = terraform.folder().join("trace.log").display().to_string();
        let mut terraform = terraform
            .with_provider("socle-platform/socle", ProviderBinary::built()?.folder())
            .with_variable("SOCLE_HOST_PROGRAMS", &HostPrograms::built()?.folder().display().to_string())
            .with_variable("TF_LOG", "TRACE")
            .with_variable("TF_LOG_PATH", &log)
            .with_variable("TF_VAR_password", &password)
            .with_variable("TF_VAR_access_key", &access_key)
            .with_variable("TF_VAR_secret_key", &secret_key);
        for name in ["AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"] {
            terraform = terraform.with_variable(name, &site.variable(name)?);
        }
        let bucket = format!("socle-{}", random_name()?);
        let server = site.server(number)?;
        Ok(Self { site, server, terraform, bucket, password, access_key, secret_key })
    }

    pub(crate) fn with_variable(self, name: &str, value: &str) -> Self {
        Self { terraform: self.terraform.with_variable(name, value), ..self }
    }

    /// What stands in every root module: the provider, the secrets as ephemeral values, and the store.
    fn head(&self) -> Result<String> {
        let key = self.site.variable("TF_VAR_private_key_file")?;
        let variables = ["password", "access_key", "secret_key"]
            .map(|name| format!("variable \"{name}\" {{\n  type = string\n  ephemeral = true\n}}\n"));
        Ok(format!(
            "terraform {{\n  required_providers {{\n    socle = {{ source = \"socle-platform/socle\" }}\n  }}\n}}\n\
             provider \"socle\" {{\n  ssh {{\n    user = \"{}\"\n    private_key = file(\"{key}\")\n  }}\n}}\n{}\
             resource \"socle_backup_store\" \"main\" {{\n  bucket = \"{}\"\n  tls_only = {}\n  \
             force_destroy = true\n}}\n",
            self.site.admin(),
            variables.concat(),
            self.bucket,
            self.site.variable("AWS_ENDPOINT_URL")?.starts_with("https://")
        ))
    }

    /// The block that says where the policy runs.
    pub(crate) fn host(&self) -> String {
        format!(
            "host {{\n    address = \"{}\"\n    host_key = \"{}\"\n  }}",
            self.server.address, self.server.host_key
        )
    }

    /// A policy with these arguments beside what every one has.
    pub(crate) fn policy(&self, name: &str, arguments: &str) -> String {
        format!(
            "resource \"socle_backup_policy\" \"main\" {{\n  name = \"{name}\"\n  location = socle_backup_store.main.location\n  \
             time_zone = \"Europe/Paris\"\n  retention {{\n    last = 5\n    daily = 7\n  }}\n  {}\n  {arguments}\n}}\n",
            self.host()
        )
    }

    /// The secrets as write-only arguments.
    pub(crate) const WRITE_ONLY: &'static str = "encryption_password_wo = var.password\n  encryption_password_wo_version = 1\n  \
         credentials_wo = { access_key = var.access_key, secret_key = var.secret_key }\n  credentials_wo_version = 1\n";

    pub(crate) fn write(&self, resources: &str) -> Result {
        Ok(self.terraform.write("main.tf", &(self.head()? + resources))?)
    }

    pub(crate) fn apply(&self, resources: &str) -> Result {
        self.write(resources)?;
        Ok(self.terraform.apply()?)
    }

    /// What a script prints on the server, as root.
    pub(crate) fn on_host(&self, script: &str) -> Result<String> {
        Ok(self.site.on(&self.server.name, script)?)
    }

    /// How many objects there are below a folder of the bucket.
    pub(crate) fn objects(&self, prefix: &str) -> Result<usize> {
        let aws = |name: &str| self.site.variable(name);
        let (url, prefix) = (aws("AWS_ENDPOINT_URL")?, prefix.replace('/', "%2F"));
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail-with-body", "--config", "-"]);
        curl.args(["--aws-sigv4", &format!("aws:amz:{}:s3", aws("AWS_REGION")?)]);
        curl.arg(format!("{url}/{}?list-type=2&prefix={prefix}", self.bucket));
        // Not in an argument, where others on the machine would see it.
        let keys = format!("user = \"{}:{}\"\n", aws("AWS_ACCESS_KEY_ID")?, aws("AWS_SECRET_ACCESS_KEY")?);
        let mut running = curl.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        running.stdin.take().ok_or("no standard input")?.write_all(keys.as_bytes())?;
        let output = running.wait_with_output()?;
        let listed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{listed}");
        Ok(listed.matches("<Key>").count())
    }

    /// Checks that no secret stands in any file that Terraform wrote, nor on the host outside of the policies' own folder:
    /// not in a unit, a log, a process or its environment.
    pub(crate) fn assert_no_secret(&self, more: &[&str]) -> Result {
        let secrets: Vec<&str> = [&self.password, &self.access_key, &self.secret_key]
            .into_iter()
            .map(String::as_str)
            .chain(more.iter().copied())
            .collect();
        for file in fs::read_dir(self.terraform.folder())? {
            let path = file?.path();
            let text = fs::read(&path).unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            for secret in &secrets {
                assert!(!text.contains(secret), "a secret is in {}", path.display());
            }
        }
        // The secrets go to the host by standard input, so that this very look does not show them.
        let seen = "{ cat /etc/systemd/system/socle-* /etc/socle/backup/*.json /var/lib/socle/backup/*/*.json* 2>/dev/null; \
                    journalctl --no-pager; cat /proc/*/cmdline /proc/*/environ 2>/dev/null; } | tr '\\0' '\\n'";
        let seen = self.on_host(seen)?;
        for secret in &secrets {
            assert!(!seen.contains(secret), "a secret is seen on the host");
        }
        Ok(())
    }
}

/// A name that nobody else has, of letters.
pub(crate) fn random_name() -> Result<String> {
    let mut bytes = [0_u8; 20];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| char::from(b'a' + byte % 26)).collect())
}
