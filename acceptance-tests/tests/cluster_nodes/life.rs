//! Nodes come, change, go and die.

/// The module is a mark: where servers cannot run, its tests are left out by `--skip on_servers`.
mod on_servers {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use acceptance::cluster_stage::{ClusterStage, RELEASE, Result, WantedCluster, control_plane, worker};
    use acceptance::servers::Servers;
    use serde_json::{Value, json};

    use crate::web::assert_pods_reach_each_other;

    fn node_names(stage: &ClusterStage<'_>) -> Result<BTreeSet<String>> {
        let nodes = stage.object(&["nodes"])?;
        let names = nodes["items"].as_array().into_iter().flatten();
        Ok(names.filter_map(|node| node["metadata"]["name"].as_str().map(str::to_owned)).collect())
    }

    fn state(stage: &ClusterStage<'_>) -> Result<Value> {
        Ok(stage.terraform.state_of("socle_cluster.prod")?)
    }

    #[test]
    fn workers_serve_change_and_leave_in_a_private_network() -> Result {
        let servers = Servers::up("private", &["--servers", "3", "--kubernetes", RELEASE])?;
        let stage = ClusterStage::new(&servers)?;
        let nodes = [control_plane("cp-1", 1), worker("w-1", 2), worker("w-2", 3)];
        let cluster = WantedCluster::of("private", nodes);
        stage.apply(&cluster)?;
        stage.terraform.assert_plan_is_empty();
        assert_pods_reach_each_other(&stage)?;

        let changed = WantedCluster { kubelet: "{ maxPods = 50 }", ..cluster.clone() }.with(
            "w-1",
            "labels = { disk = \"ssd\" }\n taints = [{ key = \"batch\", value = \"yes\", effect = \"PreferNoSchedule\" }]",
        );
        stage.apply(&changed)?;
        stage.terraform.assert_plan_is_empty();
        let node = stage.object(&["node", "w-1"])?;
        assert_eq!(node["metadata"]["labels"]["disk"], "ssd");
        assert_eq!(node["spec"]["taints"][0]["key"], "batch");
        for name in ["cp-1", "w-1", "w-2"] {
            stage.wait_until("the kubelet's new limit", Duration::from_mins(1), || {
                Ok(stage.object(&["node", name])?["status"]["capacity"]["pods"] == "50")
            })?;
        }

        a_budget_keeps_a_node_which_then_takes_pods_again(&stage, &changed)?;
        stage.apply(&changed.without("w-2"))?;
        stage.terraform.assert_plan_is_empty();
        assert_eq!(node_names(&stage)?, BTreeSet::from(["cp-1".to_owned(), "w-1".to_owned()]));
        assert_eq!(
            servers.on(
                "server-3",
                "find /etc/kubernetes /var/lib/kubelet -mindepth 1 2>/dev/null || :; ip -o link show cni0 2>/dev/null || :"
            )?,
            ""
        );
        Ok(stage.terraform.destroy()?)
    }

    /// The web's two replicas run on both workers.
    fn a_budget_keeps_a_node_which_then_takes_pods_again(
        stage: &ClusterStage<'_>,
        cluster: &WantedCluster,
    ) -> Result {
        let budget = ["poddisruptionbudget", "web"];
        stage.kubectl(&[&["create"], &budget[..], &["--selector=app=web", "--min-available=2"]].concat())?;
        let more = format!("{}upgrade {{\n drain_timeout = \"10s\"\n }}\n", cluster.more);
        let hasty = WantedCluster { more, ..cluster.clone() };
        let said = stage.refused(&hasty.without("w-2"))?;
        assert!(said.contains("drain w-2") && said.contains("disruption budget"), "{said}");
        stage.kubectl(&[&["delete"], &budget[..]].concat())?;
        stage.apply(cluster)?;
        stage.terraform.assert_plan_is_empty();
        assert_eq!(stage.object(&["node", "w-2"])?["spec"]["unschedulable"], Value::Null);
        Ok(())
    }

    #[test]
    fn control_planes_stop_die_and_are_replaced_in_a_mesh() -> Result {
        let servers = Servers::up("mesh", &["--servers", "5", "--kubernetes", RELEASE])?;
        let stage = ClusterStage::new(&servers)?;
        let nodes =
            [control_plane("cp-1", 1), control_plane("cp-2", 2), control_plane("cp-3", 3), worker("w-1", 4)];
        let cluster = WantedCluster::of("wireguard", nodes).with("cp-1", "taints = []");
        let seen = stage.apply_watched(&cluster, &["server-1", "server-2", "server-4"])?;
        stage.assert_nothing_secret_in("server-1", &seen)?;
        stage.terraform.assert_plan_is_empty();
        assert_eq!(state(&stage)?["etcd_members"], json!(["cp-1", "cp-2", "cp-3"]));
        assert_pods_reach_each_other(&stage)?;

        servers.run("stop", &["server-2"])?;
        for server in ["server-1", "server-3", "server-4"] {
            let ask = "curl -fsk --max-time 5 --retry 5 --retry-all-errors https://127.0.0.1:7443/readyz";
            assert_eq!(servers.on(server, ask)?, "ok", "{server}");
        }
        assert_eq!(node_names(&stage)?.len(), 4);
        let said = stage.terraform.run(&["plan", "-json", "-input=false"])?;
        assert!(said.contains("Host cp-2 did not answer") && !said.contains(r#""@level":"error""#), "{said}");
        servers.run("mend", &["server-2"])?;
        stage.wait_until("cp-2 to be well again", Duration::from_mins(3), || {
            Ok(stage.terraform.plan()?.is_empty())
        })?;

        // SSH answers before etcd does: without it the next loss would be one of the majority.
        let ready = "curl -fsk --max-time 5 https://127.0.0.1:6443/readyz";
        stage.wait_until("the API server of cp-2", Duration::from_mins(3), || {
            Ok(servers.on("server-2", ready).is_ok_and(|said| said == "ok"))
        })?;

        servers.run("kill", &["server-3"])?;
        let lost = cluster.with("cp-3", "lost = true");
        stage.apply(&lost)?;
        assert_eq!(state(&stage)?["etcd_members"], json!(["cp-1", "cp-2"]));
        let replaced = lost.without("cp-3").and(control_plane("cp-4", 5));
        stage.apply(&replaced)?;
        stage.terraform.assert_plan_is_empty();
        assert_eq!(state(&stage)?["etcd_members"], json!(["cp-1", "cp-2", "cp-4"]));
        assert_pods_reach_each_other(&stage)?;
        Ok(stage.terraform.destroy()?)
    }
}
