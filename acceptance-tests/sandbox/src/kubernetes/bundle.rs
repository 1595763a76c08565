//! The layout of a bundle: everything that a node of one version of Kubernetes needs, in one folder. See
//! `docs/guides/bundles.md`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::KubernetesError;
use super::archive::{Image, Layer, digest};

/// The file that tells what is in a bundle.
pub const MANIFEST: &str = "manifest.json";
/// The file of checksums, as `sha256sum --check` takes it.
pub const CHECKSUMS: &str = "SHA256SUMS";
/// The layout that is written here.
const FORMAT: u32 = 1;

/// What a bundle is, besides its files.
#[derive(Debug, Serialize)]
pub(super) struct Manifest<'a> {
    format: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    kubernetes: Option<&'a str>,
    architecture: &'a str,
    components: BTreeMap<&'a str, String>,
    images: Vec<ImageFile>,
    files: BTreeMap<String, u64>,
}

/// An image of a bundle.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ImageFile {
    pub(super) name: String,
    pub(super) file: String,
}

/// A bundle that is being put together.
#[derive(Debug)]
pub(super) struct Bundle<'a> {
    folder: &'a Path,
    architecture: &'a str,
    images: Vec<ImageFile>,
}

impl<'a> Bundle<'a> {
    /// In `folder`, which is empty, for processors of this kind.
    pub(super) fn in_folder(folder: &'a Path, architecture: &'a str) -> Self {
        Self { folder, architecture, images: Vec::new() }
    }

    /// The place of a file; the folder above it is there.
    pub(super) fn place(&self, path: &str) -> Result<PathBuf, KubernetesError> {
        let place = self.folder.join(path);
        let above = place.parent().unwrap_or(self.folder);
        fs::create_dir_all(above).map_err(KubernetesError::at("make the folder", above))?;
        Ok(place)
    }

    /// Puts a file into the bundle, without a second copy on the disk where that is possible.
    pub(super) fn add(&self, path: &str, source: &Path) -> Result<(), KubernetesError> {
        let place = self.place(path)?;
        fs::hard_link(source, &place)
            .or_else(|_| fs::copy(source, &place).map(drop))
            .map_err(KubernetesError::at("copy", source))
    }

    /// Makes the image `name`.
    pub(super) fn add_image(
        &mut self,
        name: &str,
        layers: &[Layer],
        entrypoint: &[&str],
    ) -> Result<(), KubernetesError> {
        let file = file_of(name);
        let place = self.place(&file)?;
        let scratch = place.parent().unwrap_or(self.folder);
        let image = Image { name, architecture: self.architecture, layers, entrypoint };
        image.write(&place, scratch).map_err(KubernetesError::at("write", &place))?;
        self.images.push(ImageFile { name: name.to_owned(), file });
        Ok(())
    }

    /// Puts the image `name` into the bundle, of which there is an archive.
    pub(super) fn add_archive(&mut self, name: &str, archive: &Path) -> Result<(), KubernetesError> {
        let file = file_of(name);
        self.add(&file, archive)?;
        self.images.push(ImageFile { name: name.to_owned(), file });
        Ok(())
    }

    /// Writes the manifest, and the checksums of all files.
    pub(super) fn seal(
        self,
        kubernetes: Option<&str>,
        components: BTreeMap<&str, String>,
    ) -> Result<(), KubernetesError> {
        let files = files_below(self.folder).map_err(KubernetesError::at("list", self.folder))?;
        let Self { architecture, images, .. } = self;
        let manifest = Manifest { format: FORMAT, kubernetes, architecture, components, images, files };
        let text = serde_json::to_string_pretty(&manifest).map_err(KubernetesError::Manifest)?;
        let path = self.folder.join(MANIFEST);
        fs::write(&path, text + "\n").map_err(KubernetesError::at("write", &path))?;
        let sum = |name: &str| {
            let file = self.folder.join(name);
            let digest = digest(&file).map_err(KubernetesError::at("read", &file))?;
            Ok(format!("{digest}  {name}\n"))
        };
        let names = manifest.files.keys().map(String::as_str).chain([MANIFEST]);
        let sums: String = names.map(sum).collect::<Result<_, KubernetesError>>()?;
        let path = self.folder.join(CHECKSUMS);
        fs::write(&path, sums).map_err(KubernetesError::at("write", &path))
    }
}

/// The place of the image `name` in a bundle.
fn file_of(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    format!("images/{}.tar", last.split(':').next().unwrap_or(last))
}

/// The sizes of all files, by their paths in `folder`.
fn files_below(folder: &Path) -> io::Result<BTreeMap<String, u64>> {
    let mut files = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                open.push(entry.path());
            } else if let Ok(name) = entry.path().strip_prefix(folder) {
                files.insert(name.to_string_lossy().into_owned(), entry.metadata()?.len());
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn is_verified_by_sha256sum_and_names_its_images() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("source");
        fs::write(&source, "kubeadm").unwrap();
        let place = folder.path().join("1.37.2");
        fs::create_dir(&place).unwrap();
        let mut bundle = Bundle::in_folder(&place, "amd64");
        bundle.add("bin/kubeadm", &source).unwrap();
        let layers = [Layer::Programs(vec![("/coredns".to_owned(), source.clone())])];
        bundle.add_image("registry.k8s.io/coredns/coredns:v1.14.6", &layers, &["/coredns"]).unwrap();
        bundle.seal(Some("1.37.2"), BTreeMap::from([("coredns", "1.14.6".to_owned())])).unwrap();
        let checked =
            Command::new("sha256sum").args(["--check", CHECKSUMS]).current_dir(&place).output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&checked.stdout),
            "bin/kubeadm: OK\nimages/coredns.tar: OK\nmanifest.json: OK\n"
        );
        let manifest: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(place.join(MANIFEST)).unwrap()).unwrap();
        let image = serde_json::json!({
            "name": "registry.k8s.io/coredns/coredns:v1.14.6", "file": "images/coredns.tar"
        });
        assert_eq!(manifest["images"], serde_json::json!([image]));
        assert_eq!(manifest["files"]["bin/kubeadm"], 7);
    }
}
