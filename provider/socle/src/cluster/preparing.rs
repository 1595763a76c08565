//! A host is made ready to be a node: it is asked what it lacks of the bundle, that is brought, and it installs it.

use std::path::{Path, PathBuf};

use node::bundle::Bundle;
use node::journal::Journal;
use node::observation::{HostView, Sights};
use node::plan::Action;
use node::specification::{Cluster, Role};
use node::step::{Answer, Step};
use tfplugin::{Diagnostic, Diagnostics, Model};

use super::artefacts::architecture;
use super::bundles::{self, NoBundle};
use super::converge::{Work, failed};
use super::downloads::{self, NoRelease};
use super::hosts::{HostError, Hosts};
use super::resource::ClusterResource;

impl<H: Hosts> Work<'_, H> {
    /// What hosts are to be prepared from is there, and is for their processors. This is seen before anything is written.
    pub(super) fn check_bundles(&self, sights: &Sights) -> Result<(), Diagnostics> {
        let bare = bare(self.cluster, sights);
        let Some((first, _)) = bare.first() else { return Ok(()) };
        let release = &self.cluster.kubernetes_version;
        let Some(folder) = &self.bundles else {
            let unknown =
                bare.iter().filter(|(_, machine)| !machine.is_empty() && architecture(machine).is_none());
            let told = unknown.map(|(name, machine)| undownloaded(name, release, &unreleased(machine)));
            return told.collect::<Diagnostics>().into_result();
        };
        let (bundle, extra) = self.bundles_in(folder, first).map_err(|problem| unusable(&problem))?;
        let told = [Some(bundle), extra].into_iter().flatten().flat_map(|bundle| {
            let others = others(&bundle.architecture, &bare);
            others.map(|(name, machine)| misfit(&bundle, folder, name, machine)).collect::<Vec<_>>()
        });
        told.collect::<Diagnostics>().into_result()
    }

    /// Prepares a host. What arrived before the run was killed is not brought again.
    pub(super) async fn prepare(
        &self,
        action: &Action,
        name: &str,
        journal: Option<&Journal>,
    ) -> Result<(), Diagnostic> {
        let folder = match &self.bundles {
            Some(folder) => folder.clone(),
            None => self.download(action, name).await?,
        };
        let (bundle, extra) = self.bundles_in(&folder, name).map_err(|problem| unusable(&problem))?;
        for bundle in [Some(&bundle), extra.as_ref()].into_iter().flatten() {
            let asked = self.ask(action, name, journal, Step::Stock { bundle: bundle.clone() }).await?;
            let Answer::Done { missing: Some(missing), .. } = asked else {
                return Err(failed(action, name, "it does not say what it lacks", ""));
            };
            let freight =
                bundles::freight(&folder, bundle, &missing).map_err(|problem| unusable(&problem))?;
            let brought = self.hosts.bring(self.coordinates_of(name)?, &freight).await;
            brought.map_err(|error| failed(action, name, &error.to_string(), ""))?;
        }
        self.ask(action, name, journal, Step::Prepare { bundle, extra }).await.map(drop)
    }

    /// What the role of a host needs of the release, and what every host gets.
    fn bundles_in(&self, folder: &Path, name: &str) -> Result<(Bundle, Option<Bundle>), NoBundle> {
        let whole = bundles::read(folder, &self.cluster.kubernetes_version)?;
        let role = self.cluster.nodes.get(name).map_or(Role::Worker, |node| node.role);
        Ok((whole.of(role), bundles::read_extra(folder)?))
    }

    /// Downloads the release for a host's processors, unless an earlier one did.
    async fn download(&self, action: &Action, name: &str) -> Result<PathBuf, Diagnostic> {
        let told = |error: HostError| failed(action, name, &error.to_string(), "");
        let machine = self.hosts.machine(self.coordinates_of(name)?).await.map_err(told)?;
        let release = &self.cluster.kubernetes_version;
        let known =
            architecture(&machine).ok_or_else(|| undownloaded(name, release, &unreleased(&machine)))?;
        let found = downloads::complete(self.releases, release, known, &self.budget).await;
        found.map_err(|problem: NoRelease| undownloaded(name, release, &problem.to_string()))
    }
}

/// The hosts that lack what a node is made of, and their processors.
fn bare<'s>(cluster: &Cluster, sights: &'s Sights) -> Vec<(&'s str, &'s str)> {
    let nodes = sights.iter().filter(|(name, _)| cluster.nodes.contains_key(*name));
    let views = nodes.filter_map(|(name, sight)| Some((name.as_str(), sight.view()?)));
    let bare = views.filter(|(_, view)| view.lacks(&cluster.kubernetes_version));
    bare.map(|(name, view)| (name, processors(view))).collect()
}

/// Nothing where the program there is of an earlier release, which does not say it.
fn processors(view: &HostView) -> &str {
    view.machine.as_ref().map_or("", |machine| &machine.architecture)
}

/// Those that it is not for.
fn others<'s>(released_for: &str, hosts: &[(&'s str, &'s str)]) -> impl Iterator<Item = (&'s str, &'s str)> {
    let is_other = |machine: &str| !machine.is_empty() && architecture(machine) != Some(released_for);
    hosts.iter().copied().filter(move |(_, machine)| is_other(machine))
}

fn misfit(bundle: &Bundle, folder: &Path, name: &str, machine: &str) -> Diagnostic {
    let detail = format!(
        "{} is for {}, and host {name} has processors of {machine}. Nothing was written to any host. Take a bundle for them, or \
         prepare the host with the playbook socle.platform.prepare; then apply again.",
        folder.join(&bundle.kubernetes).display(),
        bundle.architecture,
    );
    Diagnostic::error("Bundle cannot be used", detail).at(ClusterResource::paths().bundles())
}

fn unreleased(machine: &str) -> String {
    format!("nothing is released for its architecture, {machine}")
}

fn undownloaded(name: &str, release: &str, problem: &str) -> Diagnostic {
    let detail = format!(
        "Host {name} is to get a container runtime with kubelet and kubeadm {release}: {problem}. Where this machine reaches \
         no release site, set bundles to a folder of air-gap bundles, or prepare the host with the playbook \
         socle.platform.prepare; then apply again, and it goes on from here."
    );
    Diagnostic::error("Kubernetes cannot be downloaded", detail).at(ClusterResource::paths().bundles())
}

fn unusable(problem: &NoBundle) -> Diagnostic {
    let detail = format!(
        "{problem}. A folder of bundles has a folder for each release, with manifest.json and SHA256SUMS."
    );
    Diagnostic::error("Bundle cannot be used", detail).at(ClusterResource::paths().bundles())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_a_bundle_is_not_for_are_named() {
        let hosts = [("cp-1", "x86_64"), ("w-1", "aarch64"), ("w-2", "riscv64"), ("w-3", "")];
        let names = |released_for| others(released_for, &hosts).map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names("amd64"), ["w-1", "w-2"]);
        assert_eq!(names("arm64"), ["cp-1", "w-2"]);
    }
}
