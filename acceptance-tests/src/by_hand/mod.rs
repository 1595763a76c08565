//! A cluster as one makes it by hand: the bundle, `kubeadm init`, `kubeadm join`, a route to each node's pods.
//!
//! It shows that a bundle holds all that a node needs, and it is what the provider is measured against.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use sandbox::kubernetes::{MANIFEST, nesting};
use serde_json::{Value, json};

use crate::servers::{Server, Servers, ServersError};

const PREPARE: &str = include_str!("prepare.sh");
const PODS: &str = include_str!("pods.sh");
/// Where the bundles are on a server.
const PLACE: &str = "/root/bundles";
/// As every program on a control plane finds it.
const KUBECTL: &str = "kubectl --kubeconfig=/etc/kubernetes/admin.conf";

/// Servers of a sandbox that become a cluster of one version.
#[derive(Debug)]
pub struct ByHand<'a> {
    servers: &'a Servers,
    version: &'a str,
    bundles: PathBuf,
}

impl<'a> ByHand<'a> {
    /// On these servers, which came up with `--kubernetes VERSION`.
    pub fn on(servers: &'a Servers, version: &'a str) -> Result<Self, ServersError> {
        Ok(Self { servers, version, bundles: servers.variable("TF_VAR_bundles")?.into() })
    }

