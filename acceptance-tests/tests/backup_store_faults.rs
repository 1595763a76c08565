//! Every way in which a call of S3 goes wrong, at every call of a store's life, and a create that is killed at each of them.

mod bucket;

use acceptance::fault_rule::{Rule, Trigger};
use bucket::{Bucket, Result, store};

/// Lets every second call of a create, of a repair and of a destroy go wrong: each call fails once, and its repetition
/// succeeds.
fn every_call_goes_wrong_once(fault: impl Fn(Trigger) -> Rule) -> Result {
    let bucket = Bucket::new()?;
    let spoil =
        || (1..120).step_by(2).for_each(|n| bucket.stage.aws.inject(fault(Rule::on_any_call().nth(n))));
    for days in [30, 60] {
        bucket.stage.write(&store(&bucket.name, &format!("keep_deleted_for = \"{days}d\"")))?;
        spoil();
        // The call that makes the bucket is not repeated: the next apply looks.
        let _ = bucket.stage.terraform.apply();
        bucket.stage.aws.heal();
        bucket.stage.terraform.apply()?;
        bucket.assert_safe(days);
        bucket.stage.terraform.assert_plan_is_empty();
    }
    spoil();
    let _ = bucket.stage.terraform.destroy();
    bucket.stage.aws.heal();
    bucket.stage.terraform.destroy()?;
    assert_eq!(bucket.send("HEAD", "", "").status, 404);
    Ok(())
}

#[test]
fn connections_cut_before_the_call() -> Result {
    every_call_goes_wrong_once(Trigger::cut_before)
}

#[test]
fn connections_cut_after_the_call() -> Result {
    every_call_goes_wrong_once(Trigger::cut_after)
}

#[test]
fn answers_that_break_off() -> Result {
    every_call_goes_wrong_once(Trigger::truncated_body)
}

#[test]
fn an_action_that_never_works_is_named_and_the_next_apply_goes_on() -> Result {
    for action in [
        "HeadBucket",
        "CreateBucket",
        "PutBucketTagging",
        "GetBucketPolicy",
        "PutPublicAccessBlock",
        "PutBucketEncryption",
        "PutBucketVersioning",
        "PutBucketLifecycleConfiguration",
    ] {
        let bucket = Bucket::new()?;
        bucket.stage.write(&store(&bucket.name, "timeouts { create = \"5s\" }"))?;
        bucket.stage.aws.inject(Rule::on(action).internal_error());
        let failed = bucket.stage.terraform.apply().expect_err("the action never works");
        let is_named = failed.says(action) || action == "CreateBucket";
        assert!(is_named, "{action} is not named: {failed}");
        bucket.stage.aws.heal();
        bucket.stage.terraform.apply()?;
        bucket.assert_safe(30);
    }
    Ok(())
}

#[test]
fn a_create_that_is_killed_at_any_call_is_found_again() -> Result {
    for action in [
        "CreateBucket",
        "PutBucketTagging",
        "GetBucketVersioning",
        "PutPublicAccessBlock",
        "PutBucketVersioning",
        "PutBucketLifecycleConfiguration",
    ] {
        let bucket = Bucket::new()?;
        bucket.kill_apply_at(action)?;
        bucket.stage.terraform.apply()?;
        bucket.assert_safe(30);
        bucket.stage.terraform.assert_plan_is_empty();
    }
    Ok(())
}
