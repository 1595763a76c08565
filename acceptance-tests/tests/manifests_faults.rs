//! Calls of the Kubernetes API that go wrong, and runs that end in the middle. Whatever happens, a run ends in the wanted
//! objects or in an error that names a call, the next run converges, and nothing is left over.

use std::error::Error;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use acceptance::fault_rule::{Fault, Rule};
use acceptance::kube_stage::{KubeStage, WEB};
use acceptance::plan::Action::Update;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const PATIENCE: Duration = Duration::from_mins(1);
const KINDS: &str = "configmaps,services,deployments,serviceaccounts";

/// Four objects of four ranks, each of this version.
fn objects(version: u8) -> String {
    format!(
        "
apiVersion: v1
kind: ServiceAccount
metadata: {{name: web, annotations: {{version: '{version}'}}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: v{version}, annotations: {{version: '{version}'}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: web, annotations: {{version: '{version}'}}}}
spec: {{selector: {{app: web}}, ports: [{{port: 80}}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, annotations: {{version: '{version}'}}}}
spec:
  replicas: 0
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: web, image: 'registry.example.test/web:{version}'}}]}}
"
    )
}

#[track_caller]
fn assert_is_version(stage: &KubeStage, version: u8) -> Result {
    let wanted = [
        format!("configmap/v{version}"),
        "deployment.apps/web".into(),
        "service/web".into(),
        "serviceaccount/web".into(),
    ];
    assert_eq!(stage.owned(KINDS)?, wanted);
    for object in wanted {
        let found = stage.get(&object)?;
        assert_eq!(found["metadata"]["annotations"]["version"], version.to_string(), "{object}");
        assert!(
            found["metadata"]["annotations"]["socle.platform/creating"].is_null(),
            "{object} is still marked"
        );
    }
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

/// Lets the first call of every path go wrong, in each of three runs: create, update, destroy.
fn the_first_call_of_every_path_goes_wrong(fault: Fault) -> Result {
    let stage = KubeStage::new()?;
    for version in [1, 2] {
        stage.proxy.spoil_each_once(fault);
        stage.apply(&objects(version))?;
        assert!(stage.proxy.calls().iter().any(|call| call.fault.is_some()), "nothing went wrong");
        stage.proxy.heal();
        assert_is_version(&stage, version)?;
        stage.proxy.take_calls();
    }
    stage.proxy.spoil_each_once(fault);
    stage.terraform.destroy()?;
    stage.proxy.heal();
    assert_eq!(stage.owned(KINDS)?, Vec::<String>::new());
    Ok(())
}

#[test]
fn too_many_requests() -> Result {
    the_first_call_of_every_path_goes_wrong(Fault::Throttle)
}

#[test]
fn internal_errors() -> Result {
    the_first_call_of_every_path_goes_wrong(Fault::InternalError)
}

#[test]
fn connections_cut_before_the_call() -> Result {
    the_first_call_of_every_path_goes_wrong(Fault::CutBefore)
}

#[test]
fn connections_cut_after_the_call() -> Result {
    the_first_call_of_every_path_goes_wrong(Fault::CutAfter)
}

#[test]
fn answers_that_break_off() -> Result {
    the_first_call_of_every_path_goes_wrong(Fault::TruncatedBody)
}

#[test]
fn answers_that_come_in_pieces() -> Result {
    the_first_call_of_every_path_goes_wrong(Fault::SlowBody(Duration::from_millis(5)))
}

/// A call that never works: the error names it, what was reached is known, and the next run goes on from there.
fn a_call_that_never_works(action: &str) -> Result {
    let stage = KubeStage::new()?;
    stage.proxy.inject(Rule::on(action).internal_error());
    stage.write(&stage.manifests(&objects(1), "timeouts {\n    create = \"20s\"\n  }"))?;
    let failed = stage.terraform.apply().expect_err("the call never works");
    let (verb, kind) = action.split_once(' ').unwrap_or((action, ""));
    let verb = if verb == "LIST" { "GET" } else { verb };
    assert!(failed.says(verb) && failed.says(kind), "{failed}");
    stage.proxy.heal();
    stage.apply(&objects(1))?;
    assert_is_version(&stage, 1)
}

#[test]
fn an_object_that_can_never_be_applied() -> Result {
    a_call_that_never_works("PATCH services")
}

#[test]
fn the_first_object_that_can_never_be_applied() -> Result {
    a_call_that_never_works("PATCH serviceaccounts")
}

#[test]
fn objects_that_can_never_be_listed() -> Result {
    a_call_that_never_works("LIST deployments")
}

#[test]
fn an_update_that_fails_keeps_what_was_really_applied() -> Result {
    let stage = KubeStage::new()?;
    stage.apply(&objects(1))?;
    stage.proxy.inject(Rule::on("PATCH services").internal_error());
    stage.write_documents(&objects(2))?;
    stage.terraform.apply().expect_err("the service cannot be changed");
    stage.proxy.heal();
    let kept = stage.terraform.state_of(WEB)?;
    let objects_of = kept["objects"].as_object().ok_or("no objects")?;
    assert!(objects_of.keys().any(|label| label.ends_with("/v2")), "{kept}");
    assert!(objects_of.keys().any(|label| label.ends_with("/v1")), "nothing was pruned yet: {kept}");
    assert_eq!(stage.terraform.plan()?.actions(WEB), [Update]);
    // Back to the first version: what was applied of the second one goes again.
    stage.apply(&objects(1))?;
    assert_is_version(&stage, 1)
}

#[test]
fn a_delete_that_fails_is_gone_on_from() -> Result {
    let stage = KubeStage::new()?;
    stage.apply(&objects(1))?;
    stage.proxy.inject(Rule::on("DELETE configmaps").internal_error());
    let failed = stage.terraform.destroy().expect_err("the map cannot be deleted");
    assert!(failed.says("DELETE") && failed.says("configmaps"), "{failed}");
    stage.proxy.heal();
    assert_eq!(stage.owned(KINDS)?, ["configmap/v1", "serviceaccount/web"]);
    stage.terraform.destroy()?;
    assert_eq!(stage.owned(KINDS)?, Vec::<String>::new());
    Ok(())
}

#[test]
fn a_webhook_that_refuses_is_told_at_once_and_one_that_is_away_is_waited_for() -> Result {
    let stage = KubeStage::new()?;
    let away = format!(
        "
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {{name: {name}}}
webhooks:
  - name: away.example.test
    clientConfig: {{url: 'https://127.0.0.1:9/'}}
    rules: [{{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}}]
    namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {name}}}}}
    sideEffects: None
    admissionReviewVersions: [v1]
    failurePolicy: Fail
    timeoutSeconds: 1
