//! Where credentials come from, with errors that say where they were looked for.

use std::error::Error;
use std::fmt;

use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{Region, SdkConfig};
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};

use super::{AssumeRole, AwsSettings, DEFAULT_REGION};

/// The profile alone: who names one means it, whatever credentials the environment has. A chain of one, because a
/// chain's error names its members.
pub(super) fn of_profile(profile: &str, settings: &AwsSettings) -> CredentialsProviderChain {
    let region = settings.region.clone().map_or(Region::from_static(DEFAULT_REGION), Region::new);
    let config = ProviderConfig::without_region().with_region(Some(region));
    let file = ProfileFileCredentialsProvider::builder().profile_name(profile).configure(&config).build();
    CredentialsProviderChain::first_try(format!("profile {profile:?} of the shared files"), file)
}

/// The credentials of `role`, asked for with those of `base`, at `sts` when it is given.
pub(super) async fn assume(
    role: &AssumeRole,
    base: &SdkConfig,
    sts: Option<&str>,
) -> SharedCredentialsProvider {
    let config = sts.map_or_else(|| base.clone(), |url| at_endpoint(url, base));
    let mut provider = AssumeRoleProvider::builder(&role.role_arn).configure(&config);
    if let Some(id) = &role.external_id {
        provider = provider.external_id(id);
    }
    if let Some(name) = &role.session_name {
        provider = provider.session_name(name);
    }
    SharedCredentialsProvider::new(provider.build().await)
}

/// The same configuration for that endpoint. Its parts are set anew, because in a copy `AWS_ENDPOINT_URL` of the environment
/// would come before the endpoint.
fn at_endpoint(url: &str, base: &SdkConfig) -> SdkConfig {
    let mut config = SdkConfig::builder().endpoint_url(url);
    config
        .set_region(base.region().cloned())
        .set_credentials_provider(base.credentials_provider())
        .set_http_client(base.http_client())
        .set_time_source(base.time_source())
        .set_sleep_impl(base.sleep_impl())
        .set_timeout_config(base.timeout_config().cloned())
        .set_retry_config(base.retry_config().cloned())
        .set_behavior_version(base.behavior_version());
    config.build()
}

/// The SDK's own chain. When one of its members fails, rather than having nothing, the chain ends there and its error
/// is that member's alone: this one adds which were asked before.
#[derive(Debug)]
pub(super) struct StandardChain(SharedCredentialsProvider);

impl StandardChain {
    pub(super) fn named(chain: SharedCredentialsProvider) -> SharedCredentialsProvider {
        SharedCredentialsProvider::new(Self(chain))
    }

    async fn credentials(&self) -> provider::Result {
        self.0.provide_credentials().await.map_err(|error| match error {
            // It lists its members by itself.
            nowhere @ CredentialsError::CredentialsNotLoaded(_) => nowhere,
            failed => CredentialsError::provider_error(MemberFailed(failed)),
        })
    }
}

impl ProvideCredentials for StandardChain {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

#[derive(Debug)]
struct MemberFailed(CredentialsError);

impl fmt::Display for MemberFailed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(
            "asked in this order until one failed: environment, shared files, web identity token, container, \
             instance metadata",
        )
    }
}

impl Error for MemberFailed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}
