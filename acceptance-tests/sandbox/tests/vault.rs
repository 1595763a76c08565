//! The sandbox's Vault: what a job of GitLab gets from it, and what it does not.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use rcgen::KeyPair;
use sandbox::cache::Cache;
use sandbox::state::Sandbox;
use sandbox::vault::Vault;
use sandbox::vault::client::{Client, ClientError};
use sandbox::vault::identity_token::{AUDIENCE, Job, signed};
use serde_json::json;

/// A sandbox of this checkout. Its name is always the same: what a run that was killed left behind, the next one takes
/// over and takes down.
struct Bench {
    name: String,
    sandbox: Sandbox,
    vault: Vault,
}

impl Bench {
    fn named(purpose: &str) -> Self {
        let mut checkout = DefaultHasher::new();
        env!("CARGO_MANIFEST_DIR").hash(&mut checkout);
        let name = format!("{purpose}-{:08x}", checkout.finish() >> 32);
        let sandbox = Sandbox::named(&Cache::of_this_user().unwrap(), name.parse().unwrap());
        Self { vault: Vault::of(&sandbox), sandbox, name }
    }

    /// What `sandbox` prints with these words.
    #[track_caller]
    fn command(&self, words: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sandbox"));
        let output = command.args(["--quiet", "--name", &self.name]).args(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn up(&self) {
        self.command(&["up", "--vault"]);
    }

    fn root(&self) -> Client {
        let mut client = self.vault.client().unwrap();
        client.set_token(&self.command(&["token", "--root"]));
        client
    }

    /// A client with what the role gives to a job, which these words describe.
    fn login(&self, role: &str, job: &[&str]) -> Result<Client, ClientError> {
        let mut client = self.vault.client().unwrap();
        let token = self.command(&[&["token"], job].concat());
        let answer = client.write("auth/jwt/login", &json!({"role": role, "jwt": token}))?;
        client.set_token(answer["auth"]["client_token"].as_str().unwrap());
        Ok(client)
    }

    fn deployer(&self) -> Client {
        self.login("prod", DEPLOYER).unwrap()
    }
}

/// A job that belongs to the environment `prod`.
const DEPLOYER: &[&str] = &["--project", "example-social/infrastructure", "--ref", "main", "--protected"];

/// How many tests use the one Vault right now.
static USERS: Mutex<usize> = Mutex::new(0);

/// The Vault that tests share: the first brings it up, the last takes it down.
struct Shared(Bench);

impl Shared {
    fn up() -> Self {
        let mut users = USERS.lock().unwrap();
        let bench = Bench::named("vault");
        bench.up();
        *users += 1;
        Self(bench)
    }
}

impl std::ops::Deref for Shared {
    type Target = Bench;

    fn deref(&self) -> &Bench {
        &self.0
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // A failed test must not keep the others from ending.
        let mut users = USERS.lock().unwrap_or_else(PoisonError::into_inner);
        *users -= 1;
        if *users == 0 {
            self.0.command(&["down"]);
        }
    }
}

/// A Vault of a test's own, which is down when the test ends, however it ends.
struct Own(Bench);

impl Own {
    fn up(purpose: &str) -> Self {
        let own = Self(Bench::named(purpose));
        own.0.command(&["down"]);
        own.0.up();
        own
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.0.command(&["down"]);
    }
}

#[test]
fn a_job_of_the_protected_branch_reads_what_it_wrote() {
    let bench = Shared::up();
    let client = bench.deployer();
    client.write("secret/data/prod/database", &json!({"data": {"password": "correct horse"}})).unwrap();
    let secret = client.read("secret/data/prod/database").unwrap();
    assert_eq!(secret["data"]["data"]["password"], "correct horse");
    assert_eq!(secret["data"]["metadata"]["version"], 1);
}

#[test]
fn refuses_jobs_that_are_not_of_the_environment() {
    let bench = Shared::up();
    let others: [&[&str]; 4] = [
        &["--protected", "--ref", "staging"],
        &["--protected", "--project", "example-social/fork"],
        &["--protected", "--audience", "https://somebody-else.example"],
        &["--ref", "main"],
    ];
    for job in others {
        let refused = bench.login("prod", job).err().unwrap_or_else(|| panic!("{job:?} was let in"));
        assert!(refused.is_refusal(400), "{job:?}: {refused}");
    }
    assert!(bench.login("prod", &["--protected"]).is_ok(), "the same job without the difference");
    assert!(bench.login("staging", others[0]).is_ok(), "another branch has an environment of its own");
}

#[test]
fn refuses_a_token_of_another_signer() {
    let bench = Shared::up();
    let job = Job { protected: true, ..Job::default() };
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let another = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let forged = signed(&job.claims(now, "1"), &another).unwrap();
    let request = |token: &str| json!({"role": "prod", "jwt": token});
    let client = bench.vault.client().unwrap();
    let refused = client.write("auth/jwt/login", &request(&forged)).unwrap_err();
    assert!(refused.is_refusal(400), "{refused}");
    let token = bench.vault.job_token(&job).unwrap();
    assert!(client.write("auth/jwt/login", &request(&token)).is_ok(), "the same job, signed by the sandbox");
}

#[test]
fn a_role_may_be_bound_to_what_a_job_deploys_to() {
    let bench = Shared::up();
    let claims = json!({
        "environment": "prod", "environment_protected": "true", "deployment_tier": "production",
        "runner_environment": "self-hosted", "runner_id": 1, "pipeline_source": "push",
        "ci_config_ref_uri": "gitlab.example.social/example-social/infrastructure//.gitlab-ci.yml@refs/heads/main",
    });
    let role = json!({
        "role_type": "jwt", "user_claim": "user_login", "bound_audiences": [AUDIENCE], "bound_claims": claims,
    });
    bench.root().write("auth/jwt/role/bound-to-environment", &role).unwrap();
    let login = |job: &[&str]| bench.login("bound-to-environment", job);
    let deploying = ["--environment", "prod", "--environment-protected"];
    login(&deploying).unwrap();
    for other in [
        &[][..],
        &deploying[..2],
        &["--environment", "staging", "--environment-protected", "--tier", "production"],
    ] {
        let refused = login(other).err().unwrap_or_else(|| panic!("{other:?} was let in"));
        assert!(refused.is_refusal(400), "{other:?}: {refused}");
    }
}

#[test]
fn an_environment_does_not_see_another_ones_secrets() {
    let bench = Shared::up();
    let client = bench.deployer();
    for path in ["secret/data/staging/database", "sys/audit", "ssh/config/ca"] {
        let refused = client.read(path).unwrap_err();
        assert!(refused.is_refusal(403), "{path}: {refused}");
    }
}

#[test]
fn signs_a_key_for_ssh_for_minutes() {
    let bench = Shared::up();
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    assert!(keygen(&["-q", "-t", "ed25519", "-N", "", "-f"], &key).status().unwrap().success());
    let public_key = fs::read_to_string(key.with_extension("pub")).unwrap();
    let request = json!({"public_key": public_key, "valid_principals": "root"});
    let answer = bench.deployer().write("ssh/sign/prod", &request).unwrap();
    let certificate = folder.path().join("key-cert.pub");
    fs::write(&certificate, answer["data"]["signed_key"].as_str().unwrap()).unwrap();
    let shown = String::from_utf8(keygen(&["-L", "-f"], &certificate).output().unwrap().stdout).unwrap();
    assert!(shown.contains("ssh-ed25519-cert-v01@openssh.com user certificate"), "{shown}");
    assert!(shown.contains("Principals: \n                root\n"), "{shown}");
    assert!(!shown.contains("forever"), "{shown}");
}

fn keygen(arguments: &[&str], file: &Path) -> Command {
    let mut command = Command::new("ssh-keygen");
    command.args(arguments).arg(file);
    command
}

#[test]
fn encrypts_in_transit_for_an_application() {
    let bench = Shared::up();
    let root = bench.root();
    let role_id = root.read("auth/approle/role/prod/role-id").unwrap()["data"]["role_id"].clone();
    let secret = root.write("auth/approle/role/prod/secret-id", &json!({})).unwrap();
    let login = json!({"role_id": role_id, "secret_id": secret["data"]["secret_id"]});
    let mut client = bench.vault.client().unwrap();
    let answer = client.write("auth/approle/login", &login).unwrap();
    client.set_token(answer["auth"]["client_token"].as_str().unwrap());
    let sealed = client.write("transit/encrypt/prod", &json!({"plaintext": "c29jbGU="})).unwrap();
    let ciphertext = sealed["data"]["ciphertext"].clone();
    let opened = client.write("transit/decrypt/prod", &json!({"ciphertext": ciphertext})).unwrap();
    assert_eq!(opened["data"]["plaintext"], "c29jbGU=");
}

#[test]
fn has_kubernetes_authentication_at_hand() {
    let bench = Shared::up();
    let root = bench.root();
    root.write("sys/auth/kubernetes", &json!({"type": "kubernetes"})).unwrap();
    let config = json!({"kubernetes_host": "https://127.0.0.1:6443", "disable_local_ca_jwt": true});
    root.write("auth/kubernetes/config", &config).unwrap();
    let stored = root.read("auth/kubernetes/config").unwrap();
    assert_eq!(stored["data"]["kubernetes_host"], "https://127.0.0.1:6443");
    root.delete("sys/auth/kubernetes").unwrap();
}

#[test]
fn the_audit_file_shows_the_request_and_not_the_secret() {
    let bench = Shared::up();
    let secret = json!({"data": {"password": "battery staple"}});
    bench.deployer().write("secret/data/prod/audited", &secret).unwrap();
    let audit = fs::read_to_string(bench.vault.audit_file()).unwrap();
    let line = audit.lines().find(|line| line.contains("secret/data/prod/audited")).unwrap();
    assert!(line.contains("jwt-deployer"), "{line}");
    assert!(line.contains(r#""password":"hmac-sha256:"#), "{line}");
    assert!(!audit.contains("battery staple"));
}

#[test]
fn clients_find_it_by_the_environment() {
    let bench = Shared::up();
    let environment: serde_json::Value = serde_json::from_str(&bench.command(&["env", "--json"])).unwrap();
    assert_eq!(environment["VAULT_ADDR"], bench.vault.url().unwrap());
    let authority = fs::read_to_string(environment["VAULT_CACERT"].as_str().unwrap()).unwrap();
    let url = environment["VAULT_ADDR"].as_str().unwrap();
    assert!(Client::new(url, &authority).unwrap().read("sys/health").is_ok());
    let status: serde_json::Value = serde_json::from_str(&bench.command(&["status", "--json"])).unwrap();
    assert_eq!(status["vault"], url);
}

#[test]
fn is_the_same_one_after_it_was_killed_and_gone_after_it_was_taken_down() {
    let own = Own::up("killed");
    let bench = &own.0;
    let root = bench.root();
    root.write("secret/data/prod/kept", &json!({"data": {"password": "kept"}})).unwrap();
    let url = bench.vault.url().unwrap();
    kill(&bench.vault);
    bench.up();
    assert_eq!(bench.vault.url().unwrap(), url);
    assert_eq!(root.read("secret/data/prod/kept").unwrap()["data"]["data"]["password"], "kept");
    bench.command(&["down"]);
    assert!(!bench.vault.runs());
    assert!(!bench.sandbox.folder().exists(), "something was left behind");
}

#[test]
fn an_interrupted_setup_is_made_anew() {
    let own = Own::up("halted");
    // The file that is written last is missing, and the server runs: as if killed a moment before the end.
    fs::remove_file(own.0.sandbox.folder().join("vault/keys.json")).unwrap();
    own.0.up();
    assert!(own.0.root().read("auth/jwt/role/prod").is_ok());
}

/// Ends the server as a power failure would.
fn kill(vault: &Vault) {
    let written = fs::read_to_string(vault.log().with_file_name("process")).unwrap();
    let (id, _) = written.split_once(' ').unwrap();
    assert!(Command::new("sh").args(["-c", "kill -KILL $0", id]).status().unwrap().success());
}