",
        name = stage.name
    );
    stage.api.kubectl_with(&["apply", "-f", "-"], &away)?;
    stage.write(&stage.manifests(&objects(1), "timeouts {\n    create = \"8s\"\n  }"))?;
    let failed = stage.terraform.apply().expect_err("nobody answers");
    assert!(failed.says("failed calling webhook") && failed.says("timeout is over"), "{failed}");
    stage.api.kubectl(&["delete", "validatingwebhookconfiguration", &stage.name])?;
    let policy = format!(
        "
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{name: {name}}}
spec:
  matchConstraints: {{resourceRules: [{{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}}]}}
  validations: [{{expression: 'false', message: 'no maps here'}}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {{name: {name}}}
spec:
  policyName: {name}
  validationActions: [Deny]
  matchResources: {{namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {name}}}}}}}
",
        name = stage.name
    );
    stage.api.kubectl_with(&["apply", "-f", "-"], &policy)?;
    // The policy takes a moment to be in force, and kubectl can tell when it is.
    let map =
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: probe, namespace: {}}}\n", stage.name);
    let deadline = Instant::now() + PATIENCE;
    while stage.api.kubectl_with(&["create", "--dry-run=server", "-f", "-"], &map).is_ok() {
        assert!(Instant::now() < deadline, "the policy never came into force");
    }
    let failed = stage.terraform.apply().expect_err("the policy refuses");
    assert!(failed.says("no maps here") && !failed.says("timeout is over"), "{failed}");
    stage.api.kubectl(&[
        "delete",
        "validatingadmissionpolicybinding,validatingadmissionpolicy",
        &stage.name,
    ])?;
    stage.apply(&objects(1))?;
    assert_is_version(&stage, 1)
}

// === runs that end in the middle ===

#[test]
fn a_kind_that_does_not_answer_holds_up_nobody_who_does_not_need_it() -> Result {
    let stage = KubeStage::new()?;
    stage.proxy.inject(Rule::on("LIST leases").internal_error());
    for (version, verb) in [(1, "apply"), (2, "apply"), (2, "destroy")] {
        stage.write_documents(&objects(version))?;
        let said = stage.terraform.run(&[verb, "-json", "-input=false", "-auto-approve"])?;
        assert!(said.contains("does not answer for leases.coordination.k8s.io"), "{verb}: {said}");
    }
    assert_eq!(stage.owned(KINDS)?, Vec::<String>::new());
    Ok(())
}

/// An apply in a process group of its own, so that Terraform and the provider can be ended together.
fn spawn_apply(stage: &KubeStage) -> Result<Child> {
    spawn(stage, "apply")
}

