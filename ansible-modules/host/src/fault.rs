//! Why an item could not be brought to what is wanted.

use std::io;
use std::path::{Path, PathBuf};

use crate::State;

/// The step that failed, with its facts. [`Fault::state`] tells what it means for the item.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The system refused work on a file.
    #[error("could not {step} {}: {}", path.display(), told(source))]
    File {
        /// What was tried, as a verb: "read", "write", "rename".
        step: &'static str,
        /// The file, with the host's root in front.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A program could not be started.
    #[error("could not start `{program}`: {}", told(source))]
    Start {
        /// The program and its arguments.
        program: String,
        /// The system's answer.
        source: io::Error,
    },
    /// A program ended with an error.
    #[error("`{program}` ended with {status}: {stderr}")]
    Program {
        /// The program and its arguments.
        program: String,
        /// Its exit status in words.
        status: String,
        /// The end of what it said.
        stderr: String,
    },
    /// A file is not in the form that its program defines.
    #[error("{path}, line {line}: {reason}; mend the file and run again")]
    Form {
        /// The file as the host knows it.
        path: String,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// The kernel, the container or the distribution cannot do it; nobody did anything wrong.
    #[error("{reason}")]
    Unsupported {
        /// What is missing, and where.
        reason: String,
    },
    /// It could be done, and is not, because it would do harm.
    #[error("{reason}")]
    Refused {
        /// What would happen, and what to do instead.
        reason: String,
    },
    /// An item that is a step of a larger one failed.
    #[error("{step}: {reason}")]
    Step {
        /// The item's name.
        step: String,
        /// Its fault in words.
        reason: String,
    },
    /// The changes were made, and what is observed afterwards is still not what is wanted.
    #[error(
        "changed, and still not as wanted ({difference}): something else on this host sets it back, or overrides it"
    )]
    NoEffect {
        /// The changes that a second look asks for.
        difference: String,
    },
}

impl Fault {
    /// What the fault means for the item.
    pub fn state(&self) -> State {
        match self {
            Fault::Unsupported { .. } => State::Unsupported,
            Fault::Refused { .. } => State::Refused,
            _ => State::Failed,
        }
    }

    /// A step on a file that failed; for `map_err`.
    pub fn file<'a>(step: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Fault + 'a {
        move |source| Fault::File { step, path: path.to_owned(), source }
    }

    /// Shorthand for [`Fault::Unsupported`].
    pub fn unsupported(reason: impl Into<String>) -> Fault {
        Fault::Unsupported { reason: reason.into() }
    }

    /// Shorthand for [`Fault::Refused`].
    pub fn refused(reason: impl Into<String>) -> Fault {
        Fault::Refused { reason: reason.into() }
    }
}

/// The system's answer with the cure where one is known.
fn told(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull => "the file system is full: free some space and run again".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => {
            "the file system is read-only: mount it writable and run again".to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            format!("{error}: it needs root (`become: true`), or the file is immutable")
        }
        _ => error.to_string(),
    }
}
