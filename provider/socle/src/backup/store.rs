//! `socle_backup_store`: a bucket made safe for backups.

mod apply;
mod observed;

use backup_agent::quantity::Span;
use tfplugin::{
    Call, Computed, CreateError, Diagnostics, ImportId, Map, Model, Plan, Reached, Resource, Timeouts, Value,
    Wanted,
};

use super::location::Location;
use super::parts::{repaired, will_be};
use crate::clients::Clients;

/// A bucket of S3 that is safe for backups: versioned, encrypted, private, and reached by TLS alone.
///
/// What is deleted or overwritten in it, also by an intruder who has the key of a backup policy, stays readable for
/// `keep_deleted_for`. Each of its safeguards shows in `safeguards`: one that somebody changed by hand reads
/// `drifted -> applied` in the next plan. Statements of others in its policy and rules of others in its lifecycle are kept.
///
/// It can be in another S3 than AWS's (`endpoints { s3 }` in the provider's `aws` block). A safeguard that such an
/// endpoint lacks reads `unsupported`, and apply warns what that means; without versioning there is no store.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct BackupStore {
    /// The name of the bucket, such as `example-social-backups`: unique among all of AWS's. Another name is another bucket.
    #[tf(
        required,
        requires_replace,
        validate(pattern(
            "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
            "3 to 63 lower-case letters, digits, dots and dashes"
        ))
    )]
    bucket: Value<String>,
    /// The region of the bucket, such as `eu-west-3`. Default: that of the provider's `aws` block.
    #[tf(optional, requires_replace)]
    region: Value<String>,
    /// How long old versions and deleted objects stay readable, in whole days, such as `30d`. Default: `30d`.
    #[tf(optional, default = "30d", validate(describe("whole days, such as `30d`", |text: &String| days(text).map(drop))))]
    keep_deleted_for: Value<String>,
    /// The ARN of the KMS key that encrypts objects. Whoever backs up needs `kms:GenerateDataKey` and `kms:Decrypt` on it.
    /// Default: keys of S3's own (SSE-S3).
    #[tf(optional, validate(pattern("^arn:", "an ARN, such as `arn:aws:kms:eu-west-3:123456789012:key/…`")))]
    kms_key_arn: Value<String>,
    /// Whether requests without TLS are refused, by a statement of the bucket's policy. An endpoint whose URL begins with
    /// `http:` would then refuse everybody: there it must be `false`. Default: `true`.
    #[tf(optional, default = true)]
    tls_only: Value<bool>,
    /// Tags of the bucket. Tags that begin with `aws:` are AWS's own and never touched. Default: none.
    #[tf(optional)]
    tags: Value<Map<String>>,
    /// Whether the bucket may be destroyed with all that is in it, old versions too. Must be applied before the destroy.
    /// Default: `false`.
    #[tf(optional, default = false)]
    force_destroy: Value<bool>,
    /// How long each operation may take.
    #[tf(timeouts(create = "10m", read = "5m", update = "10m", delete = "60m"))]
    timeouts: Value<Timeouts>,
    /// The Amazon Resource Name of the bucket.
    #[tf(computed, use_state_for_unknown)]
    arn: Value<String>,
    /// Where the bucket is, as backup policies take it.
    #[tf(computed, use_state_for_unknown)]
    location: Value<Computed<Location>>,
    /// How each safeguard stands: `public-access-block`, `tls-only`, `encryption`, `versioning`, `lifecycle`, each
    /// `applied`, `drifted` or `unsupported`; `tls-only` may be `off`.
    #[tf(computed)]
    safeguards: Value<Map<String>>,
}

/// What names a bucket in the world.
#[derive(Debug, Clone, PartialEq, Model)]
pub struct BucketIdentity {
    /// The name of the bucket.
    #[tf(required)]
    bucket: Value<String>,
}

impl Resource for BackupStore {
    type Clients = Clients;
    type Model = Self;
    type Identity = BucketIdentity;

    const NAME: &'static str = "backup_store";
    const SUBCATEGORY: &'static str = "Backups";

    fn plan(plan: &mut Plan<Self>) -> Result<(), Diagnostics> {
        let Some(prior) = &plan.prior else { return Ok(()) };
        let is_renamed = !plan.planned.bucket.is_unknown() && prior.bucket != plan.planned.bucket;
        let is_other = is_renamed || prior.tls_only != plan.planned.tls_only;
        let found = prior.safeguards.known().filter(|_| !is_other);
        plan.planned.safeguards = found.map_or(Value::Unknown, |found| will_be(repaired(found)));
        Ok(())
    }

    async fn read(call: &Call<Clients>, state: Self) -> Result<Option<Self>, Diagnostics> {
        Box::pin(observed::read(call, state)).await
    }

    // Boxed: the futures of the SDK's calls add up to kilobytes.
    async fn create(call: &Call<Clients>, wanted: Wanted<Self>) -> Result<Self, CreateError<Self>> {
        Box::pin(apply::create(call, wanted.planned)).await
    }

    async fn update(call: &Call<Clients>, prior: Self, wanted: Wanted<Self>) -> Result<Self, Reached<Self>> {
        Box::pin(apply::update(call, prior, wanted.planned)).await
    }

    async fn delete(call: &Call<Clients>, state: Self) -> Result<(), Reached<Self>> {
        Box::pin(apply::delete(call, state)).await
    }

    async fn import(call: &Call<Clients>, id: ImportId<BucketIdentity>) -> Result<Self, Diagnostics> {
        let bucket = match id {
            ImportId::Id(id) => id,
            ImportId::Identity(identity) => identity.bucket.into_known().unwrap_or_default(),
        };
        Box::pin(observed::import(call, &bucket)).await
    }

    fn identity(state: &Self) -> Option<BucketIdentity> {
        Some(BucketIdentity { bucket: state.bucket.clone() })
    }
}

/// Reads whole days.
fn days(text: &str) -> Result<i32, String> {
    const DAY: u64 = 86_400;
    // A hundred years.
    const MOST: i32 = 36_500;
    let span = Span::try_from(text.to_owned()).map_err(|error| error.to_string())?;
    let seconds = span.duration().as_secs();
    let days =
        i32::try_from(seconds / DAY).ok().filter(|days| (1..=MOST).contains(days) && seconds % DAY == 0);
    days.ok_or_else(|| format!("found {text:?}; S3 counts in whole days"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_days_are_taken() {
        assert_eq!(days("30d"), Ok(30));
        assert_eq!(days("48h"), Ok(2));
        for wrong in ["0d", "36h", "1w", "", "999999999d"] {
            assert!(days(wrong).is_err(), "{wrong}");
        }
    }
}
