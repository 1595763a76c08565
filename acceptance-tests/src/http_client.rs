//! A small blocking HTTP client, for tests that look at the simulated AWS behind Terraform's back.

use std::io;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::header::HeaderName;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::runtime::{self, Runtime};

/// A client that follows no redirects and repeats nothing.
#[derive(Debug)]
pub struct HttpClient {
    runtime: Runtime,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The whole body.
    pub body: Bytes,
}

/// Why nothing came back, or not the whole of it.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The request itself cannot be sent: a malformed address, method or header.
    #[error("not a request: {0}")]
    Request(#[from] hyper::http::Error),
    /// The connection was refused, or ended before an answer began.
    #[error("no answer: {0}")]
    NoAnswer(#[from] hyper_util::client::legacy::Error),
    /// The connection ended within the answer.
    #[error("the answer broke off: {0}")]
    BrokenOff(#[from] hyper::Error),
}

impl HttpClient {
    /// A client with a runtime of its own.
    ///
    /// # Panics
    /// When the system has no resources for an event loop.
    pub fn new() -> Self {
        let runtime = event_loop().expect("an event loop needs no more than a file descriptor");
        Self { runtime, client: Client::builder(TokioExecutor::new()).build_http() }
    }

    /// Reads `url`.
    pub fn get(&self, url: &str) -> Result<Answer, HttpError> {
        self.send("GET", url, &[], "")
    }

    /// Sends `body` to `url` and waits for the whole answer.
    pub fn send(
        &self,
        method: &str,
        url: &str,
        headers: &[(HeaderName, &str)],
        body: &str,
    ) -> Result<Answer, HttpError> {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let request = request.body(Full::from(body.to_owned()))?;
        self.runtime.block_on(async {
            let response = self.client.request(request).await?;
            let status = response.status().as_u16();
            Ok(Answer { status, body: response.into_body().collect().await?.to_bytes() })
        })
    }
}

impl Default for HttpClient {
    fn default() -> Self {
        Self::new()
    }
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A runtime that runs on the thread that asks for something.
pub(crate) fn event_loop() -> io::Result<Runtime> {
    runtime::Builder::new_current_thread().enable_all().build()
}
