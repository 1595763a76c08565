//! Answers Terraform's calls.
//!
//! Here the protocol's messages end: what goes on to [`serve`](crate::serve) are plain values and diagnostics. One
//! file holds each group of calls; [`answer`](answer::answer) gives all of them their log line, and turns a panic
//! into a diagnostic of the call it happened in.

mod answer;
mod data_sources;
mod decode;
mod encode;
mod ephemeral_resources;
mod functions;
mod provider_config;
mod resources;
mod rpc;
mod schemas;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::call::{Call, Private};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::provider::Provider;
use crate::schema::Object;
use crate::serve::Served;

/// A provider, ready to be served by [`plugin::main`](crate::plugin::main).
pub struct Server<P: Provider> {
    served: Served<P::Clients>,
    provider: Object,
    clients: RwLock<Option<Arc<P::Clients>>>,
    cancel: CancellationToken,
}

impl<P: Provider> Server<P> {
    /// Makes all schemas; connects to nothing.
    pub fn new() -> Self {
        Self {
            served: P::serves(),
            provider: <P::Config as crate::Model>::object(),
            clients: RwLock::new(None),
            cancel: CancellationToken::new(),
        }
    }

    /// A call with the configured clients.
    fn call(&self, timeout: Option<Duration>, private: Private) -> Result<Call<P::Clients>, Diagnostics> {
        let clients = self.clients.read().unwrap_or_else(PoisonError::into_inner).clone();
        let clients = clients.ok_or_else(|| {
            let detail = "Terraform called a resource before it configured the provider. Please report it.";
            Diagnostic::error("Provider is not configured", detail)
        })?;
        Ok(Call::new(clients, self.cancel.child_token(), timeout).with_private(private))
    }

    fn set_clients(&self, clients: P::Clients) {
        *self.clients.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(clients));
    }
}

impl<P: Provider> Default for Server<P> {
    fn default() -> Self {
        Self::new()
    }
}

/// `NAME` of `PREFIX_NAME`.
fn own_name<P: Provider>(type_name: &str) -> &str {
    let without = type_name.strip_prefix(P::NAME).and_then(|rest| rest.strip_prefix('_'));
    without.unwrap_or(type_name)
}

fn unknown_type(kind: &str, name: &str) -> Diagnostics {
    let detail =
        format!("This provider has no {kind} {name:?}. Its version may be older than the configuration.");
    Diagnostic::error("Unknown type", detail).into()
}
