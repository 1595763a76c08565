//! Kernel modules: which must be loaded, and which must never be.

use std::fmt::{self, Display};

use crate::edit::{Edit, EditedFile, Rewrite};
use crate::file::{self, File, Observed as FileObserved};
use crate::{Fault, Host, Item, Program};

/// A module that must never be loaded: `install NAME /bin/false` and `blacklist NAME` in `/etc/modprobe.d`.
///
/// One that is loaded already stays until the next restart; the outcome says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    name: String,
    file: EditedFile,
}

/// What is known of a blocked module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockedObserved {
    file: FileObserved,
    loaded: bool,
}

impl Blocked {
    /// `name` is never loaded, by `file` in `/etc/modprobe.d`.
    pub fn new(name: impl Into<String>, file: &str) -> Blocked {
        let name = name.into();
        let lines = [format!("install {name} /bin/false"), format!("blacklist {name}")];
        let edits = lines.into_iter().map(Edit::Line).collect();
        Blocked { name, file: EditedFile::new(format!("/etc/modprobe.d/{file}"), edits) }
    }
}

fn is_loaded(host: &Host, name: &str) -> bool {
    host.exists(&format!("/sys/module/{}", name.replace('-', "_")))
}

impl Item for Blocked {
    type Observed = BlockedObserved;
    type Change = Rewrite;

    fn id(&self) -> String {
        format!("blocked kernel module {}", self.name)
    }

    fn observe(&self, host: &Host) -> Result<BlockedObserved, Fault> {
        Ok(BlockedObserved { file: self.file.observe(host)?, loaded: is_loaded(host, &self.name) })
    }

    fn compare(&self, observed: &BlockedObserved) -> Result<Vec<Rewrite>, Fault> {
        self.file.compare(&observed.file)
    }

    fn apply(&self, host: &Host, change: &Rewrite) -> Result<(), Fault> {
        self.file.apply(host, change)
    }

    fn before(&self, observed: &BlockedObserved) -> String {
        let loaded = if observed.loaded { "# loaded now, until the next restart\n" } else { "" };
        format!("{loaded}{}", self.file.before(&observed.file))
    }

    fn after(&self, observed: &BlockedObserved) -> String {
        let loaded = if observed.loaded { "# loaded now, until the next restart\n" } else { "" };
        format!("{loaded}{}", self.file.after(&observed.file))
    }
}

/// A module that must be loaded, now and after a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    name: String,
    file: File,
}

/// What is known of a module that must be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedObserved {
    file: FileObserved,
    presence: Presence,
}

/// Whether the kernel has the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It is loaded, or built in.
    Loaded,
    /// It is not loaded, and there is a folder of modules to load it from.
    Loadable,
    /// There is no folder of modules: a container.
    NoModules,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadedChange {
    /// Load it.
    Load(String),
    /// A step on its file in `/etc/modules-load.d`.
    File(file::Change),
}

impl Display for LoadedChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadedChange::Load(name) => write!(f, "load {name}"),
            LoadedChange::File(change) => write!(f, "{change} in /etc/modules-load.d"),
        }
    }
}

impl Loaded {
    /// `name` is loaded.
    pub fn new(name: impl Into<String>) -> Loaded {
        let name = name.into();
        let file = File::new(format!("/etc/modules-load.d/socle-{name}.conf"), format!("{name}\n"));
        Loaded { name, file }
    }
}

impl Item for Loaded {
    type Observed = LoadedObserved;
    type Change = LoadedChange;

    fn id(&self) -> String {
        format!("kernel module {}", self.name)
    }

    fn observe(&self, host: &Host) -> Result<LoadedObserved, Fault> {
        let presence = if is_loaded(host, &self.name) || is_built_in(host, &self.name)? {
            Presence::Loaded
        } else if release(host)?.is_some_and(|release| host.exists(&format!("/lib/modules/{release}"))) {
            Presence::Loadable
        } else {
            Presence::NoModules
        };
        Ok(LoadedObserved { file: self.file.observe(host)?, presence })
    }

    fn compare(&self, observed: &LoadedObserved) -> Result<Vec<LoadedChange>, Fault> {
        let load = match observed.presence {
            Presence::Loaded => None,
            Presence::Loadable => Some(LoadedChange::Load(self.name.clone())),
            Presence::NoModules => {
                let reason = "is not loaded, and this host has no folder of modules for its kernel";
                return Err(Fault::unsupported(format!("{} {reason}", self.name)));
            }
        };
        Ok(load
            .into_iter()
            .chain(self.file.compare(&observed.file)?.into_iter().map(LoadedChange::File))
            .collect())
    }

    fn apply(&self, host: &Host, change: &LoadedChange) -> Result<(), Fault> {
        match change {
            LoadedChange::File(change) => self.file.apply(host, change),
            LoadedChange::Load(name) => {
                let program = Program::new("modprobe").args([name]);
                let unsupported = |fault: Fault| Fault::unsupported(fault.to_string());
                host.run(&program).map(drop).map_err(unsupported)
            }
        }
    }

    fn before(&self, observed: &LoadedObserved) -> String {
        let loaded = if observed.presence == Presence::Loaded { "loaded" } else { "not loaded" };
        format!("# {loaded}\n{}", self.file.before(&observed.file))
    }

    fn after(&self, observed: &LoadedObserved) -> String {
        format!("# loaded\n{}", self.file.after(&observed.file))
    }
}

/// The kernel's release, as `uname -r` has it.
pub fn release(host: &Host) -> Result<Option<String>, Fault> {
    Ok(host.read_text("/proc/sys/kernel/osrelease")?.map(|text| text.trim().to_owned()))
}

fn is_built_in(host: &Host, name: &str) -> Result<bool, Fault> {
    let Some(release) = release(host)? else { return Ok(false) };
    let list = host.read_text(&format!("/lib/modules/{release}/modules.builtin"))?.unwrap_or_default();
    let file = |line: &str| {
        line.rsplit('/').next().and_then(|file| file.split('.').next()).map(|n| n.replace('-', "_"))
    };
    Ok(list.lines().any(|line| file(line).as_deref() == Some(name.replace('-', "_").as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Root;
    use crate::{Mode, State};

    #[test]
    fn two_blocked_modules_share_a_file() {
        let root = Root::new();
        for name in ["dccp", "sctp", "dccp"] {
            Blocked::new(name, "socle.conf").bring(&root.host(), Mode::Apply);
        }
        let text = root.read("/etc/modprobe.d/socle.conf");
        assert_eq!(
            text,
            "install dccp /bin/false\nblacklist dccp\ninstall sctp /bin/false\nblacklist sctp\n"
        );
    }

    #[test]
    fn a_container_without_modules_is_told_and_gets_no_file() {
        let root = Root::with(&[("/proc/sys/kernel/osrelease", "6.1.0\n")]);
        assert_eq!(Loaded::new("br_netfilter").bring(&root.host(), Mode::Apply).state, State::Unsupported);
        root.write("/lib/modules/6.1.0/modules.builtin", "kernel/net/bridge/br-netfilter.ko\n");
        assert_eq!(Loaded::new("br_netfilter").bring(&root.host(), Mode::Apply).state, State::Changed);
    }
}
