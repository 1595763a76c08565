use std::fs;

use serde_json::json;

use super::*;
use crate::State;
use crate::bundle::tests::{bundled, location};
use crate::testing::{Root, Systemd};

const FILES: [(&str, &str); 6] = [
    ("bin/containerd", "c"),
    ("bin/containerd-shim-runc-v2", "s"),
    ("bin/ctr", "t"),
    ("bin/runc", "r"),
    ("bin/kubelet", "k"),
    ("images/pause.tar", "p"),
];

fn runtime() -> ContainerRuntime {
    ContainerRuntime { source: Source::Bundle(location()), ..ContainerRuntime::default() }
}

fn changed(outcomes: &[Outcome]) -> Vec<&str> {
    assert!(
        outcomes.iter().all(|o| matches!(o.state, State::Ok | State::Changed | State::WouldChange)),
        "{outcomes:?}"
    );
    outcomes.iter().filter(|outcome| outcome.changed).map(|outcome| outcome.id.as_str()).collect()
}

#[test]
fn what_a_node_gets_is_free_of_what_a_peculiar_machine_needs() {
    let (root, systemd) = (bundled(&FILES), Systemd::default());
    runtime().bring(&systemd.of(&root), Mode::Apply);
    assert_eq!(root.read(CONFIGURATION), include_str!("../../tests/golden/containerd.toml"));
    assert_eq!(root.read("/usr/local/sbin/runc"), "r");
    assert!(!root.host().exists("/usr/local/bin/kubelet"));
}

#[test]
fn a_second_run_changes_nothing_and_only_what_matters_restarts_it() {
    let (root, systemd) = (bundled(&FILES), Systemd::default());
    let host = systemd.of(&root);
    let checked = runtime().bring(&host, Mode::Check);
    assert!(!host.exists("/etc") && !host.exists("/usr"));
    let first = runtime().bring(&host, Mode::Apply);
    assert_eq!(changed(&checked), changed(&first));
    assert_eq!(systemd.verbs(), ["daemon-reload", "enable", "start"]);
    assert_eq!(changed(&runtime().bring(&host, Mode::Apply)), [""; 0]);
    let mirrors =
        BTreeMap::from([("docker.io".to_owned(), vec!["https://mirror.example.social".to_owned()])]);
    let mirrored = ContainerRuntime { registry_mirrors: mirrors, ..runtime() };
    assert_eq!(
        changed(&mirrored.bring(&host, Mode::Apply)),
        ["files of container_runtime", "file /etc/containerd/certs.d/docker.io/hosts.toml"]
    );
    assert_eq!(systemd.verbs(), [""; 0]);
    let other = ContainerRuntime { sandbox_image: Some("own/pause:1".into()), ..mirrored };
    assert_eq!(
        changed(&other.bring(&host, Mode::Apply)),
        ["file /etc/containerd/config.toml", "service containerd.service"]
    );
    assert_eq!(systemd.verbs(), ["daemon-reload", "restart"]);
    runtime().bring(&host, Mode::Apply);
    assert!(!host.exists("/etc/containerd/certs.d/docker.io/hosts.toml"));
}

#[test]
fn an_argument_wins_over_what_is_written_here_and_keeps_its_neighbours() {
    let Value::Object(extra_config) = json!({ "plugins": { "io.containerd.cri.v1.runtime": {
        "restrict_oom_score_adj": true, "containerd": { "default_runtime_name": "runc" },
    } } }) else {
        panic!()
    };
    let values = ContainerRuntime { extra_config, ..runtime() }.values(None);
    let runtime = &values["plugins"]["io.containerd.cri.v1.runtime"];
    assert_eq!(runtime["restrict_oom_score_adj"], json!(true));
    assert_eq!(runtime["containerd"]["runtimes"]["runc"]["options"], json!({ "SystemdCgroup": true }));
    assert!(values["plugins"]["io.containerd.cri.v1.images"].get("pinned_images").is_none());
}

