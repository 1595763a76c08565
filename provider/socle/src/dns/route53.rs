//! Route 53: one method an API action, or a list of pages of one.
//!
//! Nothing here decides what a zone should be. Reads, and writes that change nothing a second time, are repeated by
//! [`clients::retry`](crate::clients::retry); a write whose outcome is unknown comes back as ambiguous, and its
//! caller looks at the zone again.

mod error;
mod rejection;
mod sets;
mod zone;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_route53::Client;
use aws_sdk_route53::config::http::HttpResponse;
use aws_sdk_route53::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_route53::operation::list_resource_record_sets::ListResourceRecordSetsOutput;
use aws_sdk_route53::types::{ChangeStatus, HostedZoneConfig, ResourceTagSet, Tag, TagResourceType};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use super::DnsName;
use super::batch::Batch;
use crate::clients::aws::{Aws, AwsFailure};
use crate::clients::rate::RateLimit;
use crate::clients::retry::{Backoff, Budget, Failure, Policy, Repeat};

pub use error::{Action, Cause, Route53Error, SubmitError, WriteError};
pub use sets::{Opaque, OpaqueSet, ZoneRecords};
pub use zone::{ChangeId, CreatedZone, NewZone, Vpc, ZoneDetails, ZoneSummary};

use error::Call;
use rejection::Refusal;

/// One request in this time, for all that an account's users do together (Amazon Route 53 quotas: five a second).
const INTERVAL: Duration = Duration::from_millis(200);
const BURST: u32 = 5;

const BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(500), longest: Duration::from_secs(20), attempts: 5 };

/// How often a change is asked for that is not in sync yet; it takes Route 53 up to a minute.
const POLL: Backoff =
    Backoff { first: Duration::from_secs(2), longest: Duration::from_secs(10), attempts: 1 };

/// The most that one page holds (Amazon Route 53 API, `ListResourceRecordSets` and `ListHostedZonesByName`).
const SETS_A_PAGE: i32 = 300;
const ZONES_A_PAGE: i32 = 100;

/// The most tags that one call adds, and removes (Amazon Route 53 API, `ChangeTagsForResource`).
const TAGS_A_CALL: usize = 10;

/// The DNS of one AWS account, at the rate that Route 53 allows. Share one: the rate is counted in it.
#[derive(Debug)]
pub struct Route53 {
    aws: Arc<Aws>,
    client: OnceCell<Client>,
    policy: Policy,
    begun: Mutex<BTreeSet<String>>,
}

impl Route53 {
    /// Nothing is read or called before the first method.
    pub fn new(aws: Arc<Aws>) -> Self {
        let limit = RateLimit::new(INTERVAL, BURST);
        let policy = Policy { backoff: BACKOFF, limit };
        Self { aws, client: OnceCell::new(), policy, begun: Mutex::default() }
    }

    /// The ids of the zones that this process makes or finishes. Who holds them is the only one to begin a zone.
    pub async fn begun(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.begun.lock().await
    }

    /// The zones of exactly this name, public and private.
    pub async fn find_zones(
        &self,
        name: &DnsName,
        budget: &Budget,
    ) -> Result<Vec<ZoneSummary>, Route53Error> {
        let client = self.client().await;
        let call = Call::new(Action::ListHostedZonesByName, format!("the zones named {name}"));
        let mut request =
            client.list_hosted_zones_by_name().dns_name(name.to_string()).max_items(ZONES_A_PAGE);
        let mut found = Vec::new();
        loop {
            let page = self.repeat(&call, budget, || request.clone().send()).await?;
            for listed in &page.hosted_zones {
                // The list is ordered by name and starts at the one asked for.
                match zone::summary(listed).map_err(|cause| call.error(cause))? {
                    zone if zone.name == *name => found.push(zone),
                    _ => return Ok(found),
                }
            }
            if !page.is_truncated {
                return Ok(found);
            }
            request = request.set_dns_name(page.next_dns_name).set_hosted_zone_id(page.next_hosted_zone_id);
        }
    }

