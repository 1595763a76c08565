//! `socle_manifests` on a real Kubernetes API.

use std::error::Error;
use std::time::{Duration, Instant};

use acceptance::fault_rule::Rule;
use acceptance::kube_stage::{KubeStage, WEB};
use acceptance::opentofu;
use acceptance::plan::Action::{Create, Update};
use serde_json::{Value, json};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// A deployment of no replicas, which is ready without a kubelet, and what belongs to it.
const APPLICATION: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: blue, size: large}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1
          ports: [{containerPort: 8080}]
          resources: {requests: {cpu: 1000m, memory: 1024Mi}}
";
const KINDS: &str = "configmaps,services,deployments,jobs,secrets";
const SETTINGS: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: blue, size: large}
";

/// One attribute of one object in a planned or stored `objects`.
#[track_caller]
fn object<'v>(objects: &'v Value, label: &str) -> &'v Value {
    let found = &objects["objects"][label];
    assert!(!found.is_null(), "no {label} in {objects}");
    found
}

/// The whole life, with one of the two programs.
fn whole_life(stage: &KubeStage) -> Result {
    let label = stage.label("apps/v1", "Deployment", "web");
    stage.write_documents(APPLICATION)?;
    assert_eq!(stage.terraform.validate()?, []);
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.actions(WEB), [Create]);
    assert_eq!(object(plan.change(WEB).after(), &label)["ready"], true);
    assert!(stage.proxy.calls().is_empty(), "a plan of something new needs no cluster");
    stage.terraform.apply_plan(&plan)?;
    assert_eq!(stage.owned(KINDS)?, ["configmap/settings", "deployment.apps/web", "service/web"]);
    assert_eq!(
        stage.get("deployment/web")?["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"],
        "1"
    );
    stage.terraform.assert_plan_is_empty();

    stage.write_documents(&APPLICATION.replace("web:1", "web:2").replace("size: large", "size: small"))?;
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.actions(WEB), [Update]);
    let (before, after) = (plan.change(WEB).before(), plan.change(WEB).after());
    assert_ne!(object(before, &label)["digest"], object(after, &label)["digest"]);
    let service = stage.label("v1", "Service", "web");
    assert_eq!(object(before, &service), object(after, &service));
    stage.proxy.take_calls();
    stage.terraform.apply_plan(&plan)?;
    assert_eq!(stage.proxy.count("PATCH"), 2, "only what changed is sent");
    assert_eq!(stage.get("configmap/settings")?["data"]["size"], "small");
    stage.terraform.assert_plan_is_empty();

    stage.terraform.destroy()?;
    assert_eq!(stage.owned(KINDS)?, Vec::<String>::new());
    Ok(())
}

#[test]
fn applies_changes_and_destroys() -> Result {
    whole_life(&KubeStage::new()?)
}

#[test]
fn applies_changes_and_destroys_with_opentofu() -> Result {
    whole_life(&KubeStage::of(opentofu::program()?)?)
}

#[test]
fn a_client_certificate_opens_the_cluster_too() -> Result {
    let stage = KubeStage::new()?;
    let path = stage.api.kubeconfig_with_certificate().display().to_string();
    stage.write(&stage.manifests(SETTINGS, "").replace("\"kubeconfig\"", &format!("{path:?}")))?;
    stage.terraform.apply()?;
    stage.terraform.assert_plan_is_empty();
    stage.terraform.destroy()?;
    assert_eq!(stage.owned(KINDS)?, Vec::<String>::new());
    Ok(())
}

