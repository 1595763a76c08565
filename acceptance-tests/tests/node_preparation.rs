//! The modules `container_runtime` and `kubelet` on real servers, with a real bundle: what they make is a node.

/// The module is a mark: where servers cannot run, its tests are left out by `--skip on_servers`.
mod on_servers {
    use std::path::Path;
    use std::process::{Command, Stdio};
    use std::sync::OnceLock;

    use acceptance::host_programs::HostPrograms;
    use acceptance::servers::Servers;
    use sandbox::kubernetes::nesting;
    use serde_json::{Value, json};

    type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

    const VERSION: &str = "1.37.2";
    /// Where the bundle is on a server.
    const BUNDLE: &str = "/var/lib/socle/bundles/1.37.2";
    const KUBECTL: &str = "kubectl --kubeconfig=/etc/kubernetes/admin.conf";
    /// All that stands in the folders that a preparation writes to.
    const FILES: &str = "find /etc /usr/local /opt /var/lib/socle ! -path '/var/lib/socle/bundles/*' \\( -type f -o -type l \\) \
                         -printf '%p %s %m\\n' | sort";

    /// When containerd was last started.
    const STARTED: &str =
        "systemctl show --value --property=ExecMainStartTimestampMonotonic containerd.service";
    /// A systemctl that ends who asks it to restart something.
    const KILLER: &str = "#!/bin/sh\ncase $1 in daemon-reload | restart) kill -9 $PPID ;; esac\nexec /usr/bin/systemctl \"$@\"";

    /// One data centre for all tests; each test has a server of its own.
    fn site() -> &'static Servers {
        static SITE: OnceLock<Servers> = OnceLock::new();
        SITE.get_or_init(|| {
            Servers::up("node", &["--servers", "2", "--kubernetes", VERSION]).expect("servers")
        })
    }

    /// A server with the bundle and the two programs.
    struct Node {
        name: &'static str,
        address: String,
    }

    impl Node {
        fn new(number: usize) -> Result<Node> {
            let server = site().server(number)?;
            let node = Node { name: ["", "server-1", "server-2"][number], address: server.address };
            let bundles = site().variable("TF_VAR_bundles")?;
            node.bring(Path::new(&bundles), VERSION, "/var/lib/socle/bundles")?;
            let programs = HostPrograms::built()?;
            for name in ["container_runtime", "kubelet"] {
                let program = programs.program(name);
                node.bring(program.parent().ok_or("no folder")?, name, "/var/tmp")?;
            }
            Ok(node)
        }

        /// Brings what is in a folder of this machine, by its name there, into a folder of the server.
        fn bring(&self, folder: &Path, name: &str, into: &str) -> Result {
            let config = site().variable("SOCLE_SANDBOX_SSH_CONFIG")?;
            let mut pack = Command::new("tar");
            pack.args(["--create", "--dereference", "--directory"]).arg(folder).arg(name);
            let mut pack = pack.stdout(Stdio::piped()).spawn()?;
            let unpack = format!("mkdir -p {into} && tar --extract --directory={into}");
            let mut ssh = Command::new("ssh");
            ssh.args(["-F", &config, "-o", "BatchMode=yes", "-l", "root", self.name, &unpack]);
            let sent = ssh.stdin(pack.stdout.take().ok_or("no pipe")?).output()?;
            let packed = pack.wait()?.success();
            let said = String::from_utf8_lossy(&sent.stderr).into_owned();
            if packed && sent.status.success() { Ok(()) } else { Err(said.into()) }
        }

        fn on(&self, script: &str) -> Result<String> {
            Ok(site().on(self.name, script)?)
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
            let mut config = nesting::arguments()["kubelet"].clone();
            // To be seen on the node: what stands here wins over what kubeadm writes.
            config["maxPods"] = json!(42);
            let base = json!({
                "bundle": BUNDLE, "version": VERSION, "node_ip": self.address, "extra_config": config,
                "packages": ["conntrack", "socat", "haproxy", "ipset"],
            });
            self.run("kubelet", &with(base, more))
        }

        fn init(&self) -> Result {
            let nested = nesting::arguments();
            let mut proxy = nested["kube_proxy"].clone();
            proxy["apiVersion"] = json!("kubeproxy.config.k8s.io/v1alpha1");
            proxy["kind"] = json!("KubeProxyConfiguration");
            let api = "kubeadm.k8s.io/v1beta4";
            let documents = [
                json!({
                    "apiVersion": api, "kind": "InitConfiguration",
                    "localAPIEndpoint": { "advertiseAddress": self.address },
                    "nodeRegistration": { "ignorePreflightErrors": nested["ignore_preflight_errors"] },
                }),
                json!({
                    "apiVersion": api, "kind": "ClusterConfiguration", "kubernetesVersion": format!("v{VERSION}"),
                    "networking": { "podSubnet": "10.244.0.0/16" },
                }),
                proxy,
            ];
            let text = documents.map(|document| document.to_string()).join("\n---\n");
            self.on(&format!(
                "cat >/root/kubeadm.yaml <<'END'\n{text}\nEND\nkubeadm init --config=/root/kubeadm.yaml 2>&1"
            ))?;
            let plugins = json!({
                "cniVersion": "1.0.0", "name": "test", "plugins": [{
                    "type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true,
                    "ipam": { "type": "host-local", "ranges": [[{ "subnet": "10.244.0.0/24" }]], "routes": [{ "dst": "0.0.0.0/0" }] },
                }],
            });
            self.on(&format!("mkdir -p /etc/cni/net.d; echo '{plugins}' >/etc/cni/net.d/10-test.conflist"))
                .map(drop)
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

        node.init()?;
        node.on(&format!("{KUBECTL} wait --for=condition=Ready node/server-1 --timeout=180s"))?;
        let shown = node.on(&format!("{KUBECTL} get node server-1 --output=jsonpath='{{.status.capacity.pods}} {{.status.addresses[0].address}}'"))?;
        assert_eq!(shown, format!("42 {}", node.address));
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
        node.on("kubeadm reset --force 2>&1 && rm -f /etc/cni/net.d/10-test.conflist")?;
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
        let ours = "/var/lib/socle/owners/node.json";
        assert_eq!(node.on(&format!("{FILES} | grep -v {ours}"))?, before);

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
}
