//! `socle_dns_records`: sets of one's own in a zone that another state owns.

use std::error::Error;

use acceptance::plan::Action::{self, Create, Delete, Update};
use acceptance::route53::ChangeAction::{self, Upsert};
use acceptance::route53::{RecordSet, Zone};
use acceptance::stage::Stage;
use serde_json::json;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const RECORDS: &str = "socle_dns_records.staging";
const WWW: &str = r#""www A" = { name = "www", type = "A", values = ["192.0.2.1"] }"#;
const API: &str = r#""api" = { type = "CNAME", ttl = 60, values = ["www.example.test."] }"#;

/// An account with the zone `example.test`, in which the record `theirs` is somebody else's.
fn stage() -> Result<(Stage, Zone)> {
    let stage = Stage::new()?;
    let zone = stage.route53.create_zone("example.test", "by hand")?;
    meddle(&stage, &zone, Upsert, address("theirs", "192.0.2.9"))?;
    Ok((stage, zone))
}

fn records_with(zone: &Zone, records: &[&str], arguments: &str) -> String {
    let (id, records) = (&zone.id, records.join("\n    "));
    format!(
        r#"
resource "socle_dns_records" "staging" {{
  zone_id = "{id}"
  records = {{
    {records}
  }}
  {arguments}
}}
"#
    )
}

fn records(zone: &Zone, records: &[&str]) -> String {
    records_with(zone, records, "")
}

fn meddle(stage: &Stage, zone: &Zone, action: ChangeAction, set: RecordSet) -> Result {
    Ok(stage.route53.change(&zone.id, &[(action, set)])?)
}

fn address(name: &str, value: &str) -> RecordSet {
    RecordSet::simple(&format!("{name}.example.test."), "A", 300, &[value])
}

#[test]
fn lives_in_a_zone_of_others_and_leaves_it_as_it_was() -> Result {
    let (stage, zone) = stage()?;
    stage.write(&records(&zone, &[WWW, API]))?;
    assert_eq!(stage.terraform.validate()?, []);
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.actions(RECORDS), [Create]);
    assert_eq!(plan.change(RECORDS).after()["record_sets"]["www A"]["values"], json!(["192.0.2.1"]));
    stage.terraform.apply_plan(&plan)?;
    let all = [
        "api.example.test. CNAME = www.example.test.",
        "theirs.example.test. A = 192.0.2.9",
        "www.example.test. A = 192.0.2.1",
    ];
    assert_eq!(stage.records("example.test"), all);
    stage.terraform.assert_plan_is_empty();
    stage.terraform.destroy()?;
    assert_eq!(stage.records("example.test"), ["theirs.example.test. A = 192.0.2.9"]);
    Ok(())
}

