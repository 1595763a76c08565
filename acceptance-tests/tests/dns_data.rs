//! `data.socle_dns_zone`: a zone that is managed elsewhere.

use std::error::Error;

use acceptance::route53::{ChangeAction, RecordSet};
use acceptance::stage::Stage;
use serde_json::json;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const DATA: &str = r#"
data "socle_dns_zone" "x" {
  name = "example.test"
}
"#;

#[test]
fn reads_a_zone_and_its_records() -> Result {
    let stage = Stage::new()?;
    let zone = stage.route53.create_zone("example.test", "by hand")?;
    let set = RecordSet::simple("www.example.test.", "A", 60, &["192.0.2.1"]);
    stage.route53.change(&zone.id, &[(ChangeAction::Create, set)])?;
    stage.apply(DATA)?;
    let data = stage.terraform.state_of("data.socle_dns_zone.x")?;
    assert_eq!(data["id"], json!(zone.id));
    assert_eq!(data["record_sets"]["www A"]["values"], json!(["192.0.2.1"]));
    assert_eq!(data["record_sets"]["www A"]["ttl"], 60);
    assert_eq!(data["name_servers"].as_array().map(Vec::len), Some(4));
    Ok(())
}

#[test]
fn a_neighbour_in_the_list_is_not_taken_for_the_zone() -> Result {
    let stage = Stage::new()?;
    stage.route53.create_zone("a.example.test", "one")?;
    stage.write(DATA)?;
    let failed = stage.terraform.plan().expect_err("there is no such zone");
    assert!(failed.says("example.test"), "{failed}");
    Ok(())
}

#[test]
fn of_two_zones_of_one_name_one_is_chosen_by_id() -> Result {
    let stage = Stage::new()?;
    let zones = [
        stage.route53.create_zone("example.test", "one")?,
        stage.route53.create_zone("example.test", "two")?,
    ];
    stage.write(DATA)?;
    let failed = stage.terraform.plan().expect_err("there are two");
    assert!(zones.iter().all(|zone| failed.says(&zone.id)), "{failed}");
    let set = RecordSet::simple("www.example.test.", "A", 60, &["192.0.2.2"]);
    stage.route53.change(&zones[1].id, &[(ChangeAction::Create, set)])?;
    let chosen = DATA.replace('}', &format!("  id   = \"{}\"\n}}", zones[1].id));
    stage.apply(&chosen)?;
    let data = stage.terraform.state_of("data.socle_dns_zone.x")?;
    assert_eq!(data["id"], json!(zones[1].id));
    assert_eq!(data["record_sets"]["www A"]["values"], json!(["192.0.2.2"]));
    Ok(())
}
