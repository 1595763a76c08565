//! What every answer has in common: a log line, diagnostics, and an end even after a panic.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tonic::{Response, Status};
use tracing::{Instrument as _, debug, info_span};

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

static REQUESTS: AtomicU64 = AtomicU64::new(1);

/// Runs one call. The field names are those that users of other providers filter their logs by.
pub(super) async fn answer<A: Answer>(
    rpc: &'static str,
    type_name: &str,
    call: impl Future<Output = Result<A, Diagnostics>>,
) -> Result<Response<A>, Status> {
    let request = REQUESTS.fetch_add(1, Ordering::Relaxed);
    let span = info_span!("rpc", tf_rpc = rpc, tf_req_id = request, tf_resource_type = type_name);
    let timed = async {
        let start = Instant::now();
        let outcome = in_call(call).await;
        let elapsed = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        debug!(tf_req_duration_ms = elapsed, "answered");
        outcome
    };
    Ok(Response::new(match timed.instrument(span).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(errors)) => A::failed(errors),
        Err(panic) => {
            let detail =
                format!("{panic}. This is a bug of the provider: please report it with this message.");
            A::failed(Diagnostic::error("Provider crashed in this call", detail).into())
        }
    }))
}
