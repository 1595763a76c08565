//! Failed calls of S3, in words that say what to do next.

use std::fmt;

use crate::clients::aws::{AwsFailure, ENDPOINT_ADVICE};
use crate::clients::retry::{Failure, Stop};

/// An action of the S3 API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is named as the action is in the API")]
pub enum Action {
    AbortMultipartUpload,
    CreateBucket,
    DeleteBucket,
    DeleteBucketPolicy,
    DeleteObjects,
    GetBucketEncryption,
    GetBucketLifecycleConfiguration,
    GetBucketPolicy,
    GetBucketTagging,
    GetBucketVersioning,
    GetPublicAccessBlock,
    HeadBucket,
    ListMultipartUploads,
    ListObjectVersions,
    PutBucketEncryption,
    PutBucketLifecycleConfiguration,
    PutBucketPolicy,
    PutBucketTagging,
    PutBucketVersioning,
    PutPublicAccessBlock,
}

impl Action {
    /// The IAM action that the call needs.
    pub const fn permission(self) -> &'static str {
        match self {
            Self::AbortMultipartUpload => "s3:AbortMultipartUpload",
            Self::CreateBucket => "s3:CreateBucket and s3:TagResource",
            Self::DeleteBucket => "s3:DeleteBucket",
            Self::DeleteBucketPolicy => "s3:DeleteBucketPolicy",
            Self::DeleteObjects => "s3:DeleteObject and s3:DeleteObjectVersion",
            Self::GetBucketEncryption => "s3:GetEncryptionConfiguration",
            Self::GetBucketLifecycleConfiguration => "s3:GetLifecycleConfiguration",
            Self::GetBucketPolicy => "s3:GetBucketPolicy",
            Self::GetBucketTagging => "s3:GetBucketTagging",
            Self::GetBucketVersioning => "s3:GetBucketVersioning",
            Self::GetPublicAccessBlock => "s3:GetBucketPublicAccessBlock",
            Self::HeadBucket => "s3:ListBucket",
            Self::ListMultipartUploads => "s3:ListBucketMultipartUploads",
            Self::ListObjectVersions => "s3:ListBucketVersions",
            Self::PutBucketEncryption => "s3:PutEncryptionConfiguration",
            Self::PutBucketLifecycleConfiguration => "s3:PutLifecycleConfiguration",
            Self::PutBucketPolicy => "s3:PutBucketPolicy",
            Self::PutBucketTagging => "s3:PutBucketTagging",
            Self::PutBucketVersioning => "s3:PutBucketVersioning",
            Self::PutPublicAccessBlock => "s3:PutBucketPublicAccessBlock",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, out)
    }
}

/// A call of S3 that did not succeed. The text names the call, the bucket, the cause and what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("S3 {action} for the bucket {bucket}: {cause}. {}", self.advice())]
pub struct S3Error {
    /// The call.
    pub action: Action,
    /// The bucket.
    pub bucket: String,
    /// Why it did not succeed.
    pub cause: Cause,
}

/// Why a call did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// A definite answer, or the last of as many attempts as are allowed.
    #[error("{0}")]
    Failed(AwsFailure),
    /// It may have taken effect: the caller must look.
    #[error("{0}")]
    Unknown(AwsFailure),
    /// The budget ended between two attempts.
    #[error("{why}{}", .last.as_ref().map(|last| format!("; the last attempt: {last}")).unwrap_or_default())]
    Stopped {
        /// What ended the budget.
        why: Stop,
        /// The failure of the attempt before, when there was one.
        last: Option<AwsFailure>,
    },
    /// The budget ended while the call was in flight.
    #[error("{0} before the call was answered")]
    Cut(Stop),
    /// The call itself succeeded, and refused one object.
    #[error("{0}")]
    Object(String),
}

impl S3Error {
    /// The HTTP status of the answer, when there was one.
    pub fn status(&self) -> Option<u16> {
        match &self.cause {
            Cause::Failed(AwsFailure::Refused { status, .. }) => Some(*status),
            _ => None,
        }
    }

    /// The error code, when S3 answered with one.
    pub fn code(&self) -> Option<&str> {
        match &self.cause {
            Cause::Failed(failure) => failure.code(),
            _ => None,
        }
    }

    /// Whether the endpoint does not know the call at all.
    pub fn is_unknown_to_the_endpoint(&self) -> bool {
        matches!(self.status(), Some(405 | 501)) || self.code() == Some("NotImplemented")
    }