fn spawn(stage: &KubeStage, verb: &str) -> Result<Child> {
    let mut command = stage.terraform.command(&stage.terraform.folder().join(".settings"));
    command.args([verb, "-auto-approve", "-input=false", "-lock=false"]).process_group(0);
    Ok(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
}

/// Sends a signal to the run: to Terraform alone, or to all of its group.
fn signal(run: &Child, signal: &str, whole_group: bool) -> Result {
    let target = if whole_group { format!("-{}", run.id()) } else { run.id().to_string() };
    let sent = Command::new("kill").args([signal, "--", &target]).status()?;
    assert!(sent.success(), "kill {signal} {target}");
    Ok(())
}

/// Kills a run when its `nth` object is on its way.
fn kill_at(stage: &KubeStage, nth: usize) -> Result {
    let action =
        ["PATCH serviceaccounts", "PATCH configmaps", "PATCH services", "PATCH deployments"][(nth - 1) % 4];
    kill_before(stage, "apply", action, 1 + (nth - 1) / 4)
}

/// Kills a run when the `nth` call of `action` is on its way.
fn kill_before(stage: &KubeStage, verb: &str, action: &str, nth: usize) -> Result {
    stage.terraform.validate()?;
    stage.proxy.take_calls();
    stage.proxy.inject(Rule::on(action).nth(nth).delay(PATIENCE * 2));
    let mut run = spawn(stage, verb)?;
    assert!(stage.proxy.await_calls(action, nth, PATIENCE), "{:?}", stage.proxy.calls());
    signal(&run, "-KILL", true)?;
    run.wait()?;
    stage.proxy.heal();
    Ok(())
}

#[test]
fn a_create_that_was_killed_at_any_object_is_finished_by_the_next() -> Result {
    // The fifth is the one that takes the mark off.
    for nth in 1..=5 {
        let stage = KubeStage::new()?;
        stage.write_documents(&objects(1))?;
        kill_at(&stage, nth)?;
        stage.terraform.apply()?;
        assert_is_version(&stage, 1)?;
    }
    Ok(())
}

#[test]
fn a_create_that_was_killed_leaves_nothing_of_what_is_no_longer_wanted() -> Result {
    let stage = KubeStage::new()?;
    stage.write_documents(&objects(1))?;
    kill_at(&stage, 4)?;
    stage.apply(&objects(2))?;
    assert_is_version(&stage, 2)
}

#[test]
fn an_update_that_was_killed_at_any_object_is_finished_or_taken_back() -> Result {
    for nth in 1..=4 {
        let stage = KubeStage::new()?;
        stage.apply(&objects(1))?;
        stage.write_documents(&objects(2))?;
        kill_at(&stage, nth)?;
        let version = if nth % 2 == 0 { 1 } else { 2 };
        stage.apply(&objects(version))?;
        assert_is_version(&stage, version)?;
    }
    Ok(())
}

#[test]
fn a_destroy_that_was_killed_at_any_object_is_finished_by_the_next() -> Result {
    for kind in ["deployments", "services", "configmaps", "serviceaccounts"] {
        let stage = KubeStage::new()?;
        stage.apply(&objects(1))?;
        kill_before(&stage, "destroy", &format!("DELETE {kind}"), 1)?;
        assert!(!stage.owned(KINDS)?.is_empty(), "it was killed before its end");
        stage.terraform.destroy()?;
        assert_eq!(stage.owned(KINDS)?, Vec::<String>::new(), "{kind}");
    }
    Ok(())
}

#[test]
fn a_prune_that_was_killed_is_finished_or_taken_back() -> Result {
    for version in [1, 2] {
        let stage = KubeStage::new()?;
        stage.apply(&objects(1))?;
        stage.write_documents(&objects(2))?;
        kill_before(&stage, "apply", "DELETE configmaps", 1)?;
        stage.apply(&objects(version))?;
        assert_is_version(&stage, version)?;
    }
    Ok(())
}

#[test]
fn a_replacement_that_was_killed_between_the_old_and_the_new_is_finished() -> Result {
    let job = |mode: &str| {
        format!(
            "
apiVersion: batch/v1
kind: Job
metadata: {{name: migrate}}
spec:
  suspend: true
  completions: 1
  completionMode: {mode}
  template:
    spec: {{restartPolicy: Never, containers: [{{name: a, image: 'registry.example.test/a:1'}}]}}
"
        )
    };
    // The first PATCH is refused, the DELETE takes the old one away, the second PATCH makes the new one.
    for (action, nth) in [("DELETE jobs", 1), ("PATCH jobs", 2)] {
        let stage = KubeStage::new()?;
        let replace = "replace = [\"Job\"]";
        stage.apply_with(&job("NonIndexed"), replace)?;
        stage.write(&stage.manifests(&job("Indexed"), replace))?;
        kill_before(&stage, "apply", action, nth)?;
        stage.terraform.apply()?;
        assert_eq!(stage.get("job/migrate")?["spec"]["completionMode"], "Indexed", "{action}");
        stage.terraform.assert_plan_is_empty();
        stage.terraform.destroy()?;
        assert_eq!(stage.owned("jobs")?, Vec::<String>::new());
    }
    Ok(())
}

#[test]
fn an_interrupted_wait_ends_soon_and_can_be_gone_on_from() -> Result {
    let stage = KubeStage::new()?;
    // Nobody schedules here: it waits for ever.
    stage.write_documents(&objects(1).replace("replicas: 0", "replicas: 1"))?;
    stage.terraform.validate()?;
    let mut run = spawn_apply(&stage)?;
    assert!(stage.proxy.await_calls("LIST replicasets", 2, PATIENCE), "{:?}", stage.proxy.calls());
    let interrupted = Instant::now();
    signal(&run, "-INT", false)?;
    run.wait()?;
    // Two seconds are the provider's; the rest is Terraform's own, on a machine that runs other tests too.
    assert!(interrupted.elapsed() < Duration::from_secs(10), "{:?}", interrupted.elapsed());
    stage.apply(&objects(1))?;
    assert_is_version(&stage, 1)
}
