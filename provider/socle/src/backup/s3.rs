//! Buckets of S3: one method an API action. Nothing here decides what a bucket should be.
//!
//! As with Route 53, the SDK's own retries are off: reads, and writes that change nothing a second time, are repeated by
//! [`clients::retry`](crate::clients::retry).

mod convert;
mod error;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, BucketLocationConstraint, BucketVersioningStatus,
    CreateBucketConfiguration, Delete, LifecycleRule, ObjectIdentifier, ServerSideEncryptionConfiguration,
    Tagging, VersioningConfiguration,
};
use tokio::sync::Mutex;

pub use error::{Action, Cause, S3Error};

use super::safeguard::{Encryption, Facts, PublicAccess, Seen, Wanted, rules_with_ours};
use crate::clients::aws::{Aws, AwsFailure};
use crate::clients::rate::RateLimit;
use crate::clients::retry::{Backoff, Budget, Failure, Policy, Repeat};
use convert::{encryption_of, encryption_rule, public_access, public_access_of, tag};
use error::Call;

/// S3 says nothing of a rate for the settings of buckets; this is polite.
const INTERVAL: Duration = Duration::from_millis(50);
const BURST: u32 = 20;
const BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(300), longest: Duration::from_secs(10), attempts: 5 };

/// The region in which a bucket is made when none is named in the call (Amazon S3 API, `CreateBucket`).
const UNNAMED_REGION: &str = "us-east-1";

/// The most objects that one call deletes (Amazon S3 API, `DeleteObjects`).
const OBJECTS_A_CALL: usize = 1000;

/// The buckets of one AWS account, or of another S3. Share one: the rate is counted in it.
#[derive(Debug)]
pub struct S3 {
    aws: Arc<Aws>,
    clients: Mutex<HashMap<Option<String>, Client>>,
    policy: Policy,
}

/// A bucket that is there, in the region in which it is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its region; none for that of the provider's `aws` block.
    pub region: Option<&'a str>,
}

/// An object that is listed: its key and its version.
pub type Version = (String, Option<String>);

impl S3 {
    /// Nothing is read or called before the first method.
    pub fn new(aws: Arc<Aws>) -> Self {
        let policy = Policy { backoff: BACKOFF, limit: RateLimit::new(INTERVAL, BURST) };
        Self { aws, clients: Mutex::default(), policy }
    }

    /// The URL of an S3 that is not AWS's own; none for AWS.
    pub async fn endpoint(&self) -> Option<String> {
        self.aws.s3_endpoint().await
    }

    /// The region in which calls without one go.
    pub async fn region(&self) -> Option<String> {
        self.aws.region().await
    }