    /// Whether the endpoint does not take the call in the form in which it was made.
    pub fn is_of_form(&self) -> bool {
        const CODES: [&str; 3] = ["MalformedXML", "InvalidRequest", "InvalidArgument"];
        self.is_unknown_to_the_endpoint() || self.code().is_some_and(|code| CODES.contains(&code))
    }

    /// Whether the call may have taken effect.
    pub const fn is_ambiguous(&self) -> bool {
        matches!(self.cause, Cause::Unknown(_) | Cause::Cut(_))
    }

    fn advice(&self) -> String {
        match &self.cause {
            Cause::Failed(failure) | Cause::Unknown(failure) => self.cure(failure),
            Cause::Stopped { why, .. } | Cause::Cut(why) => match why {
                Stop::Cancelled => "Apply again to go on".to_owned(),
                Stop::OutOfTime => "Apply again to go on, with a longer timeout in `timeouts`".to_owned(),
            },
            Cause::Object(_) => {
                format!("Allow the credentials {}, or see what holds the object", self.action.permission())
            }
        }
    }

    fn cure(&self, failure: &AwsFailure) -> String {
        match failure {
            AwsFailure::NoCredentials { .. } => {
                "Give credentials by the environment, by `profile` or `assume_role` in the provider's `aws` block, or by \
                 the role of the machine or container that this runs on"
                    .to_owned()
            }
            AwsFailure::NoUrl(_) => ENDPOINT_ADVICE.to_owned(),
            AwsFailure::Unreached(_) => "Check the network, the proxy settings and, where one is given, the endpoint \
                 `s3` in the provider's `aws` block"
                .to_owned(),
            AwsFailure::NoAnswer(_) | AwsFailure::Unreadable { .. } => {
                "Apply again: what was done is found and what is missing is done".to_owned()
            }
            AwsFailure::Unsendable(_) => "Check the provider's `aws` block and the arguments".to_owned(),
            AwsFailure::Refused { code, status, .. } => self.after_refusal(code, *status),
        }
    }

    fn after_refusal(&self, code: &str, status: u16) -> String {
        let advice = match code {
            "BucketAlreadyExists" => "Choose another name: the bucket belongs to another account",
            "BucketAlreadyOwnedByYou" => "Import the bucket: the account has it already",
            "BucketNotEmpty" => "Something was put into the bucket meanwhile: apply again",
            "MalformedPolicy" => "Correct the statements of the bucket's policy that are not Socle's",
            "InvalidAccessKeyId" | "SignatureDoesNotMatch" => {
                "Check the credentials: S3 does not know them, or the secret is not theirs"
            }
            "ExpiredToken" => "Log in again: the session's credentials have expired",
            "RequestTimeTooSkewed" => "Set this machine's clock: S3 refuses requests of another time",
            "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" => {
                "The bucket is in another region: set `region` to it"
            }
            _ if status == 301 => "The bucket is in another region: set `region` to it",
            _ if status == 403 => {
                let permission = self.action.permission();
                return format!(
                    "Allow the credentials {permission}, if the bucket is yours; else choose another name"
                );
            }
            _ if status >= 500 => "Apply again: what was done is found and what is missing is done",
            _ => "Correct what S3 names",
        };
        advice.to_owned()
    }
}

/// A call about to be made: what its failure will name.
#[derive(Debug)]
pub(super) struct Call {
    action: Action,
    bucket: String,
}

impl Call {
    pub(super) fn new(action: Action, bucket: &str) -> Self {
        Self { action, bucket: bucket.to_owned() }
    }

    pub(super) fn error(&self, failure: Failure<AwsFailure>) -> S3Error {
        self.because(match failure {
            Failure::Final(failure) => Cause::Failed(failure),
            Failure::Unknown(failure) => Cause::Unknown(failure),
            Failure::Stopped { why, last } => Cause::Stopped { why, last },
            Failure::Cut(why) => Cause::Cut(why),
        })
    }

    /// The request has not what the API demands.
    pub(super) fn unsendable(&self, problem: &impl ToString) -> S3Error {
        self.because(Cause::Failed(AwsFailure::Unsendable(problem.to_string())))
    }

    pub(super) fn object_refused(
        &self,
        key: Option<&str>,
        code: Option<&str>,
        message: Option<&str>,
    ) -> S3Error {
        let or = |text: Option<&str>| text.unwrap_or("unknown").to_owned();
        self.because(Cause::Object(format!("{} was refused: {}: {}", or(key), or(code), or(message))))
    }

    fn because(&self, cause: Cause) -> S3Error {
        S3Error { action: self.action, bucket: self.bucket.clone(), cause }
    }
}