#[test]
fn a_hand_edit_of_a_field_of_ours_is_drift_and_is_taken_back() -> Result {
    let stage = KubeStage::new()?;
    let label = stage.label("v1", "ConfigMap", "settings");
    stage.apply(SETTINGS)?;
    stage.kubectl(&["patch", "configmap/settings", "--type=merge", "-p", r#"{"data":{"colour":"red"}}"#])?;
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.actions(WEB), [Update], "{plan}");
    assert_eq!(object(plan.change(WEB).before(), &label)["drifted_fields"], json!(["data.colour"]));
    assert_eq!(object(plan.change(WEB).after(), &label)["drifted_fields"], json!([]));
    stage.terraform.apply_plan(&plan)?;
    assert_eq!(stage.get("configmap/settings")?["data"]["colour"], "blue");
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn a_field_that_was_removed_by_hand_comes_back() -> Result {
    let stage = KubeStage::new()?;
    stage.apply(SETTINGS)?;
    stage.kubectl(&[
        "patch",
        "configmap/settings",
        "--type=json",
        "-p",
        r#"[{"op":"remove","path":"/data/size"}]"#,
    ])?;
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.actions(WEB), [Update], "{plan}");
    stage.terraform.apply_plan(&plan)?;
    assert_eq!(stage.get("configmap/settings")?["data"]["size"], "large");
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn what_others_add_is_no_drift_and_stays() -> Result {
    let stage = KubeStage::new()?;
    // Replicas are an autoscaler's here: the document leaves them out.
    let scaled = APPLICATION.replace("  replicas: 0\n", "");
    stage.apply_with(&scaled, "wait = \"applied\"")?;
    stage.kubectl(&["scale", "deployment/web", "--replicas=0"])?;
    stage.kubectl(&["annotate", "deployment/web", "example.test/note=hello"])?;
    stage.kubectl(&["patch", "configmap/settings", "--type=merge", "-p", r#"{"data":{"theirs":"1"}}"#])?;
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.changes().count(), 0, "{plan}");
    stage.apply_with(&scaled.replace("web:1", "web:2"), "wait = \"applied\"")?;
    assert_eq!(stage.get("deployment/web")?["spec"]["replicas"], 0);
    assert_eq!(stage.get("configmap/settings")?["data"]["theirs"], "1");
    Ok(())
}

/// Changes every map of the namespace on its way in: a field that a document sets, and one that none does.
fn meddling_policy(namespace: &str) -> String {
    format!(
        "
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {{name: {namespace}}}
spec:
  matchConstraints: {{resourceRules: [{{apiGroups: [''], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps]}}]}}
  failurePolicy: Fail
  reinvocationPolicy: Never
  mutations:
    - patchType: ApplyConfiguration
      applyConfiguration: {{expression: 'Object{{data: {{\"colour\": \"theirs\", \"added\": \"too\"}}}}'}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {{name: {namespace}}}
spec:
  policyName: {namespace}
  matchResources: {{namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {namespace}}}}}}}
"
    )
}

#[test]
fn what_admission_changes_is_no_drift() -> Result {
    let stage = KubeStage::new()?;
    stage.api.kubectl(&["create", "namespace", &stage.name])?;
    stage.api.kubectl_with(&["apply", "-f", "-"], &meddling_policy(&stage.name))?;
    // It takes a moment to be in force, and kubectl can tell when it is.
    let probe =
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: probe, namespace: {}}}\n", stage.name);
    let deadline = Instant::now() + Duration::from_mins(1);
    while !stage
        .api
        .kubectl_with(&["create", "--dry-run=server", "-o", "json", "-f", "-"], &probe)?
        .contains("theirs")
    {
        assert!(Instant::now() < deadline, "the policy never came into force");
    }
    stage.apply(SETTINGS)?;
    let data = stage.get("configmap/settings")?["data"].clone();
    assert_eq!(data, json!({"colour": "theirs", "size": "large", "added": "too"}));
    stage.terraform.assert_plan_is_empty();
    stage.apply(&SETTINGS.replace("large", "small"))?;
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn an_object_that_was_deleted_by_hand_is_made_again() -> Result {
    let stage = KubeStage::new()?;
    stage.apply(APPLICATION)?;
    stage.kubectl(&["delete", "service/web"])?;
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.actions(WEB), [Update]);
    assert_eq!(plan.change(WEB).after_unknown()["objects"][stage.label("v1", "Service", "web")]["uid"], true);
    stage.terraform.apply_plan(&plan)?;
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn prunes_what_is_no_longer_wanted_and_shows_it() -> Result {
    let stage = KubeStage::new()?;
    stage.apply(APPLICATION)?;
    stage.write_documents(SETTINGS)?;
    let plan = stage.terraform.plan()?;
    let after = &plan.change(WEB).after()["objects"];
    assert!(after[stage.label("v1", "Service", "web")].is_null(), "{after}");
    stage.terraform.apply_plan(&plan)?;
    assert_eq!(stage.owned(KINDS)?, ["configmap/settings"]);
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn keeps_claims_and_namespaces_and_takes_them_up_again() -> Result {
    let stage = KubeStage::new()?;
    let claim = "
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, annotations: {socle.platform/wait: 'false'}}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
";
    let all = format!(
        "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {}}}\n---{claim}---{SETTINGS}",
        stage.name
    );
    stage.apply(&all)?;
    let uid = stage.get("pvc/data")?["metadata"]["uid"].clone();
    let said = stage.terraform.run(&["destroy", "-json", "-input=false", "-auto-approve"])?;
    let kept =
        format!("v1 Namespace {0}, v1 PersistentVolumeClaim {0}/data stays in the cluster", stage.name);
    assert!(said.contains(&kept), "{said}");
    assert_eq!(stage.get("pvc/data")?["metadata"]["uid"], uid);
    assert_eq!(stage.owned("configmaps,persistentvolumeclaims,namespaces")?, Vec::<String>::new());
    stage.apply(&all)?;
    assert_eq!(stage.get("pvc/data")?["metadata"]["uid"], uid);
    stage.terraform.assert_plan_is_empty();
    stage.apply(&all.replace("wait: 'false'", "wait: 'false', socle.platform/prevent-prune: 'false'"))?;
    stage.terraform.destroy()?;
    assert!(
        stage.get("pvc/data")?["metadata"]["deletionTimestamp"].is_string()
            || stage.get("pvc/data")?.is_null()
    );
    Ok(())
}

