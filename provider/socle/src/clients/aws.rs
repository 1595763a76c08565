//! AWS: settings become clients, on first use.
//!
//! Calls of the AWS services are single-shot here: the SDK's retries are off, [`retry`](super::retry) has them.
//! The SDK keeps its own only for fetching credentials, which happens inside a call and which nobody else repeats.

mod credentials;
mod failure;
mod user_agent;

use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::identity::IdentityCache;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_sdk_route53::config::SharedInterceptor;
use tokio::sync::OnceCell;

use credentials::{StandardChain, assume, of_profile};
pub use failure::{AwsFailure, ENDPOINT_ADVICE};
use user_agent::UserAgentSuffix;

/// The environment variable in which Terraform's wrappers name themselves.
const APPEND_USER_AGENT: &str = "TF_APPEND_USER_AGENT";

/// The environment variable that names another S3, before `AWS_ENDPOINT_URL` names it for all services.
const S3_ENDPOINT: &str = "AWS_ENDPOINT_URL_S3";

/// Where Route 53 has its endpoint; it is one for all regions of a partition.
const DEFAULT_REGION: &str = "us-east-1";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Silence on a connection that has a request in flight.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// One call with everything in it, also fetching credentials.
const CALL_TIMEOUT: Duration = Duration::from_mins(1);
/// All of a credential chain: a machine without credentials learns it in seconds, also where packets to the
/// instance metadata service vanish (the SDK gives up on that one after a second).
const CREDENTIALS_TIMEOUT: Duration = Duration::from_secs(20);

/// How to reach AWS; every absent part follows the standard AWS chain (environment, shared files, web identity,
/// container, instance).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsSettings {
    /// The region. Default: environment, then profile, then `us-east-1`; Route 53 is the same in each.
    pub region: Option<String>,
    /// A profile of the shared files. When it is given, credentials in the environment do not count.
    pub profile: Option<String>,
    /// A role to assume with the credentials found.
    pub assume_role: Option<AssumeRole>,
    /// Other addresses of the services, for instance of a simulator.
    pub endpoints: AwsEndpoints,
    /// What to add to the user agent, before what `TF_APPEND_USER_AGENT` adds.
    pub user_agent_suffix: Option<String>,
}

/// A role that is assumed through STS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssumeRole {
    /// The role's ARN.
    pub role_arn: String,
    /// The id that the role's trust policy may ask for. Default: none.
    pub external_id: Option<String>,
    /// The session's name in `CloudTrail`. Default: made by the SDK.
    pub session_name: Option<String>,
}

/// URLs in place of the services' own. Default of each: `AWS_ENDPOINT_URL_…`, then AWS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsEndpoints {
    /// DNS.
    pub route53: Option<String>,
    /// Servers and networks.
    pub ec2: Option<String>,
    /// Buckets.
    pub s3: Option<String>,
    /// Assumed roles.
    pub sts: Option<String>,
}

/// AWS as the provider's configuration describes it. Making it does nothing: files are read at the first client,
/// credentials are fetched at the first call.
#[derive(Debug)]
pub struct Aws {
    settings: AwsSettings,
    config: OnceCell<SdkConfig>,
}

impl Aws {
    /// Keeps the settings for the first use.
    pub fn new(settings: AwsSettings) -> Self {
        Self { settings, config: OnceCell::new() }
    }

    /// A client of S3, single-shot; for another region than that of the settings, when one is given.
    pub async fn s3(&self, region: Option<&str>) -> aws_sdk_s3::Client {
        let mut s3 = aws_sdk_s3::config::Builder::from(self.config().await);
        if let Some(region) = region {
            s3.set_region(Some(Region::new(region.to_owned())));
        }
        if let Some(url) = self.s3_endpoint().await {
            // Other S3s seldom have a name for each bucket.
            s3.set_endpoint_url(Some(url)).set_force_path_style(Some(true));
        }
        if let Some(suffix) = self.user_agent_suffix() {
            s3.push_interceptor(SharedInterceptor::new(suffix));
        }
        aws_sdk_s3::Client::from_conf(s3.build())
    }

    /// The URL of an S3 that is not AWS's own: that of the settings, else of the environment or the profile.
    pub async fn s3_endpoint(&self) -> Option<String> {
        let of_environment = || std::env::var(S3_ENDPOINT).ok().filter(|url| !url.is_empty());
        let named = self.settings.endpoints.s3.clone().or_else(of_environment);
        match named {
            Some(url) => Some(url),
            None => self.config().await.endpoint_url().map(str::to_owned),
        }
    }

    /// The region of the settings, the environment, or the profile.
    pub async fn region(&self) -> Option<String> {
        self.config().await.region().map(ToString::to_string)
    }

    async fn config(&self) -> &SdkConfig {
        // On the heap: its future lies in those of all callers.
        self.config.get_or_init(|| Box::pin(connect(loader(&self.settings), &self.settings))).await
    }

    fn user_agent_suffix(&self) -> Option<UserAgentSuffix> {
        let appended = std::env::var(APPEND_USER_AGENT).ok();
        UserAgentSuffix::new([self.settings.user_agent_suffix.as_deref(), appended.as_deref()])
    }

    /// A client of Route 53, single-shot.
    pub async fn route53(&self) -> aws_sdk_route53::Client {
        let config = self.config().await;
        let mut route53 = aws_sdk_route53::config::Builder::from(config);
        if let Some(url) = &self.settings.endpoints.route53 {
            route53.set_endpoint_url(Some(url.clone()));
        }
        if let Some(suffix) = self.user_agent_suffix() {
            route53.push_interceptor(SharedInterceptor::new(suffix));
        }
        aws_sdk_route53::Client::from_conf(route53.build())
    }
}

async fn connect(loader: ConfigLoader, settings: &AwsSettings) -> SdkConfig {
    let mut config = loader.load().await;
    if let (None, Some(chain)) = (&settings.profile, config.credentials_provider()) {
        config = config.into_builder().credentials_provider(StandardChain::named(chain)).build();
    }
    if let Some(role) = &settings.assume_role {
        let provider = assume(role, &config, settings.endpoints.sts.as_deref()).await;
        config = config.into_builder().credentials_provider(provider).build();
    }
    config.into_builder().retry_config(RetryConfig::disabled()).build()
}

/// The region is always given: the SDK's own search for one ends at the instance metadata service.
fn loader(settings: &AwsSettings) -> ConfigLoader {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .operation_attempt_timeout(CALL_TIMEOUT)
        .build();
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .region(region(settings))
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard())
        .identity_cache(IdentityCache::lazy().load_timeout(CREDENTIALS_TIMEOUT).build());
    match &settings.profile {
        Some(profile) => loader.profile_name(profile).credentials_provider(of_profile(profile, settings)),
        None => loader,
    }
}

fn region(settings: &AwsSettings) -> RegionProviderChain {
    let mut file = ProfileFileRegionProvider::builder();
    if let Some(profile) = &settings.profile {
        file = file.profile_name(profile);
    }
    RegionProviderChain::first_try(settings.region.clone().map(Region::new))
        .or_else(EnvironmentVariableRegionProvider::new())
        .or_else(file.build())
        .or_else(DEFAULT_REGION)
}

#[cfg(test)]
pub(crate) mod script;
#[cfg(test)]
mod tests;
