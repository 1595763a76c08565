//! Fields that cannot change once an object exists, and jobs that run once.

use acceptance::kube_stage::KubeStage;

use super::{Result, SETTINGS, definitions};

#[test]
fn a_field_that_cannot_change_is_an_error_unless_its_kind_may_be_replaced() -> Result {
    let stage = KubeStage::new()?;
    let job = |image: &str| {
        format!(
            "
apiVersion: batch/v1
kind: Job
metadata: {{name: migrate}}
spec:
  suspend: true
  template:
    spec: {{restartPolicy: Never, containers: [{{name: a, image: {image}}}]}}
"
        )
    };
    stage.apply(&job("a:1"))?;
    let uid = stage.get("job/migrate")?["metadata"]["uid"].clone();
    stage.write_documents(
        &job("a:2").replace("suspend: true", "suspend: true\n  completionMode: Indexed\n  completions: 1"),
    )?;
    let failed = stage.terraform.apply().expect_err("the mode cannot change");
    assert!(failed.says("cannot change") && failed.says("replace = [\"Job\"]"), "{failed}");
    assert_eq!(stage.get("job/migrate")?["metadata"]["uid"], uid);
    let changed =
        job("a:2").replace("suspend: true", "suspend: true\n  completionMode: Indexed\n  completions: 1");
    stage.apply_with(&changed, "replace = [\"Job\"]")?;
    assert_ne!(stage.get("job/migrate")?["metadata"]["uid"], uid);
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

/// Is the change from one to the other refused as one of a field that cannot change, and made by a replacement?
fn is_replaced_only_where_that_is_allowed(before: &str, after: &str, kind: &str) -> Result {
    let stage = KubeStage::new()?;
    let named = |text: &str| text.replace("NAME", &stage.name);
    stage.apply(&named(before))?;
    stage.write_documents(&named(after))?;
    let failed = stage.terraform.apply().expect_err("the field cannot change");
    assert!(failed.says("cannot change") && failed.says(&format!("replace = [\"{kind}\"]")), "{failed}");
    stage.apply_with(&named(after), &format!("replace = [\"{kind}\"]"))?;
    stage.terraform.assert_plan_is_empty();
    stage.terraform.destroy()?;
    Ok(())
}

#[test]
fn parameters_of_a_storage_class_cannot_change() -> Result {
    let class = "
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: NAME}
provisioner: disks.example.test
reclaimPolicy: Delete
parameters: {speed: slow}
";
    is_replaced_only_where_that_is_allowed(class, &class.replace("slow", "fast"), "StorageClass")?;
    is_replaced_only_where_that_is_allowed(class, &class.replace("disks", "others"), "StorageClass")?;
    is_replaced_only_where_that_is_allowed(class, &class.replace("Delete", "Retain"), "StorageClass")
}

#[test]
fn the_address_and_the_class_of_a_service_cannot_change() -> Result {
    let headless = "
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: None, ports: [{port: 80}]}
";
    is_replaced_only_where_that_is_allowed(headless, &headless.replace("None", "10.96.200.7"), "Service")?;
    let balanced = "
apiVersion: v1
kind: Service
metadata: {name: web, annotations: {socle.platform/wait: 'false'}}
spec: {type: LoadBalancer, loadBalancerClass: example.test/one, ports: [{port: 80}]}
";
    is_replaced_only_where_that_is_allowed(balanced, &balanced.replace("/one", "/two"), "Service")
}

#[test]
fn the_value_of_a_priority_and_the_role_of_a_binding_cannot_change() -> Result {
    let class = "
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: NAME}
value: 10
";
    is_replaced_only_where_that_is_allowed(class, &class.replace("10", "20"), "PriorityClass")?;
    let binding = "
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: web}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
";
    is_replaced_only_where_that_is_allowed(binding, &binding.replace("view", "edit"), "RoleBinding")
}

#[test]
fn a_field_that_a_definition_s_own_rule_forbids_to_change_is_told_from_one_that_is_wrong() -> Result {
    let stage = KubeStage::new()?;
    let all = definitions::notes(&stage).replace(
        "text: {type: string}",
        "text: {type: string, maxLength: 8, x-kubernetes-validations: [{rule: self == oldSelf, message: 'written in stone'}]}",
    );
    stage.apply(&all)?;
    stage.write_documents(&all.replace("text: hello", "text: goodbye"))?;
    let failed = stage.terraform.apply().expect_err("the rule forbids it");
    assert!(failed.says("written in stone") && failed.says("replace = [\"Note\"]"), "{failed}");
    stage.write_documents(&all.replace("text: hello", "text: much too long"))?;
    let failed = stage.terraform.apply().expect_err("that is no text of a note");
    assert!(failed.says("may not be more than 8") && !failed.says("replace ="), "{failed}");
    stage.apply_with(&all.replace("text: hello", "text: goodbye"), "replace = [\"Note\"]")?;
    stage.terraform.assert_plan_is_empty();
    stage.terraform.destroy()?;
    Ok(())
}

#[test]
fn a_finished_job_that_the_cluster_deleted_runs_no_second_time() -> Result {
    let stage = KubeStage::new()?;
    // Of no completions: it ends without a kubelet.
    let job = "
apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec:
  completions: 0
  ttlSecondsAfterFinished: 5
  template:
    spec: {restartPolicy: Never, containers: [{name: a, image: 'registry.example.test/a:1'}]}
";
    stage.apply(job)?;
    stage.kubectl(&["wait", "--for=delete", "job/migrate", "--timeout=60s"])?;
    stage.terraform.assert_plan_is_empty();
    stage.proxy.take_calls();
    stage.apply(&format!("{job}---{SETTINGS}"))?;
    assert_eq!((stage.proxy.count("PATCH jobs"), stage.proxy.count("PATCH configmaps")), (0, 1));
    stage.terraform.assert_plan_is_empty();
    let next = job.replace("name: migrate", "name: migrate, annotations: {release: '2'}");
    stage.apply(&format!("{next}---{SETTINGS}"))?;
    assert_eq!(stage.proxy.count("PATCH jobs"), 1, "another document is another run");
    stage.kubectl(&["wait", "--for=delete", "job/migrate", "--timeout=60s"])?;
    stage.terraform.destroy()?;
    Ok(())
}
