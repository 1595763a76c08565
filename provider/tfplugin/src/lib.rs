//! Terraform and OpenTofu providers in Rust: plugin protocol 6, and a typed framework on it.
//!
//! A resource is a struct and five functions. From the struct follow its schema, the reading and writing of its
//! values, the paths that messages stand on, and its registry page; from the functions' types, the laws of a provider.
//! An author writes no protocol code, no msgpack and no path strings.
//!
//! ```
//! use tfplugin::prelude::*;
//!
//! /// A zone of names.
//! #[derive(Debug, Clone, PartialEq, Model)]
//! struct Zone {
//!     /// Its domain name.
//!     #[tf(required, requires_replace, validate(hostname()))]
//!     name: Value<String>,
//!     /// How long answers are kept, in seconds. Default: `300`.
//!     #[tf(optional, default = 300, validate(range(0..=86_400)))]
//!     ttl: Value<u32>,
//!     /// Its number, which the registrar gives.
//!     #[tf(computed, use_state_for_unknown)]
//!     id: Value<String>,
//!     /// How long each operation may take.
//!     #[tf(timeouts(create = "5m"))]
//!     timeouts: Value<Timeouts>,
//! }
//!
//! /// The client of some registrar.
//! struct Registrar;
//! # impl Registrar {
//! #     async fn find(&self, _id: &str) -> Result<Option<u32>, Diagnostic> { Ok(None) }
//! #     async fn add(&self, _zone: &Zone) -> Result<String, Diagnostic> { Ok(String::new()) }
//! #     async fn set(&self, _zone: &Zone) -> Result<(), Diagnostic> { Ok(()) }
//! #     async fn remove(&self, _zone: &Zone) -> Result<(), Diagnostic> { Ok(()) }
//! # }
//!
//! impl Resource for Zone {
//!     type Clients = Registrar;
//!     type Model = Self;
//!     type Identity = Nothing;
//!     const NAME: &'static str = "zone";
//!
//!     async fn read(call: &Call<Registrar>, zone: Self) -> Result<Option<Self>, Diagnostics> {
//!         let found = call.clients().find(zone.id.known().map_or("", String::as_str)).await?;
//!         Ok(found.map(|ttl| Self { ttl: ttl.into(), ..zone }))
//!     }
//!
//!     async fn create(call: &Call<Registrar>, wanted: Wanted<Self>) -> Result<Self, CreateError<Self>> {
//!         let id = call.clients().add(&wanted.planned).await.map_err(CreateError::nothing)?;
//!         Ok(Self { id: id.into(), ..wanted.planned })
//!     }
//!
//!     async fn update(
//!         call: &Call<Registrar>,
//!         prior: Self,
//!         wanted: Wanted<Self>,
//!     ) -> Result<Self, Reached<Self>> {
//!         match call.clients().set(&wanted.planned).await {
//!             Ok(()) => Ok(wanted.planned),
//!             Err(error) => Err(Reached::new(prior, error.at(Self::paths().ttl()))),
//!         }
//!     }
//!
//!     async fn delete(call: &Call<Registrar>, zone: Self) -> Result<(), Reached<Self>> {
//!         let removed = call.clients().remove(&zone).await;
//!         removed.map_err(|error| Reached::new(zone, error))
//!     }
//! }
//!
//! // One line in the provider's list serves it.
//! let served = Served::new().resource::<Zone>();
//! ```
//!
//! `examples/notes.rs` is a complete provider with its `main`, in less than a hundred lines;
//! `cargo run --example notes -- --debug` serves it to any Terraform that is told to attach.
//!
//! # The life of a resource, call by call
//!
//! | Terraform asks | of | which sees | and may answer |
//! |---|---|---|---|
//! | is this configuration right? | the validators, the rules, [`Resource::validate`] | the configuration; values may be unknown | messages, each on its attribute |
//! | read this stored state | the framework, or [`Resource::upgrade`] for an older [`VERSION`](Resource::VERSION) | the state as JSON | the state as it is now written |
//! | what is there? | [`Resource::read`] | the state, never the configuration; clients | what is, or `None` when it is definitely gone |
//! | what would change? | the schema (below), then [`Resource::plan`] | configuration and prior state; **no clients** | the planned values, what needs a new object, warnings |
//! | may it be destroyed? | [`Resource::plan_destroy`] | the prior state | yes, or why not |
//! | what would change, now that more is known? | the same again, **inside every apply** | the same, wholly known | the same: what was known stays as it was |
//! | do it | [`Resource::create`], [`update`](Resource::update) or [`delete`](Resource::delete) | the plan, the prior state, write-only arguments; clients | what is now there: the plan with its unknowns filled in |
//! | find this existing object | [`Resource::import`], then `read` | an id or an [identity](Resource::Identity); clients | as much as `read` needs |
//! | take over this object of another type | [`Resource::move_from`] | its state as JSON | the state here |
//!
//! A plan is made in this order: defaults; write-only arguments become null; where anything changed, computed
//! attributes that the configuration leaves out become unknown; those that stay as they are keep their value
//! (`use_state_for_unknown`), by map key and list position, so a new element is unknown while its neighbours stay known;
//! then the resource's own `plan`; then what needs a new object is collected.
//!
//! What the schema makes of a plan stays as it was when unknown values turn out; a `plan` of one's own keeps that law by
//! setting nothing that depends on a value not known yet.
//!
//! An unknown value never asks for a new object, because it may turn out to be the old one. If it turns out another,
//! Terraform stops that apply ("changed the planned action"), and the next one replaces the object.
//!
//! # The laws, and the types that hold them
//!
//! - *Plan is pure.* [`Plan`] has no clients, and `plan` no `self` and no `async`.
//! - *Read observes.* It gets the state alone. Its errors block every plan, so what a plan could mend is a
//!   [warning](Call::warn) beside the prior state.
//! - *A failed update says how far it came.* Its error is [`Reached`]: the state that was reached, and why no further.
//! - *A failed create says what exists.* [`CreateError::Exists`] makes Terraform replace the object at the next apply;
//!   [`CreateError::Nothing`] lets the next create take over.
//! - *What is applied is what was planned.* The framework compares, and names each attribute that differs.
//! - *Write-only arguments are in no plan and no state*, whatever the author's code returns. They stand in
//!   [`Wanted::config`].
//! - *A state knows no unknowns.* What a failed operation left unknown is null.
//! - *A panic is the failure of its call*, not of the provider.
//!
//! # The words of `#[tf(…)]`
//!
//! Every field of a model is a [`Value`], because it may be null or unknown, and has a doc comment, which is its
//! description: unit, default, source. Combinations that make no sense do not compile.
//!
//! | word | meaning |
//! |---|---|
//! | `required` | The user must write it, and not as null. |
//! | `required, nullable` | The user must write it; null is a legal answer. |
//! | `optional` | The user may leave it out. |
//! | `computed` | The provider sets it; the user cannot. |
//! | `optional, computed` | The user may set it, else the provider does. |
//! | `default = …` | Taken where an `optional` is left out; a value of the field's type. State it in the description, too. |
//! | `sensitive` | Hidden in Terraform's output. (The state has it in clear.) |
//! | `write_only` | In no plan and no state: for secrets, beside a version that the user raises. Not inside a set. |
//! | `validate(…)` | What the value must satisfy: one or more [validators](validate), which the registry page repeats. |
//! | `requires_replace` | A change needs a new object. |
//! | `requires_replace_if(…)` | A change needs a new object when `\|old: &T, new: &T\| -> bool` says so. |
//! | `use_state_for_unknown` | For `computed`: once made it stays, so a change elsewhere does not make it unknown. |
//! | `deprecated = "…"` | Its use is a warning, with this advice. |
//! | `block`, `block, required` | A nested block (`x { … }`) in place of an attribute (`x = { … }`); the field is a model, or a [`List`], [`Set`] or [`Map`] of one. Unknown arguments are refused in a block, dropped in an attribute. |
//! | `timeouts(create = "30m", …)` | On a field `timeouts: Value<Timeouts>`: the block of that name; each call gets its [deadline](Call::deadline) from it. |
//!
//! On the struct itself, what must hold between its fields: `exactly_one_of(a, b)`, `at_least_one_of(a, b)`,
//! `conflicts_with(a, b)`, `required_together(a, b)`.
//!
//! The type of the field is `Value` of: `String`, `bool`, an integer (its range is checked), [`Number`] (any size and
//! precision), [`Dynamic`] (any type), a model (a nested attribute or block), [`Computed`] of a model (the same, all
//! results), or a [`List`], [`Set`] or [`Map`] of these.
//!
//! # Beside resources
//!
//! - [`DataSource`]: what Terraform only reads.
//! - [`EphemeralResource`]: what exists while Terraform runs, such as a credential: opened, renewed, closed.
//! - [`Function`]: a pure computation. `#[derive(Parameters)]` on a struct gives its parameters; from the type of a field
//!   follows what it takes: `T` a known value, `Option<T>` also null, `Value<T>` also an unknown one; `#[tf(variadic)]` on
//!   the last, a `Vec`, takes all that remain.
//! - Validators of one's own are functions with a description: [`validate::describe`].
//! - Notes that a resource leaves for its own next call: [`Call::set_note`] and [`Call::note`]. They stand in the state,
//!   unseen; no place for secrets.
//! - [`docs`] writes the registry pages; [`schema::audit`] finds what a reviewer would object to. Call both in tests.
//!
//! List resources and actions are answered with "not implemented".

