use tfplugin::{Dynamic, List, Map, Plan};

use super::super::blocks::{
    AddonsBlock, ApiServerBlock, AuditLogBlock, ComponentBlock, EncryptionBlock, NodeStatus,
};
use super::super::shown;
use super::*;

fn node(role: &str, address: &str) -> Value<ClusterNode> {
    Value::Known(ClusterNode { role: role.into(), address: address.into(), ..ClusterNode::default() })
}

fn cluster(nodes: &[(&str, &str, &str)]) -> ClusterResource {
    let nodes: Map<ClusterNode> =
        nodes.iter().map(|(name, role, address)| ((*name).to_owned(), node(role, address))).collect();
    ClusterResource {
        name: "prod".into(),
        kubernetes_version: "1.37.2".into(),
        nodes: nodes.into(),
        ..ClusterResource::default()
    }
}

const CP1: (&str, &str, &str) = ("cp-1", "control-plane", "203.0.113.11");
const CP2: (&str, &str, &str) = ("cp-2", "control-plane", "203.0.113.12");
const CP3: (&str, &str, &str) = ("cp-3", "control-plane", "203.0.113.13");
const W1: (&str, &str, &str) = ("w-1", "worker", "203.0.113.21");
const W2: (&str, &str, &str) = ("w-2", "worker", "203.0.113.22");

fn lose(cluster: &mut ClusterResource, name: &str) {
    let nodes = cluster.nodes.known_mut().unwrap();
    nodes.get_mut(name).unwrap().known_mut().unwrap().lost = true.into();
}

fn refused(prior: &ClusterResource, planned: &ClusterResource) -> Vec<String> {
    refusals(prior, planned)
        .iter()
        .map(|found| format!("{}: {}", found.path.as_ref().unwrap(), found.detail))
        .collect()
}

#[test]
fn a_create_says_what_it_does_in_order() {
    assert_eq!(
        steps(None, &cluster(&[CP1, CP2, W1, W2])),
        [
            "prepare cp-1, cp-2, w-1, w-2",
            "join cp-1, cp-2, w-1, w-2 to one network",
            "make the first control plane on cp-1",
            "let cp-2 join as a control plane",
            "let w-1, w-2 join as workers",
            "install local storage",
            "install metrics-server",
        ]
    );
}

#[test]
fn each_row_of_the_table_has_its_words() {
    let before = cluster(&[CP1, CP2, CP3, W1]);
    let mut after = cluster(&[CP1, CP2, CP3, W2]);
    lose(&mut after, "cp-3");
    let labels: Map<String> = [("disk".to_owned(), Value::from("ssd"))].into();
    let nodes = after.nodes.known_mut().unwrap();
    nodes.get_mut("cp-1").unwrap().known_mut().unwrap().labels = labels.into();
    after.audit_log =
        Value::Known(super::super::blocks::AuditLogBlock { max_age_days: 90.into(), ..Default::default() });
    assert_eq!(
        steps(Some(&before), &after),
        [
            "remove cp-3 from etcd and the cluster, without its server",
            "prepare w-2 and let it join as a worker",
            "set labels of cp-1",
            "apply settings on cp-1, cp-2, one at a time",
            "drain w-1, remove it from the cluster and reset its server",
        ]
    );
    assert_eq!(refused(&before, &after), Vec::<String>::new());
    assert!(departing(&before, &after).keys().eq(["w-1"]));
}

#[test]
fn what_a_look_found_out_of_order_is_mended() {
    let status = |drift: &[&str]| {
        let drift: List<String> = drift.iter().map(|word| Value::from(*word)).collect();
        Value::Known(NodeStatus { drift: drift.into(), ..NodeStatus::default() })
    };
    let nodes = [
        ("cp-1".to_owned(), status(&["firewall", "timer"])),
        ("w-1".to_owned(), status(&[])),
        ("w-2".to_owned(), status(&["mesh"])),
        ("w-3".to_owned(), status(&[MEMBERSHIP])),
    ];
    let found = ClusterResource {
        node_status: nodes.into_iter().collect::<Map<NodeStatus>>().into(),
        ..cluster(&[CP1, W1, W2, ("w-3", "worker", "203.0.113.23")])
    };
    let mended = ["mend firewall and timer of cp-1", "mend mesh of w-2", "let w-3 join anew"];
    assert_eq!(steps(Some(&found), &found), mended);
    let left = |name| format!("drain {name}, remove it from the cluster and reset its server");
    let wanted = [mended[0].to_owned(), left("w-2"), left("w-3")];
    assert_eq!(steps(Some(&found), &cluster(&[CP1, W1])), wanted);
}

