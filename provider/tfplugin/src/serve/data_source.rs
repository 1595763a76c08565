//! A data source with the type of its model forgotten.

use std::marker::PhantomData;

use super::{Pending, check};
use crate::call::Call;
use crate::cty::Raw;
use crate::data_source::DataSource;
use crate::diagnostics::Diagnostics;
use crate::model::{self, Model as _};
use crate::plan::settled;
use crate::schema::Object;
use crate::value::Typed as _;

/// What the server needs of a data source.
pub(crate) trait ServedDataSource<C>: Send + Sync {
    fn object(&self) -> &Object;
    fn subcategory(&self) -> &'static str;
    fn validate(&self, config: Raw) -> Diagnostics;
    fn read<'c>(&'c self, call: &'c Call<C>, config: Raw) -> Pending<'c, Result<Raw, Diagnostics>>;
}

pub(super) struct Typed<D> {
    object: Object,
    data_source: PhantomData<D>,
}

impl<D: DataSource> Typed<D> {
    pub(super) fn new() -> Self {
        Self { object: D::Model::object(), data_source: PhantomData }
    }
}

impl<D: DataSource> ServedDataSource<D::Clients> for Typed<D> {
    fn object(&self) -> &Object {
        &self.object
    }

    fn subcategory(&self) -> &'static str {
        D::SUBCATEGORY
    }

    fn validate(&self, config: Raw) -> Diagnostics {
        check(&self.object, config, D::validate)
    }

    fn read<'c>(&'c self, call: &'c Call<D::Clients>, config: Raw) -> Pending<'c, Result<Raw, Diagnostics>> {
        Box::pin(async move {
            let found = D::read(call, model::read(config)?).await?;
            Ok(settled(&self.object, &found.into_raw().unknown_as_null()))
        })
    }
}
