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
fn an_endpoint_that_lacks_a_safeguard_is_told_and_one_without_versions_refused() -> Result {
    let bucket = Bucket::new()?;
    let lacks = |action: &str| bucket.stage.aws.inject(Rule::on(action).not_implemented());
    ["GetPublicAccessBlock", "PutPublicAccessBlock"].into_iter().for_each(lacks);
    bucket.stage.write(&store(&bucket.name, ""))?;
    let said = bucket.stage.terraform.run(&["apply", "-json", "-input=false", "-auto-approve"])?;
    assert!(
        said.contains("Endpoint lacks a safeguard") && said.contains("ACLs and policies alone"),
        "{said}"
    );
    let state = bucket.stage.terraform.state_of(STORE)?;
    assert_eq!(state["safeguards"]["public-access-block"], "unsupported");
    bucket.stage.terraform.assert_plan_is_empty();

    let other = Bucket::new()?;
    for action in ["GetBucketVersioning", "PutBucketVersioning"] {
        other.stage.aws.inject(Rule::on(action).not_implemented());
    }
    other.stage.write(&store(&other.name, ""))?;
    let refused = other.stage.terraform.apply().expect_err("it keeps no versions");
    assert!(refused.says("Endpoint keeps no versions"), "{refused}");
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
