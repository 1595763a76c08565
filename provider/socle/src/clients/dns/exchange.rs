//! One question to one server, once: over UDP, and over TCP where the reply is too long for UDP.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::Problem;
use super::message::{Extensions, Question, Received, Reply, Sent};

/// Silence over UDP: the question or the reply is lost, or nobody is there.
const UDP_PATIENCE: Duration = Duration::from_secs(2);
/// One question over TCP, connecting included.
const TCP_PATIENCE: Duration = Duration::from_secs(5);

/// Asks `server`. One that knows no EDNS may refuse the whole question for it, and is asked again without (RFC 6891,
/// section 7).
pub(super) async fn exchange(server: SocketAddr, question: &Question) -> Result<Reply, Problem> {
    match ask(server, question, Extensions::Offered).await {
        Err(Problem::Code(ResponseCode::FormErr | ResponseCode::NotImp)) => {
            ask(server, question, Extensions::Hidden).await
        }
        told => told,
    }
}

async fn ask(server: SocketAddr, question: &Question, extensions: Extensions) -> Result<Reply, Problem> {
    let sent = Sent::new(question, extensions).map_err(Problem::Unwritable)?;
    let over_udp = timeout(UDP_PATIENCE, over_udp(server, &sent)).await;
    if let Some(reply) = over_udp.unwrap_or(Err(Problem::Silence(UDP_PATIENCE)))? {
        return Ok(reply);
    }
    timeout(TCP_PATIENCE, over_tcp(server, &sent)).await.unwrap_or(Err(Problem::Silence(TCP_PATIENCE)))
}

/// None where the reply is truncated. A port and an id of chance, and a socket that hears one server only, are what
/// a forged reply must guess.
async fn over_udp(server: SocketAddr, sent: &Sent) -> Result<Option<Reply>, Problem> {
    let local = match server {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let socket = UdpSocket::bind(local).await.map_err(cannot("open a socket"))?;
    socket.connect(server).await.map_err(cannot("reach it"))?;
    socket.send(&sent.bytes).await.map_err(cannot("send the question"))?;
    let mut datagram = vec![0; usize::from(u16::MAX)];
    loop {
        let length = socket.recv(&mut datagram).await.map_err(cannot("receive the answer"))?;
        match sent.read(&datagram[..length])? {
            Received::Reply(reply) => return Ok(Some(reply)),
            Received::Truncated => return Ok(None),
            Received::Stray => {}
        }
    }
}

async fn over_tcp(server: SocketAddr, sent: &Sent) -> Result<Reply, Problem> {
    let mut stream = TcpStream::connect(server).await.map_err(cannot("connect over TCP"))?;
    let length = u16::try_from(sent.bytes.len()).unwrap_or(u16::MAX);
    let framed = [&length.to_be_bytes(), sent.bytes.as_slice()].concat();
    stream.write_all(&framed).await.map_err(cannot("send the question over TCP"))?;
    let receive = cannot("receive the answer over TCP");
    let length = stream.read_u16().await.map_err(&receive)?;
    let mut message = vec![0; length.into()];
    stream.read_exact(&mut message).await.map_err(&receive)?;
    match sent.read(&message)? {
        Received::Reply(reply) => Ok(reply),
        Received::Truncated | Received::Stray => Err(Problem::Mismatch),
    }
}

fn cannot(step: &'static str) -> impl Fn(io::Error) -> Problem {
    move |source| Problem::Socket { step, source }
}

#[cfg(test)]
mod tests;
