//! What an AWS call that did not succeed amounts to.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_route53::config::http::HttpResponse;
use aws_sdk_route53::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_route53::operation::RequestId;
use hyper_util::client::legacy::Error as TransportError;

use crate::clients::causes::{causes, chain};
use crate::clients::retry::Verdict;

/// The codes by which AWS says "later" and has done nothing.
const BUSY: [&str; 13] = [
    "BandwidthLimitExceeded",
    "ConcurrentModification",
    "OperationAborted",
    "PriorRequestNotComplete",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
    "TooManyRequestsException",
];

/// How the SDK begins to say that an endpoint is no URL. It has no error of its own for that, and may go on with the
/// whole request.
const NO_URL: [&str; 2] = ["failed to apply endpoint `", "Custom endpoint `"];

/// What to do about an endpoint that is no URL. One of the provider's `aws` block always is: validation sees to it.
pub const ENDPOINT_ADVICE: &str = "Correct or unset AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_ROUTE_53 (or _S3, _STS), or \
    `endpoint_url` of the profile: a URL begins with http:// or https://";

/// How many characters of a foreign answer an error shows.
const EXCERPT: usize = 200;

/// How one attempt of an AWS call failed. The texts hold no credentials: the SDK leaves them out of its errors.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AwsFailure {
    /// No source of the chain gave credentials, or one failed. Nothing was sent.
    #[error("no AWS credentials: {tried}")]
    NoCredentials {
        /// The sources that were asked, with the answer of each.
        tried: String,
    },
    /// The service answered with an error.
    #[error("AWS answered {code} (HTTP {status}): {message} [request id {request_id}]")]
    Refused {
        /// The error's code, for instance `AccessDenied`; `unknown` when the answer has none.
        code: String,
        /// The service's sentence on it.
        message: String,
        /// The HTTP status.
        status: u16,
        /// What AWS support asks for; `none` when the answer has none.
        request_id: String,
    },
    /// The endpoint that the environment or a profile gives is no URL. Nothing was sent.
    #[error("the endpoint {0:?} is no URL")]
    NoUrl(String),
    /// No connection to the endpoint could be made. Nothing was sent.
    #[error("the endpoint cannot be reached: {0}")]
    Unreached(String),
    /// The request was sent, and the connection was cut or stayed silent.
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// An answer came that is none of the service's.
    #[error("the answer cannot be understood (HTTP {status}): {text}")]
    Unreadable {
        /// The HTTP status.
        status: u16,
        /// What is wrong with it.
        text: String,
    },
    /// The request could not be made. Nothing was sent.
    #[error("the request cannot be made: {0}")]
    Unsendable(String),
}

impl AwsFailure {
    /// Reads the SDK's error.
    pub fn of<E: ProvideErrorMetadata + Error + 'static>(error: &SdkError<E, HttpResponse>) -> Self {
        if let Some(endpoint) = endpoint_that_is_no_url(error) {
            return Self::NoUrl(endpoint);
        }
        if let Some(credentials) = cause::<CredentialsError>(error) {
            return Self::NoCredentials { tried: chain(credentials) };
        }
        match error {
            SdkError::ServiceError(context) => Self::answered(context.err(), context.raw()),
            SdkError::ResponseError(context) => {
                Self::Unreadable { status: context.raw().status().as_u16(), text: chain(error) }
            }
            SdkError::DispatchFailure(_) if never_connected(error) => Self::Unreached(chain(error)),
            SdkError::DispatchFailure(context) if context.is_user() => Self::Unsendable(chain(error)),
            SdkError::ConstructionFailure(_) => Self::Unsendable(chain(error)),
            _ => Self::NoAnswer(chain(error)),
        }
    }

    /// A success that is none of the service's comes from the SDK as an error without a code.
    fn answered<E: ProvideErrorMetadata + Error + 'static>(error: &E, raw: &HttpResponse) -> Self {
        let status = raw.status().as_u16();
        if error.code().is_none() && raw.status().is_success() {
            return Self::Unreadable { status, text: chain(error) };
        }
        Self::Refused {
            code: error.code().unwrap_or("unknown").to_owned(),
            message: error.message().map_or_else(|| excerpt(raw), str::to_owned),
            status,
            request_id: error.meta().request_id().unwrap_or("none").to_owned(),
        }
    }

    /// The error's code, when the service answered with one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            _ => None,
        }
    }

    /// What the failure says about another attempt.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Refused { code, status, .. } if BUSY.contains(&code.as_str()) || *status == 429 => {
                Verdict::Busy
            }
            // What the service does not know now it will not know in a second.
            Self::Refused { status: 501, .. } => Verdict::Final,
            Self::Refused { status: 500.., .. } | Self::NoAnswer(_) | Self::Unreadable { .. } => {
                Verdict::Unknown
            }
            Self::Unreached(_) => Verdict::Unreached,
            Self::Refused { .. } | Self::NoCredentials { .. } | Self::NoUrl(_) | Self::Unsendable(_) => {
                Verdict::Final
            }
        }
    }
}

/// The beginning of a body that is no error of AWS, for instance a proxy's page.
fn excerpt(raw: &HttpResponse) -> String {
    let body = String::from_utf8_lossy(raw.body().bytes().unwrap_or_default());
    match body.trim() {
        "" => "an empty answer".to_owned(),
        text => text.chars().take(EXCERPT).collect(),
    }
}

/// Whether no connection came about. The SDK knows it but does not say it; the error of its transport does. Were
/// that type another one some day, such failures would count as "perhaps sent": more careful, never wrong.
fn never_connected(error: &(dyn Error + 'static)) -> bool {
    cause::<TransportError>(error).is_some_and(TransportError::is_connect)
}

fn endpoint_that_is_no_url(error: &(dyn Error + 'static)) -> Option<String> {
    causes(error).map(ToString::to_string).find_map(|text| {
        let named = NO_URL.iter().find_map(|beginning| text.split_once(beginning))?.1;
        Some(named.split('`').next().unwrap_or_default().to_owned())
    })
}

fn cause<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    causes(error).find_map(|error| error.downcast_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str, status: u16) -> AwsFailure {
        let (code, message, request_id) = (code.to_owned(), "why".to_owned(), "r-1".to_owned());
        AwsFailure::Refused { code, message, status, request_id }
    }

    #[test]
    fn throttling_is_busy_under_any_status() {
        assert_eq!(refused("Throttling", 400).verdict(), Verdict::Busy);
        assert_eq!(refused("PriorRequestNotComplete", 400).verdict(), Verdict::Busy);
        assert_eq!(refused("SlowDown", 503).verdict(), Verdict::Busy);
        assert_eq!(refused("unknown", 429).verdict(), Verdict::Busy);
    }

    #[test]
    fn server_fault_leaves_the_effect_unknown() {
        assert_eq!(refused("InternalFailure", 500).verdict(), Verdict::Unknown);
        assert_eq!(refused("ServiceUnavailable", 503).verdict(), Verdict::Unknown);
    }

    #[test]
    fn other_answers_are_definite() {
        assert_eq!(refused("NotImplemented", 501).verdict(), Verdict::Final);
        assert_eq!(refused("AccessDenied", 403).verdict(), Verdict::Final);
        assert_eq!(refused("InvalidChangeBatch", 400).verdict(), Verdict::Final);
    }

    #[test]
    fn refusal_names_code_message_and_request() {
        let text = refused("AccessDenied", 403).to_string();
        assert_eq!(text, "AWS answered AccessDenied (HTTP 403): why [request id r-1]");
    }
}
