//! A Vault of one's own: a real server with TLS, storage and audit file, ready for the jobs of a GitLab project.
//!
//! It has KV version 2 (`secret`), an SSH authority (`ssh`) and `transit`; JWT and AppRole authentication, with that of
//! Kubernetes at hand; and for each of the [`environments`] a policy and roles. What is ready is told by one file, the keys, which is
//! written last: without it everything else is made anew.
//!
//! Vault is source-available, not open source. It is built on the machine for tests, and no part of what is released.

pub mod authority;
pub mod client;
pub mod environments;
mod files;
pub mod identity_token;
mod listen;
mod setup;

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rcgen::KeyPair;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::cache::Cache;
use crate::detached::{Detached, DetachedError};
use crate::go_module::{GoError, GoModule};
use crate::state::{Claim, Sandbox, StateError, read_json, write, write_json};
use client::{Client, ClientError};
use files::Files;
use identity_token::Job;
use listen::Listen;

const MODULE: GoModule = GoModule {
    name: "vault",
    module: include_str!("../../vault/go.mod"),
    checksums: include_str!("../../vault/go.sum"),
    main: None,
    packages: &[
        "github.com/hashicorp/vault",
        "github.com/hashicorp/vault-plugin-auth-kubernetes/cmd/vault-plugin-auth-kubernetes",
    ],
    // Leaves out the engines and storages of clouds and databases, which halves the build.
    tags: "minimal",
    link_flags: "",
};

/// How long Vault may take to start, or to be of use once it is unsealed. Both take a second on an idle machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// How long the ports may be those of a server that was killed a moment ago.
const PATIENCE_FOR_PORTS: Duration = Duration::from_secs(2);

/// How often Vault is asked whether it is of use by now.
const GLANCE: Duration = Duration::from_millis(50);

/// The line after which Vault answers.
const STARTED: &str = "==> Vault server started!";

/// The name of the server, and of its folder in the sandbox's.
const NAME: &str = "vault";

/// The Vault of a sandbox, whether it runs or not.
#[derive(Debug, Clone)]
pub struct Vault {
    server: Detached,
    files: Files,
}

/// What opens a Vault.
#[derive(Debug, Serialize, Deserialize)]
struct Keys {
    unseal_key: String,
    root_token: String,
}

