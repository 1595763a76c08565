//! A proxy in front of a simulated AWS: it keeps accounts apart, counts and records every call, refuses what AWS
//! refuses ([`aws_rules`](crate::aws_rules)), and lets calls go wrong by rule ([`fault_rule`](crate::fault_rule)).

use std::net::{SocketAddr, TcpListener as StdTcpListener};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{fmt, io};

use bytes::Bytes;
use futures::stream;
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, TRANSFER_ENCODING,
};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::aws_action::action_of;
use crate::aws_rules::{AwsRules, Refusal, limited_page};
use crate::fault_rule::{Fault, Rule, Rules, tally};
use crate::http_client::event_loop;

/// The header by which moto is told the account of a request.
const ACCOUNT: &str = "x-moto-account-id";

/// A slow body comes in so many pieces.
const PIECES: usize = 8;

/// A running proxy; it ends when this is dropped.
///
/// Each proxy is an AWS account of its own: what is made through one is not seen through another.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    ledger: Arc<Ledger>,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
}

/// A proxy that is not started yet.
#[derive(Debug)]
pub struct FaultProxyBuilder {
    upstream: String,
    rules: Rules,
    aws: AwsRules,
}

/// One call that arrived at the proxy.
#[derive(Debug, Clone)]
pub struct Call {
    /// The action, as [`action_of`] names it.
    pub action: String,
    /// The path with its query.
    pub target: String,
    /// The headers of the request.
    pub headers: HeaderMap,
    /// The body of the request.
    pub body: Bytes,
    /// When it arrived.
    pub at: Instant,
    /// What befell it by rule.
    pub fault: Option<Fault>,
    /// The error code with which it was refused by what AWS holds to, as `Throttling`; none when it was forwarded.
    pub refused: Option<&'static str>,
}

/// What the proxy knows, shared by all its connections.
#[derive(Debug)]
struct Ledger {
    upstream: String,
    account: HeaderValue,
    rules: Mutex<Rules>,
    aws: Mutex<AwsRules>,
    calls: Mutex<Vec<Call>>,
    arrival: Condvar,
}

type Body = BoxBody<Bytes, io::Error>;
type Upstream = Client<HttpConnector, Full<Bytes>>;

/// Why a connection is closed without an answer.
#[derive(Debug, thiserror::Error)]
enum Hangup {
    #[error("cut by a rule")]
    Cut,
    #[error("the request broke off: {0}")]
    Request(#[source] hyper::Error),
    #[error("the request cannot be forwarded: {0}")]
    Forward(#[from] hyper::http::Error),
    #[error("the simulated AWS did not answer: {0}")]
    Upstream(#[from] hyper_util::client::legacy::Error),
    #[error("the answer of the simulated AWS broke off: {0}")]
    Answer(#[source] hyper::Error),
}

impl FaultProxyBuilder {
    /// Adds a rule; of several that are due at once, the first one acts.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.add(rule);
        self
    }

    /// Reports every change as `PENDING` so many times before it is `INSYNC`. Default: 0.
    #[must_use]
    pub fn pending_answers(mut self, answers: u32) -> Self {
        self.aws.set_pending_answers(answers);
        self
    }

    /// Throttles what exceeds so many requests a second. Default: no limit. Route 53's: 5.
    #[must_use]
    pub fn requests_per_second(mut self, limit: usize) -> Self {
        self.aws.set_requests_per_second(Some(limit));
        self
    }

    /// Listens on a loopback port of the system's choice.
    pub fn start(self) -> io::Result<FaultProxy> {
        let listener = StdTcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let ledger = Arc::new(Ledger {
            upstream: self.upstream,
            account: fresh_account(),
            rules: Mutex::new(self.rules),
            aws: Mutex::new(self.aws),
            calls: Mutex::default(),
            arrival: Condvar::new(),
        });
        let runtime = event_loop()?;
        let shared = Arc::clone(&ledger);
        let server = thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, shared) => {}
                    _ = stopped => {}
                }
            });
        });
        Ok(FaultProxy { address, ledger, stop: Some(stop), server: Some(server) })
    }
}