#[test]
fn a_damaged_file_anywhere_is_found_before_the_first_change() {
    let (root, systemd) = (bundled(&FILES), Systemd::default());
    root.write("/bundle/bin/runc", "damaged");
    let outcomes = runtime().bring(&systemd.of(&root), Mode::Apply);
    let last = outcomes.last().unwrap();
    assert_eq!((last.state, last.id.as_str()), (State::Refused, "program /usr/local/sbin/runc"));
    assert!(outcomes.iter().all(|outcome| !outcome.changed) && !root.host().exists("/usr"));
}

#[test]
fn what_was_put_there_goes_again_and_nothing_else() {
    let (root, systemd) = (bundled(&FILES), Systemd::default());
    let host = systemd.of(&root);
    root.write("/usr/local/bin/others", "o");
    root.write("/var/lib/containerd/image", "i");
    runtime().bring(&host, Mode::Apply);
    systemd.verbs();
    root.write("/etc/kubernetes/kubelet.conf", "member");
    assert_eq!(remove(&host, Mode::Apply)[0].state, State::Refused);
    fs::remove_file(host.path("/etc/kubernetes/kubelet.conf")).unwrap();
    assert_eq!(changed(&remove(&host, Mode::Check)).len(), 2);
    assert_eq!(changed(&remove(&host, Mode::Apply)).len(), 2);
    assert_eq!(systemd.verbs(), ["stop", "disable", "daemon-reload"]);
    assert_eq!(host.names("/usr/local/bin").unwrap(), ["others"]);
    assert!(!host.exists(CONFIGURATION) && host.exists("/var/lib/containerd/image"));
    assert_eq!(changed(&remove(&host, Mode::Apply)), [""; 0]);
}

#[test]
fn mirrors_are_asked_in_order_and_a_url_with_a_password_is_refused() {
    let of = |registry: &str, urls: &[&str]| {
        let urls = urls.iter().map(|&url| url.to_owned()).collect();
        mirrors::files(&BTreeMap::from([(registry.to_owned(), urls)]))
    };
    let root = Root::new();
    let files = of("docker.io", &["https://b.example.social", "http://a.example.social:5000"]).unwrap();
    crate::Item::bring(&files[0], &root.host(), Mode::Apply);
    let text = root.read("/etc/containerd/certs.d/docker.io/hosts.toml");
    assert!(text.find("b.example").unwrap() < text.find("a.example").unwrap(), "{text}");
    for (registry, url) in [
        ("docker.io", "mirror.example.social"),
        ("docker.io", "https://user:secret@mirror.example.social"),
        ("docker.io", "https://x\"]\n"),
        ("../etc", "https://mirror.example.social"),
        ("", "https://mirror.example.social"),
    ] {
        assert_eq!(of(registry, &[url]).unwrap_err().state(), State::Refused, "{registry} {url}");
    }
}

#[test]
fn packages_with_an_old_containerd_are_refused_before_they_are_installed() {
    let status = "Package: containerd\nStatus: install ok installed\nVersion: 1.6.20~ds1-1\n";
    let root = Root::with(&[("/var/lib/dpkg/status", status)]);
    let runtime = ContainerRuntime {
        source: Source::Packages(vec!["containerd".into()]),
        ..ContainerRuntime::default()
    };
    let outcomes = runtime.bring(&Systemd::default().of(&root), Mode::Apply);
    assert!(outcomes[0].message.contains("1.6.20~ds1-1"), "{outcomes:?}");
    assert!(!root.host().exists("/etc"));
    let new = status.replace("1.6.20~ds1-1", "2.1.3-1");
    root.write("/var/lib/dpkg/status", &new);
    root.write("/etc/systemd/system/containerd.service", "of the package");
    assert!(
        changed(&runtime.bring(&Systemd::default().of(&root), Mode::Apply))
            .contains(&"service containerd.service")
    );
    assert!(!root.read(CONFIGURATION).contains("pinned_images"));
}
