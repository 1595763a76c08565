//! The resolvers that the system is set up with.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};

use super::PORT;

/// The resolvers of a text in the form of `/etc/resolv.conf`, in its order; this machine where it names none
/// (resolv.conf(5)).
pub(super) fn resolvers(text: &str) -> Vec<SocketAddr> {
    let named = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let address = (words.next()? == "nameserver").then(|| words.next())??;
        socket_address(address)
    });
    let named: Vec<_> = named.collect();
    if named.is_empty() { vec![SocketAddr::from((Ipv4Addr::LOCALHOST, PORT))] } else { named }
}

/// The scope of a link-local address is known here by number only.
fn socket_address(text: &str) -> Option<SocketAddr> {
    if let Some((address, scope)) = text.split_once('%') {
        return Some(SocketAddrV6::new(address.parse().ok()?, PORT, 0, scope.parse().ok()?).into());
    }
    Some(SocketAddr::new(text.parse::<IpAddr>().ok()?, PORT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        resolvers(text).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn takes_the_name_servers_in_order() {
        let text = "# nameserver 192.0.2.9\nsearch example.com\nnameserver 192.0.2.1\n \tnameserver\t2001:db8::1 # second\noptions edns0\n";
        assert_eq!(found(text), ["192.0.2.1:53", "[2001:db8::1]:53"]);
    }

    #[test]
    fn takes_the_scope_of_a_link_local_address() {
        assert_eq!(found("nameserver fe80::1%2"), ["[fe80::1%2]:53"]);
    }

    #[test]
    fn asks_this_machine_where_none_is_named() {
        assert_eq!(found("search example.com\n"), ["127.0.0.1:53"]);
        assert_eq!(found("nameserver\nnameserver nonsense\n"), ["127.0.0.1:53"]);
    }
}
