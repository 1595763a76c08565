//! What a change of manifests would do: pure functions of configuration and prior state.

use std::collections::{BTreeMap, BTreeSet};

use tfplugin::{Diagnostic, Diagnostics, Map, Model as _, Plan, Value};

use super::super::change::unwanted;
use super::super::identity::{Identity, Subject};
use super::super::kinds;
use super::super::manifest::{Manifest, Seal};
use super::super::ownership::{PREVENT_PRUNE, annotation};
use super::{Manifests, ObjectState, refused};

/// What the schema cannot say.
pub(super) fn validate(config: &Manifests, found: &mut Diagnostics) {
    if let Err(refusals) = config.wanted() {
        found.extend(refused(&refusals));
    }
    if config.kubeconfig_context.known().is_some() && config.access.known().is_some() {
        let detail =
            "A context is chosen in a kubeconfig; `access` is of one cluster. Remove one of the two.";
        found.push(
            Diagnostic::error("`kubeconfig_context` without a kubeconfig", detail)
                .at(Manifests::paths().kubeconfig_context()),
        );
    }
}

/// The plan shows every object that is made, changed, mended or deleted.
pub(super) fn plan(plan: &mut Plan<Manifests>) -> Result<(), Diagnostics> {
    plan_versions(plan);
    let wanted = plan.planned.wanted().map_err(|refusals| refused(&refusals))?;
    let Some(wanted) = wanted else {
        plan.planned.objects = Value::Unknown;
        return Ok(());
    };
    plan.planned.objects = planned_objects(&wanted, plan.prior.as_ref(), &plan.planned).into();
    for warning in left_behind(plan, &wanted) {
        plan.warn(warning);
    }
    Ok(())
}

/// Which versions of Vault's secrets are taken.
fn plan_versions(plan: &mut Plan<Manifests>) {
    let before = plan.prior.as_ref().and_then(|prior| prior.secret.known());
    for (index, secret) in plan.planned.secret.known_mut().into_iter().flatten().enumerate() {
        let before = before.and_then(|before| before.get(index)).and_then(Value::known);
        if let Some(secret) = secret.known_mut() {
            secret.plan_version(before);
        }
    }
}

fn planned_objects(wanted: &[Manifest], prior: Option<&Manifests>, planned: &Manifests) -> Map<ObjectState> {
    let objects = prior.map(Manifests::objects).unwrap_or_default();
    let by_subject: BTreeMap<Subject, ObjectState> = objects
        .into_iter()
        .filter_map(|(label, object)| Some((Identity::parse(&label)?.subject(), object)))
        .collect();
    // A job that has ended may be gone, and its next version is another object then.
    let before = prior.and_then(|prior| prior.wanted().ok().flatten()).unwrap_or_default();
    let passing: BTreeSet<Subject> = before
        .iter()
        .chain(wanted)
        .filter(|manifest| manifest.passes())
        .map(|manifest| manifest.identity.subject())
        .collect();
    let object = |manifest: &Manifest| {
        let subject = manifest.identity.subject();
        let may_be_another =
            planned.replaces(&manifest.identity.type_name.kind) || passing.contains(&subject);
        let object = planned_object(manifest, by_subject.get(&subject), may_be_another, planned);
        (manifest.identity.to_string(), Value::Known(object))
    };
    wanted.iter().map(object).collect()
}

/// `may_be_another` says whether a change of it may take another object in its place.
fn planned_object(
    manifest: &Manifest,
    before: Option<&ObjectState>,
    may_be_another: bool,
    planned: &Manifests,
) -> ObjectState {
    let digest = manifest.digest();
    let is_open = manifest.seal == Seal::Open;
    let is_as_before = before.is_some_and(|before| {
        !is_open
            && before.digest.known() == Some(&digest)
            && before.drifted_fields.known().is_some_and(Vec::is_empty)
    });
    let uid = match before {
        Some(before) if (is_as_before || !may_be_another) && !before.uid.is_null() => before.uid.clone(),
        _ => Value::Unknown,
    };
    let ready = match before {
        _ if planned.waits() => true.into(),
        Some(before) if is_as_before && planned.wait.known().is_some() => before.ready.clone(),
        _ => Value::Unknown,
    };
    let digest = if is_open { Value::Unknown } else { digest.into() };
    ObjectState { uid, digest, ready, drifted_fields: Vec::new().into() }
}

/// What goes out of the state and stays in the cluster.
fn left_behind(plan: &Plan<Manifests>, wanted: &[Manifest]) -> Vec<Diagnostic> {
    let prior = plan.prior.as_ref().map(Manifests::objects).unwrap_or_default();
    let identities: Vec<_> = prior.keys().filter_map(|label| Identity::parse(label)).collect();
    let unwanted = unwanted(&identities, wanted);
    if unwanted.is_empty() || plan.planned.prune.is_unknown() {
        return Vec::new();
    }
    if !plan.planned.prunes() {
        let detail = format!(
            "`prune` is false: {} will stay in the cluster, and be nobody's.",
            listed(unwanted.iter().map(ToString::to_string))
        );
        return vec![Diagnostic::warning("Objects are left behind", detail).at(Manifests::paths().prune())];
    }
    let before = plan.prior.as_ref().and_then(|prior| prior.wanted().ok().flatten()).unwrap_or_default();
    let kept: Vec<_> =
        unwanted.iter().filter(|identity| is_kept(identity, &before)).map(ToString::to_string).collect();
    if kept.is_empty() { Vec::new() } else { vec![keeps(&kept)] }
}

fn is_kept(identity: &Identity, before: &[Manifest]) -> bool {
    let written = before.iter().find(|manifest| manifest.identity.subject() == identity.subject());
    let word = written.and_then(|manifest| annotation(&manifest.object, PREVENT_PRUNE));
    word.map_or_else(|| kinds::is_precious(&identity.type_name), |word| word == "true")
}

/// Tells what stays although it is no longer wanted.
pub(super) fn keeps(labels: &[String]) -> Diagnostic {
    let detail = format!(
        "{} stays in the cluster, with what it holds, and is nobody's from then on. To have such an object deleted, give \
         it the annotation `{PREVENT_PRUNE}: \"false\"` and apply before it goes; to delete it now, use kubectl.",
        listed(labels.iter().cloned())
    );
    Diagnostic::warning("Objects are kept", detail)
}

/// The first of many.
pub(super) fn listed(labels: impl ExactSizeIterator<Item = String>) -> String {
    const SHOWN: usize = 10;
    let more = labels.len().saturating_sub(SHOWN);
    let shown = labels.take(SHOWN).collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

#[cfg(test)]
mod tests;
