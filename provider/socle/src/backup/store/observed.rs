//! What a store is, in the form of the state.

use std::collections::BTreeMap;

use tfplugin::{Call, Computed, Diagnostic, Diagnostics, Map, Value};

use super::super::location::{Location, arn};
use super::super::s3::{Bucket, S3, S3Error};
use super::super::safeguard::{Encryption, Facts, Safeguard, Seen, Wanted, kept_days};
use super::{BackupStore, days};
use crate::clients::Clients;
use crate::clients::retry::Budget;

/// A bucket with all that is set on it.
pub(super) struct Observed {
    pub(super) region: String,
    pub(super) facts: Facts,
}

/// `None` when there is no such bucket.
pub(super) async fn observe(
    s3: &S3,
    bucket: Bucket<'_>,
    budget: &Budget,
) -> Result<Option<Observed>, S3Error> {
    let Some(region) = s3.find(bucket, budget).await? else { return Ok(None) };
    let facts = Box::pin(s3.facts(bucket, budget)).await?;
    Ok(Some(Observed { region, facts }))
}

/// Brings a state up to date. What the user wrote stays as written where the bucket is as it says.
pub(super) async fn read(
    call: &Call<Clients>,
    state: BackupStore,
) -> Result<Option<BackupStore>, Diagnostics> {
    let (s3, budget) = (call.clients().s3(), crate::clients::budget(call));
    let Some(name) = state.bucket.known().cloned() else { return Ok(None) };
    let region = state.spoken_to();
    let bucket = Bucket { name: &name, region: region.as_deref() };
    let observed = Box::pin(observe(s3, bucket, &budget)).await.map_err(|error| unread(&error))?;
    let Some(observed) = observed else { return Ok(None) };
    let endpoint = s3.endpoint().await;
    Ok(Some(refreshed(state, &observed, endpoint)))
}

fn unread(error: &S3Error) -> Diagnostic {
    Diagnostic::error("Store cannot be read", error.to_string())
}

pub(super) fn refreshed(state: BackupStore, observed: &Observed, endpoint: Option<String>) -> BackupStore {
    let facts = &observed.facts;
    let tags: Value<Map<String>> = match own_tags(&facts.tags) {
        tags if tags == known_tags(&state.tags) => state.tags.clone(),
        tags => shown_tags(&tags),
    };
    let kept = kept_days(facts);
    let same = kept.is_some() && kept == state.keep_deleted_for.known().and_then(|text| days(text).ok());
    let keep_deleted_for = match kept {
        Some(days) if !same => Value::Known(format!("{days}d")),
        _ => state.keep_deleted_for.clone(),
    };
    let kms_key_arn = match facts.encryption.set() {
        Some(Encryption::Kms(Some(key))) => Value::Known(key.clone()),
        Some(_) => Value::Null,
        None => state.kms_key_arn.clone(),
    };
    let state =
        BackupStore { keep_deleted_for, kms_key_arn, tags, ..state }.placed(&observed.region, endpoint);
    let wanted = state.wanted();
    BackupStore { safeguards: standings(facts, &wanted), ..state }
}

/// How each safeguard stands.
pub(super) fn standings(facts: &Facts, wanted: &Wanted) -> Value<Map<String>> {
    let standing = |safeguard: Safeguard| {
        (safeguard.name().to_owned(), Value::from(safeguard.standing(facts, wanted).word()))
    };
    Value::Known(Safeguard::ALL.into_iter().map(standing).collect())
}

/// A bucket that exists, as the configuration that would make it.
pub(super) async fn import(call: &Call<Clients>, name: &str) -> Result<BackupStore, Diagnostics> {
    let (s3, budget) = (call.clients().s3(), crate::clients::budget(call));
    let bucket = Bucket { name, region: None };
    let observed = Box::pin(observe(s3, bucket, &budget)).await.map_err(|error| unread(&error))?;
    let Some(observed) = observed else {
        let detail = format!("There is no bucket {name:?}. Give its name, such as example-social-backups.");
        return Err(Diagnostic::error("No such bucket", detail).into());
    };
    let state = BackupStore {
        bucket: name.into(),
        keep_deleted_for: "30d".into(),
        tls_only: true.into(),
        force_destroy: false.into(),
        ..BackupStore::default()
    };
    let endpoint = s3.endpoint().await;
    Ok(refreshed(state, &observed, endpoint))
}

impl BackupStore {
    /// The region by which the bucket is spoken to: where it is, else where it is wanted.
    pub(super) fn spoken_to(&self) -> Option<String> {
        let at = self.location.known().and_then(|Computed(location)| location.region.known());
        at.or(self.region.known()).cloned()
    }

    /// What is wanted of the bucket; at apply everything is known.
    pub(super) fn wanted(&self) -> Wanted {
        let bucket = self.bucket.known().cloned().unwrap_or_default();
        let kept = self.keep_deleted_for.known().and_then(|text| days(text).ok());
        let region = self.spoken_to().unwrap_or_default();
        Wanted {
            arn: arn(&bucket, &region),
            bucket,
            encryption: self
                .kms_key_arn
                .known()
                .map_or(Encryption::S3, |key| Encryption::Kms(Some(key.clone()))),
            keep_days: kept.unwrap_or(30),
            tls_only: self.tls_only != Value::Known(false),
        }
    }

    /// With what follows from where the bucket is.
    pub(super) fn placed(self, region: &str, endpoint: Option<String>) -> Self {
        let location =
            Location { bucket: self.bucket.clone(), region: region.into(), endpoint: endpoint.into() };
        let arn = arn(self.bucket.known().map_or("", String::as_str), region);
        Self { arn: arn.into(), location: Computed(location).into(), ..self }
    }
}

/// The tags that a user wrote, without those that are null.
pub(super) fn known_tags(tags: &Value<Map<String>>) -> BTreeMap<String, String> {
    let known = tags.known().into_iter().flatten();
    known.filter_map(|(key, value)| Some((key.clone(), value.known()?.clone()))).collect()
}

/// Tags that AWS sets itself are not the user's, and our mark of a create is nobody's.
pub(super) fn own_tags(tags: &Seen<BTreeMap<String, String>>) -> BTreeMap<String, String> {
    let own = tags.set().into_iter().flatten();
    let own = own.filter(|(key, _)| !key.starts_with("aws:") && key.as_str() != super::apply::MARK);
    own.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn shown_tags(tags: &BTreeMap<String, String>) -> Value<Map<String>> {
    if tags.is_empty() {
        return Value::Null;
    }
    Value::Known(tags.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect())
}
