//! Kubernetes: from what a user wrote to calls of an API server.
//!
//! Each call is one request here; [`retry`](super::retry) repeats it, and kube's own repetition is off. Objects are
//! plain JSON: what is sent is what the user wrote, and no type of this program stands between.

pub mod access;
mod discovery;
mod failure;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, header};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::Value;
use tokio::sync::Mutex;

use super::rate::RateLimit;
use super::retry::{Backoff, Budget, Policy, Repeat, Verdict};
pub use access::{Access, AccessError, ClusterAccess, ControlPlane, from_file, from_text};
pub use discovery::{Discovery, Served};
use failure::{Attempt, verdict};
pub use failure::{Cause, KubernetesError, Status};

/// The field manager of everything that is sent.
const MANAGER: &str = "socle";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Silence on a connection that has a request in flight.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// The most objects of one page of a list.
const PAGE: u32 = 500;

const JSON: &str = "application/json";
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                          application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// The clusters that are in use, each connected on first use.
#[derive(Debug, Default)]
pub struct Kubernetes {
    clusters: Mutex<Vec<(Access, Arc<Cluster>)>>,
}

impl Kubernetes {
    /// The cluster behind `access`, connected by the credentials that `config` gets when it is not yet.
    ///
    /// # Errors
    /// When there are no credentials for it. Nothing is sent yet.
    pub async fn cluster(
        &self,
        access: &Access,
        config: impl Future<Output = Result<kube::Config, AccessError>>,
    ) -> Result<Arc<Cluster>, AccessError> {
        let mut clusters = self.clusters.lock().await;
        if let Some((_, cluster)) = clusters.iter().find(|(known, _)| known == access) {
            return Ok(Arc::clone(cluster));
        }
        let cluster = Arc::new(Cluster::new(config.await?)?);
        clusters.push((access.clone(), Arc::clone(&cluster)));
        Ok(cluster)
    }
}

/// One cluster, through its API server.
pub struct Cluster {
    client: kube::Client,
    server: String,
    policy: Policy,
    discovery: Mutex<Option<Arc<Discovery>>>,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cluster({})", self.server)
    }
}

/// How much of an object is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// All of it.
    Whole,
    /// Its metadata: enough for everything but its status, and the values of a Secret stay where they are.
    Metadata,
}

/// What an apply does with fields of other managers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflicts {
    /// They are a refusal.
    Refuse,
    /// They become ours.
    Force,
}

/// When what belongs to a deleted object goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    /// After it.
    Background,
    /// Before it: the object is gone when all is gone.
    Foreground,
}

/// Whether the server may not know a kind yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KindIs {
    /// It is served: "not found" is an answer.
    Served,
    /// Its definition was established a moment ago: "not found" passes.
    Fresh,
}

/// One request.
struct Call<'c> {
    method: Method,
    path: &'c str,
    accept: &'static str,
    content: &'static str,
    body: Vec<u8>,
    kind: KindIs,
}

impl<'c> Call<'c> {
    fn get(path: &'c str) -> Self {
        Self {
            method: Method::GET,
            path,
            accept: JSON,
            content: JSON,
            body: Vec::new(),
            kind: KindIs::Served,
        }
    }

    fn with(method: Method, path: &'c str, content: &'static str, body: &Value) -> Self {
        Self { method, content, body: body.to_string().into_bytes(), ..Self::get(path) }
    }

    /// As an error names it: without the query.
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path.split('?').next().unwrap_or_default())
    }

    fn request(&self) -> Result<Request<Body>, Attempt> {
        Request::builder()
            .method(&self.method)
            .uri(self.path)
            .header(header::ACCEPT, self.accept)
            .header(header::CONTENT_TYPE, self.content)
            .body(Body::from(self.body.clone()))
            .map_err(|error| Attempt::Garbled(error.to_string()))
    }
}

impl Cluster {
    fn new(mut config: kube::Config) -> Result<Self, AccessError> {
        config.default_retry = false;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        config.read_timeout = Some(READ_TIMEOUT);
        config.reset_reader_on_write = true;
        let server = config.cluster_url.to_string();
        let client =
            kube::Client::try_from(config).map_err(|error| AccessError::Credentials(error.to_string()))?;
        let backoff =
            Backoff { first: Duration::from_millis(200), longest: Duration::from_secs(5), attempts: 5 };
        // The server has a fair queue of its own and says when it is busy: this only stops a runaway.
        let policy = Policy { backoff, limit: RateLimit::new(Duration::from_millis(1), 1024) };
        Ok(Self { client, server, policy, discovery: Mutex::default() })
    }

