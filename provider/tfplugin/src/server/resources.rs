//! The life of a resource: validation, upgrade, read, plan, apply, import, move.

use super::{Server, decode, encode, own_name, unknown_type};
use crate::call::{Call, Finished};
use crate::cty::{Raw, from_json};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::proto::tfplugin6 as pb;
use crate::provider::Provider;
use crate::resource::{ImportId, MoveSource};
use crate::serve::ServedResource;
use crate::timeouts;
use crate::validate::refuse_write_only;

impl<P: Provider> Server<P> {
    fn resource(&self, type_name: &str) -> Result<&dyn ServedResource<P::Clients>, Diagnostics> {
        let served = self.served.resources.get(own_name::<P>(type_name));
        served.map(AsRef::as_ref).ok_or_else(|| unknown_type("resource", type_name))
    }

    /// A call whose deadline is what the `timeouts` block of `value` gives to `operation`.
    fn resource_call(
        &self,
        resource: &dyn ServedResource<P::Clients>,
        value: &Raw,
        operation: &str,
        private: &[u8],
    ) -> Result<Call<P::Clients>, Diagnostics> {
        self.call(timeouts::of(resource.object(), value, operation), decode::private(private))
    }

    pub(super) fn validate_resource_config(
        &self,
        request: &pb::validate_resource_config::Request,
    ) -> Result<pb::validate_resource_config::Response, Diagnostics> {
        let resource = self.resource(&request.type_name)?;
        let config = decode::object(request.config.as_ref(), resource.object())?;
        let mut found = Diagnostics::new();
        if !request.client_capabilities.is_some_and(|client| client.write_only_attributes_allowed) {
            found.extend(refuse_write_only(resource.object(), &config));
        }
        found.extend(resource.validate(config));
        Ok(pb::validate_resource_config::Response { diagnostics: encode::diagnostics(found) })
    }

    pub(super) fn upgrade_resource_state(
        &self,
        request: &pb::upgrade_resource_state::Request,
    ) -> Result<pb::upgrade_resource_state::Response, Diagnostics> {
        let resource = self.resource(&request.type_name)?;
        let version = u32::try_from(request.version).map_err(|_| newer_state(request.version))?;
        if version > resource.version() {
            return Err(newer_state(request.version));
        }
        let state = resource.upgrade(version, decode::state(request.raw_state.as_ref())?)?;
        let upgraded_state = Some(encode::object(&state, resource.object()));
        Ok(pb::upgrade_resource_state::Response { upgraded_state, diagnostics: Vec::new() })
    }

    pub(super) fn upgrade_resource_identity(
        &self,
        request: &pb::upgrade_resource_identity::Request,
    ) -> Result<pb::upgrade_resource_identity::Response, Diagnostics> {
        let resource = self.resource(&request.type_name)?;
        if request.version > 0 {
            return Err(newer_state(request.version));
        }
        let object = resource.identity_object();
        let identity = from_json(&decode::state(request.raw_identity.as_ref())?, &object.ty())
            .map_err(|error| Diagnostic::error("Identity cannot be read", error.to_string()))?;
        let upgraded_identity = encode::identity(Some(identity), object);
        Ok(pb::upgrade_resource_identity::Response { upgraded_identity, diagnostics: Vec::new() })
    }

    pub(super) async fn read_resource(
        &self,
        request: pb::read_resource::Request,
    ) -> Result<pb::read_resource::Response, Diagnostics> {
        let resource = self.resource(&request.type_name)?;
        let state = decode::object(request.current_state.as_ref(), resource.object())?;
        let call = self.resource_call(resource, &state, "read", &request.private)?;
        let found = resource.read(&call, state).await;
        let Finished { result: state, private, warnings } = call.finish(found)?;
        Ok(pb::read_resource::Response {
            new_state: Some(encode::object(&state, resource.object())),
            new_identity: identity(resource, &state),
            private: encode::private(&private),
            deferred: None,
            diagnostics: encode::diagnostics(warnings),
        })
    }

    pub(super) fn plan_resource_change(
        &self,
        request: pb::plan_resource_change::Request,
    ) -> Result<pb::plan_resource_change::Response, Diagnostics> {
        let resource = self.resource(&request.type_name)?;
        let prior = decode::object(request.prior_state.as_ref(), resource.object())?;
        let proposed = decode::object(request.proposed_new_state.as_ref(), resource.object())?;
        if proposed.is_null() {
            resource.plan_destroy(prior)?;
            return Ok(pb::plan_resource_change::Response {
                planned_state: Some(encode::object(&Raw::Null, resource.object())),
                planned_private: request.prior_private,
                planned_identity: request.prior_identity,
                ..Default::default()
            });
        }
        let config = decode::object(request.config.as_ref(), resource.object())?;
        let planned = resource.plan(config, prior, &proposed)?;
        Ok(pb::plan_resource_change::Response {
            planned_state: Some(encode::object(&planned.state, resource.object())),
            requires_replace: planned.replace.iter().map(encode::path).collect(),
            planned_private: request.prior_private,
            planned_identity: request.prior_identity,
            diagnostics: encode::diagnostics(planned.warnings),
            ..Default::default()
        })
    }

