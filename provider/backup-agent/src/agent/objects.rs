//! The objects of one repository in a bucket of S3: single calls, each tried again within the budget.
//!
//! Every put carries a checksum (SHA-256) that S3 verifies. The SDK's own retries are off. Nothing here deletes a
//! version: a delete leaves a marker, and what was there stays readable for as long as the bucket keeps it.

use std::convert::Infallible;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_config::BehaviorVersion;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::{Region, RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use futures::stream;
use http_body_util::StreamBody;
use http_body_util::combinators::BoxBody;
use hyper::body::Frame;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::runtime::{Handle, Runtime};

use super::pace::Pace;
use super::patience::Patience;
use super::secret::{self, SecretError, Value};
use super::stop::{Stop, StopReason};
use crate::configuration::{self, Configuration};
use crate::object_history::{Entry, Kind};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// From the request until the first byte of the answer.
const READ_TIMEOUT: Duration = Duration::from_mins(2);

/// For the last call of a command that is to end.
const PARTING: Duration = Duration::from_secs(10);

/// With a bandwidth limit, bytes go in pieces of this size.
const PIECE: usize = 64 << 10;

/// The objects of one repository.
pub struct Objects {
    client: Client,
    runtime: Handle,
    bucket: String,
    /// With its slash at the end, or empty.
    prefix: String,
    patience: Patience,
    pace: Option<std::sync::Arc<Pace>>,
    stop: Stop,
    out_of_reach: Mutex<Option<ObjectError>>,
}

/// An object in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its key, below the repository's prefix.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
}

/// A call that failed for good.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ObjectError {
    /// There is no such object.
    #[error("S3 has no object {0}")]
    NotFound(String),
    /// There is such an object already, and it was not to be replaced.
    #[error("the object {0} is there already")]
    Exists(String),
    /// S3 refuses.
    #[error("S3 refuses {call}: {code}: {message}")]
    Refused {
        /// What was asked, as `put data/ab/abcd`.
        call: String,
        /// S3's code, as `AccessDenied`.
        code: String,
        /// S3's words.
        message: String,
    },
    /// The budget for retries is used up.
    #[error("S3 did not answer {call} within limits.retries; at last: {cause}")]
    OutOfPatience {
        /// What was asked.
        call: String,
        /// How the last attempt failed.
        cause: String,
    },
    /// The command is to end.
    #[error(transparent)]
    Stopped(#[from] StopReason),
}

/// How one attempt failed.
enum Attempt {
    Final(ObjectError),
    Again(String),
}

/// Why there is no connection to the repository's bucket.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// A key of S3 cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The program's own machinery failed.
    #[error("cannot start the event loop: {0}")]
    Runtime(#[source] std::io::Error),
}

/// The event loop that calls run on. A signal to end the program stops what `stop` is looked at by.
pub fn event_loop(stop: &Stop) -> Result<Runtime, ConnectError> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().build().map_err(ConnectError::Runtime)?;
    let stop = stop.clone();
    runtime.spawn(async move {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        else {
            return;
        };
        tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
        stop.now(StopReason::Signal);
    });
    Ok(runtime)
}

impl Objects {
    /// The objects of the policy's repository. Nothing is asked of S3 yet.
    pub fn of(configuration: &Configuration, runtime: Handle, stop: &Stop) -> Result<Self, ConnectError> {
        let repository = &configuration.repository;
        let prefix = repository.prefix.trim_matches('/');
        let limits = &configuration.limits;
        Ok(Self {
            client: client(repository)?,
            runtime,
            bucket: repository.bucket.clone(),
            prefix: if prefix.is_empty() { String::new() } else { format!("{prefix}/") },
            patience: Patience::new(limits.retries.duration()),
            pace: limits.bandwidth.map(|rate| std::sync::Arc::new(Pace::new(rate.get()))),
            stop: stop.clone(),
            out_of_reach: Mutex::default(),
        })
    }

    /// What `stop` says.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// All of an object, or of the version of it.
    pub fn get(&self, key: &str, version: Option<&str>) -> Result<Bytes, ObjectError> {
        self.read(key, version, None)
    }

