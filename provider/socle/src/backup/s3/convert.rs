//! Between the SDK's words and ours.

use aws_sdk_s3::error::BuildError;
use aws_sdk_s3::types::{
    PublicAccessBlockConfiguration, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule, Tag,
};

use super::super::safeguard::{Encryption, PublicAccess};

pub(super) fn encryption_of(found: &ServerSideEncryptionConfiguration) -> Option<Encryption> {
    let rule = found.rules().iter().find_map(|rule| rule.apply_server_side_encryption_by_default())?;
    Some(match &rule.sse_algorithm {
        ServerSideEncryption::AwsKms | ServerSideEncryption::AwsKmsDsse => {
            Encryption::Kms(rule.kms_master_key_id.clone())
        }
        _ => Encryption::S3,
    })
}

pub(super) fn encryption_rule(wanted: &Encryption) -> Result<ServerSideEncryptionRule, BuildError> {
    let default = match wanted {
        Encryption::S3 => {
            ServerSideEncryptionByDefault::builder().sse_algorithm(ServerSideEncryption::Aes256)
        }
        Encryption::Kms(key) => ServerSideEncryptionByDefault::builder()
            .sse_algorithm(ServerSideEncryption::AwsKms)
            .set_kms_master_key_id(key.clone()),
    };
    let rule = ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(default.build()?);
    // A key of the bucket's own spares a call of KMS an object.
    Ok(rule.bucket_key_enabled(matches!(wanted, Encryption::Kms(_))).build())
}

pub(super) fn public_access_of(found: &PublicAccessBlockConfiguration) -> PublicAccess {
    PublicAccess {
        block_acls: found.block_public_acls == Some(true),
        ignore_acls: found.ignore_public_acls == Some(true),
        block_policy: found.block_public_policy == Some(true),
        restrict: found.restrict_public_buckets == Some(true),
    }
}

pub(super) fn public_access(wanted: PublicAccess) -> PublicAccessBlockConfiguration {
    PublicAccessBlockConfiguration::builder()
        .block_public_acls(wanted.block_acls)
        .ignore_public_acls(wanted.ignore_acls)
        .block_public_policy(wanted.block_policy)
        .restrict_public_buckets(wanted.restrict)
        .build()
}

pub(super) fn tag(key: &str, value: &str) -> Result<Tag, BuildError> {
    Tag::builder().key(key).value(value).build()
}