#[test]
fn an_apply_says_what_it_keeps_of_what_is_no_longer_wanted() -> Result {
    let stage = KubeStage::new()?;
    let kept =
        SETTINGS.replace("name: settings", "name: old, annotations: {socle.platform/prevent-prune: 'true'}");
    stage.apply(&format!("{SETTINGS}---{kept}"))?;
    stage.write_documents(SETTINGS)?;
    let plan = stage.terraform.plan()?;
    let said = stage.terraform.run(&["apply", "-json", "-input=false", &plan.file().to_string_lossy()])?;
    assert!(
        said.contains("Objects are kept") && said.contains(&stage.label("v1", "ConfigMap", "old")),
        "{said}"
    );
    assert_eq!(stage.owned(KINDS)?, ["configmap/settings"]);
    assert!(!stage.get("configmap/old")?.is_null());
    Ok(())
}

#[test]
fn a_torn_off_mark_is_put_back() -> Result {
    let stage = KubeStage::new()?;
    let label = stage.label("v1", "ConfigMap", "settings");
    stage.apply(SETTINGS)?;
    let uid = stage.get("configmap/settings")?["metadata"]["uid"].clone();
    let tear_off = || {
        stage.kubectl(&["annotate", "configmap/settings", "socle.platform/owner-"])?;
        stage.kubectl(&["label", "configmap/settings", "socle.platform/owner-"])
    };
    tear_off()?;
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.actions(WEB), [Update], "{plan}");
    let drifted = object(plan.change(WEB).before(), &label)["drifted_fields"].to_string();
    assert!(drifted.contains("socle.platform/owner"), "{drifted}");
    stage.terraform.apply_plan(&plan)?;
    assert_eq!(stage.owned(KINDS)?, ["configmap/settings"]);
    // Replaced as a whole: neither mark nor field of ours is left.
    let bare =
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings, namespace: {}}}\n", stage.name);
    stage.api.kubectl_with(&["replace", "-f", "-"], &bare)?;
    stage.apply(SETTINGS)?;
    let found = stage.get("configmap/settings")?;
    assert_eq!((&found["metadata"]["uid"], &found["data"]["colour"]), (&uid, &json!("blue")));
    stage.terraform.assert_plan_is_empty();
    tear_off()?;
    stage.terraform.destroy()?;
    assert!(stage.get("configmap/settings")?.is_null());
    Ok(())
}