extern crate self as tfplugin;

pub mod cty;
pub mod diagnostics;
pub mod docs;
pub mod function;
pub mod model;
pub mod path;
pub mod plan;
pub mod plugin;
pub mod proto;
pub mod schema;
pub mod timeouts;
pub mod validate;

mod call;
mod computed;
mod data_source;
mod ephemeral;
mod provider;
mod resource;
mod serve;
mod server;
mod value;

pub use call::Call;
pub use computed::Computed;
pub use cty::{Dynamic, Number};
pub use data_source::DataSource;
pub use diagnostics::{Diagnostic, Diagnostics, Severity};
pub use ephemeral::{EphemeralResource, Opened};
pub use function::{Function, FunctionError};
pub use model::{Model, Nothing};
pub use path::Path;
pub use plan::Plan;
pub use provider::{Provider, Terraform};
pub use resource::{CreateError, ImportId, MoveSource, Reached, Resource, Wanted};
pub use serve::Served;
pub use server::Server;
pub use tfplugin_derive::{Model, Parameters};
pub use timeouts::Timeouts;
pub use value::{List, Map, Set, Typed, Value};

/// What nearly every resource is written with: `use tfplugin::prelude::*;`.
pub mod prelude {
    pub use crate::{
        Call, CreateError, DataSource, Diagnostic, Diagnostics, EphemeralResource, Function, FunctionError,
        ImportId, List, Map, Model, Nothing, Opened, Parameters, Plan, Provider, Reached, Resource, Served,
        Server, Set, Terraform, Timeouts, Value, Wanted,
    };
}
