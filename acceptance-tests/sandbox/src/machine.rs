//! What this machine is, and what a sandbox changes on it.

use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::cache::{self, Cache};
use crate::state::{self, StateError, read_json, write_json};

/// How many things systemd and Kubernetes may watch files with: the kernel's 128 are used up by a few servers.
const WATCHERS: &str = "/proc/sys/fs/inotify/max_user_instances";
const WANTED_WATCHERS: u32 = 8192;

/// `CAP_SYS_ADMIN` and `CAP_NET_ADMIN`. Source: capabilities(7).
const CAPABILITIES: u64 = 1 << 21 | 1 << 12;

/// Why servers cannot run on this machine, whatever is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// Containers with an init system need Linux.
    #[error("they need Linux")]
    NotLinux,
    /// Network namespaces and mounts are the administrator's.
    #[error("they need root: run it with sudo")]
    NotRoot,
    /// Root of a container without rights on the machine.
    #[error(
        "they need the capabilities CAP_SYS_ADMIN and CAP_NET_ADMIN: run it in a privileged container, or on the \
         machine itself"
    )]
    NoCapability,
}

/// The machine's setting as it was before the first sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Before {
    max_user_instances: u32,
}

/// Whether servers can run here at all.
pub fn obstacle_to_servers() -> Option<Obstacle> {
    if !cfg!(target_os = "linux") {
        return Some(Obstacle::NotLinux);
    }
    obstacle_in(&fs::read_to_string("/proc/self/status").unwrap_or_default())
}

/// Reads `/proc/self/status`. Source: proc(5).
fn obstacle_in(status: &str) -> Option<Obstacle> {
    let field =
        |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
    let effective_user = field("Uid:").split_whitespace().nth(1);
    let capabilities = u64::from_str_radix(field("CapEff:"), 16).unwrap_or_default();
    if effective_user != Some("0") {
        Some(Obstacle::NotRoot)
    } else if capabilities & CAPABILITIES != CAPABILITIES {
        Some(Obstacle::NoCapability)
    } else {
        None
    }
}

/// Lets many servers watch files at once, and remembers how it was.
pub fn allow_many_watchers(cache: &Cache) -> Result<(), StateError> {
    let _lock = cache::lock(&state::lock_file(cache, "machine")?)?;
    Watchers::of_this_machine(cache).raise()
}

/// Puts the limit back when no sandbox of `cache` has servers any more.
pub fn put_back(cache: &Cache) -> Result<(), StateError> {
    let _lock = cache::lock(&state::lock_file(cache, "machine")?)?;
    for sandbox in state::all(cache)? {
        if sandbox.record()?.is_some_and(|record| record.wanted.servers > 0) {
            return Ok(());
        }
    }
    Watchers::of_this_machine(cache).put_back()
}

/// The limit of watchers, and where is written how it was.
struct Watchers {
    setting: PathBuf,
    memory: PathBuf,
}

impl Watchers {
    fn of_this_machine(cache: &Cache) -> Self {
        Self { setting: WATCHERS.into(), memory: cache.root().join("machine-before.json") }
    }

    fn raise(&self) -> Result<(), StateError> {
        let before = self.read()?;
        if before >= WANTED_WATCHERS {
            return Ok(());
        }
        write_json(&self.memory, &Before { max_user_instances: before })?;
        self.set(WANTED_WATCHERS)
    }

    /// A limit that somebody else has set since stays.
    fn put_back(&self) -> Result<(), StateError> {
        let Some(before) = read_json::<Before>(&self.memory)? else { return Ok(()) };
        if self.read()? == WANTED_WATCHERS {
            self.set(before.max_user_instances)?;
        }
        fs::remove_file(&self.memory).map_err(StateError::at("remove", &self.memory))
    }

    fn read(&self) -> Result<u32, StateError> {
        let text = fs::read_to_string(&self.setting).map_err(StateError::at("read", &self.setting))?;
        serde_json::from_str(text.trim())
            .map_err(|source| StateError::Record { path: self.setting.clone(), source })
    }

    fn set(&self, number: u32) -> Result<(), StateError> {
        fs::write(&self.setting, number.to_string()).map_err(StateError::at("write", &self.setting))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(user: u32, capabilities: &str) -> String {
        format!("Name:\tsandbox\nUid:\t1000\t{user}\t0\t0\nCapInh:\t0\nCapEff:\t{capabilities}\n")
    }

    fn watchers(limit: u32) -> (tempfile::TempDir, Watchers) {
        let folder = tempfile::tempdir().unwrap();
        let [setting, memory] = ["setting", "memory"].map(|name| folder.path().join(name));
        fs::write(&setting, format!("{limit}\n")).unwrap();
        (folder, Watchers { setting, memory })
    }

    #[test]
    fn the_limit_of_watchers_is_raised_once_and_put_back() {
        let (_folder, watchers) = watchers(128);
        watchers.raise().unwrap();
        watchers.raise().unwrap();
        assert_eq!(watchers.read().unwrap(), WANTED_WATCHERS);
        watchers.put_back().unwrap();
        watchers.put_back().unwrap();
        assert_eq!(watchers.read().unwrap(), 128);
    }

    #[test]
    fn a_limit_that_somebody_else_has_set_stays() {
        let (_folder, high) = watchers(65536);
        high.raise().unwrap();
        high.put_back().unwrap();
        assert_eq!(high.read().unwrap(), 65536);
        let (_folder, changed) = watchers(128);
        changed.raise().unwrap();
        changed.set(512).unwrap();
        changed.put_back().unwrap();
        assert_eq!(changed.read().unwrap(), 512);
    }

    #[test]
    fn servers_need_root_and_its_rights() {
        assert_eq!(obstacle_in(&status(1000, "0000000000000000")), Some(Obstacle::NotRoot));
        // What Docker gives to root by default.
        assert_eq!(obstacle_in(&status(0, "00000000a80425fb")), Some(Obstacle::NoCapability));
        assert_eq!(obstacle_in(&status(0, "000001fffeffffff")), None);
    }
}
