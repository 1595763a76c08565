//! The generated service, each call handed to its place.
//!
//! List resources and actions have their place here, in [`Served`](crate::serve::Served), and in a module beside
//! `resources`; until a provider needs one they answer "not implemented", which no Terraform asks for unless a schema
//! announces them.

use futures::stream::Empty;
use tonic::{Request, Response, Status, async_trait};

use super::Server;
use super::answer::{Subject, answer};
use crate::proto::tfplugin6 as pb;
use crate::proto::tfplugin6::provider_server::Provider as Service;
use crate::provider::Provider;

type Answered<T> = Result<Response<T>, Status>;

fn not_implemented<T>(what: &str) -> Result<T, Status> {
    Err(Status::unimplemented(format!("this provider has no {what}")))
}

/// One line a call: its name, what it is about, and who answers.
macro_rules! calls {
    ($($rpc:ident as $name:literal, $self:ident, $request:ident: $subject:ident$(($of:expr))? => $body:expr;)*) => {
        #[async_trait]
        impl<P: Provider> Service for Server<P> {
            $(
                async fn $rpc(&$self, request: Request<pb::$rpc::Request>) -> Answered<pb::$rpc::Response> {
                    let $request = request.into_inner();
                    let subject = Subject::$subject$(($of.clone()))?;
                    answer($name, subject, async { $body }).await
                }
            )*

            async fn stop_provider(
                &self,
                _: Request<pb::stop_provider::Request>,
            ) -> Answered<pb::stop_provider::Response> {
                Ok(Response::new(self.stop_provider()))
            }

            async fn generate_resource_config(
                &self,
                _: Request<pb::generate_resource_config::Request>,
            ) -> Answered<pb::generate_resource_config::Response> {
                not_implemented("generator of configuration")
            }

            async fn validate_list_resource_config(
                &self,
                _: Request<pb::validate_list_resource_config::Request>,
            ) -> Answered<pb::validate_list_resource_config::Response> {
                not_implemented("list resources")
            }

            type ListResourceStream = Empty<Result<pb::list_resource::Event, Status>>;

            async fn list_resource(
                &self,
                _: Request<pb::list_resource::Request>,
            ) -> Answered<Self::ListResourceStream> {
                not_implemented("list resources")
            }

            async fn validate_action_config(
                &self,
                _: Request<pb::validate_action_config::Request>,
            ) -> Answered<pb::validate_action_config::Response> {
                not_implemented("actions")
            }

            async fn plan_action(&self, _: Request<pb::plan_action::Request>) -> Answered<pb::plan_action::Response> {
                not_implemented("actions")
            }

            type InvokeActionStream = Empty<Result<pb::invoke_action::Event, Status>>;

            async fn invoke_action(
                &self,
                _: Request<pb::invoke_action::Request>,
            ) -> Answered<Self::InvokeActionStream> {
                not_implemented("actions")
            }
        }
    };
}

calls! {
    get_metadata as "GetMetadata", self, _request: Provider => Ok(self.get_metadata());
    get_provider_schema as "GetProviderSchema", self, _request: Provider => Ok(self.get_provider_schema());
    get_resource_identity_schemas as "GetResourceIdentitySchemas", self, _request: Provider =>
        Ok(self.get_resource_identity_schemas());
    get_functions as "GetFunctions", self, _request: Provider => Ok(self.get_functions());
    validate_provider_config as "ValidateProviderConfig", self, request: Provider =>
        self.validate_provider_config(&request);
    configure_provider as "ConfigureProvider", self, request: Provider => self.configure_provider(request).await;
    validate_resource_config as "ValidateResourceConfig", self, request: Resource(request.type_name) =>
        self.validate_resource_config(&request);
    upgrade_resource_state as "UpgradeResourceState", self, request: Resource(request.type_name) =>
        self.upgrade_resource_state(&request);
    upgrade_resource_identity as "UpgradeResourceIdentity", self, request: Resource(request.type_name) =>
        self.upgrade_resource_identity(&request);
    read_resource as "ReadResource", self, request: Resource(request.type_name) => self.read_resource(request).await;
    plan_resource_change as "PlanResourceChange", self, request: Resource(request.type_name) =>
        self.plan_resource_change(request);
    apply_resource_change as "ApplyResourceChange", self, request: Resource(request.type_name) =>
        self.apply_resource_change(request).await;
    import_resource_state as "ImportResourceState", self, request: Resource(request.type_name) =>
        self.import_resource_state(request).await;
    move_resource_state as "MoveResourceState", self, request: Resource(request.target_type_name) =>
        self.move_resource_state(request);
    validate_data_resource_config as "ValidateDataResourceConfig", self, request: DataSource(request.type_name) =>
        self.validate_data_resource_config(&request);
    read_data_source as "ReadDataSource", self, request: DataSource(request.type_name) =>
        self.read_data_source(request).await;
    validate_ephemeral_resource_config as "ValidateEphemeralResourceConfig", self,
        request: Ephemeral(request.type_name) => self.validate_ephemeral_resource_config(&request);
    open_ephemeral_resource as "OpenEphemeralResource", self, request: Ephemeral(request.type_name) =>
        self.open_ephemeral_resource(request).await;
    renew_ephemeral_resource as "RenewEphemeralResource", self, request: Ephemeral(request.type_name) =>
        self.renew_ephemeral_resource(request).await;
    close_ephemeral_resource as "CloseEphemeralResource", self, request: Ephemeral(request.type_name) =>
        self.close_ephemeral_resource(request).await;
    call_function as "CallFunction", self, request: Function(request.name) => Ok(self.call_function(&request));
}
