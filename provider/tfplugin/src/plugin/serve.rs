//! The server: the provider and its companions on a unix socket, until Terraform is done.

use std::fs::Permissions;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{env, fmt, process};

use rustls::ServerConfig;
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::transport::server::Router;

use super::companions::{Broker, Controller, Stdio};
use super::handshake::{Greeting, HandshakeError, Invitation};
use super::tls::{ServerTls, TlsError};
use super::{Program, connection, reattach};
use crate::proto::DESCRIPTORS;
use crate::proto::goplugin::grpc_broker_server::GrpcBrokerServer;
use crate::proto::goplugin::grpc_controller_server::GrpcControllerServer;
use crate::proto::goplugin::grpc_stdio_server::GrpcStdioServer;
use crate::proto::tfplugin6::provider_server::{Provider, ProviderServer};

/// The greatest message that is sent or received, in bytes: that of providers written in Go.
const MESSAGE_LIMIT: usize = 256 << 20;

/// How long calls may go on after the shutdown: go-plugin kills the process after two seconds, and
/// the socket must be gone by then.
const GRACE: Duration = Duration::from_millis(1500);

/// The name under which go-plugin asks for the provider's health.
const HEALTH_SERVICE: &str = "plugin";

/// Why the provider cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// There is nobody to serve.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// The connection cannot be secured.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The folder for the socket cannot be made.
    #[error("cannot make a folder for the socket in {}: {source}; set TMPDIR to a writable folder", .parent.display())]
    Folder {
        /// Where the folder should be.
        parent: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The socket cannot be opened.
    #[error("cannot listen on {}: {source}; a path above 107 bytes needs a shorter TMPDIR", .socket.display())]
    Socket {
        /// Where the socket should be.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Signals cannot be handled.
    #[error("cannot handle signals: {0}")]
    Signals(#[source] io::Error),
    /// Nobody reads our standard output.
    #[error("cannot tell the address on standard output: {0}")]
    Announce(#[source] io::Error),
    /// The server failed.
    #[error("cannot serve: {0}")]
    Transport(#[from] tonic::transport::Error),
}

/// Serves `provider` to the Terraform that started this process, until it asks for the end.
///
/// Reads the handshake from the environment and answers on standard output; ignores SIGINT, which a
/// terminal sends to Terraform too, for Terraform says `StopProvider` when it wants calls to end.
pub async fn serve<P: Provider>(program: &Program, provider: P) -> Result<(), ServeError> {
    let invitation = Invitation::read(|name| env::var(name).ok()).inspect_err(explain)?;
    let tls = invitation.client_certificate.as_deref().map(ServerTls::expecting).transpose()?;
    let socket = Socket::open(&invitation.socket_parent)?;
    let done = CancellationToken::new();
    // A handler once set stays, so that the signal does nothing more.
    drop(signal(SignalKind::interrupt()).map_err(ServeError::Signals)?);
    end_on(SignalKind::terminate(), &done)?;
    announce(&Greeting {
        socket: Some(&socket.path),
        certificate: tls.as_ref().map(|tls| tls.certificate.as_ref()),
    })?;
    tracing::debug!(version = program.version, socket = %socket.path.display(), "provider started");
    until_done(socket, tls.map(|tls| tls.config), provider, done).await
}

/// Serves `provider` to every Terraform that is told to attach, in plaintext, until Ctrl-C.
pub(super) async fn debug<P: Provider>(program: &Program, provider: P) -> Result<(), ServeError> {
    let socket = Socket::open(&env::temp_dir())?;
    let done = CancellationToken::new();
    end_on(SignalKind::interrupt(), &done)?;
    end_on(SignalKind::terminate(), &done)?;
    announce(&format_args!(
        "Provider started. To attach Terraform to it, set this variable; Ctrl-C ends the provider.\n\n\t{}\n",
        reattach::variable(program, process::id(), &socket.path)
    ))?;
    until_done(socket, None, provider, done).await
}

/// Lets Terraform tell the user which versions do not match.
fn explain(error: &HandshakeError) {
    if matches!(error, HandshakeError::NoCommonProtocol { .. }) {
        // The caller gets the error itself in any case.
        drop(announce(&Greeting::default()));
    }
}

fn announce(line: &dyn fmt::Display) -> Result<(), ServeError> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}").and_then(|()| stdout.flush()).map_err(ServeError::Announce)
}

fn end_on(kind: SignalKind, done: &CancellationToken) -> Result<(), ServeError> {
    let mut signal = signal(kind).map_err(ServeError::Signals)?;
    let done = done.clone();
    tokio::spawn(async move {
        signal.recv().await;
        done.cancel();
    });
    Ok(())
}

/// A socket in a folder that only this user can enter; dropping it removes both.
struct Socket {
    listener: UnixListener,
    path: PathBuf,
    folder: TempDir,
}

impl Socket {
    fn open(parent: &Path) -> Result<Self, ServeError> {
        let folder = tempfile::Builder::new()
            .prefix("plugin")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(parent)
            .map_err(|source| ServeError::Folder { parent: parent.to_owned(), source })?;
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path)
            .map_err(|source| ServeError::Socket { socket: path.clone(), source })?;
        Ok(Self { listener, path, folder })
    }
}

async fn until_done<P: Provider>(
    socket: Socket,
    tls: Option<Arc<ServerConfig>>,
    provider: P,
    done: CancellationToken,
) -> Result<(), ServeError> {
    let Socket { listener, folder: _removed_at_the_end, .. } = socket;
    let connections = connection::accept(listener, tls);
    let services = services(provider, &done).await;
    let served = services.serve_with_incoming_shutdown(connections, done.clone().cancelled_owned());
    tokio::select! {
        ended = served => ended.map_err(ServeError::from),
        () = grace(&done) => Ok(()),
    }
}

async fn grace(done: &CancellationToken) {
    done.cancelled().await;
    tokio::time::sleep(GRACE).await;
    tracing::warn!("calls were still running at the end");
}

async fn services<P: Provider>(provider: P, done: &CancellationToken) -> Router {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status(HEALTH_SERVICE, tonic_health::ServingStatus::Serving).await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .expect("both descriptor sets were written by a protobuf compiler");
    let provider = ProviderServer::new(provider)
        .max_decoding_message_size(MESSAGE_LIMIT)
        .max_encoding_message_size(MESSAGE_LIMIT);
    Server::builder()
        .add_service(provider)
        .add_service(health)
        .add_service(reflection)
        .add_service(GrpcBrokerServer::new(Broker(done.clone())))
        .add_service(GrpcStdioServer::new(Stdio(done.clone())))
        .add_service(GrpcControllerServer::new(Controller(done.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn socket_folder_is_closed_to_others_and_removed_at_the_end() {
        let parent = tempfile::tempdir().expect("a folder");
        let socket = Socket::open(parent.path()).expect("a socket");
        let folder = socket.path.parent().expect("the folder of the socket").to_owned();
        let mode = folder.metadata().expect("the folder exists").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        drop(socket);
        assert!(!folder.exists(), "{} is still there", folder.display());
    }

    #[tokio::test]
    async fn missing_parent_folder_is_named() {
        let error = Socket::open(Path::new("/nowhere")).err().expect("an error").to_string();
        assert!(error.starts_with("cannot make a folder for the socket in /nowhere: "), "{error}");
    }

    #[tokio::test]
    async fn path_too_long_for_a_socket_is_explained() {
        let parent = tempfile::Builder::new().prefix(&"x".repeat(100)).tempdir().expect("a folder");
        let error = Socket::open(parent.path()).err().expect("an error").to_string();
        assert!(error.ends_with("a path above 107 bytes needs a shorter TMPDIR"), "{error}");
    }
}
