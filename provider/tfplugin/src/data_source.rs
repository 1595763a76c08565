//! Data sources: what Terraform only reads.

use std::future::Future;

use crate::call::Call;
use crate::diagnostics::Diagnostics;
use crate::model::Model;

/// A kind of object that a configuration refers to and does not manage.
pub trait DataSource: Send + Sync + 'static {
    /// What [`Provider::configure`](crate::Provider::configure) makes.
    type Clients: Send + Sync + 'static;
    /// Its arguments and results.
    type Model: Model;

    /// Its name, without the provider's prefix.
    const NAME: &'static str;
    /// The heading under which the registry lists it, such as `DNS`.
    const SUBCATEGORY: &'static str = "";

    /// Checks what the schema's validators cannot say. Values may be unknown here.
    fn validate(_config: &Self::Model, _found: &mut Diagnostics) {}

    /// Looks at the world. The configuration is wholly known.
    ///
    /// # Errors
    /// When the object does not exist, or the answer cannot be had.
    fn read(
        call: &Call<Self::Clients>,
        config: Self::Model,
    ) -> impl Future<Output = Result<Self::Model, Diagnostics>> + Send;
}
