use std::fs;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::bundle::tests::{bundled, location};
use crate::testing::{Root, Systemd};
use crate::{State, hardening};

const FILES: [(&str, &str); 6] = [
    ("bin/kubelet", "k"),
    ("bin/kubeadm", "a"),
    ("bin/kubectl", "c"),
    ("bin/containerd", "not ours"),
    ("cni/bridge", "b"),
    ("images/pause.tar", "p"),
];
const STATUS: &str = "Package: socat\nStatus: install ok installed\nVersion: 1\n";

/// A server with a kernel that takes all of it.
fn server() -> Root {
    let root = bundled(&FILES);
    for (key, _) in KERNEL_PARAMETERS {
        root.write(&format!("/proc/sys/{}", key.replace('.', "/")), "7\n");
    }
    for name in KERNEL_MODULES {
        root.write(&format!("/sys/module/{name}/refcnt"), "0");
    }
    root.write("/proc/swaps", "Filename Type Size Used Priority\n");
    root.write("/etc/fstab", "/dev/b none swap sw 0 0\n");
    root.write("/var/lib/dpkg/status", STATUS);
    root
}

fn kubelet() -> Kubelet {
    Kubelet {
        bundle: location(),
        packages: vec!["socat".into()],
        images: Some(Vec::new()),
        ..Kubelet::default()
    }
}

fn changed(outcomes: &[Outcome]) -> Vec<&str> {
    assert!(
        outcomes.iter().all(|o| matches!(o.state, State::Ok | State::Changed | State::WouldChange)),
        "{outcomes:#?}"
    );
    outcomes.iter().filter(|outcome| outcome.changed).map(|outcome| outcome.id.as_str()).collect()
}

fn refusal(outcomes: &[Outcome]) -> &str {
    let last = outcomes.last().unwrap();
    assert_eq!(last.state, State::Refused, "{last:?}");
    assert!(outcomes.iter().all(|outcome| !outcome.changed));
    &last.message
}

#[test]
fn a_server_becomes_ready_for_kubeadm_and_a_second_run_changes_nothing() {
    let (root, systemd) = (server(), Systemd::default());
    let host = systemd.of(&root);
    let checked = kubelet().bring(&host, Mode::Check);
    assert!(!host.exists("/usr") && !host.exists("/etc/systemd"));
    let first = kubelet().bring(&host, Mode::Apply);
    assert_eq!(changed(&checked), changed(&first));
    assert_eq!(changed(&kubelet().bring(&host, Mode::Apply)), [""; 0]);
    assert_eq!(root.read("/usr/local/bin/kubeadm"), "a");
    assert_eq!(root.read("/opt/cni/bin/bridge"), "b");
    assert!(!host.exists("/usr/local/bin/containerd") && !host.exists("/etc/socle/kubelet.d/50-socle.conf"));
    assert_eq!(root.read("/etc/fstab"), "# /dev/b none swap sw 0 0\n");
    let parameters = KERNEL_PARAMETERS.map(|(key, value)| format!("{key} = {value}\n")).concat();
    assert_eq!(root.read("/etc/sysctl.d/95-socle-kubernetes.conf"), parameters);
}

#[test]
fn the_unit_of_a_node_is_free_of_what_a_peculiar_machine_needs() {
    let (root, systemd) = (server(), Systemd::default());
    let node_ip = Some("192.0.2.1".parse().unwrap());
    Kubelet { node_ip, ..kubelet() }.bring(&systemd.of(&root), Mode::Apply);
    let text = root.read(&unit::path()) + &root.read(&unit::drop_in_path());
    assert_eq!(text, include_str!("../../tests/golden/kubelet.service"));
}

#[test]
fn the_kubelet_is_enabled_not_started_and_restarted_only_where_it_runs() {
    let (root, systemd) = (server(), Systemd::default());
    let host = systemd.of(&root);
    kubelet().bring(&host, Mode::Apply);
    assert_eq!(systemd.verbs(), ["mask", "daemon-reload", "enable"]);
    // As kubeadm does.
    host.run(&crate::Program::new("systemctl").args(["start", "--", UNIT])).unwrap();
    let extra_config = json!({ "maxPods": 50 }).as_object().cloned().unwrap();
    let configured = Kubelet { extra_config, ..kubelet() };
    configured.bring(&host, Mode::Apply);
    assert_eq!(systemd.verbs(), ["start", "daemon-reload", "restart"]);
    let text: Value = serde_json::from_str(&root.read("/etc/socle/kubelet.d/50-socle.conf")).unwrap();
    assert_eq!((&text["kind"], &text["maxPods"]), (&json!("KubeletConfiguration"), &json!(50)));
    kubelet().bring(&host, Mode::Apply);
    assert_eq!(systemd.verbs(), ["daemon-reload", "restart"]);
    assert!(!host.exists("/etc/socle/kubelet.d/50-socle.conf"));
}

