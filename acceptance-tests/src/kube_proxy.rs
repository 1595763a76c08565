//! A proxy in front of a Kubernetes API: it records every call, and lets calls go wrong by rule
//! ([`fault_rule`](crate::fault_rule)).
//!
//! It speaks plain HTTP to its callers and TLS to the server. An action is `LIST`, `GET`, `PATCH`, `POST`, `DELETE`, `LOG`
//! or `DISCOVER`, followed by the kind as paths name it, as in `PATCH configmaps`.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{SocketAddr, TcpListener as StdTcpListener};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderValue, TRANSFER_ENCODING};
use hyper::service::service_fn;
use hyper::{Request, Response, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::fault_rule::{Fault, Rule, Rules};
use crate::http_client::event_loop;

/// A slow body comes in so many pieces.
const PIECES: usize = 8;

/// A running proxy; it ends when this is dropped.
#[derive(Debug)]
pub struct KubeProxy {
    address: SocketAddr,
    ledger: Arc<Ledger>,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
}

/// One call that arrived.
#[derive(Debug, Clone)]
pub struct KubeCall {
    /// What it does, as `PATCH configmaps`.
    pub action: String,
    /// The path with its query.
    pub target: String,
    /// What befell it by rule.
    pub fault: Option<Fault>,
    /// The status of the answer, once there is one.
    pub answered: Option<u16>,
}

#[derive(Debug)]
struct Ledger {
    upstream: String,
    rules: Mutex<Rules>,
    /// The fault of the first call of every target, and the targets that had it.
    once: Mutex<Option<(Fault, BTreeSet<String>)>>,
    /// Whether the next further page of a list is too old to be had.
    old_page: AtomicBool,
    calls: Mutex<Vec<KubeCall>>,
    /// By action, how many calls are being served, and the most that ever were.
    crowd: Mutex<BTreeMap<String, (usize, usize)>>,
    arrival: Condvar,
}

/// One call while it is being served.
struct Presence<'l> {
    ledger: &'l Ledger,
    action: String,
}

type Body = BoxBody<Bytes, io::Error>;
type Upstream = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Why a connection is closed without an answer.
#[derive(Debug, thiserror::Error)]
enum Hangup {
    #[error("cut by a rule")]
    Cut,
    #[error("the request broke off: {0}")]
    Request(#[source] hyper::Error),
    #[error("the request cannot be forwarded: {0}")]
    Forward(#[from] hyper::http::Error),
    #[error("the API did not answer: {0}")]
    Upstream(#[from] hyper_util::client::legacy::Error),
    #[error("the answer of the API broke off: {0}")]
    Answer(#[source] hyper::Error),
}

impl KubeProxy {
    /// Listens on a loopback port of the system's choice, in front of the server at `url` (`https://127.0.0.1:PORT`)
    /// whose certificate `authority` signs.
    pub fn in_front_of(url: &str, authority: &Path) -> io::Result<Self> {
        let listener = StdTcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let upstream = upstream(authority)?;
        let (stop, stopped) = oneshot::channel();
        let ledger = Arc::new(Ledger {
            upstream: url.to_owned(),
            rules: Mutex::default(),
            once: Mutex::default(),
            old_page: AtomicBool::new(false),
            calls: Mutex::default(),
            crowd: Mutex::default(),
            arrival: Condvar::new(),
        });
        let runtime = event_loop()?;
        let shared = Arc::clone(&ledger);
        let server = thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, shared, upstream) => {}
                    _ = stopped => {}
                }
            });
        });
        Ok(Self { address, ledger, stop: Some(stop), server: Some(server) })
    }

    /// Where it listens, as `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds a rule from now on; it counts the calls that follow.
    pub fn inject(&self, rule: Rule) {
        lock(&self.ledger.rules).add(rule);
    }

    /// From now on, lets the first call of every method and path go wrong.
    pub fn spoil_each_once(&self, fault: Fault) {
        *lock(&self.ledger.once) = Some((fault, BTreeSet::new()));
    }

    /// Lets the next further page of a list be too old to be had (410), as after a compaction.
    pub fn expire_next_page(&self) {
        self.ledger.old_page.store(true, Ordering::Relaxed);
    }

    /// Lets all go well from now on.
    pub fn heal(&self) {
        *lock(&self.ledger.rules) = Rules::default();
        *lock(&self.ledger.once) = None;
    }

    /// Every call so far; the list then starts anew.
    pub fn take_calls(&self) -> Vec<KubeCall> {
        std::mem::take(&mut *lock(&self.ledger.calls))
    }

    /// Every call so far, in the order of arrival.
    pub fn calls(&self) -> Vec<KubeCall> {
        lock(&self.ledger.calls).clone()
    }

    /// The most calls of this action that were under way at once.
    pub fn most_at_once(&self, action: &str) -> usize {
        lock(&self.ledger.crowd).get(action).map_or(0, |(_, most)| *most)
    }

    /// How many calls there were whose action begins so.
    pub fn count(&self, action: &str) -> usize {
        lock(&self.ledger.calls).iter().filter(|call| call.action.starts_with(action)).count()
    }

    /// Waits until there were `times` calls whose action begins so, and says whether that was within `patience`.
    pub fn await_calls(&self, action: &str, times: usize, patience: Duration) -> bool {
        let calls = lock(&self.ledger.calls);
        let is_missing = |calls: &mut Vec<KubeCall>| {
            calls.iter().filter(|call| call.action.starts_with(action)).count() < times
        };
        let waited = self.ledger.arrival.wait_timeout_while(calls, patience, is_missing);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl Drop for KubeProxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(server) = self.server.take() {
            // A panic there has been printed already; a second one here would end the process.
            let _ = server.join();
        }
    }
}

