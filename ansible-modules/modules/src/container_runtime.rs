//! `container_runtime`: containerd 2 and runc.

use std::collections::BTreeMap;
use std::error::Error;

use host::bundle::Location;
use host::container_runtime::{self, ContainerRuntime, Source};
use host::{Host, Mode};
use module::{About, Answer, Context, Module, arguments, choices};
use serde_json::{Map, Value, json};

use crate::node;

choices! {
    /// Whether it is there.
    pub enum State {
        /// It is installed, configured and runs.
        Present = "present",
        /// It is taken away.
        Absent = "absent",
    }
}

arguments! {
    /// The arguments of `container_runtime`.
    pub struct Arguments {
        /// C(present) installs, configures and starts it. C(absent) stops it and takes away what was installed; images
        /// and containers stay in C(/var/lib/containerd), packages stay, and a node of a cluster is refused.
        optional state: State = State::Present,
        /// Who owns the subject C(node) of the host. A second owner is refused with the first one's name.
        optional owner: String = "ansible".to_owned(),
        /// The folder on the host with a bundle: C(manifest.json), C(SHA256SUMS), and C(containerd),
        /// C(containerd-shim-runc-v2), C(ctr) and C(runc) in C(bin). Exactly one of O(bundle) and O(packages) is needed.
        optional bundle: Option<String>,
        /// The SHA-256 of the bundle's C(SHA256SUMS). Without it, checksums only prove that nothing was damaged on the way.
        optional bundle_checksum: Option<String>,
        /// Packages of the host's repositories that bring containerd 2, runc and the unit C(containerd.service), such as
        /// C(containerd.io).
        optional packages: Vec<String>,
        /// The image that holds a pod's namespaces. Default is the bundle's, or containerd's own.
        optional sandbox_image: Option<String>,
        /// URLs that are asked before a registry, by its name, in order.
        optional registry_mirrors: BTreeMap<String, Vec<String>>,
        /// Further values of containerd's configuration (version 3), from its root. They win over what is written here.
        optional extra_config: Map<String, Value>,
    }
}

/// The module.
#[derive(Debug)]
pub struct Runtime;

impl Module for Runtime {
    type Arguments = Arguments;

    fn about() -> About {
        About {
            name: "container_runtime",
            short: "Install and configure containerd for a Kubernetes node",
            description: &[
                "Installs containerd 2 and runc from a bundle, whose checksums are verified, or from packages.",
                "Configures systemd's control groups, the sandbox image and registry mirrors; containerd tries a new configuration before it is put in place.",
                "Restarts containerd only when its program, its configuration or its unit changed; a run that is killed between the change and the restart leaves the restart to the next.",
            ],
            examples: EXAMPLES,
            returns: json!({}),
            diff: true,
        }
    }

    fn run(host: &Host, arguments: &Arguments, context: Context) -> Result<Answer, Box<dyn Error>> {
        if arguments.state == State::Absent {
            return node::absent(host, &arguments.owner, context.mode, container_runtime::remove);
        }
        let runtime = wanted(arguments)?;
        node::present(host, &arguments.owner, context.mode, |host: &Host, mode: Mode| {
            runtime.bring(host, mode)
        })
    }
}

const EXAMPLES: &str = r"
- name: containerd from a bundle on the host, with a mirror
  socle.platform.container_runtime:
    bundle: /var/lib/socle/bundles/1.37.2
    registry_mirrors:
      docker.io: [https://mirror.example.social]

- name: containerd from a repository of packages
  socle.platform.container_runtime:
    packages: [containerd.io]
    sandbox_image: registry.k8s.io/pause:3.10.2
";

fn wanted(arguments: &Arguments) -> Result<ContainerRuntime, Box<dyn Error>> {
    let source = match (&arguments.bundle, arguments.packages.as_slice()) {
        (Some(folder), []) => {
            Source::Bundle(Location { folder: folder.clone(), checksum: arguments.bundle_checksum.clone() })
        }
        (None, [_, ..]) => Source::Packages(arguments.packages.clone()),
        _ => {
            return Err("give exactly one of `bundle`, a folder on the host such as /var/lib/socle/bundles/1.37.2, and \
                        `packages`, such as [containerd.io]"
                .into());
        }
    };
    Ok(ContainerRuntime {
        source,
        sandbox_image: arguments.sandbox_image.clone(),
        registry_mirrors: arguments.registry_mirrors.clone(),
        extra_config: arguments.extra_config.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(values: &Value) -> String {
        let arguments =
            module::Input::read(values.as_object().cloned().unwrap_or_default()).expect("arguments");
        wanted(&arguments).map_or_else(|error| error.to_string(), |wanted| format!("{:?}", wanted.source))
    }

    #[test]
    fn a_runtime_comes_from_one_place() {
        assert!(told(&json!({ "bundle": "/b" })).starts_with("Bundle"));
        assert!(told(&json!({ "packages": ["containerd.io"] })).starts_with("Packages"));
        for both in [json!({}), json!({ "bundle": "/b", "packages": ["x"] })] {
            assert!(told(&both).contains("give exactly one"), "{both}");
        }
    }
}
