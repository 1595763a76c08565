//! `ValidateProviderConfig`, `ConfigureProvider`, `StopProvider`.

use super::{Server, decode, encode};
use crate::diagnostics::Diagnostics;
use crate::model;
use crate::proto::tfplugin6 as pb;
use crate::provider::{Provider, Terraform};
use crate::serve::check;

impl<P: Provider> Server<P> {
    pub(super) fn validate_provider_config(
        &self,
        request: &pb::validate_provider_config::Request,
    ) -> Result<pb::validate_provider_config::Response, Diagnostics> {
        let config = decode::object(request.config.as_ref(), &self.provider)?;
        let found = check(&self.provider, config, P::validate);
        Ok(pb::validate_provider_config::Response { diagnostics: encode::diagnostics(found) })
    }

    pub(super) async fn configure_provider(
        &self,
        request: pb::configure_provider::Request,
    ) -> Result<pb::configure_provider::Response, Diagnostics> {
        let config = decode::object(request.config.as_ref(), &self.provider)?;
        let terraform = Terraform { version: request.terraform_version };
        self.set_clients(P::configure(model::read(config)?, terraform).await?);
        Ok(pb::configure_provider::Response::default())
    }

    /// Every call that is under way, and every later one, sees the signal.
    pub(super) fn stop_provider(&self) -> pb::stop_provider::Response {
        self.cancel.cancel();
        pb::stop_provider::Response::default()
    }
}
