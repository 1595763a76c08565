//! Bundles of official releases.

use std::path::{Path, PathBuf};

use super::bundle::Bundle;
use super::release::{CNI, CONTAINERD, Release};
use super::{KubernetesError, Workshop, architecture, components, download, names_in};
use crate::command::run;

impl Workshop<'_> {
    /// The bundle of one release, of what its publishers made.
    pub(super) fn released_bundle(&self, release: &Release) -> Result<PathBuf, KubernetesError> {
        let programs = self.downloaded(release)?;
        let images = download::images(release);
        let images: Vec<_> = images
            .into_iter()
            .map(|name| Ok((self.pulled(&name)?, name)))
            .collect::<Result<_, KubernetesError>>()?;
        let mut parts = vec![programs.display().to_string(), self.repository.display().to_string()];
        parts.extend(images.iter().map(|(archive, name)| format!("{name}={}", archive.display())));
        self.steps.run(&format!("bundle of Kubernetes {release}"), |step| {
            self.cache.entry("kubernetes-bundle", &[&parts.join("\n")], |folder| {
                step.doing("putting it together");
                self.assemble_released(folder, release, &programs, &images)
            })
        })
    }

    fn assemble_released(
        &self,
        folder: &Path,
        release: &Release,
        programs: &Path,
        images: &[(PathBuf, String)],
    ) -> Result<(), KubernetesError> {
        let mut bundle = Bundle::in_folder(folder, architecture());
        for kind in ["bin", "cni"] {
            for name in names_in(&programs.join(kind))? {
                bundle.add(&format!("{kind}/{name}"), &programs.join(kind).join(&name))?;
            }
        }
        self.add_packages(&bundle)?;
        for (archive, name) in images {
            bundle.add_archive(name, archive)?;
        }
        bundle.seal(Some(release.version), components(release, download::RUNC.to_owned()))
    }

    /// The folder of `bin` and `cni`.
    fn downloaded(&self, release: &Release) -> Result<PathBuf, KubernetesError> {
        let versions =
            [release.version, release.etcd.version, CONTAINERD.version, CNI.version, download::RUNC];
        self.steps.run(&format!("programs of Kubernetes {release}"), |step| {
            self.cache.entry("kubernetes-download", &versions, |folder| {
                step.doing("downloading them");
                Ok(download::programs(release, folder)?)
            })
        })
    }

    /// The archive of an official image.
    pub(super) fn pulled(&self, name: &str) -> Result<PathBuf, KubernetesError> {
        let entry = self.steps.run(name, |step| {
            self.cache.entry("image", &[name, architecture()], |folder| {
                step.doing("downloading it");
                let podman = || self.podman.query();
                run(podman().args(["pull", "--quiet", "--os=linux", "--arch", architecture(), name]))?;
                let save = ["save", "--quiet", "--format=docker-archive", "--output"];
                run(podman().args(save).arg(folder.join("image.tar")).arg(name))?;
                run(podman().args(["rmi", name]))?;
                Ok::<_, KubernetesError>(())
            })
        })?;
        Ok(entry.join("image.tar"))
    }
}
