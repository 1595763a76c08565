//! `ValidateDataResourceConfig`, `ReadDataSource`.

use super::{Server, decode, encode, own_name, unknown_type};
use crate::call::Private;
use crate::diagnostics::Diagnostics;
use crate::proto::tfplugin6 as pb;
use crate::provider::Provider;
use crate::serve::ServedDataSource;
use crate::timeouts;

impl<P: Provider> Server<P> {
    fn data_source(&self, type_name: &str) -> Result<&dyn ServedDataSource<P::Clients>, Diagnostics> {
        let served = self.served.data_sources.get(own_name::<P>(type_name));
        served.map(AsRef::as_ref).ok_or_else(|| unknown_type("data source", type_name))
    }

    pub(super) fn validate_data_resource_config(
        &self,
        request: &pb::validate_data_resource_config::Request,
    ) -> Result<pb::validate_data_resource_config::Response, Diagnostics> {
        let data_source = self.data_source(&request.type_name)?;
        let config = decode::object(request.config.as_ref(), data_source.object())?;
        let found = data_source.validate(config);
        Ok(pb::validate_data_resource_config::Response { diagnostics: encode::diagnostics(found) })
    }

    pub(super) async fn read_data_source(
        &self,
        request: pb::read_data_source::Request,
    ) -> Result<pb::read_data_source::Response, Diagnostics> {
        let data_source = self.data_source(&request.type_name)?;
        let config = decode::object(request.config.as_ref(), data_source.object())?;
        let call = self.call(timeouts::of(data_source.object(), &config, "read"), Private::new())?;
        let found = data_source.read(&call, config).await;
        let found = call.finish(found)?;
        Ok(pb::read_data_source::Response {
            state: Some(encode::object(&found.result, data_source.object())),
            deferred: None,
            diagnostics: encode::diagnostics(found.warnings),
        })
    }
}
