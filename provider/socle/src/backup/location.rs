//! Where a repository's bucket is.

use tfplugin::{Model, Value};

/// Where a bucket is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Model)]
pub struct Location {
    /// The bucket.
    #[tf(required, validate(length(1..)))]
    pub bucket: Value<String>,
    /// Its region, such as `eu-west-3`.
    #[tf(required, validate(length(1..)))]
    pub region: Value<String>,
    /// The URL of an S3 that is not AWS, addressed as `ENDPOINT/BUCKET/KEY`. Default: AWS.
    #[tf(optional, validate(pattern("^https?://[^/]+", "a URL, such as `https://s3.example.social`")))]
    pub endpoint: Value<String>,
}

/// The ARN of a bucket: the partition follows from the region.
pub fn arn(bucket: &str, region: &str) -> String {
    let partition = match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    format!("arn:{partition}:s3:::{bucket}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_partition_of_an_arn_follows_from_the_region() {
        assert_eq!(arn("b", "eu-west-3"), "arn:aws:s3:::b");
        assert_eq!(arn("b", "cn-north-1"), "arn:aws-cn:s3:::b");
        assert_eq!(arn("b", "us-gov-west-1"), "arn:aws-us-gov:s3:::b");
    }
}
