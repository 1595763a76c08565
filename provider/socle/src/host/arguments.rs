//! What the host programs are told: the arguments that the modules themselves declare. What the user left out is the
//! module's own default.

use std::collections::BTreeMap;

use module::Argument;
use modules::firewall::{self, Open, State, Transport};
use modules::hardening::{self, Profile};
use modules::host_facts;
use serde_json::{Map as Object, Value as Json};
use tfplugin::{List, Map, Set, Value};

use super::owner::name_of;
use super::resource::{Firewall, Hardening, Opening};

/// How long new firewall rules stand unless a new session confirms them, in seconds.
const CONFIRM_WITHIN: u16 = 60;

/// For `hardening`, by the resource of this id.
pub(super) fn hardening(block: &Hardening, id: &str) -> Object<String, Json> {
    object(&hardening::Arguments {
        profile: profile(block),
        kubernetes_node: block.kubernetes_node.known().copied().unwrap_or_default(),
        exceptions: block.exceptions.known().map(texts).unwrap_or_default(),
        enable: block.enable.known().map(words).unwrap_or_default(),
        overrides: block.overrides.known().map(texts).unwrap_or_default(),
        audit: false,
        owner: name_of(id),
    })
}

/// The schema lets no other word in.
fn profile(block: &Hardening) -> Profile {
    block.profile.known().and_then(|word| Profile::named(word)).unwrap_or(Profile::Baseline)
}

/// What the block asks for, in the words of the table; none while a part of it is unknown.
pub(super) fn selection(block: &Hardening) -> Option<host::hardening::Arguments> {
    let is_known = |map: &Value<Map<String>>| match map {
        Value::Known(map) => map.values().all(|value| value.known().is_some()),
        Value::Null => true,
        Value::Unknown => false,
    };
    let enables = match &block.enable {
        Value::Known(set) => set.iter().all(|id| id.known().is_some()),
        Value::Null => true,
        Value::Unknown => false,
    };
    let all = is_known(&block.exceptions) && is_known(&block.overrides) && enables;
    Some(host::hardening::Arguments {
        profile: block.profile.known().filter(|_| all)?.clone(),
        kubernetes_node: block.kubernetes_node.known().copied().unwrap_or_default(),
        exceptions: block.exceptions.known().map(texts).unwrap_or_default(),
        enable: block.enable.known().map(words).unwrap_or_default().into_iter().collect(),
        overrides: block.overrides.known().map(texts).unwrap_or_default(),
        audit: false,
    })
}

/// For `firewall`, by the resource of this id: the rules, which the host takes back unless they are confirmed.
pub(super) fn firewall(block: &Firewall, ssh_port: u16, id: &str) -> Object<String, Json> {
    let open = block.open.known().into_iter().flatten();
    object(&firewall::Arguments {
        state: State::Present,
        ssh_from: block.ssh_from.known().map(ranges).unwrap_or_default(),
        ssh_ports: vec![ssh_port],
        open: open.filter_map(|(name, opening)| Some((name.clone(), port(opening.known()?)?))).collect(),
        owner: name_of(id),
        ..part()
    })
}

/// For `firewall`, from a new session: the rules let us in.
pub(super) fn confirmation(id: &str) -> Object<String, Json> {
    object(&firewall::Arguments { state: State::Confirmed, owner: name_of(id), ..part() })
}

/// For `host_facts`.
pub(super) fn facts() -> Object<String, Json> {
    object(&host_facts::Arguments {})
}

/// The base part, with nothing in it.
fn part() -> firewall::Arguments {
    firewall::Arguments {
        state: State::Present,
        part: "host".to_owned(),
        owner: String::new(),
        ssh_from: Vec::new(),
        ssh_ports: Vec::new(),
        open: BTreeMap::new(),
        peers: Vec::new(),
        api_from: Vec::new(),
        api_port: 6443,
        allow_lockout: false,
        confirm_within: CONFIRM_WITHIN,
    }
}

fn port(opening: &Opening) -> Option<Open> {
    let protocol = opening.protocol.known().and_then(|word| Transport::named(word));
    Some(Open {
        port: *opening.port.known()?,
        protocol: protocol.unwrap_or(Transport::Tcp),
        from: opening.from.known().map(ranges).unwrap_or_default(),
    })
}

fn object(arguments: &impl Argument) -> Object<String, Json> {
    match arguments.show() {
        Json::Object(object) => object,
        _ => Object::new(),
    }
}

fn words(set: &Set<String>) -> Vec<String> {
    set.iter().filter_map(Value::known).cloned().collect()
}

fn ranges(list: &List<String>) -> Vec<String> {
    list.iter().filter_map(Value::known).cloned().collect()
}

fn texts(map: &Map<String>) -> BTreeMap<String, String> {
    map.iter().filter_map(|(key, value)| Some((key.clone(), value.known()?.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use module::{Arguments, Input};

    use super::*;

    fn read<A: Arguments>(sent: Object<String, Json>) -> A {
        Input::read(sent).expect("the module takes what it is told")
    }

    #[test]
    fn a_profile_is_told_with_its_owner() {
        let block = Hardening { profile: "cis-2".into(), ..Hardening::default() };
        let read: hardening::Arguments = read(super::hardening(&block, "7f"));
        assert_eq!((read.profile, read.owner.as_str(), read.audit), (Profile::Cis2, "socle_host 7f", false));
    }

    #[test]
    fn a_firewall_is_told_with_its_port_of_ssh_and_its_time_to_confirm() {
        let range = || Value::Known(vec![Value::from("198.51.100.0/24")]);
        let https = Opening { port: 443.into(), from: range(), ..Opening::default() };
        let open = [("https".to_owned(), Value::Known(https))].into_iter().collect::<Map<_>>();
        let told = super::firewall(&Firewall { ssh_from: range(), open: open.into() }, 2222, "7f");
        let read: firewall::Arguments = read(told);
        assert_eq!((read.state, read.ssh_ports, read.confirm_within), (State::Present, vec![2222], 60));
        assert_eq!((read.ssh_from, read.open["https"].port), (vec!["198.51.100.0/24".to_owned()], 443));
        let confirmed: firewall::Arguments = super::tests::read(confirmation("7f"));
        assert_eq!(confirmed.state, State::Confirmed);
    }
}
