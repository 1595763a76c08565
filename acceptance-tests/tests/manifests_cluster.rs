//! `socle_manifests` where pods really run: a cluster of this provider, on a server of the sandbox.

/// The module is a mark: where servers cannot run, its tests are left out by `--skip on_servers`.
mod on_servers {
    use std::thread;
    use std::time::Duration;

    use acceptance::cluster_stage::{ClusterStage, RELEASE, Result, WantedCluster, control_plane};
    use acceptance::plan::Action::{Create, NoOp};
    use acceptance::servers::Servers;
    use serde_json::{Value, json};

    const WEB: &str = "socle_manifests.web";
    const PATIENCE: Duration = Duration::from_mins(3);

    /// A resource on the cluster of the stage.
    fn manifests(name: &str, arguments: &str, documents: &str) -> String {
        format!(
            "resource \"socle_manifests\" \"{name}\" {{\n  name      = \"{name}\"\n  access    = socle_cluster.prod.access\n  \
             namespace = \"social\"\n  {arguments}\n  documents = <<-YAML\n{documents}\n  YAML\n}}\n"
        )
    }

    /// A container of the one image that every node has, which is a Debian with a shell and perl.
    fn container(script: &str) -> String {
        format!(
            "{{name: main, image: 'registry.k8s.io/kube-proxy:v{RELEASE}', command: [sh, -c, '{script}']}}"
        )
    }

