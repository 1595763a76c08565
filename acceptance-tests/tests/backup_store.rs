//! `socle_backup_store` on a simulated S3: the whole loop, and what goes wrong in it.

mod bucket;

use acceptance::fault_rule::Rule;
use acceptance::plan::Action;
use bucket::{Bucket, Result, STORE, store};

#[test]
fn a_store_is_made_safe_stays_so_and_goes() -> Result {
    let bucket = Bucket::new()?;
    bucket.stage.apply(&store(&bucket.name, "tags = { team = \"platform\" }"))?;
    bucket.assert_safe(30);
    assert!(bucket.get("?tagging").contains("<Key>team</Key>"), "and the mark of a create is gone");
    assert!(!bucket.get("?tagging").contains("socle:creating"));
    let state = bucket.stage.terraform.state_of(STORE)?;
    assert_eq!(state["location"]["region"], "eu-west-3");
    assert_eq!(state["location"]["endpoint"], bucket.stage.aws.url());
    bucket.stage.terraform.assert_plan_is_empty();

    bucket.stage.apply(&store(&bucket.name, "keep_deleted_for = \"60d\""))?;
    bucket.assert_safe(60);
    assert!(!bucket.get("?tagging").contains("team"));
    bucket.stage.terraform.assert_plan_is_empty();
    bucket.stage.terraform.destroy()?;
    assert_eq!(bucket.send("HEAD", "", "").status, 404);
    Ok(())
}

#[test]
fn what_somebody_changed_by_hand_shows_and_is_put_right_and_others_statements_stay() -> Result {
    let bucket = Bucket::new()?;
    bucket.stage.apply(&store(&bucket.name, ""))?;
    let theirs = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"Theirs","Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::123456789012:root"}},"Action":"s3:GetObject","Resource":"arn:aws:s3:::{}/*"}}]}}"#,
        bucket.name
    );
    bucket.put("?policy", &theirs);
    bucket
        .put("?versioning", "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>");
    bucket.send("DELETE", "?publicAccessBlock", "");
    let plan = bucket.stage.terraform.plan()?;
    assert_eq!(plan.actions(STORE), [Action::Update], "{plan}");
    let shown = bucket.stage.terraform.run(&["plan", "-input=false"])?;
    for drifted in ["public-access-block", "versioning"] {
        assert!(shown.contains(&format!("~ \"{drifted}\"")), "{drifted} is not shown:\n{shown}");
    }
    bucket.stage.terraform.apply()?;
    bucket.assert_safe(30);
    assert!(bucket.get("?policy").contains("Theirs"));
    bucket.stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn a_bucket_that_exists_is_refused_imported_and_made_safe() -> Result {
    let bucket = Bucket::new()?;
    bucket.put("", "<CreateBucketConfiguration><LocationConstraint>eu-west-3</LocationConstraint></CreateBucketConfiguration>");
    bucket.put("/theirs.txt", "an object");
    bucket.stage.write(&store(&bucket.name, ""))?;
    let refused = bucket.stage.terraform.apply().expect_err("it is somebody's");
    assert!(refused.says("Bucket exists") && refused.says("terraform import"), "{refused}");
    bucket.stage.terraform.import(STORE, &bucket.name)?;
    bucket.stage.terraform.apply()?;
    bucket.assert_safe(30);
    bucket.stage.terraform.assert_plan_is_empty();
    assert_eq!(bucket.get("/theirs.txt"), "an object");
    Ok(())
}

#[test]
fn an_empty_bucket_that_the_account_had_before_is_refused_and_not_touched() -> Result {
    let bucket = Bucket::new()?;
    bucket.put("", "<CreateBucketConfiguration><LocationConstraint>eu-west-3</LocationConstraint></CreateBucketConfiguration>");
    bucket.stage.write(&store(&bucket.name, ""))?;
    let refused = bucket.stage.terraform.apply().expect_err("it was there before");
    assert!(refused.says("Bucket exists") && refused.says("terraform import"), "{refused}");
    assert_eq!(bucket.send("GET", "?tagging", "").status, 404);
    assert!(!bucket.get("?versioning").contains("Enabled"));
    Ok(())
}

#[test]
fn an_endpoint_that_takes_no_tags_with_a_new_bucket_gets_them_after_it() -> Result {
    let bucket = Bucket::new()?;
    bucket.stage.aws.inject(Rule::on("CreateBucket").first(1).not_implemented());
    bucket.kill_apply_at("PutBucketEncryption")?;
    assert!(bucket.get("?tagging").contains("socle:creating"));
    bucket.stage.terraform.apply()?;
    bucket.assert_safe(30);
    assert_eq!(bucket.send("GET", "?tagging", "").status, 404, "the mark is gone");
    Ok(())
}

#[test]
fn a_store_with_backups_dies_only_when_it_is_said_twice() -> Result {
    let bucket = Bucket::new()?;
    bucket.stage.apply(&store(&bucket.name, ""))?;
    bucket.put("/backup", "one");
    bucket.put("/backup", "two");
    bucket.send("DELETE", "/backup", "");
    let refused = bucket.stage.terraform.destroy().expect_err("old versions are in it");
    assert!(refused.says("Store holds backups") && refused.says("force_destroy"), "{refused}");
    bucket.stage.apply(&store(&bucket.name, "force_destroy = true"))?;
    bucket.stage.terraform.destroy()?;
    assert_eq!(bucket.send("HEAD", "", "").status, 404);
    Ok(())
}

