//! Golden files: `UPDATE_GOLDEN=1 cargo test -p node` writes them anew.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::json;

use super::*;
use crate::journal::{State, member};
use crate::specification::tests::{cluster, network};
use crate::specification::{Addon, Endpoint, NetworkMode, Oidc};

fn journal(cluster: &Cluster, node: &str) -> Journal {
    let members = cluster.nodes.keys().zip(0..).map(|(name, number)| {
        let member = member(cluster, name, number, format!("id-of-{name}")).unwrap();
        (name.clone(), Member { mesh_key: Some(format!("public-key-of-{name}")), ..member })
    });
    Journal {
        cluster_id: "c1".into(),
        owner: "terraform".into(),
        fixed: cluster.fixed(),
        state: State::Creating,
        generation: 1,
        node: node.to_owned(),
        members: members.collect(),
    }
}

fn assert_golden(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/render/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, golden, "{name}: look at the difference, then UPDATE_GOLDEN=1");
}

/// Everything that is rendered for one node, by the name of its golden file.
fn everything(cluster: &Cluster, node: &str) -> BTreeMap<&'static str, String> {
    let journal = journal(cluster, node);
    let place = Place::of(cluster, &journal).unwrap();
    let mut files = BTreeMap::from([
        ("kubeadm.json", kubeadm::configuration(&place, &BTreeMap::new())),
        ("node.service", timer::service("/usr/local/libexec/socle/socle-node-HASH")),
        ("node.timer", timer::timer()),
        ("audit.json", policy::audit()),
        ("authentication.json", policy::authentication(&cluster.settings)),
        ("admission.json", policy::admission()),
        ("encryption.json", policy::encryption(&[("key-1".into(), "made on the host".into())])),
        ("balancer.service", balancer::unit()),
        ("pods.conflist", pods::plugins(&place)),
        ("pods.nft", pods::rules(&place)),
        ("pods.service", pods::unit(&place)),
    ]);
    files.extend(mesh::configuration(&place, "made on the host").map(|text| ("mesh.conf", text)));
    files.extend(balancer::configuration(&place).map(|text| ("balancer.cfg", text)));
    files
}

#[test]
fn a_control_plane_in_a_mesh_reads_as_in_its_golden_files() {
    for (name, text) in everything(&cluster(3, 1), "cp-2") {
        assert_golden(&format!("mesh-{name}"), &text);
    }
}

#[test]
fn a_worker_in_a_private_network_reads_as_in_its_golden_files() {
    let mut cluster = cluster(1, 2);
    cluster.network = network(NetworkMode::Private);
    cluster.endpoint = Some(Endpoint { host: "api.prod.example.social".into(), port: 6443 });
    cluster.settings.oidc = Some(Oidc {
        issuer_url: "https://login.example.social".into(),
        audiences: vec!["kubernetes".into()],
        username_claim: "email".into(),
        username_prefix: "oidc:".into(),
        groups_claim: Some("groups".into()),
        groups_prefix: "oidc:".into(),
        certificate_authority: None,
    });
    let files = everything(&cluster, "w-1");
    assert!(!files.contains_key("mesh.conf") && !files.contains_key("balancer.cfg"));
    for name in ["kubeadm.json", "authentication.json", "pods.service", "pods.conflist"] {
        assert_golden(&format!("private-{name}"), &files[name]);
    }
}

#[test]
fn an_addon_reads_as_in_its_golden_file() {
    for addon in Addon::ALL {
        let objects: BTreeMap<_, _> =
            addons::objects(addon).into_iter().map(|object| (object.path, object.body)).collect();
        assert_golden(&format!("addon-{}.json", addon.name()), &document(&json!(objects)));
    }
}

/// cgroup v1, ignored preflight errors, conntrack 0: a sandbox asks for them, and nobody else has them.
#[test]
fn what_a_sandbox_needs_is_in_no_production_output() {
    let needs = ["failCgroupV1", "conntrack", "maxPerCore", "cgroupfs", "NumCPU", "SystemVerification"];
    for (name, text) in everything(&cluster(3, 1), "cp-1") {
        for need in needs {
            assert!(!text.contains(need), "{name} has {need}");
        }
        assert!(
            !text.contains("ignorePreflightErrors") || text.contains("\"ignorePreflightErrors\": []"),
            "{name}"
        );
        assert!(!text.contains("\"protectKernelDefaults\": false"), "{name}");
    }
}

