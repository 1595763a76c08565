//! Which of a cluster's API servers to speak to.

use std::time::Duration;

use futures::future::join_all;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an API server may take to accept a connection, before another one is preferred.
const PATIENCE: Duration = Duration::from_secs(2);

/// The first of these URLs whose host accepts a connection. Where none does it is the first: whoever uses it then says
/// what is wrong.
pub(super) async fn answering(urls: &[String]) -> String {
    let first = urls.first().cloned().unwrap_or_default();
    if urls.len() < 2 {
        return first;
    }
    let asked = join_all(urls.iter().map(|url| accepts(url))).await;
    let found = urls.iter().zip(asked).find(|(_, accepts)| *accepts);
    found.map_or(first, |(url, _)| url.clone())
}

async fn accepts(url: &str) -> bool {
    let address = url.trim_start_matches("https://").trim_end_matches('/');
    matches!(timeout(PATIENCE, TcpStream::connect(address)).await, Ok(Ok(_)))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// A port of loopback on which nobody listens any more.
    async fn closed() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("https://{}", listener.local_addr().unwrap())
    }

    #[tokio::test]
    async fn one_that_answers_is_preferred_and_else_it_is_the_first() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = format!("https://{}", listener.local_addr().unwrap());
        let urls = [closed().await, closed().await];
        assert_eq!(answering(&urls).await, urls[0]);
        assert_eq!(answering(&[urls[0].clone(), open.clone(), urls[1].clone()]).await, open);
        assert_eq!(answering(&urls[1..]).await, urls[1]);
        assert_eq!(answering(&[]).await, "");
    }
}
