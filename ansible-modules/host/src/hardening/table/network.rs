//! The network: parameters of `net.*`.

use super::slug;
use crate::hardening::control::{Control, Wanted};

fn sysctl(key: &'static str, value: &'static str, why: &'static str) -> Control {
    let wanted = Wanted::Sysctl { key, value };
    Control::new(format!("sysctl.{}", slug(key)), format!("{key} = {value}"), why, wanted)
}

const REDIRECT: &str = "Whoever can send a redirect can lead this host's traffic through his own machine.";
const SOURCE_ROUTE: &str = "Whoever may choose a packet's way can go around filters.";
const SEND_REDIRECT: &str = "A host that is no router has no redirects to send.";
const MARTIANS: &str = "Packets with impossible addresses are a sign of an attack or of a wrong route.";
const ADVERTISEMENT: &str = "Whoever can send a router's advertisement can become this host's router.";
const ROUTED: &str = "pods' packets are forwarded by the node";

pub(super) fn controls() -> Vec<Control> {
    let mut all = ipv4();
    all.extend(ipv6());
    all.extend(node_parameters());
    all
}

fn ipv4() -> Vec<Control> {
    vec![
        sysctl("net.core.bpf_jit_harden", "2", "Constants that a user writes into the kernel's code can be blinded.").anssi(&[12]).baseline(),
        sysctl("net.ipv4.ip_forward", "0", "A host that is no router forwards nothing.").anssi(&[12]).cis(&["3.3.1"]).needed_on_node("1", ROUTED),
        sysctl("net.ipv4.conf.all.accept_local", "0", "Packets from outside with an address of this host are forged.").anssi(&[12]).baseline(),
        sysctl("net.ipv4.conf.all.accept_redirects", "0", REDIRECT).anssi(&[12]).cis(&["3.3.5"]).baseline(),
        sysctl("net.ipv4.conf.default.accept_redirects", "0", REDIRECT).anssi(&[12]).cis(&["3.3.5"]).baseline(),
        sysctl("net.ipv4.conf.all.secure_redirects", "0", REDIRECT).anssi(&[12]).cis(&["3.3.6"]).baseline(),
        sysctl("net.ipv4.conf.default.secure_redirects", "0", REDIRECT).anssi(&[12]).cis(&["3.3.6"]).baseline(),
        sysctl("net.ipv4.conf.all.shared_media", "0", REDIRECT).anssi(&[12]),
        sysctl("net.ipv4.conf.default.shared_media", "0", REDIRECT).anssi(&[12]),
        sysctl("net.ipv4.conf.all.accept_source_route", "0", SOURCE_ROUTE).anssi(&[12]).cis(&["3.3.8"]).baseline(),
        sysctl("net.ipv4.conf.default.accept_source_route", "0", SOURCE_ROUTE).anssi(&[12]).cis(&["3.3.8"]).baseline(),
        sysctl("net.ipv4.conf.all.arp_filter", "1", "An address is answered for by the interface that would route to it.")
            .anssi(&[12])
            .not_on_node("network plugins answer for pods' addresses on other interfaces"),
        sysctl("net.ipv4.conf.all.arp_ignore", "2", "An address is answered for on its own network only.")
            .anssi(&[12])
            .on_node("0", "network plugins answer for pods' addresses on other interfaces"),
        sysctl("net.ipv4.conf.all.arp_announce", "2", "Address requests must not show addresses of other networks.").on_node("0", "network plugins announce addresses of other interfaces"),
        sysctl("net.ipv4.conf.all.route_localnet", "0", "Loopback addresses must not travel over a network.")
            .anssi(&[12])
            .on_node("1", "kube-proxy serves NodePorts on loopback addresses"),
        sysctl("net.ipv4.conf.all.drop_gratuitous_arp", "1", "Whoever announces an address unasked may be taking it over.")
            .anssi(&[12])
            .on_node("0", "virtual addresses of load balancers are moved by such announcements"),
        sysctl("net.ipv4.conf.all.rp_filter", "1", "A packet that answers would not go back to is forged.")
            .anssi(&[12])
            .cis(&["3.3.7"])
            .on_node("2", "pods' packets come and go by different interfaces: the loose check stays"),
        sysctl("net.ipv4.conf.default.rp_filter", "1", "A packet that answers would not go back to is forged.")
            .anssi(&[12])
            .cis(&["3.3.7"])
            .on_node("2", "pods' packets come and go by different interfaces: the loose check stays"),
        sysctl("net.ipv4.conf.all.send_redirects", "0", SEND_REDIRECT).anssi(&[12]).cis(&["3.3.2"]).baseline(),
        sysctl("net.ipv4.conf.default.send_redirects", "0", SEND_REDIRECT).anssi(&[12]).cis(&["3.3.2"]).baseline(),
        sysctl("net.ipv4.conf.all.log_martians", "1", MARTIANS).cis(&["3.3.9"]).baseline(),
        sysctl("net.ipv4.conf.default.log_martians", "1", MARTIANS).cis(&["3.3.9"]).baseline(),
        sysctl("net.ipv4.icmp_ignore_bogus_error_responses", "1", "Answers that no standard knows only fill the log.").anssi(&[12]).cis(&["3.3.3"]).baseline(),
        sysctl("net.ipv4.icmp_echo_ignore_broadcasts", "1", "A ping to everybody makes this host part of somebody's flood.").cis(&["3.3.4"]).baseline(),
        sysctl("net.ipv4.icmp_ratelimit", "100", "A host must not be made to send floods of error messages."),
        sysctl("net.ipv4.icmp_ratemask", "88089", "The limit must hold for the messages that attackers use."),
        sysctl("net.ipv4.ip_local_port_range", "32768 65535", "More ports for outgoing connections are harder to guess.")
            .anssi(&[12])
            .on_node("32768 60999", "NodePorts (30000-32767) and the range of outgoing ports stay apart; the kernel's own range is kept"),
        sysctl("net.ipv4.tcp_rfc1337", "1", "A stray reset must not end a connection's quiet time (RFC 1337).").anssi(&[12]).baseline(),
        sysctl("net.ipv4.tcp_syncookies", "1", "A flood of half-open connections must not lock everybody out.").anssi(&[12]).cis(&["3.3.10"]).baseline(),
        sysctl("net.ipv4.tcp_timestamps", "0", "Timestamps tell how long a host has been up; without them fast links may lose data, so no profile has this."),
    ]
}

