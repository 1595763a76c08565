//! A host is made ready to be a node: it is asked what it lacks of the bundle, that is brought, and it installs it.

use node::journal::Journal;
use node::plan::Action;
use node::specification::Role;
use node::step::{Answer, Step};
use tfplugin::{Diagnostic, Model};

use super::bundles;
use super::converge::{Work, failed};
use super::hosts::Hosts;
use super::resource::ClusterResource;

impl<H: Hosts> Work<'_, H> {
    /// Prepares a host. What arrived before the run was killed is not brought again.
    pub(super) async fn prepare(
        &self,
        action: &Action,
        name: &str,
        journal: Option<&Journal>,
    ) -> Result<(), Diagnostic> {
        let release = &self.cluster.kubernetes_version;
        let folder = self.bundles.as_ref().ok_or_else(|| no_bundles(name, release))?;
        let read = bundles::read(folder, release);
        let whole = read.map_err(|problem| unusable(&problem.to_string()))?;
        let role = self.cluster.nodes.get(name).map_or(Role::Worker, |node| node.role);
        let bundle = whole.of(role);
        let extra = bundles::read_extra(folder).map_err(|problem| unusable(&problem.to_string()))?;
        for bundle in [Some(&bundle), extra.as_ref()].into_iter().flatten() {
            let asked = self.ask(action, name, journal, Step::Stock { bundle: bundle.clone() }).await?;
            let Answer::Done { missing: Some(missing), .. } = asked else {
                return Err(failed(action, name, "it does not say what it lacks", ""));
            };
            let freight = bundles::freight(folder, bundle, &missing)
                .map_err(|problem| unusable(&problem.to_string()))?;
            let brought = self.hosts.bring(self.coordinates_of(name)?, &freight).await;
            brought.map_err(|error| failed(action, name, &error.to_string(), ""))?;
        }
        self.ask(action, name, journal, Step::Prepare { bundle, extra }).await.map(drop)
    }
}

fn no_bundles(name: &str, release: &str) -> Diagnostic {
    let detail = format!(
        "Host {name} has no container runtime with kubelet and kubeadm {release}. Set bundles to a folder of air-gap bundles; or \
         prepare the host with the playbook socle.platform.prepare, and apply again."
    );
    Diagnostic::error("Host is not prepared", detail).at(ClusterResource::paths().bundles())
}

fn unusable(problem: &str) -> Diagnostic {
    let detail = format!(
        "{problem}. A folder of bundles has a folder for each release, with manifest.json and SHA256SUMS."
    );
    Diagnostic::error("Bundle cannot be used", detail).at(ClusterResource::paths().bundles())
}
