//! The agent does all its work with the rights of `data "socle_backup_iam_policy"`, and they are no more than that.

mod stage;

use std::fs;

use acceptance::fault_proxy::Call;
use acceptance::stage::Stage as Module;
use serde_json::{Value, json};
use stage::{Stage, random_name, write_secret};

#[test]
fn every_command_gets_along_with_the_rights_of_the_iam_policy() {
    let stage = Stage::of_files();
    let rights = Rights::of(&stage);
    stage.configure("/drill/scratch", json!(stage.path("drill")));
    let mut calls = Vec::new();
    let mut agent = |arguments: &[&str]| {
        stage.s3.take_calls();
        stage.run(arguments);
        calls.extend(stage.s3.take_calls());
    };
    for arguments in [&["run"][..], &["run"], &["run", "--forget"], &["check"], &["drill"]] {
        agent(arguments);
    }
    fs::rename(stage.path("password"), stage.path("old-password")).unwrap();
    write_secret(&stage.path("password"), &random_name());
    stage.configure("/repository/previous_password", json!({ "file": stage.path("old-password") }));
    agent(&["keys"]);
    let now = stage::now_in_whole_seconds();
    stage::await_next_second();
    stage.objects("").iter().for_each(|key| drop(stage.request("DELETE", key, "")));
    agent(&["restore", "--at", &now, "--target", stage.path("restored").to_str().unwrap()]);
    agent(&["restore", "--at", &now, "--repository"]);
    assert!(calls.len() > 50);
    for call in &calls {
        assert!(rights.allow(&Need::of(call)), "{} {}: {:?}", call.action, call.target, Need::of(call));
    }
}

#[test]
fn the_rights_reach_no_version_no_configuration_and_no_other_place() {
    let stage = Stage::of_files();
    let rights = Rights::of(&stage);
    let bucket =
        format!("arn:aws:s3:::{}", stage.configuration.borrow()["repository"]["bucket"].as_str().unwrap());
    let may = |action, key: &str| {
        let resource = format!("{bucket}/{key}");
        rights.allow(&Need { action, resource, prefix: None })
    };
    assert!(may("s3:DeleteObject", "some/where/data/ab/abcd"));
    assert!(!may("s3:DeleteObjectVersion", "some/where/data/ab/abcd"));
    assert!(!may("s3:DeleteObject", "some/where/config"));
    assert!(!may("s3:GetObject", "some/where-else/config") && !may("s3:PutObject", "other/config"));
    let list = |prefix: Option<&str>| {
        let prefix = prefix.map(str::to_owned);
        rights.allow(&Need { action: "s3:ListBucket", resource: bucket.clone(), prefix })
    };
    assert!(list(Some("some/where/data/")) && !list(Some("some/")) && !list(None));
}

/// What a call must be allowed.
#[derive(Debug)]
struct Need {
    action: &'static str,
    resource: String,
    /// Of a list.
    prefix: Option<String>,
}

impl Need {
    /// Source: the Service Authorization Reference, actions of Amazon S3.
    fn of(call: &Call) -> Self {
        let (path, query) = call.target.split_once('?').unwrap_or((&call.target, ""));
        let path = path.trim_matches('/').replace("%2F", "/");
        let value = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        let of_version = value("versionId").is_some();
        let action = match (call.action.split(' ').next().unwrap(), of_version) {
            ("ListObjectsV2", _) => "s3:ListBucket",
            ("ListObjectVersions", _) => "s3:ListBucketVersions",
            ("GET", false) => "s3:GetObject",
            ("GET", true) => "s3:GetObjectVersion",
            ("PUT", false) => "s3:PutObject",
            ("DELETE", false) => "s3:DeleteObject",
            ("DELETE", true) => "s3:DeleteObjectVersion",
            other => panic!("{other:?}: {}", call.target),
        };
        let prefix = value("prefix").map(|prefix| prefix.replace("%2F", "/"));
        Self { action, resource: format!("arn:aws:s3:::{path}"), prefix }
    }
}

/// A document of IAM: what no statement allows is refused.
struct Rights(Vec<Value>);

impl Rights {
    fn of(stage: &Stage) -> Self {
        let module = Module::new().unwrap();
        let bucket = stage.configuration.borrow()["repository"]["bucket"].clone();
        module
            .apply(&format!(
                "data \"socle_backup_iam_policy\" \"main\" {{\n  location = {{\n    bucket = {bucket}\n    \
                 region = \"us-east-1\"\n  }}\n  prefix = \"some/where\"\n}}\n\
                 output \"json\" {{\n  value = data.socle_backup_iam_policy.main.json\n}}\n"
            ))
            .unwrap();
        let document = module.terraform.output_value("json").unwrap();
        let document: Value = serde_json::from_str(document.as_str().unwrap()).unwrap();
        Self(document["Statement"].as_array().unwrap().clone())
    }

    fn allow(&self, need: &Need) -> bool {
        self.0.iter().any(|statement| {
            assert_eq!(statement["Effect"], "Allow");
            let wanted = statement["Condition"]["StringLike"]["s3:prefix"].as_str();
            texts(&statement["Action"]).any(|action| action == need.action)
                && texts(&statement["Resource"]).any(|resource| fits(resource, &need.resource))
                && wanted
                    .is_none_or(|wanted| need.prefix.as_deref().is_some_and(|prefix| fits(wanted, prefix)))
        })
    }
}

/// One text, or a list of some.
fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let all = value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice);
    all.iter().filter_map(Value::as_str)
}

/// Whether a text is of this pattern, in which `*` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text
            .strip_prefix(start)
            .is_some_and(|left| (0..=left.len()).any(|n| left.get(n..).is_some_and(|end| fits(rest, end)))),
    }
}
