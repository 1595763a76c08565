//! A cluster on servers of the sandbox: the configuration that a user would write, the sandbox's needs among its
//! arguments, and what the cluster says of itself.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use serde_json::Value;

use crate::host_programs::HostPrograms;
use crate::provider_binary::ProviderBinary;
use crate::servers::{Server, Servers};
use crate::terraform::{Program, Workspace};

/// What goes wrong is told by whoever it went wrong for.
pub type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A root module with one cluster.
#[derive(Debug)]
pub struct ClusterStage<'s> {
    servers: &'s Servers,
    /// Terraform at work.
    pub terraform: Workspace,
    bundles: PathBuf,
    needs: String,
}

/// A cluster as a test wants it.
#[derive(Debug, Clone)]
pub struct WantedCluster {
    /// `wireguard` or `private`.
    pub mode: &'static str,
    /// Its nodes.
    pub nodes: Vec<WantedNode>,
    /// More of its arguments and blocks.
    pub more: String,
    /// More fields of the kubelets' configuration, as an expression.
    pub kubelet: &'static str,
}

/// A node of it.
#[derive(Debug, Clone)]
pub struct WantedNode {
    /// Its name.
    pub name: &'static str,
    /// `control-plane` or `worker`.
    pub role: &'static str,
    /// The number of its server, from 1.
    pub server: usize,
    /// More of its arguments.
    pub more: String,
}

/// The release that the tests use.
pub const RELEASE: &str = "1.37.2";

/// A control plane on the server of that number.
pub fn control_plane(name: &'static str, server: usize) -> WantedNode {
    WantedNode { name, role: "control-plane", server, more: String::new() }
}

/// A worker on the server of that number.
pub fn worker(name: &'static str, server: usize) -> WantedNode {
    WantedNode { name, role: "worker", server, more: String::new() }
}

impl WantedCluster {
    /// In this mode, with these nodes.
    pub fn of(mode: &'static str, nodes: impl IntoIterator<Item = WantedNode>) -> Self {
        let nodes = nodes.into_iter().collect();
        Self { mode, nodes, more: "deletion_protection = false\n".to_owned(), kubelet: "{}" }
    }

    /// With these arguments of the node `name`.
    #[must_use]
    pub fn with(mut self, name: &str, more: &str) -> Self {
        for node in self.nodes.iter_mut().filter(|node| node.name == name) {
            more.clone_into(&mut node.more);
        }
        self
    }

    /// Without the node `name`.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.nodes.retain(|node| node.name != name);
        self
    }

    /// With one more node.
    #[must_use]
    pub fn and(mut self, node: WantedNode) -> Self {
        self.nodes.push(node);
        self
    }
}

impl<'s> ClusterStage<'s> {
    /// An empty root module, beside servers that were brought up with `--kubernetes`.
    pub fn new(servers: &'s Servers) -> Result<Self> {
        let terraform = Workspace::new(&Program::terraform()?)?;
        let log = terraform.folder().join("trace.log").display().to_string();
        let terraform = terraform
            .with_provider("socle-platform/socle", ProviderBinary::built()?.folder())
            .with_variable("SOCLE_HOST_PROGRAMS", &HostPrograms::built()?.folder().display().to_string())
            .with_variable("TF_LOG", "TRACE")
            .with_variable("TF_LOG_PATH", &log);
        // The release alone: the images beside it are large, and not what is looked at here.
        let bundles = terraform.folder().join("bundles");
        fs::create_dir(&bundles)?;
        let bundle = PathBuf::from(servers.variable("TF_VAR_bundles")?).join(RELEASE);
        std::os::unix::fs::symlink(bundle, bundles.join(RELEASE))?;
        Ok(Self { servers, terraform, bundles, needs: servers.variable("TF_VAR_nested_kubernetes")? })
    }

    /// Writes the root module.
    pub fn write(&self, cluster: &WantedCluster) -> Result {
        let mut text = self.head()?;
        let _ = write!(
            text,
            "resource \"socle_cluster\" \"prod\" {{\n  name = \"prod\"\n  kubernetes_version = \"{RELEASE}\"\n  bundles = {:?}\n",
            self.bundles.display().to_string()
        );
        text.push_str("  nodes = {\n");
        for node in &cluster.nodes {
            text.push_str(&self.node(node, cluster.mode)?);
        }
        let _ = write!(
            text,
            "  }}\n  network {{\n    mode = {:?}\n  }}\n  {}\n  kubelet {{\n    extra_config = merge(local.needs.kubelet, {})\n  }}\n",
            cluster.mode, cluster.more, cluster.kubelet
        );
        text.push_str(NEEDS);
        text.push_str(KUBECONFIG);
        Ok(self.terraform.write("main.tf", &text)?)
    }

