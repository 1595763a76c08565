//! Where a test of the agent plays: a bucket of a simulated S3 that is its own, the agent's program, and restic.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::cell::RefCell;
use std::fs;
use std::io::{Read, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use acceptance::fault_proxy::FaultProxy;
use acceptance::moto::Moto;
use serde_json::{Value, json};

pub(crate) mod postgresql;

/// The agent's program: `SOCLE_BACKUP_AGENT`, else the one that was built with the tests.
fn agent() -> std::ffi::OsString {
    std::env::var_os("SOCLE_BACKUP_AGENT").unwrap_or_else(|| env!("CARGO_BIN_EXE_socle-backup").into())
}

/// moto asks for a signature on objects, and does not look at it.
const ANYBODY: &str = "Authorization: AWS4-HMAC-SHA256 Credential=anybody/20260101/us-east-1/s3/aws4_request, \
                       SignedHeaders=host, Signature=none";

/// A policy, its bucket, and its host.
pub(crate) struct Stage {
    pub(crate) s3: FaultProxy,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) configuration: RefCell<Value>,
}

impl Stage {
    /// A policy of the files in `data`, which are made.
    pub(crate) fn of_files() -> Self {
        let stage = Self::new();
        let data = stage.path("data");
        fs::create_dir_all(data.join("folder")).unwrap();
        fs::write(data.join("folder/small.txt"), "some text\n").unwrap();
        fs::write(data.join("large.bin"), noise(3_000_000, 1)).unwrap();
        stage.configure("/source", json!({ "files": { "paths": [data] } }));
        stage
    }

    /// A policy without a source.
    pub(crate) fn new() -> Self {
        let s3 = FaultProxy::in_front_of(Moto::shared().unwrap().url()).start().unwrap();
        let folder = tempfile::tempdir().unwrap();
        // Other users work below it.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["password", "access-key", "secret-key"] {
            write_secret(&at(name), &random_name());
        }
        let configuration = json!({
            "version": 1,
            "name": "test",
            "time_zone": "Europe/Paris",
            "repository": {
                "bucket": format!("backups-{}", random_name()), "prefix": "some/where", "region": "us-east-1", "endpoint": s3.url(),
                "credentials": { "keys": {
                    "access_key": { "file": at("access-key") }, "secret_key": { "file": at("secret-key") } } },
                "password": { "file": at("password") },
            },
            "source": {},
            "retention": { "last": 2 },
            "limits": { "retries": "5s", "lock_wait": "5s", "nice": 0 },
            "check": { "read_data_percent": 100 },
            "records": at("records"),
            "metrics_file": at("metrics.prom"),
        });
        let stage = Self { s3, folder, configuration: RefCell::new(configuration) };
        stage.request("PUT", "", "");
        let versioned = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        stage.request("PUT", "?versioning", versioned);
        stage.s3.take_calls();
        stage
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Sets a value of the configuration; its parent is made.
    pub(crate) fn configure(&self, pointer: &str, value: Value) {
        let mut configuration = self.configuration.borrow_mut();
        let mut place = &mut *configuration;
        for key in pointer.split('/').skip(1) {
            place = place.as_object_mut().unwrap().entry(key).or_insert_with(|| json!({}));
        }
        *place = value;
    }

    /// The agent, about to be started.
    pub(crate) fn agent(&self, arguments: &[&str]) -> Command {
        // An agent that runs may not have read its own yet.
        let file = self.path(&format!("configuration-{}.json", random_name()));
        write_secret(&file, &self.configuration.borrow().to_string());
        let mut command = Command::new(agent());
        command
            .arg("--config")
            .arg(file)
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap());
        command
    }

    pub(crate) fn try_run(&self, arguments: &[&str]) -> Output {
        self.agent(arguments).output().unwrap()
    }

    /// The agent, which is to succeed.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let output = self.try_run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", told(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The agent, which is to fail; what it says.
    pub(crate) fn fail(&self, arguments: &[&str]) -> String {
        let output = self.try_run(arguments);
        assert!(!output.status.success(), "{arguments:?} succeeded: {}", told(&output));
        told(&output)
    }

    /// The agent, left to itself.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.agent(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    pub(crate) fn status(&self) -> Value {
        serde_json::from_str(&self.run(&["status"])).unwrap()
    }

    pub(crate) fn restic(&self, arguments: &[&str]) -> Command {
        let secret = |name| fs::read_to_string(self.path(name)).unwrap();
        let mut command = Command::new("restic");
        command
            .arg("--repo")
            .arg(format!("s3:{}/some/where", self.bucket_url()))
            .arg("--password-file")
            .arg(self.path("password"))
            .args(["--no-cache"])
            .args(arguments)
            .env("AWS_ACCESS_KEY_ID", secret("access-key"))
            .env("AWS_SECRET_ACCESS_KEY", secret("secret-key"));
        command
    }

    /// restic, which is to succeed.
    pub(crate) fn run_restic(&self, arguments: &[&str]) -> String {
        let output = self.restic(arguments).output().unwrap();
        assert!(output.status.success(), "restic {arguments:?}: {}", told(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn snapshots_of_restic(&self) -> Vec<Value> {
        serde_json::from_str(&self.run_restic(&["snapshots", "--json"])).unwrap()
    }

    /// The keys of all objects below a folder of the repository.
    pub(crate) fn objects(&self, folder: &str) -> Vec<String> {
        let listed = self.request("GET", &format!("?list-type=2&prefix=some/where/{folder}"), "");
        let keys = listed.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next());
        keys.map(str::to_owned).collect()
    }

    pub(crate) fn bucket_url(&self) -> String {
        let configuration = self.configuration.borrow();
        format!("{}/{}", self.s3.url(), configuration["repository"]["bucket"].as_str().unwrap())
    }

    /// A call of S3 on the bucket or on an object of it, as somebody else.
    pub(crate) fn request(&self, method: &str, target: &str, body: &str) -> String {
        String::from_utf8_lossy(&self.request_bytes(method, target, body.as_bytes())).into_owned()
    }

    pub(crate) fn request_bytes(&self, method: &str, target: &str, body: &[u8]) -> Vec<u8> {
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--fail-with-body", "-X", method, "--data-binary", "@-"])
            .args(["-H", "Content-Type: application/octet-stream", "-H", ANYBODY])
            .arg(format!("{}/{target}", self.bucket_url()).replace("/?", "?"))
            .stdin(file_with(body))
            .output()
            .unwrap();
        assert!(output.status.success(), "{method} {target}: {}", told(&output));
        output.stdout
    }
}

fn file_with(content: &[u8]) -> fs::File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content).unwrap();
    file.rewind().unwrap();
    file
}

pub(crate) fn told(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

pub(crate) fn write_secret(path: &Path, value: &str) {
    fs::write(path, value).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A name that nobody else has.
pub(crate) fn random_name() -> String {
    let mut bytes = [0_u8; 20];
    fs::File::open("/dev/urandom").unwrap().read_exact(&mut bytes).unwrap();
    bytes.iter().map(|byte| char::from(b'a' + byte % 26)).collect()
}

/// Bytes that do not compress, the same for the same seed.
pub(crate) fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        u8::try_from(state & 0xff).unwrap()
    };
    (0..length).map(|_| next()).collect()
}

/// Versions of S3 have times of whole seconds.
pub(crate) fn now_in_whole_seconds() -> String {
    jiff::Timestamp::from_second(jiff::Timestamp::now().as_second()).unwrap().to_string()
}

pub(crate) fn await_next_second() {
    let now = jiff::Timestamp::now().as_second();
    while jiff::Timestamp::now().as_second() == now {
        std::thread::yield_now();
    }
}
