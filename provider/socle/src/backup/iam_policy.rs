//! `socle_backup_iam_policy`: the rights of a policy's key, and no more.

use serde_json::{Value as Json, json};
use tfplugin::{Call, DataSource, Diagnostics, Model, Value};

use super::location::{Location, arn};
use crate::clients::Clients;

/// The IAM policy for the access key of one backup policy: it reads, lists and puts below one prefix, deletes there what
/// `forget` must, and can delete no version. What an intruder deletes with it stays readable for the store's
/// `keep_deleted_for`. Nothing is asked of AWS.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct BackupIamPolicy {
    /// Where the repository's bucket is, such as `socle_backup_store.main.location`.
    #[tf(required)]
    location: Value<Location>,
    /// The folder of the repository in the bucket: the `prefix` of the policy, or its `name` where it gives none.
    #[tf(
        required,
        validate(pattern(
            "^[^/*?]+(/[^/*?]+)*$",
            "a path without a slash at its ends, and without `*` and `?`"
        ))
    )]
    prefix: Value<String>,
    /// The ARN of the KMS key that encrypts the bucket. Default: none.
    #[tf(optional, validate(pattern("^arn:", "an ARN")))]
    kms_key_arn: Value<String>,
    /// The policy document, in JSON.
    #[tf(computed)]
    json: Value<String>,
}

impl DataSource for BackupIamPolicy {
    type Clients = Clients;
    type Model = Self;

    const NAME: &'static str = "backup_iam_policy";
    const SUBCATEGORY: &'static str = "Backups";

    async fn read(_: &Call<Clients>, config: Self) -> Result<Self, Diagnostics> {
        let location = config.location.known().cloned().unwrap_or_default();
        let known = |value: &Value<String>| value.known().cloned().unwrap_or_default();
        let bucket = arn(&known(&location.bucket), &known(&location.region));
        let document =
            document(&bucket, &known(&config.prefix), config.kms_key_arn.known().map(String::as_str));
        Ok(Self { json: document.to_string().into(), ..config })
    }
}

/// The folders of a repository in which the agent deletes: locks, and what `forget` and a change of password remove.
const EMPTIED: [&str; 5] = ["locks", "snapshots", "index", "data", "keys"];

fn document(bucket: &str, prefix: &str, kms_key_arn: Option<&str>) -> Json {
    let below = format!("{bucket}/{prefix}/*");
    let emptied = EMPTIED.map(|folder| format!("{bucket}/{prefix}/{folder}/*"));
    let mut statements = vec![
        json!({
            "Sid": "List",
            "Effect": "Allow",
            "Action": ["s3:ListBucket", "s3:ListBucketVersions"],
            "Resource": bucket,
            "Condition": { "StringLike": { "s3:prefix": format!("{prefix}/*") } },
        }),
        json!({
            "Sid": "ReadAndPut",
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"],
            "Resource": below,
        }),
        json!({
            "Sid": "Forget",
            "Effect": "Allow",
            "Action": "s3:DeleteObject",
            "Resource": emptied,
        }),
    ];
    if let Some(key) = kms_key_arn {
        statements.push(json!({
            "Sid": "Encrypt",
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": key,
        }));
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The actions that a document allows on a resource, by the wildcards of IAM.
    fn allowed<'d>(document: &'d Json, resource: &str) -> Vec<&'d str> {
        let texts = |value: &'d Json| -> Vec<&'d str> {
            match value {
                Json::Array(values) => values.iter().filter_map(Json::as_str).collect(),
                one => one.as_str().into_iter().collect(),
            }
        };
        let covers = |pattern: &str| match pattern.strip_suffix('*') {
            Some(start) => resource.starts_with(start),
            None => resource == pattern,
        };
        let statements = document["Statement"].as_array().unwrap().iter();
        let fitting = statements.filter(|statement| texts(&statement["Resource"]).into_iter().any(covers));
        fitting.flat_map(|statement| texts(&statement["Action"])).collect()
    }

    #[test]
    fn the_key_reads_and_puts_below_its_prefix_and_deletes_what_forget_must() {
        let document = document("arn:aws:s3:::b", "social-db", None);
        assert_eq!(allowed(&document, "arn:aws:s3:::b"), ["s3:ListBucket", "s3:ListBucketVersions"]);
        let of_data = allowed(&document, "arn:aws:s3:::b/social-db/data/ab/abcd");
        assert_eq!(of_data, ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObject"]);
        let of_config = allowed(&document, "arn:aws:s3:::b/social-db/config");
        assert_eq!(of_config, ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"], "never the config");
    }

    #[test]
    fn it_has_nothing_on_other_prefixes_and_deletes_no_version() {
        let document = document("arn:aws:s3:::b", "social-db", Some("arn:aws:kms:::key/1"));
        assert_eq!(allowed(&document, "arn:aws:s3:::b/social-db-2/data/ab"), [""; 0]);
        assert!(!document.to_string().contains("DeleteObjectVersion"));
        assert_eq!(document["Statement"][0]["Condition"]["StringLike"]["s3:prefix"], "social-db/*");
        assert_eq!(allowed(&document, "arn:aws:kms:::key/1"), ["kms:Decrypt", "kms:GenerateDataKey"]);
    }
}
