use super::super::loopback::{
    Loopback, Transport, address_for, addresses, astray, error_for, question, reply_to,
};
use super::*;

#[tokio::test]
async fn a_truncated_reply_is_asked_for_over_tcp() {
    let server = Loopback::serving(|question, transport| match transport {
        Transport::Udp => {
            let mut reply = reply_to(question);
            reply.metadata.truncation = true;
            vec![reply]
        }
        Transport::Tcp => vec![address_for(question)],
    });
    let server = server.await;
    let reply = exchange(server.address, &question()).await.unwrap();
    assert_eq!(addresses(&reply), ["192.0.2.7"]);
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn replies_to_other_questions_are_not_heard() {
    let server = Loopback::serving(|question, _| {
        let mut forged = address_for(question);
        forged.metadata.id ^= 1;
        forged.answers.clear();
        vec![forged, astray(question), address_for(question)]
    });
    let server = server.await;
    let reply = exchange(server.address, &question()).await.unwrap();
    assert_eq!(addresses(&reply), ["192.0.2.7"]);
}

#[tokio::test]
async fn a_server_from_before_edns_is_asked_without() {
    let server = Loopback::serving(|question, _| {
        let refused = error_for(question, ResponseCode::FormErr);
        vec![if question.edns.is_some() { refused } else { address_for(question) }]
    });
    let server = server.await;
    let reply = exchange(server.address, &question()).await.unwrap();
    assert_eq!(addresses(&reply), ["192.0.2.7"]);
}

#[tokio::test]
async fn a_wrong_reply_over_tcp_is_no_answer() {
    let server = Loopback::serving(|question, transport| {
        let mut cut = reply_to(question);
        cut.metadata.truncation = true;
        vec![if transport == Transport::Udp { cut } else { astray(question) }]
    });
    let server = server.await;
    let problem = exchange(server.address, &question()).await.unwrap_err();
    assert!(matches!(problem, Problem::Mismatch), "{problem}");
}

#[tokio::test]
async fn nobody_there_is_known_at_once() {
    let closed = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let problem = exchange(closed, &question()).await.unwrap_err();
    assert!(matches!(problem, Problem::Socket { .. }), "{problem}");
}