/// What a call does: `PATCH configmaps`.
fn action_of(method: &str, path: &str) -> String {
    let steps: Vec<_> = path.trim_matches('/').split('/').collect();
    let (["api", _, rest @ ..] | ["apis", _, _, rest @ ..]) = steps.as_slice() else {
        return "DISCOVER".to_owned();
    };
    let (plural, name) = match rest {
        ["namespaces", _, _, _, "log"] => return "LOG pods".to_owned(),
        ["namespaces", _, plural, name @ ..] | [plural, name @ ..] => (plural, name),
        [] => return "DISCOVER".to_owned(),
    };
    let verb = if method == "GET" && name.is_empty() { "LIST" } else { method };
    format!("{verb} {plural}")
}

fn upstream(authority: &Path) -> io::Result<Upstream> {
    let certificate = CertificateDer::from_pem_file(authority).map_err(io::Error::other)?;
    let mut roots = RootCertStore::empty();
    roots.add(certificate).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http1().build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: StdTcpListener, ledger: Arc<Ledger>, upstream: Upstream) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    while let Ok((stream, _)) = listener.accept().await {
        let (ledger, upstream) = (Arc::clone(&ledger), upstream.clone());
        tokio::spawn(async move {
            let service = service_fn(|request| serve(request, &ledger, &upstream));
            // An error is a connection that was cut, by a rule or by the caller; either is part of the test.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn serve(
    request: Request<Incoming>,
    ledger: &Ledger,
    upstream: &Upstream,
) -> Result<Response<Body>, Hangup> {
    let (mut parts, body) = request.into_parts();
    let body = body.collect().await.map_err(Hangup::Request)?.to_bytes();
    let (number, fault) = ledger.record(parts.method.as_str(), &parts.uri);
    let _presence = ledger.enter(action_of(parts.method.as_str(), parts.uri.path()));
    if ledger.is_too_old(&parts.uri) {
        ledger.answered(number, 410);
        return refused(410, "Expired");
    }
    match fault {
        Some(Fault::CutBefore) => return Err(Hangup::Cut),
        Some(Fault::Delay(pause)) => sleep(pause).await,
        Some(Fault::Throttle) => return refused(429, "TooManyRequests"),
        Some(Fault::Forbidden) => return refused(403, "Forbidden"),
        Some(Fault::InternalError) => return refused(500, "InternalError"),
        _ => {}
    }
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    parts.uri = format!("{}{path}", ledger.upstream).parse().map_err(hyper::http::Error::from)?;
    for header in [HOST, CONNECTION, TRANSFER_ENCODING] {
        parts.headers.remove(header);
    }
    let response = upstream.request(Request::from_parts(parts, Full::from(body))).await?;
    ledger.answered(number, response.status().as_u16());
    if fault == Some(Fault::CutAfter) {
        return Err(Hangup::Cut);
    }
    answer(response, fault).await
}

impl Ledger {
    /// Writes the call down, and says its place in the list and what befalls it.
    fn record(&self, method: &str, uri: &Uri) -> (usize, Option<Fault>) {
        let action = action_of(method, uri.path());
        let ruled = lock(&self.rules).next(&action);
        let fault = ruled.or_else(|| self.first_of(&format!("{method} {}", uri.path())));
        let mut calls = lock(&self.calls);
        calls.push(KubeCall { action, target: uri.to_string(), fault, answered: None });
        self.arrival.notify_all();
        (calls.len() - 1, fault)
    }

    fn enter(&self, action: String) -> Presence<'_> {
        let mut crowd = lock(&self.crowd);
        let (now, most) = crowd.entry(action.clone()).or_default();
        *now += 1;
        *most = (*most).max(*now);
        Presence { ledger: self, action }
    }

    fn is_too_old(&self, uri: &Uri) -> bool {
        uri.query().is_some_and(|query| query.contains("continue="))
            && self.old_page.swap(false, Ordering::Relaxed)
    }

    fn first_of(&self, target: &str) -> Option<Fault> {
        let mut once = lock(&self.once);
        let (fault, spoilt) = once.as_mut()?;
        spoilt.insert(target.to_owned()).then_some(*fault)
    }

    fn answered(&self, number: usize, status: u16) {
        // The list may have started anew since.
        if let Some(call) = lock(&self.calls).get_mut(number) {
            call.answered = Some(status);
        }
    }
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        if let Some((now, _)) = lock(&self.ledger.crowd).get_mut(&self.action) {
            *now -= 1;
        }
    }
}

