//! Kubernetes for servers that have no way out: bundles of all that a node needs, built from released Go modules and
//! Debian packages.
//!
//! Each program and each root of an image is an entry of the cache of its own, so a build that is interrupted goes on
//! where it was. A bundle holds hard links to them.

mod archive;
mod bundle;
mod closure;
mod download;
pub mod nesting;
mod release;
mod released;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache::{Cache, CacheError};
use crate::command::{CommandError, run};
use crate::go_module::GoError;
use crate::packages::Release as Debian;
use crate::server::{Podman, alone};
use crate::step::Steps;
use archive::Layer;
use bundle::Bundle;
use release::{CNI, CONTAINERD, Component, LOCAL_STORAGE, METRICS_SERVER};

pub use bundle::{CHECKSUMS, MANIFEST};
pub use release::{RELEASES, Release, UnknownVersion};

const ROOT: &str = include_str!("../../kubernetes/root.sh");
const POSTGRESQL: &str = include_str!("../../kubernetes/postgresql.sh");

/// The registry that kubeadm names its images by.
const REGISTRY: &str = "registry.k8s.io";

/// What kube-proxy calls.
const PROXY_PACKAGES: &str = "conntrack,iptables,ipset,kmod,nftables";
/// A database and a web server for examples and tests.
const EXTRA_PACKAGES: &str = "nginx,postgresql";

/// The packages of Debian that a node needs beside what a server comes with.
const NODE_PACKAGES: &[&str] = &[
    "chrony",
    "conntrack",
    "ebtables",
    "ethtool",
    "haproxy",
    "ipset",
    "iptables",
    "kmod",
    // runc is linked against it.
    "libseccomp2",
    "nftables",
    "socat",
    "wireguard-tools",
];

