//! A server made ready for kubeadm: the kernel, swap, packages, kubelet, kubeadm, kubectl, network plugins, images.
//!
//! The kubelet is enabled and not started: kubeadm writes what it starts by. What is written here is what a node needs on
//! any server; what a peculiar machine needs besides comes as `extra_config`.

mod unit;

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::bundle::{Bundle, Images, Installed, Location, NoImages};
use crate::file::{File, Folder};
use crate::installed::Inventory;
use crate::kernel_module::Loaded;
use crate::package::Set;
use crate::pending::Triggering;
use crate::preparation::Preparation;
use crate::service::{Activity as Runs, Service};
use crate::swap::NoSwap;
use crate::sysctl::Sysctl;
use crate::unit::{Activity, Enablement, Unit, daemon_reload};
use crate::{Fault, Host, Mode, Outcome, checksum};

/// The subject that its files are listed under.
pub const SUBJECT: &str = "kubelet";
/// The unit.
pub const UNIT: &str = "kubelet.service";
/// Where its programs are.
const PROGRAMS: &str = "/usr/local/bin";
/// The program that runs all the time, and its companions.
const DAEMON: &str = "kubelet";
const COMPANIONS: [&str; 2] = ["kubeadm", "kubectl"];
/// Where containerd looks for plugins of the container network interface.
const PLUGINS: &str = "/opt/cni/bin";
/// The folder of configuration that is this node's own; it stays when kubeadm's is reset.
const CONFIGURATIONS: &str = "/etc/socle/kubelet.d";
/// A kubelet that has joined a cluster has these credentials.
const CREDENTIALS: &str = "/etc/kubernetes/kubelet.conf";
/// The file of the kernel's parameters in `/etc/sysctl.d`.
const PARAMETERS_FILE: &str = "95-socle-kubernetes.conf";

/// The kernel modules of a node: layered file systems, and bridged packets that pass the rules of Services.
pub const KERNEL_MODULES: [&str; 2] = ["overlay", "br_netfilter"];
/// The kernel's parameters on a node: pods' packets are forwarded and filtered, and what the kubelet with
/// `protectKernelDefaults` insists on (`pkg/kubelet/cm/container_manager_linux.go`).
pub const KERNEL_PARAMETERS: [(&str, &str); 9] = [
    ("net.ipv4.ip_forward", "1"),
    ("net.bridge.bridge-nf-call-iptables", "1"),
    ("net.bridge.bridge-nf-call-ip6tables", "1"),
    ("vm.overcommit_memory", "1"),
    ("vm.panic_on_oom", "0"),
    ("kernel.panic", "10"),
    ("kernel.panic_on_oops", "1"),
    ("kernel.keys.root_maxkeys", "1000000"),
    ("kernel.keys.root_maxbytes", "25000000"),
];
/// What kubelet, kubeadm and kube-proxy call on the host (kubeadm's preflight checks).
pub const PACKAGES: [&str; 5] = ["conntrack", "ethtool", "iptables", "kmod", "socat"];

/// A server as kubeadm wants it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kubelet {
    /// What it is installed from.
    pub bundle: Location,
    /// The release that the bundle must be of. None: whichever it is of.
    pub release: Option<String>,
    /// The address by which the node is known in its cluster. None: that of the default route.
    pub node_ip: Option<IpAddr>,
    /// What becomes of swap.
    pub swap: Swap,
    /// Packages of the host that are installed, from the bundle where it has them. Default: [`PACKAGES`].
    pub packages: Vec<String>,
    /// The images that are loaded, by name. None: all that the bundle has.
    pub images: Option<Vec<String>>,
    /// Further flags of the kubelet, without dashes.
    pub extra_args: BTreeMap<String, String>,
    /// Further fields of its configuration (`kubelet.config.k8s.io/v1beta1`), on this node alone. They win over what
    /// kubeadm writes.
    pub extra_config: Map<String, Value>,
    /// Whether the kubelet of a member of a cluster may be replaced by another: whoever says so has drained the node.
    pub upgrade: bool,
}