#[test]
fn what_an_endpoint_lacks_is_told_with_what_it_means() -> Result {
    for (safeguard, [get, put], meaning) in [
        ("public-access-block", ["GetPublicAccessBlock", "PutPublicAccessBlock"], "ACLs and policies alone"),
        ("encryption", ["GetBucketEncryption", "PutBucketEncryption"], "not encrypted by the store itself"),
        (
            "lifecycle",
            ["GetBucketLifecycleConfiguration", "PutBucketLifecycleConfiguration"],
            "the bucket grows",
        ),
    ] {
        // Also one that tells what is set, and cannot set it.
        for lacks in [&[get, put][..], &[put]] {
            let bucket = Bucket::new()?;
            for action in lacks {
                bucket.stage.aws.inject(Rule::on(action).not_implemented());
            }
            bucket.stage.write(&store(&bucket.name, ""))?;
            let said = bucket.stage.terraform.run(&["apply", "-json", "-input=false", "-auto-approve"])?;
            assert!(
                said.contains("Endpoint lacks a safeguard") && said.contains(meaning),
                "{lacks:?}: {said}"
            );
            if lacks.len() == 2 {
                let state = bucket.stage.terraform.state_of(STORE)?;
                assert_eq!(state["safeguards"][safeguard], "unsupported");
                bucket.stage.terraform.assert_plan_is_empty();
            }
        }
    }
    Ok(())
}

#[test]
fn an_endpoint_without_versions_or_without_what_is_asked_for_is_refused() -> Result {
    for ([get, put], arguments, refusal) in [
        (["GetBucketVersioning", "PutBucketVersioning"], "", "Endpoint keeps no versions"),
        (["GetBucketEncryption", "PutBucketEncryption"], KMS, "Endpoint does not encrypt"),
        (
            ["GetBucketTagging", "PutBucketTagging"],
            "tags = { team = \"platform\" }",
            "Endpoint knows no tags",
        ),
    ] {
        let bucket = Bucket::new()?;
        for action in [get, put] {
            bucket.stage.aws.inject(Rule::on(action).not_implemented());
        }
        bucket.stage.write(&store(&bucket.name, arguments))?;
        let refused = bucket.stage.terraform.apply().expect_err(refusal);
        assert!(refused.says(refusal), "{refused}");
    }
    Ok(())
}

const KMS: &str = "kms_key_arn = \"arn:aws:kms:eu-west-3:123456789012:key/0a1b2c3d\"";

#[test]
fn a_key_of_kms_a_lifecycle_and_tags_are_put_and_read_back() -> Result {
    let bucket = Bucket::new()?;
    bucket.stage.apply(&store(&bucket.name, &format!("{KMS}\n  tags = {{ team = \"platform\" }}")))?;
    let encryption = bucket.get("?encryption");
    let key = "<KMSMasterKeyID>arn:aws:kms:eu-west-3:123456789012:key/0a1b2c3d</KMSMasterKeyID>";
    assert!(
        encryption.contains("<SSEAlgorithm>aws:kms</SSEAlgorithm>") && encryption.contains(key),
        "{encryption}"
    );
    let lifecycle = bucket.get("?lifecycle");
    for word in
        ["socle-keep-deleted", "<NoncurrentDays>30</NoncurrentDays>", "ExpiredObjectDeleteMarker>true<"]
    {
        assert!(lifecycle.contains(word), "{word}: {lifecycle}");
    }
    bucket.stage.terraform.assert_plan_is_empty();

    let narrowed = lifecycle
        .replace("<Prefix/>", "<Prefix></Prefix>")
        .replace("<Prefix></Prefix>", "<Tag><Key>only</Key><Value>these</Value></Tag>");
    assert_ne!(narrowed, lifecycle);
    bucket.put("?lifecycle", &narrowed);
    bucket.put(
        "?tagging",
        "<Tagging><TagSet><Tag><Key>team</Key><Value>theirs</Value></Tag></TagSet></Tagging>",
    );
    let shown = bucket.stage.terraform.run(&["plan", "-input=false"])?;
    assert!(shown.contains("~ \"lifecycle\"") && shown.contains("\"theirs\" -> \"platform\""), "{shown}");
    bucket.stage.terraform.apply()?;
    assert_eq!(bucket.get("?lifecycle"), lifecycle);
    assert!(bucket.get("?tagging").contains("<Value>platform</Value>"));
    bucket.stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn a_bucket_that_would_refuse_everybody_is_not_made() -> Result {
    let bucket = Bucket::new()?;
    bucket.stage.write(&store(&bucket.name, "").replace("tls_only = false", ""))?;
    let refused = bucket.stage.terraform.apply().expect_err("the endpoint has no TLS");
    assert!(refused.says("Endpoint has no TLS") && refused.says("tls_only = false"), "{refused}");
    assert_eq!(bucket.send("HEAD", "", "").status, 404);
    Ok(())
}

#[test]
fn every_call_of_an_apply_may_fail_once() -> Result {
    let bucket = Bucket::new()?;
    bucket.stage.write(&store(&bucket.name, ""))?;
    // Every second call is the repetition of the one before.
    for n in (1..80).step_by(2) {
        bucket.stage.aws.inject(Rule::on_any_call().nth(n).internal_error());
    }
    // The call that makes the bucket is not repeated: the next apply looks.
    let _ = bucket.stage.terraform.apply();
    bucket.stage.aws.heal();
    bucket.stage.terraform.apply()?;
    bucket.assert_safe(30);
    bucket.stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn a_create_that_was_killed_is_found_again_by_its_mark() -> Result {
    let bucket = Bucket::new()?;
    bucket.kill_apply_at("PutBucketEncryption")?;
    assert!(bucket.get("?tagging").contains("socle:creating"));
    bucket.stage.terraform.apply()?;
    bucket.assert_safe(30);
    bucket.stage.terraform.assert_plan_is_empty();
    Ok(())
}