    /// The kinds that the server serves; asked for once.
    ///
    /// # Errors
    /// When the server does not answer, or is too old to answer in this form.
    pub async fn discovery(&self, budget: &Budget) -> Result<Arc<Discovery>, KubernetesError> {
        let mut known = self.discovery.lock().await;
        if let Some(known) = &*known {
            return Ok(Arc::clone(known));
        }
        let found = Arc::new(self.discover(budget).await?);
        *known = Some(Arc::clone(&found));
        Ok(found)
    }

    /// The same, asked for again: a definition may have come since.
    ///
    /// # Errors
    /// As [`discovery`](Self::discovery).
    pub async fn discovery_anew(&self, budget: &Budget) -> Result<Arc<Discovery>, KubernetesError> {
        self.discovery.lock().await.take();
        self.discovery(budget).await
    }

    async fn discover(&self, budget: &Budget) -> Result<Discovery, KubernetesError> {
        let ask = |path| self.json(Call { accept: AGGREGATED, ..Call::get(path) }, budget);
        let (core, groups) = futures::future::try_join(ask("/api"), ask("/apis")).await?;
        Discovery::read(&[core, groups])
            .ok_or_else(|| KubernetesError::TooOld { server: self.server.clone() })
    }

    /// One object; none when there is none, or when its kind is not served.
    ///
    /// # Errors
    /// When the server does not answer, or refuses.
    pub async fn get(
        &self,
        path: &str,
        view: View,
        budget: &Budget,
    ) -> Result<Option<Value>, KubernetesError> {
        let accept = match view {
            View::Whole => JSON,
            View::Metadata => METADATA,
        };
        found(self.json(Call { accept, ..Call::get(path) }, budget).await)
    }

    /// All objects of a path that a query (`labelSelector=…`, `fieldSelector=…`, or empty) selects, page by page.
    ///
    /// # Errors
    /// When the server does not answer, or refuses.
    pub async fn list(
        &self,
        path: &str,
        query: &str,
        view: View,
        budget: &Budget,
    ) -> Result<Vec<Value>, KubernetesError> {
        let accept = match view {
            View::Whole => JSON,
            View::Metadata => "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
        };
        let (mut all, mut from) = (Vec::new(), String::new());
        loop {
            let page = format!("{path}?limit={PAGE}{}{query}{from}", if query.is_empty() { "" } else { "&" });
            let answer = self.json(Call { accept, ..Call::get(&page) }, budget).await;
            let mut answer = match answer {
                // The list grew old between two pages: it begins anew.
                Err(error) if error.is_expired() && !from.is_empty() => {
                    all.clear();
                    from.clear();
                    continue;
                }
                answer => answer?,
            };
            if let Value::Array(items) = answer["items"].take() {
                all.extend(items);
            }
            match answer["metadata"]["continue"].as_str() {
                Some(next) if !next.is_empty() => from = format!("&continue={}", escaped(next)),
                _ => return Ok(all),
            }
        }
    }

    /// Server-side apply; the answer is the object's metadata as they are now.
    ///
    /// # Errors
    /// When the server does not answer, or refuses: a conflict is a refusal with its causes.
    pub async fn apply(
        &self,
        path: &str,
        object: &Value,
        conflicts: Conflicts,
        kind: KindIs,
        budget: &Budget,
    ) -> Result<Value, KubernetesError> {
        let force = if conflicts == Conflicts::Force { "&force=true" } else { "" };
        let path = format!("{path}?fieldManager={MANAGER}{force}");
        let call = Call::with(Method::PATCH, &path, "application/apply-patch+yaml", object);
        self.json(Call { kind, accept: METADATA, ..call }, budget).await
    }

