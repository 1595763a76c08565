//! What a cluster has beside Kubernetes' own components.

use std::collections::{BTreeMap, BTreeSet};

use node::render::addons::{marks, objects};
use node::specification::Addon;
use serde_json::json;

use crate::api::{ADDONS, Api, MARK, Mark};
use crate::failure::Failure;

/// Makes those that are wanted, and removes those that the cluster remembers and that are not. Says whether anything was
/// changed. The cluster remembers first which are begun, and last which are whole: a run that was killed is gone on with,
/// also when less is wanted by then.
pub(crate) fn bring(api: &Api, wanted: &BTreeSet<Addon>) -> Result<bool, Failure> {
    let (Mark { addons: found, .. }, marks) = (api.mark()?, marks(wanted));
    if found == marks {
        return Ok(false);
    }
    remember(api, &begun(&found, &marks))?;
    for addon in Addon::ALL {
        let name = addon.name();
        if wanted.contains(&addon) {
            install(api, addon).map_err(Failure::during(name))?;
        } else if found.contains_key(name) {
            remove(api, addon).map_err(Failure::during(name))?;
        }
    }
    remember(api, &marks)?;
    Ok(true)
}

/// What is there and what will be, as nothing that is whole.
fn begun(found: &BTreeMap<String, String>, wanted: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    found.keys().chain(wanted.keys()).map(|name| (name.clone(), String::new())).collect()
}

fn remember(api: &Api, marks: &BTreeMap<String, String>) -> Result<(), Failure> {
    api.merge(MARK, &json!({ "data": { ADDONS: json!(marks).to_string() } })).map(drop)
}

fn install(api: &Api, addon: Addon) -> Result<(), Failure> {
    objects(addon).iter().try_for_each(|object| api.apply(&object.path, &object.body))
}

/// What was made last goes first. Volumes stay, and whoever uses them.
fn remove(api: &Api, addon: Addon) -> Result<(), Failure> {
    objects(addon).iter().rev().try_for_each(|object| api.delete(&object.path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_begun_is_remembered_as_nothing_that_is_whole() {
        let found = marks(&BTreeSet::from([Addon::LocalStorage]));
        let wanted = marks(&BTreeSet::from([Addon::MetricsServer]));
        let begun = begun(&found, &wanted);
        assert!(Addon::ALL.iter().all(|addon| begun.contains_key(addon.name())));
        assert!(
            begun.iter().all(|(name, mark)| found.get(name) != Some(mark) && wanted.get(name) != Some(mark))
        );
    }
}
