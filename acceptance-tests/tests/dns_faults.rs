//! Calls that go wrong at every point of the life of a zone. Whatever happens, a run ends in the wanted zone or in an
//! error that names the call, the next run converges, and nothing is there twice.

use std::collections::BTreeSet;
use std::error::Error;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use acceptance::fault_rule::{Rule, Trigger};
use acceptance::route53::{ChangeAction, RecordSet, Zone};
use acceptance::stage::Stage;
use acceptance::terraform::{TerraformError, Workspace};
use serde_json::json;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const PATIENCE: Duration = Duration::from_secs(30);

/// Every action that the life of a private zone needs: those of a public one, and two more.
const ACTIONS: [&str; 12] = [
    "ListHostedZonesByName",
    "CreateHostedZone",
    "GetHostedZone",
    "ListTagsForResource",
    "ChangeTagsForResource",
    "ListResourceRecordSets",
    "ChangeResourceRecordSets",
    "GetChange",
    "UpdateHostedZoneComment",
    "AssociateVPCWithHostedZone",
    "DisassociateVPCFromHostedZone",
    "DeleteHostedZone",
];

/// The zone `example.test` whose every part has this version.
fn zone(version: u8, arguments: &str) -> String {
    format!(
        r#"
resource "socle_dns_zone" "main" {{
  name    = "example.test"
  comment = "version {version}"
  tags    = {{ version = "{version}" }}
  records = {{
    "www A"        = {{ name = "www", type = "A", values = ["192.0.2.{version}"] }}
    "v{version} A" = {{ name = "v{version}", type = "A", values = ["192.0.2.{version}"] }}
  }}
  {arguments}
}}
"#
    )
}

#[track_caller]
fn assert_is_version(stage: &Stage, version: u8) {
    let wanted = [
        format!("v{version}.example.test. A = 192.0.2.{version}"),
        format!("www.example.test. A = 192.0.2.{version}"),
    ];
    assert_eq!(stage.records("example.test"), wanted);
    assert_eq!(stage.zone("example.test").comment, format!("version {version}"));
    stage.terraform.assert_plan_is_empty();
}

/// An error is fair when it names a call that went wrong.
#[track_caller]
fn assert_is_fair(stage: &Stage, outcome: &std::result::Result<(), TerraformError>) {
    let Err(error) = outcome else { return };
    let calls = stage.aws.calls();
    let mut failed = calls.iter().filter(|call| call.fault.is_some());
    assert!(failed.any(|call| error.says(&call.action)), "the error names no call that failed: {error}");
}

/// The zone for two networks: one that stays, and one of this version.
fn private_zone(version: u8) -> String {
    let network = |id| format!("{{ id = \"vpc-{id}\", region = \"eu-west-3\" }}");
    zone(version, &format!("vpcs = [{}, {}]", network(version), network(9)))
}

/// Lets the first call of every action go wrong: while the zone is made, while it is changed, while it is destroyed.
fn the_first_call_of_every_action_goes_wrong(fault: impl Fn(Trigger) -> Rule) -> Result {
    let stage = Stage::new()?;
    let spoil = || ACTIONS.iter().for_each(|action| stage.aws.inject(fault(Rule::on(action).nth(1))));
    let mut spoilt = BTreeSet::new();
    for version in [1, 2] {
        stage.write(&private_zone(version))?;
        spoil();
        spoilt.extend(converge(&stage, Workspace::apply)?);
        stage.aws.heal();
        assert_is_version(&stage, version);
        let networks = [format!("vpc-{version}"), "vpc-9".to_owned()];
        assert_eq!(stage.route53.networks(&stage.zone("example.test").id)?, networks);
    }
    spoil();
    spoilt.extend(converge(&stage, Workspace::destroy)?);
    assert_eq!(stage.route53.zones()?, []);
    assert_eq!(spoilt, ACTIONS.map(str::to_owned).into(), "what went wrong, and what there is");
    Ok(())
}