fn ipv6() -> Vec<Control> {
    vec![
        sysctl("net.ipv6.conf.all.forwarding", "0", "A host that is no router forwards nothing.")
            .cis(&["3.3.1"])
            .on_node("1", ROUTED),
        sysctl("net.ipv6.conf.all.accept_redirects", "0", REDIRECT).anssi(&[13]).cis(&["3.3.5"]).baseline(),
        sysctl("net.ipv6.conf.default.accept_redirects", "0", REDIRECT)
            .anssi(&[13])
            .cis(&["3.3.5"])
            .baseline(),
        sysctl("net.ipv6.conf.all.accept_source_route", "0", SOURCE_ROUTE)
            .anssi(&[13])
            .cis(&["3.3.8"])
            .baseline(),
        sysctl("net.ipv6.conf.default.accept_source_route", "0", SOURCE_ROUTE)
            .anssi(&[13])
            .cis(&["3.3.8"])
            .baseline(),
        advertisement("net.ipv6.conf.all.accept_ra").cis(&["3.3.11"]),
        advertisement("net.ipv6.conf.default.accept_ra").cis(&["3.3.11"]),
        advertisement("net.ipv6.conf.all.router_solicitations").anssi(&[13]),
        advertisement("net.ipv6.conf.default.router_solicitations").anssi(&[13]),
        advertisement("net.ipv6.conf.all.accept_ra_rtr_pref").anssi(&[13]),
        advertisement("net.ipv6.conf.default.accept_ra_rtr_pref").anssi(&[13]),
        advertisement("net.ipv6.conf.all.accept_ra_pinfo").anssi(&[13]),
        advertisement("net.ipv6.conf.default.accept_ra_pinfo").anssi(&[13]),
        advertisement("net.ipv6.conf.all.accept_ra_defrtr").anssi(&[13]),
        advertisement("net.ipv6.conf.default.accept_ra_defrtr").anssi(&[13]),
        advertisement("net.ipv6.conf.all.autoconf").anssi(&[13]),
        advertisement("net.ipv6.conf.default.autoconf").anssi(&[13]),
        sysctl(
            "net.ipv6.conf.all.max_addresses",
            "1",
            "A host must not be filled with addresses by its network.",
        )
        .anssi(&[13]),
        sysctl(
            "net.ipv6.conf.default.max_addresses",
            "1",
            "A host must not be filled with addresses by its network.",
        )
        .anssi(&[13]),
        sysctl(
            "net.ipv6.conf.default.dad_transmits",
            "0",
            "A neighbour that claims every address must not keep this host from having one; two hosts with one address are then not noticed, so no profile has this.",
        ),
    ]
}

/// A server whose address comes from its router's advertisements loses it.
fn advertisement(key: &'static str) -> Control {
    sysctl(key, "0", ADVERTISEMENT).by_name(
        "a server that has its IPv6 address or its IPv6 route from router advertisements loses them, as with most clouds' automatic addresses",
    )
}

/// What kube-proxy and the reference network plugins need.
fn node_parameters() -> Vec<Control> {
    const BRIDGED: &str = "Packets between pods on one bridge must pass the rules that make Services work.";
    vec![
        sysctl("net.bridge.bridge-nf-call-iptables", "1", BRIDGED).only_on_node(),
        sysctl("net.bridge.bridge-nf-call-ip6tables", "1", BRIDGED).only_on_node(),
    ]
}