#[test]
fn the_kubelet_of_a_member_is_not_replaced_by_the_way() {
    let (root, systemd) = (server(), Systemd::default());
    let host = systemd.of(&root);
    root.write("/usr/local/bin/kubelet", "older");
    root.write("/etc/kubernetes/kubelet.conf", "");
    assert!(refusal(&kubelet().bring(&host, Mode::Apply)).contains("drain the node"));
    assert_eq!(root.read("/usr/local/bin/kubelet"), "older");
    let upgrade = Kubelet { upgrade: true, ..kubelet() };
    assert!(changed(&upgrade.bring(&host, Mode::Apply)).contains(&"program /usr/local/bin/kubelet"));
    assert_eq!(changed(&kubelet().bring(&host, Mode::Apply)), [""; 0]);
}

#[test]
fn faults_are_told_before_the_first_change() {
    let (root, systemd) = (server(), Systemd::default());
    let host = systemd.of(&root);
    let other = Kubelet { release: Some("1.36.3".into()), ..kubelet() };
    assert!(refusal(&other.bring(&host, Mode::Apply)).contains("1.36.3 is wanted"));
    root.write("/etc/sysctl.d/99-hardening.conf", "net.ipv4.ip_forward = 0\n");
    assert!(refusal(&kubelet().bring(&host, Mode::Apply)).contains("/etc/sysctl.d/99-hardening.conf"));
    fs::remove_file(host.path("/etc/sysctl.d/99-hardening.conf")).unwrap();
    root.write("/bundle/cni/bridge", "damaged");
    assert!(refusal(&kubelet().bring(&host, Mode::Apply)).contains("/bundle/cni/bridge"));
    assert!(!host.exists("/usr") && !host.exists("/etc/systemd"));
    assert!(refusal(&kubelet().bring(&Root::new().host(), Mode::Apply)).contains("copy the bundle"));
}

#[test]
fn a_kernel_that_lacks_a_key_is_told_and_does_not_end_the_run() {
    let (root, systemd) = (server(), Systemd::default());
    fs::remove_dir_all(root.host().path("/proc/sys/net/bridge")).unwrap();
    let outcomes = kubelet().bring(&systemd.of(&root), Mode::Apply);
    let unsupported: Vec<_> =
        outcomes.iter().filter(|o| o.state == State::Unsupported).map(|o| o.id.as_str()).collect();
    assert_eq!(
        unsupported,
        ["sysctl net.bridge.bridge-nf-call-iptables", "sysctl net.bridge.bridge-nf-call-ip6tables"]
    );
    assert_eq!(root.read("/usr/local/bin/kubelet"), "k");
}

#[test]
fn what_was_put_there_goes_again() {
    let (root, systemd) = (server(), Systemd::default());
    let host = systemd.of(&root);
    root.write("/opt/cni/bin/others", "o");
    kubelet().bring(&host, Mode::Apply);
    changed(&remove(&host, Mode::Apply));
    assert_eq!(host.names("/opt/cni/bin").unwrap(), ["others"]);
    for path in ["/usr/local/bin/kubelet", "/etc/sysctl.d/95-socle-kubernetes.conf", &unit::path()] {
        assert!(!host.exists(path), "{path}");
    }
    assert_eq!(changed(&remove(&host, Mode::Apply)), [""; 0]);
}

/// Two tables with one opinion: neither undoes what the other does.
#[test]
fn hardening_of_a_node_wants_no_other_parameters() {
    let profile = "anssi-high".to_owned();
    let arguments =
        hardening::Arguments { profile, kubernetes_node: true, ..hardening::Arguments::default() };
    let selected = hardening::select(&arguments).unwrap();
    let parameters: BTreeMap<_, _> = selected.iter().filter_map(parameter).collect();
    for (key, value) in KERNEL_PARAMETERS {
        assert_eq!(parameters.get(key), Some(&value), "{key}");
    }
}

fn parameter(selected: &hardening::Selected) -> Option<(&str, &str)> {
    match (&selected.control.wanted, &selected.decision) {
        (hardening::Wanted::Sysctl { key, .. }, hardening::Decision::Apply(Some(value))) => {
            Some((key, value))
        }
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn twice_is_once(
        live in proptest::collection::vec("[0-9]{1,3}", KERNEL_PARAMETERS.len()),
        there in proptest::option::of(".{0,8}"), keep_swap: bool, flag in "[a-z0-9.%$/=]{0,8}",
    ) {
        let (root, systemd) = (server(), Systemd::default());
        for ((key, _), value) in KERNEL_PARAMETERS.iter().zip(&live) {
            root.write(&format!("/proc/sys/{}", key.replace('.', "/")), value);
        }
        if let Some(there) = &there {
            root.write("/usr/local/bin/kubelet", there);
            root.write(&unit::path(), there);
        }
        let host = systemd.of(&root);
        let swap = if keep_swap { Swap::Keep } else { Swap::Off };
        let wanted = Kubelet { swap, extra_args: [("v".to_owned(), flag)].into(), ..kubelet() };
        let runs = [Mode::Apply, Mode::Apply, Mode::Check].map(|mode| wanted.bring(&host, mode));
        prop_assert!(changed(&runs[0]).contains(&"service kubelet.service"));
        prop_assert_eq!(changed(&runs[1]), [""; 0]);
        prop_assert_eq!(changed(&runs[2]), [""; 0]);
    }
}