    fn head(&self) -> Result<String> {
        let key = self.servers.variable("TF_VAR_private_key_file")?;
        self.terraform.write("needs.json", &self.needs)?;
        Ok(format!(
            "terraform {{\n  required_providers {{\n    socle = {{ source = \"socle-platform/socle\" }}\n  }}\n}}\n\
             provider \"socle\" {{\n  ssh {{\n    user = \"{}\"\n    private_key = file(\"{key}\")\n  }}\n}}\n\
             locals {{\n  needs = jsondecode(file(\"needs.json\"))\n}}\n",
            self.servers.admin()
        ))
    }

    /// Writes a `socle_host` of that server beside the cluster, of which Terraform gathers facts and no more.
    pub fn write_host(&self, server: usize) -> Result {
        let Server { address, host_key, .. } = self.servers.server(server)?;
        let text = format!(
            "resource \"socle_host\" \"x\" {{\n  address = {address:?}\n  host_key = {host_key:?}\n}}\n"
        );
        Ok(self.terraform.write(HOST, &text)?)
    }

    /// Takes it out of the configuration.
    pub fn remove_host(&self) -> Result {
        Ok(fs::remove_file(self.folder().join(HOST))?)
    }

    fn node(&self, node: &WantedNode, mode: &str) -> Result<String> {
        let server = self.servers.server(node.server)?;
        let private = format!("private_address = {:?}", server.address);
        let private = if mode == "private" { private } else { String::new() };
        let host_key = if node.more.contains("host_key") {
            String::new()
        } else {
            format!("host_key = {:?}", server.host_key)
        };
        Ok(format!(
            "    {:?} = {{\n      role = {:?}\n      address = {:?}\n      {host_key}\n      {private}\n      {}\n    }}\n",
            node.name, node.role, server.address, node.more
        ))
    }

    /// Writes it, and applies.
    pub fn apply(&self, cluster: &WantedCluster) -> Result {
        self.write(cluster)?;
        Ok(self.terraform.apply()?)
    }

    /// Writes it, and answers what an apply refuses it with.
    pub fn refused(&self, cluster: &WantedCluster) -> Result<String> {
        self.write(cluster)?;
        match self.terraform.apply() {
            Ok(()) => Err("it was applied".into()),
            Err(error) => Ok(error.to_string()),
        }
    }

    /// What kubectl prints.
    pub fn kubectl(&self, words: &[&str]) -> Result<String> {
        self.kubectl_reading(words, "")
    }

    /// What kubectl prints when it reads `input`.
    pub fn kubectl_reading(&self, words: &[&str], input: &str) -> Result<String> {
        let program = self.bundles.join(RELEASE).join("bin/kubectl");
        let kubeconfig = self.terraform.folder().join("kubeconfig");
        output_of(Command::new(program).arg("--kubeconfig").arg(kubeconfig).args(words), input)
    }

    /// An object of the cluster.
    pub fn object(&self, words: &[&str]) -> Result<Value> {
        Ok(serde_json::from_str(&self.kubectl(&[&["get", "-o", "json"], words].concat())?)?)
    }

