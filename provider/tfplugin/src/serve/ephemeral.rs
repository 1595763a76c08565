//! An ephemeral resource with the type of its model forgotten.

use std::marker::PhantomData;
use std::time::SystemTime;

use super::{Pending, check};
use crate::call::Call;
use crate::cty::Raw;
use crate::diagnostics::Diagnostics;
use crate::ephemeral::{EphemeralResource, Opened};
use crate::model::{self, Model as _};
use crate::plan::settled;
use crate::schema::Object;
use crate::value::Typed as _;

/// What the server needs of an ephemeral resource.
pub(crate) trait ServedEphemeral<C>: Send + Sync {
    fn object(&self) -> &Object;
    fn subcategory(&self) -> &'static str;
    fn validate(&self, config: Raw) -> Diagnostics;
    fn open<'c>(&'c self, call: &'c Call<C>, config: Raw) -> Pending<'c, Result<Opened<Raw>, Diagnostics>>;
    fn renew<'c>(&'c self, call: &'c Call<C>) -> Pending<'c, Result<Option<SystemTime>, Diagnostics>>;
    fn close<'c>(&'c self, call: &'c Call<C>) -> Pending<'c, Result<(), Diagnostics>>;
}

pub(super) struct Typed<E> {
    object: Object,
    ephemeral: PhantomData<E>,
}

impl<E: EphemeralResource> Typed<E> {
    pub(super) fn new() -> Self {
        Self { object: E::Model::object(), ephemeral: PhantomData }
    }
}

impl<E: EphemeralResource> ServedEphemeral<E::Clients> for Typed<E> {
    fn object(&self) -> &Object {
        &self.object
    }

    fn subcategory(&self) -> &'static str {
        E::SUBCATEGORY
    }

    fn validate(&self, config: Raw) -> Diagnostics {
        check(&self.object, config, E::validate)
    }

    fn open<'c>(
        &'c self,
        call: &'c Call<E::Clients>,
        config: Raw,
    ) -> Pending<'c, Result<Opened<Raw>, Diagnostics>> {
        Box::pin(async move {
            let opened = E::open(call, model::read(config)?).await?;
            let result = settled(&self.object, &opened.result.into_raw().unknown_as_null());
            Ok(Opened { result, renew_at: opened.renew_at })
        })
    }

    fn renew<'c>(
        &'c self,
        call: &'c Call<E::Clients>,
    ) -> Pending<'c, Result<Option<SystemTime>, Diagnostics>> {
        Box::pin(E::renew(call))
    }

    fn close<'c>(&'c self, call: &'c Call<E::Clients>) -> Pending<'c, Result<(), Diagnostics>> {
        Box::pin(E::close(call))
    }
}