#[test]
fn changes_in_place_and_touches_only_what_changes() -> Result {
    let (stage, zone) = stage()?;
    stage.apply(&records(&zone, &[WWW, API]))?;
    stage.write(&records(&zone, &[&WWW.replace("192.0.2.1", "192.0.2.2")]))?;
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.actions(RECORDS), [Update]);
    stage.aws.take_calls();
    stage.terraform.apply_plan(&plan)?;
    let batches: Vec<_> =
        stage.aws.calls().into_iter().filter(|call| call.action == "ChangeResourceRecordSets").collect();
    assert_eq!(batches.len(), 1, "{batches:?}");
    assert!(!String::from_utf8_lossy(&batches[0].body).contains("theirs"));
    let left = ["theirs.example.test. A = 192.0.2.9", "www.example.test. A = 192.0.2.2"];
    assert_eq!(stage.records("example.test"), left);
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn repairs_drift_of_its_own_sets() -> Result {
    let (stage, zone) = stage()?;
    stage.apply(&records(&zone, &[WWW, API]))?;
    meddle(&stage, &zone, Upsert, address("www", "192.0.2.66"))?;
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.actions(RECORDS), [Update]);
    assert_eq!(plan.change(RECORDS).before()["record_sets"]["www A"]["values"], json!(["192.0.2.66"]));
    stage.terraform.apply_plan(&plan)?;
    assert!(stage.records("example.test").contains(&"www.example.test. A = 192.0.2.1".to_owned()));
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn a_set_of_others_is_an_error_unless_adopted() -> Result {
    let (stage, zone) = stage()?;
    let theirs = r#""theirs" = { type = "A", values = ["192.0.2.1"] }"#;
    stage.write(&records(&zone, &[WWW, theirs]))?;
    let failed = stage.terraform.apply().expect_err("somebody else has the name");
    assert!(failed.says("theirs") && failed.says("adopt"), "{failed}");
    assert!(stage.records("example.test").contains(&"theirs.example.test. A = 192.0.2.9".to_owned()));
    stage.apply(&records_with(&zone, &[WWW, theirs], "adopt = true"))?;
    let all = ["theirs.example.test. A = 192.0.2.1", "www.example.test. A = 192.0.2.1"];
    assert_eq!(stage.records("example.test"), all);
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn two_states_share_a_zone() -> Result {
    let (stage, zone) = stage()?;
    let other = records(&zone, &[API]).replace("\"staging\"", "\"production\"");
    stage.apply(&(records(&zone, &[WWW]) + &other))?;
    stage.terraform.assert_plan_is_empty();
    stage.apply(&records(&zone, &[WWW]))?;
    let left = ["theirs.example.test. A = 192.0.2.9", "www.example.test. A = 192.0.2.1"];
    assert_eq!(stage.records("example.test"), left);
    Ok(())
}

#[test]
fn another_zone_is_a_replacement() -> Result {
    let (stage, zone) = stage()?;
    let other = stage.route53.create_zone("example.org", "by hand too")?;
    stage.apply(&records(&zone, &[WWW]))?;
    stage.write(&records(&other, &[WWW]))?;
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.actions(RECORDS), [Delete, Create]);
    assert_eq!(plan.change(RECORDS).replace_paths(), ["zone_id"]);
    stage.terraform.apply_plan(&plan)?;
    assert_eq!(stage.records("example.test"), ["theirs.example.test. A = 192.0.2.9"]);
    assert_eq!(stage.records("example.org"), ["www.example.org. A = 192.0.2.1"]);
    Ok(())
}

#[test]
fn the_configuration_that_terraform_generates_plans_empty() -> Result {
    let (stage, zone) = stage()?;
    meddle(&stage, &zone, Upsert, address("www", "192.0.2.1"))?;
    stage.write(&format!("import {{\n  to = {RECORDS}\n  id = \"{},www A\"\n}}\n", zone.id))?;
    stage.terraform.generate_configuration()?;
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.actions(RECORDS), [Action::NoOp], "{plan}");
    stage.terraform.apply()?;
    stage.terraform.assert_plan_is_empty();
    stage.terraform.destroy()?;
    assert_eq!(stage.records("example.test"), ["theirs.example.test. A = 192.0.2.9"]);
    Ok(())
}

#[test]
fn goes_with_a_zone_of_the_same_configuration() -> Result {
    let stage = Stage::new()?;
    let zone = "resource \"socle_dns_zone\" \"main\" {\n  name = \"example.test\"\n}\n";
    let own = records(&Zone::default(), &[WWW]).replace("\"\"", "socle_dns_zone.main.id");
    stage.apply(&format!("{zone}{own}"))?;
    assert_eq!(stage.records("example.test"), ["www.example.test. A = 192.0.2.1"]);
    stage.terraform.run(&["apply", "-refresh-only", "-auto-approve"])?;
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn sets_of_a_zone_that_vanished_are_planned_anew() -> Result {
    let (stage, zone) = stage()?;
    stage.apply(&records(&zone, &[WWW]))?;
    meddle(&stage, &zone, ChangeAction::Delete, address("www", "192.0.2.1"))?;
    meddle(&stage, &zone, ChangeAction::Delete, address("theirs", "192.0.2.9"))?;
    stage.route53.delete_zone(&zone.id)?;
    assert_eq!(stage.terraform.plan()?.actions(RECORDS), [Create]);
    let failed = stage.terraform.apply().expect_err("there is no zone");
    assert!(failed.says(&zone.id), "{failed}");
    Ok(())
}

#[test]
fn a_name_is_relative_to_the_zone() -> Result {
    let (stage, zone) = stage()?;
    stage.write(&records(&zone, &[r#""www.example.test" = { type = "A", values = ["192.0.2.1"] }"#]))?;
    let failed = stage.terraform.apply().expect_err("the name repeats the zone's");
    assert!(failed.says("www.example.test") && failed.says("relative"), "{failed}");
    assert_eq!(stage.records("example.test"), ["theirs.example.test. A = 192.0.2.9"]);
    Ok(())
}
