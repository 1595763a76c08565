//! How a download fails.

use std::path::Path;

use super::MIRROR_VARIABLE;
use crate::clients::causes::chain;
use crate::clients::retry::{Failure, Stop, Verdict};

/// Why a file of a release could not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DownloadError {
    /// There is no such file.
    #[error("{url} does not exist (HTTP 404)")]
    NotFound {
        /// The file.
        url: String,
    },
    /// The site said no.
    #[error("{url} is refused (HTTP {status})")]
    Refused {
        /// The file.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// No whole answer came.
    #[error(
        "{url} does not come: {cause}. See whether this machine reaches the site; behind a proxy, set HTTPS_PROXY"
    )]
    NoAnswer {
        /// The file.
        url: String,
        /// What went wrong.
        cause: String,
    },
    /// The run ended.
    #[error("{url} did not come in time: {why}")]
    Stopped {
        /// The file.
        url: String,
        /// What ended it.
        why: Stop,
    },
    /// What came cannot be kept.
    #[error("{place} cannot be written: {cause}")]
    Disk {
        /// The file on this machine.
        place: String,
        /// The system's answer.
        cause: String,
    },
    /// The mirror is not one.
    #[error(
        "{MIRROR_VARIABLE} is {found:?}: it must be an https:// URL without user, password and query, or http:// on this \
         machine's loopback"
    )]
    Mirror {
        /// What the variable says.
        found: String,
    },
    /// TLS cannot be spoken.
    #[error("this machine cannot speak HTTPS: {cause}")]
    Client {
        /// What is wrong.
        cause: String,
    },
    /// There is no place for what comes.
    #[error("there is no folder to keep it in: set SOCLE_CACHE, XDG_CACHE_HOME or HOME")]
    NoFolder,
}

impl DownloadError {
    pub(super) fn of(url: &str, failure: Failure<Attempt>) -> Self {
        let url = url.to_owned();
        match failure {
            Failure::Final(attempt)
            | Failure::Unknown(attempt)
            | Failure::Stopped { last: Some(attempt), .. } => match attempt {
                Attempt::Status(404 | 410) => Self::NotFound { url },
                Attempt::Status(status) => Self::Refused { url, status },
                Attempt::Unreached(cause) | Attempt::Broken(cause) | Attempt::Strange(cause) => {
                    Self::NoAnswer { url, cause }
                }
                Attempt::Disk { place, cause } => Self::Disk { place, cause },
            },
            Failure::Stopped { why, last: None } | Failure::Cut(why) => Self::Stopped { url, why },
        }
    }
}

/// How one attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// It was answered, and not with the file.
    Status(u16),
    /// No connection came about.
    Unreached(String),
    /// The answer did not come, or not to its end.
    Broken(String),
    /// It is not what was asked for.
    Strange(String),
    /// This machine could not keep it.
    Disk { place: String, cause: String },
}

impl Attempt {
    pub(super) fn of(error: reqwest::Error) -> Self {
        let unreached = error.is_connect();
        let (redirected, said) = (error.is_redirect() || error.is_builder(), said(error));
        match (unreached, redirected) {
            (_, true) => Self::Strange(said),
            (true, _) => Self::Unreached(said),
            _ => Self::Broken(said),
        }
    }

    pub(super) fn disk(place: &Path, error: &std::io::Error) -> Self {
        Self::Disk { place: place.display().to_string(), cause: error.to_string() }
    }

    pub(super) const fn verdict(&self) -> Verdict {
        match self {
            Self::Status(429 | 503) => Verdict::Busy,
            Self::Status(500..) | Self::Broken(_) => Verdict::Unknown,
            Self::Unreached(_) => Verdict::Unreached,
            Self::Status(_) | Self::Strange(_) | Self::Disk { .. } => Verdict::Final,
        }
    }
}

/// The error and its causes. The URL is told by whoever tells this.
pub(super) fn said(error: reqwest::Error) -> String {
    chain(&error.without_url())
}