/// What becomes of swap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Swap {
    /// It is off, now and after a restart: the kubelet's default is to refuse to start with it.
    #[default]
    Off,
    /// It stays as it is.
    Keep,
}

impl Default for Kubelet {
    fn default() -> Self {
        Kubelet {
            bundle: Location::default(),
            release: None,
            node_ip: None,
            swap: Swap::default(),
            packages: PACKAGES.map(str::to_owned).into(),
            images: None,
            extra_args: BTreeMap::new(),
            extra_config: Map::new(),
            upgrade: false,
        }
    }
}

impl Kubelet {
    /// Brings it about; tells the outcome of each item.
    pub fn bring(&self, host: &Host, mode: Mode) -> Vec<Outcome> {
        match self.prepared(host, mode) {
            Ok(outcomes) => outcomes,
            Err(fault) => vec![Outcome::of_fault("kubelet", &fault)],
        }
    }

    fn prepared(&self, host: &Host, mode: Mode) -> Result<Vec<Outcome>, Fault> {
        let bundle = self.bundle.open(host)?;
        if let Some(release) = &self.release {
            bundle.is_release(release)?;
        }
        let flags = unit::flags(self.node_ip, &self.extra_args)?;
        let images = Images::new(&bundle, self.images.as_deref())?;
        let mask = (self.swap == Swap::Off).then(|| format!("/etc/systemd/system/{SWAP}"));
        let paths = unit_files().chain(kernel_files()).chain(mask);
        let paths = paths.chain(programs(&bundle).map(|(_, place)| place));
        let preparation = Preparation::new()
            .provided("release of the kubelet", |host| self.may_replace(host, &bundle))
            .with(Inventory::new(SUBJECT, paths));
        let preparation = self.packages(host, &bundle, self.kernel(preparation))?;
        let preparation = programs(&bundle)
            .fold(preparation, |preparation, (file, place)| {
                let is_daemon = file.ends_with(&format!("/{DAEMON}"));
                let program = Installed::new(&bundle, file, place);
                if is_daemon { preparation.restarting(program) } else { preparation.with(program) }
            })
            .with(Folder::new(CONFIGURATIONS, 0o755))
            .restarting(self.configuration())
            .restarting(File::new(unit::path(), unit::TEXT))
            .restarting(File::new(unit::drop_in_path(), unit::drop_in(CONFIGURATIONS, &flags)))
            .service(Service::new(UNIT, Runs::AsItIs))
            .afterwards(images);
        Ok(preparation.bring(host, mode))
    }

    fn kernel<'p>(&self, preparation: Preparation<'p>) -> Preparation<'p> {
        let preparation = match self.swap {
            Swap::Keep => preparation,
            // Not only fstab makes units of swap: so do partition types and zram's generator.
            Swap::Off => preparation.with(NoSwap).with(Unit::new(SWAP).enablement(Enablement::Masked)),
        };
        let parameter = |(key, value)| Sysctl::new(key, value, PARAMETERS_FILE);
        preparation.with_all(KERNEL_MODULES.map(Loaded::new)).with_all(KERNEL_PARAMETERS.map(parameter))
    }

    fn packages<'p>(
        &self,
        host: &Host,
        bundle: &'p Bundle,
        preparation: Preparation<'p>,
    ) -> Result<Preparation<'p>, Fault> {
        if self.packages.is_empty() {
            return Ok(preparation);
        }
        let set = Set::new(self.packages.iter().cloned());
        Ok(preparation.with(match code_name(host)? {
            Some(name) => set.from_bundle(bundle, format!("packages/{name}")),
            None => set,
        }))
    }

    /// What this node alone is configured by.
    fn configuration(&self) -> File {
        let path = format!("{CONFIGURATIONS}/50-socle.conf");
        if self.extra_config.is_empty() {
            return File::absent(path);
        }
        let mut document = self.extra_config.clone();
        document.insert("apiVersion".to_owned(), "kubelet.config.k8s.io/v1beta1".into());
        document.insert("kind".to_owned(), "KubeletConfiguration".into());
        File::new(path, format!("{:#}\n", Value::Object(document)))
    }

    /// The kubelet of a running node is not replaced by the way.
    fn may_replace(&self, host: &Host, bundle: &Bundle) -> Result<(), Fault> {
        let path = format!("{PROGRAMS}/{DAEMON}");
        let there = if self.upgrade || !is_member(host) { None } else { checksum::of_file(host, &path)? };
        match there {
            Some(sum) if sum != bundle.sum(&format!("bin/{DAEMON}"))? => Err(Fault::refused(format!(
                "this host is a node of a cluster, and the bundle in {} has another kubelet than it runs by: upgrade the \
                 control plane first, drain the node, and say that it may be upgraded",
                bundle.folder
            ))),
            _ => Ok(()),
        }
    }
}

