//! A resource with the type of its model forgotten.

use std::marker::PhantomData;

use super::{Pending, check};
use crate::call::Call;
use crate::cty::{Raw, from_json};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::model::{self, Model};
use crate::path::Path;
use crate::plan::{Plan, differences, modify, replacements, settled, told_apart};
use crate::resource::{CreateError, ImportId, MoveSource, Reached, Resource, Wanted};
use crate::schema::Object;
use crate::value::Typed as _;

/// What the server needs of a resource.
pub(crate) trait ServedResource<C>: Send + Sync {
    fn version(&self) -> u32;
    fn object(&self) -> &Object;
    fn subcategory(&self) -> &'static str;
    fn identity_object(&self) -> &Object;
    fn validate(&self, config: Raw) -> Diagnostics;
    fn plan(&self, config: Raw, prior: Raw, proposed: &Raw) -> Result<Planned, Diagnostics>;
    fn plan_destroy(&self, prior: Raw) -> Result<(), Diagnostics>;
    fn read<'c>(&'c self, call: &'c Call<C>, state: Raw) -> Pending<'c, Result<Raw, Diagnostics>>;
    fn create<'c>(&'c self, call: &'c Call<C>, planned: Raw, config: Raw) -> Pending<'c, Applied>;
    fn update<'c>(&'c self, call: &'c Call<C>, prior: Raw, planned: Raw, config: Raw)
    -> Pending<'c, Applied>;
    fn delete<'c>(&'c self, call: &'c Call<C>, state: Raw) -> Pending<'c, Applied>;
    fn import<'c>(
        &'c self,
        call: &'c Call<C>,
        id: ImportId<Raw>,
    ) -> Pending<'c, Result<Imported, Diagnostics>>;
    fn upgrade(&self, version: u32, state: serde_json::Value) -> Result<Raw, Diagnostics>;
    fn move_from(&self, source: &MoveSource) -> Result<Option<Raw>, Diagnostics>;
    fn identity(&self, state: &Raw) -> Option<Raw>;
}

/// The outcome of a plan.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) state: Raw,
    pub(crate) replace: Vec<Path>,
    pub(crate) warnings: Diagnostics,
}

/// The outcome of an apply: with an error, too, there is a state.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) state: Raw,
    pub(crate) errors: Diagnostics,
}

/// What an import found.
#[derive(Debug)]
pub(crate) struct Imported {
    pub(crate) state: Raw,
    pub(crate) identity: Option<Raw>,
}

/// The schemas are made once: validators hold compiled patterns.
pub(super) struct Typed<R: Resource> {
    object: Object,
    identity: Object,
    resource: PhantomData<R>,
}

impl<R: Resource> Typed<R> {
    pub(super) fn new() -> Self {
        Self { object: R::Model::object(), identity: R::Identity::object(), resource: PhantomData }
    }

    /// A model as it goes into a plan: whatever the author's code left in it, no write-only value.
    fn plan_of(&self, model: R::Model) -> Raw {
        settled(&self.object, &model.into_raw())
    }

    /// A model as it goes into a state, which knows no unknowns: what was not found or reached is absent.
    fn state_of(&self, model: R::Model) -> Raw {
        settled(&self.object, &model.into_raw().unknown_as_null())
    }

    /// The state that a failed operation reached.
    fn reached(&self, reached: Reached<R::Model>) -> Applied {
        Applied { state: self.state_of(reached.state), errors: reached.errors }
    }

    /// What apply returns equals what was planned; where the world disagrees it is an error.
    fn hold_to_plan(&self, planned: &Raw, state: R::Model) -> Applied {
        let errors = differences(&self.object, planned, &self.plan_of(state.clone())).into_iter().map(|path| {
            let detail = format!(
                "{} was applied, but {path} is not what the plan promised. The state now holds what was found: run \
                 plan again to see the difference. If it comes back, please report it.",
                R::NAME
            );
            Diagnostic::error("Not applied as planned", detail).at(path)
        });
        Applied { errors: errors.collect(), state: self.state_of(state) }
    }
}

impl<R: Resource> ServedResource<R::Clients> for Typed<R> {
    fn version(&self) -> u32 {
        R::VERSION
    }

    fn object(&self) -> &Object {
        &self.object
    }