#[test]
fn an_object_of_others_is_refused_before_anything_is_changed_unless_adopted() -> Result {
    let stage = KubeStage::new()?;
    stage.api.kubectl(&["create", "namespace", &stage.name])?;
    stage.kubectl(&["create", "configmap", "settings", "--from-literal=colour=blue"])?;
    stage.write_documents(APPLICATION)?;
    let failed = stage.terraform.apply().expect_err("somebody else made it");
    assert!(failed.says("ConfigMap") && failed.says("kubectl-create") && failed.says("adopt"), "{failed}");
    assert_eq!(stage.owned(KINDS)?, Vec::<String>::new());
    stage.apply_with(APPLICATION, "adopt = true")?;
    assert_eq!(stage.owned(KINDS)?.len(), 3);
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn two_resources_do_not_share_an_object() -> Result {
    let stage = KubeStage::new()?;
    stage.apply(SETTINGS)?;
    let other = stage.manifests(SETTINGS, "").replace("\"web\"", "\"other\"");
    let other = other.replacen(&format!("\"{}\"", stage.name), "\"somebody-else\"", 1);
    stage.write(&(stage.manifests(SETTINGS, "") + &other))?;
    let failed = stage.terraform.apply().expect_err("the object has an owner");
    assert!(failed.says(&format!("belongs to the socle_manifests \"{}\"", stage.name)), "{failed}");
    Ok(())
}

#[test]
fn a_second_resource_of_one_name_is_refused() -> Result {
    let stage = KubeStage::new()?;
    stage.apply(SETTINGS)?;
    let other = stage.manifests(&SETTINGS.replace("settings", "others"), "").replace("\"web\"", "\"other\"");
    stage.write(&(stage.manifests(SETTINGS, "") + &other))?;
    let failed = stage.terraform.apply().expect_err("the name is taken");
    assert!(failed.says("complete") && failed.says("adopt = true"), "{failed}");
    assert!(stage.get("configmap/others")?.is_null());
    Ok(())
}

#[test]
fn a_field_of_another_manager_is_a_conflict_that_names_both() -> Result {
    let stage = KubeStage::new()?;
    stage.apply(SETTINGS)?;
    let theirs = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings, namespace: {}}}\ndata: {{speed: slow}}\n",
        stage.name
    );
    stage.api.kubectl_with(&["apply", "--server-side", "--field-manager=somebody", "-f", "-"], &theirs)?;
    let ours = SETTINGS.replace("size: large", "size: large, speed: fast");
    stage.write_documents(&ours)?;
    let failed = stage.terraform.apply().expect_err("the field is somebody's");
    assert!(
        failed.says("\"somebody\"") && failed.says("data.speed") && failed.says("force_conflicts"),
        "{failed}"
    );
    assert_eq!(stage.get("configmap/settings")?["data"]["speed"], "slow");
    stage.apply_with(&ours, "force_conflicts = true")?;
    assert_eq!(stage.get("configmap/settings")?["data"]["speed"], "fast");
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

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
    let all = notes(&stage).replace(
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

/// A definition of the kind `Note` in a group of the test's own, and an object of it.
fn notes(stage: &KubeStage) -> String {
    let group = format!("{}.example.test", stage.name);
    format!(
        "
apiVersion: {group}/v1
kind: Note
metadata: {{name: first}}
spec: {{text: hello}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: notes.{group}}}
spec:
  group: {group}
  scope: Namespaced
  names: {{kind: Note, plural: notes}}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: {{type: object, properties: {{text: {{type: string}}, size: {{type: integer, default: 3}}}}}}
"
    )
}

#[test]
fn a_definition_and_its_objects_go_in_one_apply_and_one_destroy() -> Result {
    let stage = KubeStage::new()?;
    stage.apply(&notes(&stage))?;
    let kind = format!("notes.{}.example.test", stage.name);
    assert_eq!(stage.get(&format!("{kind}/first"))?["spec"], json!({"text": "hello", "size": 3}));
    stage.terraform.assert_plan_is_empty();
    stage.terraform.destroy()?;
    assert!(stage.get(&format!("customresourcedefinition/{kind}"))?.is_null());
    Ok(())
}

#[test]
fn a_definition_of_another_resource_in_the_same_apply_is_found() -> Result {
    let stage = KubeStage::new()?;
    let all = notes(&stage);
    let (note, definition) = all.split_once("---").expect("two documents");
    let definitions = stage.manifests(definition, "").replace("\"web\"", "\"definitions\"");
    let definitions =
        definitions.replacen(&format!("\"{}\"", stage.name), &format!("\"{}-crd\"", stage.name), 1);
    let notes = stage.manifests(note, "depends_on = [socle_manifests.definitions]");
    stage.write(&(definitions + &notes))?;
    stage.terraform.apply()?;
    stage.terraform.assert_plan_is_empty();
    stage.terraform.destroy()?;
    Ok(())
}

