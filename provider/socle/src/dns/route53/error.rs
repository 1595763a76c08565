//! Failed calls of Route 53, in words that say what to do next.

use std::fmt;

use super::rejection::Refusal;
use crate::clients::aws::{AwsFailure, ENDPOINT_ADVICE};
use crate::clients::retry::{Failure, Stop};

/// An action of the Route 53 API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is named as the action is in the API")]
pub enum Action {
    AssociateVpcWithHostedZone,
    ChangeResourceRecordSets,
    ChangeTagsForResource,
    CreateHostedZone,
    DeleteHostedZone,
    DisassociateVpcFromHostedZone,
    GetChange,
    GetHostedZone,
    ListHostedZonesByName,
    ListResourceRecordSets,
    ListTagsForResource,
    UpdateHostedZoneComment,
}

impl Action {
    /// The name in the API, and in IAM after `route53:`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AssociateVpcWithHostedZone => "AssociateVPCWithHostedZone",
            Self::ChangeResourceRecordSets => "ChangeResourceRecordSets",
            Self::ChangeTagsForResource => "ChangeTagsForResource",
            Self::CreateHostedZone => "CreateHostedZone",
            Self::DeleteHostedZone => "DeleteHostedZone",
            Self::DisassociateVpcFromHostedZone => "DisassociateVPCFromHostedZone",
            Self::GetChange => "GetChange",
            Self::GetHostedZone => "GetHostedZone",
            Self::ListHostedZonesByName => "ListHostedZonesByName",
            Self::ListResourceRecordSets => "ListResourceRecordSets",
            Self::ListTagsForResource => "ListTagsForResource",
            Self::UpdateHostedZoneComment => "UpdateHostedZoneComment",
        }
    }

    /// The IAM actions that the call needs. Route 53 looks at the VPC with the caller's own rights.
    pub const fn permissions(self) -> &'static str {
        match self {
            Self::AssociateVpcWithHostedZone => "route53:AssociateVPCWithHostedZone and ec2:DescribeVpcs",
            Self::ChangeResourceRecordSets => "route53:ChangeResourceRecordSets",
            Self::ChangeTagsForResource => "route53:ChangeTagsForResource",
            Self::CreateHostedZone => {
                "route53:CreateHostedZone (and, for a private zone, route53:AssociateVPCWithHostedZone and \
                 ec2:DescribeVpcs)"
            }
            Self::DeleteHostedZone => "route53:DeleteHostedZone",
            Self::DisassociateVpcFromHostedZone => {
                "route53:DisassociateVPCFromHostedZone and ec2:DescribeVpcs"
            }
            Self::GetChange => "route53:GetChange",
            Self::GetHostedZone => "route53:GetHostedZone",
            Self::ListHostedZonesByName => "route53:ListHostedZonesByName",
            Self::ListResourceRecordSets => "route53:ListResourceRecordSets",
            Self::ListTagsForResource => "route53:ListTagsForResource",
            Self::UpdateHostedZoneComment => "route53:UpdateHostedZoneComment",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// A call of Route 53 that did not succeed. The text names the call, its object, the cause and what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Route 53 {action} for {object}: {cause}. {}", .cause.advice(*.action))]
pub struct Route53Error {
    /// The call.
    pub action: Action,
    /// What it was about, such as `zone Z0123456789`.
    pub object: String,
    /// Why it did not succeed.
    pub cause: Cause,
}

/// Why a call did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// The last attempt failed.
    #[error("{0}")]
    Failed(AwsFailure),
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
    /// The call succeeded with an answer that makes no sense.
    #[error("the answer cannot be used: {0}")]
    Answer(String),
}

/// Why a write did not succeed that cannot simply be repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// It may have taken effect: the caller must look.
    #[error("{0}")]
    Ambiguous(Route53Error),
    /// It did not take effect.
    #[error("{0}")]
    Failed(Route53Error),
}

/// Why a batch was not submitted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// Route 53 refused it for what it holds. None of it took effect.
    #[error("{}: Route 53 refused the batch, none of it was applied: {}", .error.object, .messages.join("; "))]
    Rejected {
        /// An objection each, in Route 53's words.
        messages: Vec<String>,
        /// The failed call.
        error: Route53Error,
    },
    /// It may have taken effect, all of it or nothing: the caller must look.
    #[error("{0}")]
    Ambiguous(Route53Error),
    /// It did not take effect.
    #[error("{0}")]
    Failed(Route53Error),
}

impl Route53Error {
    /// The error code, when AWS answered with one.
    pub fn code(&self) -> Option<&str> {
        match &self.cause {
            Cause::Failed(failure) => failure.code(),
            _ => None,
        }
    }

    /// Whether Route 53 says that there is no such zone.
    pub fn is_no_such_zone(&self) -> bool {
        self.code() == Some("NoSuchHostedZone")
    }
}

