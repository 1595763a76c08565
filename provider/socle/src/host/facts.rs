//! What a host is.

use serde_json::{Map as Object, Value as Json};
use tfplugin::{Computed, List, Model, Value};

/// What a host is, as it says itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Model)]
pub struct Facts {
    /// Its system, such as `debian 12`.
    #[tf(computed)]
    pub(super) os: Value<String>,
    /// Its architecture: `x86_64` or `aarch64`.
    #[tf(computed)]
    pub(super) architecture: Value<String>,
    /// The version of its kernel.
    #[tf(computed)]
    pub(super) kernel: Value<String>,
    /// Its memory, in MiB.
    #[tf(computed)]
    pub(super) memory_mib: Value<u64>,
    /// Its disks.
    #[tf(computed)]
    pub(super) disks: Value<List<Disk>>,
}

/// A disk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Model)]
pub struct Disk {
    /// Its name, such as `sda`.
    #[tf(computed)]
    pub(super) name: Value<String>,
    /// Its size, in GiB.
    #[tf(computed)]
    pub(super) size_gib: Value<u64>,
    /// What it says of its own health, such as `ok`; null when it says nothing.
    #[tf(computed)]
    pub(super) health: Value<String>,
}

impl Facts {
    /// Reads what the program `host_facts` answers; what it does not say is null.
    pub(super) fn of(answer: &Object<String, Json>) -> Value<Computed<Self>> {
        let Some(facts) = answer.get("facts").and_then(Json::as_object) else { return Value::Null };
        let disks = facts.get("disks").and_then(Json::as_array);
        let disks =
            disks.map(|disks| disks.iter().map(|disk| Value::Known(Disk::of(disk))).collect::<List<Disk>>());
        Value::Known(Computed(Self {
            os: facts.get("os").map_or(Value::Null, text),
            architecture: facts.get("architecture").map_or(Value::Null, text),
            kernel: facts.get("kernel").map_or(Value::Null, text),
            memory_mib: facts.get("memory_mib").and_then(Json::as_u64).into(),
            disks: disks.into(),
        }))
    }
}

impl Disk {
    fn of(disk: &Json) -> Self {
        Self {
            name: text(&disk["name"]),
            size_gib: disk["size_gib"].as_u64().into(),
            health: text(&disk["health"]),
        }
    }
}

fn text(value: &Json) -> Value<String> {
    value.as_str().map(str::to_owned).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_host_does_not_say_is_null() {
        let answer = json!({"facts": {"os": "debian 12", "disks": [{"name": "sda", "size_gib": 40}]}});
        let facts = Facts::of(answer.as_object().expect("an object")).into_known().expect("facts").0;
        assert_eq!((facts.os, facts.kernel), ("debian 12".into(), Value::Null));
        let disks = facts.disks.into_known().expect("disks");
        assert_eq!(disks.len(), 1);
        assert_eq!(Facts::of(&Object::new()), Value::Null);
    }
}
