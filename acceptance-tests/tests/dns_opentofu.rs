//! DNS in the hands of OpenTofu: the life that Terraform leads it through in the other tests, once.

use std::error::Error;

use acceptance::plan::Action::{Create, Delete, Update};
use acceptance::route53::{ChangeAction, RecordSet};
use acceptance::stage::Stage;
use serde_json::json;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const ZONE: &str = "socle_dns_zone.main";

/// The zone, whose record `www` has this address.
fn zone(name: &str, address: &str) -> String {
    format!(
        r#"
resource "socle_dns_zone" "main" {{
  name = "{name}"
  records = {{
    "www" = {{ type = "A", values = ["{address}"] }}
    "@"   = {{ type = "MX", values = ["10 mx.example.test."] }}
  }}
}}
"#
    )
}

fn stage() -> Result<Stage> {
    Stage::of(acceptance::opentofu::program()?, Stage::aws()?)
}

fn www(address: &str) -> RecordSet {
    RecordSet::simple("www.example.test.", "A", 300, &[address])
}

#[test]
fn a_zone_lives_from_its_creation_to_its_end() -> Result {
    let stage = stage()?;
    stage.write(&zone("example.test", "192.0.2.1"))?;
    assert_eq!(stage.terraform.validate()?, []);
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.actions(ZONE), [Create]);
    stage.terraform.apply_plan(&plan)?;
    let records = |address: &str| {
        ["example.test. MX = 10 mx.example.test.".to_owned(), format!("www.example.test. A = {address}")]
    };
    assert_eq!(stage.records("example.test"), records("192.0.2.1"));
    stage.terraform.assert_plan_is_empty();

    stage.write(&zone("example.test", "192.0.2.2"))?;
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.actions(ZONE), [Update]);
    stage.terraform.apply_plan(&plan)?;
    assert_eq!(stage.records("example.test"), records("192.0.2.2"));

    let id = stage.zone("example.test").id;
    stage.route53.change(&id, &[(ChangeAction::Upsert, www("192.0.2.66"))])?;
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.change(ZONE).before()["record_sets"]["www A"]["values"], json!(["192.0.2.66"]));
    stage.terraform.apply_plan(&plan)?;
    assert_eq!(stage.records("example.test"), records("192.0.2.2"));

    stage.write(&zone("example.org", "192.0.2.2"))?;
    let plan = stage.terraform.plan()?;
    assert_eq!(
        (plan.actions(ZONE), plan.change(ZONE).replace_paths()),
        (&[Delete, Create][..], vec!["name".to_owned()])
    );
    stage.terraform.apply_plan(&plan)?;
    assert_eq!(stage.route53.zones()?.len(), 1);
    assert_eq!(stage.records("example.org").len(), 2);
    stage.terraform.assert_plan_is_empty();

    stage.terraform.destroy()?;
    assert_eq!(stage.route53.zones()?, []);
    assert!(stage.terraform.state_of(ZONE)?.is_null());
    Ok(())
}

/// The configuration is written by hand: what OpenTofu generates has map keys without the quotes that they need
/// (opentofu/opentofu#3978).
#[test]
fn a_zone_is_imported_and_plans_empty() -> Result {
    let stage = stage()?;
    let made = stage.route53.create_zone("example.test", "by hand")?;
    let mx = RecordSet::simple("example.test.", "MX", 300, &["10 mx.example.test."]);
    let records = [www("192.0.2.1"), mx].map(|set| (ChangeAction::Create, set));
    stage.route53.change(&made.id, &records)?;
    let import = format!("import {{\n  to = {ZONE}\n  id = {:?}\n}}\n", made.id);
    stage.apply(&(zone("example.test", "192.0.2.1") + &import))?;
    assert_eq!(stage.zone("example.test"), made);
    let records = ["example.test. MX = 10 mx.example.test.", "www.example.test. A = 192.0.2.1"];
    assert_eq!(stage.records("example.test"), records);
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn records_a_data_source_and_functions_go_through_it() -> Result {
    let stage = stage()?;
    let zone = stage.route53.create_zone("example.test", "by hand")?;
    stage.route53.change(
        &zone.id,
        &[(ChangeAction::Create, RecordSet { name: "theirs.example.test.".to_owned(), ..www("192.0.2.9") })],
    )?;
    let configuration = r#"
data "socle_dns_zone" "theirs" {
  name = "example.test"
}

resource "socle_dns_records" "ours" {
  zone_id = data.socle_dns_zone.theirs.id
  records = provider::socle::parse_zone_file("$TTL 60\nwww A 192.0.2.1\n", "example.test")
}

output "file" {
  value = provider::socle::render_zone_file(socle_dns_records.ours.records, "example.test")
}
"#;
    stage.apply(configuration)?;
    let both = ["theirs.example.test. A = 192.0.2.9", "www.example.test. A = 192.0.2.1"];
    assert_eq!(stage.records("example.test"), both);
    let file = stage.terraform.output_value("file")?;
    assert!(file.as_str().is_some_and(|text| text.contains("192.0.2.1")), "{file}");
    // The data source shows the zone as it was before: only now it holds both.
    stage.terraform.run(&["apply", "-refresh-only", "-auto-approve"])?;
    stage.terraform.assert_plan_is_empty();
    stage.terraform.destroy()?;
    assert_eq!(stage.records("example.test"), both[..1]);
    Ok(())
}
