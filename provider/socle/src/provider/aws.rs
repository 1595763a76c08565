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

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> String {
        value.to_owned()
    }

    fn full() -> AwsBlock {
        let assume_role = AssumeRoleBlock {
            role_arn: "arn:aws:iam::123456789012:role/dns".into(),
            external_id: "outside".into(),
            session_name: "plan".into(),
        };
        let endpoints = EndpointsBlock {
            route53: "http://dns.test".into(),
            ec2: "http://servers.test".into(),
            s3: "http://buckets.test".into(),
            sts: "http://roles.test".into(),
        };
        AwsBlock {
            region: "eu-west-3".into(),
            profile: "work".into(),
            assume_role: assume_role.into(),
            endpoints: endpoints.into(),
        }
    }

    #[test]
    fn every_argument_becomes_a_setting() {
        let wanted = AwsSettings {
            region: Some(text("eu-west-3")),
            profile: Some(text("work")),
            assume_role: Some(AssumeRole {
                role_arn: text("arn:aws:iam::123456789012:role/dns"),
                external_id: Some(text("outside")),
                session_name: Some(text("plan")),
            }),
            endpoints: AwsEndpoints {
                route53: Some(text("http://dns.test")),
                ec2: Some(text("http://servers.test")),
                s3: Some(text("http://buckets.test")),
                sts: Some(text("http://roles.test")),
            },
            user_agent_suffix: Some(text("terraform/1.0")),
        };
        assert_eq!(full().settings(text("terraform/1.0")), wanted);
    }

    #[test]
    fn what_is_left_out_is_the_standard_chains() {
        let wanted = AwsSettings { user_agent_suffix: Some(text("a")), ..AwsSettings::default() };
        assert_eq!(AwsBlock::default().settings(text("a")), wanted);
    }

    #[test]
    fn what_is_not_known_yet_is_as_if_left_out() {
        let role = AssumeRoleBlock { role_arn: Value::Unknown, ..AssumeRoleBlock::default() };
        let endpoints = EndpointsBlock {
            route53: Value::Unknown,
            sts: "http://roles.test".into(),
            ..EndpointsBlock::default()
        };
        let block = AwsBlock {
            region: Value::Unknown,
            assume_role: role.into(),
            endpoints: endpoints.into(),
            ..full()
        };
        let settings = block.settings(text("a"));
        assert_eq!(
            (settings.region, settings.profile, settings.assume_role),
            (None, Some(text("work")), None)
        );
        assert_eq!(
            (settings.endpoints.route53, settings.endpoints.sts),
            (None, Some(text("http://roles.test")))
        );
        let unknown = AwsBlock { assume_role: Value::Unknown, endpoints: Value::Unknown, ..full() };
        let settings = unknown.settings(text("a"));
        assert_eq!((settings.assume_role, settings.endpoints), (None, AwsEndpoints::default()));
    }

    fn refused(block: AwsBlock) -> Vec<String> {
        let found = tfplugin::validate::validate(&AwsBlock::object(), &tfplugin::Typed::into_raw(block));
        found
            .into_iter()
            .map(|problem| format!("{}: {}", problem.path.unwrap_or_default(), problem.detail))
            .collect()
    }

    #[test]
    fn an_argument_of_another_form_is_refused_where_it_stands() {
        assert_eq!(refused(full()), [""; 0]);
        let nonsense = || Value::from("nonsense");
        let endpoints =
            EndpointsBlock { route53: nonsense(), ec2: nonsense(), s3: nonsense(), sts: nonsense() };
        let found = refused(AwsBlock { endpoints: endpoints.into(), ..full() });
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(
            found.iter().all(|problem| problem.contains("nonsense") && problem.contains("URL")),
            "{found:?}"
        );
        let role = AssumeRoleBlock {
            role_arn: "role/dns".into(),
            session_name: "x".into(),
            ..AssumeRoleBlock::default()
        };
        let found = refused(AwsBlock { assume_role: role.into(), ..full() });
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("assume_role.role_arn") && found[0].contains("an ARN"), "{found:?}");
        assert!(found[1].starts_with("assume_role.session_name") && found[1].contains("64"), "{found:?}");
    }
}
