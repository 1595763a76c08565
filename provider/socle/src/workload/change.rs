//! What is done with each object: a comparison of what is wanted, what was there, and what is there now.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::fields::FieldSet;
use super::identity::{Identity, Subject, TypeName};
use super::kinds;
use super::manifest::Manifest;
use super::ownership::{CREATING, DIGEST, OWNER, Owner, PREVENT_PRUNE, Stage, annotation, owner};

/// An object as the cluster has it, by its metadata.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// Its unique id.
    pub uid: String,
    /// Whose it is.
    pub owner: Owner,
    /// The name of the resource that it carries.
    pub carries: Option<String>,
    /// The digest of the document that was applied last.
    pub digest: Option<String>,
    /// Whether a create is still under way.
    pub stage: Stage,
    /// Is it on its way out?
    pub terminating: bool,
    /// The fields that are ours.
    pub fields: FieldSet,
    /// What its annotation says of its deletion.
    pub prevent_prune: Option<bool>,
}

impl Observed {
    /// Reads an object of an API server; none when it is no object.
    pub fn read(object: &Value, names: &[&str]) -> Option<Self> {
        let stage = if annotation(object, CREATING).is_some() { Stage::Creating } else { Stage::Settled };
        Some(Self {
            uid: object["metadata"]["uid"].as_str()?.to_owned(),
            owner: owner(object, names),
            carries: annotation(object, OWNER).map(str::to_owned),
            digest: annotation(object, DIGEST).map(str::to_owned),
            stage,
            terminating: !object["metadata"]["deletionTimestamp"].is_null(),
            fields: FieldSet::owned(object),
            prevent_prune: annotation(object, PREVENT_PRUNE).map(|word| word == "true"),
        })
    }

    /// Is it ours: by its mark or, with the mark torn off, by the id that the state knows?
    pub fn is_ours(&self, known: Option<&str>) -> bool {
        match self.owner {
            Owner::Ours => true,
            Owner::Other(_) => false,
            Owner::Nobody(_) => known == Some(&self.uid),
        }
    }

    /// Is it to stay when its resource lets go of it?
    pub fn is_kept(&self, identity: &Identity) -> bool {
        self.prevent_prune.unwrap_or_else(|| kinds::is_precious(&identity.type_name))
    }
}

/// What an earlier apply left in the state.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Known {
    /// The id that the cluster gave it.
    pub uid: Option<String>,
    /// The digest of the document that was applied.
    pub digest: Option<String>,
    /// Whether it did what it is for.
    pub ready: bool,
    /// The fields that a refresh found in other hands; the plan showed them.
    pub drifted: Vec<String>,
    /// The fields that were ours after the last apply.
    pub fields: FieldSet,
}

impl Known {
    /// Was it a job that did its work, and that the cluster deletes after that? It must not run a second time.
    fn has_passed(&self, manifest: &Manifest) -> bool {
        self.ready
            && passes(&manifest.identity.type_name, &self.fields)
            && self.digest.as_deref() == Some(&manifest.digest())
    }
}

/// Does the cluster delete such an object some time after it has ended? `fields` are those that were applied.
pub fn passes(type_name: &TypeName, fields: &FieldSet) -> bool {
    kinds::is_job(type_name) && fields.has(&["spec", "ttlSecondsAfterFinished"])
}

/// What the user allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adoption {
    /// Objects of others are a refusal.
    Refuse,
    /// Objects of others become ours.
    Adopt,
}

/// What is done with one wanted object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It is as it should be.
    Leave,
    /// It is applied; these fields may be taken back from other managers.
    Apply {
        /// The fields that the plan showed as drifted.
        takes_back: Vec<String>,
    },
    /// What has its name is on its way out: it is applied once that is gone.
    AwaitThenApply,
}

/// An object that may not be touched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Foreign {
    /// Another resource owns it.
    #[error(
        "{label} belongs to the socle_manifests {owner:?}. Remove it from one of the two, or write `adopt = true` here."
    )]
    Owned {
        /// The object.
        label: String,
        /// The other resource's name.
        owner: String,
    },
    /// Nobody of ours made it.
    #[error(
        "{label} exists already, and this resource did not make it{by}. Delete it, or write `adopt = true` to take it over."
    )]
    Found {
        /// The object.
        label: String,
        /// The managers that wrote to it, in words.
        by: String,
    },
}

/// Decides about one wanted object. `owner` is the name that it is to carry.
///
/// # Errors
/// When it is somebody else's.
pub fn step(
    manifest: &Manifest,
    owner: &str,
    observed: Option<&Observed>,
    known: Option<&Known>,
    adoption: Adoption,
) -> Result<Step, Foreign> {
    let is_leaving = observed.is_none_or(|observed| observed.terminating);
    if is_leaving && known.is_some_and(|known| known.has_passed(manifest)) {
        return Ok(Step::Leave);
    }
    let takes_back = known.map(|known| known.drifted.clone()).unwrap_or_default();
    let Some(observed) = observed else { return Ok(Step::Apply { takes_back }) };
    if observed.terminating {
        return Ok(Step::AwaitThenApply);
    }
    let uid = known.and_then(|known| known.uid.as_deref());
    if !observed.is_ours(uid) && adoption == Adoption::Refuse {
        return Err(foreign(&manifest.identity, &observed.owner));
    }
    let is_as_it_was = known.is_some_and(|known| known.fields.lost(&observed.fields).is_empty());
    let is_marked = observed.owner == Owner::Ours && observed.carries.as_deref() == Some(owner);
    let is_latest = observed.digest.as_deref() == Some(&manifest.digest());
    let is_settled = observed.stage == Stage::Settled;
    Ok(if is_marked && is_as_it_was && is_latest && is_settled {
        Step::Leave
    } else {
        Step::Apply { takes_back }
    })
}

fn foreign(identity: &Identity, owner: &Owner) -> Foreign {
    let label = identity.to_string();
    match owner {
        Owner::Other(owner) => Foreign::Owned { label, owner: owner.clone() },
        Owner::Ours => Foreign::Found { label, by: String::new() },
        Owner::Nobody(managers) if managers.is_empty() => Foreign::Found { label, by: String::new() },
        Owner::Nobody(managers) => {
            Foreign::Found { label, by: format!(" (written by {})", managers.join(", ")) }
        }
    }
}

/// What is there and no longer wanted.
pub fn unwanted<'o>(there: impl IntoIterator<Item = &'o Identity>, wanted: &[Manifest]) -> Vec<Identity> {
    let wanted: BTreeSet<Subject> = wanted.iter().map(|manifest| manifest.identity.subject()).collect();
    let mut once: BTreeMap<Subject, &Identity> = BTreeMap::new();
    for identity in there {
        if !wanted.contains(&identity.subject()) {
            once.entry(identity.subject()).or_insert(identity);
        }
    }
    once.into_values().cloned().collect()
}

#[cfg(test)]
mod tests;
