//! The `aws` block.

use tfplugin::{Model, Value};

use crate::clients::aws::{AssumeRole, AwsEndpoints, AwsSettings};

/// How to reach AWS.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct AwsBlock {
    /// The region, such as `eu-west-3`. Default: that of the environment or the profile. Route 53 is the same in each.
    #[tf(optional)]
    pub region: Value<String>,
    /// A profile of the shared configuration files. When it is given, credentials in the environment do not count.
    /// Default: that of the environment.
    #[tf(optional)]
    pub profile: Value<String>,
    /// A role to assume with the credentials that were found.
    #[tf(block)]
    pub assume_role: Value<AssumeRoleBlock>,
    /// Other addresses of the services, for instance of a simulator.
    #[tf(block)]
    pub endpoints: Value<EndpointsBlock>,
}

/// A role to assume.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct AssumeRoleBlock {
    /// The role's ARN.
    #[tf(required, validate(pattern("^arn:", "an ARN, such as `arn:aws:iam::123456789012:role/dns`")))]
    pub role_arn: Value<String>,
    /// The id that the role's trust policy asks for. Default: none.
    #[tf(optional)]
    pub external_id: Value<String>,
    /// The name of the session in the account's audit log. Default: made up.
    #[tf(optional, validate(length(2..=64)))]
    pub session_name: Value<String>,
}

/// Other addresses of the services.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct EndpointsBlock {
    /// The URL of Route 53. Default: AWS's own.
    #[tf(optional, validate(url()))]
    pub route53: Value<String>,
    /// The URL of EC2. Default: AWS's own.
    #[tf(optional, validate(url()))]
    pub ec2: Value<String>,
    /// The URL of S3. Default: AWS's own.
    #[tf(optional, validate(url()))]
    pub s3: Value<String>,
    /// The URL of STS, which assumes roles. Default: AWS's own.
    #[tf(optional, validate(url()))]
    pub sts: Value<String>,
}

/// An address that a client can call.
pub(super) fn url() -> impl tfplugin::validate::Validator<String> {
    tfplugin::validate::pattern("^https?://[^/]+", "a URL, such as `https://vault.example.social`")
}

impl AwsBlock {
    /// What is unknown while planning is as if it were left out: no resource that exists can depend on it.
    pub(super) fn settings(self, user_agent: String) -> AwsSettings {
        let endpoints = self.endpoints.into_known().unwrap_or_default();
        let assume_role = self.assume_role.into_known().and_then(|role| {
            Some(AssumeRole {
                role_arn: role.role_arn.into_known()?,
                external_id: role.external_id.into_known(),
                session_name: role.session_name.into_known(),
            })
        });
        AwsSettings {
            region: self.region.into_known(),
            profile: self.profile.into_known(),
            assume_role,
            endpoints: AwsEndpoints {
                route53: endpoints.route53.into_known(),
                ec2: endpoints.ec2.into_known(),
                s3: endpoints.s3.into_known(),
                sts: endpoints.sts.into_known(),
            },
            user_agent_suffix: Some(user_agent),
        }
    }
}
