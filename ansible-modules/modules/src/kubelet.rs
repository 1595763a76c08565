//! `kubelet`: a server made ready for kubeadm.

use std::collections::BTreeMap;
use std::error::Error;

use host::bundle::Location;
use host::kubelet::{self, Kubelet, PACKAGES};
use host::{Host, Mode};
use module::{About, Answer, Context, Module, arguments, choices};
use serde_json::{Map, Value, json};

use crate::node;

choices! {
    /// Whether it is there.
    pub enum State {
        /// The host is ready for kubeadm.
        Present = "present",
        /// What was installed is taken away.
        Absent = "absent",
    }
}

choices! {
    /// What becomes of swap.
    pub enum Swap {
        /// It is off, now and after a restart.
        Off = "disabled",
        /// It stays as it is.
        Keep = "unchanged",
    }
}

arguments! {
    /// The arguments of `kubelet`.
    pub struct Arguments {
        /// C(present) makes the host ready for kubeadm. C(absent) takes away what was installed, loaded and written, from a
        /// host that is in no cluster; live kernel parameters stay until the next boot, lines of swap in C(/etc/fstab) stay
        /// commented out, and packages stay.
        optional state: State = State::Present,
        /// Who owns the subject C(node) of the host. A second owner is refused with the first one's name.
        optional owner: String = "ansible".to_owned(),
        /// The folder on the host with a bundle: C(manifest.json), C(SHA256SUMS), C(kubelet), C(kubeadm) and C(kubectl) in
        /// C(bin), plugins in C(cni), archives in C(images), files of packages in C(packages/CODENAME). Needed unless
        /// O(state=absent).
        optional bundle: Option<String>,
        /// The SHA-256 of the bundle's C(SHA256SUMS). Without it, checksums only prove that nothing was damaged on the way.
        optional bundle_checksum: Option<String>,
        /// The release of Kubernetes that the bundle must be of. Default is whichever it is of.
        optional version: Option<String>,
        /// The address by which the node is known in its cluster. Default is that of the default route.
        optional node_ip: Option<String>,
        /// What becomes of swap. The kubelet refuses to start with it unless its configuration says otherwise.
        optional swap: Swap = Swap::Off,
        /// Packages of the host that are installed, from the bundle where it has them.
        optional packages: Vec<String> = PACKAGES.map(str::to_owned).into(),
        /// Whether the bundle's images are loaded into the container runtime.
        optional load_images: bool = true,
        /// Further flags of the kubelet, without dashes.
        optional extra_args: BTreeMap<String, String>,
        /// Further fields of the kubelet's configuration (C(kubelet.config.k8s.io/v1beta1)), on this node alone. They win
        /// over what kubeadm writes.
        optional extra_config: Map<String, Value>,
        /// Whether the kubelet of a member of a cluster may be replaced by another. Upgrade the control plane first and
        /// drain the node.
        optional allow_upgrade: bool = false,
    }
}

/// The module.
#[derive(Debug)]
pub struct KubeletModule;

impl Module for KubeletModule {
    type Arguments = Arguments;

    fn about() -> About {
        About {
            name: "kubelet",
            short: "Make a server ready for kubeadm",
            description: &[
                "Turns swap off, loads kernel modules, sets kernel parameters, and installs kubelet, kubeadm, kubectl and network plugins of one release from a bundle, whose checksums are verified.",
                "Writes the kubelet's unit with kubeadm's drop-in, and enables it. It is started by kubeadm, and restarted here only where it runs.",
                "Loads the bundle's images into the container runtime, so that kubeadm needs no registry.",
            ],
            examples: EXAMPLES,
            returns: json!({}),
            diff: true,
        }
    }

    fn run(host: &Host, arguments: &Arguments, context: Context) -> Result<Answer, Box<dyn Error>> {
        if arguments.state == State::Absent {
            return node::absent(host, &arguments.owner, context.mode, kubelet::remove);
        }
        let kubelet = wanted(arguments)?;
        node::present(host, &arguments.owner, context.mode, |host: &Host, mode: Mode| {
            kubelet.bring(host, mode)
        })
    }
}

const EXAMPLES: &str = r"
- name: A server that kubeadm can make a node of
  socle.platform.kubelet:
    bundle: /var/lib/socle/bundles/1.37.2
    version: 1.37.2
    node_ip: 192.0.2.11
";

fn wanted(arguments: &Arguments) -> Result<Kubelet, Box<dyn Error>> {
    let folder = arguments.bundle.clone().ok_or(
        "`bundle` is needed: a folder on the host with kubelet, kubeadm and kubectl, such as /var/lib/socle/bundles/1.37.2",
    )?;
    let address = |text: &String| {
        text.parse().map_err(|_| format!("`node_ip` is {text:?}, and must be an address, such as 192.0.2.11"))
    };
    Ok(Kubelet {
        bundle: Location { folder, checksum: arguments.bundle_checksum.clone() },
        release: arguments.version.clone(),
        node_ip: arguments.node_ip.as_ref().map(address).transpose()?,
        swap: if arguments.swap == Swap::Off { kubelet::Swap::Off } else { kubelet::Swap::Keep },
        packages: arguments.packages.clone(),
        images: (!arguments.load_images).then(Vec::new),
        extra_args: arguments.extra_args.clone(),
        extra_config: arguments.extra_config.clone(),
        upgrade: arguments.allow_upgrade,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &Value) -> Result<Kubelet, String> {
        let arguments =
            module::Input::read(values.as_object().cloned().unwrap_or_default()).expect("arguments");
        wanted(&arguments).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_said_is_what_the_library_has() {
        let bundle = Location { folder: "/b".to_owned(), checksum: None };
        assert_eq!(read(&json!({ "bundle": "/b" })), Ok(Kubelet { bundle, ..Kubelet::default() }));
        assert!(read(&json!({})).is_err_and(|told| told.contains("`bundle` is needed")));
        assert!(
            read(&json!({ "bundle": "/b", "node_ip": "x" }))
                .is_err_and(|told| told.contains("must be an address"))
        );
    }
}
