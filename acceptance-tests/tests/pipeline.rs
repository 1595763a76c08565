//! `examples/social-network` as its GitLab project would run: the jobs of its `.gitlab-ci.yml`, run by gitlab-ci-local, with
//! tokens that carry GitLab's claims, against a real Vault, a simulated AWS and a server of the sandbox.

use std::error::Error;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use acceptance::gitlab::{Cause, PROJECT, Pipeline, Project, path_with};
use acceptance::http_client::HttpClient;
use acceptance::provider_binary::ProviderBinary;
use acceptance::route53::{ChangeAction::Upsert, RecordSet, Route53};
use acceptance::servers::Servers;
use acceptance::terraform::Program;
use sandbox::cache::Cache;
use sandbox::state::Sandbox;
use sandbox::vault::Vault;
use sandbox::vault::client::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// The bucket of the states, and the version of the provider that the example asks for.
const STATES: &str = "example-social-terraform-state";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Names without servers: what every environment has from its first day on.
fn variables(records: &str) -> String {
    format!("domain = \"example.social\"\nrecords = {{\n{records}}}\n")
}

fn record(name: &str, value: &str) -> String {
    format!("  \"{name} A\" = {{ name = \"{name}\", type = \"A\", ttl = 60, values = [\"{value}\"] }}\n")
}

/// The project, with all that its jobs find on a runner.
struct Bench {
    sandbox: Servers,
    project: Project,
    route53: Route53,
    _runner: TempDir,
}

impl Bench {
    fn up() -> Result<Self> {
        Self::in_a(Servers::up("pipeline", &["--aws", "--vault"])?)
    }

    fn in_a(sandbox: Servers) -> Result<Self> {
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
    fn passes(&self, cause: Cause, jobs: &[&str]) -> Pipeline {
        let pipeline = self.project.run(&self.sandbox, cause, jobs).unwrap();
        assert!(pipeline.passed, "{jobs:?} failed:\n{}", pipeline.log);
        pipeline
    }

    #[track_caller]
    fn fails(&self, cause: Cause, jobs: &[&str]) -> Pipeline {
        let pipeline = self.project.run(&self.sandbox, cause, jobs).unwrap();
        assert!(!pipeline.passed, "{jobs:?} passed:\n{}", pipeline.log);
        pipeline
    }

    /// The addresses in the zone, as `NAME = ADDRESS`.
    fn addresses(&self) -> Result<Vec<String>> {
        let zone = self.route53.zones_named("example.social")?.pop().ok_or("there is no zone")?;
        let sets = self.route53.own_record_sets(&zone)?;
        Ok(sets.iter().map(|set| format!("{} = {}", set.name, set.values.join(", "))).collect())
    }

    /// Somebody changes a record in AWS's console.
    fn meddle(&self, name: &str, value: &str) -> Result {
        let zone = self.route53.zones_named("example.social")?.pop().ok_or("there is no zone")?;
        let set = RecordSet::simple(&format!("{name}.example.social."), "A", 60, &[value]);
        Ok(self.route53.change(&zone.id, &[(Upsert, set)])?)
    }

    fn change(&self, environment: &str, records: &str, message: &str) -> Result {
        self.project.write(&format!("environments/{environment}/terraform.tfvars"), &variables(records))?;
        Ok(self.project.commit(message)?)
    }
}

/// The folders of the programs that jobs start: Vault's first.
fn tools() -> Result<Vec<PathBuf>> {
    let cache = Cache::of_this_user()?;
    let vault = sandbox::vault::programs(&cache, || ())?;
    let ansible = sandbox::ansible::folder(&cache, || ())?.join("bin");
    let terraform = Program::terraform()?.path().parent().map(PathBuf::from).unwrap_or_default();
    Ok(vec![vault, ansible, terraform])
}

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/social-network")
}

