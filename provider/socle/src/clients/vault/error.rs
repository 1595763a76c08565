//! How work with Vault fails.

use tfplugin::Diagnostic;
use vaultrs::error::ClientError;

use crate::clients::causes::chain;
use crate::clients::retry::{Failure, Stop, Verdict};

/// How work with Vault failed. The texts hold paths, never values or tokens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The provider's `vault` block, or the environment, says too little.
    #[error("Vault cannot be used: {cause}. See the provider's `vault` block.")]
    Settings {
        /// What is missing.
        cause: String,
    },
    /// Vault said no.
    #[error("Vault refuses {what} (HTTP {status}): {message}. {}", cure(*status))]
    Refused {
        /// The path that was called.
        what: String,
        /// The HTTP status.
        status: u16,
        /// Vault's words.
        message: String,
    },
    /// There is no such secret, or that version of it is deleted.
    #[error(
        "Vault has nothing at {what}: no such secret, or that version is deleted. Check mount, path and version."
    )]
    NotFound {
        /// The path that was called.
        what: String,
    },
    /// A secret has not the field.
    #[error("the secret at {what} has no field {field:?} that is a text; it has: {found}.")]
    NoField {
        /// The path that was called.
        what: String,
        /// The field.
        field: String,
        /// The fields that it has.
        found: String,
    },
    /// No answer came.
    #[error(
        "Vault gives no answer to {what}: {cause}. Check its address, that it is unsealed, and the way to it."
    )]
    NoAnswer {
        /// The path that was called.
        what: String,
        /// What went wrong.
        cause: String,
    },
    /// The run ended.
    #[error("Vault was not asked for {what}: {why}.")]
    Stopped {
        /// The path that was to be called.
        what: String,
        /// What ended it.
        why: Stop,
    },
}

impl VaultError {
    /// As an error for the user.
    pub fn error(&self) -> Diagnostic {
        let summary = match self {
            Self::Settings { .. } => "Vault is not configured",
            Self::Refused { .. } => "Vault refuses",
            Self::NotFound { .. } | Self::NoField { .. } => "Secret not found",
            Self::NoAnswer { .. } | Self::Stopped { .. } => "No answer from Vault",
        };
        Diagnostic::error(summary, self.to_string())
    }

    pub(super) fn of(what: &str, failure: Failure<VaultFailure>) -> Self {
        let what = what.to_owned();
        match failure {
            Failure::Final(failure)
            | Failure::Unknown(failure)
            | Failure::Stopped { last: Some(failure), .. } => match failure {
                VaultFailure::Answered { status: 404, .. } => Self::NotFound { what },
                VaultFailure::Answered { status, message } => Self::Refused { what, status, message },
                VaultFailure::Unreached(cause) | VaultFailure::NoAnswer(cause) => {
                    Self::NoAnswer { what, cause }
                }
            },
            Failure::Stopped { why, last: None } | Failure::Cut(why) => Self::Stopped { what, why },
        }
    }
}

const fn cure(status: u16) -> &'static str {
    match status {
        400 | 401 => "Check the role, its bound claims, and that the token or id is still good.",
        403 => "Check the policy of the role, and that the token has not ended.",
        _ => "Look at Vault's log.",
    }
}

/// How one attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum VaultFailure {
    /// It answered with an error.
    Answered { status: u16, message: String },
    /// No connection came about.
    Unreached(String),
    /// The answer did not come, or cannot be read.
    NoAnswer(String),
}

impl VaultFailure {
    pub(super) fn of(error: &ClientError) -> Self {
        use rustify::errors::ClientError as Rest;
        match error {
            ClientError::APIError { code, errors } => Self::answered(*code, &errors.join("; ")),
            ClientError::RestClientError { source: Rest::ServerResponseError { code, .. } } => {
                Self::answered(*code, "")
            }
            ClientError::RestClientError { source: source @ Rest::RequestError { source: cause, .. } } => {
                let text = chain(source);
                if cause.to_string().contains("connect") || text.contains("connect") {
                    Self::Unreached(text)
                } else {
                    Self::NoAnswer(text)
                }
            }
            // What could not be parsed may be a secret: only the kind of error is told.
            ClientError::RestClientError { source: source @ Rest::ResponseParseError { .. } } => {
                Self::NoAnswer(source.to_string())
            }
            other => Self::NoAnswer(chain(other)),
        }
    }

    fn answered(status: u16, message: &str) -> Self {
        let message = if message.is_empty() { "no reason given" } else { message.trim() };
        Self::Answered { status, message: message.trim_end_matches('.').to_owned() }
    }

    pub(super) const fn verdict(&self) -> Verdict {
        match self {
            Self::Answered { status: 429 | 503, .. } => Verdict::Busy,
            Self::Answered { status: 500.., .. } | Self::NoAnswer(_) => Verdict::Unknown,
            Self::Answered { .. } => Verdict::Final,
            Self::Unreached(_) => Verdict::Unreached,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16) -> VaultFailure {
        VaultFailure::of(&ClientError::APIError { code: status, errors: vec!["why".to_owned()] })
    }

    #[test]
    fn a_definite_answer_is_final_and_a_sealed_or_busy_vault_is_waited_for() {
        assert_eq!(answered(403).verdict(), Verdict::Final);
        assert_eq!(answered(404).verdict(), Verdict::Final);
        assert_eq!(answered(429).verdict(), Verdict::Busy);
        assert_eq!(answered(503).verdict(), Verdict::Busy);
        assert_eq!(answered(500).verdict(), Verdict::Unknown);
    }

    #[test]
    fn what_is_not_there_is_told_apart_from_what_is_forbidden() {
        let error = VaultError::of("secret/data/a", Failure::Final(answered(404)));
        assert_eq!(error, VaultError::NotFound { what: "secret/data/a".to_owned() });
        let text = VaultError::of("secret/data/a", Failure::Final(answered(403))).to_string();
        assert!(text.contains("HTTP 403") && text.contains("policy"), "{text}");
    }
}
