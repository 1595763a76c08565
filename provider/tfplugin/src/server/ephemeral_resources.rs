//! `ValidateEphemeralResourceConfig`, `OpenEphemeralResource`, `RenewEphemeralResource`, `CloseEphemeralResource`.

use super::{Server, decode, encode, own_name, unknown_type};
use crate::call::Private;
use crate::diagnostics::Diagnostics;
use crate::proto::tfplugin6 as pb;
use crate::provider::Provider;
use crate::serve::ServedEphemeral;

impl<P: Provider> Server<P> {
    fn ephemeral(&self, type_name: &str) -> Result<&dyn ServedEphemeral<P::Clients>, Diagnostics> {
        let served = self.served.ephemerals.get(own_name::<P>(type_name));
        served.map(AsRef::as_ref).ok_or_else(|| unknown_type("ephemeral resource", type_name))
    }

    pub(super) fn validate_ephemeral_resource_config(
        &self,
        request: &pb::validate_ephemeral_resource_config::Request,
    ) -> Result<pb::validate_ephemeral_resource_config::Response, Diagnostics> {
        let ephemeral = self.ephemeral(&request.type_name)?;
        let config = decode::object(request.config.as_ref(), ephemeral.object())?;
        let found = ephemeral.validate(config);
        Ok(pb::validate_ephemeral_resource_config::Response { diagnostics: encode::diagnostics(found) })
    }

    pub(super) async fn open_ephemeral_resource(
        &self,
        request: pb::open_ephemeral_resource::Request,
    ) -> Result<pb::open_ephemeral_resource::Response, Diagnostics> {
        let ephemeral = self.ephemeral(&request.type_name)?;
        let config = decode::object(request.config.as_ref(), ephemeral.object())?;
        let call = self.call(None, Private::new())?;
        let opened = ephemeral.open(&call, config).await;
        let opened = call.finish(opened)?;
        Ok(pb::open_ephemeral_resource::Response {
            result: Some(encode::object(&opened.result.result, ephemeral.object())),
            renew_at: opened.result.renew_at.map(Into::into),
            private: Some(encode::private(&opened.private)),
            deferred: None,
            diagnostics: encode::diagnostics(opened.warnings),
        })
    }

    pub(super) async fn renew_ephemeral_resource(
        &self,
        request: pb::renew_ephemeral_resource::Request,
    ) -> Result<pb::renew_ephemeral_resource::Response, Diagnostics> {
        let ephemeral = self.ephemeral(&request.type_name)?;
        let call = self.call(None, decode::private(request.private()))?;
        let renewed = ephemeral.renew(&call).await;
        let renewed = call.finish(renewed)?;
        Ok(pb::renew_ephemeral_resource::Response {
            renew_at: renewed.result.map(Into::into),
            private: Some(encode::private(&renewed.private)),
            diagnostics: encode::diagnostics(renewed.warnings),
        })
    }

    pub(super) async fn close_ephemeral_resource(
        &self,
        request: pb::close_ephemeral_resource::Request,
    ) -> Result<pb::close_ephemeral_resource::Response, Diagnostics> {
        let ephemeral = self.ephemeral(&request.type_name)?;
        let call = self.call(None, decode::private(request.private()))?;
        let closed = ephemeral.close(&call).await;
        let closed = call.finish(closed)?;
        Ok(pb::close_ephemeral_resource::Response { diagnostics: encode::diagnostics(closed.warnings) })
    }
}
