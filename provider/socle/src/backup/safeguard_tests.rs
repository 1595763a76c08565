use aws_sdk_s3::types::{LifecycleRuleAndOperator, Tag};

use super::*;

fn wanted() -> Wanted {
    Wanted {
        bucket: "b".to_owned(),
        arn: "arn:aws:s3:::b".to_owned(),
        encryption: Encryption::S3,
        keep_days: 30,
        tls_only: true,
    }
}

fn safe() -> Facts {
    Facts {
        versioning: Seen::Set(true),
        encryption: Seen::Set(Encryption::S3),
        public_access: Seen::Set(PublicAccess::blocked()),
        policy: Seen::Set(wanted_policy(None, &wanted()).unwrap()),
        lifecycle: Seen::Set(rules_with_ours(&[], &wanted()).unwrap()),
        tags: Seen::Unset,
    }
}

fn standings(facts: &Facts, wanted: &Wanted) -> Vec<&'static str> {
    Safeguard::ALL.map(|safeguard| safeguard.standing(facts, wanted).word()).to_vec()
}

#[test]
fn a_bucket_that_was_made_safe_is_as_wanted() {
    assert_eq!(standings(&safe(), &wanted()), ["applied"; 5]);
}

#[test]
fn a_bucket_as_others_make_it_has_all_to_do() {
    let facts = Facts {
        versioning: Seen::Unset,
        encryption: Seen::Unset,
        public_access: Seen::Set(PublicAccess { restrict: false, ..PublicAccess::blocked() }),
        policy: Seen::Unset,
        lifecycle: Seen::Unset,
        tags: Seen::Unset,
    };
    assert_eq!(standings(&facts, &wanted()), ["drifted"; 5]);
}

#[test]
fn what_an_endpoint_lacks_is_neither_applied_nor_drifted() {
    let facts = Facts { public_access: Seen::Unsupported, ..safe() };
    assert_eq!(Safeguard::PublicAccess.standing(&facts, &wanted()), Standing::Unsupported);
}

#[test]
fn a_change_of_what_is_wanted_is_a_difference() {
    let longer = Wanted { keep_days: 60, ..wanted() };
    assert_eq!(Safeguard::Lifecycle.standing(&safe(), &longer), Standing::Drifted);
    let kms = Wanted { encryption: Encryption::Kms(Some("arn:aws:kms:::key/1".to_owned())), ..wanted() };
    assert_eq!(Safeguard::Encryption.standing(&safe(), &kms), Standing::Drifted);
}

#[test]
fn statements_of_others_stay_and_ours_is_there_once() {
    let theirs = r#"{"Version":"2012-10-17","Statement":{"Sid":"Theirs","Effect":"Allow"}}"#;
    let once = wanted_policy(Some(theirs), &wanted()).unwrap();
    let twice = wanted_policy(Some(&once), &wanted()).unwrap();
    let policy: Json = serde_json::from_str(&twice).unwrap();
    let sids: Vec<_> = statements(&policy).iter().map(|statement| statement["Sid"].clone()).collect();
    assert_eq!(sids, ["Theirs", "SocleTlsOnly"]);
}

#[test]
fn where_it_is_not_wanted_our_statement_goes_and_the_last_one_takes_the_policy_along() {
    let open = Wanted { tls_only: false, ..wanted() };
    assert_eq!(Safeguard::TlsOnly.standing(&safe(), &open), Standing::Drifted);
    assert_eq!(wanted_policy(safe().policy.set().map(String::as_str), &open), None);
    assert_eq!(Safeguard::TlsOnly.standing(&Facts { policy: Seen::Unset, ..safe() }, &open), Standing::Off);
    let theirs = r#"{"Version":"2012-10-17","Statement":{"Sid":"Theirs","Effect":"Allow"}}"#;
    let both = wanted_policy(Some(theirs), &wanted()).unwrap();
    let left = wanted_policy(Some(&both), &open).unwrap();
    assert!(left.contains("Theirs") && !left.contains("SocleTlsOnly"), "{left}");
}

#[test]
fn a_policy_in_the_words_of_s3_is_recognised() {
    let told = r#"{"Statement":[{"Sid":"SocleTlsOnly","Effect":"Deny","Principal":"*","Action":["s3:*"],
        "Resource":["arn:aws:s3:::b/*","arn:aws:s3:::b"],"Condition":{"Bool":{"aws:SecureTransport":["false"]}}}]}"#;
    let facts = Facts { policy: Seen::Set(told.to_owned()), ..safe() };
    assert_eq!(Safeguard::TlsOnly.standing(&facts, &wanted()), Standing::Applied);
    let weaker = told.replace("s3:*", "s3:GetObject");
    let facts = Facts { policy: Seen::Set(weaker), ..safe() };
    assert_eq!(Safeguard::TlsOnly.standing(&facts, &wanted()), Standing::Drifted);
}

#[test]
fn rules_of_others_stay_and_those_that_break_the_promise_are_named() {
    let theirs = |days| {
        let expiration = NoncurrentVersionExpiration::builder().noncurrent_days(days).build();
        let rule = LifecycleRule::builder().id("theirs").status(ExpirationStatus::Enabled);
        rule.noncurrent_version_expiration(expiration).build().unwrap()
    };
    let rules = rules_with_ours(&[theirs(7)], &wanted()).unwrap();
    assert_eq!(rules.len(), 2);
    let facts = Facts { lifecycle: Seen::Set(rules), ..safe() };
    assert_eq!(Safeguard::Lifecycle.standing(&facts, &wanted()), Standing::Applied);
    assert_eq!(hasty_rules(&facts, &wanted()), ["theirs"]);
    let patient = Facts { lifecycle: Seen::Set(vec![theirs(90)]), ..safe() };
    assert_eq!(hasty_rules(&patient, &wanted()), [""; 0]);
    assert_eq!((kept_days(&facts), kept_days(&patient)), (Some(30), None));
}

#[test]
fn our_rule_narrowed_by_hand_is_a_difference() {
    let filter = LifecycleRuleFilter::builder;
    let tag = || Tag::builder().key("k").value("v").build().unwrap();
    let both = LifecycleRuleAndOperator::builder().prefix("").tags(tag()).build();
    let narrowed = [
        filter().prefix("databases/"),
        filter().tag(tag()),
        filter().object_size_greater_than(1),
        filter().object_size_less_than(1 << 20),
        filter().and(both),
    ];
    let standing = |rule| {
        let facts = Facts { lifecycle: Seen::Set(vec![rule]), ..safe() };
        Safeguard::Lifecycle.standing(&facts, &wanted())
    };
    let [ours] = &rules_with_ours(&[], &wanted()).unwrap()[..] else { panic!("one rule") };
    for filter in narrowed {
        let mut rule = ours.clone();
        rule.filter = Some(filter.build());
        assert_eq!(standing(rule.clone()), Standing::Drifted, "{rule:?}");
    }
    let mut sparing = ours.clone();
    sparing.noncurrent_version_expiration =
        Some(NoncurrentVersionExpiration::builder().noncurrent_days(30).newer_noncurrent_versions(5).build());
    assert_eq!(standing(sparing), Standing::Drifted);
    let mut bare = ours.clone();
    bare.filter = None;
    assert_eq!(standing(bare), Standing::Applied);
}
