//! `socle_cluster`: real servers, the real Terraform, the real Kubernetes.

/// The module is a mark: where servers cannot run, its tests are left out by `--skip on_servers`.
mod on_servers {
    use std::time::Duration;

    use acceptance::cluster_stage::{ClusterStage, RELEASE, Result, WantedCluster, control_plane};
    use acceptance::servers::Servers;
    use serde_json::json;

    #[test]
    fn one_server_becomes_a_cluster_and_a_server_again() -> Result {
        let servers = Servers::up("cluster", &["--servers", "1", "--kubernetes", RELEASE])?;
        let before = servers.on("server-1", LISTING)?;
        let stage = ClusterStage::new(&servers)?;
        let wanted = WantedCluster::of("wireguard", [control_plane("cp-1", 1)]);
        stage.write_host(1)?;
        stage.apply(&wanted)?;
        stage.terraform.assert_plan_is_empty();

        let node = stage.object(&["node", "cp-1"])?;
        assert_eq!(node["status"]["nodeInfo"]["kubeletVersion"], format!("v{RELEASE}"));
        assert_eq!(node["metadata"]["labels"]["node-role.kubernetes.io/control-plane"], "");

        let shown = stage.terraform.state_of("data.socle_cluster.prod")?;
        assert_eq!((&shown["name"], &shown["kubernetes_version"]), (&json!("prod"), &json!(RELEASE)));
        assert_eq!(shown["node_status"]["cp-1"]["ready"], true);
        stage.assert_nothing_secret("server-1", &["server-1"])?;
        assert_addons_work(&stage, &servers)?;
        // A host that goes before its cluster leaves the programs to the node, and the node takes them along.
        stage.remove_host()?;
        let without = "deletion_protection = false\n addons { metrics_server = false }\n";
        stage.apply(&WantedCluster { more: without.to_owned(), ..wanted })?;
        stage.terraform.assert_plan_is_empty();
        assert!(stage.kubectl(&["top", "nodes"]).is_err());
        stage.object(&["storageclass", "local"])?;

        stage.terraform.destroy()?;
        let after = servers.on("server-1", LISTING)?;
        assert_eq!(difference(&before, &after), Vec::<String>::new());
        Ok(())
    }

    /// A claim of the default class, and a pod that writes to it; kube-proxy's image comes with a shell.
    fn claim() -> String {
        format!(
            "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{ name: data, namespace: kube-system }}\n\
             spec: {{ accessModes: [ReadWriteOnce], resources: {{ requests: {{ storage: 1Mi }} }} }}\n---\n\
             apiVersion: v1\nkind: Pod\nmetadata: {{ name: writer, namespace: kube-system }}\n\
             spec:\n  restartPolicy: Never\n  tolerations: [{{ operator: Exists }}]\n  \
             volumes: [{{ name: data, persistentVolumeClaim: {{ claimName: data }} }}]\n  \
             containers:\n    - name: writer\n      image: registry.k8s.io/kube-proxy:v{RELEASE}\n      \
             command: [sh, -c, \"echo kept >/data/file\"]\n      volumeMounts: [{{ name: data, mountPath: /data }}]\n"
        )
    }

    /// Usage is measured, with the kubelet's certificate checked; a claim gets a folder, and gives it back.
    fn assert_addons_work(stage: &ClusterStage<'_>, servers: &Servers) -> Result {
        // A kubelet whose certificate was asked for too late for the apply waits two minutes for the node's timer, and a
        // figure of use takes two looks.
        let patience = Duration::from_mins(6);
        stage.wait_until("what the node uses", patience, || {
            Ok(stage.kubectl(&["top", "nodes"])?.contains("cp-1"))
        })?;
        stage.kubectl_reading(&["apply", "--filename=-"], &claim())?;
        stage.wait_until("the writer to end", patience, || {
            Ok(stage.object(&["pod", "writer", "--namespace=kube-system"])?["status"]["phase"] == "Succeeded")
        })?;
        let volumes = "cat /var/lib/socle/volumes/*/file 2>/dev/null || :";
        assert_eq!(servers.on("server-1", volumes)?.trim(), "kept");
        stage.kubectl(&["delete", "--namespace=kube-system", "pod/writer", "persistentvolumeclaim/data"])?;
        stage.wait_until("the folder to go", patience, || Ok(servers.on("server-1", volumes)?.is_empty()))
    }

    /// What a host has that a cluster could leave. Packages stay on purpose, so what dpkg knows is left out, and so is
    /// what the two that are started at their installation write.
    const LISTING: &str = r"
sed -E 's#^/(bin|sbin|lib|lib64)/#/usr/\1/#' /var/lib/dpkg/info/*.list | sort -u >/run/known
{ find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /var/tmp \
    -o -path /var/log -o -path /var/cache -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/lib/systemd \
    -o -path /var/backups \) -prune -o -print
  find /var/lib/containerd /var/lib/kubelet /var/lib/etcd -mindepth 1
} 2>/dev/null | sort | comm -23 - /run/known | grep -Ev \
    'chrony|haproxy|/etc/rc[0-9S]\.d/|/etc/ld\.so\.cache|/var/lib/ucf/|/etc/apparmor\.d/local|/usr/lib/modules|/home/' | sed 's/^/file /'
rm /run/known
cut -d' ' -f2 /proc/self/mounts | grep -v '^/run/user/' | sort | sed 's/^/mount /'
ip -o link | cut -d: -f2 | cut -d@ -f1 | sort | sed 's/^/interface/'
ip -4 route | sed 's/^/route /'
nft list tables | grep -Ev ' (filter|nat|mangle|raw|security)$' | sed 's/^/rules /' || :
{ iptables-save; ip6tables-save; } 2>/dev/null | grep '^-A' | sed 's/^/rule /' || :
systemctl list-units --no-legend --plain --type=service,timer --state=active | cut -d' ' -f1 | grep -Ev 'chrony|^user' | sort | sed 's/^/unit /'
ss -Hltn | tr -s ' ' | cut -d' ' -f4 | sort | sed 's/^/listens /'
";

    fn difference(before: &str, after: &str) -> Vec<String> {
        let missing = |from: &str, there: &str, mark: &str| -> Vec<String> {
            let there: std::collections::BTreeSet<_> = there.lines().collect();
            from.lines().filter(|line| !there.contains(line)).map(|line| format!("{mark} {line}")).collect()
        };
        [missing(after, before, "+"), missing(before, after, "-")].concat()
    }
}