    /// Brings a bundle, or the folder of further images, to a server.
    pub fn bring(&self, server: &Server, bundle: &str) -> Result<(), ServersError> {
        let config = self.servers.variable("SOCLE_SANDBOX_SSH_CONFIG")?;
        let mut pack = Command::new("tar");
        pack.args(["--create", "--dereference", "--directory"]).arg(&self.bundles).arg(bundle);
        let mut pack = pack.stdout(Stdio::piped()).spawn().map_err(ServersError::at("pack the bundle"))?;
        let unpack = format!("mkdir -p {PLACE} && tar --extract --directory={PLACE}");
        let mut ssh = Command::new("ssh");
        ssh.args(["-F", &config, "-o", "BatchMode=yes", "-l", "root", &server.name, &unpack]);
        let sent = ssh.stdin(pack.stdout.take().map_or_else(Stdio::null, Stdio::from)).output();
        let sent = sent.map_err(ServersError::at("send the bundle"))?;
        let packed = pack.wait().map_err(ServersError::at("pack the bundle"))?;
        if packed.success() && sent.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&sent.stderr).into_owned();
        Err(ServersError::Failed { words: vec!["bring".to_owned(), bundle.to_owned()], said })
    }

    /// Makes a server ready for kubeadm.
    pub fn prepare(&self, server: &Server) -> Result<(), ServersError> {
        let arguments = format!("{PLACE}/{} {} true", self.version, server.address);
        self.script(server, PREPARE, &arguments)?;
        Ok(())
    }

    /// Imports the images that are in that folder beside the bundles.
    pub fn import(&self, server: &Server, folder: &str) -> Result<(), ServersError> {
        let import = format!(
            "for image in {PLACE}/{folder}/images/*.tar; do ctr --namespace=k8s.io images import $image; done"
        );
        self.servers.on(&server.name, &import)?;
        Ok(())
    }

    /// Makes `first` a cluster.
    pub fn init(&self, first: &Server) -> Result<(), ServersError> {
        let documents = self.configuration(first);
        let written = documents.iter().map(Value::to_string).collect::<Vec<_>>().join("\n---\n");
        let init = format!(
            "cat >/root/kubeadm.yaml <<'END'\n{written}\nEND\nkubeadm init --config=/root/kubeadm.yaml 2>&1"
        );
        self.servers.on(&first.name, &init)?;
        Ok(())
    }

    /// Makes `server` a worker of the cluster of `first`.
    pub fn join(&self, first: &Server, server: &Server) -> Result<(), ServersError> {
        let join = self.servers.on(
            &first.name,
            "kubeadm --kubeconfig=/etc/kubernetes/admin.conf token create --print-join-command",
        )?;
        let ignored: Vec<_> = ignored().iter().filter_map(|name| name.as_str().map(str::to_owned)).collect();
        let join = format!("{} --ignore-preflight-errors={} 2>&1", join.trim(), ignored.join(","));
        self.servers.on(&server.name, &join)?;
        Ok(())
    }

    /// Gives the pods of all nodes addresses, and routes to each other.
    pub fn connect(&self, nodes: &[&Server]) -> Result<(), ServersError> {
        let range = |node: &Server| {
            let assigned = format!("wait --for=jsonpath={{.spec.podCIDR}} node/{} --timeout=120s", node.name);
            self.kubectl(nodes[0], &assigned)?;
            let asked = format!("get node {} --output=jsonpath={{.spec.podCIDR}}", node.name);
            self.kubectl(nodes[0], &asked)
        };
        let ranges: Vec<_> = nodes.iter().map(|node| range(node)).collect::<Result<_, _>>()?;
        for (node, own) in nodes.iter().zip(&ranges) {
            let others = nodes.iter().zip(&ranges).filter(|(other, _)| other.name != node.name);
            let routes = others.map(|(other, range)| format!(" {range} {}", other.address));
            self.script(node, PODS, &(own.clone() + &routes.collect::<String>()))?;
        }
        Ok(())
    }

    /// What kubectl prints on a control plane, as the administrator.
    pub fn kubectl(&self, control_plane: &Server, words: &str) -> Result<String, ServersError> {
        self.servers.on(&control_plane.name, &format!("{KUBECTL} {words}"))
    }

    /// Applies YAML documents.
    pub fn apply(&self, control_plane: &Server, documents: &str) -> Result<(), ServersError> {
        let apply = format!("{KUBECTL} apply --filename=- <<'END'\n{documents}\nEND");
        self.servers.on(&control_plane.name, &apply)?;
        Ok(())
    }

    /// The full name of an image in one of these folders, by its own: `nginx`.
    pub fn image(&self, own: &str) -> Result<String, ServersError> {
        let is_it = |name: &String| name.split(['/', ':']).any(|part| part == own);
        for folder in fs::read_dir(&self.bundles).map_err(ServersError::at("list the bundles"))?.flatten() {
            let text = fs::read_to_string(folder.path().join(MANIFEST))
                .map_err(ServersError::at("read the manifest of images"))?;
            let manifest: Value = serde_json::from_str(&text).unwrap_or_default();
            let images = manifest["images"].as_array().into_iter().flatten();
            let mut names = images.filter_map(|image| image["name"].as_str().map(str::to_owned));
            if let Some(found) = names.find(is_it) {
                return Ok(found);
            }
        }
        Err(ServersError::Silent(own.to_owned()))
    }

    fn script(&self, server: &Server, script: &str, arguments: &str) -> Result<String, ServersError> {
        self.servers.on(&server.name, &format!("sh -s {arguments} <<'SCRIPT'\n{script}\nSCRIPT"))
    }

    fn configuration(&self, first: &Server) -> [Value; 4] {
        let nested = nesting::arguments();
        let of = |part: &str, kind: &str, api: &str| {
            let mut document = nested[part].clone();
            document["kind"] = json!(kind);
            document["apiVersion"] = json!(api);
            document
        };
        [
            json!({
                "apiVersion": "kubeadm.k8s.io/v1beta4",
                "kind": "InitConfiguration",
                "localAPIEndpoint": { "advertiseAddress": first.address },
                "nodeRegistration": { "ignorePreflightErrors": ignored() },
            }),
            json!({
                "apiVersion": "kubeadm.k8s.io/v1beta4",
                "kind": "ClusterConfiguration",
                "kubernetesVersion": format!("v{}", self.version),
                "networking": { "podSubnet": "10.244.0.0/16" },
            }),
            of("kubelet", "KubeletConfiguration", "kubelet.config.k8s.io/v1beta1"),
            of("kube_proxy", "KubeProxyConfiguration", "kubeproxy.config.k8s.io/v1alpha1"),
        ]
    }
}

/// What kubeadm is told not to mind on a server that is a container.
fn ignored() -> Vec<Value> {
    nesting::arguments()["ignore_preflight_errors"].as_array().cloned().unwrap_or_default()
}
