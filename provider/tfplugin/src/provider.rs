//! The provider itself: its configuration, and the list of all that it serves.

use std::future::Future;

use crate::diagnostics::Diagnostics;
use crate::model::Model;
use crate::serve::Served;

/// A provider.
pub trait Provider: Send + Sync + 'static {
    /// The `provider` block.
    type Config: Model;
    /// What its resources work with: API clients. Connect lazily: every command of Terraform's configures.
    type Clients: Send + Sync + 'static;

    /// The prefix of its resources: `socle` for `socle_dns_zone`.
    const NAME: &'static str;

    /// Checks what the schema's validators cannot say. Values may be unknown here.
    fn validate(_config: &Self::Config, _found: &mut Diagnostics) {}

    /// Makes the clients. Values may be unknown while planning; what cannot be made of them yet must fail where it
    /// is used, not here.
    ///
    /// # Errors
    /// When the configuration cannot work.
    fn configure(
        config: Self::Config,
        terraform: Terraform,
    ) -> impl Future<Output = Result<Self::Clients, Diagnostics>> + Send;

    /// Everything it serves, a line each.
    fn serves() -> Served<Self::Clients>;
}

/// The program that called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terraform {
    /// Its version, such as `1.11.4`.
    pub version: String,
}