#[test]
fn an_unknown_kind_is_refused_before_anything_is_changed() -> Result {
    let stage = KubeStage::new()?;
    let text =
        format!("{SETTINGS}---\napiVersion: nowhere.example.test/v1\nkind: Nothing\nmetadata: {{name: a}}\n");
    stage.write_documents(&text)?;
    let failed = stage.terraform.apply().expect_err("there is no such kind");
    assert!(failed.says("serves no such kind") && failed.says("CustomResourceDefinition"), "{failed}");
    assert!(stage.get("configmap/settings")?.is_null());
    let text =
        SETTINGS.replace("apiVersion: v1", "apiVersion: apps/v1beta1").replace("ConfigMap", "Deployment");
    stage.write_documents(&text)?;
    let failed = stage.terraform.apply().expect_err("that version is gone");
    assert!(failed.says("but in v1"), "{failed}");
    Ok(())
}

#[test]
fn a_renamed_resource_keeps_its_objects() -> Result {
    let stage = KubeStage::new()?;
    stage.apply(SETTINGS)?;
    let uid = stage.get("configmap/settings")?["metadata"]["uid"].clone();
    let renamed = format!("{}-renamed", stage.name);
    stage.write(&stage.manifests(SETTINGS, "").replacen(
        &format!("\"{}\"", stage.name),
        &format!("\"{renamed}\""),
        1,
    ))?;
    assert_eq!(stage.terraform.plan()?.actions(WEB), [Update]);
    stage.terraform.apply()?;
    assert_eq!(stage.get("configmap/settings")?["metadata"]["uid"], uid);
    assert_eq!(stage.api.owned_by(&renamed, KINDS)?, ["configmap/settings"]);
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

#[test]
fn a_cluster_that_cannot_be_reached_leaves_the_state_and_a_warning() -> Result {
    let stage = KubeStage::new()?;
    stage.apply(SETTINGS)?;
    let kubeconfig = stage.terraform.read("kubeconfig")?;
    stage.terraform.write("kubeconfig", &stage.api.kubeconfig_through("http://127.0.0.1:9"))?;
    let plan = stage.terraform.plan()?;
    assert!(plan.is_empty(), "{plan}");
    std::fs::remove_file(stage.terraform.folder().join("kubeconfig"))?;
    assert!(stage.terraform.plan()?.is_empty());
    let failed = stage.terraform.destroy().expect_err("there is no way in");
    assert!(failed.says("kubeconfig") && failed.says("terraform state rm"), "{failed}");
    stage.terraform.write("kubeconfig", &kubeconfig)?;
    stage.terraform.destroy()?;
    assert_eq!(stage.owned(KINDS)?, Vec::<String>::new());
    Ok(())
}

#[test]
fn what_is_wrong_is_refused_at_validation_with_document_and_line() -> Result {
    let stage = KubeStage::new()?;
    let secret = "\napiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {password: hidden}\n";
    stage.write_documents(&format!("{SETTINGS}---{secret}---\nkind: Pod\n"))?;
    let told: Vec<_> = stage.terraform.validate()?.into_iter().map(|found| found.detail).collect();
    assert!(told.iter().any(|detail| detail.contains("data_wo")), "{told:?}");
    assert!(
        told.iter().any(|detail| detail.starts_with("document 3, line 12: `apiVersion` is missing")),
        "{told:?}"
    );
    stage.write(&stage.manifests(SETTINGS, "").replace("kubeconfig_path", "# kubeconfig_path"))?;
    assert!(!stage.terraform.validate()?.is_empty());
    Ok(())
}

#[test]
fn a_deployment_that_cannot_become_ready_fails_with_its_reasons_and_is_mended_by_the_next_apply() -> Result {
    let stage = KubeStage::new()?;
    // Nobody schedules here: the pod waits for ever.
    let stuck = APPLICATION.replace("replicas: 0", "replicas: 1");
    let timeouts = "timeouts {\n    create = \"6s\"\n    update = \"6s\"\n  }";
    stage.write(&stage.manifests(&stuck, timeouts))?;
    let failed = stage.terraform.apply().expect_err("no pod ever runs");
    assert!(failed.says("0 of 1 replicas available") && failed.says("kubectl delete"), "{failed}");
    assert_eq!(stage.owned(KINDS)?.len(), 3, "what was applied stays");
    stage.apply_with(APPLICATION, timeouts)?;
    stage.terraform.assert_plan_is_empty();
    // The same in an update: what was applied is in the state, and the next plan is not empty.
    stage.write(&stage.manifests(&stuck, timeouts))?;
    stage.terraform.apply().expect_err("no pod ever runs");
    assert_eq!(stage.terraform.plan()?.actions(WEB), [Update]);
    stage.apply_with(APPLICATION, timeouts)?;
    stage.terraform.assert_plan_is_empty();
    Ok(())
}

// === secrets ===

const SECRET: &str = r#"
secret {
    name            = "db"
    data_wo         = { password = var.password, user = "admin" }
    data_wo_version = 1
  }
"#;

const PASSWORD: &str = "variable \"password\" {\n  type      = string\n  ephemeral = true\n}\n";

fn with_password(stage: &KubeStage, password: &str, version: u8) -> Result {
    let block = SECRET.replace("= 1", &format!("= {version}"));
    stage.write(&(stage.manifests(SETTINGS, &block) + PASSWORD))?;
    Ok(stage
        .terraform
        .run(&["apply", "-auto-approve", "-input=false", "-var", &format!("password={password}")])
        .map(drop)?)
}

fn password(stage: &KubeStage) -> Result<String> {
    stage.kubectl(&["get", "secret/db", "-o", "go-template={{.data.password | base64decode}}"])
}

#[test]
fn secret_values_reach_the_cluster_and_nothing_else() -> Result {
    let stage = KubeStage::new()?;
    let value = format!("value-of-{}", stage.name);
    with_password(&stage, &value, 1)?;
    assert_eq!(password(&stage)?, value);
    let stored = stage.terraform.read("terraform.tfstate")?;
    let encoded = stage.kubectl(&["get", "secret/db", "-o", "jsonpath={.data.password}"])?;
    assert!(!stored.contains(&value) && !stored.contains(&encoded), "the value stands in the state");
    let of = |version| ["-var".to_owned(), format!("password={version}")];
    let [flag, variable] = of("whatever");
    let plan = stage.terraform.plan_with(&[&flag, &variable])?;
    assert!(plan.is_empty(), "{plan}");
    with_password(&stage, &value, 1)?;
    let [flag, variable] = ["-var".to_owned(), format!("password={value}-of-the-plan")];
    let block = SECRET.replace("= 1", "= 2");
    let configuration = stage.manifests(SETTINGS, &block) + PASSWORD;
    stage.write(&configuration)?;
    let plan = stage.terraform.plan_with(&[&flag, &variable])?;
    assert_eq!(plan.actions(WEB), [Update]);
    stage.assert_is_in_no_plan(&plan, &format!("{value}-of-the-plan"))?;
    // Another value alone changes nothing; its version does.
    with_password(&stage, "another-value", 1)?;
    assert_eq!(password(&stage)?, value);
    with_password(&stage, "another-value", 2)?;
    assert_eq!(password(&stage)?, "another-value");
    Ok(())
}

#[test]
fn a_hand_edit_of_a_secret_shows_by_its_key_and_is_taken_back() -> Result {
    let stage = KubeStage::new()?;
    with_password(&stage, "the-right-one", 1)?;
    stage.kubectl(&[
        "patch",
        "secret/db",
        "--type=merge",
        "-p",
        r#"{"stringData":{"password":"by-hand"}}"#,
    ])?;
    let plan = stage.terraform.plan_with(&["-var", "password=the-right-one"])?;
    let label = stage.label("v1", "Secret", "db");
    assert_eq!(object(plan.change(WEB).before(), &label)["drifted_fields"], json!(["data.password"]));
    with_password(&stage, "the-right-one", 1)?;
    assert_eq!(password(&stage)?, "the-right-one");
    Ok(())
}

#[test]
fn secret_values_are_in_no_log() -> Result {
    let stage = KubeStage::new()?;
    stage.write(&(stage.manifests(SETTINGS, SECRET) + PASSWORD))?;
    stage.terraform.validate()?;
    let log = stage.terraform.folder().join("provider.log");
    let mut command = stage.terraform.command(&stage.terraform.folder().join(".settings"));
    command.args(["apply", "-auto-approve", "-input=false"]);
    command
        .env("TF_LOG_PROVIDER", "TRACE")
        .env("TF_LOG_PATH", &log)
        .env("TF_VAR_password", "never-to-be-seen");
    assert!(command.output()?.status.success());
    let log = std::fs::read_to_string(log)?;
    assert!(log.contains("tf_rpc"), "the log is empty");
    let encoded = stage.kubectl(&["get", "secret/db", "-o", "jsonpath={.data.password}"])?;
    assert!(!log.contains("never-to-be-seen") && !log.contains(&encoded));
    Ok(())
}

// === many ===

fn config_maps(count: usize) -> String {
    let one = |n: usize| {
        format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{n}}}\ndata: {{number: \"{n}\"}}\n")
    };
    (0..count).map(one).collect()
}