impl FaultProxy {
    /// A proxy that will forward to `url` (`http://127.0.0.1:PORT`).
    pub fn in_front_of(url: &str) -> FaultProxyBuilder {
        FaultProxyBuilder { upstream: url.to_owned(), rules: Rules::default(), aws: AwsRules::default() }
    }

    /// Where it listens, as `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds a rule from now on; it counts the calls that follow.
    pub fn inject(&self, rule: Rule) {
        lock(&self.ledger.rules).add(rule);
    }

    /// Lets all go well from now on.
    pub fn heal(&self) {
        *lock(&self.ledger.rules) = Rules::default();
    }

    /// Throttles from now on what exceeds so many requests a second; none: nothing.
    pub fn hold_rate(&self, requests_per_second: Option<usize>) {
        lock(&self.ledger.aws).set_requests_per_second(requests_per_second);
    }

    /// Every call so far, in the order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.ledger.calls).clone()
    }

    /// Every call so far; the list then starts anew.
    pub fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut *lock(&self.ledger.calls))
    }

    /// How many calls of `action` there were.
    pub fn count(&self, action: &str) -> usize {
        lock(&self.ledger.calls).iter().filter(|call| call.action == action).count()
    }

    /// Waits until `action` was called, and says whether that was within `patience`.
    pub fn await_call(&self, action: &str, patience: Duration) -> bool {
        let calls = lock(&self.ledger.calls);
        let is_missing = |calls: &mut Vec<Call>| !calls.iter().any(|call| call.action == action);
        let waited = self.ledger.arrival.wait_timeout_while(calls, patience, is_missing);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Waits until so many calls arrived since the list began, and says whether that was within `patience`.
    pub fn await_calls(&self, count: usize, patience: Duration) -> bool {
        let calls = lock(&self.ledger.calls);
        let are_few = |calls: &mut Vec<Call>| calls.len() < count;
        let waited = self.ledger.arrival.wait_timeout_while(calls, patience, are_few);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// How many calls of each action there were, as `3 GetChange, 1 ListHostedZones`: for messages and reports.
    pub fn summary(&self) -> String {
        let calls = self.calls();
        let counts = tally(calls.iter().map(|call| call.action.as_str()));
        let lines: Vec<_> = counts.into_iter().map(|(action, count)| format!("{count} {action}")).collect();
        lines.join(", ")
    }
}

impl Call {
    /// A header of the request; empty when it has none of that name.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(server) = self.server.take() {
            // A panic there has been printed already; a second one here would end the process.
            let _ = server.join();
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.action, self.target)?;
        self.fault.map_or(Ok(()), |fault| write!(formatter, " ({fault:?})"))?;
        self.refused.map_or(Ok(()), |code| write!(formatter, " refused: {code}"))
    }
}

