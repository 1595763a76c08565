//! What goes wrong: each ends healthy after the next apply, or in an error that names host, step and cure.

/// The module is a mark: where servers cannot run, its tests are left out by `--skip on_servers`.
mod on_servers {
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};
    use std::time::Duration;

    use acceptance::cluster_stage::{ClusterStage, RELEASE, Result, WantedCluster, control_plane, worker};
    use acceptance::servers::Servers;

    /// Applies, and kills Terraform and the provider without a warning as soon as `sign` is seen on the server.
    fn apply_killed_at(stage: &ClusterStage<'_>, servers: &Servers, server: &str, sign: &str) -> Result {
        // A first command writes the program's settings.
        stage.terraform.validate()?;
        let mut apply = stage.terraform.command(&stage.folder().join(".settings"));
        apply.args(["apply", "-auto-approve", "-input=false"]).stdin(Stdio::null());
        let mut apply = apply.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).spawn()?;
        let seen = stage.wait_until(sign, Duration::from_mins(5), || {
            if let Some(status) = apply_status(apply.id()) {
                return Err(format!("it ended before that: {status}").into());
            }
            Ok(servers.on(server, sign).is_ok())
        });
        // The provider is in the group of the program that started it.
        Command::new("kill").arg("-9").arg("--").arg(format!("-{}", apply.id())).status()?;
        apply.wait()?;
        seen
    }

    /// Whether a process of ours has ended without having been waited for.
    fn apply_status(id: u32) -> Option<String> {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let state = stat.rsplit(") ").next()?.chars().next()?;
        (state == 'Z').then(|| format!("process {id} is over"))
    }

    #[test]
    fn an_apply_that_was_killed_is_gone_on_with() -> Result {
        let servers = Servers::up("killed", &["--servers", "2", "--kubernetes", RELEASE])?;
        let stage = ClusterStage::new(&servers)?;
        let alone = WantedCluster::of("wireguard", [control_plane("cp-1", 1)]);
        stage.write(&alone)?;
        apply_killed_at(&stage, &servers, "server-1", "test -s /etc/kubernetes/manifests/etcd.yaml")?;
        stage.terraform.apply()?;
        stage.terraform.assert_plan_is_empty();

        let pair = alone.and(worker("w-1", 2));
        stage.write(&pair)?;
        apply_killed_at(&stage, &servers, "server-2", "test -s /etc/kubernetes/bootstrap-kubelet.conf")?;
        stage.terraform.apply()?;
        stage.terraform.assert_plan_is_empty();
        assert_eq!(stage.object(&["nodes"])?["items"].as_array().map(Vec::len), Some(2));

        a_host_that_is_cut_off_is_named(&stage, &servers, &pair)?;
        a_host_proves_itself_under_a_new_key(&stage, &servers, &pair)?;
        Ok(stage.terraform.destroy()?)
    }

    fn a_host_that_is_cut_off_is_named(
        stage: &ClusterStage<'_>,
        servers: &Servers,
        cluster: &WantedCluster,
    ) -> Result {
        servers.run("cut", &["server-2"])?;
        let labelled = cluster.clone().with("w-1", "labels = { disk = \"ssd\" }");
        let said = stage.refused(&labelled)?;
        assert!(said.contains("w-1 cannot be reached") && said.contains("lost = true"), "{said}");
        servers.run("mend", &["server-2"])?;
        stage.apply(&labelled)?;
        stage.apply(cluster)?;
        stage.terraform.assert_plan_is_empty();
        Ok(())
    }

    fn a_host_proves_itself_under_a_new_key(
        stage: &ClusterStage<'_>,
        servers: &Servers,
        cluster: &WantedCluster,
    ) -> Result {
        let key = servers.on(
            "server-2",
            "rm /etc/ssh/ssh_host_*; ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key; \
             systemctl restart ssh; cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub",
        )?;
        let said = stage.terraform.run(&["plan", "-json", "-input=false"])?;
        assert!(said.contains("Host w-1 did not answer") && !said.contains(r#""@level":"error""#), "{said}");
        let known = cluster.clone().with("w-1", &format!("host_key = {:?}", key.trim()));
        stage.apply(&known)?;
        stage.terraform.assert_plan_is_empty();
        Ok(())
    }
}