    /// `length` bytes of an object from `offset`.
    pub fn get_range(
        &self,
        key: &str,
        version: Option<&str>,
        offset: u32,
        length: u32,
    ) -> Result<Bytes, ObjectError> {
        if length == 0 {
            return Ok(Bytes::new());
        }
        let last = u64::from(offset) + u64::from(length) - 1;
        let bytes = self.read(key, version, Some(&format!("bytes={offset}-{last}")))?;
        // Beyond the end S3 gives what there is.
        let complete = bytes.len() == length as usize;
        complete.then_some(bytes).ok_or_else(|| ObjectError::NotFound(format!("{key} of that size")))
    }

    /// Writes an object, replacing what is there.
    pub fn put(&self, key: &str, content: &Bytes) -> Result<(), ObjectError> {
        self.write(key, content, None)
    }

    /// Writes an object where there is none.
    pub fn create(&self, key: &str, content: &Bytes) -> Result<(), ObjectError> {
        match self.write(key, content, Some("*")) {
            // It may be our own: written, and the answer was lost.
            Err(ObjectError::Exists(_)) if self.get(key, None)? == *content => Ok(()),
            written => written,
        }
    }

    /// Deletes an object; one that is not there is no error.
    pub fn delete(&self, key: &str) -> Result<(), ObjectError> {
        let call = format!("delete {key}");
        self.insist(&call, key, || async {
            self.client.delete_object().bucket(&self.bucket).key(self.path(key)).send().await?;
            Ok(())
        })
    }

    /// Deletes an object that nobody else misses, also when the command is to end: one attempt.
    pub fn let_go(&self, key: &str) {
        let request = self.client.delete_object().bucket(&self.bucket).key(self.path(key));
        // What stays is taken for stale.
        let _ = self.runtime.block_on(async { tokio::time::timeout(PARTING, request.send()).await });
    }