/// Tells the sandbox's Vault about the environments, as its administrator does: by the example's script.
fn tell_vault(sandbox: &Servers) -> Result {
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
fn collections(folder: &Path) -> Result<PathBuf> {
    let place = folder.join("collections/ansible_collections/socle");
    fs::create_dir_all(&place)?;
    symlink(acceptance::ansible::COLLECTION, place.join("platform"))?;
    Ok(folder.join("collections"))
}

/// A mirror that holds the provider under test, and Terraform's configuration that names it.
fn mirror(folder: &Path) -> Result<PathBuf> {
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

#[test]
fn a_change_goes_from_a_merge_request_to_production_and_drift_is_caught() -> Result {
    let bench = Bench::up()?;
    let Bench { project, sandbox, .. } = &bench;
    bench.change("production", &record("www", "192.0.2.1"), "Publish the site")?;
    assert_eq!(
        project.jobs(sandbox, Cause::Push)?,
        ["format", "validate", "lint", "ansible-lint", "plan production", "apply production"]
    );

    // Production is planned by one who may only look, and applied by hand.
    let planned = bench.passes(Cause::Push, &["plan production"]);
    assert!(planned.log.contains("2 to add"), "{}", planned.log);
    assert_eq!(bench.route53.zones_named("example.social")?, []);
    bench.passes(Cause::Push, &["plan production", "apply production"]);
    assert_eq!(bench.addresses()?, ["www.example.social. = 192.0.2.1"]);

    // A merge request plans staging and changes nothing.
    project.branch("develop")?;
    project.branch("feature")?;
    bench.change("staging", &record("staging", "192.0.2.2"), "Publish staging")?;
    assert_eq!(
        project.jobs(sandbox, Cause::MergeRequest)?,
        ["format", "validate", "lint", "ansible-lint", "plan staging"]
    );
    bench.passes(Cause::MergeRequest, &["format", "validate", "lint", "ansible-lint", "plan staging"]);
    assert_eq!(bench.addresses()?, ["www.example.social. = 192.0.2.1"]);

    // Merged, it is applied.
    project.branch("develop")?;
    bench.passes(Cause::Push, &["apply technical", "apply staging"]);
    let both = ["staging.example.social. = 192.0.2.2", "www.example.social. = 192.0.2.1"];
    assert_eq!(bench.addresses()?, both);

    // At night nothing has drifted; after a change by hand the job names what it was.
    bench.passes(Cause::Schedule, &["drift technical", "drift staging"]);
    bench.meddle("staging", "192.0.2.66")?;
    let drift = bench.fails(Cause::Schedule, &["drift staging"]);
    assert!(
        drift.log.contains("socle_dns_records.staging") && drift.log.contains("staging A"),
        "{}",
        drift.log
    );
    bench.passes(Cause::Push, &["apply staging"]);
    assert_eq!(bench.addresses()?, both);

    // A rollback is a revert.
    project.revert()?;
    bench.passes(Cause::Push, &["apply staging"]);
    assert_eq!(bench.addresses()?, ["www.example.social. = 192.0.2.1"]);
    Ok(())
}

/// Vault's API, without a token.
fn vault(sandbox: &Servers) -> Result<(Vault, Client)> {
    let vault = Vault::of(&Sandbox::named(&Cache::of_this_user()?, sandbox.name().parse()?));
    let client = vault.client()?;
    Ok((vault, client))
}

/// Vault as its operator sees it.
fn operator(sandbox: &Servers) -> Result<Client> {
    let (vault, mut client) = vault(sandbox)?;
    client.set_token(&vault.root_token()?);
    Ok(client)
}

/// What Vault gives to a job that these words describe, under that role.
fn login(sandbox: &Servers, role: &str, job: &[&str]) -> Result<Client> {
    let (_, mut client) = vault(sandbox)?;
    let token = sandbox.run("token", job)?;
    let answer = client.write("auth/jwt/login", &json!({ "role": role, "jwt": token.trim() }))?;
    client.set_token(answer["auth"]["client_token"].as_str().unwrap_or_default());
    Ok(client)
}

/// A certificate for `admin`, as `ssh-keygen -L` shows it.
fn certificate(client: &Client, role: &str, asked: &Value) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let key = folder.path().join("key");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status()?;
    assert!(made.success());
    let mut body =
        json!({ "public_key": fs::read_to_string(key.with_extension("pub"))?, "valid_principals": "admin" });
    if let (Value::Object(body), Value::Object(asked)) = (&mut body, asked.clone()) {
        body.extend(asked);
    }
    let signed = client.write(&format!("ssh/sign/{role}"), &body)?;
    let file = folder.path().join("certificate.pub");
    fs::write(&file, signed["data"]["signed_key"].as_str().unwrap_or_default())?;
    let shown = Command::new("ssh-keygen").arg("-L").arg("-f").arg(&file).output()?;
    Ok(String::from_utf8_lossy(&shown.stdout).into_owned())
}

#[test]
fn who_may_look_may_not_change() -> Result {
    let sandbox = Servers::up("identities", &["--vault"])?;
    tell_vault(&sandbox)?;
    let feature: &[&str] = &["--ref", "feature"];
    let unprotected: &[&str] = &["--ref", "develop"];
    let develop: &[&str] = &["--ref", "develop", "--protected"];
    let main: &[&str] = &["--ref", "main", "--protected"];

    // Only a protected branch changes its environments, and only its own.
    for (role, job) in [
        ("staging", feature),
        ("staging", unprotected),
        ("staging", main),
        ("production", develop),
        ("production-plan", feature),
        ("technical-plan", feature),
    ] {
        assert!(login(&sandbox, role, job).is_err(), "{job:?} is {role}");
    }
    login(&sandbox, "production", main)?;
    login(&sandbox, "technical", develop)?;

    // A merge request looks at staging: by certificates whose command is forced, whatever it asks for.
    let looks = login(&sandbox, "staging-plan", feature)?;
    let shown = certificate(&looks, "staging-plan", &json!({}))?;
    assert!(shown.contains("force-command") && shown.contains("--check"), "{shown}");
    assert!(!shown.contains("permit-"), "{shown}");
    for asked in [
        json!({ "critical_options": { "source-address": "0.0.0.0/0" } }),
        json!({ "critical_options": { "force-command": "/bin/sh" } }),
        json!({ "extensions": { "permit-pty": "" } }),
    ] {
        assert!(certificate(&looks, "staging-plan", &asked).is_err(), "{asked}");
    }
    assert!(certificate(&looks, "staging", &json!({})).is_err());
    assert!(looks.read("secret/data/staging/database").is_err_and(|error| error.is_refusal(403)));
    Ok(())
}

/// The module is a mark: where servers cannot run, its tests are left out by `--skip on_servers`.
mod on_servers {
    use acceptance::host_programs::HostPrograms;

    use super::*;

    const CONTROL: &str = "sysctl.net-ipv4-conf-all-accept-redirects";
    const TIMER: &str = "socle-backup-staging-database.timer";

    /// A database's server in staging, which trusts Vault's certificates and nothing else, and is to be backed up.
    fn staging_with_a_server(bench: &Bench) -> Result {
        let server = bench.sandbox.server(1)?;
        let operator = operator(&bench.sandbox)?;
        let authority = operator.read("ssh/config/ca")?;
        let script = format!(
            "echo '{}' >/etc/ssh/vault.pub; echo 'TrustedUserCAKeys /etc/ssh/vault.pub' \
             >/etc/ssh/sshd_config.d/vault.conf; rm -f /home/admin/.ssh/authorized_keys; systemctl reload ssh",
            authority["data"]["public_key"].as_str().unwrap_or_default().trim()
        );
        bench.sandbox.on(&server.name, &script)?;
        let chance = tempfile::tempdir()?;
        let secret = json!({ "password": chance.path(), "access_key": "moto", "secret_key": chance.path() });
        operator.write("secret/data/staging/backup", &json!({ "data": secret }))?;
        let variables = format!(
            "domain         = \"example.social\"\nadministrators = [\"198.18.0.0/15\"]\nbackup_bucket  = \"example-social-staging-backups\"\n\
             servers = {{\n  \"staging-db\" = {{ role = \"database\", address = \"{}\", host_key = \"{}\" }}\n}}\n",
            server.address, server.host_key
        );
        bench.project.write("environments/staging/terraform.tfvars", &variables)?;
        // The simulated S3 speaks no TLS.
        let plain = "resource \"socle_backup_store\" \"main\" {\n  tls_only = false\n}\n";
        bench.project.write("modules/backup/sandbox_override.tf", plain)?;
        Ok(bench.project.commit("Rent a server for staging")?)
    }

    #[test]
    fn what_is_changed_by_hand_on_a_server_is_seen_by_one_who_may_only_look() -> Result {
        let mut bench = Bench::in_a(Servers::up("drift", &["--aws", "--vault", "--servers", "1"])?)?;
        bench.project.set("SOCLE_HOST_PROGRAMS", &HostPrograms::built()?.folder().to_string_lossy());
        bench.project.commit("A zone")?;
        bench.passes(Cause::Push, &["plan production", "apply production"]);
        bench.project.branch("develop")?;
        staging_with_a_server(&bench)?;
        bench.passes(Cause::Push, &["apply staging"]);
        bench.passes(Cause::Schedule, &["drift staging"]);
        let by_hand = format!("echo 1 >/proc/sys/net/ipv4/conf/all/accept_redirects; systemctl stop {TIMER}");
        bench.sandbox.on("server-1", &by_hand)?;
        let drift = bench.fails(Cause::Schedule, &["drift staging"]);
        for found in ["socle_host.server[\"staging-db\"]", CONTROL, "socle_backup_policy.database", TIMER] {
            assert!(drift.log.contains(found), "{found}:\n{}", drift.log);
        }
        bench.passes(Cause::Push, &["apply staging"]);
        bench.passes(Cause::Schedule, &["drift staging"]);
        bench.sandbox.run("kill", &["server-1"])?;
        let unseen = bench.fails(Cause::Schedule, &["drift staging"]);
        for said in ["staging could not be looked at in full", "Host cannot be reached"] {
            assert!(unseen.log.contains(said), "{said}:\n{}", unseen.log);
        }
        Ok(())
    }
}
