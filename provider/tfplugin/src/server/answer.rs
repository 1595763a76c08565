//! What every answer has in common: a log line, diagnostics, and an end even after a panic.

use std::future::Future;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tonic::{Response, Status};
use tracing::field::Empty;
use tracing::{Instrument as _, Span, debug, info_span};

use super::encode;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::plugin::in_call;
use crate::proto::tfplugin6 as pb;

/// A message that can say that the call failed.
pub(super) trait Answer: Default {
    fn failed(errors: Diagnostics) -> Self;
}

macro_rules! answers_with_diagnostics {
    ($($rpc:ident),* $(,)?) => { $(
        impl Answer for pb::$rpc::Response {
            fn failed(errors: Diagnostics) -> Self {
                let mut answer = Self::default();
                answer.diagnostics = encode::diagnostics(errors);
                answer
            }
        }
    )* };
}
answers_with_diagnostics!(
    apply_resource_change,
    close_ephemeral_resource,
    configure_provider,
    get_functions,
    get_metadata,
    get_provider_schema,
    get_resource_identity_schemas,
    import_resource_state,
    move_resource_state,
    open_ephemeral_resource,
    plan_resource_change,
    read_data_source,
    read_resource,
    renew_ephemeral_resource,
    upgrade_resource_identity,
    upgrade_resource_state,
    validate_data_resource_config,
    validate_ephemeral_resource_config,
    validate_provider_config,
    validate_resource_config,
);

impl Answer for pb::call_function::Response {
    fn failed(errors: Diagnostics) -> Self {
        let text: Vec<_> =
            errors.iter().map(|error| format!("{}: {}", error.summary, error.detail)).collect();
        let error = pb::FunctionError { text: text.join("\n"), function_argument: None };
        Self { error: Some(error), ..Self::default() }
    }
}

/// What a call is about, by its name.
pub(super) enum Subject {
    Provider,
    Resource(String),
    DataSource(String),
    Ephemeral(String),
    Function(String),
}

static REQUESTS: AtomicU64 = AtomicU64::new(1);

impl Subject {
    /// The fields are those that users of other providers filter their logs by; providers in Go leave a function's name
    /// out. The process is part of the id, because each alias of a provider runs in its own and all write to one log.
    fn span(&self, rpc: &'static str) -> Span {
        let request = format!("{}-{}", process::id(), REQUESTS.fetch_add(1, Ordering::Relaxed));
        let span = info_span!(
            "rpc",
            tf_rpc = rpc,
            tf_req_id = request,
            tf_resource_type = Empty,
            tf_data_source_type = Empty,
            tf_ephemeral_resource_type = Empty,
            tf_function_name = Empty,
        );
        let (field, name) = match self {
            Self::Provider => return span,
            Self::Resource(name) => ("tf_resource_type", name),
            Self::DataSource(name) => ("tf_data_source_type", name),
            Self::Ephemeral(name) => ("tf_ephemeral_resource_type", name),
            Self::Function(name) => ("tf_function_name", name),
        };
        span.record(field, name.as_str());
        span
    }
}

/// Runs one call.
pub(super) async fn answer<A: Answer>(
    rpc: &'static str,
    subject: Subject,
    call: impl Future<Output = Result<A, Diagnostics>>,
) -> Result<Response<A>, Status> {
    let timed = async {
        let start = Instant::now();
        let outcome = in_call(call).await;
        let elapsed = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        debug!(tf_req_duration_ms = elapsed, "answered");
        outcome
    };
    Ok(Response::new(match timed.instrument(subject.span(rpc)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(errors)) => A::failed(errors),
        Err(panic) => {
            let detail =
                format!("{panic}. This is a bug of the provider: please report it with this message.");
            A::failed(Diagnostic::error("Provider crashed in this call", detail).into())
        }
    }))
}