    fn subcategory(&self) -> &'static str {
        R::SUBCATEGORY
    }

    fn identity_object(&self) -> &Object {
        &self.identity
    }

    fn validate(&self, config: Raw) -> Diagnostics {
        check(&self.object, config, R::validate)
    }

    fn plan(&self, config: Raw, prior: Raw, proposed: &Raw) -> Result<Planned, Diagnostics> {
        let by_schema = modify(&self.object, &config, &prior, proposed);
        let model_of_prior = if prior.is_null() { None } else { Some(model::read(prior.clone())?) };
        let mut plan = Plan::new(model::read(config)?, model_of_prior, model::read(by_schema.clone())?);
        R::plan(&mut plan)?;
        let (planned, asked, warnings) = plan.into_parts();
        let state = told_apart(self.plan_of(planned), &by_schema);
        let replace = replacements(&self.object, &prior, &state, asked);
        Ok(Planned { state, replace, warnings })
    }

    fn plan_destroy(&self, prior: Raw) -> Result<(), Diagnostics> {
        R::plan_destroy(&model::read(prior)?)
    }

    fn read<'c>(&'c self, call: &'c Call<R::Clients>, state: Raw) -> Pending<'c, Result<Raw, Diagnostics>> {
        Box::pin(async move {
            let found = R::read(call, model::read(state)?).await?;
            Ok(found.map_or(Raw::Null, |found| self.state_of(found)))
        })
    }

    fn create<'c>(&'c self, call: &'c Call<R::Clients>, planned: Raw, config: Raw) -> Pending<'c, Applied> {
        Box::pin(async move {
            let wanted = match wanted(planned.clone(), config) {
                Ok(wanted) => wanted,
                Err(errors) => return Applied { state: Raw::Null, errors },
            };
            match R::create(call, wanted).await {
                Ok(state) => self.hold_to_plan(&planned, state),
                Err(CreateError::Nothing(errors)) => Applied { state: Raw::Null, errors },
                Err(CreateError::Exists(reached)) => self.reached(*reached),
            }
        })
    }

    fn update<'c>(
        &'c self,
        call: &'c Call<R::Clients>,
        prior: Raw,
        planned: Raw,
        config: Raw,
    ) -> Pending<'c, Applied> {
        Box::pin(async move {
            let read = || Ok((model::read(prior.clone())?, wanted(planned.clone(), config)?));
            match read() {
                Ok((prior, wanted)) => match R::update(call, prior, wanted).await {
                    Ok(state) => self.hold_to_plan(&planned, state),
                    Err(reached) => self.reached(reached),
                },
                Err(errors) => Applied { state: prior, errors },
            }
        })
    }

    fn delete<'c>(&'c self, call: &'c Call<R::Clients>, state: Raw) -> Pending<'c, Applied> {
        Box::pin(async move {
            match model::read(state.clone()) {
                Ok(model) => match R::delete(call, model).await {
                    Ok(()) => Applied { state: Raw::Null, errors: Diagnostics::new() },
                    Err(reached) => self.reached(reached),
                },
                Err(error) => Applied { state, errors: error.into() },
            }
        })
    }

    fn import<'c>(
        &'c self,
        call: &'c Call<R::Clients>,
        id: ImportId<Raw>,
    ) -> Pending<'c, Result<Imported, Diagnostics>> {
        Box::pin(async move {
            let id = match id {
                ImportId::Id(id) => ImportId::Id(id),
                ImportId::Identity(identity) => ImportId::Identity(model::read(identity)?),
            };
            let found = R::import(call, id).await?;
            let identity = R::identity(&found).map(R::Identity::into_raw);
            Ok(Imported { state: self.state_of(found), identity })
        })
    }

    fn upgrade(&self, version: u32, state: serde_json::Value) -> Result<Raw, Diagnostics> {
        if version == R::VERSION {
            let state = from_json(&state, &self.object.ty()).map_err(|error| {
                let detail = format!("{error}. The state was edited, or comes from another provider.");
                Diagnostic::error("State does not fit the schema", detail)
            })?;
            Ok(settled(&self.object, &state))
        } else {
            R::upgrade(version, state).map(|state| self.state_of(state))
        }
    }

    fn move_from(&self, source: &MoveSource) -> Result<Option<Raw>, Diagnostics> {
        Ok(R::move_from(source)?.map(|state| self.state_of(state)))
    }

    fn identity(&self, state: &Raw) -> Option<Raw> {
        let state = model::read(state.clone()).ok()?;
        R::identity(&state).map(R::Identity::into_raw)
    }
}

fn wanted<M: Model>(planned: Raw, config: Raw) -> Result<Wanted<M>, Diagnostics> {
    Ok(Wanted { planned: model::read(planned)?, config: model::read(config)? })
}
