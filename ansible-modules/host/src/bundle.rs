//! A bundle: a folder on the host with all that a node of one release of Kubernetes needs, and its checksums.
//!
//! | path | what it is |
//! |---|---|
//! | `manifest.json` | releases, for which processors, the names of images |
//! | `SHA256SUMS` | as `sha256sum --check` takes it |
//! | `bin/NAME` | programs: kubelet, kubeadm, containerd, runc … |
//! | `cni/NAME` | the reference plugins of the container network interface |
//! | `images/NAME.tar` | images, as `ctr images import` takes them |
//! | `packages/CODENAME/*.deb` | packages of Debian, by the name of its release |
//!
//! Only what is not on the host yet need be in the folder; manifest and checksums always are.

mod images;
mod installed;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use images::{Images, NoImages, loaded_images};
pub use installed::Installed;

use crate::{Fault, Host, checksum};

/// The file that tells what is in a bundle.
pub const MANIFEST: &str = "manifest.json";
/// The file of checksums.
pub const CHECKSUMS: &str = "SHA256SUMS";
/// The layout that is understood here.
const FORMAT: u32 = 1;

/// Where a bundle is, and which one it must be.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Location {
    /// The folder on the host.
    pub folder: String,
    /// The SHA-256 of its `SHA256SUMS`. Without it, checksums only prove that nothing was damaged on the way.
    #[serde(default)]
    pub checksum: Option<String>,
}

/// What is in a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The folder on the host.
    pub folder: String,
    /// The release of Kubernetes, such as `1.37.2`.
    pub kubernetes: Option<String>,
    /// For which processors, as Go and Debian call them: `amd64`, `arm64`.
    pub architecture: String,
    /// The releases of what else is in it, by name.
    pub components: BTreeMap<String, String>,
    /// The names of images, by the paths of their archives.
    pub images: BTreeMap<String, String>,
    /// The SHA-256 of each file, by its path in the folder.
    pub files: BTreeMap<String, String>,
}

/// The manifest as it is written.
#[derive(Deserialize)]
struct Manifest {
    format: u32,
    kubernetes: Option<String>,
    architecture: String,
    #[serde(default)]
    components: BTreeMap<String, String>,
    #[serde(default)]
    images: Vec<ImageFile>,
}

#[derive(Deserialize)]
struct ImageFile {
    name: String,
    file: String,
}

impl Location {
    /// Reads manifest and checksums, and makes sure that they belong together, to this bundle, and to this host.
    pub fn open(&self, host: &Host) -> Result<Bundle, Fault> {
        let folder = &self.folder;
        let file = |name: &str| {
            let missing = || {
                Fault::refused(format!(
                    "there is no bundle in {folder} of this host, for it has no {name}: copy the bundle there first"
                ))
            };
            host.read(&format!("{folder}/{name}"))?.ok_or_else(missing)
        };
        let (sums, manifest) = (file(CHECKSUMS)?, file(MANIFEST)?);
        if let Some(wanted) = &self.checksum {
            self.is_the_one(wanted, &checksum::of_bytes(&sums))?;
        }
        let bundle =
            Bundle::parse(folder, &String::from_utf8_lossy(&manifest), &String::from_utf8_lossy(&sums))?;
        bundle.accept(MANIFEST, Some(&checksum::of_bytes(&manifest)))?;
        bundle.fits(std::env::consts::ARCH)?;
        Ok(bundle)
    }

    fn is_the_one(&self, wanted: &str, found: &str) -> Result<(), Fault> {
        if wanted.eq_ignore_ascii_case(found) {
            return Ok(());
        }
        Err(Fault::refused(format!(
            "{}/{CHECKSUMS} has the SHA-256 {found}, and {wanted} is wanted: this is another bundle, or somebody changed it",
            self.folder
        )))
    }
}

