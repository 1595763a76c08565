//! Connections as they come in over the socket, in plaintext or TLS.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::{Stream, StreamExt as _, stream};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{UnixListener, UnixStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;
use tonic::transport::server::Connected;

/// How many TLS handshakes may be under way at once; go-plugin opens one connection.
const HANDSHAKES: usize = 16;

/// How long to wait after a failed accept: its usual cause, too many open files, needs time to pass.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// One connection from Terraform.
pub(super) struct Connection(Either<UnixStream, Box<TlsStream<UnixStream>>>);

/// Accepts connections for as long as the stream is polled; with `tls`, after the handshake.
pub(super) fn accept(
    listener: UnixListener,
    tls: Option<Arc<ServerConfig>>,
) -> impl Stream<Item = io::Result<Connection>> {
    let tls = tls.map(TlsAcceptor::from);
    stream::unfold(listener, async |listener| Some((next(&listener).await, listener)))
        .map(move |socket| secure(tls.clone(), socket))
        .buffer_unordered(HANDSHAKES)
}

async fn next(listener: &UnixListener) -> UnixStream {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => return socket,
            Err(error) => tracing::warn!(%error, "cannot accept a connection"),
        }
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

async fn secure(tls: Option<TlsAcceptor>, socket: UnixStream) -> io::Result<Connection> {
    let Some(tls) = tls else { return Ok(Connection(Either::Left(socket))) };
    match tls.accept(socket).await {
        Ok(stream) => Ok(Connection(Either::Right(Box::new(stream)))),
        Err(error) => {
            tracing::warn!(%error, "refused a connection");
            Err(error)
        }
    }
}

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }
}
