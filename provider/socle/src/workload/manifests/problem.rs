//! Why an operation on manifests went no further.

use tfplugin::{Diagnostic, Diagnostics, Model as _};

use super::super::change::Foreign;
use super::super::conflict::Conflict;
use super::super::conflict::told;
use super::Manifests;
use crate::clients::kubernetes::{AccessError, KubernetesError};
use crate::clients::retry::Stop;
use crate::clients::vault::VaultError;

/// The most problems that are told of one operation: hundreds of objects usually fail alike.
const TOLD: usize = 10;

/// Why an operation on manifests went no further.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    /// There are no credentials.
    #[error("{0}")]
    Access(#[from] AccessError),
    /// The server did not answer, or refused.
    #[error("{0}")]
    Server(#[from] KubernetesError),
    /// The server did not answer for one object, or refused it.
    #[error("{label}: {error}")]
    Object {
        /// The object.
        label: String,
        /// Why.
        error: KubernetesError,
    },
    /// The same access leads elsewhere than before.
    #[error(
        "The kubeconfig leads to the cluster whose namespace kube-system has the id {found}; the objects of this resource \
         are in {expected}. Point it at that cluster again. If that one is gone for good, remove the resource from the \
         state (`terraform state rm`) and apply."
    )]
    OtherCluster {
        /// The cluster of the state.
        expected: String,
        /// The one that answered.
        found: String,
    },
    /// The server knows no such kind.
    #[error("{label}: the cluster serves no such kind{}. {cure}", versions_told(.versions))]
    UnknownKind {
        /// The object.
        label: String,
        /// The versions in which it serves the kind.
        versions: Vec<String>,
        /// What to do.
        cure: &'static str,
    },
    /// Two documents turn out to be one object.
    #[error(
        "{label} and {other} are one object: the kind lives in namespaces, and one of the two names none."
    )]
    SameObject {
        /// One.
        label: String,
        /// The other.
        other: String,
    },
    /// It is somebody else's.
    #[error("{0}")]
    Foreign(#[from] Foreign),
    /// A finished resource of that name is there already.
    #[error(
        "The cluster holds objects of a socle_manifests {name:?} already, and they are complete: {labels}. Choose another \
         `name`; if the state of that one is lost, write `adopt = true` to take its objects over."
    )]
    Exists {
        /// The name.
        name: String,
        /// The first of its objects.
        labels: String,
    },
    /// Fields are another manager's.
    #[error(
        "{label}: {}. Take the field out of the document, or write `force_conflicts = true` to take it from that manager. \
         If it was yours until a moment ago, plan again: what a plan shows as drifted is taken back.", told(.conflicts)
    )]
    Conflict {
        /// The object.
        label: String,
        /// The fields, and who has them.
        conflicts: Vec<Conflict>,
    },
    /// A field that cannot change has changed.
    #[error(
        "{label}: a field that cannot change has changed: {message}. Write `replace = [{kind:?}]` to have such objects \
         deleted and made again, or give the new object another name."
    )]
    Immutable {
        /// The object.
        label: String,
        /// Its kind.
        kind: String,
        /// What the server says.
        message: String,
    },
    /// Vault gave no values.
    #[error("{0}")]
    Vault(#[from] VaultError),
    /// A value in Vault is no text.
    #[error(
        "the secret at {place} in Vault has the field {field:?}, which is no text. A Secret holds texts."
    )]
    NoText {
        /// Mount and path.
        place: String,
        /// The field.
        field: String,
    },
    /// Values of a secret are null or unknown.
    #[error("{label}: `data_wo` holds a value that is null. Every key needs a value.")]
    NoValues {
        /// The object.
        label: String,
    },
    /// It does not do what it is for.
    #[error("{label} is not ready: {why}{}", explained(.found))]
    NotReady {
        /// The object.
        label: String,
        /// What its status says.
        why: String,
        /// What a person would look up.
        found: Vec<String>,
    },
    /// It was to be deleted and is still there.
    #[error("{label} is still there: {why}")]
    StillThere {
        /// The object.
        label: String,
        /// What holds it.
        why: String,
    },
    /// The user or the clock ended the run.
    #[error("{0}")]
    Stopped(Stop),
}

fn versions_told(versions: &[String]) -> String {
    if versions.is_empty() {
        String::new()
    } else {
        format!(" in that version, but in {}", versions.join(", "))
    }
}

fn explained(found: &[String]) -> String {
    found.iter().fold(String::new(), |told, line| told + "\n  - " + &line.replace('\n', "\n    "))
}

impl Problem {
    pub(super) fn of(label: &str, error: KubernetesError) -> Self {
        Self::Object { label: label.to_owned(), error }
    }

    fn summary(&self) -> &'static str {
        match self {
            Self::Access(_) => "No way into the cluster",
            Self::Server(_) | Self::Object { .. } => "Call of the Kubernetes API failed",
            Self::OtherCluster { .. } => "Another cluster",
            Self::UnknownKind { .. } => "Unknown kind",
            Self::SameObject { .. } => "Two documents are one object",
            Self::Foreign(_) => "Object of another owner",
            Self::Exists { .. } => "Manifests exist",
            Self::Conflict { .. } => "Fields of another manager",
            Self::Immutable { .. } => "Field cannot change",
            Self::Vault(_) => "No values from Vault",
            Self::NoText { .. } | Self::NoValues { .. } => "Secret without a value",
            Self::NotReady { .. } => "Object is not ready",
            Self::StillThere { .. } => "Object is not deleted",
            Self::Stopped(_) => "Operation was ended",
        }
    }

    fn diagnostic(&self) -> Diagnostic {
        let diagnostic = Diagnostic::error(self.summary(), self.to_string());
        let at = Manifests::paths();
        match self {
            Self::Access(AccessError::Minting(_)) => diagnostic.at(at.access()),
            Self::Access(_) | Self::OtherCluster { .. } => diagnostic.at(at.kubeconfig_path()),
            Self::Exists { .. } => diagnostic.at(at.name()),
            Self::Vault(_) | Self::NoText { .. } | Self::NoValues { .. } => diagnostic.at(at.secret()),
            Self::Server(_) | Self::Stopped(_) => diagnostic,
            _ => diagnostic.at(at.documents()),
        }
    }
}

/// Problems as a user reads them.
pub(super) fn diagnostics(problems: &[Problem]) -> Diagnostics {
    let mut told: Diagnostics = problems.iter().take(TOLD).map(Problem::diagnostic).collect();
    if problems.len() > TOLD {
        let detail = format!("{} more objects failed. Mend those above first.", problems.len() - TOLD);
        told.push(Diagnostic::error("More objects failed", detail));
    }
    told
}
