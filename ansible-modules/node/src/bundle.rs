//! A bundle: all that a node of one release of Kubernetes needs, in one folder, with checksums. Plain data.
//!
//! | path | what it is |
//! |---|---|
//! | `manifest.json` | releases, the names of images, the sizes of files |
//! | `SHA256SUMS` | as `sha256sum --check` takes it |
//! | `bin/NAME` | programs: kubelet, kubeadm, containerd, runc … |
//! | `cni/NAME` | the reference plugins of the container network interface |
//! | `images/NAME.tar` | images, as `ctr images import` takes them |
//! | `packages/CODENAME/*.deb` | packages of Debian, by the name of its release |

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::specification::Role;

/// The file that tells what is in a bundle.
pub const MANIFEST: &str = "manifest.json";
/// The file of checksums.
pub const CHECKSUMS: &str = "SHA256SUMS";
/// The bundle of images for any release, beside those of releases.
pub const EXTRA_IMAGES: &str = "extra-images";
/// Where bundles are on a host, each in a folder named by its release.
pub const PLACE: &str = "/var/lib/socle/bundle";
/// The layout that is understood here.
const FORMAT: u32 = 1;

/// What is in a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// The release of Kubernetes, such as `1.37.2`; or [`EXTRA_IMAGES`].
    pub kubernetes: String,
    /// For which processors, as Go and Debian call them: `amd64`, `arm64`.
    pub architecture: String,
    /// The names of images, by the paths of their archives.
    pub images: BTreeMap<String, String>,
    /// The SHA-256 of each file but [`CHECKSUMS`], in hexadecimal digits, by its path.
    pub files: BTreeMap<String, String>,
}

/// Why a folder is not a bundle that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The manifest cannot be understood.
    #[error("{MANIFEST} is not one of a bundle ({0}); make the bundle anew")]
    Manifest(String),
    /// It is of another layout.
    #[error(
        "{MANIFEST} is of the layout {0}, and {FORMAT} is understood; use bundle and provider of one release"
    )]
    Format(u32),
    /// It is another release's.
    #[error(
        "the bundle is of Kubernetes {found}, and {wanted} is wanted; put each release into a folder of its own"
    )]
    Release {
        /// What it is of.
        found: String,
        /// What was asked for.
        wanted: String,
    },
    /// A file has no checksum.
    #[error("{CHECKSUMS} has no line for {0}; make the bundle anew")]
    NoChecksum(String),
}

/// The manifest as it is written.
#[derive(Deserialize)]
struct Manifest {
    format: u32,
    kubernetes: Option<String>,
    architecture: String,
    images: Vec<ImageFile>,
    files: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct ImageFile {
    name: String,
    file: String,
}

impl Bundle {
    /// Reads manifest and checksums of the bundle of `release`.
    ///
    /// # Errors
    /// When they are of something else, or incomplete.
    pub fn parse(release: &str, manifest: &str, checksums: &str) -> Result<Self, BundleError> {
        let manifest: Manifest =
            serde_json::from_str(manifest).map_err(|error| BundleError::Manifest(error.to_string()))?;
        if manifest.format != FORMAT {
            return Err(BundleError::Format(manifest.format));
        }
        let found = manifest.kubernetes.unwrap_or_else(|| EXTRA_IMAGES.to_owned());
        if found != release {
            return Err(BundleError::Release { found, wanted: release.to_owned() });
        }
        let sums: BTreeMap<_, _> = checksums
            .lines()
            .filter_map(|line| line.split_once("  "))
            .map(|(sum, path)| (path, sum))
            .collect();
        let sum = |path: &String| {
            let sum = sums.get(path.as_str()).ok_or_else(|| BundleError::NoChecksum(path.clone()))?;
            Ok((path.clone(), (*sum).to_owned()))
        };
        Ok(Self {
            kubernetes: found,
            architecture: manifest.architecture,
            images: manifest.images.into_iter().map(|image| (image.file, image.name)).collect(),
            files: manifest
                .files
                .keys()
                .chain([&MANIFEST.to_owned()])
                .map(sum)
                .collect::<Result<_, BundleError>>()?,
        })
    }

    /// The part that a node of this role needs: a worker runs no control plane.
    #[must_use]
    pub fn of(&self, role: Role) -> Self {
        let needed = |path: &str| role == Role::ControlPlane || !is_of_control_plane(path);
        let part = |paths: &BTreeMap<String, String>| {
            paths
                .iter()
                .filter(|(path, _)| needed(path))
                .map(|(path, text)| (path.clone(), text.clone()))
                .collect()
        };
        Self { images: part(&self.images), files: part(&self.files), ..self.clone() }
    }

    /// The folder on a host where it is looked for.
    pub fn place(&self) -> String {
        format!("{PLACE}/{}", self.kubernetes)
    }
}

fn is_of_control_plane(path: &str) -> bool {
    const PARTS: [&str; 4] = [
        "images/etcd.tar",
        "images/kube-apiserver.tar",
        "images/kube-controller-manager.tar",
        "images/kube-scheduler.tar",
    ];
    PARTS.contains(&path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"{
        "format": 1, "kubernetes": "1.37.2", "architecture": "amd64",
        "images": [
            { "name": "registry.k8s.io/etcd:3.7.0-0", "file": "images/etcd.tar" },
            { "name": "registry.k8s.io/pause:3.10.2", "file": "images/pause.tar" }
        ],
        "files": { "bin/kubelet": 1, "images/etcd.tar": 2, "images/pause.tar": 3 }
    }"#;
    const SUMS: &str = "aa  bin/kubelet\nbb  images/etcd.tar\ncc  images/pause.tar\ndd  manifest.json\n";

    #[test]
    fn a_worker_needs_no_control_plane() {
        let bundle = Bundle::parse("1.37.2", MANIFEST, SUMS).unwrap();
        let worker = bundle.of(Role::Worker);
        assert!(worker.files.keys().eq(["bin/kubelet", "images/pause.tar", "manifest.json"]));
        assert!(worker.images.keys().eq(["images/pause.tar"]));
        assert_eq!(bundle.of(Role::ControlPlane), bundle);
    }

    #[test]
    fn what_is_of_another_release_or_has_no_checksum_is_refused() {
        let wanted = "1.38.0".to_owned();
        assert_eq!(
            Bundle::parse(&wanted, MANIFEST, SUMS),
            Err(BundleError::Release { found: "1.37.2".into(), wanted })
        );
        assert_eq!(
            Bundle::parse("1.37.2", MANIFEST, "aa  bin/kubelet\n"),
            Err(BundleError::NoChecksum("images/etcd.tar".into()))
        );
        assert!(matches!(Bundle::parse("1.37.2", "{}", ""), Err(BundleError::Manifest(_))));
    }

    #[test]
    fn what_is_of_no_release_is_of_any() {
        let manifest = MANIFEST.replace(r#""kubernetes": "1.37.2", "#, "");
        let bundle = Bundle::parse(EXTRA_IMAGES, &manifest, SUMS).unwrap();
        assert_eq!(bundle.place(), "/var/lib/socle/bundle/extra-images");
        assert!(matches!(Bundle::parse("1.37.2", &manifest, SUMS), Err(BundleError::Release { .. })));
    }
}
