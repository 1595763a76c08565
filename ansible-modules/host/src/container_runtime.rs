//! The container runtime of a Kubernetes node: containerd 2 and runc.
//!
//! What is written here is what a node needs on any server. What a peculiar machine needs besides (a container that
//! stands for a server, say) comes as `extra_config`.

mod mirrors;
mod release;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::bundle::{Bundle, Installed, Location};
use crate::file::{Backup, File};
use crate::installed::Inventory;
use crate::kubelet::refuse_member;
use crate::package::Set;
use crate::pending::Triggering;
use crate::preparation::Preparation;
use crate::service::{Activity as Runs, Service};
use crate::unit::{Activity, Enablement, Unit, daemon_reload};
use crate::{Fault, Host, Mode, Outcome, Program, toml};

/// The subject that its files are listed under.
pub const SUBJECT: &str = "container_runtime";
/// The unit.
pub const UNIT: &str = "containerd.service";
/// Its configuration.
pub const CONFIGURATION: &str = "/etc/containerd/config.toml";
/// Where it looks for what stands for a registry.
const REGISTRIES: &str = "/etc/containerd/certs.d";
/// Its programs, with the folders that they are in.
const PROGRAMS: [(&str, &str); 4] = [
    ("containerd", "/usr/local/bin"),
    ("containerd-shim-runc-v2", "/usr/local/bin"),
    ("ctr", "/usr/local/bin"),
    ("runc", "/usr/local/sbin"),
];
/// The only one of them that runs all the time.
const DAEMON: &str = "containerd";

/// A container runtime as it is wanted.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerRuntime {
    /// What it is installed from.
    pub source: Source,
    /// The image that holds a pod's namespaces. None: the bundle's, or containerd's own default.
    pub sandbox_image: Option<String>,
    /// URLs that are asked before a registry, by its name (`docker.io`), in order.
    pub registry_mirrors: BTreeMap<String, Vec<String>>,
    /// Further values of containerd's configuration (version 3), from its root. They win over what is written here.
    pub extra_config: Map<String, Value>,
}

/// What a runtime is installed from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A bundle on the host.
    Bundle(Location),
    /// Packages of the host's repositories, which bring the unit, too.
    Packages(Vec<String>),
}

impl Default for Source {
    fn default() -> Self {
        Source::Bundle(Location::default())
    }
}

impl ContainerRuntime {
    /// Brings it about; tells the outcome of each item.
    pub fn bring(&self, host: &Host, mode: Mode) -> Vec<Outcome> {
        match self.prepared(host, mode) {
            Ok(outcomes) => outcomes,
            Err(fault) => vec![Outcome::of_fault("container runtime", &fault)],
        }
    }

    fn prepared(&self, host: &Host, mode: Mode) -> Result<Vec<Outcome>, Fault> {
        let mirrors = mirrors::files(&self.registry_mirrors)?;
        let service = Service::new(UNIT, Runs::Runs);
        let bundle = match &self.source {
            Source::Packages(_) => None,
            Source::Bundle(location) => Some(location.open(host)?),
        };
        let configuration = self.configuration(bundle.as_ref());
        let paths = mirrors.iter().map(File::path).chain([CONFIGURATION]).map(str::to_owned);
        let preparation = match (&self.source, &bundle) {
            (Source::Packages(names), _) => Preparation::new()
                .provided("release of containerd", |host| release::is_new(host, names))
                .with(Inventory::new(SUBJECT, paths))
                .with(Set::new(names.iter().cloned())),
            (_, bundle) => from_bundle(bundle.as_ref(), paths),
        };
        Ok(preparation.restarting(configuration).with_all(mirrors).service(service).bring(host, mode))
    }

    /// Its configuration, tried by containerd itself before it is put in place.
    fn configuration(&self, bundle: Option<&Bundle>) -> File {
        let sandbox = self.sandbox_image.as_deref().or_else(|| bundle?.sandbox_image());
        let text =
            format!("# Written by Socle: changes are lost.\n{}", toml::document(&self.values(sandbox)));
        let try_it = Program::new("containerd").args(["--config", "{}", "config", "dump"]);
        File::new(CONFIGURATION, text).validate(try_it).backup(Backup::Original)
    }

    /// The values of its configuration (containerd's `docs/cri/config.md`, version 3).
    fn values(&self, sandbox_image: Option<&str>) -> Map<String, Value> {
        let mut images = json!({ "registry": { "config_path": REGISTRIES } });
        if let Some(image) = sandbox_image {
            images["pinned_images"] = json!({ "sandbox": image });
        }
        // systemd keeps the tree of control groups, so the runtime asks it, as the kubelet does.
        let runc = json!({ "runtime_type": "io.containerd.runc.v2", "options": { "SystemdCgroup": true } });
        let mut values = Map::new();
        values.insert("version".to_owned(), json!(3));
        values.insert(
            "plugins".to_owned(),
            json!({
                "io.containerd.cri.v1.images": images,
                "io.containerd.cri.v1.runtime": { "containerd": { "runtimes": { "runc": runc } } },
            }),
        );
        overlay(&mut values, &self.extra_config);
        values
    }
}

/// The programs and the unit out of a bundle.
fn from_bundle(bundle: Option<&Bundle>, paths: impl Iterator<Item = String>) -> Preparation<'_> {
    let Some(bundle) = bundle else { return Preparation::new() };
    let place = |(name, folder)| format!("{folder}/{name}");
    let paths = paths.chain(PROGRAMS.map(place)).chain([unit_path()]);
    let mut preparation = Preparation::new().with(Inventory::new(SUBJECT, paths));
    for (name, folder) in PROGRAMS {
        let program = Installed::new(bundle, format!("bin/{name}"), place((name, folder)));
        // What is started anew for each container needs no restart.
        preparation =
            if name == DAEMON { preparation.restarting(program) } else { preparation.with(program) };
    }
    preparation.restarting(File::new(unit_path(), UNIT_TEXT))
}

/// Takes away what was installed and written; images and containers stay in `/var/lib/containerd`. Packages stay, too.
pub fn remove(host: &Host, mode: Mode) -> Vec<Outcome> {
    if let Err(fault) = refuse_member(host) {
        return vec![Outcome::of_fault("container runtime", &fault)];
    }
    let service = Unit::new(UNIT).enablement(Enablement::Disabled).activity(Activity::Inactive);
    let files = Triggering::new(Inventory::new(SUBJECT, []), vec![daemon_reload()]);
    Preparation::new().with(service).with(files).bring(host, mode)
}

fn unit_path() -> String {
    format!("/etc/systemd/system/{UNIT}")
}

/// `over` wins; tables are merged, everything else is replaced.
fn overlay(values: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (name, value) in over {
        match (values.get_mut(name), value) {
            (Some(Value::Object(below)), Value::Object(over)) => overlay(below, over),
            _ => {
                values.insert(name.clone(), value.clone());
            }
        }
    }
}

/// As containerd's authors have it (`containerd.service` in its repository).
const UNIT_TEXT: &str = "# Written by Socle: changes are lost.
[Unit]
Description=containerd container runtime
Documentation=https://containerd.io
After=network.target dbus.service

[Service]
Type=notify
ExecStartPre=-/sbin/modprobe overlay
ExecStart=/usr/local/bin/containerd
Delegate=yes
# Containers go on while it restarts.
KillMode=process
Restart=always
RestartSec=5
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
OOMScoreAdjust=-999

[Install]
WantedBy=multi-user.target
";

#[cfg(test)]
mod tests;
