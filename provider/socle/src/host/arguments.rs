//! What the host programs are told: the modules' options, as JSON. What the user left out is left out, so that its
//! default is the module's own.

use serde_json::{Map as Object, Value as Json, json};
use tfplugin::{List, Map, Set, Value};

use super::resource::{Firewall, Hardening, Opening};

/// How long new firewall rules stand unless a new session confirms them, in seconds.
const ROLLBACK_AFTER: u32 = 60;

/// For `hardening`.
pub(super) fn hardening(block: &Hardening) -> Object<String, Json> {
    let mut arguments = Object::new();
    put(&mut arguments, "profile", block.profile.known().cloned());
    put(&mut arguments, "kubernetes_node", block.kubernetes_node.known().copied());
    put(&mut arguments, "exceptions", block.exceptions.known().map(texts));
    put(&mut arguments, "enable", block.enable.known().map(words));
    put(&mut arguments, "overrides", block.overrides.known().map(texts));
    arguments
}

/// For `firewall`: the rules, which the host takes back unless they are confirmed.
pub(super) fn firewall(block: &Firewall, ssh_port: u16) -> Object<String, Json> {
    let mut arguments = Object::new();
    put(&mut arguments, "ssh_from", block.ssh_from.known().map(ranges));
    put(&mut arguments, "ssh_port", Some(ssh_port));
    let open = block.open.known().map(|open| {
        let opening =
            |(name, opening): (&String, &Value<Opening>)| Some((name.clone(), port(opening.known()?)));
        open.iter().filter_map(opening).collect::<Object<_, _>>()
    });
    put(&mut arguments, "open", open);
    put(&mut arguments, "rollback_after", Some(ROLLBACK_AFTER));
    arguments
}

/// For `firewall`, from a new session: the rules let us in.
pub(super) fn confirmation() -> Object<String, Json> {
    [("confirm".to_owned(), Json::Bool(true))].into_iter().collect()
}

fn port(opening: &Opening) -> Json {
    json!({
        "port": opening.port.known(),
        "protocol": opening.protocol.known().map_or("tcp", String::as_str),
        "from": opening.from.known().map(ranges),
    })
}

fn put(arguments: &mut Object<String, Json>, name: &str, value: Option<impl Into<Json>>) {
    if let Some(value) = value {
        arguments.insert(name.to_owned(), value.into());
    }
}

fn words(set: &Set<String>) -> Json {
    set.iter().filter_map(Value::known).map(String::as_str).collect()
}

fn ranges(list: &List<String>) -> Json {
    list.iter().filter_map(Value::known).map(String::as_str).collect()
}

fn texts(map: &Map<String>) -> Object<String, Json> {
    let known = map.iter().filter_map(|(key, value)| Some((key.clone(), value.known()?.clone().into())));
    known.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_not_told() {
        let block = Hardening { profile: "baseline".into(), ..Hardening::default() };
        assert_eq!(Json::Object(hardening(&block)), json!({"profile": "baseline"}));
    }

    #[test]
    fn a_firewall_is_told_with_its_port_of_ssh_and_its_time_to_confirm() {
        let range = || Value::Known(vec![Value::from("198.51.100.0/24")]);
        let https = Opening { port: 443.into(), from: range(), ..Opening::default() };
        let open = [("https".to_owned(), Value::Known(https))].into_iter().collect::<Map<_>>();
        let told = firewall(&Firewall { ssh_from: range(), open: open.into() }, 2222);
        let wanted = json!({
            "ssh_from": ["198.51.100.0/24"],
            "ssh_port": 2222,
            "open": {"https": {"port": 443, "protocol": "tcp", "from": ["198.51.100.0/24"]}},
            "rollback_after": 60,
        });
        assert_eq!(Json::Object(told), wanted);
    }
}
