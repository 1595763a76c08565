//! What makes a bucket safe for backups: what is set, what is wanted, and the difference. Pure.

use std::collections::BTreeMap;
use std::fmt;

use aws_sdk_s3::error::BuildError;
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleFilter, NoncurrentVersionExpiration,
};
use serde_json::{Value as Json, json};

use super::s3::S3Error;

/// A property that a store promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Safeguard {
    /// Nobody who is not named gets in, whatever a policy or an ACL says.
    PublicAccess,
    /// What comes without TLS is refused.
    TlsOnly,
    /// What is put is encrypted.
    Encryption,
    /// A deleted or overwritten object stays as a version.
    Versioning,
    /// Old versions go after a time, and so do uploads that were never finished.
    Lifecycle,
}

/// All that is set on a bucket.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// Whether versions are kept.
    pub versioning: Seen<bool>,
    /// How objects are encrypted.
    pub encryption: Seen<Encryption>,
    /// What of public access is blocked.
    pub public_access: Seen<PublicAccess>,
    /// The bucket's policy, a JSON document.
    pub policy: Seen<String>,
    /// The rules of its lifecycle.
    pub lifecycle: Seen<Vec<LifecycleRule>>,
    /// Its tags.
    pub tags: Seen<BTreeMap<String, String>>,
}

/// A setting, as far as the endpoint has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen<T> {
    /// It is set.
    Set(T),
    /// It is not set.
    Unset,
    /// The endpoint does not know it.
    Unsupported,
}

/// How objects are encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encryption {
    /// With keys of S3's own.
    S3,
    /// With a key of KMS; none for the account's default one.
    Kms(Option<String>),
}

/// What of public access is blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "S3 has four switches, and all four count")]
pub struct PublicAccess {
    /// New public ACLs are refused.
    pub block_acls: bool,
    /// Public ACLs do not count.
    pub ignore_acls: bool,
    /// New public policies are refused.
    pub block_policy: bool,
    /// A public policy lets only the account in.
    pub restrict: bool,
}

/// What is wanted of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The bucket's name.
    pub bucket: String,
    /// The bucket's ARN.
    pub arn: String,
    /// How objects are encrypted.
    pub encryption: Encryption,
    /// How many days old versions stay.
    pub keep_days: i32,
    /// Whether what comes without TLS is refused.
    pub tls_only: bool,
}

/// How a safeguard stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// As wanted.
    Applied,
    /// Not as wanted.
    Drifted,
    /// The endpoint cannot do it.
    Unsupported,
    /// It is not wanted, and not there.
    Off,
}

impl<T> Seen<T> {
    /// Reads an answer: `unset` are the codes by which S3 says that nothing is set.
    pub fn of(answer: Result<Option<T>, S3Error>, unset: &[&str]) -> Result<Self, S3Error> {
        match answer {
            Ok(Some(value)) => Ok(Self::Set(value)),
            Ok(None) => Ok(Self::Unset),
            Err(error) if error.is_unknown_to_the_endpoint() => Ok(Self::Unsupported),
            Err(error) if error.code().is_some_and(|code| unset.contains(&code)) => Ok(Self::Unset),
            Err(error) => Err(error),
        }
    }

    /// The value, when it is set.
    pub const fn set(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Unset | Self::Unsupported => None,
        }
    }

    /// How it stands, when this is what is wanted of it.
    fn standing(&self, is_wanted: impl FnOnce(&T) -> bool) -> Standing {
        match self {
            Self::Set(value) if is_wanted(value) => Standing::Applied,
            Self::Set(_) | Self::Unset => Standing::Drifted,
            Self::Unsupported => Standing::Unsupported,
        }
    }
}

impl PublicAccess {
    /// All of it.
    pub const fn blocked() -> Self {
        Self { block_acls: true, ignore_acls: true, block_policy: true, restrict: true }
    }
}

impl Safeguard {
    /// All of them, in the order in which they are set: nobody gets in before the bucket is private.
    pub const ALL: [Self; 5] =
        [Self::PublicAccess, Self::TlsOnly, Self::Encryption, Self::Versioning, Self::Lifecycle];

