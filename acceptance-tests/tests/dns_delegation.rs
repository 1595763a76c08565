//! `data.socle_dns_delegation` through the real Terraform, in a small internet of real name servers on loopback.
//!
//! The servers of a parent zone are found by name, so they listen on port 53 of their loopback addresses: the tests
//! run as a user who may.

use std::array;
use std::error::Error;
use std::net::{IpAddr, SocketAddr};

use acceptance::dns_server::{DnsServer, fresh_address};
use acceptance::fault_proxy::FaultProxy;
use acceptance::moto::Moto;
use acceptance::provider_binary::ProviderBinary;
use acceptance::terraform::{Program, TerraformError, Workspace};
use serde_json::{Value, json};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const HEAD: &str = "$TTL 7200\n@ SOA ns. root. 1 2 3 4 5\n";
const DELEGATED_TO_OLD: &str = "example NS ns1.old.test.\nexample NS ns2.old.test.\n";

/// The zone `social`, the hosts of all providers under `test`, and who listens where.
struct World {
    resolver: SocketAddr,
    old: [IpAddr; 2],
    new: IpAddr,
    servers: Vec<DnsServer>,
}

impl World {
    /// A world in which the servers of `social` delegate so. Its resolver knows that zone's servers, not what they say.
    fn delegating(delegation: &str) -> Result<Self> {
        let [parent, first, second, new] = array::from_fn(|_| fresh_address());
        let hosts = format!(
            "ns.nic A {parent}\nns1.old A {first}\nns2.old A {second}\nns1.new A {new}\nns2.new A {new}\n"
        );
        let social = format!("{HEAD}  NS ns.nic.test.\n");
        let test = format!("{HEAD}  NS ns.nic.test.\n{hosts}");
        let resolver = DnsServer::serving(&[("social", &social), ("test", &test)])?;
        let delegation = delegation.replace("{second}", &second.to_string());
        let served =
            DnsServer::serving_at((parent, 53).into(), &[("social", &format!("{social}{delegation}"))])?;
        Ok(Self { resolver: resolver.address(), old: [first, second], new, servers: vec![resolver, served] })
    }

    /// Starts the old server of that place.
    fn start_old(&mut self, place: usize, zone: &str, records: &str) -> Result {
        self.serve((self.old[place], 53).into(), zone, records)
    }

    /// Starts the new server, at a port of its own.
    fn start_new(&mut self, records: &str) -> Result {
        self.serve((self.new, 5300).into(), "example.social", records)
    }

    fn serve(&mut self, address: SocketAddr, zone: &str, records: &str) -> Result {
        let text = format!("{HEAD}  NS ns.invalid.\n{records}");
        self.servers.push(DnsServer::serving_at(address, &[(zone, &text)])?);
        Ok(())
    }

    /// A module with the data source: `arguments`, the resolver, and all of it as the output `x`.
    fn module(&self, arguments: &str) -> Result<Workspace> {
        let folder = ProviderBinary::built()?.folder();
        let workspace = Workspace::new(&Program::terraform()?)?.with_provider("socle-platform/socle", folder);
        let resolver = self.resolver;
        workspace.write(
            "main.tf",
            &format!(
                r#"
terraform {{
  required_providers {{
    socle = {{ source = "socle-platform/socle" }}
  }}
}}

data "socle_dns_delegation" "x" {{
  resolver = "{resolver}"
  {arguments}
}}

output "x" {{
  value = data.socle_dns_delegation.x
}}
"#
            ),
        )?;
        Ok(workspace)
    }

    /// What the data source reads.
    fn read(&self, arguments: &str) -> Result<Value> {
        let workspace = self.module(arguments)?;
        workspace.apply()?;
        Ok(workspace.output_value("x")?)
    }

    /// Why the data source cannot be read.
    fn refusal(&self, arguments: &str) -> Result<TerraformError> {
        Ok(self.module(arguments)?.apply().expect_err("there is no answer to be had"))
    }
}

const ARGUMENTS: &str = r#"
  name         = "example.social"
  name_servers = ["ns1.new.test:5300", "ns2.new.test:5300"]
"#;
const WWW: &str = r#"
  name         = "example.social"
  name_servers = ["ns1.new.test:5300"]
  records      = { "www" = { type = "A", values = ["192.0.2.1"] } }
"#;