#[test]
fn settings_of_the_users_win_over_ours() {
    let mut cluster = cluster(1, 0);
    cluster.settings.kubelet =
        BTreeMap::from([("failCgroupV1".into(), json!(false)), ("podPidsLimit".into(), json!(100))]);
    cluster.settings.kube_proxy = BTreeMap::from([("conntrack".into(), json!({ "maxPerCore": 0 }))]);
    cluster.settings.api_server = BTreeMap::from([("profiling".into(), "true".into())]);
    let files = everything(&cluster, "cp-1");
    let init = &files["kubeadm.json"];
    assert!(init.contains("\"failCgroupV1\": false") && init.contains("\"podPidsLimit\": 100"));
    assert!(init.contains("\"maxPerCore\": 0"));
    assert!(!init.contains("\"podPidsLimit\": 4096"));
}

#[test]
fn a_control_plane_that_joins_names_the_members_it_joins() {
    let cluster = cluster(2, 0);
    let journal = journal(&cluster, "cp-2");
    let place = Place::of(&cluster, &journal).unwrap();
    let peers = ["cp-1", "cp-2"]
        .map(|name| (name.to_owned(), format!("https://{}:2380", journal.members[name].internal)));
    let text = kubeadm::configuration(&place, &peers.into());
    assert!(text.contains("cp-1=https://10.220.0.1:2380,cp-2=https://10.220.0.2:2380"));
    assert!(text.contains("\"existing\""));
}

#[test]
fn another_member_changes_no_settings_and_a_name_of_the_users_does() {
    let (one, mut two) = (cluster(1, 0), cluster(2, 0));
    let settings = |cluster: &Cluster| {
        let journal = journal(cluster, "cp-1");
        kubeadm::settings(&Place::of(cluster, &journal).unwrap())
    };
    assert_eq!(settings(&one), settings(&two));
    two.certificate_sans.push("api.example.social".into());
    assert_ne!(settings(&one).1, settings(&two).1);
}

#[test]
fn an_api_server_is_told_by_what_it_reads_when_it_starts() {
    let mark =
        |cluster: &Cluster| kubeadm::started_by(&Place::of(cluster, &journal(cluster, "cp-1")).unwrap());
    let before = cluster(1, 0);
    let mut after = cluster(3, 0);
    after.certificate_sans.push("api.example.social".into());
    assert_eq!(mark(&before), mark(&after));
    after.settings.api_server.insert("event-ttl".into(), "2h".into());
    assert_ne!(mark(&before), mark(&after));
}

#[test]
fn nodes_and_pods_reach_everything_and_the_api_is_for_whom_the_user_names() {
    let mut cluster = cluster(2, 1);
    let journal = journal(&cluster, "w-1");
    let texts = |networks: Vec<ipnet::IpNet>| networks.iter().map(ToString::to_string).collect::<Vec<_>>();
    let inner = firewall::inner(&Place::of(&cluster, &journal).unwrap());
    assert_eq!(texts(inner), ["10.220.0.1/32", "10.220.0.2/32", "10.220.0.3/32", "10.244.0.0/16"]);
    let clients = |cluster: &Cluster| texts(firewall::clients(&Place::of(cluster, &journal).unwrap()));
    assert_eq!(clients(&cluster), ["0.0.0.0/0", "::/0"]);
    cluster.api_from = Some(vec!["198.51.100.0/24".parse().unwrap()]);
    assert_eq!(clients(&cluster), ["198.51.100.0/24"]);
    cluster.api_from = Some(Vec::new());
    assert_eq!(clients(&cluster), [""; 0]);
}

#[test]
fn a_member_without_a_key_is_no_peer_yet() {
    let cluster = cluster(2, 0);
    let mut journal = journal(&cluster, "cp-1");
    journal.members.get_mut("cp-2").unwrap().mesh_key = None;
    let place = Place::of(&cluster, &journal).unwrap();
    assert!(!mesh::configuration(&place, "key").unwrap().contains("[Peer]"));
}

#[test]
fn a_node_that_the_journal_does_not_know_has_no_place() {
    let cluster = cluster(1, 1);
    assert!(Place::of(&cluster, &journal(&cluster, "w-9")).is_none());
}
