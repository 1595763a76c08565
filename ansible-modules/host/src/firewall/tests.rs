use super::*;
use crate::testing::Root;
use crate::{Host, Item, Mode, Output};

fn networks(texts: &[&str]) -> Vec<Network> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn parts() -> Parts {
    let https = Opening { port: 443, protocol: Protocol::Tcp, from: networks(&["0.0.0.0/0", "::/0"]) };
    let host = Part::Host {
        ssh_ports: vec![22],
        ssh_from: networks(&["198.51.100.7/24", "2001:db8::1"]),
        open: BTreeMap::from([("https".to_owned(), https)]),
    };
    let cluster = Part::Cluster {
        peers: networks(&["203.0.113.11", "10.244.0.0/16"]),
        api_from: networks(&["198.51.100.0/24"]),
        api_port: 6443,
    };
    Parts::from([("host".to_owned(), host), ("prod".to_owned(), cluster)])
}

#[test]
fn the_table_of_a_host_in_a_cluster() {
    let text = render(&parts());
    assert_eq!(text, include_str!("../../tests/golden/firewall.nft"), "{text}");
}

#[test]
fn no_text_names_a_table_of_others() {
    let tables = render(&parts());
    assert!(
        tables.lines().filter(|line| line.contains("table")).all(|line| line.contains("table inet socle"))
    );
    assert!(!tables.contains("flush"));
}

#[test]
fn a_session_is_let_in_by_the_networks_that_are_named() {
    let lets = |from: &str, port| lets_in(&parts(), from.parse().unwrap(), port);
    assert!(lets("198.51.100.200", 22) && lets("::ffff:198.51.100.200", 22) && lets("203.0.113.11", 22));
    assert!(!lets("198.51.100.200", 2222) && !lets("192.0.2.1", 22));
    assert!(lets_in(&Parts::new(), "192.0.2.1".parse().unwrap(), 22));
}

#[test]
fn what_is_no_network_is_refused() {
    for text in ["", "1.2.3", "1.2.3.4/33", "::/129", "1.2.3.4/", "any"] {
        assert!(text.parse::<Network>().is_err(), "{text}");
    }
    assert_eq!("0.0.0.0/0".parse::<Network>().unwrap().to_string(), "0.0.0.0/0");
}

/// An `nft` that keeps the table it was given; other programs end with code 0.
fn with_nft(root: &Root) -> Host {
    let table = std::sync::Mutex::new(None::<String>);
    root.answering(move |program| {
        let words: Vec<_> = program.arguments().iter().map(String::as_str).collect();
        let mut table = table.lock().unwrap();
        let absent =
            || Output { code: Some(1), stderr: "No such file or directory".into(), ..Output::default() };
        match (program.name(), words.as_slice()) {
            ("nft", ["--stateless", "list", ..]) => match &*table {
                Some(text) => Output { code: Some(0), stdout: text.clone(), ..Output::default() },
                None => absent(),
            },
            ("nft", ["--file", "-"]) => {
                let text = String::from_utf8(program.stdin().unwrap().to_vec()).unwrap();
                *table = text.contains("chain").then_some(text);
                Output { code: Some(0), ..Output::default() }
            }
            _ => Output { code: Some(0), ..Output::default() },
        }
    })
}

fn activation(part: &str, desired: Desired) -> Activation {
    let confirm_within = std::time::Duration::from_mins(1);
    Activation { part: part.to_owned(), desired, confirm_within, lock_out: LockOut::Allowed }
}

#[test]
fn a_clusters_part_is_kept_without_a_confirmation_and_goes_without_one() {
    let root = Root::new();
    let host = with_nft(&root);
    let wanted = || Desired::Present(parts()["prod"].clone());
    assert!(bring_cluster(&host, "prod", wanted(), Mode::Apply).changed);
    assert!(!awaiting(&host).unwrap() && root.read("/etc/socle/firewall.nft").contains("part_prod"));
    assert!(!bring_cluster(&host, "prod", wanted(), Mode::Check).changed);
    assert!(bring_cluster(&host, "prod", Desired::Absent, Mode::Apply).changed);
    assert!(!host.exists("/etc/socle/firewall.nft") && !host.exists("/etc/socle/firewall.json"));
}

#[test]
fn a_clusters_part_that_was_loaded_and_not_kept_is_kept_by_the_next_run() {
    let root = Root::new();
    let host = with_nft(&root);
    let wanted = || Desired::Present(parts()["prod"].clone());
    // Killed between the two halves.
    activation("prod", wanted()).bring(&host, Mode::Apply).fault().unwrap();
    assert!(awaiting(&host).unwrap());
    assert!(bring_cluster(&host, "prod", wanted(), Mode::Check).changed, "it would go away again");
    assert!(bring_cluster(&host, "prod", wanted(), Mode::Apply).changed);
    assert!(!awaiting(&host).unwrap() && root.read("/etc/socle/firewall.nft").contains("part_prod"));
}

#[test]
fn rules_of_others_that_wait_are_not_kept_by_the_way() {
    let root = Root::new();
    let host = with_nft(&root);
    activation("host", Desired::Present(parts()["host"].clone())).bring(&host, Mode::Apply).fault().unwrap();
    let refused = bring_cluster(&host, "prod", Desired::Present(parts()["prod"].clone()), Mode::Apply);
    assert!(refused.message.contains("wait for their confirmation"), "{}", refused.message);
    assert!(awaiting(&host).unwrap() && !host.exists("/etc/socle/firewall.nft"));
}
