//! The life of `socle_dns_zone` in the hands of Terraform, and what happens when others work on the same zone.

use std::collections::BTreeSet;
use std::error::Error;

use acceptance::fault_rule::Rule;
use acceptance::plan::Action::{self, Create, Delete, Update};
use acceptance::route53::ChangeAction::{self, Upsert};
use acceptance::route53::RecordSet;
use acceptance::stage::Stage;
use serde_json::{Value, json};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const ZONE: &str = "socle_dns_zone.main";
const WWW: &str = r#""www A" = { type = "A", name = "www", values = ["192.0.2.1"] }"#;
const MAIL: &str = r#""@ MX" = { type = "MX", name = "@", values = ["10 mx.example.test."] }"#;

/// The zone `example.test` with those entries of `records`, and more arguments.
fn zone_with(records: &[&str], arguments: &str) -> String {
    let records = records.join("\n    ");
    format!(
        r#"
resource "socle_dns_zone" "main" {{
  name = "example.test"
  records = {{
    {records}
  }}
  {arguments}
}}
"#
    )
}

fn zone(records: &[&str]) -> String {
    zone_with(records, "")
}

fn entry(label: &str, kind: &str, values: &[&str]) -> String {
    format!("{label:?} = {{ name = {label:?}, type = {kind:?}, values = {} }}", json!(values))
}

/// A stranger submits one change.
fn meddle(stage: &Stage, action: ChangeAction, set: RecordSet) -> Result {
    Ok(stage.route53.change(&stage.zone("example.test").id, &[(action, set)])?)
}

fn address(name: &str, value: &str) -> RecordSet {
    RecordSet::simple(&format!("{name}.example.test."), "A", 300, &[value])
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().into_iter().flat_map(|object| object.keys()).map(String::as_str).collect()
}

// === the life of a zone ===

#[test]
fn second_apply_changes_nothing() -> Result {
    let stage = Stage::new()?;
    stage.write(&zone(&[WWW, MAIL]))?;
    assert_eq!(stage.terraform.validate()?, []);
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.actions(ZONE), [Create]);
    assert_eq!(plan.change(ZONE).after()["record_sets"]["www A"]["values"], json!(["192.0.2.1"]));
    stage.terraform.apply_plan(&plan)?;
    let wanted = ["example.test. MX = 10 mx.example.test.", "www.example.test. A = 192.0.2.1"];
    assert_eq!(stage.records("example.test"), wanted);
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn a_change_of_a_record_keeps_the_zone_and_its_neighbours() -> Result {
    let stage = Stage::new()?;
    stage.apply(&zone(&[WWW, MAIL]))?;
    let before = stage.zone("example.test");
    stage.write(&zone(&[&WWW.replace("192.0.2.1", "192.0.2.2"), MAIL]))?;
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.actions(ZONE), [Update]);
    let (old, new) = (plan.change(ZONE).before(), plan.change(ZONE).after());
    assert_eq!(old["record_sets"]["@ MX"], new["record_sets"]["@ MX"]);
    assert_eq!(new["record_sets"]["www A"]["values"], json!(["192.0.2.2"]));
    assert_eq!(old["id"], new["id"], "the id is known and the same");
    stage.terraform.apply_plan(&plan)?;
    assert_eq!(stage.zone("example.test"), before);
    assert_eq!(stage.records("example.test")[1], "www.example.test. A = 192.0.2.2");
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn destroy_leaves_nothing() -> Result {
    let stage = Stage::new()?;
    stage.apply(&zone(&[WWW, MAIL]))?;
    stage.terraform.destroy()?;
    assert_eq!(stage.route53.zones()?, []);
    assert!(stage.terraform.state_of(ZONE)?.is_null());
    Ok(())
}

