//! The name of the AWS action that a request asks for, whichever of AWS's protocols it speaks.

/// The action of a request, as the API's reference spells it: `ChangeResourceRecordSets`, `DescribeInstances`.
/// `path` is without its query; `target` is the header `X-Amz-Target`. A request that is none of these (S3, whose
/// actions are plain methods on objects) is named by its method and path.
pub fn action_of(method: &str, path: &str, target: Option<&str>, body: &[u8]) -> String {
    route53_action(method, path)
        .map(str::to_owned)
        .or_else(|| target.and_then(|target| target.rsplit('.').next()).map(str::to_owned))
        .or_else(|| query_action(body))
        .unwrap_or_else(|| format!("{method} {path}"))
}

/// Route 53 is REST: the action is in the method and the shape of the path.
fn route53_action(method: &str, path: &str) -> Option<&'static str> {
    let steps: Vec<&str> =
        path.strip_prefix("/2013-04-01/")?.split('/').filter(|step| !step.is_empty()).collect();
    Some(match (method, steps.as_slice()) {
        ("GET", ["hostedzone"]) => "ListHostedZones",
        ("POST", ["hostedzone"]) => "CreateHostedZone",
        ("GET", ["hostedzone", _]) => "GetHostedZone",
        ("POST", ["hostedzone", _]) => "UpdateHostedZoneComment",
        ("DELETE", ["hostedzone", _]) => "DeleteHostedZone",
        ("GET", ["hostedzone", _, "rrset"]) => "ListResourceRecordSets",
        ("POST", ["hostedzone", _, "rrset"]) => "ChangeResourceRecordSets",
        ("GET", ["hostedzone", _, "dnssec"]) => "GetDNSSEC",
        ("POST", ["hostedzone", _, "associatevpc"]) => "AssociateVPCWithHostedZone",
        ("POST", ["hostedzone", _, "disassociatevpc"]) => "DisassociateVPCFromHostedZone",
        ("GET", ["hostedzonesbyname"]) => "ListHostedZonesByName",
        ("GET", ["hostedzonesbyvpc"]) => "ListHostedZonesByVPC",
        ("GET", ["hostedzonecount"]) => "GetHostedZoneCount",
        ("GET", ["change", _]) => "GetChange",
        ("GET", ["tags", _, _]) => "ListTagsForResource",
        ("POST", ["tags", _, _]) => "ChangeTagsForResource",
        ("POST", ["tags", _]) => "ListTagsForResources",
        _ => return None,
    })
}

/// EC2, STS and IAM send a form with the action in it.
fn query_action(body: &[u8]) -> Option<String> {
    let form = std::str::from_utf8(body).ok()?;
    form.split('&').find_map(|field| field.strip_prefix("Action=")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_route53_actions_by_method_and_path() {
        let name = |method, path| action_of(method, path, None, b"");
        assert_eq!(name("POST", "/2013-04-01/hostedzone/Z1/rrset/"), "ChangeResourceRecordSets");
        assert_eq!(name("GET", "/2013-04-01/hostedzone/Z1/rrset"), "ListResourceRecordSets");
        assert_eq!(name("GET", "/2013-04-01/change/C1"), "GetChange");
        assert_eq!(name("DELETE", "/2013-04-01/hostedzone/Z1"), "DeleteHostedZone");
    }

    #[test]
    fn names_other_actions_by_form_or_target() {
        assert_eq!(action_of("POST", "/", None, b"Version=2016-11-15&Action=DescribeVpcs"), "DescribeVpcs");
        assert_eq!(action_of("POST", "/", Some("DLM_20180112.GetPolicy"), b"{}"), "GetPolicy");
    }

    #[test]
    fn names_the_rest_by_method_and_path() {
        assert_eq!(action_of("PUT", "/bucket/key", None, b"data"), "PUT /bucket/key");
    }
}
