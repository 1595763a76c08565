//! A provider without a framework, for the tests of the process around it.

use std::future;
use std::process::ExitCode;
use std::thread;

use futures::stream::BoxStream;
use tfplugin::plugin::{self, Program, in_call};
use tfplugin::proto::tfplugin6::provider_server::Provider;
use tfplugin::proto::tfplugin6::{
    self, Diagnostic, diagnostic, get_provider_schema, invoke_action, list_resource, read_data_source,
    schema, validate_resource_config,
};
use tonic::{Request, Response, Status};

const PROGRAM: Program =
    Program { name: "bare", address: "registry.terraform.io/example/bare", version: "1.2.3" };

fn main() -> ExitCode {
    plugin::main(&PROGRAM, || Bare)
}

struct Bare;

impl Bare {
    /// An empty provider block, so that the real Terraform takes the provider too.
    fn schema() -> get_provider_schema::Response {
        let block = schema::Block::default();
        let provider = tfplugin6::Schema { version: 0, block: Some(block) };
        get_provider_schema::Response { provider: Some(provider), ..Default::default() }
    }

    /// Behaves as the resource type says.
    async fn validate(resource_type: &str) -> validate_resource_config::Response {
        tracing::info!(tf_resource_type = resource_type, "validating");
        match resource_type {
            "bare_hang" => future::pending().await,
            "bare_panic" => match in_call(async { panic!("boom in the call") }).await {
                Ok(response) => response,
                Err(panic) => failed(panic.to_string()),
            },
            "bare_crash" => {
                let crashed = thread::spawn(|| panic!("boom outside of the call")).join();
                assert!(crashed.is_err(), "the thread panics");
                validate_resource_config::Response::default()
            }
            // With its frame it is above the 256 MiB that a response may have.
            "bare_flood" => failed("x".repeat(256 << 20)),
            _ => validate_resource_config::Response::default(),
        }
    }

    /// Sends the configuration back.
    fn echo(request: read_data_source::Request) -> read_data_source::Response {
        read_data_source::Response { state: request.config, ..Default::default() }
    }
}

fn failed(summary: String) -> validate_resource_config::Response {
    let severity = diagnostic::Severity::Error.into();
    let diagnostic = Diagnostic { severity, summary, ..Default::default() };
    validate_resource_config::Response { diagnostics: vec![diagnostic] }
}

/// Implements the calls above, and answers all others with their defaults: an empty response, or for
/// the streams that nothing calls, an error.
macro_rules! serve_bare {
    ($($call:ident)*) => {
        #[tonic::async_trait]
        impl Provider for Bare {
            type ListResourceStream = BoxStream<'static, Result<list_resource::Event, Status>>;
            type InvokeActionStream = BoxStream<'static, Result<invoke_action::Event, Status>>;

            async fn get_provider_schema(
                &self,
                _: Request<get_provider_schema::Request>,
            ) -> Result<Response<get_provider_schema::Response>, Status> {
                Ok(Response::new(Self::schema()))
            }

            async fn validate_resource_config(
                &self,
                request: Request<validate_resource_config::Request>,
            ) -> Result<Response<validate_resource_config::Response>, Status> {
                Ok(Response::new(Self::validate(&request.into_inner().type_name).await))
            }

            async fn read_data_source(
                &self,
                request: Request<read_data_source::Request>,
            ) -> Result<Response<read_data_source::Response>, Status> {
                Ok(Response::new(Self::echo(request.into_inner())))
            }

            async fn list_resource(
                &self,
                _: Request<list_resource::Request>,
            ) -> Result<Response<Self::ListResourceStream>, Status> {
                Err(Status::unimplemented("nothing to list"))
            }

            async fn invoke_action(
                &self,
                _: Request<invoke_action::Request>,
            ) -> Result<Response<Self::InvokeActionStream>, Status> {
                Err(Status::unimplemented("nothing to invoke"))
            }

            $(
                async fn $call(
                    &self,
                    _: Request<tfplugin6::$call::Request>,
                ) -> Result<Response<tfplugin6::$call::Response>, Status> {
                    Ok(Response::new(tfplugin6::$call::Response::default()))
                }
            )*
        }
    };
}

serve_bare! {
    get_metadata get_resource_identity_schemas get_functions
    validate_provider_config configure_provider stop_provider
    upgrade_resource_state upgrade_resource_identity read_resource plan_resource_change
    apply_resource_change import_resource_state move_resource_state generate_resource_config
    validate_data_resource_config
    validate_ephemeral_resource_config open_ephemeral_resource renew_ephemeral_resource close_ephemeral_resource
    validate_list_resource_config validate_action_config plan_action
    call_function
}
