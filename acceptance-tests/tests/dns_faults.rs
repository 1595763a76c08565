//! Calls that go wrong at every point of the life of a zone. Whatever happens, a run ends in the wanted zone or in an
//! error that names the call, the next run converges, and nothing is there twice.

use std::error::Error;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use acceptance::fault_rule::{Rule, Trigger};
use acceptance::stage::Stage;
use acceptance::terraform::TerraformError;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const PATIENCE: Duration = Duration::from_secs(30);

/// Every action that the life of a zone needs.
const ACTIONS: [&str; 11] = [
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

/// Lets the first call of every action go wrong, in each of three runs: create, update, destroy.
fn the_first_call_of_every_action_goes_wrong(fault: impl Fn(Trigger) -> Rule) -> Result {
    let stage = Stage::new()?;
    let spoil = || ACTIONS.iter().for_each(|action| stage.aws.inject(fault(Rule::on(action).nth(1))));
    for version in [1, 2] {
        stage.write(&zone(version, ""))?;
        spoil();
        assert_is_fair(&stage, &stage.terraform.apply());
        assert!(stage.aws.calls().iter().any(|call| call.fault.is_some()), "nothing went wrong");
        stage.aws.heal();
        stage.terraform.apply()?;
        assert_is_version(&stage, version);
        stage.aws.take_calls();
    }
    spoil();
    assert_is_fair(&stage, &stage.terraform.destroy());
    stage.aws.heal();
    stage.terraform.destroy()?;
    assert_eq!(stage.route53.zones()?, []);
    Ok(())
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

#[test]
fn a_create_that_was_killed_is_finished_and_not_doubled() -> Result {
    let stage = Stage::new()?;
    stage.write(&zone(1, ""))?;
    stage.terraform.validate()?;
    stage.aws.inject(Rule::on("ChangeResourceRecordSets").delay(PATIENCE * 2));
    let mut run = spawn_apply(&stage)?;
    assert!(stage.aws.await_call("ChangeResourceRecordSets", PATIENCE), "{}", stage.aws.summary());
    signal(&run, "-KILL", true)?;
    run.wait()?;
    stage.aws.heal();
    let begun = stage.zone("example.test");
    assert_eq!(begun.comment, "socle: creating");
    stage.terraform.apply()?;
    assert_eq!(stage.zone("example.test").id, begun.id);
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