#[test]
fn another_host_key_is_a_step_and_a_lost_server_has_none() {
    let before = cluster(&[CP1, W1]);
    let mut after = before.clone();
    let key = |cluster: &mut ClusterResource, name: &str| {
        let nodes = cluster.nodes.known_mut().unwrap();
        nodes.get_mut(name).unwrap().known_mut().unwrap().host_key = "ssh-ed25519 AAAA".into();
    };
    key(&mut after, "w-1");
    assert_eq!(steps(Some(&before), &after), ["have w-1 prove itself under its new host key"]);
    lose(&mut after, "w-1");
    assert_eq!(steps(Some(&before), &after), ["remove w-1 from etcd and the cluster, without its server"]);
}

#[test]
fn writing_a_default_out_is_no_change() {
    let before = cluster(&[CP1, W1]);
    let mut after = before.clone();
    after.network = Value::Known(NetworkBlock {
        mode: "wireguard".into(),
        pod_cidr: "10.244.0.0/16".into(),
        ..Default::default()
    });
    assert_eq!(steps(Some(&before), &after), Vec::<String>::new());
    assert_eq!(refused(&before, &after), Vec::<String>::new());
}

#[test]
fn ranges_and_names_never_change() {
    let before = cluster(&[CP1]);
    let mut after = before.clone();
    after.network = Value::Known(NetworkBlock { pod_cidr: "10.1.0.0/16".into(), ..Default::default() });
    let said = refused(&before, &after);
    assert!(said[0].starts_with("network.pod_cidr: ") && said[0].contains("second cluster"), "{said:?}");
}

#[test]
fn a_servers_address_role_and_name_change_by_leaving() {
    let before = cluster(&[CP1, W1]);
    let moved = refused(&before, &cluster(&[CP1, ("w-1", "worker", "203.0.113.99")]));
    assert!(
        moved[0].starts_with("nodes[\"w-1\"].address: ") && moved[0].contains("Remove the node"),
        "{moved:?}"
    );
    let renamed = refused(&before, &cluster(&[CP1, ("w-9", "worker", "203.0.113.21")]));
    assert!(renamed[0].contains("remove w-1 and apply; then add w-9"), "{renamed:?}");
    let promoted = refused(&before, &cluster(&[CP1, ("w-1", "control-plane", "203.0.113.21")]));
    assert!(promoted[0].starts_with("nodes[\"w-1\"].role: "), "{promoted:?}");
}

#[test]
fn upgrades_and_rotations_say_that_they_are_not_there_yet() {
    let before = cluster(&[CP1]);
    let mut after = before.clone();
    after.kubernetes_version = "1.38.0".into();
    after.encryption = Value::Known(super::super::blocks::EncryptionBlock { rotation: 2.into() });
    let said = refused(&before, &after);
    assert!(said[0].contains("Put 1.37.2 back") && said[1].contains("Put 1 back"), "{said:?}");
}

#[test]
fn a_majority_is_never_lost_by_plan() {
    let before = cluster(&[CP1, CP2, CP3]);
    let mut after = before.clone();
    lose(&mut after, "cp-1");
    assert_eq!(refused(&before, &after), Vec::<String>::new());
    lose(&mut after, "cp-2");
    assert!(refused(&before, &after)[0].contains("2 of 3 control planes are lost"));
    let all_new = cluster(&[("cp-9", "control-plane", "203.0.113.19")]);
    assert!(refused(&before, &all_new)[0].contains("No control plane of the cluster would stay"));
}

