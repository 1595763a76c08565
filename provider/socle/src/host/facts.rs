//! What a host is.

use host::facts::Health;
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
    /// What it says of its own health, `good` or `failing`; null when it says nothing.
    #[tf(computed)]
    pub(super) health: Value<String>,
}

impl Facts {
    /// What the program `host_facts` answers, in the words of the provider.
    pub(super) fn of(facts: host::facts::Facts) -> Value<Computed<Self>> {
        let os = format!("{} {}", facts.os.id, facts.os.version);
        let disks = facts.disks.into_iter().map(|(name, disk)| Value::Known(Disk::of(name, &disk)));
        Value::Known(Computed(Self {
            os: os.trim_end().into(),
            architecture: facts.architecture.into(),
            kernel: facts.kernel.into(),
            memory_mib: facts.memory_mib.into(),
            disks: disks.collect::<List<Disk>>().into(),
        }))
    }
}

impl Disk {
    fn of(name: String, disk: &host::facts::Disk) -> Self {
        let health = match disk.health {
            Health::Good => "good".into(),
            Health::Failing => "failing".into(),
            Health::Unknown => Value::Null,
        };
        Self { name: name.into(), size_gib: (disk.size_mib / 1024).into(), health }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_cannot_be_asked_has_no_health() {
        let disk = |health| host::facts::Disk { size_mib: 40 * 1024, model: None, rotational: false, health };
        assert_eq!(Disk::of("sda".to_owned(), &disk(Health::Unknown)).health, Value::Null);
        let failing = Disk::of("sda".to_owned(), &disk(Health::Failing));
        assert_eq!((failing.size_gib, failing.health), (40.into(), "failing".into()));
    }
}