/// Runs until one succeeds, and answers which actions went wrong. Each run that fails has met a fault, and there is one
/// an action.
fn converge(
    stage: &Stage,
    run: impl Fn(&Workspace) -> std::result::Result<(), TerraformError>,
) -> Result<BTreeSet<String>> {
    let mut spoilt = BTreeSet::new();
    for _ in 0..=ACTIONS.len() {
        stage.aws.take_calls();
        let outcome = run(&stage.terraform);
        assert_is_fair(stage, &outcome);
        let calls = stage.aws.calls().into_iter();
        spoilt.extend(calls.filter(|call| call.fault.is_some()).map(|call| call.action));
        if outcome.is_ok() {
            return Ok(spoilt);
        }
    }
    Err("more runs failed than calls went wrong".into())
}

#[test]
fn throttling() -> Result {
    the_first_call_of_every_action_goes_wrong(Trigger::throttle)
}

#[test]
fn a_prior_request_that_is_not_complete() -> Result {
    the_first_call_of_every_action_goes_wrong(Trigger::prior_request_not_complete)
}

#[test]
fn internal_errors() -> Result {
    the_first_call_of_every_action_goes_wrong(Trigger::internal_error)
}

#[test]
fn connections_cut_before_the_call() -> Result {
    the_first_call_of_every_action_goes_wrong(Trigger::cut_before)
}

#[test]
fn connections_cut_after_the_call() -> Result {
    the_first_call_of_every_action_goes_wrong(Trigger::cut_after)
}

#[test]
fn answers_that_break_off() -> Result {
    the_first_call_of_every_action_goes_wrong(Trigger::truncated_body)
}

#[test]
fn answers_that_come_in_pieces() -> Result {
    the_first_call_of_every_action_goes_wrong(|trigger| trigger.slow_body(Duration::from_millis(5)))
}

#[test]
fn answers_that_come_late() -> Result {
    the_first_call_of_every_action_goes_wrong(|trigger| trigger.delay(Duration::from_millis(50)))
}

#[test]
fn throttling_is_waited_out_within_one_run() -> Result {
    let stage = Stage::new()?;
    for action in ACTIONS {
        stage.aws.inject(Rule::on(action).first(2).throttle());
    }
    stage.apply(&zone(1, ""))?;
    stage.aws.heal();
    assert_is_version(&stage, 1);
    Ok(())
}

/// One action that never works again, from the first call on: the error names it, and what was reached is in the state.
fn an_action_that_never_works(action: &str) -> Result {
    let stage = Stage::new()?;
    stage.aws.inject(Rule::on(action).internal_error());
    stage.write(&zone(1, "timeouts { create = \"4s\" }"))?;
    let failed = stage.terraform.apply().expect_err("the action never works");
    assert!(failed.says(action), "{failed}");
    stage.aws.heal();
    stage.terraform.apply()?;
    assert_is_version(&stage, 1);
    Ok(())
}

#[test]
fn a_zone_that_cannot_be_created() -> Result {
    an_action_that_never_works("CreateHostedZone")
}

#[test]
fn records_that_cannot_be_created() -> Result {
    an_action_that_never_works("ChangeResourceRecordSets")
}

#[test]
fn a_change_that_cannot_be_awaited() -> Result {
    an_action_that_never_works("GetChange")
}

#[test]
fn a_comment_that_cannot_be_set() -> Result {
    an_action_that_never_works("UpdateHostedZoneComment")
}

#[test]
fn a_creation_whose_answer_comes_after_the_timeout_is_named_and_not_doubled() -> Result {
    let stage = Stage::new()?;
    stage.aws.inject(Rule::on("CreateHostedZone").nth(1).delay(PATIENCE));
    stage.write(&zone(1, "timeouts { create = \"4s\" }"))?;
    let failed = stage.terraform.apply().expect_err("the answer comes too late");
    assert!(failed.says("CreateHostedZone") && failed.says("longer timeout"), "{failed}");
    stage.aws.heal();
    stage.terraform.apply()?;
    assert_is_version(&stage, 1);
    Ok(())
}