#[test]
fn another_name_is_another_zone() -> Result {
    let stage = Stage::new()?;
    stage.apply(&zone(&[WWW]))?;
    stage.write(&zone(&[WWW]).replace("example.test", "example.org"))?;
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.actions(ZONE), [Delete, Create]);
    assert_eq!(plan.change(ZONE).replace_paths(), ["name"]);
    stage.terraform.apply_plan(&plan)?;
    assert_eq!(stage.route53.zones()?.len(), 1);
    assert_eq!(stage.records("example.org"), ["www.example.org. A = 192.0.2.1"]);
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn comment_and_tags_change_in_place() -> Result {
    let stage = Stage::new()?;
    stage.apply(&zone_with(&[WWW], "comment = \"first\"\n  tags = { team = \"web\", old = \"1\" }"))?;
    assert_eq!(stage.zone("example.test").comment, "first");
    stage.terraform.assert_plan_is_empty();
    stage.write(&zone_with(&[WWW], "comment = \"second\"\n  tags = { team = \"mail\" }"))?;
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.actions(ZONE), [Update]);
    stage.terraform.apply_plan(&plan)?;
    assert_eq!(stage.zone("example.test").comment, "second");
    assert_eq!(stage.terraform.state_of(ZONE)?["tags"], json!({ "team": "mail" }));
    stage.terraform.assert_plan_is_empty();
    stage.apply(&zone(&[WWW]))?;
    assert_eq!(stage.zone("example.test").comment, "");
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

// === import ===

