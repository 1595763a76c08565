//! Hosts whose cluster will never be applied again: the playbook `reset` makes servers of them.

/// The module is a mark: where servers cannot run, its tests are left out by `--skip on_servers`.
mod on_servers {
    use acceptance::ansible::{Ansible, Run};
    use acceptance::cluster_stage::{ClusterStage, RELEASE, Result, WantedCluster, control_plane};
    use acceptance::servers::Servers;

    /// What a cluster leaves.
    const LEFT: &str = "find /etc/kubernetes /var/lib/kubelet /var/lib/etcd /var/lib/socle/cluster -type f 2>/dev/null || :; \
                        ip -o link show cni0 2>/dev/null || :; pgrep -l 'kube|etcd' || :";

    #[test]
    fn a_host_is_reset_by_a_playbook() -> Result {
        let servers = Servers::up("reset", &["--servers", "1", "--kubernetes", RELEASE])?;
        let stage = ClusterStage::new(&servers)?;
        stage.apply(&WantedCluster::of("wireguard", [control_plane("cp-1", 1)]))?;
        let ansible = Ansible::on(&servers)?;
        let reset = |words: &[&str]| -> Result<Run> {
            let always = ["socle.platform.reset", "-e", "reset_hosts=server-1"];
            Ok(ansible.playbook(always.iter().chain(words))?)
        };

        let unnamed = reset(&[])?;
        assert!(!unnamed.succeeded && unnamed.said.contains("say which cluster"), "{}", unnamed.said);
        let other = reset(&["-e", "reset_cluster=staging"])?;
        assert!(
            !other.succeeded && other.said.contains("of the cluster") && other.said.contains("not of"),
            "{}",
            other.said
        );
        stage.terraform.assert_plan_is_empty();

        let named = ["-e", "reset_cluster=prod"];
        for (words, changed) in [(&["--check"][..], 1), (&[], 1), (&[], 0)] {
            let run = reset(&[&named, words].concat())?;
            assert_eq!(run.recap("server-1").map(|told| told.changed), Some(changed), "{}", run.said);
        }
        assert_eq!(servers.on("server-1", LEFT)?.trim(), "");
        Ok(())
    }
}