    /// Its name in the state.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PublicAccess => "public-access-block",
            Self::TlsOnly => "tls-only",
            Self::Encryption => "encryption",
            Self::Versioning => "versioning",
            Self::Lifecycle => "lifecycle",
        }
    }

    /// What it means that an endpoint lacks it.
    pub const fn without(self) -> &'static str {
        match self {
            Self::PublicAccess => {
                "whether strangers can read the bucket depends on its ACLs and policies alone"
            }
            Self::TlsOnly => {
                "requests without TLS are not refused: see that the endpoint's URL begins with https"
            }
            Self::Encryption => {
                "objects are not encrypted by the store itself; backups are, by their password, before they are sent"
            }
            Self::Versioning => "what is deleted is gone at once",
            Self::Lifecycle => {
                "old versions and unfinished uploads stay until somebody removes them: the bucket grows"
            }
        }
    }

    /// How it stands on a bucket.
    pub fn standing(self, facts: &Facts, wanted: &Wanted) -> Standing {
        match self {
            Self::PublicAccess => facts.public_access.standing(|found| *found == PublicAccess::blocked()),
            Self::TlsOnly if wanted.tls_only => {
                facts.policy.standing(|policy| refuses_plain_text(policy, wanted))
            }
            Self::TlsOnly => match facts.policy.set() {
                Some(policy) if has_ours(policy) => Standing::Drifted,
                _ => Standing::Off,
            },
            Self::Encryption => facts.encryption.standing(|found| *found == wanted.encryption),
            Self::Versioning => facts.versioning.standing(|enabled| *enabled),
            Self::Lifecycle => facts.lifecycle.standing(|rules| {
                let ours = rules.iter().find(|rule| rule.id() == Some(RULE));
                ours.is_some_and(|rule| keeps(rule) == Some(wanted.keep_days) && is_whole(rule))
            }),
        }
    }
}

impl Standing {
    /// Its word in the state.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Drifted => "drifted",
            Self::Unsupported => "unsupported",
            Self::Off => "off",
        }
    }
}

