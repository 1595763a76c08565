//! HTTPS with a client certificate, JSON in and out.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig, TlsProvider};

use crate::failure::Failure;

/// A client of one server.
#[derive(Debug)]
pub(crate) struct Client {
    agent: Agent,
    base: String,
}

/// Who asks, and whom it trusts; all as PEM.
pub(crate) struct Identity<'i> {
    pub(crate) authority: &'i str,
    pub(crate) certificate: &'i str,
    pub(crate) key: &'i str,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Reply {
    /// What a server says of a refusal.
    pub(crate) fn message(&self) -> String {
        let said = self.body["message"].as_str().or_else(|| self.body["error"].as_str()).unwrap_or_default();
        format!("{} {said}", self.status)
    }
}

impl Client {
    /// A client of `base`, such as `https://127.0.0.1:6443`. Connects when it is first used.
    pub(crate) fn new(base: String, identity: &Identity<'_>, timeout: Duration) -> Result<Self, Failure> {
        let failed = |error: ureq::Error| Failure::Https { url: base.clone(), detail: error.to_string() };
        let authority = Certificate::from_pem(identity.authority.as_bytes()).map_err(failed)?;
        let certificate = Certificate::from_pem(identity.certificate.as_bytes()).map_err(failed)?;
        let key = PrivateKey::from_pem(identity.key.as_bytes()).map_err(failed)?;
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .root_certs(RootCerts::new_with_certs(&[authority]))
            .client_cert(Some(ClientCert::new_with_certs(&[certificate], key)))
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            .proxy(None)
            .build();
        Ok(Self { agent: config.new_agent(), base })
    }

    /// Asks; any status is an answer.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: Option<&Value>,
    ) -> Result<Reply, Failure> {
        let url = format!("{}{path}", self.base);
        let failed = |error: ureq::Error| Failure::Https { url: url.clone(), detail: error.to_string() };
        let text = body.map(Value::to_string).unwrap_or_default();
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(&url)
            .header("content-type", kind)
            .header("accept", "application/json")
            .body(text)
            .map_err(|error| Failure::Https { url: url.clone(), detail: error.to_string() })?;
        let request = self.agent.configure_request(request).allow_non_standard_methods(true).build();
        let mut response = self.agent.run(request).map_err(failed)?;
        let status = response.status().as_u16();
        let text = response.body_mut().with_config().limit(LARGEST).read_to_string().map_err(failed)?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Reply { status, body })
    }

    /// Asks; a refusal is a failure.
    pub(crate) fn get(&self, path: &str) -> Result<Value, Failure> {
        self.accepted("GET", path, self.ask("GET", path, JSON, None)?)
    }

    /// Sends; a refusal is a failure.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.accepted("POST", path, self.ask("POST", path, JSON, Some(body))?)
    }

    /// Streams the answer's bytes.
    pub(crate) fn stream(&self, path: &str, body: &Value) -> Result<impl std::io::Read + use<>, Failure> {
        let url = format!("{}{path}", self.base);
        let response = self.agent.post(&url).send(body.to_string());
        let response = response.map_err(|error| Failure::Https { url, detail: error.to_string() })?;
        Ok(response.into_body().into_reader())
    }

    pub(crate) fn accepted(&self, method: &str, path: &str, reply: Reply) -> Result<Value, Failure> {
        if (200..300).contains(&reply.status) {
            return Ok(reply.body);
        }
        Err(Failure::Https { url: format!("{method} {}{path}", self.base), detail: reply.message() })
    }
}

/// The content type of JSON.
pub(crate) const JSON: &str = "application/json";
/// That of a merge of objects (RFC 7386).
pub(crate) const MERGE: &str = "application/merge-patch+json";
/// The largest answer that is read, in bytes: the nodes or pods of a large cluster.
const LARGEST: u64 = 256 << 20;