    /// The region of a bucket; none when there is no bucket of this name.
    pub async fn find(&self, bucket: Bucket<'_>, budget: &Budget) -> Result<Option<String>, S3Error> {
        let client = self.client(bucket.region).await;
        let call = Call::new(Action::HeadBucket, bucket.name);
        match self.repeat(&call, budget, || client.head_bucket().bucket(bucket.name).send()).await {
            Ok(found) => {
                let told = found.bucket_region().filter(|region| !region.is_empty()).map(str::to_owned);
                Ok(Some(
                    told.or(bucket.region.map(str::to_owned)).unwrap_or_else(|| UNNAMED_REGION.to_owned()),
                ))
            }
            Err(error) if error.status() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a bucket that has these tags from its first moment; where another S3 than AWS's does not take them, one without.
    /// After an ambiguous failure the caller looks.
    pub async fn create(
        &self,
        bucket: Bucket<'_>,
        tags: &BTreeMap<String, String>,
        budget: &Budget,
    ) -> Result<(), S3Error> {
        match self.create_with(bucket, tags, budget).await {
            Err(error) if self.endpoint().await.is_some() && error.is_of_form() => {
                self.create_with(bucket, &BTreeMap::new(), budget).await
            }
            made => made,
        }
    }

    async fn create_with(
        &self,
        bucket: Bucket<'_>,
        tags: &BTreeMap<String, String>,
        budget: &Budget,
    ) -> Result<(), S3Error> {
        let client = self.client(bucket.region).await;
        let region = bucket.region.map(str::to_owned).or(self.region().await);
        let place = region.filter(|region| region != UNNAMED_REGION);
        let call = Call::new(Action::CreateBucket, bucket.name);
        let tags = tags.iter().map(|(key, value)| tag(key, value)).collect::<Result<Vec<_>, _>>();
        let tags = tags.map_err(|error| call.unsendable(&error))?;
        let wanted = CreateBucketConfiguration::builder()
            .set_location_constraint(place.as_deref().map(BucketLocationConstraint::from))
            .set_tags((!tags.is_empty()).then_some(tags))
            .build();
        let wanted = (wanted != CreateBucketConfiguration::builder().build()).then_some(wanted);
        let request = client.create_bucket().bucket(bucket.name).set_create_bucket_configuration(wanted);
        let sent = self.call(Repeat::OnlyIfNotApplied, budget, || request.clone().send()).await;
        sent.map(drop).map_err(|failure| call.error(failure))
    }

    /// All that is set on a bucket; what the endpoint does not know is told as such.
    pub async fn facts(&self, bucket: Bucket<'_>, budget: &Budget) -> Result<Facts, S3Error> {
        Ok(Facts {
            versioning: self.versioning(bucket, budget).await?,
            encryption: self.encryption(bucket, budget).await?,
            public_access: self.public_access(bucket, budget).await?,
            policy: self.bucket_policy(bucket, budget).await?,
            lifecycle: self.lifecycle(bucket, budget).await?,
            tags: self.tags(bucket, budget).await?,
        })
    }

    async fn versioning(&self, bucket: Bucket<'_>, budget: &Budget) -> Result<Seen<bool>, S3Error> {
        let client = self.client(bucket.region).await;
        let call = Call::new(Action::GetBucketVersioning, bucket.name);
        let found =
            self.repeat(&call, budget, || client.get_bucket_versioning().bucket(bucket.name).send()).await;
        Seen::of(found.map(|found| Some(found.status() == Some(&BucketVersioningStatus::Enabled))), &[])
    }

    async fn encryption(&self, bucket: Bucket<'_>, budget: &Budget) -> Result<Seen<Encryption>, S3Error> {
        let client = self.client(bucket.region).await;
        let call = Call::new(Action::GetBucketEncryption, bucket.name);
        let found =
            self.repeat(&call, budget, || client.get_bucket_encryption().bucket(bucket.name).send()).await;
        Seen::of(
            found.map(|found| found.server_side_encryption_configuration().and_then(encryption_of)),
            &["ServerSideEncryptionConfigurationNotFoundError"],
        )
    }

    async fn public_access(
        &self,
        bucket: Bucket<'_>,
        budget: &Budget,
    ) -> Result<Seen<PublicAccess>, S3Error> {
        let client = self.client(bucket.region).await;
        let call = Call::new(Action::GetPublicAccessBlock, bucket.name);
        let found =
            self.repeat(&call, budget, || client.get_public_access_block().bucket(bucket.name).send()).await;
        Seen::of(
            found.map(|found| found.public_access_block_configuration().map(public_access_of)),
            &["NoSuchPublicAccessBlockConfiguration"],
        )
    }

    async fn bucket_policy(&self, bucket: Bucket<'_>, budget: &Budget) -> Result<Seen<String>, S3Error> {
        let client = self.client(bucket.region).await;
        let call = Call::new(Action::GetBucketPolicy, bucket.name);
        let found =
            self.repeat(&call, budget, || client.get_bucket_policy().bucket(bucket.name).send()).await;
        Seen::of(found.map(|found| found.policy), &["NoSuchBucketPolicy"])
    }

    async fn lifecycle(
        &self,
        bucket: Bucket<'_>,
        budget: &Budget,
    ) -> Result<Seen<Vec<LifecycleRule>>, S3Error> {
        let client = self.client(bucket.region).await;
        let call = Call::new(Action::GetBucketLifecycleConfiguration, bucket.name);
        let request = || client.get_bucket_lifecycle_configuration().bucket(bucket.name).send();
        let found = self.repeat(&call, budget, request).await;
        Seen::of(found.map(|found| found.rules), &["NoSuchLifecycleConfiguration"])
    }

    async fn tags(
        &self,
        bucket: Bucket<'_>,
        budget: &Budget,
    ) -> Result<Seen<BTreeMap<String, String>>, S3Error> {
        let client = self.client(bucket.region).await;
        let call = Call::new(Action::GetBucketTagging, bucket.name);
        let found =
            self.repeat(&call, budget, || client.get_bucket_tagging().bucket(bucket.name).send()).await;
        let pairs =
            found.map(|found| Some(found.tag_set.into_iter().map(|tag| (tag.key, tag.value)).collect()));
        Seen::of(pairs, &["NoSuchTagSet", "NoSuchTagSetError"])
    }

    /// Keeps every version from now on.
    pub async fn enable_versioning(&self, bucket: Bucket<'_>, budget: &Budget) -> Result<(), S3Error> {
        let client = self.client(bucket.region).await;
        let call = Call::new(Action::PutBucketVersioning, bucket.name);
        let wanted = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        let request = client.put_bucket_versioning().bucket(bucket.name).versioning_configuration(wanted);
        self.repeat(&call, budget, || request.clone().send()).await.map(drop)
    }

    /// Encrypts what is put from now on.
    pub async fn set_encryption(
        &self,
        bucket: Bucket<'_>,
        wanted: &Encryption,
        budget: &Budget,
    ) -> Result<(), S3Error> {
        let client = self.client(bucket.region).await;
        let call = Call::new(Action::PutBucketEncryption, bucket.name);
        let wanted = encryption_rule(wanted)
            .and_then(|rule| ServerSideEncryptionConfiguration::builder().rules(rule).build());
        let wanted = wanted.map_err(|error| call.unsendable(&error))?;
        let request =
            client.put_bucket_encryption().bucket(bucket.name).server_side_encryption_configuration(wanted);
        self.repeat(&call, budget, || request.clone().send()).await.map(drop)
    }

    /// Lets nobody in who is not named.
    pub async fn block_public_access(&self, bucket: Bucket<'_>, budget: &Budget) -> Result<(), S3Error> {
        let client = self.client(bucket.region).await;
        let call = Call::new(Action::PutPublicAccessBlock, bucket.name);
        let wanted = public_access(PublicAccess::blocked());
        let request =
            client.put_public_access_block().bucket(bucket.name).public_access_block_configuration(wanted);
        self.repeat(&call, budget, || request.clone().send()).await.map(drop)
    }

    /// Replaces the bucket's policy, or deletes it.
    pub async fn set_policy(
        &self,
        bucket: Bucket<'_>,
        policy: Option<&str>,
        budget: &Budget,
    ) -> Result<(), S3Error> {
        let client = self.client(bucket.region).await;
        let Some(policy) = policy else {
            let call = Call::new(Action::DeleteBucketPolicy, bucket.name);
            let request = client.delete_bucket_policy().bucket(bucket.name);
            return self.repeat(&call, budget, || request.clone().send()).await.map(drop);
        };
        let call = Call::new(Action::PutBucketPolicy, bucket.name);
        let request = client.put_bucket_policy().bucket(bucket.name).policy(policy);
        self.repeat(&call, budget, || request.clone().send()).await.map(drop)
    }

    /// Puts our rule among those that were found.
    pub async fn set_lifecycle(
        &self,
        bucket: Bucket<'_>,
        found: &[LifecycleRule],
        wanted: &Wanted,
        budget: &Budget,
    ) -> Result<(), S3Error> {
        let client = self.client(bucket.region).await;
        let call = Call::new(Action::PutBucketLifecycleConfiguration, bucket.name);
        let wanted = rules_with_ours(found, wanted)
            .and_then(|rules| BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build());
        let wanted = wanted.map_err(|error| call.unsendable(&error))?;
        let request =
            client.put_bucket_lifecycle_configuration().bucket(bucket.name).lifecycle_configuration(wanted);
        self.repeat(&call, budget, || request.clone().send()).await.map(drop)
    }

    /// Replaces all tags of the bucket.
    pub async fn set_tags(
        &self,
        bucket: Bucket<'_>,
        tags: &BTreeMap<String, String>,
        budget: &Budget,
    ) -> Result<(), S3Error> {
        let client = self.client(bucket.region).await;
        let call = Call::new(Action::PutBucketTagging, bucket.name);
        if tags.is_empty() {
            let request = client.delete_bucket_tagging().bucket(bucket.name);
            return self.repeat(&call, budget, || request.clone().send()).await.map(drop);
        }
        let tags = tags.iter().map(|(key, value)| tag(key, value)).collect::<Result<Vec<_>, _>>();
        let tagging = tags.and_then(|tags| Tagging::builder().set_tag_set(Some(tags)).build());
        let tagging = tagging.map_err(|error| call.unsendable(&error))?;
        let request = client.put_bucket_tagging().bucket(bucket.name).tagging(tagging);
        self.repeat(&call, budget, || request.clone().send()).await.map(drop)
    }

    /// Some of what is in the bucket, versions and marks of deletions too; at most as many as one call deletes.
    pub async fn some_versions(&self, bucket: Bucket<'_>, budget: &Budget) -> Result<Vec<Version>, S3Error> {
        let client = self.client(bucket.region).await;
        let call = Call::new(Action::ListObjectVersions, bucket.name);
        let request = || client.list_object_versions().bucket(bucket.name).max_keys(1000).send();
        let found = self.repeat(&call, budget, request).await?;
        let versions = found.versions().iter().map(|one| (one.key(), one.version_id()));
        let marks = found.delete_markers().iter().map(|one| (one.key(), one.version_id()));
        let owned = |(key, version): (Option<&str>, Option<&str>)| {
            Some((key?.to_owned(), version.map(str::to_owned)))
        };
        Ok(versions.chain(marks).filter_map(owned).take(OBJECTS_A_CALL).collect())
    }

    /// Deletes these versions for good.
    pub async fn delete_versions(
        &self,
        bucket: Bucket<'_>,
        doomed: &[Version],
        budget: &Budget,
    ) -> Result<(), S3Error> {
        let client = self.client(bucket.region).await;
        let call = Call::new(Action::DeleteObjects, bucket.name);
        let object = |(key, version): &Version| {
            ObjectIdentifier::builder().key(key).set_version_id(version.clone()).build()
        };
        let objects = doomed.iter().map(object).collect::<Result<Vec<_>, _>>();
        let delete =
            objects.and_then(|objects| Delete::builder().set_objects(Some(objects)).quiet(true).build());
        let delete = delete.map_err(|error| call.unsendable(&error))?;
        let request = client.delete_objects().bucket(bucket.name).delete(delete);
        let answer = self.repeat(&call, budget, || request.clone().send()).await?;
        match answer.errors().first() {
            None => Ok(()),
            Some(refused) => Err(call.object_refused(refused.key(), refused.code(), refused.message())),
        }
    }

    /// Ends uploads that were begun and not finished; answers whether there were any.
    pub async fn abort_uploads(&self, bucket: Bucket<'_>, budget: &Budget) -> Result<bool, S3Error> {
        let client = self.client(bucket.region).await;
        let call = Call::new(Action::ListMultipartUploads, bucket.name);
        let found =
            self.repeat(&call, budget, || client.list_multipart_uploads().bucket(bucket.name).send()).await?;
        for upload in found.uploads() {
            let call = Call::new(Action::AbortMultipartUpload, bucket.name);
            let request = client.abort_multipart_upload().bucket(bucket.name);
            let request = request.set_key(upload.key.clone()).set_upload_id(upload.upload_id.clone());
            match self.repeat(&call, budget, || request.clone().send()).await {
                Err(error) if error.status() != Some(404) => return Err(error),
                _ => {}
            }
        }
        Ok(!found.uploads().is_empty())
    }

    /// Deletes an empty bucket; one that is gone already is fine.
    pub async fn delete(&self, bucket: Bucket<'_>, budget: &Budget) -> Result<(), S3Error> {
        let client = self.client(bucket.region).await;
        let call = Call::new(Action::DeleteBucket, bucket.name);
        match self.repeat(&call, budget, || client.delete_bucket().bucket(bucket.name).send()).await {
            Err(error) if error.status() != Some(404) => Err(error),
            _ => Ok(()),
        }
    }

    async fn client(&self, region: Option<&str>) -> Client {
        let mut clients = self.clients.lock().await;
        if let Some(client) = clients.get(&region.map(str::to_owned)) {
            return client.clone();
        }
        let client = self.aws.s3(region).await;
        clients.insert(region.map(str::to_owned), client.clone());
        client
    }

    /// A call that reads, or that changes nothing a second time.
    async fn repeat<T, E, F>(
        &self,
        call: &Call,
        budget: &Budget,
        attempt: impl FnMut() -> F,
    ) -> Result<T, S3Error>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        self.call(Repeat::Safe, budget, attempt).await.map_err(|failure| call.error(failure))
    }

    async fn call<T, E, F>(
        &self,
        repeat: Repeat,
        budget: &Budget,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, Failure<AwsFailure>>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        // On the heap: the future of an SDK call has kilobytes, and it lies in those of all its callers.
        let attempt = || {
            let sent = Box::pin(attempt());
            async { sent.await.map_err(|error| AwsFailure::of(&error)) }
        };
        self.policy.run(budget, repeat, AwsFailure::verdict, attempt).await
    }
}
