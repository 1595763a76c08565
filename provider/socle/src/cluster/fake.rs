//! Hosts for tests.

use std::collections::{BTreeMap, BTreeSet};

use node::journal::{Journal, State};
use node::observation::HostView;
use node::specification::{Cluster, Network, NetworkMode, Node, Pods, Role, Settings};
use node::step::{Answer, Request};

use super::hosts::{Coordinates, Freight, HostError, Hosts};

/// Each shows what it was told to; others are gone.
#[derive(Debug, Default)]
pub(super) struct Fake {
    views: BTreeMap<String, HostView>,
}

impl Fake {
    /// With a host at that address that shows this.
    pub(super) fn showing(mut self, address: &str, view: HostView) -> Self {
        self.views.insert(address.to_owned(), view);
        self
    }

    fn at(&self, host: &Coordinates) -> Result<&HostView, HostError> {
        self.views.get(&host.address).ok_or_else(|| HostError::Unreachable("no route to host".into()))
    }
}

/// A cluster of one control plane.
pub(super) fn cluster() -> Cluster {
    let node = Node {
        role: Role::ControlPlane,
        address: "203.0.113.11".into(),
        private_address: None,
        labels: BTreeMap::new(),
        taints: None,
    };
    let network = Network {
        mode: NetworkMode::Wireguard,
        mtu: None,
        pod_cidr: "10.244.0.0/16".parse().unwrap(),
        service_cidr: "10.96.0.0/12".parse().unwrap(),
        mesh_cidr: "10.220.0.0/16".parse().unwrap(),
        pods: Pods::Routed,
    };
    Cluster {
        name: "prod".into(),
        kubernetes_version: "1.37.2".into(),
        nodes: [("cp-1".to_owned(), node)].into(),
        network,
        endpoint: None,
        certificate_sans: Vec::new(),
        api_from: None,
        settings: Settings::default(),
        addons: BTreeSet::new(),
        ignore_preflight_errors: Vec::new(),
    }
}

/// A host of the cluster of that id, judged by its own journal, whose API server does not answer.
pub(super) fn view(cluster_id: &str, node: &str) -> HostView {
    let journal = Journal {
        cluster_id: cluster_id.into(),
        owner: "terraform".into(),
        fixed: cluster().fixed(),
        state: State::Complete,
        generation: 1,
        node: node.into(),
        members: BTreeMap::new(),
    };
    HostView {
        journal: Some(journal),
        judged: Some("by its own journal".into()),
        joined: true,
        etcd_data: true,
        ..HostView::default()
    }
}

impl Hosts for Fake {
    async fn ask(&self, host: &Coordinates, _: &Request) -> Result<Answer, HostError> {
        let view = Some(Box::new(self.at(host)?.clone()));
        Ok(Answer::Done { changed: false, view, invitation: None, missing: None, certificate: None })
    }

    async fn machine(&self, host: &Coordinates) -> Result<String, HostError> {
        self.at(host).map(|_| "x86_64".to_owned())
    }

    async fn bring(&self, host: &Coordinates, _: &[Freight]) -> Result<(), HostError> {
        self.at(host).map(drop)
    }

    async fn forget(&self, host: &Coordinates) -> Result<(), HostError> {
        self.at(host).map(drop)
    }
}
