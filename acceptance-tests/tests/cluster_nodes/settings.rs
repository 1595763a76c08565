//! Settings that a component does not bear: they stop at the first node, and are taken back.

/// The module is a mark: where servers cannot run, its tests are left out by `--skip on_servers`.
mod on_servers {
    use acceptance::cluster_stage::{ClusterStage, RELEASE, Result, WantedCluster, control_plane, worker};
    use acceptance::servers::Servers;

    #[test]
    fn settings_that_are_not_borne_stop_at_the_first_node_and_are_taken_back() -> Result {
        let servers = Servers::up("settings", &["--servers", "2", "--kubernetes", RELEASE])?;
        let stage = ClusterStage::new(&servers)?;
        let cluster = WantedCluster::of("wireguard", [control_plane("cp-1", 1), worker("w-1", 2)]);
        stage.apply(&cluster)?;
        stage.terraform.assert_plan_is_empty();
        let process = "systemctl show --property=MainPID --value kubelet";
        let before = servers.on("server-2", process)?;

        let kubelet = WantedCluster { kubelet: "{ nodeLeaseDurationSeconds = -1 }", ..cluster.clone() };
        let said = stage.refused(&kubelet)?;
        assert!(said.contains("cp-1") && said.contains("nodeLeaseDurationSeconds"), "{said}");
        stage.apply(&cluster)?;
        stage.terraform.assert_plan_is_empty();

        let flag = "api_server {\n extra_args = { no-such-flag = \"true\" }\n }\n";
        let api_server = WantedCluster { more: format!("{}{flag}", cluster.more), ..cluster.clone() };
        let said = stage.refused(&api_server)?;
        assert!(said.contains("cp-1") && said.contains("unknown flag"), "{said}");
        stage.apply(&cluster)?;
        stage.terraform.assert_plan_is_empty();
        assert_eq!(servers.on("server-2", process)?, before, "the kubelet of the second node was left alone");

        a_node_that_was_deleted_registers_again(&stage, &cluster)?;
        Ok(stage.terraform.destroy()?)
    }

    fn a_node_that_was_deleted_registers_again(stage: &ClusterStage<'_>, cluster: &WantedCluster) -> Result {
        for name in ["w-1", "cp-1"] {
            stage.kubectl(&["delete", "node", name])?;
            let plan = stage.terraform.run(&["plan", "-no-color", "-input=false"])?;
            assert!(plan.contains(&format!("let {name} join anew")), "{plan}");
            stage.apply(cluster)?;
            stage.object(&["node", name])?;
            stage.terraform.assert_plan_is_empty();
        }
        Ok(())
    }
}
