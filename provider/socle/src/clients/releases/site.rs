//! A release site on loopback that answers by script, as a mirror of all sites.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use super::Releases;
use crate::clients::retry::{Backoff, Budget};

/// What a request is answered with.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// The file.
    File(Vec<u8>),
    /// The head and half of it; then the connection ends.
    Half(Vec<u8>),
    /// Nothing but a status.
    Status(u16),
    /// It is under this path.
    Moved(String),
    /// Nothing, ever.
    Silence,
}

/// The replies of each file, of which the last one stays; and what was asked for.
#[derive(Debug, Default)]
struct Script {
    replies: BTreeMap<String, Vec<Reply>>,
    asked: Vec<String>,
}

/// A site that is ended when this is dropped.
#[derive(Debug)]
pub(crate) struct Site {
    url: String,
    script: Arc<Mutex<Script>>,
    task: AbortHandle,
}

impl Site {
    /// A site without a file.
    pub(crate) async fn empty() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::<Mutex<Script>>::default();
        let task = tokio::spawn(serve(listener, Arc::clone(&script)));
        Self { url, script, task: task.abort_handle() }
    }

    /// Answers requests for a file by these replies, one after the other; the last one stays.
    pub(crate) fn script(&self, file: &str, replies: impl IntoIterator<Item = Reply>) {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.replies.insert(file.to_owned(), replies.into_iter().collect());
    }

    /// Has this file.
    pub(crate) fn publish(&self, file: &str, content: impl Into<Vec<u8>>) {
        self.script(file, [Reply::File(content.into())]);
    }

    /// What was asked for since the last time.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.script.lock().unwrap_or_else(PoisonError::into_inner).asked)
    }

    pub(crate) fn url(&self, file: &str) -> String {
        format!("{}/{file}", self.url)
    }

    /// Its client, which does not wait between attempts.
    pub(crate) fn releases(&self, folder: &Path) -> Releases {
        let mut releases = Releases::new(Some(self.url.clone()), Some(folder.to_owned()));
        releases.policy.backoff =
            Backoff { first: Duration::ZERO, longest: Duration::ZERO, ..releases.policy.backoff };
        releases
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Time enough.
pub(crate) fn budget() -> Budget {
    Budget::new(Duration::from_mins(1), CancellationToken::new())
}

async fn serve(listener: TcpListener, script: Arc<Mutex<Script>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(answer(stream, Arc::clone(&script)));
    }
}

/// Answers one request, and hangs up.
async fn answer(mut stream: TcpStream, script: Arc<Mutex<Script>>) {
    let mut head = BufReader::new(&mut stream).lines();
    let request = head.next_line().await.unwrap().unwrap_or_default();
    while head.next_line().await.unwrap().is_some_and(|line| !line.is_empty()) {}
    let file = request.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
    let reply = next(&mut script.lock().unwrap_or_else(PoisonError::into_inner), file);
    let (status, more, body, sent) = match reply {
        Reply::File(body) => (200, String::new(), body.len(), body),
        Reply::Half(body) => (200, String::new(), body.len(), body[..body.len() / 2].to_vec()),
        Reply::Status(status) => (status, String::new(), 0, Vec::new()),
        Reply::Moved(file) => (302, format!("location: /{file}\r\n"), 0, Vec::new()),
        Reply::Silence => std::future::pending().await,
    };
    let head = format!("HTTP/1.1 {status} Why\r\ncontent-length: {body}\r\n{more}connection: close\r\n\r\n");
    // A client that has gone is no fault of the site.
    let _ = stream.write_all(&[head.into_bytes(), sent].concat()).await;
}

fn next(script: &mut Script, file: String) -> Reply {
    let reply = match script.replies.get_mut(&file) {
        Some(replies) if replies.len() > 1 => replies.remove(0),
        Some(replies) => replies[0].clone(),
        None => Reply::Status(404),
    };
    script.asked.push(file);
    reply
}
