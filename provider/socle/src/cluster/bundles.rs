//! Bundles in a folder of this machine, one folder a release.

use std::fs;
use std::path::Path;

use node::bundle::{Bundle, BundleError, CHECKSUMS, EXTRA_IMAGES, MANIFEST};
use node::fingerprint::fingerprint;

use super::hosts::Freight;

/// Why there is no bundle of a release.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoBundle {
    /// A file of it cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// The file.
        path: String,
        /// The system's answer.
        source: std::io::Error,
    },
    /// It is not what it should be.
    #[error("{folder}: {source}")]
    Content {
        /// The folder of the release.
        folder: String,
        /// What is wrong with it.
        source: BundleError,
    },
}

/// Reads what is in the bundle of a release, in a folder of bundles.
pub(super) fn read(bundles: &Path, release: &str) -> Result<Bundle, NoBundle> {
    let folder = bundles.join(release);
    let text = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path)
            .map_err(|source| NoBundle::File { path: path.display().to_string(), source })
    };
    let (manifest, checksums) = (text(MANIFEST)?, text(CHECKSUMS)?);
    Bundle::parse(release, &manifest, &checksums)
        .map_err(|source| NoBundle::Content { folder: folder.display().to_string(), source })
}

/// Reads what is in the bundle of images for any release, where the folder has one.
pub(super) fn read_extra(bundles: &Path) -> Result<Option<Bundle>, NoBundle> {
    bundles.join(EXTRA_IMAGES).exists().then(|| read(bundles, EXTRA_IMAGES)).transpose()
}

/// Those files of it, on their way to a host.
pub(super) fn freight(bundles: &Path, bundle: &Bundle, paths: &[String]) -> Result<Vec<Freight>, NoBundle> {
    let folder = bundles.join(&bundle.kubernetes);
    let one = |path: &String| {
        let file = folder.join(path);
        let place = format!("{}/{path}", bundle.place());
        let sha256 = match bundle.files.get(path) {
            Some(sum) => sum.clone(),
            // What tells the sums of the others.
            None => fingerprint(
                &fs::read(&file)
                    .map_err(|source| NoBundle::File { path: file.display().to_string(), source })?,
            ),
        };
        Ok(Freight { file, place, sha256 })
    };
    paths.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_without_a_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let told = read(folder.path(), "1.37.2").unwrap_err().to_string();
        assert!(told.contains("1.37.2/manifest.json"), "{told}");
    }

    #[test]
    fn extra_images_are_used_where_there_are_any_and_refused_when_they_are_broken() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read_extra(folder.path()).unwrap().is_none());
        let extra = folder.path().join("extra-images");
        fs::create_dir(&extra).unwrap();
        let told = read_extra(folder.path()).unwrap_err().to_string();
        assert!(told.contains("extra-images/manifest.json"), "{told}");
        let manifest = r#"{ "format": 1, "architecture": "amd64",
            "images": [{ "name": "localhost/web:1", "file": "images/web.tar" }], "files": { "images/web.tar": 1 } }"#;
        fs::write(extra.join(MANIFEST), manifest).unwrap();
        fs::write(extra.join(CHECKSUMS), "aa  images/web.tar\nbb  manifest.json\n").unwrap();
        let found = read_extra(folder.path()).unwrap().unwrap();
        let freight = freight(folder.path(), &found, &["images/web.tar".to_owned()]).unwrap();
        assert_eq!(freight[0].place, "/var/lib/socle/bundle/extra-images/images/web.tar");
    }
}