impl From<Failure<AwsFailure>> for Cause {
    fn from(failure: Failure<AwsFailure>) -> Self {
        match failure {
            Failure::Final(failure) | Failure::Unknown(failure) => Self::Failed(failure),
            Failure::Stopped { why, last } => Self::Stopped { why, last },
            Failure::Cut(why) => Self::Cut(why),
        }
    }
}

impl Cause {
    /// What the user does next.
    fn advice(&self, action: Action) -> String {
        match self {
            Self::Failed(failure) => advice(failure, action),
            Self::Stopped { why, .. } | Self::Cut(why) => match why {
                Stop::Cancelled => "Apply again to go on".to_owned(),
                Stop::OutOfTime => "Apply again to go on, with a longer timeout in `timeouts`".to_owned(),
            },
            Self::Answer(_) => "Check that the endpoint is Route 53's".to_owned(),
        }
    }
}

fn advice(failure: &AwsFailure, action: Action) -> String {
    match failure {
        AwsFailure::NoCredentials { .. } => "Give credentials by the environment (AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY, AWS_PROFILE), by `profile` or `assume_role` in the provider's `aws` block, or by \
             the role of the machine or container that this runs on"
            .to_owned(),
        AwsFailure::NoUrl(_) => ENDPOINT_ADVICE.to_owned(),
        AwsFailure::Unreached(_) => "Check the network, the proxy settings and, where one is given, the endpoint \
             `route53` in the provider's `aws` block"
            .to_owned(),
        AwsFailure::NoAnswer(_) | AwsFailure::Unreadable { .. } => {
            "Apply again: what was done is found and what is missing is done".to_owned()
        }
        AwsFailure::Unsendable(_) => "Check the provider's `aws` block".to_owned(),
        AwsFailure::Refused { code, status, .. } => refusal(code, *status, action),
    }
}

fn refusal(code: &str, status: u16, action: Action) -> String {
    let advice = match code {
        "AccessDenied" | "AccessDeniedException" | "NotAuthorizedException" => {
            return format!("Allow the credentials {}", action.permissions());
        }
        "InvalidClientTokenId" | "SignatureDoesNotMatch" | "UnrecognizedClientException" => {
            "Check the credentials: AWS does not know them, or the secret is not theirs"
        }
        "ExpiredToken" | "ExpiredTokenException" => "Log in again: the session's credentials have expired",
        "RequestExpired" | "RequestTimeTooSkewed" => {
            "Set this machine's clock: AWS refuses requests of another time"
        }
        "NoSuchHostedZone" => "Check the zone's id and that the credentials are of the account that has it",
        "HostedZoneNotEmpty" => "Delete the record sets that are left, and the key-signing keys of DNSSEC",
        "HostedZoneAlreadyExists" => "Apply again: a new zone takes a new caller reference",
        "ConflictingDomainExists" => {
            "Check the zones of this name: the VPC sees one already, or another account has it"
        }
        "DelegationSetNotAvailable" => {
            "Ask AWS support: Route 53 has no name servers left for a zone of this name, or guards the name"
        }
        "InvalidVPCId" => "Check the VPC's id and region, and that the credentials may use it",
        "LastVPCAssociation" => "Give the zone another VPC first: a private zone always has one",
        "PublicZoneVPCAssociation" => "Create a private zone: a public one has no VPCs",
        "LimitsExceeded" | "TooManyHostedZones" => "Ask AWS for a higher quota, or delete what is not used",
        _ if status >= 500 => "Apply again: what was done is found and what is missing is done",
        _ => "Correct what AWS names",
    };
    advice.to_owned()
}

/// A call about to be made: what its failure will name.
#[derive(Debug)]
pub(super) struct Call {
    action: Action,
    object: String,
}

impl Call {
    pub(super) fn new(action: Action, object: String) -> Self {
        Self { action, object }
    }

    pub(super) fn of_zone(action: Action, id: &str) -> Self {
        Self::new(action, format!("zone {id}"))
    }

    pub(super) fn error(&self, cause: Cause) -> Route53Error {
        Route53Error { action: self.action, object: self.object.clone(), cause }
    }

    pub(super) fn write_error(&self, failure: Failure<AwsFailure>) -> WriteError {
        let ambiguous = failure.is_ambiguous();
        let error = self.error(failure.into());
        if ambiguous { WriteError::Ambiguous(error) } else { WriteError::Failed(error) }
    }

    pub(super) fn submit_error(&self, failure: Failure<Refusal>) -> SubmitError {
        let messages = match &failure {
            Failure::Final(refusal) => refusal.messages.clone(),
            _ => Vec::new(),
        };
        match self.write_error(failure.map(|refusal| refusal.failure)) {
            WriteError::Ambiguous(error) => SubmitError::Ambiguous(error),
            WriteError::Failed(error) if messages.is_empty() => SubmitError::Failed(error),
            WriteError::Failed(error) => SubmitError::Rejected { messages, error },
        }
    }
}