    /// Waits until `look` finds what is waited for; tells what was seen last otherwise.
    pub fn wait_until(&self, what: &str, limit: Duration, look: impl Fn() -> Result<bool>) -> Result {
        let end = Instant::now() + limit;
        loop {
            let seen = look();
            if matches!(seen, Ok(true)) {
                return Ok(());
            }
            if Instant::now() >= end {
                return Err(format!("still waiting for {what}: {seen:?}").into());
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Checks that nothing secret of the cluster stands where it must not: in what Terraform wrote, `TRACE` log included,
    /// in what a plan shows, and in arguments, environments and journals on hosts. Base64 of it neither.
    ///
    /// `control_plane` is the server of one, `hosts` are the servers that are looked at.
    ///
    /// # Panics
    /// When something stands there.
    pub fn assert_nothing_secret(&self, control_plane: &str, hosts: &[&str]) -> Result {
        let marks = self.marks(control_plane)?;
        assert!(marks.len() > 12, "too few secrets to look for: {}", marks.len());
        let mut places = vec![("the plan".to_owned(), self.terraform.run(&["show", "-json"])?)];
        for file in fs::read_dir(self.folder())? {
            let file = file?;
            let name = file.file_name().to_string_lossy().into_owned();
            // The test's own copy of the credential.
            if name != "kubeconfig" && file.path().is_file() {
                let text = String::from_utf8_lossy(&fs::read(file.path())?).into_owned();
                places.push((name, text));
            }
        }
        for host in hosts {
            places.push((format!("processes of {host}"), self.servers.on(host, RUNNING)?));
            places.push((format!("the log of {host}"), self.servers.on(host, "journalctl --no-pager")?));
        }
        for (place, text) in &places {
            let found = marks.iter().position(|mark| text.contains(mark.as_str()));
            assert_eq!(
                found, None,
                "a secret stands in {place} (the number is its place in the list of marks)"
            );
        }
        Ok(())
    }

    /// Applies, and looks all the while at the arguments and environments of what runs on hosts; all that was seen there.
    pub fn apply_watched(&self, cluster: &WantedCluster, hosts: &[&str]) -> Result<String> {
        self.write(cluster)?;
        let (servers, ended) = (self.servers, AtomicBool::new(false));
        let watch = || {
            let mut seen = BTreeSet::new();
            while !ended.load(Ordering::Relaxed) {
                let looks = hosts.iter().filter_map(|host| servers.on(host, RUNNING).ok());
                seen.extend(looks.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()));
            }
            seen
        };
        let (applied, seen) = thread::scope(|scope| {
            let watching = scope.spawn(watch);
            let applied = self.terraform.apply();
            ended.store(true, Ordering::Relaxed);
            (applied, watching.join())
        });
        applied?;
        let seen = seen.map_err(|_| "nobody watched")?;
        Ok(seen.into_iter().collect::<Vec<_>>().join("\n"))
    }

    /// Checks that nothing secret of the cluster stands in what was seen of processes.
    ///
    /// # Panics
    /// When something stands there.
    pub fn assert_nothing_secret_in(&self, control_plane: &str, seen: &str) -> Result {
        assert!(seen.contains("kubeadm"), "nothing was seen of the work itself");
        let found = self.marks(control_plane)?.iter().position(|mark| seen.contains(mark.as_str()));
        assert_eq!(
            found, None,
            "a secret stood among the arguments (the number is its place in the list of marks)"
        );
        Ok(())
    }

    /// Pieces of every secret, each as it is and in Base64.
    fn marks(&self, control_plane: &str) -> Result<Vec<String>> {
        let mut marks: Vec<_> = self.servers.on(control_plane, SECRETS)?.lines().map(str::to_owned).collect();
        let kubeconfig: Value = serde_json::from_str(&self.terraform.read("kubeconfig")?)?;
        let key = kubeconfig["users"][0]["user"]["client-key-data"].as_str().unwrap_or_default();
        marks.push(key.get(60..120).ok_or("no client key")?.to_owned());
        let tokens = self.kubectl(&[
            "get",
            "secrets",
            "--namespace=kube-system",
            "--field-selector=type=bootstrap.kubernetes.io/token",
            "--output=go-template={{range .items}}{{index .data \"token-secret\"}} {{index .data \"token-secret\" | base64decode}} {{end}}",
        ])?;
        marks.extend(tokens.split_whitespace().map(str::to_owned));
        marks.retain(|mark| mark.len() >= 16);
        Ok(marks)
    }

    /// The folder of the bundle.
    pub fn bundle(&self) -> PathBuf {
        self.bundles.join(RELEASE)
    }

    /// The folder of the root module.
    pub fn folder(&self) -> &Path {
        self.terraform.folder()
    }
}

fn output_of(command: &mut Command, input: &str) -> Result<String> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        io::Write::write_all(&mut stdin, input.as_bytes())?;
    }
    let Output { status, stdout, stderr } = child.wait_with_output()?;
    let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    if status.success() { Ok(stdout) } else { Err(format!("{command:?} failed: {stdout}{stderr}").into()) }
}

/// The file of a host beside the cluster.
const HOST: &str = "host.tf";

/// Prints pieces of what is secret on a control plane.
const SECRETS: &str = r#"
cd /etc/kubernetes/pki
for f in *.key etcd/*.key; do sed -n 2p $f; base64 -w0 $f | cut -c61-120; done
sed -n 's/.*"secret": "\(.*\)".*/\1/p' /etc/kubernetes/socle/encryption.json
if [ -e /var/lib/socle/cluster/mesh.key ]; then
    cat /var/lib/socle/cluster/mesh.key; echo; base64 -w0 /var/lib/socle/cluster/mesh.key | cut -c1-40
fi
"#;

/// Prints the arguments and environments of all processes.
const RUNNING: &str = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' || :";

/// What Kubernetes must be told on a server that is a container: arguments, as any user could write them.
const NEEDS: &str = "  kube_proxy {
    extra_config = local.needs.kube_proxy
  }
  container_runtime {
    extra_config = local.needs.container_runtime
  }
  ignore_preflight_errors = local.needs.ignore_preflight_errors
}
";

/// A test wants to call kubectl, so the ephemeral kubeconfig is written to a file of the test's folder. A user passes it
/// to a provider block, or to a command, and it is never written down.
const KUBECONFIG: &str = r#"
ephemeral "socle_kubeconfig" "deploy" {
  access = socle_cluster.prod.access
  user   = "deploy"
  groups = ["kubeadm:cluster-admins"]
}
data "socle_cluster" "prod" {
  access = socle_cluster.prod.access
}
resource "terraform_data" "kubeconfig" {
  triggers_replace = socle_cluster.prod.access
  provisioner "local-exec" {
    command     = "umask 077; printf %s \"$TEXT\" >kubeconfig"
    environment = { TEXT = ephemeral.socle_kubeconfig.deploy.kubeconfig }
  }
}
"#;