#[test]
fn a_zone_that_nobody_delegates_has_no_servers_to_compare_with() -> Result {
    let read = World::delegating("")?.read(WWW)?;
    assert_eq!(read["delegated"], false);
    assert_eq!(read["parent_name_servers"], json!([]));
    assert_eq!(read["parent_ttl"], Value::Null);
    assert_eq!(read["ds_present"], false);
    assert_eq!(read["differences"], json!({}));
    assert_eq!(read["not_compared"], json!({}));
    Ok(())
}

#[test]
fn finds_the_old_servers_and_the_ds_left_behind() -> Result {
    let ds = format!("{DELEGATED_TO_OLD}example DS 12345 13 2 {}\n", "ab".repeat(32));
    let read = World::delegating(&ds)?.read(ARGUMENTS)?;
    assert_eq!(read["delegated"], false);
    assert_eq!(read["parent_name_servers"], json!(["ns1.old.test", "ns2.old.test"]));
    assert_eq!(read["parent_ttl"], 7200);
    assert_eq!(read["ds_present"], true);
    Ok(())
}

#[test]
fn sees_that_a_zone_is_delegated_to_the_new_servers() -> Result {
    let world = World::delegating("shop.city 300 NS ns1.new.test.\nshop.city 300 NS NS2.new.test.\n")?;
    let workspace =
        world.module(&ARGUMENTS.replace("example.social", "shop.city.social").replace("ns2", "NS2"))?;
    workspace.apply()?;
    let read = workspace.output_value("x")?;
    assert_eq!(read["delegated"], true, "{read:#}");
    assert_eq!(read["parent_name_servers"], json!(["ns1.new.test", "ns2.new.test"]));
    assert_eq!(read["parent_ttl"], 300);
    assert_eq!(read["ds_present"], false);
    workspace.assert_plan_is_empty();
    Ok(())
}

#[test]
fn a_lame_server_is_passed_over() -> Result {
    let mut world = World::delegating(DELEGATED_TO_OLD)?;
    world.start_old(0, "other.social", "www A 192.0.2.9\n")?;
    world.start_old(1, "example.social", "www A 192.0.2.1\n")?;
    world.start_new("www A 192.0.2.2\n")?;
    let read = world.read(WWW)?;
    assert_eq!(read["differences"]["www A"]["old"], json!(["192.0.2.1"]));
    assert_eq!(read["differences"]["www A"]["new"], json!(["192.0.2.2"]));
    Ok(())
}

#[test]
fn servers_of_which_none_answers_are_named() -> Result {
    let mut world = World::delegating(DELEGATED_TO_OLD)?;
    world.start_old(0, "other.social", "www A 192.0.2.9\n")?;
    world.start_new("www A 192.0.2.2\n")?;
    let refused = world.refusal(WWW)?;
    let [lame, dead] = world.old;
    assert!(refused.says("The old servers: no answer to www.example.social. A"), "{refused}");
    assert!(refused.says(&format!("ns1.old.test ({lame}:53): it answers \"Query Refused\"")), "{refused}");
    assert!(refused.says(&format!("ns2.old.test ({dead}:53): cannot receive the answer")), "{refused}");
    Ok(())
}

#[test]
fn a_resolver_that_nobody_runs_is_named() -> Result {
    let mut world = World::delegating(DELEGATED_TO_OLD)?;
    world.resolver.set_port(1);
    let refused = world.refusal(ARGUMENTS)?;
    assert!(refused.says("The parent zone of example.social cannot be found"), "{refused}");
    assert!(refused.says(&world.resolver.to_string()), "{refused}");
    Ok(())
}

#[test]
fn a_new_server_without_an_address_is_named() -> Result {
    let refused = World::delegating(DELEGATED_TO_OLD)?.refusal(&WWW.replace("ns1.new", "ns9.new"))?;
    assert!(
        refused.says("None of these name servers has an address: ns9.new.test. Check the names"),
        "{refused}"
    );
    Ok(())
}

/// A text that no datagram carries, in strings of at most 255 bytes.
fn long_text(last: &str) -> String {
    format!("{}\"{last}\"", format!("\"{}\" ", "x".repeat(250)).repeat(8))
}

