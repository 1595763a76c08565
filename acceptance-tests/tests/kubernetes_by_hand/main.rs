//! The bundles of Kubernetes, with nothing of the provider's: kubeadm by hand, on servers without a way out.

/// The module is a mark: where servers cannot run, its tests are left out by `--skip on_servers`.
mod on_servers {
    use std::sync::{Mutex, PoisonError};

    use acceptance::by_hand::ByHand;
    use acceptance::servers::{Server, Servers};

    type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

    const WEB: &str = include_str!("web.yaml");
    const DATABASE: &str = include_str!("database.yaml");
    const METRICS: &str = include_str!("metrics-server.yaml");
    /// How long things may take to become ready, for kubectl.
    const PATIENCE: &str = "--timeout=240s";

    /// Two clusters at once would want more memory than a small machine has.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

    #[test]
    fn become_a_cluster_of_the_older_minor() -> Result {
        become_a_cluster("1.36.3")
    }

    #[test]
    fn become_a_cluster_of_the_newer_minor() -> Result {
        become_a_cluster("1.37.2")
    }

    fn become_a_cluster(version: &str) -> Result {
        let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let servers = Servers::up("hand", &["--servers", "2", "--kubernetes", version])?;
        let [first, second] = [servers.server(1)?, servers.server(2)?];
        let hand = ByHand::on(&servers, version)?;
        for server in [&first, &second] {
            hand.bring(server, version)?;
            hand.prepare(server)?;
        }
        hand.init(&first)?;
        hand.join(&first, &second)?;
        hand.connect(&[&first, &second])?;
        nodes_are_ready(&hand, &first, version)?;
        for server in [&first, &second] {
            hand.bring(server, "extra-images")?;
            hand.import(server, "extra-images")?;
        }
        names_and_services_work_across_servers(&hand, &first)?;
        a_database_keeps_what_is_written_to_it(&hand, &first)?;
        metrics_are_there_for_both(&servers, &hand, &first)
    }

    fn nodes_are_ready(hand: &ByHand, first: &Server, version: &str) -> Result {
        hand.kubectl(first, &format!("wait --for=condition=Ready nodes --all {PATIENCE}"))?;
        let columns = "custom-columns=:metadata.name,:status.nodeInfo.kubeletVersion";
        let nodes = hand.kubectl(first, &format!("get nodes --no-headers --output={columns}"))?;
        let nodes: Vec<_> = nodes.split_whitespace().collect();
        assert_eq!(nodes, ["server-1", &format!("v{version}"), "server-2", &format!("v{version}")]);
        hand.kubectl(
            first,
            &format!("--namespace=kube-system wait --for=condition=Ready pods --all {PATIENCE}"),
        )?;
        Ok(())
    }

    /// From each server, the other's web server by its Service's name.
    fn names_and_services_work_across_servers(hand: &ByHand, first: &Server) -> Result {
        let web = WEB.replace("IMAGE", &hand.image("nginx")?);
        hand.apply(first, &["server-1", "server-2"].map(|node| web.replace("NODE", node)).join("\n---\n"))?;
        hand.kubectl(first, &format!("wait --for=condition=Ready pods --all {PATIENCE}"))?;
        for (here, there) in [("server-1", "server-2"), ("server-2", "server-1")] {
            let page = format!(
                "exec {here} -- bash -euc 'exec 3<>/dev/tcp/web-{there}.default.svc.cluster.local/80; \
                 printf \"GET / HTTP/1.0\\r\\n\\r\\n\" >&3; cat <&3'"
            );
            let page = hand.kubectl(first, &page)?;
            assert!(page.contains(&format!("this is {there}\n")), "{here} asked {there}: {page}");
        }
        Ok(())
    }

    fn a_database_keeps_what_is_written_to_it(hand: &ByHand, first: &Server) -> Result {
        hand.apply(first, &DATABASE.replace("IMAGE", &hand.image("postgresql")?))?;
        let password = "$(head -c 18 /dev/urandom | base64)";
        hand.kubectl(
            first,
            &format!("create secret generic database --from-literal=password=\"{password}\""),
        )?;
        hand.kubectl(first, &format!("wait --for=condition=Ready pod/database {PATIENCE}"))?;
        let ask = |sql: &str| {
            let script = format!(
                "PGPASSWORD=$(cat /run/secrets/database/password) psql --host=database --username=postgres \
                 --tuples-only --no-align --command=\"{sql}\""
            );
            hand.kubectl(first, &format!("exec database -- sh -euc '{script}'"))
        };
        ask("create table users as select 42 as id")?;
        assert_eq!(ask("select id from users")?, "42\n");
        Ok(())
    }

    fn metrics_are_there_for_both(servers: &Servers, hand: &ByHand, first: &Server) -> Result {
        hand.apply(first, &METRICS.replace("IMAGE", &hand.image("metrics-server")?))?;
        let available = "wait --for=condition=Available apiservice/v1beta1.metrics.k8s.io";
        hand.kubectl(first, &format!("{available} {PATIENCE}"))?;
        // A figure of use takes two looks at each kubelet.
        let both = "kubectl --kubeconfig=/etc/kubernetes/admin.conf top nodes --no-headers";
        let wait = format!(
            "timeout 240 sh -c 'until [ $({both} 2>/dev/null | grep -c %) = 2 ]; do sleep 1; done'; {both}"
        );
        let figures = servers.on(&first.name, &wait)?;
        let mut names: Vec<_> = figures.lines().filter_map(|line| line.split_whitespace().next()).collect();
        names.sort_unstable();
        assert_eq!(names, ["server-1", "server-2"], "{figures}");
        Ok(())
    }
}