    /// All objects below a folder, as `snapshots/`; empty: all of the repository.
    pub fn list(&self, folder: &str) -> Result<Vec<Listed>, ObjectError> {
        let call = format!("list {folder}");
        let mut listed = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let page = self.insist(&call, folder, || async {
                let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(self.path(folder));
                Ok(request.set_continuation_token(token.clone()).send().await?)
            })?;
            listed.extend(page.contents().iter().filter_map(|object| {
                let key = object.key()?.strip_prefix(&self.prefix)?.to_owned();
                Some(Listed { key, size: size(object.size()) })
            }));
            token = page.next_continuation_token().map(str::to_owned);
            if page.is_truncated() != Some(true) || token.is_none() {
                return Ok(listed);
            }
        }
    }

    /// The history of all objects below a folder, as the bucket still has it; the newest entry of each key first.
    pub fn history(&self, folder: &str) -> Result<Vec<Entry>, ObjectError> {
        let call = format!("list the versions of {folder}");
        let mut entries = Vec::new();
        let (mut key, mut version): (Option<String>, Option<String>) = (None, None);
        loop {
            let page = self.insist(&call, folder, || async {
                let request = self.client.list_object_versions().bucket(&self.bucket);
                let request = request.prefix(self.path(folder)).set_key_marker(key.clone());
                Ok(request.set_version_id_marker(version.clone()).send().await?)
            })?;
            let contents = page.versions().iter().filter_map(|found| {
                let kind = Kind::Content(size(found.size()));
                let entry = self.entry(found.key()?, found.version_id()?, found.last_modified()?, kind)?;
                Some((found.is_latest() == Some(true), entry))
            });
            let markers = page.delete_markers().iter().filter_map(|found| {
                let at = found.last_modified()?;
                let entry = self.entry(found.key()?, found.version_id()?, at, Kind::DeleteMarker)?;
                Some((found.is_latest() == Some(true), entry))
            });
            entries.extend(contents.chain(markers));
            key = page.next_key_marker().map(str::to_owned);
            version = page.next_version_id_marker().map(str::to_owned);
            if page.is_truncated() != Some(true) || key.is_none() {
                break;
            }
        }
        // The answer lists contents and markers apart; within one second only `is_latest` tells which came last.
        entries.sort_by_key(|(is_latest, entry)| (std::cmp::Reverse(entry.at), !is_latest));
        Ok(entries.into_iter().map(|(_, entry)| entry).collect())
    }

    /// The first call of which nobody knows what its object holds: an outage, a refusal, or the end of the command.
    pub fn out_of_reach(&self) -> Option<ObjectError> {
        self.out_of_reach.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn entry(
        &self,
        key: &str,
        version: &str,
        at: &aws_sdk_s3::primitives::DateTime,
        kind: Kind,
    ) -> Option<Entry> {
        let key = key.strip_prefix(&self.prefix)?.to_owned();
        let at = Timestamp::from_second(at.secs()).ok()?;
        Some(Entry { key, version: version.to_owned(), at, kind })
    }

    fn read(&self, key: &str, version: Option<&str>, range: Option<&str>) -> Result<Bytes, ObjectError> {
        let call = format!("get {key}");
        self.insist(&call, key, || async {
            let request = self.client.get_object().bucket(&self.bucket).key(self.path(key));
            let request =
                request.set_version_id(version.map(str::to_owned)).set_range(range.map(str::to_owned));
            let answer = request.send().await?;
            let expected = answer.content_length().and_then(|length| usize::try_from(length).ok());
            let mut body = answer.body;
            let mut content = Vec::with_capacity(expected.unwrap_or_default());
            while let Some(piece) = body.next().await {
                let piece =
                    piece.map_err(|error| Attempt::Again(format!("the answer broke off: {error}")))?;
                self.keep_pace(piece.len()).await;
                content.extend_from_slice(&piece);
            }
            if expected.is_some_and(|expected| expected != content.len()) {
                return Err(Attempt::Again("the answer broke off".to_owned()));
            }
            Ok(Bytes::from(content))
        })
    }

    fn write(&self, key: &str, content: &Bytes, unless: Option<&str>) -> Result<(), ObjectError> {
        let call = format!("put {key}");
        let checksum = BASE64.encode(Sha256::digest(content));
        let length = i64::try_from(content.len()).unwrap_or(i64::MAX);
        self.insist(&call, key, || async {
            let request = self.client.put_object().bucket(&self.bucket).key(self.path(key));
            let request = request.checksum_sha256(&checksum).content_length(length);
            let request = request.set_if_none_match(unless.map(str::to_owned));
            request.body(self.body(content)).send().await?;
            Ok(())
        })
    }

    fn body(&self, content: &Bytes) -> ByteStream {
        let Some(pace) = self.pace.clone() else { return content.clone().into() };
        let pieces = stream::unfold((content.clone(), pace), |(mut left, pace)| async move {
            if left.is_empty() {
                return None;
            }
            let piece = left.split_to(PIECE.min(left.len()));
            tokio::time::sleep(pace.delay(piece.len(), Instant::now())).await;
            let frame = Ok::<_, Infallible>(Frame::data(piece));
            Some((frame, (left, pace)))
        });
        ByteStream::new(SdkBody::from_body_1_x(BoxBody::new(StreamBody::new(pieces))))
    }

    async fn keep_pace(&self, bytes: usize) {
        if let Some(pace) = &self.pace {
            tokio::time::sleep(pace.delay(bytes, Instant::now())).await;
        }
    }

    fn path(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// Attempts until it succeeds, fails for good, or the budget is used up; remembers what stayed out of reach.
    fn insist<T, F: Future<Output = Result<T, Attempt>>>(
        &self,
        call: &str,
        key: &str,
        attempt: impl Fn() -> F,
    ) -> Result<T, ObjectError> {
        self.repeat(call, key, attempt).inspect_err(|error| {
            if error.is_of_reach() {
                let mut first = self.out_of_reach.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert_with(|| error.clone());
            }
        })
    }

    fn repeat<T, F: Future<Output = Result<T, Attempt>>>(
        &self,
        call: &str,
        key: &str,
        attempt: impl Fn() -> F,
    ) -> Result<T, ObjectError> {
        let mut failures = 0;
        loop {
            self.stop.check()?;
            let began = Instant::now();
            match self.runtime.block_on(self.unless_stopped(attempt())) {
                Ok(done) => return Ok(done),
                Err(Attempt::Final(error)) => return Err(error.about(call, key)),
                Err(Attempt::Again(cause)) => {
                    failures += 1;
                    self.patience.spend(began.elapsed());
                    let Some(pause) = self.patience.pause(failures, fastrand::f64()) else {
                        return Err(ObjectError::OutOfPatience { call: call.to_owned(), cause });
                    };
                    self.stop.pause(pause)?;
                }
            }
        }
    }

    /// A call that is under way ends with the command, however slow it is.
    async fn unless_stopped<T>(
        &self,
        attempt: impl Future<Output = Result<T, Attempt>>,
    ) -> Result<T, Attempt> {
        tokio::select! {
            answer = attempt => answer,
            reason = self.stop.ended() => Err(Attempt::Final(reason.into())),
        }
    }
}

impl fmt::Debug for Objects {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Objects(s3:{}/{})", self.bucket, self.prefix)
    }
}