fn refused(code: u16, reason: &str) -> Result<Response<Body>, Hangup> {
    let status = serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason,
        "message": "refused by a rule of the test",
    });
    let response = Response::builder().status(code).header(CONTENT_TYPE, "application/json");
    Ok(response.body(whole(status.to_string().into()))?)
}

/// The answer for the caller: the body as the API gives it, whole or as the fault wants it.
async fn answer(response: Response<Incoming>, fault: Option<Fault>) -> Result<Response<Body>, Hangup> {
    let (mut parts, body) = response.into_parts();
    let body = body.collect().await.map_err(Hangup::Answer)?.to_bytes();
    parts.headers.remove(CONNECTION);
    parts.headers.remove(TRANSFER_ENCODING);
    parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    let body = match fault {
        Some(Fault::TruncatedBody) => truncated(&body),
        Some(Fault::SlowBody(pause)) => slow(body, pause),
        _ => whole(body),
    };
    Ok(Response::from_parts(parts, body))
}

fn whole(body: Bytes) -> Body {
    Full::from(body).map_err(|never| match never {}).boxed()
}

fn truncated(body: &Bytes) -> Body {
    let half = body.slice(..body.len() / 2);
    let broken_off = io::Error::new(io::ErrorKind::ConnectionReset, "cut by a rule");
    StreamBody::new(stream::iter([Ok(Frame::data(half)), Err(broken_off)])).boxed()
}

fn slow(body: Bytes, pause: Duration) -> Body {
    let size = body.len().div_ceil(PIECES).max(1);
    let pieces = stream::unfold(body, move |mut left| async move {
        if left.is_empty() {
            return None;
        }
        sleep(pause).await;
        let piece = left.split_to(size.min(left.len()));
        Some((Ok(Frame::data(piece)), left))
    });
    BodyExt::boxed(StreamBody::new(pieces))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_named_by_verb_and_kind() {
        for (method, path, action) in [
            ("GET", "/api", "DISCOVER"),
            ("GET", "/apis/apps/v1", "DISCOVER"),
            ("GET", "/api/v1/namespaces/a/configmaps", "LIST configmaps"),
            ("GET", "/api/v1/namespaces/a/configmaps/b", "GET configmaps"),
            ("PATCH", "/apis/apps/v1/namespaces/a/deployments/b", "PATCH deployments"),
            ("GET", "/apis/apps/v1/deployments", "LIST deployments"),
            ("POST", "/api/v1/namespaces", "POST namespaces"),
            ("GET", "/api/v1/namespaces/a", "GET namespaces"),
            ("GET", "/api/v1/namespaces/a/pods/b/log", "LOG pods"),
        ] {
            assert_eq!(action_of(method, path), action, "{method} {path}");
        }
    }
}
