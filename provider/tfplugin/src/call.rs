//! One call of Terraform's, as a resource sees it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::diagnostics::{Diagnostic, Diagnostics};

/// What an operation that touches the world works with: the clients, its deadline, the user's wish to stop, a place
/// for warnings, and the resource's private notes.
#[derive(Debug)]
pub struct Call<C> {
    clients: Arc<C>,
    cancel: CancellationToken,
    deadline: Option<Instant>,
    warnings: Mutex<Diagnostics>,
    private: Mutex<Private>,
}

/// What a call that succeeded left.
pub(crate) struct Finished<T> {
    pub(crate) result: T,
    pub(crate) private: Private,
    pub(crate) warnings: Diagnostics,
}

/// Notes that a resource leaves for its own next call: kept by Terraform in the state, shown to nobody.
///
/// No place for secrets: the state is a plain file.
pub(crate) type Private = serde_json::Map<String, serde_json::Value>;

impl<C> Call<C> {
    /// A call; resources get theirs from the framework, tests make their own.
    pub fn new(clients: Arc<C>, cancel: CancellationToken, timeout: Option<Duration>) -> Self {
        Self {
            clients,
            cancel,
            deadline: timeout.map(|timeout| Instant::now() + timeout),
            warnings: Mutex::default(),
            private: Mutex::default(),
        }
    }

    pub(crate) fn with_private(self, private: Private) -> Self {
        Self { private: Mutex::new(private), ..self }
    }

    /// What [`Provider::configure`](crate::Provider::configure) made.
    pub fn clients(&self) -> &C {
        &self.clients
    }

    /// Ends when the user asks Terraform to stop. Clients hand it to every wait.
    pub fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }

    /// When the operation must have ended, by the resource's `timeouts` block.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Tells the user something, whatever the outcome.
    pub fn warn(&self, warning: Diagnostic) {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).push(warning);
    }

    /// A note of an earlier call.
    pub fn note<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let private = self.private.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::from_value(private.get(name)?.clone()).ok()
    }

    /// Leaves a note for the next call; a value that has no JSON form removes it.
    pub fn set_note(&self, name: &str, note: impl Serialize) {
        let mut private = self.private.lock().unwrap_or_else(PoisonError::into_inner);
        match serde_json::to_value(note) {
            Ok(note) => private.insert(name.to_owned(), note),
            Err(_) => private.remove(name),
        };
    }

    /// Ends the call: its result with the notes and warnings that it left, or those warnings with its errors.
    pub(crate) fn finish<T>(self, result: Result<T, Diagnostics>) -> Result<Finished<T>, Diagnostics> {
        let (private, mut warnings) = self.into_parts();
        match result {
            Ok(result) => Ok(Finished { result, private, warnings }),
            Err(errors) => {
                warnings.extend(errors);
                Err(warnings)
            }
        }
    }

    pub(crate) fn into_parts(self) -> (Private, Diagnostics) {
        let private = self.private.into_inner().unwrap_or_else(PoisonError::into_inner);
        let warnings = self.warnings.into_inner().unwrap_or_else(PoisonError::into_inner);
        (private, warnings)
    }
}
