//! What a call of an API server that did not succeed amounts to.

use std::fmt;

use hyper_util::client::legacy::Error as TransportError;
use serde_json::Value;

use crate::clients::causes::chain;
use crate::clients::retry::{Failure, Stop, Verdict};

/// How many characters of an answer that is no `Status` an error shows.
const EXCERPT: usize = 200;

/// How a server refused (`metav1.Status`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// The HTTP status code.
    pub code: u16,
    /// One word, such as `Conflict`.
    pub reason: String,
    /// One sentence.
    pub message: String,
    /// The fields that it is about.
    pub causes: Vec<Cause>,
}

/// One field that a refusal is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cause {
    /// One word, such as `FieldManagerConflict`.
    pub reason: String,
    /// One sentence.
    pub message: String,
    /// The field.
    pub field: String,
}

impl Status {
    /// Reads the body of a refusal, whatever it is.
    pub fn read(code: u16, body: &[u8]) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match serde_json::from_slice::<Value>(body) {
            Ok(status) if status["kind"] == "Status" => Self {
                code,
                reason: text(&status["reason"]),
                message: text(&status["message"]),
                causes: status["details"]["causes"].as_array().into_iter().flatten().map(cause).collect(),
            },
            _ => Self { code, message: excerpt(body), reason: reason(code).to_owned(), causes: Vec::new() },
        }
    }

    /// Has one of its causes this reason?
    pub fn has_cause(&self, reason: &str) -> bool {
        self.causes.iter().any(|cause| cause.reason == reason)
    }
}

fn cause(cause: &Value) -> Cause {
    let [reason, message, field] =
        ["reason", "message", "field"].map(|key| cause[key].as_str().unwrap_or_default().to_owned());
    Cause { reason, message, field }
}

fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(EXCERPT).collect()
}

/// The word that Kubernetes has for a code.
const fn reason(code: u16) -> &'static str {
    match code {
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        429 => "TooManyRequests",
        500 => "InternalError",
        503 => "ServiceUnavailable",
        _ => "",
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.message.as_str(), self.reason.as_str()) {
            ("", "") => write!(f, "status {}", self.code),
            ("", reason) => write!(f, "{reason} (status {})", self.code),
            (message, "") => write!(f, "{message} (status {})", self.code),
            (message, reason) => write!(f, "{message} ({reason}, status {})", self.code),
        }
    }
}

/// How one attempt failed.
#[derive(Debug)]
pub(super) enum Attempt {
    /// The server was never reached.
    Unreached(String),
    /// The connection ended before the answer did.
    Cut(String),
    /// The server refused.
    Refused(Status),
    /// No credentials could be had: nothing was sent.
    NoCredentials(String),
    /// The request or the answer makes no sense.
    Garbled(String),
}

impl Attempt {
    pub(super) fn of(error: kube::Error) -> Self {
        match error {
            kube::Error::Service(error) => match error.downcast_ref::<TransportError>() {
                Some(transport) if transport.is_connect() => Self::Unreached(chain(transport)),
                Some(transport) => Self::Cut(chain(transport)),
                None => Self::Cut(error.to_string()),
            },
            kube::Error::HyperError(error) => Self::Cut(chain(&error)),
            kube::Error::Auth(error) => Self::NoCredentials(error.to_string()),
            other => Self::Cut(other.to_string()),
        }
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreached(problem) => write!(f, "it cannot be reached: {problem}"),
            Self::Cut(problem) => write!(f, "the connection broke: {problem}"),
            Self::Refused(status) => status.fmt(f),
            Self::NoCredentials(problem) => write!(f, "there are no credentials: {problem}"),
            Self::Garbled(problem) => f.write_str(problem),
        }
    }
}

/// What a failed attempt says about the next one.
pub(super) fn verdict(attempt: &Attempt) -> Verdict {
    match attempt {
        Attempt::Unreached(_) => Verdict::Unreached,
        Attempt::Cut(_) => Verdict::Unknown,
        Attempt::NoCredentials(_) | Attempt::Garbled(_) => Verdict::Final,
        Attempt::Refused(status) => verdict_of(status),
    }
}

fn verdict_of(status: &Status) -> Verdict {
    // A webhook whose pods are not up yet, or a namespace on its way out: nothing was done, and it passes.
    let passes =
        status.message.contains("failed calling webhook") || status.has_cause("NamespaceTerminating");
    match status.code {
        429 => Verdict::Busy,
        403 | 409 | 500 if passes => Verdict::Busy,
        409 if status.reason == "Conflict" && status.message.contains("object has been modified") => {
            Verdict::Unknown
        }
        500 | 502..=504 => Verdict::Unknown,
        _ => Verdict::Final,
    }
}

/// Why a call of an API server did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KubernetesError {
    /// The server was never reached.
    #[error("{call}: the API server {server} cannot be reached: {problem}")]
    Unreachable {
        /// Method and path.
        call: String,
        /// Its URL.
        server: String,
        /// What the last attempt met with.
        problem: String,
    },
    /// The server refused.
    #[error("{call}: {status}")]
    Refused {
        /// Method and path.
        call: String,
        /// Its answer.
        status: Box<Status>,
    },
    /// The answer did not arrive, or made no sense.
    #[error("{call}: {problem}")]
    Garbled {
        /// Method and path.
        call: String,
        /// What was wrong.
        problem: String,
    },
    /// The user or the clock ended the run.
    #[error("{call}: {why}{}", .last.as_ref().map(|last| format!("; before, {last}")).unwrap_or_default())]
    Stopped {
        /// Method and path.
        call: String,
        /// Which of the two.
        why: Stop,
        /// What the attempt before met with.
        last: Option<String>,
    },
    /// The server does not tell what it serves in a form that is read here.
    #[error("the API server {server} is older than Kubernetes 1.27, from which on this resource works")]
    TooOld {
        /// Its URL.
        server: String,
    },
}

impl KubernetesError {
    pub(super) fn of(call: String, server: &str, failure: Failure<Attempt>) -> Self {
        match failure {
            Failure::Final(attempt) | Failure::Unknown(attempt) => match attempt {
                Attempt::Refused(status) => Self::Refused { call, status: Box::new(status) },
                Attempt::Unreached(problem) => Self::Unreachable { call, server: server.to_owned(), problem },
                other => Self::Garbled { call, problem: other.to_string() },
            },
            Failure::Stopped { why, last } => {
                Self::Stopped { call, why, last: last.map(|last| last.to_string()) }
            }
            Failure::Cut(why) => Self::Stopped { call, why, last: None },
        }
    }

    /// The server's refusal, when it is one.
    pub fn status(&self) -> Option<&Status> {
        match self {
            Self::Refused { status, .. } => Some(status),
            _ => None,
        }
    }

    /// Did the server refuse with this reason?
    pub fn is(&self, reason: &str) -> bool {
        self.status().is_some_and(|status| status.reason == reason)
    }

    /// Is a page of a list no longer to be had?
    pub(super) fn is_expired(&self) -> bool {
        self.status().is_some_and(|status| status.code == 410)
    }
}

#[cfg(test)]
mod tests;