#[test]
fn five_hundred_objects_are_one_resource_and_a_plan_is_a_few_calls() -> Result {
    let stage = KubeStage::new()?;
    stage.apply(&config_maps(500))?;
    assert_eq!(stage.owned("configmaps")?.len(), 500);
    stage.proxy.take_calls();
    stage.terraform.assert_plan_is_empty();
    let calls = stage.proxy.calls();
    assert!(calls.len() < 10, "{} calls", calls.len());
    stage.write_documents(&config_maps(500).replace("number: \"7\"", "number: \"eight\""))?;
    stage.proxy.take_calls();
    stage.terraform.apply()?;
    assert_eq!(stage.proxy.count("PATCH"), 1);
    stage.terraform.destroy()?;
    assert_eq!(stage.owned("configmaps")?.len(), 0);
    Ok(())
}

#[test]
fn objects_of_one_rank_go_side_by_side_but_not_all_at_once() -> Result {
    let stage = KubeStage::new()?;
    // The first goes alone; the next ones stay long enough for all to come that may.
    stage.proxy.inject(Rule::on("PATCH configmaps").first(17).delay(Duration::from_secs(1)));
    stage.proxy.inject(Rule::on("DELETE configmaps").first(16).delay(Duration::from_secs(1)));
    stage.apply(&config_maps(50))?;
    assert_eq!(stage.proxy.most_at_once("PATCH configmaps"), 16);
    stage.terraform.destroy()?;
    assert_eq!(stage.proxy.most_at_once("DELETE configmaps"), 16);
    Ok(())
}