#[test]
fn the_configuration_that_terraform_generates_plans_empty() -> Result {
    let stage = Stage::new()?;
    let zone = stage.route53.create_zone("example.test", "by hand")?;
    meddle(&stage, Upsert, address("www", "192.0.2.1"))?;
    meddle(&stage, Upsert, RecordSet::simple("example.test.", "TXT", 60, &[r#""v=spf1 -all" "second""#]))?;
    meddle(&stage, Upsert, RecordSet::simple("*.example.test.", "CNAME", 60, &["www.example.test."]))?;
    stage.write(&format!("import {{\n  to = {ZONE}\n  id = {:?}\n}}\n", zone.id))?;
    stage.terraform.generate_configuration()?;
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.actions(ZONE), [Action::NoOp], "{plan}");
    stage.terraform.apply()?;
    stage.terraform.assert_plan_is_empty();
    let resource = stage.terraform.state_of(ZONE)?;
    assert_eq!(keys(&resource["records"]), ["* CNAME", "@ TXT", "www A"]);
    Ok(())
}

#[test]
fn a_zone_with_aliases_and_routed_sets_is_imported_whole() -> Result {
    let stage = Stage::new()?;
    let zone = stage.route53.create_zone("example.test", "by hand")?;
    let routed = |name: &str, identifier: &str, rest: &str| RecordSet {
        set_identifier: Some(identifier.to_owned()),
        rest: rest.to_owned(),
        ..address(name, "192.0.2.1")
    };
    let target = "<AliasTarget><HostedZoneId>Z2FDTNDATAQYW2</HostedZoneId><DNSName>D1.cloudfront.net.</DNSName>\
                  <EvaluateTargetHealth>true</EvaluateTargetHealth></AliasTarget>";
    let check = "<HealthCheckId>0a1b2c3d-0000-4000-8000-000000000000</HealthCheckId>";
    let alias = RecordSet { ttl: None, values: vec![], rest: target.to_owned(), ..address("cdn", "") };
    let sets = [
        alias,
        routed("a", "one", &format!("<Weight>0</Weight>{check}")),
        routed("a", "two", "<Weight>255</Weight>"),
        routed("b", "main", &format!("<Failover>PRIMARY</Failover>{check}")),
        RecordSet {
            ttl: None,
            values: vec![],
            ..routed("b", "spare", &format!("<Failover>SECONDARY</Failover>{target}"))
        },
        routed(
            "c",
            "one",
            "<GeoProximityLocation><LocalZoneGroup>us-west-2-lax-1</LocalZoneGroup></GeoProximityLocation>",
        ),
        routed("d", "one", "<GeoLocation><CountryCode>*</CountryCode></GeoLocation>"),
        routed("e", "one", "<MultiValueAnswer>true</MultiValueAnswer>"),
    ];
    stage.route53.change(&zone.id, &sets.map(|set| (Upsert, set)))?;
    stage.write(&format!("import {{\n  to = {ZONE}\n  id = {:?}\n}}\n", zone.id))?;
    stage.terraform.generate_configuration()?;
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.actions(ZONE), [Action::NoOp], "{plan}");
    stage.terraform.apply()?;
    stage.terraform.assert_plan_is_empty();
    let records = &stage.terraform.state_of(ZONE)?["records"];
    assert_eq!(
        keys(records),
        ["a A one", "a A two", "b A main", "b A spare", "c A one", "cdn A", "d A one", "e A one"]
    );
    assert_eq!(records["b A main"]["health_check_id"], "0a1b2c3d-0000-4000-8000-000000000000");
    assert_eq!(records["b A spare"]["routing"]["failover"], "SECONDARY");
    assert_eq!(records["b A spare"]["alias"]["evaluate_target_health"], true);
    assert_eq!(records["c A one"]["routing"]["geoproximity"]["local_zone_group"], "us-west-2-lax-1");
    Ok(())
}

#[test]
fn an_import_takes_over_what_the_configuration_says() -> Result {
    let stage = Stage::new()?;
    stage.apply(&zone_with(&[WWW, MAIL], "comment = \"ours\"\n  tags = { team = \"web\" }"))?;
    stage.terraform.run(&["state", "rm", ZONE])?;
    stage.terraform.import(ZONE, &stage.zone("example.test").id)?;
    let plan = stage.terraform.plan()?;
    stage.aws.take_calls();
    stage.terraform.apply_plan(&plan)?;
    assert_eq!(stage.aws.count("ChangeResourceRecordSets"), 0, "the records were right already");
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn an_import_of_nothing_says_so() -> Result {
    let stage = Stage::new()?;
    stage.write(&zone(&[WWW]))?;
    let failed = stage.terraform.import(ZONE, "Z0000000000000").expect_err("there is no such zone");
    assert!(failed.says("Z0000000000000"), "{failed}");
    Ok(())
}

// === others work on the same zone ===

#[test]
fn drift_is_shown_and_repaired() -> Result {
    let stage = Stage::new()?;
    stage.apply(&zone(&[WWW, MAIL]))?;
    meddle(&stage, Upsert, address("www", "192.0.2.66"))?;
    meddle(
        &stage,
        ChangeAction::Delete,
        RecordSet::simple("example.test.", "MX", 300, &["10 mx.example.test."]),
    )?;
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.actions(ZONE), [Update]);
    let before = &plan.change(ZONE).before()["record_sets"];
    assert_eq!(before["www A"]["values"], json!(["192.0.2.66"]), "the plan shows what was found");
    assert_eq!(keys(before), ["www A"]);
    stage.terraform.apply_plan(&plan)?;
    let wanted = ["example.test. MX = 10 mx.example.test.", "www.example.test. A = 192.0.2.1"];
    assert_eq!(stage.records("example.test"), wanted);
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn what_others_made_is_kept_and_shown() -> Result {
    let stage = Stage::new()?;
    stage.apply(&zone(&[WWW]))?;
    meddle(&stage, Upsert, address("theirs", "192.0.2.9"))?;
    stage.terraform.run(&["apply", "-refresh-only", "-auto-approve"])?;
    assert_eq!(keys(&stage.terraform.state_of(ZONE)?["unmanaged_record_sets"]), ["theirs A"]);
    stage.terraform.assert_plan_is_empty();
    stage.apply(&zone(&[WWW, MAIL]))?;
    assert!(stage.records("example.test").contains(&"theirs.example.test. A = 192.0.2.9".to_owned()));
    Ok(())
}

#[test]
fn what_others_made_goes_when_the_plan_has_shown_it() -> Result {
    let stage = Stage::new()?;
    let configuration =
        zone_with(&[WWW], "unmanaged_records = \"delete\"\n  ignore_records = [\"_acme-challenge.*\"]");
    stage.apply(&configuration)?;
    meddle(&stage, Upsert, address("theirs", "192.0.2.9"))?;
    meddle(&stage, Upsert, address("_acme-challenge.www", "192.0.2.10"))?;
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.actions(ZONE), [Update]);
    assert_eq!(keys(&plan.change(ZONE).before()["unmanaged_record_sets"]), ["theirs A"]);
    assert_eq!(plan.change(ZONE).after()["unmanaged_record_sets"], json!({}));
    stage.terraform.apply_plan(&plan)?;
    let left = ["www.example.test. A = 192.0.2.1", "_acme-challenge.www.example.test. A = 192.0.2.10"];
    assert_eq!(stage.records("example.test"), left);
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn what_others_made_after_the_plan_stays() -> Result {
    let stage = Stage::new()?;
    stage.apply(&zone_with(&[WWW], "unmanaged_records = \"delete\""))?;
    meddle(&stage, Upsert, address("shown", "192.0.2.9"))?;
    let plan = stage.terraform.plan()?;
    meddle(&stage, Upsert, address("later", "192.0.2.10"))?;
    stage.terraform.apply_plan(&plan)?;
    let left = ["later.example.test. A = 192.0.2.10", "www.example.test. A = 192.0.2.1"];
    assert_eq!(stage.records("example.test"), left);
    let plan = stage.terraform.plan()?;
    assert_eq!(keys(&plan.change(ZONE).before()["unmanaged_record_sets"]), ["later A"]);
    Ok(())
}

#[test]
fn a_new_record_never_overwrites_what_others_made() -> Result {
    let stage = Stage::new()?;
    stage.apply(&zone(&[MAIL]))?;
    stage.write(&zone(&[MAIL, WWW]))?;
    let plan = stage.terraform.plan()?;
    meddle(&stage, Upsert, address("www", "192.0.2.66"))?;
    let failed = stage.terraform.apply_plan(&plan).expect_err("somebody else has the name");
    assert!(failed.says("www"), "{failed}");
    assert!(stage.records("example.test").contains(&"www.example.test. A = 192.0.2.66".to_owned()));
    Ok(())
}

#[test]
fn a_zone_that_vanished_is_planned_anew() -> Result {
    let stage = Stage::new()?;
    stage.apply(&zone(&[]))?;
    stage.route53.delete_zone(&stage.zone("example.test").id)?;
    assert_eq!(stage.terraform.plan()?.actions(ZONE), [Create]);
    stage.terraform.apply()?;
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn destroy_refuses_to_take_the_records_of_others() -> Result {
    let stage = Stage::new()?;
    stage.apply(&zone(&[WWW]))?;
    meddle(&stage, Upsert, address("theirs", "192.0.2.9"))?;
    let failed = stage.terraform.destroy().expect_err("the zone holds a record of others");
    assert!(failed.says("theirs A") && failed.says("force_destroy"), "{failed}");
    let all = ["theirs.example.test. A = 192.0.2.9", "www.example.test. A = 192.0.2.1"];
    assert_eq!(stage.records("example.test"), all);
    stage.apply(&zone_with(&[WWW], "force_destroy = true"))?;
    stage.terraform.destroy()?;
    assert_eq!(stage.route53.zones()?, []);
    Ok(())
}

/// A destroy that does not look first.
const BLIND_DESTROY: [&str; 4] = ["destroy", "-json", "-auto-approve", "-refresh=false"];

#[test]
fn destroy_without_a_refresh_refuses_to_take_the_records_of_others() -> Result {
    let stage = Stage::new()?;
    stage.apply(&zone(&[WWW]))?;
    meddle(&stage, Upsert, address("theirs", "192.0.2.9"))?;
    let failed = stage.terraform.run(&BLIND_DESTROY).expect_err("the zone holds a record of others");
    assert!(failed.says("theirs A") && !failed.says("www A") && failed.says("force_destroy"), "{failed}");
    let all = ["theirs.example.test. A = 192.0.2.9", "www.example.test. A = 192.0.2.1"];
    assert_eq!(stage.records("example.test"), all);
    stage.apply(&zone_with(&[WWW], "force_destroy = true"))?;
    meddle(&stage, Upsert, address("later", "192.0.2.10"))?;
    stage.terraform.run(&BLIND_DESTROY)?;
    assert_eq!(stage.route53.zones()?, []);
    Ok(())
}

#[test]
fn another_name_refuses_to_take_the_records_of_others() -> Result {
    let stage = Stage::new()?;
    stage.apply(&zone(&[WWW]))?;
    let before = stage.zone("example.test");
    meddle(&stage, Upsert, address("theirs", "192.0.2.9"))?;
    let renamed = |configuration: String| configuration.replace("example.test", "example.org");
    stage.write(&renamed(zone(&[WWW])))?;
    let failed = stage.terraform.apply().expect_err("the zone holds a record of others");
    assert!(failed.says("theirs A") && failed.says("force_destroy"), "{failed}");
    assert_eq!(stage.route53.zones()?, [before]);
    let all = ["theirs.example.test. A = 192.0.2.9", "www.example.test. A = 192.0.2.1"];
    assert_eq!(stage.records("example.test"), all);
    stage.apply(&zone_with(&[WWW], "force_destroy = true"))?;
    stage.apply(&renamed(zone(&[WWW])))?;
    assert_eq!(stage.route53.zones()?.len(), 1);
    assert_eq!(stage.records("example.org"), ["www.example.org. A = 192.0.2.1"]);
    Ok(())
}

#[test]
fn a_zone_of_that_name_is_never_doubled() -> Result {
    let stage = Stage::new()?;
    let theirs = stage.route53.create_zone("example.test", "by hand")?;
    stage.write(&zone(&[WWW]))?;
    let failed = stage.terraform.apply().expect_err("the zone exists");
    assert!(failed.says("import") && failed.says(&theirs.id), "{failed}");
    assert_eq!(stage.zone("example.test"), theirs);
    Ok(())
}

#[test]
fn two_resources_of_one_name_make_one_zone() -> Result {
    let stage = Stage::new()?;
    stage.write(&(zone(&[WWW]) + &zone(&[WWW]).replace(r#""main""#, r#""other""#)))?;
    let failed = stage.terraform.apply().expect_err("the other one exists");
    assert!(failed.says("import"), "{failed}");
    assert_eq!(stage.route53.zones_named("example.test")?.len(), 1);
    Ok(())
}

// === records ===

#[test]
fn the_spelling_of_the_user_stays_and_plans_empty() -> Result {
    let stage = Stage::new()?;
    let long = "x".repeat(300);
    let records = [
        entry("WWW", "aaaa", &[]).replace("aaaa", "AAAA").replace("[]", r#"["2001:DB8:0:0::1"]"#),
        entry("api.example.test", "CNAME", &["WWW.Example.Test"]),
        entry("*", "A", &["192.0.2.7"]),
        entry("@", "TXT", &["v=spf1 -all", &long]),
        entry("_sip._tcp", "SRV", &["1 2 5060 SIP.example.test"]),
    ];
    let configuration = zone(&records.each_ref().map(String::as_str));
    stage.apply(&configuration)?;
    stage.terraform.assert_plan_is_empty();
    let resource = stage.terraform.state_of(ZONE)?;
    assert_eq!(resource["records"]["api.example.test"]["values"], json!(["WWW.Example.Test"]));
    assert_eq!(keys(&resource["record_sets"]), ["* A", "@ TXT", "_sip._tcp SRV", "api CNAME", "www AAAA"]);
    Ok(())
}

#[test]
fn every_routing_policy_goes_through_the_loop() -> Result {
    let stage = Stage::new()?;
    let policies = [
        ("weight", "weight = 10"),
        ("latency", r#"latency = "eu-west-3""#),
        ("failover", r#"failover = "PRIMARY""#),
        ("spare", r#"failover = "SECONDARY""#),
        ("continent", r#"geolocation = { continent = "EU" }"#),
        ("country", r#"geolocation = { country = "US", subdivision = "CA" }"#),
        ("city", r#"geoproximity = { local_zone_group = "us-west-2-lax-1" }"#),
        ("region", r#"geoproximity = { aws_region = "eu-west-3", bias = 5 }"#),
        ("place", r#"geoproximity = { coordinates = { latitude = "48.85", longitude = "2.35" } }"#),
        ("multivalue", "multivalue = true"),
        ("cidr", r#"cidr = { collection_id = "0a1b2c3d-0000-4000-8000-000000000000", location = "office" }"#),
    ];
    let entry = |(name, policy): &(&str, &str)| {
        format!(
            r#""{name}" = {{ type = "A", values = ["192.0.2.1"], set_identifier = "one", routing = {{ {policy} }}, health_check_id = "check-1" }}"#
        )
    };
    let mut records: Vec<_> = policies.iter().map(entry).collect();
    records.push(r#""cdn" = { type = "A", alias = { name = "d1.cloudfront.net.", zone_id = "Z2FDTNDATAQYW2", evaluate_target_health = false } }"#.to_owned());
    let configuration = zone(&records.iter().map(String::as_str).collect::<Vec<_>>());
    stage.apply(&configuration)?;
    stage.terraform.assert_plan_is_empty();
    assert_eq!(stage.records("example.test").len(), policies.len() + 1);
    let checked_by = |check: &str| -> Result<usize> {
        let sets = stage.route53.own_record_sets(&stage.zone("example.test"))?;
        Ok(sets
            .iter()
            .filter(|set| set.rest.contains(&format!("<HealthCheckId>{check}</HealthCheckId>")))
            .count())
    };
    assert_eq!(checked_by("check-1")?, policies.len());
    stage.write(
        &configuration
            .replace("weight = 10", "weight = 20")
            .replace("check-1", "check-2")
            .replace("d1.cloudfront", "d2.cloudfront"),
    )?;
    assert_eq!(stage.terraform.plan()?.actions(ZONE), [Update]);
    stage.terraform.apply()?;
    assert_eq!(checked_by("check-2")?, policies.len());
    stage.terraform.assert_plan_is_empty();
    stage.terraform.destroy()?;
    Ok(())
}

#[test]
fn an_update_that_ends_between_two_batches_is_in_the_state_and_gone_on_from() -> Result {
    // A batch takes a thousand values.
    const HOSTS: usize = 1500;
    let stage = Stage::new()?;
    stage.apply(&zone(&[]))?;
    let hosts: Vec<_> = (0..HOSTS).map(|n| format!("host-{n} 300 A 192.0.2.1\n")).collect();
    stage.terraform.write("hosts.zone", &hosts.concat())?;
    stage.write(
        r#"
resource "socle_dns_zone" "main" {
  name    = "example.test"
  records = provider::socle::parse_zone_file(file("hosts.zone"), "example.test")
}
"#,
    )?;
    stage.aws.inject(Rule::on("ChangeResourceRecordSets").from(2).not_implemented());
    let failed = stage.terraform.apply().expect_err("the second batch is refused");
    assert!(failed.says("ChangeResourceRecordSets"), "{failed}");
    stage.aws.heal();
    let there: BTreeSet<_> = stage.records("example.test").into_iter().collect();
    assert!(!there.is_empty() && there.len() < HOSTS, "{}", there.len());
    let resource = stage.terraform.state_of(ZONE)?;
    let reached = keys(&resource["record_sets"])
        .into_iter()
        .map(|label| format!("{}.example.test. A = 192.0.2.1", label.trim_end_matches(" A")));
    assert_eq!(reached.collect::<BTreeSet<_>>(), there);
    stage.aws.take_calls();
    stage.terraform.run(&["apply", "-json", "-auto-approve", "-refresh=false"])?;
    let batches = stage.aws.calls().into_iter().filter(|call| call.action == "ChangeResourceRecordSets");
    let changes = batches.map(|call| String::from_utf8_lossy(&call.body).matches("<Change>").count());
    assert_eq!(changes.collect::<Vec<_>>(), [HOSTS - there.len()]);
    assert_eq!(stage.records("example.test").len(), HOSTS);
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn a_name_changes_its_type_in_one_batch() -> Result {
    let stage = Stage::new()?;
    stage.apply(&zone(&[WWW]))?;
    stage.aws.take_calls();
    stage.apply(&zone(&[&entry("www", "CNAME", &["example.test."])]))?;
    assert_eq!(stage.records("example.test"), ["www.example.test. CNAME = example.test."]);
    assert_eq!(stage.aws.count("ChangeResourceRecordSets"), 1);
    Ok(())
}

#[test]
fn an_unknown_value_leaves_its_neighbours_known() -> Result {
    let stage = Stage::new()?;
    let records =
        [WWW, r#""new A" = { name = "new", type = "A", values = [terraform_data.address.output] }"#];
    let address = "resource \"terraform_data\" \"address\" {\n  input = \"192.0.2.50\"\n}\n";
    stage.write(&(zone(&records) + address))?;
    let plan = stage.terraform.plan()?;
    let change = plan.change(ZONE);
    assert_eq!(change.after()["record_sets"]["www A"]["values"], json!(["192.0.2.1"]));
    assert_eq!(change.after()["record_sets"]["new A"]["type"], "A");
    assert_eq!(
        change.after_unknown()["record_sets"],
        json!({ "www A": { "values": [false] }, "new A": { "values": true } })
    );
    stage.terraform.apply_plan(&plan)?;
    let wanted = ["new.example.test. A = 192.0.2.50", "www.example.test. A = 192.0.2.1"];
    assert_eq!(stage.records("example.test"), wanted);
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn route_53_keeps_its_own_records_unless_the_user_writes_them() -> Result {
    let stage = Stage::new()?;
    stage.apply(&zone(&[WWW]))?;
    let own = |stage: &Stage| -> Result<_> {
        let sets = stage.route53.record_sets(&stage.zone("example.test").id)?;
        Ok(sets.into_iter().find(|set| set.kind == "NS").ok_or("no NS")?)
    };
    let before = own(&stage)?;
    let servers: Vec<_> = before.values.iter().map(String::as_str).collect();
    let servers =
        format!(r#""@ NS" = {{ name = "@", type = "NS", ttl = 3600, values = {} }}"#, json!(servers));
    stage.apply(&zone(&[WWW, &servers]))?;
    assert_eq!(own(&stage)?.ttl, Some(3600));
    stage.terraform.assert_plan_is_empty();
    stage.apply(&zone(&[WWW]))?;
    assert_eq!(own(&stage)?.values, before.values, "the zone still names its servers");
    stage.terraform.assert_plan_is_empty();
    stage.terraform.destroy()?;
    Ok(())
}

#[test]
fn two_entries_of_one_set_are_refused_before_anything_happens() -> Result {
    let stage = Stage::new()?;
    stage.write(&zone(&[WWW, &entry("WWW.example.test.", "A", &["192.0.2.2"])]))?;
    let found = stage.terraform.validate()?;
    assert!(found.iter().any(|one| one.severity == "error"), "{found:?}");
    assert_eq!(stage.aws.calls().len(), 0);
    Ok(())
}

#[test]
fn a_ttl_that_is_none_is_refused_with_what_is_allowed() -> Result {
    let stage = Stage::new()?;
    stage.write(&zone(&[MAIL, &WWW.replace("values", "ttl = -1, values")]))?;
    let found = stage.terraform.validate()?;
    assert_eq!(found.len(), 1, "{found:?}");
    let words = format!("{} {}", found[0].summary, found[0].detail);
    for part in ["www A", "ttl", "-1", "at least 0 and at most 2147483647"] {
        assert!(words.contains(part), "{part} is missing in: {words}");
    }
    Ok(())
}

#[test]
fn a_value_that_is_no_record_is_refused_where_it_stands() -> Result {
    let stage = Stage::new()?;
    stage.write(&zone(&[MAIL, &entry("bad", "A", &["192.0.2.256"])]))?;
    let found = stage.terraform.validate()?;
    assert_eq!(found.len(), 1, "{found:?}");
    // Terraform points at the resource and not into an attribute, so the words must say which of many it is.
    let words = format!("{} {}", found[0].summary, found[0].detail);
    assert!(words.contains("192.0.2.256") && words.contains("bad"), "{words}");
    Ok(())
}

// === private zones ===

#[test]
fn a_private_zone_changes_its_networks_in_place() -> Result {
    let stage = Stage::new()?;
    let networks = |ids: &[&str]| {
        let vpcs: Vec<_> =
            ids.iter().map(|id| format!("{{ id = {id:?}, region = \"eu-west-3\" }}")).collect();
        zone_with(&[WWW], &format!("vpcs = [{}]", vpcs.join(", ")))
    };
    stage.apply(&networks(&["vpc-1", "vpc-2"]))?;
    stage.terraform.assert_plan_is_empty();
    stage.write(&networks(&["vpc-2", "vpc-3"]))?;
    assert_eq!(stage.terraform.plan()?.actions(ZONE), [Update]);
    stage.terraform.apply()?;
    stage.terraform.assert_plan_is_empty();
    stage.write(&zone(&[WWW]))?;
    let plan = stage.terraform.plan()?;
    assert_eq!(
        (plan.actions(ZONE), plan.change(ZONE).replace_paths()),
        (&[Delete, Create][..], vec!["vpcs".to_owned()])
    );
    Ok(())
}

#[test]
fn networks_that_are_not_known_yet_are_counted_each() -> Result {
    let stage = Stage::new()?;
    let networks =
        r#"vpcs = [for network in terraform_data.network : { id = network.output, region = "eu-west-3" }]"#;
    let made = r#"
resource "terraform_data" "network" {
  count = 2
  input = "vpc-${count.index}"
}
"#;
    stage.apply(&(zone_with(&[WWW], networks) + made))?;
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn other_networks_may_see_another_private_zone_of_that_name() -> Result {
    let stage = Stage::new()?;
    let zone_of = |label: &str, network: &str| {
        zone_with(&[WWW], &format!("vpcs = [{{ id = {network:?}, region = \"eu-west-3\" }}]"))
            .replace("\"main\"", &format!("{label:?}"))
    };
    let both = zone_of("one", "vpc-1") + &zone_of("two", "vpc-2");
    stage.apply(&both)?;
    stage.terraform.assert_plan_is_empty();
    assert_eq!(stage.route53.zones_named("example.test")?.len(), 2);
    stage.write(&(both + &zone_of("three", "vpc-2")))?;
    let failed = stage.terraform.apply().expect_err("that network sees one already");
    assert!(failed.says("import") && failed.says("vpcs"), "{failed}");
    Ok(())
}

// === the number of calls ===

#[test]
fn a_thousand_records_take_as_many_calls_as_they_have_batches_and_pages() -> Result {
    let stage = Stage::new()?;
    let records: Vec<_> = (0..1000).map(|n| entry(&format!("host-{n}"), "A", &["192.0.2.1"])).collect();
    stage.apply(&zone(&records.iter().map(String::as_str).collect::<Vec<_>>()))?;
    let creating = "1 ChangeResourceRecordSets, 1 CreateHostedZone, 1 GetChange, 1 ListHostedZonesByName, 1 UpdateHostedZoneComment";
    assert_eq!(stage.aws.summary(), creating);
    stage.aws.take_calls();
    let plan = stage.terraform.plan()?;
    assert!(plan.is_empty(), "{plan}");
    assert_eq!(stage.aws.summary(), "1 GetHostedZone, 4 ListResourceRecordSets, 1 ListTagsForResource");
    stage.aws.take_calls();
    stage.terraform.run(&["destroy", "-auto-approve", "-refresh=false"])?;
    let destroying =
        "1 ChangeResourceRecordSets, 1 DeleteHostedZone, 1 GetHostedZone, 4 ListResourceRecordSets";
    assert_eq!(stage.aws.summary(), destroying);
    Ok(())
}