    fn deployment(name: &str, container: &str) -> String {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  replicas: 1\n  \
             selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    \
             spec: {{terminationGracePeriodSeconds: 0, containers: [{container}]}}\n"
        )
    }

    fn job(name: &str, script: &str) -> String {
        let container = container(script);
        format!(
            "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: {name}}}\nspec:\n  backoffLimit: 0\n  template:\n    \
             spec: {{restartPolicy: Never, containers: [{container}]}}\n"
        )
    }

    fn settings(colour: &str) -> String {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings}}\ndata: {{colour: {colour}}}\n")
    }

    const SLEEP: &str = "exec sleep infinity";

    /// A workload that runs, a job that ends, and what they need.
    fn application(version: u8) -> String {
        let web = deployment("web", &container(&format!("echo version {version}; {SLEEP}")));
        [settings("blue"), web, job("migrate", "echo migrated")].join("---\n")
    }

    fn object(stage: &ClusterStage<'_>, name: &str) -> Result<Value> {
        stage.object(&["--namespace=social", name])
    }

    fn ready(stage: &ClusterStage<'_>) -> Result<Vec<Value>> {
        let objects = stage.terraform.state_of(WEB)?["objects"].clone();
        Ok(objects.as_object().into_iter().flatten().map(|(_, object)| object["ready"].clone()).collect())
    }

    fn write(stage: &ClusterStage<'_>, text: &str) -> Result {
        Ok(stage.terraform.write("workloads.tf", text)?)
    }

    #[test]
    fn a_cluster_and_what_runs_in_it_come_in_one_apply_and_go_in_one_destroy() -> Result {
        let servers = Servers::up("workloads", &["--servers", "1", "--kubernetes", RELEASE])?;
        let stage = ClusterStage::new(&servers)?;
        let cluster = WantedCluster::of("wireguard", [control_plane("cp-1", 1)]).with("cp-1", "taints = []");
        stage.write(&cluster)?;
        write(&stage, &manifests("web", "", &application(1)))?;
        let plan = stage.terraform.plan()?;
        assert_eq!(plan.actions(WEB), [Create]);
        stage.terraform.apply_plan(&plan)?;
        assert_eq!(ready(&stage)?, [true, true, true]);
        assert_eq!(object(&stage, "deployment/web")?["status"]["availableReplicas"], 1);
        assert_eq!(object(&stage, "job/migrate")?["status"]["succeeded"], 1);
        assert_eq!(stage.terraform.plan()?.actions(WEB), [NoOp]);

        drift_a_new_version_and_what_is_no_longer_wanted(&stage)?;
        what_an_operator_makes_late_is_waited_for(&stage)?;
        what_cannot_run_is_told_soon_and_mended_by_the_next_apply(&stage)?;
        stage.assert_nothing_secret("server-1", &["server-1"])?;

        stage.terraform.destroy()?;
        assert_eq!(stage.terraform.run(&["state", "list"])?, "");
        assert_eq!(
            servers.on("server-1", "find /etc/kubernetes /var/lib/kubelet -mindepth 1 2>/dev/null || :")?,
            ""
        );
        Ok(())
    }

    fn drift_a_new_version_and_what_is_no_longer_wanted(stage: &ClusterStage<'_>) -> Result {
        stage.kubectl(&["scale", "--namespace=social", "deployment/web", "--replicas=0"])?;
        let plan = stage.terraform.plan()?;
        let label = "apps/v1 Deployment social/web";
        assert_eq!(plan.change(WEB).before()["objects"][label]["drifted_fields"], json!(["spec.replicas"]));
        stage.terraform.apply_plan(&plan)?;
        assert_eq!(object(stage, "deployment/web")?["status"]["availableReplicas"], 1);

        let without_settings = application(2).split_once("---\n").map(|(_, rest)| rest.to_owned());
        write(stage, &manifests("web", "", &without_settings.ok_or("one document")?))?;
        stage.terraform.apply()?;
        // It is ready when the new version runs and the old one is gone. A kubelet whose certificate was asked for too late
        // for the apply waits two minutes for the node's timer.
        let logs = ["logs", "--namespace=social", "--selector=app=web", "--tail=-1"];
        stage.wait_until("what the new version alone says", PATIENCE, || {
            Ok(stage.kubectl(&logs)?.trim() == "version 2")
        })?;
        assert!(object(stage, "configmap/settings").is_err());
        assert_eq!(stage.terraform.plan()?.actions(WEB), [NoOp]);
        write(stage, &manifests("web", "", &application(2)))?;
        Ok(stage.terraform.apply()?)
    }

    /// The pod lacks a Secret for longer than a few looks: until the kubelet has asked for it again.
    fn what_an_operator_makes_late_is_waited_for(stage: &ClusterStage<'_>) -> Result {
        let late = container(SLEEP).replace("command:", "envFrom: [{secretRef: {name: late}}], command:");
        let all = [application(2), deployment("late", &late)].join("---\n");
        write(stage, &manifests("web", "", &all))?;
        thread::scope(|scope| {
            let apply = scope.spawn(|| stage.terraform.apply().map_err(|error| error.to_string()));
            stage.wait_until("the kubelet to have asked again", PATIENCE, || {
                let events =
                    stage.object(&["--namespace=social", "events", "--field-selector=reason=Failed"])?;
                let events = events["items"].as_array().cloned().unwrap_or_default();
                Ok(events.iter().any(|event| event["count"].as_i64() >= Some(2)))
            })?;
            stage.kubectl(&[
                "create",
                "--namespace=social",
                "secret",
                "generic",
                "late",
                "--from-literal=key=value",
            ])?;
            apply.join().map_err(|_| "the apply panicked")??;
            assert_eq!(object(stage, "deployment/late")?["status"]["availableReplicas"], 1);
            Ok(())
        })
    }

    /// Each is a resource of its own, so that one apply tells of all of them.
    fn what_cannot_run_is_told_soon_and_mended_by_the_next_apply(stage: &ClusterStage<'_>) -> Result {
        let no_image = container(SLEEP).replace("registry.k8s.io/kube-proxy", "registry.example.test/none");
        let too_large = container(SLEEP).replace("command:", "resources: {requests: {cpu: 900}}, command:");
        let bad = [
            ("image", "", deployment("no-image", &no_image)),
            ("crash", "", deployment("crash", &container("echo no database to speak to; exit 3"))),
            // A node may still come: this is waited for as long as one may wait.
            ("large", "timeouts {\n    create = \"30s\"\n  }", deployment("too-large", &too_large)),
            ("job", "", job("failing", "echo the table is missing; exit 4")),
        ];
        let web = manifests("web", "", &application(2));
        let all = bad.iter().map(|(name, arguments, text)| manifests(name, arguments, text));
        write(stage, &(web.clone() + &all.collect::<String>()))?;
        let failed = stage.terraform.apply().expect_err("none of them can run");
        for words in [
            "Deployment social/no-image is not ready",
            "the image \"registry.example.test/none",
            "cannot be had",
            "event of no-image-",
            "Deployment social/crash is not ready",
            "ended with exit code 3; restarted",
            "no database to speak to",
            "BackOff: Back-off restarting failed container",
            "cannot be scheduled: ",
            "Insufficient cpu",
            "Job social/failing is not ready: BackoffLimitExceeded",
            "ended with exit code 4",
            "the table is missing",
        ] {
            assert!(failed.says(words), "{words}: {failed}");
        }
        let mended = bad.iter().map(|(name, arguments, _)| {
            manifests(name, arguments, &settings("red").replace("settings", &format!("settings-{name}")))
        });
        write(stage, &(web + &mended.collect::<String>()))?;
        stage.terraform.apply()?;
        let left = stage.kubectl(&["get", "--namespace=social", "deployments,jobs", "--output=name"])?;
        assert_eq!(left.split_whitespace().collect::<Vec<_>>(), ["deployment.apps/web", "job.batch/migrate"]);
        let plan = stage.terraform.plan()?;
        for (name, ..) in &bad {
            assert_eq!(plan.actions(&format!("socle_manifests.{name}")), [NoOp], "{plan}");
        }
        Ok(())
    }
}
