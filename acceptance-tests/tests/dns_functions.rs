//! Zone files through Terraform: the two functions, and the zone that they are for.

use std::error::Error;

use acceptance::stage::Stage;
use serde_json::{Value, json};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// As a registrar exports it: most habits of RFC 1035 at once.
const EXPORT: &str = r#"; exported by a registrar
$ORIGIN example.test.
$TTL 1h
@       IN SOA ns1.registrar.test. hostmaster.registrar.test. (
                2026010101 ; serial
                1d 2h 4w 1h )
        IN NS  ns1.registrar.test.
        IN NS  ns2.registrar.test.
@       IN MX  10 mx1
        IN MX  20 mx2.example.test.
mx1     300 IN A 192.0.2.25
mx2     IN 300 A 192.0.2.26
www     CNAME @
@       A      192.0.2.1
@       TXT    "v=spf1 mx " "-all"
*       AAAA   2001:DB8::1
_sip._tcp SRV  1 2 5060 sip
"#;

fn output(stage: &Stage, expression: &str) -> Result<Value> {
    stage.write(&format!("output \"result\" {{\n  value = {expression}\n}}\n"))?;
    stage.terraform.apply()?;
    Ok(stage.terraform.output_value("result")?)
}

fn refused(expression: &str) -> Result<String> {
    let stage = Stage::new()?;
    stage.write(&format!("output \"result\" {{\n  value = {expression}\n}}\n"))?;
    let failed = stage.terraform.plan().expect_err("the function refuses its argument");
    Ok(failed.to_string())
}

#[test]
fn a_zone_file_becomes_labelled_records() -> Result {
    let stage = Stage::new()?;
    stage.terraform.write("export.zone", EXPORT)?;
    let records = output(&stage, r#"provider::socle::parse_zone_file(file("export.zone"), "example.test")"#)?;
    let labels: Vec<_> = records.as_object().into_iter().flat_map(|records| records.keys()).collect();
    let wanted = ["* AAAA", "@ A", "@ MX", "@ TXT", "_sip._tcp SRV", "mx1 A", "mx2 A", "www CNAME"];
    assert_eq!(labels, wanted, "the SOA and NS are the old provider's");
    assert_eq!(records["mx1 A"]["ttl"], 300);
    assert_eq!(records["@ A"]["ttl"], 3600);
    assert_eq!(records["www CNAME"]["values"], json!(["example.test."]));
    Ok(())
}

#[test]
fn a_zone_file_becomes_a_zone() -> Result {
    let stage = Stage::new()?;
    stage.terraform.write("export.zone", EXPORT)?;
    let moved = r#"
resource "socle_dns_zone" "main" {
  name = "example.test"
  records = merge(
    provider::socle::parse_zone_file(file("export.zone"), "example.test"),
    {
      "@ A"   = { name = "@", type = "A", ttl = 300, values = ["203.0.113.10"] }
      "mx2 A" = null
    })
}
"#;
    stage.apply(moved)?;
    stage.terraform.assert_plan_is_empty();
    let lines = stage.records("example.test");
    assert_eq!(lines.len(), 7, "{lines:?}");
    assert!(lines.contains(&"example.test. A = 203.0.113.10".to_owned()), "{lines:?}");
    assert!(lines.contains(&"example.test. TXT = \"v=spf1 mx -all\"".to_owned()), "{lines:?}");
    Ok(())
}

#[test]
fn rendered_records_read_back_the_same() -> Result {
    let stage = Stage::new()?;
    stage.terraform.write("export.zone", EXPORT)?;
    let parsed = r#"provider::socle::parse_zone_file(file("export.zone"), "example.test")"#;
    let rendered = format!("provider::socle::render_zone_file({parsed}, \"example.test\")");
    let again = format!("provider::socle::parse_zone_file({rendered}, \"example.test\")");
    assert_eq!(output(&stage, &format!("jsonencode({parsed}) == jsonencode({again})"))?, json!(true));
    Ok(())
}

#[test]
fn renders_the_object_that_a_merge_gives() -> Result {
    let stage = Stage::new()?;
    let records = r#"merge({ "www" = { type = "A", values = ["192.0.2.1"] } }, { "@ MX" = { name = "@", type = "MX", ttl = 60, values = ["10 mx.example.test."] } })"#;
    let text = output(&stage, &format!("provider::socle::render_zone_file({records}, \"example.test\")"))?;
    let text = text.as_str().ok_or("not a text")?;
    assert!(text.contains("192.0.2.1") && text.contains("10 mx"), "{text}");
    Ok(())
}

#[test]
fn an_error_names_line_and_column() -> Result {
    let failed = refused(
        r#"provider::socle::parse_zone_file("$TTL 60\nwww A 192.0.2.1\n$INCLUDE other.zone\n", "example.test")"#,
    )?;
    assert!(failed.contains("line 3, column 1") && failed.contains("$INCLUDE"), "{failed}");
    Ok(())
}

#[test]
fn what_a_zone_file_cannot_say_is_refused_by_label() -> Result {
    let alias =
        r#"{ "cdn" = { type = "A", alias = { name = "d1.cloudfront.net.", zone_id = "Z2FDTNDATAQYW2" } } }"#;
    let failed = refused(&format!("provider::socle::render_zone_file({alias}, \"example.test\")"))?;
    assert!(failed.contains("cdn"), "{failed}");
    Ok(())
}

#[test]
fn an_unknown_text_is_an_unknown_result() -> Result {
    let stage = Stage::new()?;
    stage.write(
        r#"
resource "terraform_data" "text" {
  input = "$TTL 60\nwww A 192.0.2.1\n"
}

resource "socle_dns_zone" "main" {
  name    = "example.test"
  records = provider::socle::parse_zone_file(terraform_data.text.output, "example.test")
}
"#,
    )?;
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.change("socle_dns_zone.main").after_unknown()["record_sets"], true);
    stage.terraform.apply_plan(&plan)?;
    assert_eq!(stage.records("example.test"), ["www.example.test. A = 192.0.2.1"]);
    stage.terraform.assert_plan_is_empty();
    Ok(())
}