/// The other programs of a node, in `bin`.
const NODE_PROGRAMS: [&str; 3] = ["kubeadm", "kubectl", "kubelet"];
/// What a control plane runs, besides etcd, as images that are named alike.
const CONTROL_PLANE: [&str; 3] = ["kube-apiserver", "kube-controller-manager", "kube-scheduler"];

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum KubernetesError {
    /// The cache folder could not be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// A program could not be built.
    #[error(transparent)]
    Build(#[from] GoError),
    /// A program that unpacks or installs packages failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The package repository lacks something.
    #[error("the package repository {} has no {package}", repository.display())]
    NoPackage {
        /// Where it was looked for.
        repository: PathBuf,
        /// Its name.
        package: String,
    },
    /// A part of an official release could not be had.
    #[error(transparent)]
    Download(#[from] download::DownloadError),
    /// The manifest could not be put into words.
    #[error("cannot write the manifest of the bundle: {0}")]
    Manifest(#[source] serde_json::Error),
    /// The file system refused a step.
    #[error("cannot {step} {}: {source}", path.display())]
    File {
        /// What was attempted, as a verb.
        step: &'static str,
        /// What it was attempted on.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

/// Who made the programs and images of a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// This machine, from released Go modules.
    Modules,
    /// Their publishers: the official releases.
    Releases,
}

/// Where the parts of bundles come from.
#[derive(Debug, Clone, Copy)]
pub struct Workshop<'a> {
    /// Who makes programs and images.
    pub origin: Origin,
    /// What fetches official images.
    pub podman: &'a Podman,
    /// Where parts and bundles are kept.
    pub cache: &'a Cache,
    /// The folder of the package repository.
    pub repository: &'a Path,
    /// The release of Debian in it.
    pub debian: Debian,
    /// How progress is told.
    pub steps: &'a Steps,
}

/// The programs of a release: each a folder.
struct Programs {
    kubernetes: PathBuf,
    etcd: PathBuf,
    coredns: PathBuf,
    containerd: PathBuf,
    cni: PathBuf,
    debian: PathBuf,
    metrics_server: PathBuf,
    local_storage: PathBuf,
    proxy_root: PathBuf,
}

impl Workshop<'_> {
    /// The folder in which the bundle of each of these releases is, by its version: built, or there already.
    pub fn bundles(&self, releases: &[&'static Release]) -> Result<PathBuf, KubernetesError> {
        let mut bundles = BTreeMap::from([("extra-images", self.extra_images()?)]);
        for release in releases {
            bundles.insert(release.version, self.bundle(release)?);
        }
        let lines: Vec<_> = bundles.iter().map(|(name, path)| format!("{name}={}", path.display())).collect();
        self.cache.entry("bundles", &[&lines.join("\n")], |folder| {
            for (name, path) in &bundles {
                let link = folder.join(name);
                symlink(path, &link).map_err(KubernetesError::at("link", &link))?;
            }
            Ok(())
        })
    }

    fn bundle(&self, release: &Release) -> Result<PathBuf, KubernetesError> {
        match self.origin {
            Origin::Modules => self.built_bundle(release),
            Origin::Releases => self.released_bundle(release),
        }
    }

    /// The bundle of one release, of what is built here.
    fn built_bundle(&self, release: &Release) -> Result<PathBuf, KubernetesError> {
        let programs = Programs {
            kubernetes: self.built(&format!("Kubernetes {release}"), &release.programs)?,
            etcd: self.component("etcd", &release.etcd)?,
            coredns: self.component("CoreDNS", &release.coredns)?,
            containerd: self.component("containerd", &CONTAINERD)?,
            cni: self.component("network plugins", &CNI)?,
            debian: self.unpacked(&["runc", "catatonit"])?,
            metrics_server: self.component("metrics-server", &METRICS_SERVER)?,
            local_storage: self.component("local-path-provisioner", &LOCAL_STORAGE)?,
            proxy_root: self.root("kube-proxy's root", PROXY_PACKAGES)?,
        };
        let repository = self.repository.to_string_lossy();
        let parts = [repository.as_ref(), release.version, release.pause].map(str::to_owned);
        let parts = parts.into_iter().chain(programs.folders().map(|path| path.display().to_string()));
        let parts =
            parts.chain(NODE_PACKAGES.iter().map(|&name| name.to_owned())).collect::<Vec<_>>().join("\n");
        self.steps.run(&format!("bundle of Kubernetes {release}"), |step| {
            self.cache.entry("kubernetes-bundle", &[&parts], |folder| {
                step.doing("putting it together");
                self.assemble(folder, release, &programs)
            })
        })
    }

    fn assemble(&self, folder: &Path, release: &Release, programs: &Programs) -> Result<(), KubernetesError> {
        let mut bundle = Bundle::in_folder(folder, architecture());
        for name in NODE_PROGRAMS {
            bundle.add(&format!("bin/{name}"), &programs.kubernetes.join(name))?;
        }
        for name in ["containerd", "containerd-shim-runc-v2", "ctr"] {
            bundle.add(&format!("bin/{name}"), &programs.containerd.join(name))?;
        }
        for name in ["etcdctl", "etcdutl"] {
            bundle.add(&format!("bin/{name}"), &programs.etcd.join(name))?;
        }
        bundle.add("bin/runc", &programs.debian.join("usr/sbin/runc"))?;
        for plugin in names_in(&programs.cni)? {
            bundle.add(&format!("cni/{plugin}"), &programs.cni.join(&plugin))?;
        }
        self.add_packages(&bundle)?;
        Self::images(&mut bundle, release, programs)?;
        bundle.seal(Some(release.version), components(release, self.package_version("runc")?))
    }

    fn add_packages(&self, bundle: &Bundle) -> Result<(), KubernetesError> {
        for file in self.package_files(NODE_PACKAGES)? {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            bundle.add(&format!("packages/{}/{name}", self.debian.code_name()), &file)?;
        }
        Ok(())
    }

    fn images(bundle: &mut Bundle, release: &Release, programs: &Programs) -> Result<(), KubernetesError> {
        let kubernetes = |name: &str| (format!("/usr/local/bin/{name}"), programs.kubernetes.join(name));
        for name in CONTROL_PLANE {
            let layers = [Layer::Programs(vec![kubernetes(name)])];
            bundle.add_image(&format!("{REGISTRY}/{name}:v{release}"), &layers, &[name])?;
        }
        let proxy = [
            Layer::Root(programs.proxy_root.join("root.tar")),
            Layer::Programs(vec![kubernetes("kube-proxy")]),
        ];
        bundle.add_image(&format!("{REGISTRY}/kube-proxy:v{release}"), &proxy, &["kube-proxy"])?;
        let etcd = [("etcd", "server"), ("etcdctl", "etcdctl"), ("etcdutl", "etcdutl")];
        let etcd = etcd.map(|(name, file)| (format!("/usr/local/bin/{name}"), programs.etcd.join(file)));
        let name = format!("{REGISTRY}/etcd:{}-0", release.etcd.version);
        bundle.add_image(&name, &[Layer::Programs(etcd.into())], &["etcd"])?;
        let coredns = vec![("/coredns".to_owned(), programs.coredns.join("coredns"))];
        let name = format!("{REGISTRY}/coredns/coredns:v{}", release.coredns.version);
        bundle.add_image(&name, &[Layer::Programs(coredns)], &["/coredns"])?;
        let pause = vec![("/pause".to_owned(), programs.debian.join("usr/bin/catatonit"))];
        let name = format!("{REGISTRY}/pause:{}", release.pause);
        bundle.add_image(&name, &[Layer::Programs(pause)], &["/pause", "-P"])?;
        Self::addon_images(bundle, programs)
    }

    /// Images of what `socle_cluster` installs beside Kubernetes' own components.
    fn addon_images(bundle: &mut Bundle, programs: &Programs) -> Result<(), KubernetesError> {
        let metrics = vec![("/metrics-server".to_owned(), programs.metrics_server.join("metrics-server"))];
        bundle.add_image(&download::metrics_server(), &[Layer::Programs(metrics)], &["/metrics-server"])?;
        let name = "local-path-provisioner";
        let program = vec![(format!("/usr/bin/{name}"), programs.local_storage.join(name))];
        // It makes folders by a shell.
        let layers = [Layer::Root(programs.proxy_root.join("root.tar")), Layer::Programs(program)];
        bundle.add_image(&download::local_storage(), &layers, &[name])
    }

    /// Images that every version can run, for examples: PostgreSQL, nginx and Prometheus.
    fn extra_images(&self) -> Result<PathBuf, KubernetesError> {
        let root = self.root("PostgreSQL's and nginx's root", EXTRA_PACKAGES)?;
        // Any root has the library that its program is linked against.
        let observer_root = self.root("kube-proxy's root", PROXY_PACKAGES)?;
        let observer = self.unpacked(&["prometheus"])?;
        let key = [&root, &observer_root, &observer].map(|path| path.to_string_lossy().into_owned());
        self.steps.run("extra images", |step| {
            self.cache.entry("extra-images", &[&key.join("\n"), POSTGRESQL], |folder| {
                step.doing("putting them together");
                let mut bundle = Bundle::in_folder(folder, architecture());
                self.add_examples(&mut bundle, folder, &root.join("root.tar"))?;
                let name = format!("localhost/prometheus:{}", self.package_version("prometheus")?);
                let program = vec![("/usr/bin/prometheus".to_owned(), observer.join("usr/bin/prometheus"))];
                let layers = [Layer::Root(observer_root.join("root.tar")), Layer::Programs(program)];
                bundle.add_image(&name, &layers, &["/usr/bin/prometheus"])?;
                bundle.seal(None, BTreeMap::new())
            })
        })
    }

    /// A database and a web server, whose root is a tar file.
    fn add_examples(&self, bundle: &mut Bundle, folder: &Path, root: &Path) -> Result<(), KubernetesError> {
        let script = folder.join("postgresql.sh");
        fs::write(&script, POSTGRESQL).map_err(KubernetesError::at("write", &script))?;
        let root = || Layer::Root(root.to_owned());
        let program = "/usr/local/bin/postgresql";
        let postgresql = [root(), Layer::Programs(vec![(program.to_owned(), script.clone())])];
        let name = format!("localhost/postgresql:{}", self.package_version("postgresql")?);
        bundle.add_image(&name, &postgresql, &[program])?;
        let name = format!("localhost/nginx:{}", self.package_version("nginx")?);
        bundle.add_image(&name, &[root()], &["nginx", "-g", "daemon off;"])?;
        fs::remove_file(&script).map_err(KubernetesError::at("remove", &script))
    }

    fn component(&self, name: &str, component: &Component) -> Result<PathBuf, KubernetesError> {
        self.built(&format!("{name} {}", component.version), &component.module)
    }

    fn built(&self, name: &str, module: &crate::go_module::GoModule) -> Result<PathBuf, KubernetesError> {
        Ok(self.steps.run(name, |step| module.ensured(self.cache, || step.doing("building it")))?)
    }

    /// The folder of `root.tar`, a Debian with these packages.
    fn root(&self, name: &str, packages: &str) -> Result<PathBuf, KubernetesError> {
        let (repository, suite) = (self.repository.to_string_lossy(), self.debian.code_name());
        self.steps.run(name, |step| {
            self.cache.entry("image-root", &[&repository, suite, packages, ROOT], |folder| {
                step.doing("installing Debian");
                let script = folder.join("root.sh");
                fs::write(&script, ROOT).map_err(KubernetesError::at("write", &script))?;
                run(alone().arg("sh").arg(&script).arg(folder).args([repository.as_ref(), suite, packages]))?;
                fs::remove_file(&script).map_err(KubernetesError::at("remove", &script))
            })
        })
    }

    /// The folder in which the files of these packages are, as they would be on a machine.
    fn unpacked(&self, packages: &[&str]) -> Result<PathBuf, KubernetesError> {
        let repository = self.repository.to_string_lossy();
        self.cache.entry("unpacked", &[&[repository.as_ref()], packages].concat(), |folder| {
            for package in packages {
                run(Command::new("dpkg-deb").arg("--extract").arg(self.package_file(package)?).arg(folder))?;
            }
            Ok(())
        })
    }

    fn package_files(&self, packages: &[&str]) -> Result<Vec<PathBuf>, KubernetesError> {
        let index = self.index()?;
        let files = closure::files_of(&index, packages);
        Ok(files.into_iter().map(|file| self.repository.join(file)).collect())
    }

    /// The file of one package: `pool/NAME_VERSION_ARCHITECTURE.deb`.
    fn package_file(&self, package: &str) -> Result<PathBuf, KubernetesError> {
        let lacking = || KubernetesError::NoPackage {
            repository: self.repository.to_owned(),
            package: package.to_owned(),
        };
        let files = names_in(&self.repository.join("pool"))?;
        let file =
            files.into_iter().find(|file| file.split('_').next() == Some(package)).ok_or_else(lacking)?;
        Ok(self.repository.join("pool").join(file))
    }

    /// The version of a package without Debian's own part, as the program's authors count.
    fn package_version(&self, package: &str) -> Result<String, KubernetesError> {
        let file = self.package_file(package)?;
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let version = name.split('_').nth(1).unwrap_or_default().to_owned();
        let version = version.rsplit("%3a").next().unwrap_or_default();
        Ok(version.split(['-', '+']).next().unwrap_or_default().to_owned())
    }

    fn index(&self) -> Result<String, KubernetesError> {
        let binary = format!("dists/{}/main/binary-{}/Packages", self.debian.code_name(), architecture());
        let path = self.repository.join(binary);
        fs::read_to_string(&path).map_err(KubernetesError::at("read", &path))
    }
}

impl Programs {
    fn folders(&self) -> impl Iterator<Item = &PathBuf> {
        let Self {
            kubernetes,
            etcd,
            coredns,
            containerd,
            cni,
            debian,
            metrics_server,
            local_storage,
            proxy_root,
        } = self;
        let built = [kubernetes, etcd, coredns, containerd, cni, debian, metrics_server, local_storage];
        built.into_iter().chain([proxy_root])
    }
}

impl KubernetesError {
    fn at(step: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { step, path: path.to_owned(), source }
    }
}

/// The versions of what goes with a release, for the manifest.
fn components(release: &Release, runc: String) -> BTreeMap<&'static str, String> {
    let version = |name: &'static str, version: &str| (name, version.to_owned());
    BTreeMap::from([
        version("etcd", release.etcd.version),
        version("coredns", release.coredns.version),
        version("pause", release.pause),
        version("containerd", CONTAINERD.version),
        version("cni-plugins", CNI.version),
        version("metrics-server", METRICS_SERVER.version),
        version("local-path-provisioner", LOCAL_STORAGE.version),
        ("runc", runc),
    ])
}

fn names_in(folder: &Path) -> Result<Vec<String>, KubernetesError> {
    let entries = fs::read_dir(folder).map_err(KubernetesError::at("list", folder))?;
    let mut names: Vec<_> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    Ok(names)
}

/// The machine's processor, as Go and Debian call it.
fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
}
