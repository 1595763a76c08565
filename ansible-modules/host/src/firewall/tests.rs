use super::*;

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
