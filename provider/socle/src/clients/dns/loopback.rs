//! A DNS server on loopback that answers by script.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hickory_proto::op::{Message, OpCode, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{Name, RData, Record};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::AbortHandle;

use super::{Question, Recursion, Reply, ServerAddress};
use crate::dns::RecordType;
use crate::dns::name::tests::name;

/// How a question came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Udp,
    Tcp,
}

/// A server that is ended when this is dropped.
pub(super) struct Loopback {
    pub(super) address: SocketAddr,
    asked: Arc<AtomicUsize>,
    tasks: [AbortHandle; 2],
}

impl Loopback {
    /// Sends each message that `script` makes of a question.
    pub(super) async fn serving<S>(script: S) -> Self
    where
        S: Fn(&Message, Transport) -> Vec<Message> + Send + Sync + 'static,
    {
        let (udp, tcp) = sockets().await;
        let (script, asked) = (Arc::new(script), Arc::new(AtomicUsize::new(0)));
        let address = udp.local_addr().unwrap();
        let over_udp = tokio::spawn(serve_udp(udp, Arc::clone(&script), Arc::clone(&asked)));
        let over_tcp = tokio::spawn(serve_tcp(tcp, script, Arc::clone(&asked)));
        Self { address, asked, tasks: [over_udp.abort_handle(), over_tcp.abort_handle()] }
    }

    /// How many questions came so far.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub(super) fn server(&self) -> ServerAddress {
        ServerAddress { name: Some(name("ns.example.net")), address: self.address }
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// One port for both, as the protocol wants it.
async fn sockets() -> (UdpSocket, TcpListener) {
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
            return (udp, tcp);
        }
    }
}

async fn serve_udp<S>(socket: UdpSocket, script: Arc<S>, asked: Arc<AtomicUsize>)
where
    S: Fn(&Message, Transport) -> Vec<Message>,
{
    let mut datagram = [0; 512];
    loop {
        let (length, client) = socket.recv_from(&mut datagram).await.unwrap();
        asked.fetch_add(1, Ordering::SeqCst);
        let question = Message::from_vec(&datagram[..length]).unwrap();
        for reply in script(&question, Transport::Udp) {
            socket.send_to(&reply.to_vec().unwrap(), client).await.unwrap();
        }
    }
}

async fn serve_tcp<S>(listener: TcpListener, script: Arc<S>, asked: Arc<AtomicUsize>)
where
    S: Fn(&Message, Transport) -> Vec<Message>,
{
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut question = vec![0; stream.read_u16().await.unwrap().into()];
        stream.read_exact(&mut question).await.unwrap();
        asked.fetch_add(1, Ordering::SeqCst);
        for reply in script(&Message::from_vec(&question).unwrap(), Transport::Tcp) {
            let reply = reply.to_vec().unwrap();
            stream.write_u16(reply.len().try_into().unwrap()).await.unwrap();
            stream.write_all(&reply).await.unwrap();
        }
    }
}

/// An authority's reply without records.
pub(super) fn reply_to(question: &Message) -> Message {
    let mut reply = Message::response(question.metadata.id, OpCode::Query);
    reply.metadata.authoritative = true;
    reply.queries.clone_from(&question.queries);
    reply
}

/// An authority's reply with the address 192.0.2.7.
pub(super) fn address_for(question: &Message) -> Message {
    let mut reply = reply_to(question);
    let address = RData::A(A::new(192, 0, 2, 7));
    reply.add_answer(Record::from_rdata(question.queries[0].name().clone(), 60, address));
    reply
}

pub(super) fn error_for(question: &Message, code: ResponseCode) -> Message {
    let mut reply = reply_to(question);
    reply.metadata.response_code = code;
    reply
}

/// A reply to a question that nobody asked.
pub(super) fn astray(question: &Message) -> Message {
    let mut reply = address_for(question);
    reply.queries[0].set_name(Name::from_ascii("other.example.").unwrap());
    reply
}

pub(super) fn question() -> Question {
    Question { name: name("www.example.social"), record_type: RecordType::A, recursion: Recursion::Unwanted }
}

pub(super) fn addresses(reply: &Reply) -> Vec<String> {
    reply.answers.iter().map(|record| record.data.to_string()).collect()
}
