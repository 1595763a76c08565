//! Terraform and OpenTofu providers in Rust.

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