    /// The zone with this id; `None` only when Route 53 says that there is none.
    pub async fn zone(&self, id: &str, budget: &Budget) -> Result<Option<ZoneDetails>, Route53Error> {
        let client = self.client().await;
        let call = Call::of_zone(Action::GetHostedZone, id);
        match self.repeat(&call, budget, || client.get_hosted_zone().id(id).send()).await {
            Ok(output) => zone::details(&output).map(Some).map_err(|cause| call.error(cause)),
            Err(error) if error.is_no_such_zone() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates a zone. After an ambiguous failure the caller looks for it by name and caller reference.
    pub async fn create_zone(&self, new: &NewZone, budget: &Budget) -> Result<CreatedZone, WriteError> {
        let client = self.client().await;
        let call = Call::new(Action::CreateHostedZone, format!("the zone {}", new.name));
        let config = HostedZoneConfig::builder()
            .set_comment(new.comment.clone())
            .private_zone(new.vpc.is_some())
            .build();
        let request = client
            .create_hosted_zone()
            .name(new.name.to_string())
            .caller_reference(&new.caller_reference)
            .hosted_zone_config(config)
            .set_vpc(new.vpc.as_ref().map(Vpc::to_sdk));
        let output = self.once(&call, budget, || request.clone().send()).await?;
        // The zone exists: an answer that cannot be read leaves the caller to look for it.
        zone::created(&output).map_err(|cause| WriteError::Ambiguous(call.error(cause)))
    }

    /// Sets the zone's comment; `None` removes it.
    pub async fn set_comment(
        &self,
        id: &str,
        comment: Option<&str>,
        budget: &Budget,
    ) -> Result<(), Route53Error> {
        let client = self.client().await;
        let call = Call::of_zone(Action::UpdateHostedZoneComment, id);
        let request = client.update_hosted_zone_comment().id(id).set_comment(comment.map(str::to_owned));
        self.repeat(&call, budget, || request.clone().send()).await.map(drop)
    }

    /// Lets a VPC see a private zone. A second time is refused, so an ambiguous failure is the caller's to look at.
    pub async fn associate_vpc(&self, id: &str, vpc: &Vpc, budget: &Budget) -> Result<ChangeId, WriteError> {
        let client = self.client().await;
        let call = Call::new(Action::AssociateVpcWithHostedZone, format!("zone {id} and VPC {vpc}"));
        let request = client.associate_vpc_with_hosted_zone().hosted_zone_id(id).vpc(vpc.to_sdk());
        let output = self.once(&call, budget, || request.clone().send()).await?;
        zone::change(output.change_info()).map_err(|cause| WriteError::Ambiguous(call.error(cause)))
    }

    /// Hides a private zone from a VPC; `None` when it was hidden already.
    pub async fn disassociate_vpc(
        &self,
        id: &str,
        vpc: &Vpc,
        budget: &Budget,
    ) -> Result<Option<ChangeId>, Route53Error> {
        let client = self.client().await;
        let call = Call::new(Action::DisassociateVpcFromHostedZone, format!("zone {id} and VPC {vpc}"));
        let request = client.disassociate_vpc_from_hosted_zone().hosted_zone_id(id).vpc(vpc.to_sdk());
        match self.repeat(&call, budget, || request.clone().send()).await {
            Ok(output) => zone::change(output.change_info()).map(Some).map_err(|cause| call.error(cause)),
            Err(error) if error.code() == Some("VPCAssociationNotFound") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The zone's tags.
    pub async fn tags(&self, id: &str, budget: &Budget) -> Result<BTreeMap<String, String>, Route53Error> {
        let client = self.client().await;
        let call = Call::of_zone(Action::ListTagsForResource, id);
        let request =
            client.list_tags_for_resource().resource_type(TagResourceType::Hostedzone).resource_id(id);
        let output = self.repeat(&call, budget, || request.clone().send()).await?;
        let tags = output.resource_tag_set().map(ResourceTagSet::tags).unwrap_or_default();
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Ok(tags.iter().map(|tag| (text(tag.key()), text(tag.value()))).collect())
    }

    /// Sets the tags in `set` and removes the keys in `remove`, removals first: a zone holds fifty tags.
    pub async fn change_tags(
        &self,
        id: &str,
        set: &BTreeMap<String, String>,
        remove: &BTreeSet<String>,
        budget: &Budget,
    ) -> Result<(), Route53Error> {
        let client = self.client().await;
        let call = Call::of_zone(Action::ChangeTagsForResource, id);
        let request =
            client.change_tags_for_resource().resource_type(TagResourceType::Hostedzone).resource_id(id);
        let remove: Vec<String> = remove.iter().cloned().collect();
        let set: Vec<Tag> =
            set.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
        let removals =
            remove.chunks(TAGS_A_CALL).map(|keys| request.clone().set_remove_tag_keys(Some(keys.to_vec())));
        let additions = set.chunks(TAGS_A_CALL).map(|tags| request.clone().set_add_tags(Some(tags.to_vec())));
        for request in removals.chain(additions) {
            self.repeat(&call, budget, || request.clone().send()).await?;
        }
        Ok(())
    }

    /// All record sets of the zone.
    pub async fn record_sets(&self, id: &str, budget: &Budget) -> Result<ZoneRecords, Route53Error> {
        let client = self.client().await;
        let call = Call::of_zone(Action::ListResourceRecordSets, id);
        let mut request = client.list_resource_record_sets().hosted_zone_id(id).max_items(SETS_A_PAGE);
        let mut records = ZoneRecords::default();
        loop {
            let page = self.repeat(&call, budget, || request.clone().send()).await?;
            let ListResourceRecordSetsOutput { resource_record_sets, is_truncated, .. } = &page;
            records.extend(resource_record_sets);
            if !is_truncated {
                return Ok(records);
            }
            request = request
                .set_start_record_name(page.next_record_name)
                .set_start_record_type(page.next_record_type)
                .set_start_record_identifier(page.next_record_identifier);
        }
    }

    /// Submits one batch, all or nothing. `listed` is the listing from which the batch was computed: Route 53 deletes
    /// a set only when it is named exactly as it was written.
    pub async fn submit(
        &self,
        id: &str,
        batch: &Batch,
        listed: &ZoneRecords,
        budget: &Budget,
    ) -> Result<ChangeId, SubmitError> {
        let client = self.client().await;
        let call = Call::of_zone(Action::ChangeResourceRecordSets, id);
        let request =
            client.change_resource_record_sets().hosted_zone_id(id).change_batch(listed.to_sdk(batch));
        let attempt = || {
            let sent = Box::pin(request.clone().send());
            async { sent.await.map_err(|error| Refusal::of(&error)) }
        };
        let verdict = |refusal: &Refusal| refusal.failure.verdict();
        match self.policy.run(budget, Repeat::OnlyIfNotApplied, verdict, attempt).await {
            Ok(output) => {
                zone::change(output.change_info()).map_err(|cause| SubmitError::Ambiguous(call.error(cause)))
            }
            Err(failure) => Err(call.submit_error(failure)),
        }
    }

    /// Waits until all of Route 53's servers answer as the change says.
    pub async fn wait_insync(&self, change: &ChangeId, budget: &Budget) -> Result<(), Route53Error> {
        let client = self.client().await;
        let call = Call::new(Action::GetChange, format!("change {change}"));
        for polls in 1.. {
            let output =
                self.repeat(&call, budget, || client.get_change().id(change.as_str()).send()).await?;
            if output.change_info().is_some_and(|info| info.status == ChangeStatus::Insync) {
                break;
            }
            let pause = budget.pause(POLL.ceiling(polls)).await;
            pause.map_err(|why| call.error(Cause::Stopped { why, last: None }))?;
        }
        Ok(())
    }

    /// Deletes an empty zone; `None` when it was gone already.
    pub async fn delete_zone(&self, id: &str, budget: &Budget) -> Result<Option<ChangeId>, Route53Error> {
        let client = self.client().await;
        let call = Call::of_zone(Action::DeleteHostedZone, id);
        match self.repeat(&call, budget, || client.delete_hosted_zone().id(id).send()).await {
            Ok(output) => zone::change(output.change_info()).map(Some).map_err(|cause| call.error(cause)),
            Err(error) if error.is_no_such_zone() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn client(&self) -> &Client {
        self.client.get_or_init(|| self.aws.route53()).await
    }

    /// A call that reads, or that changes nothing a second time.
    async fn repeat<T, E, F>(
        &self,
        call: &Call,
        budget: &Budget,
        attempt: impl FnMut() -> F,
    ) -> Result<T, Route53Error>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        self.call(Repeat::Safe, budget, attempt).await.map_err(|failure| call.error(failure.into()))
    }

    /// A call that is not sent again when it may have taken effect.
    async fn once<T, E, F>(
        &self,
        call: &Call,
        budget: &Budget,
        attempt: impl FnMut() -> F,
    ) -> Result<T, WriteError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let result = self.call(Repeat::OnlyIfNotApplied, budget, attempt).await;
        result.map_err(|failure| call.write_error(failure))
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

#[cfg(test)]
mod tests;
