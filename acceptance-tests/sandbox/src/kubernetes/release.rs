//! The releases of Kubernetes that can be built here, and what each of them goes with.

use std::fmt;
use std::path::PathBuf;

use crate::cache::Cache;
use crate::go_module::{GoError, GoModule};

/// A version of Kubernetes, with the versions of what its kubeadm asks for.
#[derive(Debug)]
pub struct Release {
    /// As in `1.37.2`.
    pub version: &'static str,
    /// The six programs of a cluster, and kubectl.
    pub(super) programs: GoModule,
    /// etcd, in the version of kubeadm's image.
    pub(super) etcd: Component,
    /// CoreDNS, in the version of kubeadm's image.
    pub(super) coredns: Component,
    /// The tag of the image that holds a pod's namespaces.
    pub(super) pause: &'static str,
}

/// What is built from a module of its own.
#[derive(Debug)]
pub(super) struct Component {
    pub(super) version: &'static str,
    pub(super) module: GoModule,
}

/// Every program of a wrapper module: those that its `tool` lines name.
const TOOLS: &[&str] = &["tool"];

macro_rules! wrapper {
    ($name:literal, $folder:expr, $link_flags:expr) => {
        GoModule {
            name: $name,
            module: include_str!(concat!("../../kubernetes/", $folder, "/go.mod")),
            checksums: include_str!(concat!("../../kubernetes/", $folder, "/go.sum")),
            main: None,
            packages: TOOLS,
            tags: "",
            link_flags: $link_flags,
        }
    };
}

/// CoreDNS is a program of our own: which plugins are in it is decided by what it imports.
macro_rules! coredns {
    ($version:literal) => {
        Component {
            version: $version,
            module: GoModule {
                main: Some(include_str!("../../kubernetes/coredns/main.go")),
                packages: &["."],
                ..wrapper!("coredns", concat!("coredns-", $version), "")
            },
        }
    };
}

/// kubeadm refuses to work without knowing its own version, which the linker tells it.
macro_rules! version_flags {
    ($version:literal, $minor:literal) => {
        concat!(
            "-X k8s.io/component-base/version.gitVersion=v",
            $version,
            " -X k8s.io/component-base/version.gitMajor=1",
            " -X k8s.io/component-base/version.gitMinor=",
            $minor,
            " -X k8s.io/component-base/version.gitTreeState=clean",
        )
    };
}

/// All of them, the oldest first. Sources of the versions: `cmd/kubeadm/app/constants/constants.go` of each release.
pub static RELEASES: &[Release] = &[
    Release {
        version: "1.36.3",
        programs: wrapper!("kubernetes", "kubernetes-1.36", version_flags!("1.36.3", "36")),
        etcd: Component { version: "3.6.8", module: wrapper!("etcd", "etcd-3.6", "") },
        coredns: coredns!("1.14.2"),
        pause: "3.10.2",
    },
    Release {
        version: "1.37.2",
        programs: wrapper!("kubernetes", "kubernetes-1.37", version_flags!("1.37.2", "37")),
        etcd: Component { version: "3.7.0", module: wrapper!("etcd", "etcd-3.7", "") },
        coredns: coredns!("1.14.6"),
        pause: "3.10.2",
    },
];

/// containerd, for every release.
pub(super) static CONTAINERD: Component =
    Component { version: "2.3.7", module: wrapper!("containerd", "containerd", "") };

/// The reference plugins of the container network interface, for every release.
pub(super) static CNI: Component = Component { version: "1.9.1", module: wrapper!("cni", "cni", "") };

/// metrics-server, for every release.
pub(super) static METRICS_SERVER: Component =
    Component { version: "0.9.0", module: wrapper!("metrics-server", "metrics-server", "") };

/// The provisioner of local volumes, for every release.
pub(super) static LOCAL_STORAGE: Component =
    Component { version: "0.0.30", module: wrapper!("local-path-provisioner", "local-path-provisioner", "") };

/// A version that cannot be built here.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("Kubernetes {version} cannot be built here; there are {}", versions(), version = .0)]
pub struct UnknownVersion(String);

fn versions() -> String {
    RELEASES.iter().map(|release| release.version).collect::<Vec<_>>().join(" and ")
}

impl Release {
    /// The folder of the programs of Kubernetes: built, or there already; `building` is called before they are built.
    pub fn programs(&self, cache: &Cache, building: impl FnOnce()) -> Result<PathBuf, GoError> {
        self.programs.ensured(cache, building)
    }

    /// The folder of the programs of etcd (`server`, `etcdctl`, `etcdutl`), likewise.
    pub fn etcd(&self, cache: &Cache, building: impl FnOnce()) -> Result<PathBuf, GoError> {
        self.etcd.module.ensured(cache, building)
    }

    /// The release of this version, with or without a `v`.
    pub fn of(text: &str) -> Result<&'static Self, UnknownVersion> {
        let found = RELEASES.iter().find(|release| release.version == text.trim_start_matches('v'));
        found.ok_or_else(|| UnknownVersion(text.to_owned()))
    }
}

impl fmt::Display for Release {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_is_of_the_version_that_the_table_says() {
        for release in RELEASES {
            let requires = |module: &GoModule, line: String| assert!(module.module.contains(&line), "{line}");
            requires(&release.programs, format!("k8s.io/kubernetes v{}\n", release.version));
            requires(&release.etcd.module, format!("go.etcd.io/etcd/server/v3 v{}\n", release.etcd.version));
            requires(
                &release.coredns.module,
                format!("github.com/coredns/coredns v{}\n", release.coredns.version),
            );
            assert!(release.programs.link_flags.contains(&format!("gitVersion=v{} ", release.version)));
        }
        for (component, module) in [
            (&CONTAINERD, "github.com/containerd/containerd/v2"),
            (&CNI, "github.com/containernetworking/plugins"),
            (&METRICS_SERVER, "sigs.k8s.io/metrics-server"),
            (&LOCAL_STORAGE, "github.com/rancher/local-path-provisioner"),
        ] {
            let line = format!("{module} v{}\n", component.version);
            assert!(component.module.module.contains(&line), "{line}");
        }
    }

    #[test]
    fn a_version_that_is_not_there_is_told_those_that_are() {
        let unknown = Release::of("1.2.3").unwrap_err().to_string();
        assert_eq!(unknown, "Kubernetes 1.2.3 cannot be built here; there are 1.36.3 and 1.37.2");
        assert_eq!(Release::of("v1.37.2").unwrap().version, "1.37.2");
    }
}