impl Bundle {
    /// Reads the texts of manifest and checksums.
    pub fn parse(folder: &str, manifest: &str, checksums: &str) -> Result<Bundle, Fault> {
        let defect = |reason: String| {
            Fault::refused(format!(
                "{folder}/{MANIFEST} is not one of a bundle ({reason}): make the bundle anew"
            ))
        };
        let manifest: Manifest = serde_json::from_str(manifest).map_err(|error| defect(error.to_string()))?;
        if manifest.format != FORMAT {
            return Err(defect(format!(
                "it is of the layout {}, and {FORMAT} is understood",
                manifest.format
            )));
        }
        let sums = checksums.lines().filter_map(|line| line.split_once("  "));
        Ok(Bundle {
            folder: folder.to_owned(),
            kubernetes: manifest.kubernetes,
            architecture: manifest.architecture,
            components: manifest.components,
            images: manifest.images.into_iter().map(|image| (image.file, image.name)).collect(),
            files: sums.map(|(sum, path)| (path.to_owned(), sum.to_owned())).collect(),
        })
    }

    /// The files in a folder of it (`bin`), as (their name there, their SHA-256).
    pub fn below<'b>(&'b self, folder: &'b str) -> impl Iterator<Item = (&'b str, &'b str)> {
        let name = move |path: &'b str| path.strip_prefix(folder)?.strip_prefix('/');
        let files = self.files.iter().filter_map(move |(path, sum)| Some((name(path)?, sum.as_str())));
        // A name with a slash would be a file in a folder below, or out of it.
        files.filter(|(name, _)| !name.contains('/'))
    }

    /// The image that holds a pod's namespaces, by its whole name.
    pub fn sandbox_image(&self) -> Option<&str> {
        let name = format!("/pause:{}", self.components.get("pause")?);
        self.images.values().map(String::as_str).find(|image| image.ends_with(&name))
    }

    /// The path of a file of it on the host.
    pub fn path(&self, file: &str) -> String {
        format!("{}/{file}", self.folder)
    }

    /// The SHA-256 that a file of it must have.
    pub fn sum(&self, file: &str) -> Result<&str, Fault> {
        let lacking = || {
            Fault::refused(format!(
                "{} has no line for {file}: give a bundle that has it, or make the bundle anew",
                self.path(CHECKSUMS)
            ))
        };
        self.files.get(file).map(String::as_str).ok_or_else(lacking)
    }

    /// Whether a file that has the sum `found` (none: it is missing) is the one that the checksums tell of.
    pub(crate) fn accept(&self, file: &str, found: Option<&str>) -> Result<(), Fault> {
        let (path, wanted) = (self.path(file), self.sum(file)?);
        match found {
            Some(found) if found == wanted => Ok(()),
            Some(found) => Err(Fault::refused(format!(
                "{path} has the SHA-256 {found}, and {CHECKSUMS} says {wanted}: it is damaged, copy the bundle again"
            ))),
            None => Err(Fault::refused(format!("{path} is missing: copy the bundle again"))),
        }
    }

    /// Whether its programs run on a processor, as `uname -m` calls it.
    fn fits(&self, machine: &str) -> Result<(), Fault> {
        let wanted = match machine {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        if self.architecture == wanted {
            return Ok(());
        }
        Err(Fault::refused(format!(
            "the bundle in {} is for {}, and this host is {machine}: give one for {wanted}",
            self.folder, self.architecture
        )))
    }

    /// Whether it is of this release of Kubernetes.
    pub fn is_release(&self, wanted: &str) -> Result<(), Fault> {
        let found = self.kubernetes.as_deref().unwrap_or("no release");
        if found == wanted.trim_start_matches('v') {
            return Ok(());
        }
        Err(Fault::refused(format!(
            "the bundle in {} is of Kubernetes {found}, and {wanted} is wanted: put each release into a folder of its own",
            self.folder
        )))
    }
}

#[cfg(test)]
pub(crate) mod tests;
