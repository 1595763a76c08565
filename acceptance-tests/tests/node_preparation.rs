//! The modules `container_runtime` and `kubelet` on real servers, with a real bundle: what they make is a node.

/// The module is a mark: where servers cannot run, its tests are left out by `--skip on_servers`.
mod on_servers {
    use std::path::PathBuf;
    use std::process::{Command, Stdio};
    use std::sync::OnceLock;

    use acceptance::ansible::{Ansible, Recap};
    use acceptance::by_hand::ByHand;
    use acceptance::host_programs::HostPrograms;
    use acceptance::servers::{Server, Servers};
    use sandbox::kubernetes::nesting;
    use serde_json::{Value, json};

    type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

    const VERSION: &str = "1.37.2";
    /// Where the bundle is on a server.
    const BUNDLE: &str = "/root/bundles/1.37.2";
    /// All that stands in the folders that a preparation writes to.
    const FILES: &str = "find /etc /usr/local /opt /var/lib/socle \\( -type f -o -type l \\) -printf '%p %s %m\\n' 2>/dev/null | sort";
    /// When containerd was last started.
    const STARTED: &str =
        "systemctl show --value --property=ExecMainStartTimestampMonotonic containerd.service";
    /// A systemctl that ends who asks it to restart something.
    const KILLER: &str = "#!/bin/sh\ncase $1 in daemon-reload | restart) kill -9 $PPID ;; esac\nexec /usr/bin/systemctl \"$@\"";