/// Why there is no Vault.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// Vault could not be built.
    #[error(transparent)]
    Build(#[from] GoError),
    /// The server did not start, or did not end.
    #[error(transparent)]
    Server(#[from] DetachedError),
    /// The server does not answer as it should.
    #[error(transparent)]
    Api(#[from] ClientError),
    /// A key or a certificate could not be made.
    #[error("cannot make a key or a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// There is no port to listen at.
    #[error("cannot listen at {address}: {source}")]
    Port {
        /// The address.
        address: IpAddr,
        /// The system's answer.
        source: io::Error,
    },
    /// Its files could not be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// Vault was asked for before it was brought up.
    #[error("there is no Vault in this sandbox: run `sandbox up --vault`")]
    NotUp,
    /// Vault does not get to work.
    #[error("Vault is not of use after {} s: {reason}", PATIENCE.as_secs())]
    NotActive {
        /// Its last answer.
        reason: ClientError,
    },
}

/// The folder of the programs: built the first time, which takes minutes and some 4 GB of memory, from the cache from then
/// on. `building` is called before they are built.
pub fn programs(cache: &Cache, building: impl FnOnce()) -> Result<PathBuf, VaultError> {
    Ok(MODULE.ensured(cache, building)?)
}

impl Vault {
    /// The Vault of `sandbox`.
    pub fn of(sandbox: &Sandbox) -> Self {
        let folder = sandbox.folder();
        Self { server: Detached::new(&folder, NAME), files: Files(folder.join(NAME)) }
    }

    /// Sees to it that the Vault of `programs` runs, listens at `address`, is unsealed and set up. What it stores is
    /// kept, unless an earlier attempt to set it up was interrupted.
    pub fn up(&self, claim: &Claim, programs: &Path, address: IpAddr) -> Result<(), VaultError> {
        let keys = self.stored_keys()?;
        if keys.is_none() {
            self.down()?;
            self.files.make()?;
        }
        // Vault does not follow links to plugins.
        let programs = fs::canonicalize(programs).map_err(StateError::at("find", programs))?;
        let listen = self.listen_at(address, &programs)?;
        let client = Client::new(&listen.url(), &self.files.read(files::AUTHORITY)?)?;
        if self.runs() && client.read("sys/seal-status").is_err() {
            self.server.end()?;
        }
        self.start(claim, &programs)?;
        match keys {
            Some(keys) => unseal(&client, &keys),
            None => self.set_up(client, &programs),
        }
    }

    /// Ends the server and removes all it stored.
    pub fn down(&self) -> Result<(), VaultError> {
        self.server.end()?;
        Ok(self.files.remove()?)
    }

    /// Whether the server runs.
    pub fn runs(&self) -> bool {
        self.server.is_running()
    }

    /// Its address: what `VAULT_ADDR` is set to.
    pub fn url(&self) -> Result<String, VaultError> {
        Ok(self.listen()?.ok_or(VaultError::NotUp)?.url())
    }

    /// The file of the certificate that clients trust: what `VAULT_CACERT` is set to.
    pub fn authority_file(&self) -> PathBuf {
        self.files.path(files::AUTHORITY)
    }

    /// The file that gets a line of JSON for every request and every answer, with secrets as salted hashes.
    pub fn audit_file(&self) -> PathBuf {
        self.files.path(files::AUDIT)
    }

    /// What the server says about itself.
    pub fn log(&self) -> PathBuf {
        self.server.log()
    }

    /// The token that may do everything.
    pub fn root_token(&self) -> Result<String, VaultError> {
        Ok(self.keys()?.root_token)
    }

    /// A client without a token.
    pub fn client(&self) -> Result<Client, VaultError> {
        Ok(Client::new(&self.url()?, &self.files.read(files::AUTHORITY)?)?)
    }

    /// A token for `job`, as GitLab would give it one now.
    pub fn job_token(&self, job: &Job) -> Result<String, VaultError> {
        self.keys()?;
        let key = KeyPair::from_pem(&self.files.read(files::TOKEN_KEY)?)?;
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs();
        let id = format!("{:032x}", fastrand::u128(..));
        Ok(identity_token::signed(&job.claims(now, &id), &key)?)
    }

    /// The variables of the environment that lead Vault's clients to it. A token is not among them: which one is used is
    /// what tests are about.
    pub fn environment(&self) -> Result<[(&'static str, String); 3], VaultError> {
        Ok([
            ("VAULT_ADDR", self.url()?),
            ("VAULT_CACERT", self.authority_file().display().to_string()),
            ("SOCLE_SANDBOX_VAULT_AUDIT", self.audit_file().display().to_string()),
        ])
    }

    fn keys(&self) -> Result<Keys, VaultError> {
        self.stored_keys()?.ok_or(VaultError::NotUp)
    }

    fn stored_keys(&self) -> Result<Option<Keys>, StateError> {
        read_json(&self.files.path(files::KEYS))
    }

    fn listen(&self) -> Result<Option<Listen>, StateError> {
        read_json(&self.files.path(files::LISTEN))
    }

    /// The addresses, with a configuration and a certificate for them: those it has, if they will do.
    fn listen_at(&self, address: IpAddr, programs: &Path) -> Result<Listen, VaultError> {
        if let Some(listen) = self.listen()?
            && listen.api.ip() == address
            && (self.runs() || listen.is_free(PATIENCE_FOR_PORTS))
        {
            return Ok(listen);
        }
        self.server.end()?;
        let listen = Listen::choose(address).map_err(|source| VaultError::Port { address, source })?;
        let made = authority::certify(address)?;
        write(&self.files.path(files::AUTHORITY), &made.authority)?;
        write(&self.files.path(files::CERTIFICATE), &made.certificate)?;
        write(&self.files.path(files::PRIVATE_KEY), &made.private_key)?;
        write_json(&self.files.path(files::CONFIGURATION), &self.configuration(listen, programs))?;
        write_json(&self.files.path(files::LISTEN), &listen)?;
        Ok(listen)
    }

    fn configuration(&self, listen: Listen, programs: &Path) -> Value {
        json!({
            "storage": {"raft": {
                "path": self.files.path(files::STORAGE),
                "node_id": "sandbox",
                // It elects itself in one second instead of five.
                "performance_multiplier": "1",
            }},
            "listener": {"tcp": {
                "address": listen.api.to_string(),
                "cluster_address": listen.cluster.to_string(),
                "tls_cert_file": self.files.path(files::CERTIFICATE),
                "tls_key_file": self.files.path(files::PRIVATE_KEY),
            }},
            "api_addr": listen.url(),
            "cluster_addr": format!("https://{}", listen.cluster),
            "plugin_directory": programs,
            // A container may not lock memory; what is in it here are secrets of tests.
            "disable_mlock": true,
        })
    }

    fn start(&self, claim: &Claim, programs: &Path) -> Result<(), VaultError> {
        // Nothing of the caller's environment: variables like VAULT_API_ADDR would win over the configuration.
        let mut server = Command::new("env");
        server.args(["-i".into(), programs.join("vault")]).args([
            "server".into(),
            "-config".into(),
            self.files.path(files::CONFIGURATION),
        ]);
        let started = |line: &str| line.starts_with(STARTED).then_some(());
        Ok(self.server.start(claim, &server, PATIENCE, started)?)
    }

    fn set_up(&self, mut client: Client, programs: &Path) -> Result<(), VaultError> {
        let keys = initialise(&client)?;
        unseal(&client, &keys)?;
        client.set_token(&keys.root_token);
        let token_key = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256)?;
        write(&self.files.path(files::TOKEN_KEY), &token_key.serialize_pem())?;
        let facts = setup::Facts {
            audit_file: &self.audit_file().display().to_string(),
            token_key: &token_key.public_key_pem(),
            plugin_hash: &hash_of(&programs.join(setup::KUBERNETES_PLUGIN))?,
        };
        for wanted in setup::writes(facts) {
            client.write(&wanted.path, &wanted.body)?;
        }
        Ok(write_json(&self.files.path(files::KEYS), &keys)?)
    }
}

/// One key opens it: nobody guards the secrets of a sandbox from its owner.
fn initialise(client: &Client) -> Result<Keys, ClientError> {
    #[derive(Deserialize)]
    struct Initialised {
        keys_base64: [String; 1],
        root_token: String,
    }
    let answer = client.write("sys/init", &json!({"secret_shares": 1, "secret_threshold": 1}))?;
    let Initialised { keys_base64: [unseal_key], root_token } = serde_json::from_value(answer)?;
    Ok(Keys { unseal_key, root_token })
}

/// Unseals it, if it is sealed, and waits until it works.
fn unseal(client: &Client, keys: &Keys) -> Result<(), VaultError> {
    client.write("sys/unseal", &json!({"key": keys.unseal_key}))?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        match client.read("sys/health") {
            Ok(_) => return Ok(()),
            // Standby, not yet unsealed, or in the middle of it.
            Err(reason @ ClientError::Refused { .. }) if Instant::now() > deadline => {
                return Err(VaultError::NotActive { reason });
            }
            Err(ClientError::Refused { .. }) => thread::sleep(GLANCE),
            Err(error) => return Err(error.into()),
        }
    }
}

/// The SHA-256 of a file in hexadecimal digits.
fn hash_of(path: &Path) -> Result<String, StateError> {
    let content = fs::read(path).map_err(StateError::at("read", path))?;
    let digits = Sha256::digest(content).into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    Ok(digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect())
}
