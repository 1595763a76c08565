//! Vault's HTTP API, for the setup and for tests that look at Vault behind the back of what they test.
//!
//! It trusts the sandbox's authority and nothing else, and heeds no proxy of the environment: Vault is on this machine.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::runtime::{self, Runtime};

/// A client of one Vault, with one token at a time. It blocks, and must not be used within an event loop.
#[derive(Debug)]
pub struct Client {
    runtime: Runtime,
    http: HttpClient<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: String,
    token: Option<String>,
}

/// Why there is no answer, or none that was hoped for.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The system has no resources for an event loop.
    #[error("cannot start an event loop: {0}")]
    EventLoop(#[source] io::Error),
    /// The authority's certificate cannot be read.
    #[error("not a certificate in PEM: {0}")]
    Authority(#[from] rustls::pki_types::pem::Error),
    /// The authority's certificate cannot be used.
    #[error("cannot trust the authority: {0}")]
    Trust(#[from] rustls::Error),
    /// The path or the token has characters that no request may have.
    #[error("not a request: {0}")]
    Request(#[from] hyper::http::Error),
    /// The connection was refused, or ended before an answer began.
    #[error("no answer from Vault: {0}")]
    NoAnswer(#[from] hyper_util::client::legacy::Error),
    /// The connection ended within the answer.
    #[error("Vault's answer broke off: {0}")]
    BrokenOff(#[from] hyper::Error),
    /// The answer is not JSON.
    #[error("Vault's answer is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Vault refused the request.
    #[error("Vault refuses {method} {path} ({status}): {reasons}")]
    Refused {
        /// The method of the request.
        method: String,
        /// The path of the request, without `/v1/`.
        path: String,
        /// The status code.
        status: u16,
        /// Vault's reasons.
        reasons: String,
    },
}

impl Client {
    /// A client of the Vault at `url`, whose certificate is signed by `authority` (PEM). It has no token yet.
    pub fn new(url: &str, authority: &str) -> Result<Self, ClientError> {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(trusting(authority)?)
            .https_only()
            .enable_http1()
            .build();
        let runtime =
            runtime::Builder::new_current_thread().enable_all().build().map_err(ClientError::EventLoop)?;
        // No connection is kept: the event loop rests between calls, and would not see that Vault has closed it.
        let http = HttpClient::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Ok(Self { runtime, http, url: url.to_owned(), token: None })
    }

    /// Uses `token` from now on.
    pub fn set_token(&mut self, token: &str) {
        self.token = Some(token.to_owned());
    }

    /// Reads `path`, which is without `/v1/`.
    pub fn read(&self, path: &str) -> Result<Value, ClientError> {
        self.send("GET", path, None)
    }

    /// Writes `body` to `path`, which is without `/v1/`. An empty answer is null.
    pub fn write(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.send("POST", path, Some(body))
    }

    /// Deletes `path`, which is without `/v1/`.
    pub fn delete(&self, path: &str) -> Result<Value, ClientError> {
        self.send("DELETE", path, None)
    }

    fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, ClientError> {
        let mut request = Request::builder().method(method).uri(format!("{}/v1/{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("X-Vault-Token", token);
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = request.body(Full::from(body))?;
        let (status, answer) = self.runtime.block_on(async {
            let response = self.http.request(request).await?;
            let status = response.status();
            Ok::<_, ClientError>((status, response.into_body().collect().await?.to_bytes()))
        })?;
        if status.is_success() {
            return if answer.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_slice(&answer)?) };
        }
        let reasons = String::from_utf8_lossy(&answer).trim().to_owned();
        Err(ClientError::Refused {
            method: method.to_owned(),
            path: path.to_owned(),
            status: status.as_u16(),
            reasons,
        })
    }
}

impl ClientError {
    /// Whether Vault answered, and refused with this status code.
    pub fn is_refusal(&self, code: u16) -> bool {
        matches!(self, Self::Refused { status, .. } if *status == code)
    }
}

fn trusting(authority: &str) -> Result<ClientConfig, ClientError> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes())?)?;
    // Named, because a program with two providers of cryptography in it has no default one.
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