    pub(super) async fn apply_resource_change(
        &self,
        request: pb::apply_resource_change::Request,
    ) -> Result<pb::apply_resource_change::Response, Diagnostics> {
        let resource = self.resource(&request.type_name)?;
        let prior = decode::object(request.prior_state.as_ref(), resource.object())?;
        let planned = decode::object(request.planned_state.as_ref(), resource.object())?;
        let config = decode::object(request.config.as_ref(), resource.object())?;
        let private = &request.planned_private;
        let (call, applied) = match (&prior, &planned) {
            (Raw::Null, _) => {
                let call = self.resource_call(resource, &planned, "create", private)?;
                let applied = resource.create(&call, planned, config).await;
                (call, applied)
            }
            (_, Raw::Null) => {
                let call = self.resource_call(resource, &prior, "delete", private)?;
                let applied = resource.delete(&call, prior).await;
                (call, applied)
            }
            _ => {
                let call = self.resource_call(resource, &planned, "update", private)?;
                let applied = resource.update(&call, prior, planned, config).await;
                (call, applied)
            }
        };
        let (private, warnings) = call.into_parts();
        Ok(pb::apply_resource_change::Response {
            new_state: Some(encode::object(&applied.state, resource.object())),
            new_identity: identity(resource, &applied.state),
            private: encode::private(&private),
            diagnostics: encode::diagnostics(with(warnings, applied.errors)),
            ..Default::default()
        })
    }

    pub(super) async fn import_resource_state(
        &self,
        request: pb::import_resource_state::Request,
    ) -> Result<pb::import_resource_state::Response, Diagnostics> {
        let resource = self.resource(&request.type_name)?;
        let id = match request.identity {
            Some(identity) => ImportId::Identity(decode::object(
                identity.identity_data.as_ref(),
                resource.identity_object(),
            )?),
            None => ImportId::Id(request.id),
        };
        let call = self.resource_call(resource, &Raw::Null, "read", &[])?;
        let imported = resource.import(&call, id).await;
        let Finished { result: imported, private, warnings } = call.finish(imported)?;
        let found = pb::import_resource_state::ImportedResource {
            type_name: request.type_name,
            state: Some(encode::object(&imported.state, resource.object())),
            identity: encode::identity(imported.identity, resource.identity_object()),
            private: encode::private(&private),
        };
        Ok(pb::import_resource_state::Response {
            imported_resources: vec![found],
            diagnostics: encode::diagnostics(warnings),
            ..Default::default()
        })
    }

    pub(super) fn move_resource_state(
        &self,
        request: pb::move_resource_state::Request,
    ) -> Result<pb::move_resource_state::Response, Diagnostics> {
        let resource = self.resource(&request.target_type_name)?;
        let source = MoveSource {
            provider: request.source_provider_address,
            type_name: request.source_type_name,
            version: request.source_schema_version,
            state: decode::state(request.source_state.as_ref())?,
            identity: decode::source_identity(request.source_identity.as_ref())?,
        };
        let state = resource.move_from(&source)?.ok_or_else(|| {
            let detail = format!(
                "{} cannot take over the state of {} ({}). Remove it from the state and import it instead.",
                request.target_type_name, source.type_name, source.provider
            );
            Diagnostic::error("Cannot move from this type", detail)
        })?;
        Ok(pb::move_resource_state::Response {
            target_state: Some(encode::object(&state, resource.object())),
            target_identity: identity(resource, &state),
            ..Default::default()
        })
    }
}

fn identity<C>(resource: &dyn ServedResource<C>, state: &Raw) -> Option<pb::ResourceIdentityData> {
    if state.is_null() {
        return None;
    }
    encode::identity(resource.identity(state), resource.identity_object())
}

fn with(mut messages: Diagnostics, more: Diagnostics) -> Diagnostics {
    messages.extend(more);
    messages
}

fn newer_state(version: i64) -> Diagnostics {
    let detail = format!("It was written by schema version {version}. Upgrade the provider to read it.");
    Diagnostic::error("State is newer than the provider", detail).into()
}