#[test]
fn shows_every_record_of_the_zone_whose_answer_differs() -> Result {
    // The second name is below the zone itself: only the parent knows its address.
    let mut world = World::delegating("example NS ns1.example\nns1.example A {second}\n")?;
    let (old_text, new_text) = (long_text("old"), long_text("new"));
    world.start_old(
        1,
        "example.social",
        &format!(
            "same A 192.0.2.1\nmoved A 192.0.2.1\nlost A 192.0.2.1\nkind MX 10 a.test.\nwas CNAME host.test.\n\
             spelled MX 10 MX.Example.SOCIAL.\nsplit TXT \"one \" \"text\"\nsix AAAA 2001:db8:0:0::1\n\
             ttl 60 A 192.0.2.1\nlong TXT {old_text}\nsub NS ns1.old.test.\napi A 192.0.2.1\ncdn A 192.0.2.1\n"
        ),
    )?;
    world.start_new(&format!(
        "same A 192.0.2.1\nmoved A 192.0.2.2\nkind A 192.0.2.1\nadded A 192.0.2.1\nwas A 192.0.2.1\n\
         spelled MX 10 mx\nsplit TXT \"one text\"\nsix AAAA 2001:db8::1\n\
         ttl A 192.0.2.1\nlong TXT {new_text}\nsub NS ns2.old.test.\napi A 192.0.2.3\ncdn A 192.0.2.3\n"
    ))?;
    let aws = FaultProxy::in_front_of(Moto::shared()?.url()).start()?;
    let workspace = world
        .module(
            r#"
  name         = socle_dns_zone.main.name
  name_servers = ["ns1.new.test:5300"]
  records      = socle_dns_zone.main.record_sets
"#,
        )?
        .with_aws(&aws);
    workspace.write("zone.tf", ZONE)?;
    workspace.apply()?;
    let read = workspace.output_value("x")?;
    let one = |old: &str, new: &str| (json!([old]), json!([new]));
    for (label, (old, new), reason) in [
        ("moved A", one("192.0.2.1", "192.0.2.2"), "The records differ."),
        ("lost A", (json!(["192.0.2.1"]), Value::Null), "The new servers have no such name."),
        (
            "kind MX",
            (json!(["10 a.test."]), Value::Null),
            "The new servers have the name without a record of this type.",
        ),
        ("added A", (Value::Null, json!(["192.0.2.1"])), "The old servers have no such name."),
        ("was A", one("CNAME host.test.", "192.0.2.1"), "The records differ."),
        ("sub NS", one("ns1.old.test.", "ns2.old.test."), "The records differ."),
    ] {
        let found = &read["differences"][label];
        assert_eq!((&found["old"], &found["new"], &found["reason"]), (&old, &new, &json!(reason)), "{label}");
    }
    let long = &read["differences"]["long TXT"];
    let ends =
        [&long["old"], &long["new"]].map(|side| side[0].as_str().unwrap_or_default().ends_with("xold\""));
    assert_eq!(ends, [true, false], "{long}");
    let labels: Vec<_> = read["differences"].as_object().into_iter().flat_map(|map| map.keys()).collect();
    assert_eq!(labels, ["added A", "kind MX", "long TXT", "lost A", "moved A", "sub NS", "was A"]);
    let varying: Vec<_> = read["not_compared"].as_object().into_iter().flat_map(|map| map.keys()).collect();
    assert_eq!(varying, ["api A eu", "cdn A"]);
    workspace.assert_plan_is_empty();
    Ok(())
}

/// The labels of what is compared; the values are those that nobody answers with, since only the servers count.
const ZONE: &str = r#"
resource "socle_dns_zone" "main" {
  name = "example.social"
  records = merge(
    { for name in ["same", "moved", "lost", "added", "was", "ttl"] : name => { type = "A", values = ["192.0.2.99"] } },
    { for name in ["kind", "spelled"] : name => { type = "MX", values = ["99 mx.test."] } },
    { for name in ["split", "long"] : name => { type = "TXT", values = ["text"] } },
    {
      six = { type = "AAAA", values = ["2001:db8::99"] }
      sub = { type = "NS", values = ["ns.test."] }
      api = { type = "A", values = ["192.0.2.99"], set_identifier = "eu", routing = { weight = 1 } }
      cdn = { type = "A", alias = { name = "d1.cloudfront.net.", zone_id = "Z2FDTNDATAQYW2" } }
    },
  )
}
"#;
