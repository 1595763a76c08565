//! Ephemeral resources: what exists only while Terraform runs, and stands in no state.

use std::future::Future;
use std::time::SystemTime;

use crate::call::Call;
use crate::diagnostics::Diagnostics;
use crate::model::Model;

/// A short-lived object, such as a credential.
///
/// Terraform opens it during plan and during apply, as soon as its configuration is known. Notes left on the
/// [`Call`] by `open` are there for `renew` and `close`.
pub trait EphemeralResource: Send + Sync + 'static {
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

    /// Makes the object.
    ///
    /// # Errors
    /// When it cannot be made.
    fn open(
        call: &Call<Self::Clients>,
        config: Self::Model,
    ) -> impl Future<Output = Result<Opened<Self::Model>, Diagnostics>> + Send;

    /// Makes it last longer; says when to ask again.
    ///
    /// # Errors
    /// When it cannot be renewed.
    fn renew(
        _call: &Call<Self::Clients>,
    ) -> impl Future<Output = Result<Option<SystemTime>, Diagnostics>> + Send {
        std::future::ready(Ok(None))
    }

    /// Ends it, as far as it does not end by itself.
    ///
    /// # Errors
    /// When it may still be in force.
    fn close(_call: &Call<Self::Clients>) -> impl Future<Output = Result<(), Diagnostics>> + Send {
        std::future::ready(Ok(()))
    }
}

/// An opened ephemeral resource.
#[derive(Debug, Clone)]
pub struct Opened<M> {
    /// Its results, wholly known.
    pub result: M,
    /// When Terraform must ask to renew it; `None` when it lasts as long as needed.
    pub renew_at: Option<SystemTime>,
}