#[test]
fn a_zone_that_cannot_be_read_is_an_error_and_not_gone() -> Result {
    let stage = Stage::new()?;
    stage.apply(&zone(1, "timeouts { read = \"4s\" }"))?;
    stage.aws.inject(Rule::on("GetHostedZone").internal_error());
    let failed = stage.terraform.plan().expect_err("the zone cannot be read");
    assert!(failed.says("GetHostedZone"), "{failed}");
    stage.aws.heal();
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn a_change_is_awaited_until_it_is_in_sync() -> Result {
    let stage = Stage::on(Stage::aws()?.pending_answers(2))?;
    stage.apply(&zone(1, ""))?;
    assert_eq!(stage.aws.count("GetChange"), 3);
    assert_is_version(&stage, 1);
    Ok(())
}

/// Four zones, which Terraform makes at the same time.
fn four_zones() -> String {
    let one = |n: u8| zone(n, "").replace("main", &format!("z{n}")).replace("example", &format!("e{n}"));
    (1..=4).map(one).collect()
}

#[test]
fn zones_side_by_side_share_the_rate_of_the_account() -> Result {
    let stage = Stage::new()?;
    stage.apply(&four_zones())?;
    let calls = stage.aws.calls();
    let (Some(first), Some(last)) = (calls.first(), calls.last()) else { return Err("no calls".into()) };
    // A bucket of five, filled by five a second; one more, because calls are counted where they arrive.
    let needed = Duration::from_millis(200) * u32::try_from(calls.len() - 6)?;
    assert!(last.at - first.at >= needed, "{} calls in {:?}", calls.len(), last.at - first.at);
    Ok(())
}

#[test]
fn an_account_whose_rate_is_used_up_is_waited_for() -> Result {
    let stage = Stage::on(Stage::aws()?.requests_per_second(3))?;
    stage.apply(&four_zones())?;
    assert_eq!(stage.terraform.run(&["state", "list"])?.lines().count(), 4);
    assert!(stage.aws.calls().iter().any(|call| call.refused == Some("Throttling")));
    Ok(())
}

// === runs that end in the middle ===

/// A run in a process group of its own, so that Terraform and the provider can be ended together.
fn spawn_apply(stage: &Stage) -> Result<Child> {
    let mut command = stage.terraform.command(&stage.terraform.folder().join(".settings"));
    command.args(["apply", "-auto-approve", "-input=false"]).process_group(0);
    Ok(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
}

/// Sends a signal to the run: to Terraform alone, or to all of its group.
fn signal(run: &Child, signal: &str, whole_group: bool) -> Result {
    let target = if whole_group { format!("-{}", run.id()) } else { run.id().to_string() };
    let sent = Command::new("kill").args([signal, "--", &target]).status()?;
    assert!(sent.success(), "kill {signal} {target}");
    Ok(())
}

/// Applies a zone that does not exist, kills the run at its first batch, and answers the zone that is left.
fn begun_and_killed(stage: &Stage, configuration: &str) -> Result<Zone> {
    stage.write(configuration)?;
    stage.terraform.validate()?;
    stage.aws.inject(Rule::on("ChangeResourceRecordSets").delay(PATIENCE * 2));
    let mut run = spawn_apply(stage)?;
    assert!(stage.aws.await_call("ChangeResourceRecordSets", PATIENCE), "{}", stage.aws.summary());
    signal(&run, "-KILL", true)?;
    run.wait()?;
    stage.aws.heal();
    let begun = stage.zone("example.test");
    assert_eq!(begun.comment, "socle: creating");
    Ok(begun)
}

#[test]
fn a_create_that_was_killed_is_finished_and_not_doubled() -> Result {
    let stage = Stage::new()?;
    let begun = begun_and_killed(&stage, &zone(1, ""))?;
    stage.terraform.apply()?;
    assert_eq!(stage.zone("example.test").id, begun.id);
    assert_is_version(&stage, 1);
    Ok(())
}

#[test]
fn a_zone_that_is_begun_keeps_what_others_put_into_it() -> Result {
    let stage = Stage::new()?;
    let begun = begun_and_killed(&stage, &zone(1, ""))?;
    let theirs = |name: &str| {
        (ChangeAction::Create, RecordSet::simple(&format!("{name}.example.test."), "A", 60, &["192.0.2.66"]))
    };
    stage.route53.change(&begun.id, &[theirs("www"), theirs("theirs")])?;
    let failed = stage.terraform.apply().expect_err("somebody else has the name");
    assert!(failed.says("www A") && failed.says("import") && failed.says(&begun.id), "{failed}");
    let untouched = ["theirs.example.test. A = 192.0.2.66", "www.example.test. A = 192.0.2.66"];
    assert_eq!(stage.records("example.test"), untouched);
    stage.terraform.import("socle_dns_zone.main", &begun.id)?;
    let plan = stage.terraform.plan()?;
    let (before, after) =
        (plan.change("socle_dns_zone.main").before(), plan.change("socle_dns_zone.main").after());
    assert_eq!(before["record_sets"]["www A"]["values"], json!(["192.0.2.66"]), "the plan shows what goes");
    assert_eq!(after["record_sets"]["www A"]["values"], json!(["192.0.2.1"]));
    stage.terraform.apply_plan(&plan)?;
    assert_is_version(&stage, 1);
    Ok(())
}

#[test]
fn a_zone_that_is_begun_loses_nothing_that_no_plan_has_shown() -> Result {
    let stage = Stage::new()?;
    let begun = begun_and_killed(&stage, &zone(1, "unmanaged_records = \"delete\""))?;
    let theirs = RecordSet::simple("theirs.example.test.", "A", 60, &["192.0.2.66"]);
    stage.route53.change(&begun.id, &[(ChangeAction::Create, theirs)])?;
    stage.route53.tag(&begun.id, "theirs", "1")?;
    stage.terraform.apply()?;
    assert!(stage.records("example.test").contains(&"theirs.example.test. A = 192.0.2.66".to_owned()));
    let plan = stage.terraform.plan()?;
    let unmanaged = &plan.change("socle_dns_zone.main").before()["unmanaged_record_sets"];
    assert_eq!(unmanaged["theirs A"]["values"], json!(["192.0.2.66"]), "{plan}");
    let tags = &plan.change("socle_dns_zone.main").before()["tags"];
    assert_eq!(tags, &json!({ "theirs": "1", "version": "1" }), "{plan}");
    stage.terraform.apply_plan(&plan)?;
    assert_is_version(&stage, 1);
    Ok(())
}

#[test]
fn an_interrupted_wait_ends_soon_and_can_be_gone_on_from() -> Result {
    let stage = Stage::new()?;
    stage.write(&zone(1, ""))?;
    stage.terraform.validate()?;
    stage.aws.inject(Rule::on("GetChange").delay(PATIENCE * 2));
    let mut run = spawn_apply(&stage)?;
    assert!(stage.aws.await_call("GetChange", PATIENCE), "{}", stage.aws.summary());
    let interrupted = Instant::now();
    signal(&run, "-INT", false)?;
    run.wait()?;
    // Two seconds are the provider's; the rest is Terraform's own, on a machine that runs other tests too.
    assert!(interrupted.elapsed() < Duration::from_secs(10), "{:?}", interrupted.elapsed());
    stage.aws.heal();
    let begun = stage.zone("example.test");
    stage.terraform.apply()?;
    assert_eq!(stage.zone("example.test").id, begun.id, "a zone that is begun is finished, not replaced");
    assert_is_version(&stage, 1);
    Ok(())
}