/// Loads the images of a bundle, whichever release it is of, and installs nothing else.
pub fn load(host: &Host, bundle: &Location, mode: Mode) -> Vec<Outcome> {
    let loaded = bundle.open(host).and_then(|bundle| {
        let images = Images::new(&bundle, None)?;
        Ok(Preparation::new().with(images).bring(host, mode))
    });
    loaded.unwrap_or_else(|fault| vec![Outcome::of_fault("images", &fault)])
}

/// Pulls in every unit of swap at boot; masked, it is a link in the folder of units.
const SWAP: &str = "swap.target";

/// The files of a bundle that are installed, and their places.
fn programs(bundle: &Bundle) -> impl Iterator<Item = (String, String)> {
    let program = |name: &str| (format!("bin/{name}"), format!("{PROGRAMS}/{name}"));
    let plugin = |(name, _): (&str, &str)| (format!("cni/{name}"), format!("{PLUGINS}/{name}"));
    COMPANIONS.into_iter().chain([DAEMON]).map(program).chain(bundle.below("cni").map(plugin))
}

fn unit_files() -> impl Iterator<Item = String> {
    [unit::path(), unit::drop_in_path(), format!("{CONFIGURATIONS}/50-socle.conf")].into_iter()
}

fn kernel_files() -> impl Iterator<Item = String> {
    let module = |name| format!("/etc/modules-load.d/socle-{name}.conf");
    KERNEL_MODULES.into_iter().map(module).chain([format!("/etc/sysctl.d/{PARAMETERS_FILE}")])
}

/// The name of the host's release, as Debian and its kin have it: `bookworm`.
fn code_name(host: &Host) -> Result<Option<String>, Fault> {
    let text = host.read_text("/etc/os-release")?.unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    Ok(name.map(|name| name.trim_matches('"').to_owned()))
}

/// Whether the host is a node of a cluster.
pub fn is_member(host: &Host) -> bool {
    host.exists(CREDENTIALS)
}

/// What a cluster's node needs is not taken away.
pub(crate) fn refuse_member(host: &Host) -> Result<(), Fault> {
    if is_member(host) {
        return Err(Fault::refused(format!(
            "this host is a node of a cluster ({CREDENTIALS} is there): remove it from the cluster, or reset it with the \
             playbook socle.platform.reset, and run again"
        )));
    }
    Ok(())
}

/// Takes away what was installed, loaded and written. Live kernel parameters stay until the next boot, swap in fstab stays
/// commented out, packages stay.
pub fn remove(host: &Host, mode: Mode) -> Vec<Outcome> {
    if let Err(fault) = refuse_member(host) {
        return vec![Outcome::of_fault("kubelet", &fault)];
    }
    let service = Unit::new(UNIT).enablement(Enablement::Disabled).activity(Activity::Inactive);
    let files = Triggering::new(Inventory::new(SUBJECT, []), vec![daemon_reload()]);
    Preparation::new().with(service).with(NoImages).with(files).bring(host, mode)
}

#[cfg(test)]
mod tests;
