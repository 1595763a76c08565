//! Terraform's side of the process boundary, as go-plugin 1.8 plays it.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, PKCS_ECDSA_P521_SHA512};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tfplugin::proto::goplugin::Empty;
use tfplugin::proto::goplugin::grpc_controller_client::GrpcControllerClient;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};

pub(crate) const COOKIE: (&str, &str) =
    ("TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2");

/// Far above what any step takes, so that only a hang meets it.
const PATIENCE: Duration = Duration::from_secs(30);

/// The certificate that one side shows, made as go-plugin makes its own: an authority on P-521.
pub(crate) struct Identity {
    pub(crate) pem: String,
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

impl Identity {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512).expect("a key");
        let mut params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate");
        Self { pem: certificate.pem(), certificate: certificate.der().clone(), key }
    }
}

/// The program of the provider without a framework, with an environment of its own and nothing else.
pub(crate) fn program(variables: &[(&str, &str)]) -> Command {
    isolated(env!("CARGO_BIN_EXE_terraform-provider-bare"), variables)
}

/// The program of the example.
pub(crate) fn notes(variables: &[(&str, &str)]) -> Command {
    isolated(env!("CARGO_BIN_EXE_terraform-provider-notes"), variables)
}

pub(crate) fn isolated(path: impl AsRef<OsStr>, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(path);
    command.env_clear().envs(variables.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Runs the program to its end.
pub(crate) async fn output(mut program: Command) -> Output {
    patiently(program.output()).await.expect("the program runs")
}

pub(crate) async fn patiently<T>(step: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, step).await.expect("the step ends in time")
}

/// A started provider.
pub(crate) struct Plugin {
    process: Child,
    stderr: BufReader<ChildStderr>,
    /// The line on standard output, split at its bars.
    pub(crate) greeting: Vec<String>,
    /// The folder for temporary files, which the provider has for itself.
    pub(crate) temporary: TempDir,
}

impl Plugin {
    /// Starts the provider as Terraform does, with `variables` besides.
    pub(crate) async fn start(client: &Identity, variables: &[(&str, &str)]) -> Self {
        let variables = [variables, &[("PLUGIN_CLIENT_CERT", &client.pem)]].concat();
        Self::start_without_tls(&variables).await
    }

    /// Starts the provider as a Terraform does that has no certificate.
    pub(crate) async fn start_without_tls(variables: &[(&str, &str)]) -> Self {
        Self::run(program(variables)).await
    }

    /// Starts the example.
    pub(crate) async fn start_notes(variables: &[(&str, &str)]) -> Self {
        Self::run(notes(variables)).await
    }

    async fn run(mut program: Command) -> Self {
        let temporary = tempfile::tempdir().expect("a folder");
        program.envs([COOKIE, ("PLUGIN_PROTOCOL_VERSIONS", "5,6")]).env("TMPDIR", temporary.path());
        let mut process = program.spawn().expect("the program starts");
        let stderr = BufReader::new(process.stderr.take().expect("piped"));
        let mut stdout = BufReader::new(process.stdout.take().expect("piped")).lines();
        let line = patiently(stdout.next_line()).await.expect("stdout is text").expect("a greeting");
        let greeting = line.split('|').map(str::to_owned).collect();
        Self { process, stderr, greeting, temporary }
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.process.id().expect("the process runs")
    }

    pub(crate) fn socket(&self) -> &Path {
        Path::new(&self.greeting[3])
    }

    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        STANDARD_NO_PAD.decode(&self.greeting[5]).expect("base64 without padding").into()
    }

    /// Connects with mutual TLS.
    pub(crate) async fn connect(&self, client: &Identity) -> Result<Channel, tonic::transport::Error> {
        self.connect_by(tls(self.certificate(), Some(client))).await
    }

    /// Connects with TLS, and shows no certificate.
    pub(crate) async fn connect_unnamed(&self) -> Result<Channel, tonic::transport::Error> {
        self.connect_by(tls(self.certificate(), None)).await
    }

    async fn connect_by(&self, config: ClientConfig) -> Result<Channel, tonic::transport::Error> {
        let connector = TlsConnector::from(Arc::new(config));
        let socket = self.socket().to_owned();
        let dial = tower::service_fn(move |_| {
            let (connector, socket) = (connector.clone(), socket.clone());
            async move {
                let stream = UnixStream::connect(socket).await?;
                let name = ServerName::try_from("localhost").expect("a name");
                Ok::<_, io::Error>(TokioIo::new(connector.connect(name, stream).await?))
            }
        });
        Endpoint::from_static("http://localhost").connect_with_connector(dial).await
    }

    /// Waits for a line on stderr that holds `text`.
    pub(crate) async fn until_logged(&mut self, text: &str) {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            let length = patiently(self.stderr.read_line(&mut line)).await.expect("stderr is text");
            assert_ne!(length, 0, "the process ended before it wrote `{text}`");
        }
    }

    /// Asks for the end, as go-plugin does.
    pub(crate) async fn shut_down(&self, channel: Channel) {
        let answer = GrpcControllerClient::new(channel).shutdown(Empty {}).await;
        answer.expect("the controller answers");
    }

    /// Waits for the end; returns how the process ended, what else it wrote to stderr, and what it left
    /// in its temporary folder.
    pub(crate) async fn end(mut self) -> (ExitStatus, String, Vec<PathBuf>) {
        let mut stderr = String::new();
        patiently(self.stderr.read_to_string(&mut stderr)).await.expect("stderr is text");
        let status = patiently(self.process.wait()).await.expect("the process ends");
        let left = fs::read_dir(self.temporary.path()).expect("the folder is there");
        (status, stderr, left.map(|entry| entry.expect("an entry").path()).collect())
    }
}

