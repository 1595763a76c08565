//! What a provider serves, with the types of its models forgotten.
//!
//! A [`Resource`] is generic over its model; the protocol carries untyped values. Each object here stands between:
//! it reads the values into the model, calls the author's code, and writes the outcome back. The laws that types
//! cannot express are held here too: what an apply returns is what was planned.

mod data_source;
mod ephemeral;
mod function;
mod resource;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

pub(crate) use data_source::ServedDataSource;
pub(crate) use ephemeral::ServedEphemeral;
pub(crate) use function::ServedFunction;
pub(crate) use resource::ServedResource;

use crate::cty::Raw;
use crate::data_source::DataSource;
use crate::diagnostics::Diagnostics;
use crate::ephemeral::EphemeralResource;
use crate::function::Function;
use crate::model::{self, Model};
use crate::resource::Resource;
use crate::schema::Object;
use crate::validate::validate;

/// A future of an object-safe method.
pub(crate) type Pending<'f, T> = Pin<Box<dyn Future<Output = T> + Send + 'f>>;

/// The list of all that a provider serves; each line adds one type.
///
/// Names are given without the provider's prefix. Of two with one name the later hides the earlier; that is a defect,
/// which [`schema::audit`](crate::schema::audit) finds.
pub struct Served<C> {
    pub(crate) resources: BTreeMap<&'static str, Box<dyn ServedResource<C>>>,
    pub(crate) data_sources: BTreeMap<&'static str, Box<dyn ServedDataSource<C>>>,
    pub(crate) ephemerals: BTreeMap<&'static str, Box<dyn ServedEphemeral<C>>>,
    pub(crate) functions: BTreeMap<&'static str, Box<dyn ServedFunction>>,
    /// What was added twice, as the audit tells it.
    pub(crate) duplicates: Vec<String>,
}

impl<C: Send + Sync + 'static> Served<C> {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self {
            resources: BTreeMap::new(),
            data_sources: BTreeMap::new(),
            ephemerals: BTreeMap::new(),
            functions: BTreeMap::new(),
            duplicates: Vec::new(),
        }
    }

    /// And this resource.
    #[must_use]
    pub fn resource<R: Resource<Clients = C>>(mut self) -> Self {
        let hidden = self.resources.insert(R::NAME, Box::new(resource::Typed::<R>::new()));
        self.note_duplicate("resource", R::NAME, hidden.is_some());
        self
    }

    /// And this data source.
    #[must_use]
    pub fn data_source<D: DataSource<Clients = C>>(mut self) -> Self {
        let hidden = self.data_sources.insert(D::NAME, Box::new(data_source::Typed::<D>::new()));
        self.note_duplicate("data source", D::NAME, hidden.is_some());
        self
    }

    /// And this ephemeral resource.
    #[must_use]
    pub fn ephemeral<E: EphemeralResource<Clients = C>>(mut self) -> Self {
        let hidden = self.ephemerals.insert(E::NAME, Box::new(ephemeral::Typed::<E>::new()));
        self.note_duplicate("ephemeral resource", E::NAME, hidden.is_some());
        self
    }

    /// And this function.
    #[must_use]
    pub fn function<F: Function>(mut self) -> Self {
        let hidden = self.functions.insert(F::NAME, Box::new(function::Typed::<F>::new()));
        self.note_duplicate("function", F::NAME, hidden.is_some());
        self
    }

    fn note_duplicate(&mut self, kind: &str, name: &str, is_second: bool) {
        if is_second {
            self.duplicates.push(format!("{kind} {name}: is served twice"));
        }
    }
}

impl<C: Send + Sync + 'static> Default for Served<C> {
    fn default() -> Self {
        Self::new()
    }
}

/// What the schema does not allow, and what the author's own check finds beyond it.
pub(crate) fn check<M: Model>(
    object: &Object,
    config: Raw,
    own: impl FnOnce(&M, &mut Diagnostics),
) -> Diagnostics {
    let mut found = validate(object, &config);
    match model::read(config) {
        Ok(config) => own(&config, &mut found),
        Err(error) => found.push(error),
    }
    found
}