/// Twelve digits that no other proxy in front of the same moto has.
fn fresh_account() -> HeaderValue {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    HeaderValue::from(100_000_000_000 + NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A panic of one connection must not hide what the others recorded.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: StdTcpListener, ledger: Arc<Ledger>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let upstream: Upstream = Client::builder(TokioExecutor::new()).build_http();
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
    let arrived = ledger.record(&parts, &body);
    let Arrived { action, fault, .. } = &arrived;
    let fault = *fault;
    match fault {
        Some(Fault::CutBefore) => return Err(Hangup::Cut),
        Some(Fault::Delay(pause)) => sleep(pause).await,
        _ => {}
    }
    if let Some(refusal) = fault.and_then(refusal_of) {
        return refused(&refusal);
    }
    let admitted = lock(&ledger.aws).admit(action, &String::from_utf8_lossy(&body), Instant::now());
    if let Err(refusal) = admitted {
        ledger.note_refusal(arrived.number, &refusal);
        return refused(&refusal);
    }
    ledger.address(&mut parts, action)?;
    let response = upstream.request(Request::from_parts(parts.clone(), Full::from(body))).await?;
    if fault == Some(Fault::CutAfter) {
        return Err(Hangup::Cut);
    }
    answer(response, fault, |text| {
        let change = parts.uri.path().rsplit('/').next();
        lock(&ledger.aws).settle(action, change, text)
    })
    .await
}

/// A call that was written down.
struct Arrived {
    action: String,
    fault: Option<Fault>,
    /// Its place in the list.
    number: usize,
}

impl Ledger {
    /// Writes the call down, and says what it is and what befalls it.
    fn record(&self, parts: &Parts, body: &Bytes) -> Arrived {
        let target = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
        let action = action_of(parts.method.as_str(), parts.uri.path(), parts.uri.query(), target, body);
        let fault = lock(&self.rules).next(&action);
        let target = parts.uri.to_string();
        let mut calls = lock(&self.calls);
        calls.push(Call {
            action: action.clone(),
            target,
            headers: parts.headers.clone(),
            body: body.clone(),
            at: Instant::now(),
            fault,
            refused: None,
        });
        self.arrival.notify_all();
        Arrived { action, fault, number: calls.len() - 1 }
    }

    fn note_refusal(&self, number: usize, refusal: &Refusal) {
        // The list may have started anew since.
        if let Some(call) = lock(&self.calls).get_mut(number) {
            call.refused = Some(refusal.code);
        }
    }

    /// Turns a request to the proxy into one to the simulated AWS, on behalf of the proxy's account.
    fn address(&self, parts: &mut Parts, action: &str) -> Result<(), Hangup> {
        let query = match action {
            "ListResourceRecordSets" => Some(limited_page(parts.uri.query())),
            _ => parts.uri.query().map(str::to_owned),
        };
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        parts.uri = format!("{}{}{query}", self.upstream, parts.uri.path())
            .parse()
            .map_err(hyper::http::Error::from)?;
        parts.headers.remove(HOST);
        parts.headers.remove(CONNECTION);
        parts.headers.remove(TRANSFER_ENCODING);
        parts.headers.insert(ACCOUNT, self.account.clone());
        Ok(())
    }
}

/// The answer of AWS to a request that it does not carry out for the reason that a rule gives.
fn refusal_of(fault: Fault) -> Option<Refusal> {
    let (status, code, message) = match fault {
        Fault::Throttle => (400, "Throttling", "Rate exceeded"),
        Fault::PriorRequestNotComplete => {
            let message = "The request was rejected because Route 53 was still processing a prior request.";
            (400, "PriorRequestNotComplete", message)
        }
        Fault::NotImplemented => (501, "NotImplemented", "A header or call you provided is not implemented."),
        Fault::Forbidden => (403, "AccessDenied", "The user is not authorized to perform this action."),
        Fault::InternalError => (500, "InternalFailure", "We encountered an internal error."),
        _ => return None,
    };
    Some(Refusal { status, code, message: message.to_owned() })
}

fn refused(refusal: &Refusal) -> Result<Response<Body>, Hangup> {
    let response = Response::builder().status(refusal.status).header(CONTENT_TYPE, "text/xml");
    Ok(response.body(whole(refusal.to_xml().into()))?)
}

/// The answer for the caller: the body as AWS would give it, whole or as the fault wants it.
async fn answer(
    response: Response<Incoming>,
    fault: Option<Fault>,
    settle: impl FnOnce(String) -> String,
) -> Result<Response<Body>, Hangup> {
    let (mut parts, body) = response.into_parts();
    let body = body.collect().await.map_err(Hangup::Answer)?.to_bytes();
    // Only text is rewritten; an object of S3 may be anything.
    let body = String::from_utf8(body.to_vec()).map_or(body, |text| Bytes::from(settle(text)));
    parts.headers.remove(CONNECTION);
    parts.headers.remove(TRANSFER_ENCODING);
    // The answer to HEAD has no body, and the length of the one that it is about.
    if !body.is_empty() {
        parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
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
#[path = "fault_proxy_tests.rs"]
mod tests;