impl fmt::Display for Safeguard {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

// === the policy ===

/// Names our statement in a bucket's policy.
const STATEMENT: &str = "SocleTlsOnly";

fn statement(wanted: &Wanted) -> Json {
    json!({
        "Sid": STATEMENT,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [wanted.arn, format!("{}/*", wanted.arn)],
        "Condition": { "Bool": { "aws:SecureTransport": "false" } },
    })
}

/// The statements of a policy; one alone may stand without a list.
fn statements(policy: &Json) -> Vec<Json> {
    match &policy["Statement"] {
        Json::Array(statements) => statements.clone(),
        Json::Null => Vec::new(),
        one => vec![one.clone()],
    }
}

fn refuses_plain_text(policy: &str, wanted: &Wanted) -> bool {
    let policy = serde_json::from_str(policy).unwrap_or(Json::Null);
    statements(&policy).iter().any(|found| same(found, &statement(wanted)))
}

fn has_ours(policy: &str) -> bool {
    let policy = serde_json::from_str(policy).unwrap_or(Json::Null);
    statements(&policy).iter().any(|statement| statement["Sid"] == STATEMENT)
}

/// Whether two statements say the same: S3 writes a list of one as its element, and sorts lists as it likes.
fn same(found: &Json, wanted: &Json) -> bool {
    canonical(found) == canonical(wanted)
}

fn canonical(value: &Json) -> Json {
    match value {
        Json::Array(values) if values.len() == 1 => canonical(&values[0]),
        Json::Array(values) => {
            let mut texts: Vec<_> = values.iter().map(|value| canonical(value).to_string()).collect();
            texts.sort();
            texts.into()
        }
        Json::Object(fields) => {
            Json::Object(fields.iter().map(|(key, value)| (key.clone(), canonical(value))).collect())
        }
        value => value.clone(),
    }
}

/// The policy with our statement, or without it where it is not wanted, and with those of others as they are; none when
/// there is nothing to say.
pub fn wanted_policy(found: Option<&str>, wanted: &Wanted) -> Option<String> {
    let found = found.and_then(|text| serde_json::from_str::<Json>(text).ok());
    let mut policy = found.filter(Json::is_object).unwrap_or_else(|| json!({ "Version": "2012-10-17" }));
    let others = statements(&policy).into_iter().filter(|statement| statement["Sid"] != STATEMENT);
    let all: Vec<Json> = others.chain(wanted.tls_only.then(|| statement(wanted))).collect();
    if all.is_empty() {
        return None;
    }
    policy["Statement"] = all.into();
    Some(policy.to_string())
}

// === the lifecycle ===

/// Names our rule in a bucket's lifecycle.
const RULE: &str = "socle-keep-deleted";

/// After so many days an upload that was not finished goes.
const UNFINISHED_DAYS: i32 = 7;

fn keeps(rule: &LifecycleRule) -> Option<i32> {
    rule.noncurrent_version_expiration()?.noncurrent_days()
}

/// Whether a rule of ours is in force for the whole bucket and does the rest, too.
fn is_whole(rule: &LifecycleRule) -> bool {
    let uploads = rule
        .abort_incomplete_multipart_upload()
        .and_then(AbortIncompleteMultipartUpload::days_after_initiation);
    let marks = rule.expiration().and_then(LifecycleExpiration::expired_object_delete_marker);
    let spared =
        rule.noncurrent_version_expiration().and_then(NoncurrentVersionExpiration::newer_noncurrent_versions);
    rule.status() == &ExpirationStatus::Enabled
        && rule.filter().is_none_or(takes_all)
        && spared.is_none()
        && uploads == Some(UNFINISHED_DAYS)
        && marks == Some(true)
}

/// Whether a filter lets every object through. A list of conditions, of which S3 wants two, never does.
fn takes_all(filter: &LifecycleRuleFilter) -> bool {
    filter.prefix().unwrap_or_default().is_empty()
        && filter.tag().is_none()
        && filter.object_size_greater_than().is_none()
        && filter.object_size_less_than().is_none()
        && filter.and().is_none()
}

/// How many days our rule keeps old versions, when it is there.
pub fn kept_days(facts: &Facts) -> Option<i32> {
    facts.lifecycle.set()?.iter().find(|rule| rule.id() == Some(RULE)).and_then(keeps)
}

/// The rules with ours, and those of others as they are.
///
/// # Errors
/// When the SDK lacks a field: a mistake of ours.
pub fn rules_with_ours(found: &[LifecycleRule], wanted: &Wanted) -> Result<Vec<LifecycleRule>, BuildError> {
    let ours = LifecycleRule::builder()
        .id(RULE)
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix("").build())
        .noncurrent_version_expiration(
            NoncurrentVersionExpiration::builder().noncurrent_days(wanted.keep_days).build(),
        )
        .expiration(LifecycleExpiration::builder().expired_object_delete_marker(true).build())
        .abort_incomplete_multipart_upload(
            AbortIncompleteMultipartUpload::builder().days_after_initiation(UNFINISHED_DAYS).build(),
        )
        .build()?;
    let others = found.iter().filter(|rule| rule.id() != Some(RULE)).cloned();
    Ok(others.chain([ours]).collect())
}

/// Rules of others that let old versions go sooner, by their ids: they break the promise, and are not ours to change.
pub fn hasty_rules(facts: &Facts, wanted: &Wanted) -> Vec<String> {
    let is_hasty = |rule: &&LifecycleRule| {
        let sooner = keeps(rule).is_some_and(|days| days < wanted.keep_days);
        rule.status() == &ExpirationStatus::Enabled && rule.id() != Some(RULE) && sooner
    };
    let rules = facts.lifecycle.set().into_iter().flatten();
    rules.filter(is_hasty).map(|rule| rule.id().unwrap_or("without an id").to_owned()).collect()
}

#[cfg(test)]
#[path = "safeguard_tests.rs"]
mod tests;