/// A provider that waits for a Terraform to attach.
pub(crate) struct Debugged {
    pub(crate) process: Child,
    /// The value of the variable that it asked for.
    pub(crate) reattach: String,
    /// Kept open, for it may still be writing.
    _stdout: Lines<BufReader<ChildStdout>>,
}

impl Debugged {
    /// Starts `program` as a person does who looks for a mistake in it.
    pub(crate) async fn start(mut program: Command, temporary: &Path) -> Self {
        program.arg("--debug").env("TMPDIR", temporary);
        let mut process = program.spawn().expect("the program starts");
        let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        loop {
            let line = patiently(lines.next_line()).await.expect("text").expect("the variable is printed");
            if let Some(value) = line.trim().strip_prefix("TF_REATTACH_PROVIDERS=") {
                let reattach = value.trim_matches('\'').to_owned();
                return Self { process, reattach, _stdout: lines };
            }
        }
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.process.id().expect("the process runs")
    }

    /// What Ctrl-C does.
    pub(crate) async fn interrupt(&mut self) -> ExitStatus {
        send_signal("-INT", self.process_id()).await;
        patiently(self.process.wait()).await.expect("the process ends")
    }
}

pub(crate) async fn send_signal(signal: &str, process: u32) {
    let mut kill = Command::new("kill");
    kill.args([signal, &process.to_string()]);
    assert!(output(kill).await.status.success(), "kill {signal} {process}");
}

/// Connects in plaintext.
pub(crate) async fn connect_plainly(socket: &Path) -> Result<Channel, tonic::transport::Error> {
    let socket = socket.to_owned();
    let dial = tower::service_fn(move |_| {
        let socket = socket.clone();
        async move { UnixStream::connect(socket).await.map(TokioIo::new) }
    });
    Endpoint::from_static("http://localhost").connect_with_connector(dial).await
}

fn tls(server: CertificateDer<'static>, client: Option<&Identity>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(server).expect("the greeting holds a certificate");
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots);
    let mut config = match client {
        None => config.with_no_client_auth(),
        Some(client) => {
            let key = PrivateKeyDer::try_from(client.key.serialize_der()).expect("a key");
            config.with_client_auth_cert(vec![client.certificate.clone()], key).expect("a certificate")
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}