    /// One data centre for all tests; each test has a server of its own.
    fn site() -> &'static Servers {
        static SITE: OnceLock<Servers> = OnceLock::new();
        SITE.get_or_init(|| {
            Servers::up("node", &["--servers", "3", "--kubernetes", VERSION]).expect("servers")
        })
    }

    /// A server with the bundle and the two programs.
    struct Node {
        server: Server,
        hand: ByHand<'static>,
    }

    impl Node {
        fn new(number: usize) -> Result<Node> {
            let node = Node { server: site().server(number)?, hand: ByHand::on(site(), VERSION)? };
            node.hand.bring(&node.server, VERSION)?;
            node.bring_programs()?;
            Ok(node)
        }

        fn bring_programs(&self) -> Result {
            let kubelet = HostPrograms::built()?.program("kubelet");
            let config = site().variable("SOCLE_SANDBOX_SSH_CONFIG")?;
            let mut pack = Command::new("tar");
            pack.args(["--create", "--dereference", "--directory"]).arg(kubelet.parent().ok_or("no folder")?);
            let mut pack = pack.args(["kubelet", "container_runtime"]).stdout(Stdio::piped()).spawn()?;
            let unpack = "tar --extract --directory=/var/tmp";
            let mut ssh = Command::new("ssh");
            ssh.args(["-F", &config, "-o", "BatchMode=yes", "-l", "root", &self.server.name, unpack]);
            let sent = ssh.stdin(pack.stdout.take().ok_or("no pipe")?).status()?;
            if pack.wait()?.success() && sent.success() {
                Ok(())
            } else {
                Err("the programs do not arrive".into())
            }
        }

        fn on(&self, script: &str) -> Result<String> {
            Ok(site().on(&self.server.name, script)?)
        }

        /// What a program answers.
        fn run(&self, program: &str, arguments: &Value) -> Result<Value> {
            let told = self.on(&format!("/var/tmp/{program} - <<'END' || true\n{arguments}\nEND"))?;
            Ok(serde_json::from_str(&told)?)
        }

        fn runtime(&self, more: &[(&str, Value)]) -> Result<Value> {
            let nested = &nesting::arguments()["container_runtime"];
            self.run("container_runtime", &with(json!({ "bundle": BUNDLE, "extra_config": nested }), more))
        }

        fn kubelet(&self, more: &[(&str, Value)]) -> Result<Value> {
            let base = json!({
                "bundle": BUNDLE, "version": VERSION, "node_ip": self.server.address,
                // To be seen on the node: what stands here wins over what kubeadm writes.
                "extra_config": { "maxPods": 42 },
                "packages": ["conntrack", "socat", "haproxy", "ipset"],
            });
            self.run("kubelet", &with(base, more))
        }
    }

    fn with(mut arguments: Value, more: &[(&str, Value)]) -> Value {
        for (name, value) in more {
            arguments[*name] = value.clone();
        }
        arguments
    }

    /// The names of what changed, or would.
    fn changed(answer: &Value) -> Vec<&str> {
        assert_eq!(answer["failed"], false, "{answer:#}");
        let items = answer["items"].as_array().into_iter().flatten();
        items.filter(|item| item["changed"] == true).filter_map(|item| item["id"].as_str()).collect()
    }

    fn refusal(answer: &Value) -> &str {
        assert_eq!((&answer["failed"], &answer["changed"]), (&json!(true), &json!(false)), "{answer:#}");
        answer["msg"].as_str().unwrap_or_default()
    }

    const CHECK: (&str, Value) = ("_ansible_check_mode", Value::Bool(true));

    #[test]
    fn a_bare_server_becomes_a_node_and_a_bare_server_again() -> Result {
        let node = Node::new(1)?;
        let before = node.on(FILES)?;

        let foreseen = [node.runtime(&[CHECK])?, node.kubelet(&[CHECK])?];
        assert_eq!(node.on(FILES)?, before);
        let done = [node.runtime(&[])?, node.kubelet(&[])?];
        for (foreseen, done) in foreseen.iter().zip(&done) {
            assert_eq!(changed(foreseen), changed(done));
        }
        let silent = |node: &Node| -> Result {
            assert_eq!(changed(&node.runtime(&[])?), [""; 0]);
            assert_eq!(changed(&node.kubelet(&[])?), [""; 0]);
            assert_eq!(changed(&node.kubelet(&[CHECK])?), [""; 0]);
            Ok(())
        };
        silent(&node)?;
        node.on("haproxy -v && ipset version")?;

        node.hand.init(&node.server)?;
        node.hand.connect(&[&node.server])?;
        node.hand.kubectl(&node.server, "wait --for=condition=Ready node/server-1 --timeout=240s")?;
        let path = "{.status.capacity.pods} {.status.addresses[0].address}";
        let shown =
            node.hand.kubectl(&node.server, &format!("get node server-1 --output=jsonpath='{path}'"))?;
        assert_eq!(shown, format!("42 {}", node.server.address));
        silent(&node)?;

        // A mirror is read at each pull; another configuration restarts containerd, and the pods go on.
        let pods = "ctr --namespace=k8s.io tasks ls --quiet | sort";
        let (first, tasks) = (node.on(STARTED)?, node.on(pods)?);
        let mirrors = ("registry_mirrors", json!({ "docker.io": ["https://mirror.example.social"] }));
        changed(&node.runtime(std::slice::from_ref(&mirrors))?);
        assert_eq!(node.on(STARTED)?, first);
        let image = ("sandbox_image", json!("registry.k8s.io/pause:3.10.2-other"));
        assert_eq!(
            changed(&node.runtime(&[mirrors.clone(), image.clone()])?),
            ["file /etc/containerd/config.toml", "service containerd.service"]
        );
        assert_ne!(node.on(STARTED)?, first);
        assert_eq!(changed(&node.runtime(&[mirrors, image])?), [""; 0]);
        assert_eq!(node.on(pods)?, tasks);
        let broken = (
            "extra_config",
            json!({ "plugins": { "io.containerd.cri.v1.runtime": { "max_container_log_line_size": "x" } } }),
        );
        assert_eq!(node.runtime(&[broken])?["failed"], true);
        node.on("systemctl is-active containerd.service kubelet.service")?;

        for program in ["kubelet", "container_runtime"] {
            assert!(
                refusal(&node.run(program, &json!({ "state": "absent" }))?)
                    .contains("is a node of a cluster")
            );
        }
        node.on("kubeadm reset --force 2>&1 && rm -f /etc/cni/net.d/10-pods.conflist")?;
        for program in ["kubelet", "container_runtime"] {
            let answer = node.run(program, &json!({ "state": "absent" }))?;
            assert_ne!(changed(&answer), [""; 0]);
            assert_eq!(changed(&node.run(program, &json!({ "state": "absent" }))?), [""; 0]);
        }
        let left = node.on(&format!("{FILES} | grep -E 'kube|containerd|socle|runc|cni' || true"))?;
        let left: Vec<_> = left.lines().filter(|line| !before.contains(line)).collect();
        assert_eq!(left, [""; 0]);
        Ok(())
    }

    #[test]
    fn what_goes_wrong_is_told_and_the_next_run_mends_it() -> Result {
        let node = Node::new(2)?;
        let before = node.on(FILES)?;

        // Damaged, of another release, for another processor, another bundle than looked at.
        node.on(&format!("cp {BUNDLE}/bin/runc /root/; echo x >>{BUNDLE}/bin/runc"))?;
        assert!(refusal(&node.runtime(&[])?).contains("it is damaged, copy the bundle again"));
        node.on(&format!("cp /root/runc {BUNDLE}/bin/runc"))?;
        assert!(refusal(&node.kubelet(&[("version", json!("1.36.3"))])?).contains("1.36.3 is wanted"));
        let sum = ("bundle_checksum", json!("0".repeat(64)));
        assert!(refusal(&node.runtime(&[sum])?).contains("this is another bundle"));
        assert_eq!(node.on(&format!("{FILES} | grep -v /var/lib/socle/owners/node.json"))?, before);

        // Full in the middle: nothing is half written.
        node.on("mkdir -p /opt/cni/bin && mount -t tmpfs -o size=4m tmpfs /opt/cni/bin")?;
        let full = node.kubelet(&[])?;
        assert_eq!(full["failed"], true);
        assert!(full["msg"].as_str().unwrap_or_default().contains("the file system is full"), "{full:#}");
        node.on(&format!("cd /opt/cni/bin; for p in [a-z]*; do cmp $p {BUNDLE}/cni/$p; done; [ -z \"$(find . -name '.*.socle-new')\" ]"))?;
        node.on("umount /opt/cni/bin")?;

        // Killed between the change and the restart, by a systemctl that is asked for one.
        changed(&node.runtime(&[])?);
        let first = node.on(STARTED)?;
        let image = ("sandbox_image", json!("registry.k8s.io/pause:other"));
        node.on(&format!(
            "cat >/usr/local/sbin/systemctl <<'END'\n{KILLER}\nEND\nchmod 755 /usr/local/sbin/systemctl"
        ))?;
        assert!(node.runtime(std::slice::from_ref(&image)).is_err());
        node.on("rm /usr/local/sbin/systemctl; grep -q pause:other /etc/containerd/config.toml")?;
        assert_eq!(node.on(STARTED)?, first);
        assert_eq!(changed(&node.runtime(std::slice::from_ref(&image))?), ["service containerd.service"]);
        assert_ne!(node.on(STARTED)?, first);
        assert_eq!(changed(&node.runtime(&[image])?), [""; 0]);

        // Nobody else may prepare it.
        let other = node.runtime(&[("owner", json!("somebody"))])?;
        assert!(refusal(&other).contains("belongs to ansible"));
        Ok(())
    }

    /// The role on the third server, with the bundle that it is given from this machine.
    struct Role {
        ansible: Ansible,
        play: PathBuf,
    }

    impl Role {
        const HOST: &str = "server-3";

        fn new() -> Result<Role> {
            let ansible = Ansible::on(site())?;
            let variables = json!({
                "kubernetes_node_version": VERSION,
                "kubernetes_node_bundle": format!("{}/{VERSION}", site().variable("TF_VAR_bundles")?),
                "kubernetes_node_runtime_extra_config": nesting::arguments()["container_runtime"],
            });
            let role = json!([{ "role": "socle.platform.kubernetes_node", "vars": variables }]);
            let play = json!([{ "hosts": Self::HOST, "gather_facts": false, "roles": role }]);
            let play = ansible.write("prepare.json", &play.to_string())?;
            Ok(Role { ansible, play })
        }

        fn plays(&self, more: &[&str]) -> Result<Recap> {
            let play = self.play.to_string_lossy();
            let run = self.ansible.playbook([&*play].iter().chain(more))?;
            let recap = run.recap(Self::HOST).filter(|_| run.succeeded);
            recap.ok_or_else(|| run.said.into())
        }
    }

    #[test]
    fn the_role_brings_a_bundle_once_and_a_copy_that_was_not_finished_goes_on() -> Result {
        let folder = format!("/var/lib/socle/bundles/{VERSION}");
        let on = |script: &str| site().on(Role::HOST, script);
        let role = Role::new()?;
        assert_eq!(role.plays(&["--check"])?.changed, 1, "the bundle would be brought");
        on(&format!("[ ! -e {folder} ]"))?;
        assert_eq!(role.plays(&[])?.changed, 3);
        on(&format!("cd {folder} && sha256sum --check --quiet SHA256SUMS && ! ls -A | grep sums"))?;
        assert_eq!(role.plays(&[])?.changed, 0);
        on(&format!("cd {folder} && rm SHA256SUMS && echo x >>bin/runc && touch -d 2001-01-01 bin/kubelet"))?;
        assert_eq!(role.plays(&[])?.changed, 1);
        let kubelet =
            on(&format!("cd {folder} && sha256sum --check --quiet SHA256SUMS && date -r bin/kubelet +%Y"))?;
        assert_eq!(kubelet.trim(), "2001", "what was as it should be is not brought again");
        Ok(())
    }
}
