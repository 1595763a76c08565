//! The sandbox's Vault: what a job of GitLab gets from it, and what it does not.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use sandbox::cache::Cache;
use sandbox::state::Sandbox;
use sandbox::vault::client::{Client, ClientError};
use sandbox::vault::identity_token::Job;
use sandbox::vault::{Vault, programs};
use serde_json::json;
use tempfile::TempDir;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Always the same folder: what a test run that was killed left behind, the next one takes over and removes.
const FOLDER: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/sandbox-vault");

/// How many tests use the one Vault right now.
static USERS: Mutex<usize> = Mutex::new(0);

/// The Vault of this process: the first test brings it up, the last takes it down.
struct SharedVault(Vault);

impl SharedVault {
    fn up() -> Self {
        let mut users = USERS.lock().unwrap();
        let sandbox = sandbox_in(Path::new(FOLDER));
        let vault = Vault::of(&sandbox);
        up(&sandbox);
        *users += 1;
        Self(vault)
    }

    /// A client with what the token of this job gets from the role.
    fn login(&self, role: &str, job: &Job) -> Result<Client, ClientError> {
        let mut client = self.0.client().unwrap();
        let request = json!({"role": role, "jwt": self.0.job_token(job).unwrap()});
        let answer = client.write("auth/jwt/login", &request)?;
        client.set_token(answer["auth"]["client_token"].as_str().unwrap());
        Ok(client)
    }
}

impl Drop for SharedVault {
    fn drop(&mut self) {
        // A failed test must not keep the others from ending.
        let mut users = USERS.lock().unwrap_or_else(PoisonError::into_inner);
        *users -= 1;
        if *users == 0 {
            self.0.down().unwrap();
        }
    }
}

/// A Vault of a test's own, which is down when the test ends, however it ends.
struct OwnVault {
    sandbox: Sandbox,
    vault: Vault,
    _folder: TempDir,
}

impl OwnVault {
    fn up() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = sandbox_in(folder.path());
        let own = Self { vault: Vault::of(&sandbox), sandbox, _folder: folder };
        up(&own.sandbox);
        own
    }
}

impl Drop for OwnVault {
    fn drop(&mut self) {
        // The test has failed already, or has taken it down itself.
        let _ = self.vault.down();
    }
}

fn sandbox_in(folder: &Path) -> Sandbox {
    Sandbox::named(&Cache::at(folder), "vault".parse().unwrap())
}

fn up(sandbox: &Sandbox) {
    let built = programs(&Cache::of_this_user().unwrap(), || ()).unwrap();
    Vault::of(sandbox).up(&sandbox.claim(|| ()).unwrap(), &built, LOOPBACK).unwrap();
}

fn root_of(vault: &Vault) -> Client {
    let mut client = vault.client().unwrap();
    client.set_token(&vault.root_token().unwrap());
    client
}

fn deployer() -> Job {
    Job { protected: true, ..Job::default() }
}

#[test]
fn a_job_of_the_protected_branch_reads_what_it_wrote() {
    let vault = SharedVault::up();
    let client = vault.login("prod", &deployer()).unwrap();
    client.write("secret/data/prod/database", &json!({"data": {"password": "correct horse"}})).unwrap();
    let secret = client.read("secret/data/prod/database").unwrap();
    assert_eq!(secret["data"]["data"]["password"], "correct horse");
    assert_eq!(secret["data"]["metadata"]["version"], 1);
}

#[test]
fn refuses_jobs_that_are_not_of_the_environment() {
    let vault = SharedVault::up();
    let others = [
        Job { reference: "staging".to_owned(), ..deployer() },
        Job { project: "example-social/fork".to_owned(), ..deployer() },
        Job { protected: false, ..deployer() },
        Job { audience: "https://somebody-else.example".to_owned(), ..deployer() },
    ];
    for job in others {
        let refused = vault.login("prod", &job).err().unwrap_or_else(|| panic!("{job:?} was let in"));
        assert!(refused.is_refusal(400), "{job:?}: {refused}");
    }
    let staging = Job { reference: "staging".to_owned(), ..deployer() };
    assert!(vault.login("staging", &staging).is_ok(), "the same job has an environment of its own");
}