#[test]
fn pods_of_many_objects_are_looked_at_side_by_side_but_not_all_at_once() -> Result {
    let stage = KubeStage::new()?;
    stage.proxy.inject(Rule::on("LIST pods").first(16).delay(Duration::from_secs(1)));
    // Nobody schedules here: every pod waits for ever.
    let one = |n: usize| {
        let (_, web) = APPLICATION.rsplit_once("---").expect("three documents");
        web.replace("replicas: 0", "replicas: 1").replace("name: web,", &format!("name: web-{n},"))
    };
    let all = (0..30).map(one).collect::<Vec<_>>().join("---");
    stage.write(&stage.manifests(&all, "timeouts {\n    create = \"15s\"\n  }"))?;
    let failed = stage.terraform.apply().expect_err("no pod ever runs");
    assert!(failed.says("0 of 1 replicas available"), "{failed}");
    assert_eq!(stage.proxy.most_at_once("LIST pods"), 16);
    Ok(())
}

#[test]
fn a_list_that_grows_old_between_two_pages_begins_anew() -> Result {
    let stage = KubeStage::new()?;
    stage.apply(&config_maps(510))?;
    stage.proxy.take_calls();
    stage.proxy.expire_next_page();
    let plan = stage.terraform.plan()?;
    assert!(plan.is_empty(), "{plan}");
    let pages: Vec<_> = stage
        .proxy
        .calls()
        .into_iter()
        .filter(|call| call.action == "LIST configmaps")
        .map(|call| (call.target.contains("continue="), call.answered))
        .collect();
    assert_eq!(pages, [(false, Some(200)), (true, Some(410)), (false, Some(200)), (true, Some(200))]);
    stage.terraform.destroy()?;
    assert_eq!(stage.owned("configmaps")?.len(), 0);
    Ok(())
}

#[test]
fn a_resource_without_objects_is_legal() -> Result {
    let stage = KubeStage::new()?;
    stage.apply("# nothing yet")?;
    stage.terraform.assert_plan_is_empty();
    stage.apply(SETTINGS)?;
    stage.apply("# nothing again")?;
    assert_eq!(stage.owned(KINDS)?, Vec::<String>::new());
    Ok(())
}
