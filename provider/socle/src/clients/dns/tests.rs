use std::net::Ipv4Addr;

use futures::future::join_all;
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::loopback::{Loopback, address_for, addresses, error_for, question, reply_to};
use super::*;

fn budget() -> Budget {
    Budget::new(Duration::from_mins(5), CancellationToken::new())
}

async fn ask(client: &DnsClient, servers: &ServerSet) -> Result<Vec<String>, Unanswered> {
    let read =
        |reply: &Reply| if reply.authoritative { Ok(addresses(reply)) } else { Err(Lame::NoAuthority) };
    client.ask(servers, question(), &budget(), read).await
}

fn set<'s>(servers: impl IntoIterator<Item = &'s Loopback>) -> ServerSet {
    ServerSet::new(servers.into_iter().map(Loopback::server).collect())
}

async fn good() -> Loopback {
    Loopback::serving(|question, _| vec![address_for(question)]).await
}

async fn refusing(code: ResponseCode) -> Loopback {
    Loopback::serving(move |question, _| vec![error_for(question, code)]).await
}

async fn lame() -> Loopback {
    let reply = |question: &_| {
        let mut reply = reply_to(question);
        reply.metadata.authoritative = false;
        reply
    };
    Loopback::serving(move |question, _| vec![reply(question)]).await
}

/// A server that hears and says nothing.
async fn silent() -> (UdpSocket, ServerSet) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let server = ServerAddress { name: None, address: socket.local_addr().unwrap() };
    (socket, ServerSet::new(vec![server]))
}

fn heard(socket: &UdpSocket) -> usize {
    std::iter::from_fn(|| socket.try_recv(&mut [0; 512]).ok()).count()
}

#[tokio::test]
async fn the_next_server_is_asked_where_one_is_of_no_use_and_is_then_asked_first() {
    let (client, bad) = (DnsClient::default(), [refusing(ResponseCode::Refused).await, lame().await]);
    let good = good().await;
    let servers = set(bad.iter().chain([&good]));
    for _ in 0..3 {
        assert_eq!(ask(&client, &servers).await.unwrap(), ["192.0.2.7"]);
    }
    assert_eq!((bad[0].asked(), bad[1].asked(), good.asked()), (1, 1, 3));
}

#[tokio::test]
async fn a_server_that_fails_later_is_left_for_those_before_it() {
    let client = DnsClient::default();
    let (first, second) = (good().await, refusing(ResponseCode::Refused).await);
    let servers = set([&first, &second]);
    servers.first.store(1, Ordering::Relaxed);
    assert_eq!(ask(&client, &servers).await.unwrap(), ["192.0.2.7"]);
    assert_eq!((first.asked(), second.asked()), (1, 1));
}

#[tokio::test]
async fn a_definite_refusal_is_not_asked_for_again() {
    let (client, servers) = (DnsClient::default(), [refusing(ResponseCode::Refused).await, lame().await]);
    let error = ask(&client, &set(&servers)).await.unwrap_err().to_string();
    assert_eq!((servers[0].asked(), servers[1].asked()), (1, 1));
    let (refusing, lame) = (servers[0].address, servers[1].address);
    assert_eq!(
        error,
        format!(
            "no answer to www.example.social. A: ns.example.net ({refusing}): it answers \"Query Refused\"; \
             ns.example.net ({lame}): it is lame: it is no authority for the zone"
        )
    );
}

#[tokio::test(start_paused = true)]
async fn silence_is_heard_out_a_few_times() {
    let (client, (socket, servers)) = (DnsClient::default(), silent().await);
    let error = ask(&client, &servers).await.unwrap_err().to_string();
    assert!(error.ends_with(": no answer within 2 s"), "{error}");
    assert_eq!(heard(&socket), 3);
}

#[tokio::test(start_paused = true)]
async fn so_many_questions_are_in_flight_and_no_more() {
    let (client, (socket, servers)) = (DnsClient::default(), silent().await);
    let asking = join_all((0..100).map(|_| ask(&client, &servers)));
    timeout(Duration::from_secs(1), asking).await.expect_err("nobody answers within a second");
    assert_eq!(heard(&socket), IN_FLIGHT);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_budget_is_the_end_of_the_question() {
    let (client, (_socket, servers)) = (DnsClient::default(), silent().await);
    let start = Instant::now();
    let budget = Budget::new(Duration::from_secs(1), CancellationToken::new());
    let read = |reply: &Reply| Ok(addresses(reply));
    let error = client.ask(&servers, question(), &budget, read).await.unwrap_err();
    assert_eq!(error.stop, Some(Stop::OutOfTime));
    assert_eq!(start.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_run_waits_no_longer_than_the_grace() {
    let (client, (_socket, servers)) = (DnsClient::default(), silent().await);
    let cancel = CancellationToken::new();
    cancel.cancel();
    let budget = Budget::new(Duration::from_mins(5), cancel);
    let start = Instant::now();
    let read = |reply: &Reply| Ok(addresses(reply));
    let error = client.ask(&servers, question(), &budget, read).await.unwrap_err();
    assert!(error.to_string().contains("the run was cancelled"), "{error}");
    assert!(start.elapsed() <= Duration::from_secs(2), "{:?}", start.elapsed());
}
