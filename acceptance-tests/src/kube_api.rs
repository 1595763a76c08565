//! A real Kubernetes API on loopback: etcd, kube-apiserver and kube-controller-manager as plain processes.
//!
//! There is no kubelet: objects are kept, defaulted, converted, owned and deleted as in any cluster, and workloads of no
//! replicas become ready; a pod never runs. Tests share one API and keep apart by names and namespaces.

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{fs, io};

use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use sandbox::cache::{Cache, CacheError};
use sandbox::go_module::GoError;
use sandbox::kubernetes::RELEASES;
use serde_json::Value;

use crate::tether::{TetherError, Tethered};

/// How long a server may take to come up on a machine that compiles meanwhile.
const PATIENCE: Duration = Duration::from_mins(3);

/// A running API, ended when this is dropped or when the process ends.
#[derive(Debug)]
pub struct KubeApi {
    // In the order in which they have to end.
    _controllers: Tethered,
    _server: Tethered,
    _store: Tethered,
    folder: Folder,
    url: String,
    token: String,
    kubectl: PathBuf,
}

/// What the servers keep. The one API of a process is never dropped, so the next process clears it away.
#[derive(Debug)]
struct Folder(PathBuf);

/// Why there is no API.
#[derive(Debug, thiserror::Error)]
pub enum KubeApiError {
    /// The sandbox knows no release of Kubernetes.
    #[error("there is no release of Kubernetes")]
    NoRelease,
    /// The cache folder could not be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The programs of Kubernetes could not be built.
    #[error(transparent)]
    Build(#[from] GoError),
    /// A file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// A server did not come up.
    #[error(transparent)]
    Server(#[from] TetherError),
    /// A command of kubectl failed.
    #[error("kubectl {arguments}: {message}")]
    Kubectl {
        /// Its arguments.
        arguments: String,
        /// What it said.
        message: String,
    },
}

impl KubeApi {
    /// The one API of this process, started on first use.
    pub fn shared() -> Result<&'static Self, &'static KubeApiError> {
        static SHARED: OnceLock<Result<KubeApi, KubeApiError>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// An API of one's own.
    pub fn start() -> Result<Self, KubeApiError> {
        let programs = Programs::built()?;
        let kubectl = programs.kubernetes.join("kubectl");
        let folder = Folder::make()?;
        let at = folder.0.as_path();
        let token = KeyPair::generate()?.serialize_pem();
        let token: String = token.chars().filter(char::is_ascii_alphanumeric).skip(60).take(32).collect();
        write(&at.join("tokens.csv"), &format!("{token},admin,admin,\"system:masters\"\n"))?;
        write_certificates(at)?;
        let (store, peer, port) = (free_port(), free_port(), free_port());
        let url = format!("https://127.0.0.1:{port}");
        let of_store = etcd(&programs, at, store, peer);
        let (store_process, ()) =
            Tethered::start(&of_store, PATIENCE, |line| says(line, "ready to serve client"))?;
        let of_server = api_server(&programs, at, store, port);
        let (server, ()) = Tethered::start(&of_server, PATIENCE, |line| says(line, "Serving securely on"))?;
        let authority = at.join("ca.crt");
        let by_token = format!("token: '{token}'");
        write(&at.join("kubeconfig"), &kubeconfig(&url, Some(&authority), &by_token))?;
        // Relative, as kubectl allows: they are beside the file.
        let by_certificate = "client-certificate: client.crt, client-key: client.key";
        write(&at.join("certificate.kubeconfig"), &kubeconfig(&url, Some(&authority), by_certificate))?;
        let of_controllers = controllers(&programs, at);
        let (controllers, ()) =
            Tethered::start(&of_controllers, PATIENCE, |line| says(line, "Serving securely on"))?;
        let api = Self {
            _controllers: controllers,
            _server: server,
            _store: store_process,
            folder,
            url,
            token,
            kubectl,
        };
        api.await_ready()?;
        Ok(api)
    }

    /// Where it answers, as `https://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The certificate that signs its own, in PEM form.
    pub fn authority(&self) -> PathBuf {
        self.folder.0.join("ca.crt")
    }

    /// A kubeconfig of its administrator: with a token.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.0.join("kubeconfig")
    }

    /// A kubeconfig of its administrator: with a client certificate.
    pub fn kubeconfig_with_certificate(&self) -> PathBuf {
        self.folder.0.join("certificate.kubeconfig")
    }

    /// The text of a kubeconfig that leads to `url`, which speaks plain HTTP.
    pub fn kubeconfig_through(&self, url: &str) -> String {
        kubeconfig(url, None, &format!("token: '{}'", self.token))
    }

    /// Runs kubectl as the administrator, and answers what it prints.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String, KubeApiError> {
        self.kubectl_with(arguments, "")
    }

    /// Runs kubectl with that text on its standard input (`-f -`).
    pub fn kubectl_with(&self, arguments: &[&str], input: &str) -> Result<String, KubeApiError> {
        let failed = |message: String| KubeApiError::Kubectl { arguments: arguments.join(" "), message };
        let mut run = Command::new(&self.kubectl)
            .arg("--kubeconfig")
            .arg(self.kubeconfig())
            .arg(format!("--cache-dir={}", self.folder.0.join("kubectl-cache").display()))
            .args(arguments)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        if let Some(mut stdin) = run.stdin.take() {
            stdin.write_all(input.as_bytes()).map_err(|error| failed(error.to_string()))?;
        }
        let output = run.wait_with_output().map_err(|error| failed(error.to_string()))?;
        if !output.status.success() {
            return Err(failed(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// An object, as `kubectl get` finds it; null when there is none.
    pub fn get(&self, namespace: &str, object: &str) -> Result<Value, KubeApiError> {
        let arguments = [
            "get",
            "--namespace",
            namespace,
            object,
            "--ignore-not-found",
            "--show-managed-fields",
            "-o",
            "json",
        ];
        let text = self.kubectl(&arguments)?;
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    /// The names `KIND/NAME` of all objects that carry the mark of that owner, in any namespace, sorted.
    pub fn owned_by(&self, owner: &str, kinds: &str) -> Result<Vec<String>, KubeApiError> {
        let selector = format!("--selector=socle.platform/owner={owner}");
        let text = self.kubectl(&["get", kinds, "--all-namespaces", &selector, "-o", "name"])?;
        let mut names: Vec<_> = text.lines().map(str::to_owned).collect();
        names.sort();
        Ok(names)
    }

    /// A name that no other test of this process has.
    pub fn fresh_name(prefix: &str) -> String {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        format!("{prefix}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// The server says that it serves before it has made what every cluster has.
    fn await_ready(&self) -> Result<(), KubeApiError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let ready =
                self.kubectl(&["get", "serviceaccount", "default", "--namespace", "default", "-o", "name"]);
            match ready {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > deadline => return Err(error),
                // kubectl itself takes a while: this is no busy loop.
                Err(_) => {}
            }
        }
    }
}

impl Folder {
    const PREFIX: &str = "socle-kube-api-";

    fn make() -> Result<Self, KubeApiError> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        Self::clear_away();
        let name = format!("{}{}-{}", Self::PREFIX, std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).map_err(|source| KubeApiError::File { path: path.clone(), source })?;
        Ok(Self(path))
    }

    /// Removes what processes left that are no more.
    fn clear_away() {
        for entry in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let rest = name.to_str().and_then(|name| name.strip_prefix(Self::PREFIX));
            let process = rest.and_then(|rest| rest.split('-').next());
            if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
                // Another process may be clearing the same folder away.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The programs of the newest release that the sandbox builds.
struct Programs {
    kubernetes: PathBuf,
    etcd: PathBuf,
}

impl Programs {
    fn built() -> Result<Self, KubeApiError> {
        let cache = Cache::of_this_user()?;
        let release = RELEASES.last().ok_or(KubeApiError::NoRelease)?;
        Ok(Self {
            kubernetes: release.programs(&cache, || ())?,
            etcd: release.etcd(&cache, || ())?.join("server"),
        })
    }
}

fn says(line: &str, words: &str) -> Option<()> {
    line.contains(words).then_some(())
}

/// A port that was free a moment ago: these programs cannot be given port 0 and say which one they got.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    listener.map_or(0, |address| address.port())
}

fn etcd(programs: &Programs, folder: &Path, port: u16, peer: u16) -> Command {
    let mut command = Command::new(&programs.etcd);
    let (client, peer) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{peer}"));
    command
        .arg(format!("--data-dir={}", folder.join("etcd").display()))
        .args([format!("--listen-client-urls={client}"), format!("--advertise-client-urls={client}")])
        .args([format!("--listen-peer-urls={peer}"), format!("--initial-advertise-peer-urls={peer}")])
        .arg(format!("--initial-cluster=default={peer}"))
        .arg("--unsafe-no-fsync");
    command
}

fn api_server(programs: &Programs, folder: &Path, store: u16, port: u16) -> Command {
    let file = |name: &str| folder.join(name).display().to_string();
    let mut command = Command::new(programs.kubernetes.join("kube-apiserver"));
    command.args([
        format!("--etcd-servers=http://127.0.0.1:{store}"),
        "--bind-address=127.0.0.1".to_owned(),
        "--external-hostname=localhost".to_owned(),
        "--advertise-address=127.0.0.1".to_owned(),
        "--endpoint-reconciler-type=none".to_owned(),
        format!("--secure-port={port}"),
        format!("--cert-dir={}", file("certificates")),
        format!("--tls-cert-file={}", file("server.crt")),
        format!("--tls-private-key-file={}", file("server.key")),
        format!("--client-ca-file={}", file("ca.crt")),
        format!("--token-auth-file={}", file("tokens.csv")),
        format!("--service-account-key-file={}", file("accounts.pub")),
        format!("--service-account-signing-key-file={}", file("accounts.key")),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
        "--authorization-mode=RBAC".to_owned(),
        "--allow-privileged=true".to_owned(),
        "--enable-priority-and-fairness=false".to_owned(),
        // Nobody is asked whether a service account exists before its token is issued.
        "--disable-admission-plugins=ServiceAccount".to_owned(),
    ]);
    command
}

fn controllers(programs: &Programs, folder: &Path) -> Command {
    let file = |name: &str| folder.join(name).display().to_string();
    let mut command = Command::new(programs.kubernetes.join("kube-controller-manager"));
    command.args([
        format!("--kubeconfig={}", file("kubeconfig")),
        "--leader-elect=false".to_owned(),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--secure-port={}", free_port()),
        format!("--cert-dir={}", file("certificates")),
        format!("--service-account-private-key-file={}", file("accounts.key")),
        // Its usual 20 calls a second are too few for tests side by side.
        "--kube-api-qps=500".to_owned(),
        "--kube-api-burst=1000".to_owned(),
    ]);
    command
}

fn kubeconfig(url: &str, authority: Option<&Path>, user: &str) -> String {
    let authority =
        authority.map(|path| format!(", certificate-authority: {}", path.display())).unwrap_or_default();
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
         clusters: [{{name: test, cluster: {{server: '{url}'{authority}}}}}]\n\
         users: [{{name: test, user: {{{user}}}}}]\n\
         contexts: [{{name: test, context: {{cluster: test, user: test}}}}]\n"
    )
}

fn write_certificates(folder: &Path) -> Result<(), KubeApiError> {
    let authority_key = KeyPair::generate()?;
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    authority.distinguished_name = named("test authority", None);
    write(&folder.join("ca.crt"), &authority.self_signed(&authority_key)?.pem())?;
    let issuer = Issuer::new(authority, authority_key);

    let key = KeyPair::generate()?;
    let mut server = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()])?;
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    write(&folder.join("server.crt"), &server.signed_by(&key, &issuer)?.pem())?;
    write(&folder.join("server.key"), &key.serialize_pem())?;

    let key = KeyPair::generate()?;
    let mut client = CertificateParams::new(Vec::new())?;
    client.distinguished_name = named("certified", Some("system:masters"));
    client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    write(&folder.join("client.crt"), &client.signed_by(&key, &issuer)?.pem())?;
    write(&folder.join("client.key"), &key.serialize_pem())?;
    let key = KeyPair::generate()?;
    write(&folder.join("accounts.pub"), &key.public_key_pem())?;
    write(&folder.join("accounts.key"), &key.serialize_pem())
}

fn named(name: &str, organization: Option<&str>) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    if let Some(organization) = organization {
        names.push(DnType::OrganizationName, organization);
    }
    names
}

fn write(path: &Path, text: &str) -> Result<(), KubeApiError> {
    let failed = |source| KubeApiError::File { path: path.to_owned(), source };
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}
