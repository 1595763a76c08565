//! The name of the AWS action that a request asks for, whichever of AWS's protocols it speaks.

/// The action of a request, as the API's reference spells it: `ChangeResourceRecordSets`, `DescribeInstances`.
/// `path` is without its `query`; `target` is the header `X-Amz-Target`. A request that is none of these (one about an
/// object of S3) is named by its method and path.
pub fn action_of(method: &str, path: &str, query: Option<&str>, target: Option<&str>, body: &[u8]) -> String {
    route53_action(method, path)
        .or_else(|| bucket_action(method, path, query))
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

/// S3 is REST, too: an action on a bucket is in the method and in a word of the query.
fn bucket_action(method: &str, path: &str, query: Option<&str>) -> Option<&'static str> {
    let bucket = path.trim_matches('/');
    if bucket.is_empty() || bucket.contains('/') {
        return None;
    }
    let words: Vec<&str> = query.unwrap_or_default().split('&').collect();
    let word = |word: &str| words.iter().any(|said| said.split('=').next() == Some(word));
    for (subresource, get, put, other) in BUCKET_ACTIONS {
        if word(subresource) {
            return Some(match method {
                "GET" => get,
                "PUT" => put,
                _ => other,
            });
        }
    }
    match method {
        "HEAD" => Some("HeadBucket"),
        "PUT" => Some("CreateBucket"),
        "DELETE" => Some("DeleteBucket"),
        _ => None,
    }
}

/// A word of the query, and the actions by GET, by PUT and by the other method that it has.
const BUCKET_ACTIONS: [(&str, &str, &str, &str); 10] = [
    ("versioning", "GetBucketVersioning", "PutBucketVersioning", ""),
    ("encryption", "GetBucketEncryption", "PutBucketEncryption", "DeleteBucketEncryption"),
    ("publicAccessBlock", "GetPublicAccessBlock", "PutPublicAccessBlock", "DeletePublicAccessBlock"),
    ("policy", "GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"),
    (
        "lifecycle",
        "GetBucketLifecycleConfiguration",
        "PutBucketLifecycleConfiguration",
        "DeleteBucketLifecycle",
    ),
    ("tagging", "GetBucketTagging", "PutBucketTagging", "DeleteBucketTagging"),
    ("versions", "ListObjectVersions", "", ""),
    ("uploads", "ListMultipartUploads", "", ""),
    ("delete", "", "", "DeleteObjects"),
    ("list-type", "ListObjectsV2", "", ""),
];

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
        let name = |method, path| action_of(method, path, None, None, b"");
        assert_eq!(name("POST", "/2013-04-01/hostedzone/Z1/rrset/"), "ChangeResourceRecordSets");
        assert_eq!(name("GET", "/2013-04-01/hostedzone/Z1/rrset"), "ListResourceRecordSets");
        assert_eq!(name("GET", "/2013-04-01/change/C1"), "GetChange");
        assert_eq!(name("DELETE", "/2013-04-01/hostedzone/Z1"), "DeleteHostedZone");
    }

    #[test]
    fn names_actions_on_buckets_by_method_and_word() {
        let name = |method, query| action_of(method, "/bucket", query, None, b"");
        assert_eq!(name("PUT", None), "CreateBucket");
        assert_eq!(name("PUT", Some("versioning")), "PutBucketVersioning");
        assert_eq!(name("GET", Some("publicAccessBlock=")), "GetPublicAccessBlock");
        assert_eq!(name("POST", Some("delete")), "DeleteObjects");
        assert_eq!(name("GET", Some("versions&max-keys=1000")), "ListObjectVersions");
    }

    #[test]
    fn names_other_actions_by_form_or_target() {
        assert_eq!(
            action_of("POST", "/", None, None, b"Version=2016-11-15&Action=DescribeVpcs"),
            "DescribeVpcs"
        );
        assert_eq!(action_of("POST", "/", None, Some("DLM_20180112.GetPolicy"), b"{}"), "GetPolicy");
    }

    #[test]
    fn names_the_rest_by_method_and_path() {
        assert_eq!(action_of("PUT", "/bucket/key", None, None, b"data"), "PUT /bucket/key");
    }
}