type Opening = (&'static str, fn(&mut ClusterResource));

/// Each leaves one value of a cluster open.
fn openings() -> Vec<Opening> {
    fn of_node(cluster: &mut ClusterResource, open: fn(&mut ClusterNode)) {
        let nodes = cluster.nodes.known_mut().unwrap();
        open(nodes.get_mut("cp-1").unwrap().known_mut().unwrap());
    }
    fn of_network(cluster: &mut ClusterResource, open: fn(&mut NetworkBlock)) {
        open(cluster.network.known_mut().unwrap());
    }
    vec![
        ("nodes", |cluster| cluster.nodes = Value::Unknown),
        ("role", |cluster| of_node(cluster, |node| node.role = Value::Unknown)),
        ("address", |cluster| of_node(cluster, |node| node.address = Value::Unknown)),
        ("lost", |cluster| of_node(cluster, |node| node.lost = Value::Unknown)),
        ("labels", |cluster| of_node(cluster, |node| node.labels = Value::Unknown)),
        ("host_key", |cluster| of_node(cluster, |node| node.host_key = Value::Unknown)),
        ("private_address", |cluster| of_node(cluster, |node| node.private_address = Value::Unknown)),
        ("endpoint", |cluster| cluster.endpoint = Value::Unknown),
        ("api_from", |cluster| cluster.api_from = Value::Unknown),
        ("certificate_sans", |cluster| {
            cluster.certificate_sans = vec![Value::Unknown].into_iter().collect::<List<_>>().into();
        }),
        ("mode", |cluster| of_network(cluster, |network| network.mode = Value::Unknown)),
        ("pod_cidr", |cluster| of_network(cluster, |network| network.pod_cidr = Value::Unknown)),
        ("rotation", |cluster| cluster.encryption = EncryptionBlock { rotation: Value::Unknown }.into()),
        ("max_files", |cluster| {
            cluster.audit_log =
                AuditLogBlock { max_files: Value::Unknown, ..AuditLogBlock::default() }.into();
        }),
        ("extra_args", |cluster| {
            cluster.api_server = ApiServerBlock { extra_args: Value::Unknown }.into();
        }),
        ("extra_config", |cluster| {
            let open = Dynamic { ty: tfplugin::cty::Type::Dynamic, value: tfplugin::cty::Raw::Unknown };
            cluster.kubelet = ComponentBlock { extra_config: open.into() }.into();
        }),
        ("metrics_server", |cluster| {
            cluster.addons = AddonsBlock { metrics_server: Value::Unknown, ..AddonsBlock::default() }.into();
        }),
    ]
}

/// As the framework gives it to a resource's own plan.
fn planned(prior: Option<ClusterResource>, config: ClusterResource) -> ClusterResource {
    let planned = ClusterResource {
        access: Value::Unknown,
        steps: Value::Unknown,
        node_status: Value::Unknown,
        etcd_members: Value::Unknown,
        ..config.clone()
    };
    let mut plan = Plan::new(config, prior, planned);
    shown::plan(&mut plan).unwrap();
    plan.into_parts().0
}

/// What a cluster has that nothing here has as its default.
fn unusual() -> ClusterResource {
    let network =
        NetworkBlock { mode: "private".into(), pod_cidr: "10.1.0.0/16".into(), ..NetworkBlock::default() };
    let mut cluster = ClusterResource {
        network: network.into(),
        encryption: EncryptionBlock { rotation: 2.into() }.into(),
        endpoint: "api.example.social:6443".into(),
        id: "c1".into(),
        ca_certificate: "a certificate".into(),
        ..cluster(&[CP1, W1])
    };
    for (number, node) in cluster.nodes.known_mut().unwrap().values_mut().enumerate() {
        node.known_mut().unwrap().private_address = format!("10.0.0.{number}").into();
    }
    cluster
}

#[test]
fn what_is_not_known_yet_leaves_the_steps_open_and_is_never_refused() {
    let prior = unusual();
    for (name, open) in openings() {
        let mut config = unusual();
        open(&mut config);
        let mut found = Diagnostics::new();
        validate(&config, &mut found);
        assert!(!found.has_errors(), "{name}: {found:?}");
        for prior in [None, Some(prior.clone())] {
            assert!(planned(prior, config.clone()).steps.is_unknown(), "{name}");
        }
    }
}

#[test]
fn how_a_cluster_is_reached_is_open_while_its_endpoint_is() {
    let prior = unusual();
    let open = ClusterResource { endpoint: Value::Unknown, ..unusual() };
    assert!(planned(Some(prior.clone()), open).access.is_unknown());
    let known = ClusterResource { certificate_sans: Value::Unknown, ..unusual() };
    assert!(!planned(Some(prior), known).access.is_unknown());
}

#[test]
fn an_even_number_of_control_planes_is_a_warning() {
    let mut found = Diagnostics::new();
    validate(&cluster(&[CP1, CP2]), &mut found);
    assert!(!found.has_errors());
    assert!(found.iter().next().unwrap().detail.contains("Take 1 or 3"));
}

#[test]
fn releases_are_compared_by_number() {
    assert!(Release::parse("1.37.2").unwrap().is_supported());
    assert!(!Release::parse("1.9.10").unwrap().is_supported());
    assert_eq!(Release::parse("v1.37.2"), None);
    assert_eq!(Release::parse("1.37"), None);
}