    /// Makes an object that is nobody's; one that exists is fine.
    ///
    /// # Errors
    /// When the server does not answer, or refuses.
    pub async fn create(&self, path: &str, object: &Value, budget: &Budget) -> Result<(), KubernetesError> {
        let path = format!("{path}?fieldManager={MANAGER}");
        match self.json(Call::with(Method::POST, &path, JSON, object), budget).await {
            Err(error) if !error.is("AlreadyExists") => Err(error),
            _ => Ok(()),
        }
    }

    /// Asks whether an object could be made, and makes none. `AlreadyExists` says that nothing but that is in the way.
    ///
    /// # Errors
    /// When the server does not answer, or would refuse.
    pub async fn try_create(
        &self,
        path: &str,
        object: &Value,
        budget: &Budget,
    ) -> Result<(), KubernetesError> {
        let path = format!("{path}?fieldManager={MANAGER}&dryRun=All");
        self.json(Call::with(Method::POST, &path, JSON, object), budget).await.map(drop)
    }

    /// Changes some fields of an object (RFC 7386). One that is gone is fine.
    ///
    /// # Errors
    /// When the server does not answer, or refuses.
    pub async fn merge(&self, path: &str, change: &Value, budget: &Budget) -> Result<(), KubernetesError> {
        let path = format!("{path}?fieldManager={MANAGER}");
        let call = Call::with(Method::PATCH, &path, "application/merge-patch+json", change);
        found(self.json(call, budget).await).map(drop)
    }

    /// Deletes the object of that `uid`, and what belongs to it. One that is gone, or another one in its place, is
    /// fine.
    ///
    /// # Errors
    /// When the server does not answer, or refuses.
    pub async fn delete(
        &self,
        path: &str,
        uid: &str,
        propagation: Propagation,
        budget: &Budget,
    ) -> Result<(), KubernetesError> {
        let policy = match propagation {
            Propagation::Background => "Background",
            Propagation::Foreground => "Foreground",
        };
        let options = serde_json::json!({ "preconditions": { "uid": uid }, "propagationPolicy": policy });
        match self.json(Call::with(Method::DELETE, path, JSON, &options), budget).await {
            Err(error) if error.is("NotFound") || error.is("Conflict") => Ok(()),
            answer => answer.map(drop),
        }
    }

    /// A path that answers text, such as a log.
    ///
    /// # Errors
    /// When the server does not answer, or refuses.
    pub async fn text(&self, path: &str, budget: &Budget) -> Result<String, KubernetesError> {
        let bytes = self.call(&Call { accept: "*/*", ..Call::get(path) }, budget).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    async fn json(&self, call: Call<'_>, budget: &Budget) -> Result<Value, KubernetesError> {
        let bytes = self.call(&call, budget).await?;
        serde_json::from_slice(&bytes)
            .map_err(|error| KubernetesError::Garbled { call: call.name(), problem: error.to_string() })
    }

    async fn call(&self, call: &Call<'_>, budget: &Budget) -> Result<Vec<u8>, KubernetesError> {
        let judge = |attempt: &Attempt| match (verdict(attempt), attempt, call.kind) {
            (_, Attempt::Refused(status), KindIs::Fresh) if status.code == 404 => Verdict::Busy,
            (verdict, ..) => verdict,
        };
        let done = self.policy.run(budget, Repeat::Safe, judge, || self.attempt(call)).await;
        done.map_err(|failure| KubernetesError::of(call.name(), &self.server, failure))
    }

    async fn attempt(&self, call: &Call<'_>) -> Result<Vec<u8>, Attempt> {
        let answer = self.client.send(call.request()?).await.map_err(Attempt::of)?;
        let code = answer.status().as_u16();
        let body =
            answer.into_body().collect().await.map_err(|error| Attempt::Cut(error.to_string()))?.to_bytes();
        if (200..300).contains(&code) {
            return Ok(body.into());
        }
        Err(Attempt::Refused(Status::read(code, &body)))
    }
}

fn found(answer: Result<Value, KubernetesError>) -> Result<Option<Value>, KubernetesError> {
    match answer {
        Ok(object) => Ok(Some(object)),
        Err(error) if error.is("NotFound") => Ok(None),
        Err(error) => Err(error),
    }
}

/// A value as it stands in a query or a path (RFC 3986).
pub fn escaped(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

#[cfg(test)]
mod tests;