impl ObjectError {
    /// Whether it tells of the way to the object, and nothing of the object.
    pub const fn is_of_reach(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::OutOfPatience { .. } | Self::Stopped(_))
    }

    /// The same, told of this call.
    fn about(self, call: &str, key: &str) -> Self {
        match self {
            Self::NotFound(_) => Self::NotFound(key.to_owned()),
            Self::Exists(_) => Self::Exists(key.to_owned()),
            Self::Refused { code, message, .. } => Self::Refused { call: call.to_owned(), code, message },
            other => other,
        }
    }
}

impl<E> From<SdkError<E, HttpResponse>> for Attempt
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        let status = error.raw_response().map(|response| response.status().as_u16());
        let code = error.code().unwrap_or_default().to_owned();
        let message = error.message().unwrap_or_default().to_owned();
        match (&error, status) {
            (SdkError::ServiceError(_), Some(status)) => judge(status, code, message),
            (SdkError::ConstructionFailure(_), _) => Self::Final(ObjectError::Refused {
                call: String::new(),
                code: "request".to_owned(),
                message: DisplayErrorContext(&error).to_string(),
            }),
            _ => Self::Again(DisplayErrorContext(&error).to_string()),
        }
    }
}

/// Refusals that are of the moment, besides those of a status of 500 or more.
const PASSING: [&str; 4] = ["SlowDown", "RequestTimeout", "ConditionalRequestConflict", "BadDigest"];

/// What S3's refusal means.
fn judge(status: u16, code: String, message: String) -> Attempt {
    match (status, code.as_str()) {
        (429 | 500.., _) => Attempt::Again(format!("{code}: {message}")),
        (_, passing) if PASSING.contains(&passing) => Attempt::Again(format!("{code}: {message}")),
        (404, code) if code != "NoSuchBucket" => Attempt::Final(ObjectError::NotFound(String::new())),
        (412, _) => Attempt::Final(ObjectError::Exists(String::new())),
        _ => refused(code, message),
    }
}

fn refused(code: String, message: String) -> Attempt {
    Attempt::Final(ObjectError::Refused { call: String::new(), code, message })
}

fn size(size: Option<i64>) -> u64 {
    size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default()
}

fn client(repository: &configuration::Repository) -> Result<Client, ConnectError> {
    let timeouts =
        TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(READ_TIMEOUT).build();
    let builder = aws_sdk_s3::config::Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(repository.region.clone()))
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        // Every put names its own checksum; what is read is verified by the repository's own.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    let builder = match &repository.endpoint {
        Some(url) => builder.endpoint_url(url).force_path_style(true),
        None => builder,
    };
    let builder = match &repository.credentials {
        configuration::Credentials::HostRole {} => {
            builder.credentials_provider(ImdsCredentialsProvider::builder().build())
        }
        configuration::Credentials::Keys { access_key, secret_key } => {
            let folder = secret::credentials();
            let read = |secret| secret::read(secret, folder.as_deref());
            builder.credentials_provider(keys(&read(access_key)?, &read(secret_key)?))
        }
    };
    Ok(Client::from_conf(builder.build()))
}

fn keys(id: &Value, secret: &Value) -> Credentials {
    Credentials::new(id.reveal(), secret.reveal(), None, None, "socle-backup")
}
