//! A host is made ready to be a node: it is asked what it lacks of the bundle, that is brought, and it installs it.

use std::path::{Path, PathBuf};

use node::bundle::Bundle;
use node::journal::Journal;
use node::plan::Action;
use node::specification::Role;
use node::step::{Answer, Step};
use tfplugin::{Diagnostic, Model};

use super::artefacts::architecture;
use super::bundles::{self, NoBundle};
use super::converge::{Work, failed};
use super::downloads::{self, NoRelease};
use super::hosts::{HostError, Hosts};
use super::resource::ClusterResource;

impl<H: Hosts> Work<'_, H> {
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
        let known = architecture(&machine).ok_or_else(|| {
            let problem = format!("nothing is released for its architecture, {machine}");
            undownloaded(name, release, &problem)
        })?;
        let found = downloads::complete(self.releases, release, known, &self.budget).await;
        found.map_err(|problem: NoRelease| undownloaded(name, release, &problem.to_string()))
    }
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