#[test]
fn refuses_a_token_of_another_signer() {
    let vault = SharedVault::up();
    let token = vault.0.job_token(&deployer()).unwrap();
    let (content, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{content}.{}", "A".repeat(342));
    let request = json!({"role": "prod", "jwt": forged});
    let refused = vault.0.client().unwrap().write("auth/jwt/login", &request).unwrap_err();
    assert!(refused.is_refusal(400), "{refused}");
}

#[test]
fn an_environment_does_not_see_another_ones_secrets() {
    let vault = SharedVault::up();
    let client = vault.login("prod", &deployer()).unwrap();
    for path in ["secret/data/staging/database", "sys/audit", "ssh/config/ca"] {
        let refused = client.read(path).unwrap_err();
        assert!(refused.is_refusal(403), "{path}: {refused}");
    }
}

#[test]
fn signs_a_key_for_ssh_for_minutes() {
    let vault = SharedVault::up();
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    assert!(keygen(&["-q", "-t", "ed25519", "-N", "", "-f"], &key).status().unwrap().success());
    let public_key = fs::read_to_string(key.with_extension("pub")).unwrap();
    let request = json!({"public_key": public_key, "valid_principals": "root"});
    let answer = vault.login("prod", &deployer()).unwrap().write("ssh/sign/prod", &request).unwrap();
    let certificate = folder.path().join("key-cert.pub");
    fs::write(&certificate, answer["data"]["signed_key"].as_str().unwrap()).unwrap();
    let shown = keygen(&["-L", "-f"], &certificate).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
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
fn encrypts_in_transit_and_lets_an_application_in() {
    let vault = SharedVault::up();
    let root = root_of(&vault.0);
    let role_id = root.read("auth/approle/role/prod/role-id").unwrap()["data"]["role_id"].clone();
    let secret = root.write("auth/approle/role/prod/secret-id", &json!({})).unwrap();
    let login = json!({"role_id": role_id, "secret_id": secret["data"]["secret_id"]});
    let mut client = vault.0.client().unwrap();
    let answer = client.write("auth/approle/login", &login).unwrap();
    client.set_token(answer["auth"]["client_token"].as_str().unwrap());
    let sealed = client.write("transit/encrypt/prod", &json!({"plaintext": "c29jbGU="})).unwrap();
    let ciphertext = sealed["data"]["ciphertext"].clone();
    let opened = client.write("transit/decrypt/prod", &json!({"ciphertext": ciphertext})).unwrap();
    assert_eq!(opened["data"]["plaintext"], "c29jbGU=");
}

#[test]
fn has_kubernetes_authentication_at_hand() {
    let vault = SharedVault::up();
    let root = root_of(&vault.0);
    root.write("sys/auth/kubernetes", &json!({"type": "kubernetes"})).unwrap();
    let config = json!({"kubernetes_host": "https://127.0.0.1:6443", "disable_local_ca_jwt": true});
    root.write("auth/kubernetes/config", &config).unwrap();
    let stored = root.read("auth/kubernetes/config").unwrap();
    assert_eq!(stored["data"]["kubernetes_host"], "https://127.0.0.1:6443");
    root.delete("sys/auth/kubernetes").unwrap();
}

#[test]
fn the_audit_file_shows_the_request_and_not_the_secret() {
    let vault = SharedVault::up();
    let client = vault.login("prod", &deployer()).unwrap();
    client.write("secret/data/prod/audited", &json!({"data": {"password": "battery staple"}})).unwrap();
    let audit = fs::read_to_string(vault.0.audit_file()).unwrap();
    let line = audit.lines().find(|line| line.contains("secret/data/prod/audited")).unwrap();
    assert!(line.contains(r#""user_login""#) || line.contains("jwt-deployer"), "{line}");
    assert!(line.contains(r#""password":"hmac-sha256:"#), "{line}");
    assert!(!audit.contains("battery staple"));
}

#[test]
fn is_the_same_one_after_it_was_killed() {
    let own = OwnVault::up();
    let root = root_of(&own.vault);
    root.write("secret/data/prod/kept", &json!({"data": {"password": "kept"}})).unwrap();
    let url = own.vault.url().unwrap();
    kill(&own.vault);
    up(&own.sandbox);
    assert_eq!(own.vault.url().unwrap(), url);
    assert_eq!(root.read("secret/data/prod/kept").unwrap()["data"]["data"]["password"], "kept");
    own.vault.down().unwrap();
    assert!(!own.vault.runs());
    assert_eq!(fs::read_dir(own.sandbox.folder()).unwrap().count(), 0, "something was left behind");
}

#[test]
fn an_interrupted_setup_is_made_anew() {
    let own = OwnVault::up();
    // The file that is written last is missing, and the server runs: as if killed a moment before the end.
    fs::remove_file(own.sandbox.folder().join("vault/keys.json")).unwrap();
    up(&own.sandbox);
    assert!(root_of(&own.vault).read("auth/jwt/role/prod").is_ok());
}

/// Ends the server as a power failure would.
fn kill(vault: &Vault) {
    let written = fs::read_to_string(vault.log().with_file_name("process")).unwrap();
    let (id, _) = written.split_once(' ').unwrap();
    assert!(Command::new("sh").args(["-c", "kill -KILL $0", id]).status().unwrap().success());
}
