//! `data.socle_cluster`: a cluster that is managed elsewhere, as its control planes show it.

use std::collections::BTreeMap;

use futures::future::join_all;
use node::observation::{HostView, Sight, Sights};
use node::step::Step;
use tfplugin::{Call, DataSource, Diagnostic, Diagnostics, List, Map, Model, Value};

use super::access::ClusterAccess;
use super::apply::now;
use super::blocks::NodeStatus;
use super::credentials::{coordinates, request};
use super::hosts::{Hosts, sight};
use super::nodes::Nodes;
use super::shown::{DUE, members, time};
use crate::clients::Clients;

/// A cluster that is managed elsewhere: what its control planes show now.
///
/// They are asked over SSH, at the same time; one that answers is enough. Nothing is changed, and no credential is minted.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct ClusterData {
    /// How to reach the cluster: the attribute `access` of its `socle_cluster`.
    #[tf(required)]
    access: Value<ClusterAccess>,
    /// The id of the cluster.
    #[tf(computed)]
    id: Value<String>,
    /// The name of the cluster.
    #[tf(computed)]
    name: Value<String>,
    /// The lowest release among the kubelets, such as `1.37.2`.
    #[tf(computed)]
    kubernetes_version: Value<String>,
    /// What is known of each node. Only control planes are asked, so `reachable` is null for workers.
    #[tf(computed)]
    node_status: Value<Map<NodeStatus>>,
    /// The names of the voting members of etcd.
    #[tf(computed)]
    etcd_members: Value<List<String>>,
    /// When the first certificate on a control plane ends (RFC 3339).
    #[tf(computed)]
    certificates_expire_at: Value<String>,
    /// Whether a certificate ends within 30 days: the timer that renews it does not do so.
    #[tf(computed)]
    renewal_due: Value<bool>,
}

impl DataSource for ClusterData {
    type Clients = Clients;
    type Model = Self;

    const NAME: &'static str = "cluster";
    const SUBCATEGORY: &'static str = "Clusters";

    async fn read(call: &Call<Clients>, config: Self) -> Result<Self, Diagnostics> {
        let found = Box::pin(config.observed(&Nodes::to_read(call), now())).await?;
        if found.etcd_members == Value::Null {
            call.warn(silent());
        }
        Ok(found)
    }
}

impl ClusterData {
    async fn observed<H: Hosts>(self, hosts: &H, now: i64) -> Result<Self, Diagnostics> {
        let access = self.access.known().cloned().unwrap_or_default();
        let sights = look(hosts, &access).await;
        let id = access.id.known().map_or("", String::as_str);
        let views: BTreeMap<&str, &HostView> = sights
            .iter()
            .filter_map(|(name, sight)| Some((name.as_str(), sight.view()?)))
            .filter(|(_, view)| view.journal.as_ref().is_some_and(|journal| journal.cluster_id == id))
            .collect();
        if views.is_empty() {
            return Err(nobody(&sights).into());
        }
        Ok(self.with(&views, now))
    }

    fn with(self, views: &BTreeMap<&str, &HostView>, now: i64) -> Self {
        let journal = views.values().find_map(|view| view.journal.as_ref());
        let api = views.values().find_map(|view| view.cluster.as_ref());
        let ends = views.values().filter_map(|view| view.certificates_expire_at).min();
        let planes =
            self.access.known().and_then(|access| access.control_planes.known().cloned()).unwrap_or_default();
        let nodes = api.map(|api| &api.nodes).into_iter().flatten();
        let status = nodes.map(|(name, object)| {
            let asked = planes.contains_key(name).then(|| views.contains_key(name.as_str()));
            let (version, ready) = (object.version.clone().into(), object.ready.into());
            (
                name.clone(),
                Value::Known(NodeStatus { version, ready, reachable: asked.into(), drift: Value::Null }),
            )
        });
        let lowest =
            api.and_then(|api| api.nodes.values().map(|node| &node.version).min_by_key(|text| numbers(text)));
        Self {
            id: journal.map(|journal| journal.cluster_id.clone()).into(),
            name: journal.map(|journal| journal.fixed.name.clone()).into(),
            kubernetes_version: lowest.cloned().into(),
            node_status: api.map(|_| status.collect::<Map<NodeStatus>>()).into(),
            etcd_members: api.map_or(Value::Null, members),
            certificates_expire_at: ends.and_then(time).into(),
            renewal_due: ends.is_some_and(|end| end - now < DUE).into(),
            ..self
        }
    }
}

/// Releases are compared by number.
fn numbers(release: &str) -> Vec<u32> {
    release.split('.').filter_map(|part| part.parse().ok()).collect()
}

async fn look<H: Hosts>(hosts: &H, access: &ClusterAccess) -> Sights {
    let planes = access.control_planes.known().into_iter().flatten();
    let planes = planes.filter_map(|(name, plane)| Some((name, plane.known().and_then(coordinates)?)));
    let question = request(Step::Observe);
    let asked = planes.map(async |(name, host)| (name.clone(), sight(hosts.ask(&host, &question).await)));
    join_all(asked).await.into_iter().collect()
}

/// An error would stand in the way of the very plan that mends the cluster.
fn silent() -> Diagnostic {
    let detail =
        "Its control planes are there, and none of their API servers answers: what only it knows is null.";
    Diagnostic::warning("No API server answers", detail).at(ClusterData::paths().access())
}

fn nobody(sights: &Sights) -> Diagnostic {
    let said = sights.iter().map(|(name, sight)| match sight {
        Sight::Unreachable(reason) | Sight::Unprepared(reason) | Sight::Failed(reason) => {
            format!("{name}: {reason}")
        }
        Sight::Seen(_) => format!("{name}: it is not of this cluster"),
    });
    let detail = format!("No control plane was able to say anything. {}", said.collect::<Vec<_>>().join(" "));
    Diagnostic::error("Cluster does not answer", detail).at(ClusterData::paths().access())
}

#[cfg(test)]
mod tests {
    use super::super::access::ControlPlane;
    use super::super::fake::{Fake, view};
    use super::*;

    #[tokio::test]
    async fn a_cluster_whose_api_is_down_is_still_found() {
        let plane = ControlPlane { address: "203.0.113.11".into(), ..ControlPlane::default() };
        let planes: Map<ControlPlane> = [("cp-1".to_owned(), Value::Known(plane))].into();
        let access =
            ClusterAccess { id: "c1".into(), control_planes: planes.into(), ..ClusterAccess::default() };
        let config = || ClusterData { access: access.clone().into(), ..ClusterData::default() };
        let hosts = Fake::default().showing("203.0.113.11", view("c1", "cp-1"));
        let found = config().observed(&hosts, 0).await.unwrap();
        assert_eq!((found.name, found.etcd_members), ("prod".into(), Value::Null));
        let hosts = Fake::default().showing("203.0.113.11", view("c2", "cp-1"));
        assert!(config().observed(&hosts, 0).await.is_err());
    }

    #[test]
    fn the_lowest_release_is_found_by_number() {
        let lowest = ["1.37.10", "1.37.9"].into_iter().min_by_key(|text| numbers(text));
        assert_eq!(lowest, Some("1.37.9"));
    }
}
