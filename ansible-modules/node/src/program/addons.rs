//! What a cluster has beside Kubernetes' own components.

use std::collections::BTreeSet;

use node::render::addons::{marks, objects};
use node::specification::Addon;
use serde_json::json;

use crate::api::{ADDONS, Api, MARK, Mark};
use crate::failure::Failure;

/// Makes those that are wanted, and removes those that the cluster remembers and that are not. Says whether anything was
/// changed. What the cluster remembers is written last: a run that was killed is gone on with.
pub(crate) fn bring(api: &Api, wanted: &BTreeSet<Addon>) -> Result<bool, Failure> {
    let (Mark { addons: found, .. }, marks) = (api.mark()?, marks(wanted));
    if found == marks {
        return Ok(false);
    }
    for addon in Addon::ALL {
        let name = addon.name();
        if wanted.contains(&addon) {
            install(api, addon).map_err(Failure::during(name))?;
        } else if found.contains_key(name) {
            remove(api, addon).map_err(Failure::during(name))?;
        }
    }
    api.merge(MARK, &json!({ "data": { ADDONS: json!(marks).to_string() } }))?;
    Ok(true)
}

fn install(api: &Api, addon: Addon) -> Result<(), Failure> {
    objects(addon).iter().try_for_each(|object| api.apply(&object.path, &object.body))
}

/// What was made last goes first. Volumes stay, and whoever uses them.
fn remove(api: &Api, addon: Addon) -> Result<(), Failure> {
    objects(addon).iter().rev().try_for_each(|object| api.delete(&object.path))
}
