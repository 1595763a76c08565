//! Resources: what Terraform creates, changes and destroys.

use std::future::Future;

use crate::call::Call;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::model::Model;
use crate::plan::Plan;

/// A kind of object that Terraform manages.
///
/// The operations have no `self`: a resource is its model and five functions. Only those that touch the world are
/// given a [`Call`] with clients; [`plan`](Self::plan) and [`validate`](Self::validate) cannot reach it. The
/// [crate's front page](crate) tells the life of a resource, call by call.
pub trait Resource: Send + Sync + 'static {
    /// What [`Provider::configure`](crate::Provider::configure) makes.
    type Clients: Send + Sync + 'static;
    /// Its arguments and results.
    type Model: Model;
    /// What names one object in the world, by which it can be imported; [`Nothing`](crate::Nothing) for none.
    type Identity: Model;

    /// Its name, without the provider's prefix: `dns_zone`.
    const NAME: &'static str;
    /// The heading under which the registry lists it, such as `DNS`.
    const SUBCATEGORY: &'static str = "";
    /// The version of its state. Raise it when an old state needs [`upgrade`](Self::upgrade).
    const VERSION: u32 = 0;

    /// Checks what the schema's validators cannot say. Values may be unknown here.
    fn validate(_config: &Self::Model, _found: &mut Diagnostics) {}

    /// Fills in what can be known of the outcome already, and says when a new object is needed.
    ///
    /// # Errors
    /// A change that cannot be, with the cure.
    fn plan(_plan: &mut Plan<Self::Model>) -> Result<(), Diagnostics> {
        Ok(())
    }

    /// Has a say before the object is destroyed.
    ///
    /// # Errors
    /// Why it must not be, with the cure.
    fn plan_destroy(_prior: &Self::Model) -> Result<(), Diagnostics> {
        Ok(())
    }

    /// Looks at the world; `None` when the object is definitely gone. Changes nothing, and never sees configuration.
    ///
    /// # Errors
    /// When the answer cannot be had. Where that must not block the plan that would mend it, return the prior
    /// state and [`warn`](Call::warn).
    fn read(
        call: &Call<Self::Clients>,
        state: Self::Model,
    ) -> impl Future<Output = Result<Option<Self::Model>, Diagnostics>> + Send;

    /// Makes the object as planned.
    ///
    /// # Errors
    /// With what exists nevertheless, if anything: see [`CreateError`].
    fn create(
        call: &Call<Self::Clients>,
        wanted: Wanted<Self::Model>,
    ) -> impl Future<Output = Result<Self::Model, CreateError<Self::Model>>> + Send;

    /// Changes the object as planned.
    ///
    /// # Errors
    /// With the state that was reached.
    fn update(
        call: &Call<Self::Clients>,
        prior: Self::Model,
        wanted: Wanted<Self::Model>,
    ) -> impl Future<Output = Result<Self::Model, Reached<Self::Model>>> + Send;

    /// Destroys the object. One that is gone already is a success.
    ///
    /// # Errors
    /// With what still stands.
    fn delete(
        call: &Call<Self::Clients>,
        state: Self::Model,
    ) -> impl Future<Output = Result<(), Reached<Self::Model>>> + Send;

    /// Finds an object that exists already. What cannot be known from the id alone is left null: a read follows.
    ///
    /// # Errors
    /// When the id has not the right form, or there is no such object.
    fn import(
        _call: &Call<Self::Clients>,
        _object: ImportId<Self::Identity>,
    ) -> impl Future<Output = Result<Self::Model, Diagnostics>> + Send {
        let name = Self::NAME;
        std::future::ready(Err(
            Diagnostic::error("Cannot be imported", format!("{name} has no import.")).into()
        ))
    }

    /// What names this object in the world, when it has an identity.
    fn identity(_state: &Self::Model) -> Option<Self::Identity> {
        None
    }

    /// Reads a state that an older version of this resource wrote.
    ///
    /// # Errors
    /// When this version cannot.
    fn upgrade(version: u32, _state: serde_json::Value) -> Result<Self::Model, Diagnostics> {
        let detail = format!(
            "The state was written by version {version} of {}, which this provider cannot read. Use the release that \
             wrote it, or remove the resource from the state and import it.",
            Self::NAME
        );
        Err(Diagnostic::error("State of an unknown version", detail).into())
    }

    /// Takes over the state of another resource type (a `moved` block); `None` when it cannot come from there.
    ///
    /// # Errors
    /// When it should be able to, but this state is unfit.
    fn move_from(_source: &MoveSource) -> Result<Option<Self::Model>, Diagnostics> {
        Ok(None)
    }
}

/// What an apply must bring about.
#[derive(Debug, Clone)]
pub struct Wanted<M> {
    /// The plan. What is known here must come out just so; unknown attributes are to be filled in.
    pub planned: M,
    /// What the user wrote. Read only the write-only arguments from it: everything else stands in `planned`.
    pub config: M,
}

/// A create that failed, and what it left behind.
#[derive(Debug)]
pub enum CreateError<M> {
    /// Nothing of it exists, or what exists will be found and finished by the next create.
    Nothing(Diagnostics),
    /// This exists. Terraform marks it as tainted: the next apply destroys and makes it again.
    Exists(Box<Reached<M>>),
}

/// How far an operation came before it failed.
///
/// The next plan starts from `state`, so it holds only what is known to be done.
#[derive(Debug)]
pub struct Reached<M> {
    /// What is.
    pub state: M,
    /// Why it went no further.
    pub errors: Diagnostics,
}

impl<M> Reached<M> {
    /// A failure that left `state`.
    pub fn new(state: M, errors: impl Into<Diagnostics>) -> Self {
        Self { state, errors: errors.into() }
    }
}

impl<M> CreateError<M> {
    /// A failure that left nothing, or nothing that the next create would not take over.
    pub fn nothing(errors: impl Into<Diagnostics>) -> Self {
        Self::Nothing(errors.into())
    }

    /// A failure that left `state`.
    pub fn exists(state: M, errors: impl Into<Diagnostics>) -> Self {
        Self::Exists(Box::new(Reached::new(state, errors)))
    }
}

/// What the user gave to name an existing object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportId<I> {
    /// The text of `terraform import` or of an `import` block's `id`.
    Id(String),
    /// An `import` block's `identity`.
    Identity(I),
}

/// A state that a `moved` block brings from another resource type.
#[derive(Debug, Clone)]
pub struct MoveSource {
    /// The address of the provider it comes from, such as `registry.terraform.io/hashicorp/aws`.
    pub provider: String,
    /// The resource type it comes from, such as `aws_route53_zone`.
    pub type_name: String,
    /// The version of that type's schema.
    pub version: i64,
    /// Its attributes.
    pub state: serde_json::Value,
    /// What names it in the world, where that type has an identity.
    pub identity: Option<serde_json::Value>,
}
