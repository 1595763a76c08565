//! Podman with a storage of its own, so that neither side sees the other's images and containers.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::cache::{Cache, key_of};
use crate::command::{run, succeeds};
use crate::state::{Claim, StateError, write};

use super::ServerError;

/// Podman's own needs of the machine. Its default runtime, crun, refuses a machine with both versions of cgroups.
const CONFIGURATION: &str = r#"[containers]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
lock_type = "file"
runtime = "runc"
"#;

/// The cgroup above those of all servers.
const CGROUP: &str = "socle-sandbox";

/// Podman, and the assurance that nobody clears its storage away meanwhile.
#[derive(Debug)]
pub struct Podman {
    home: PathBuf,
    run: PathBuf,
    lock: File,
}

/// How a container is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerState {
    /// Its processes run.
    Running,
    /// It ran, and can run again with all that was written in it.
    Stopped,
    /// It never ran; whoever made it was interrupted.
    HalfMade,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    names: Vec<String>,
    state: String,
}

impl Podman {
    /// The podman of `cache`.
    pub fn of(cache: &Cache) -> Result<Self, ServerError> {
        let home = cache.root().join("podman");
        let configuration = home.join("containers.conf");
        if fs::read_to_string(&configuration).ok().as_deref() != Some(CONFIGURATION) {
            write(&configuration, CONFIGURATION)?;
        }
        let path = home.join("lock");
        let lock = File::create(&path).map_err(StateError::at("open the lock", &path))?;
        lock.lock_shared().map_err(StateError::at("lock", &path))?;
        let run = Path::new("/run/socle-sandbox").join(key_of(&[&home.to_string_lossy()]));
        Ok(Self { home, run, lock })
    }

    /// A command that only looks.
    pub fn query(&self) -> Command {
        let mut podman = Command::new("podman");
        podman
            .env("CONTAINERS_CONF", self.home.join("containers.conf"))
            .args(["--root".as_ref(), self.storage().as_os_str()])
            .args(["--runroot".as_ref(), self.run.join("storage").as_os_str()])
            .args(["--tmpdir".as_ref(), self.run.join("libpod").as_os_str()])
            .stdin(Stdio::null());
        podman
    }

    /// A command that changes something for the sandbox of `claim`.
    pub fn command(&self, claim: &Claim) -> Result<Command, ServerError> {
        let mut podman = self.query();
        podman.stdin(claim.stdin()?);
        Ok(podman)
    }

    /// The options by which a container's processes are counted among the sandboxes'.
    pub fn cgroup() -> String {
        format!("--cgroup-parent=/{CGROUP}")
    }

    /// How the container `name` is; none when there is none.
    pub fn state(&self, name: &str) -> Result<Option<ContainerState>, ServerError> {
        let listed = run(self.query().args(["ps", "--all", "--format=json"]))?;
        Ok(state_in(&listed, name)?)
    }

    /// Whether there is an image of this name.
    pub fn has_image(&self, name: &str) -> Result<bool, ServerError> {
        Ok(succeeds(self.query().args(["image", "exists", name]))?)
    }

    /// Takes away what podman leaves on the machine when its last container is gone; the images stay in the cache.
    /// Somebody else at work with it does so later.
    pub fn settle(self) -> Result<(), ServerError> {
        self.forget_the_gone()?;
        self.lock.unlock().map_err(StateError::at("unlock", &self.home))?;
        match self.lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(()),
            Err(TryLockError::Error(source)) => return Err(StateError::at("lock", &self.home)(source).into()),
        }
        if self.containers()?.is_empty() {
            unmount_storage(&self.storage())?;
            if self.run.exists() {
                fs::remove_dir_all(&self.run).map_err(StateError::at("remove", &self.run))?;
            }
            // The folder above is another cache's too; it goes when it is empty.
            let _ = self.run.parent().map(fs::remove_dir);
            remove_cgroups();
        }
        Ok(())
    }

    /// Takes away what is left of containers that podman does not know any more. One whose runtime was killed leaves its
    /// cgroups, and what the runtime remembers of it.
    fn forget_the_gone(&self) -> Result<(), ServerError> {
        // In this order: a container is known before it has a cgroup.
        let cgroups = container_cgroups();
        let known = self.containers()?;
        // Another cache's containers are known to another podman; they have processes.
        let is_gone = |id: &String, cgroups: &[PathBuf]| {
            !known.contains(id) && cgroups.iter().all(|cgroup| is_deserted(cgroup))
        };
        for (id, cgroups) in cgroups.iter().filter(|(id, cgroups)| is_gone(id, cgroups)) {
            for cgroup in cgroups {
                remove_cgroup(cgroup);
            }
            let _ = fs::remove_dir_all(Path::new("/run/runc").join(id));
        }
        Ok(())
    }

    /// The ids of all containers.
    fn containers(&self) -> Result<Vec<String>, ServerError> {
        let listed = run(self.query().args(["ps", "--all", "--no-trunc", "--quiet"]))?;
        Ok(listed.lines().map(str::to_owned).collect())
    }

    fn storage(&self) -> PathBuf {
        self.home.join("storage")
    }
}

fn state_in(listed: &str, name: &str) -> Result<Option<ContainerState>, StateError> {
    let containers: Vec<Listed> = serde_json::from_str(listed)
        .map_err(|source| StateError::Record { path: "podman ps --all --format=json".into(), source })?;
    let container = containers.into_iter().find(|container| container.names.iter().any(|own| own == name));
    Ok(container.map(|container| match container.state.as_str() {
        "running" => ContainerState::Running,
        "exited" | "stopped" => ContainerState::Stopped,
        _ => ContainerState::HalfMade,
    }))
}

/// Podman mounts a folder of its storage onto itself, and leaves it so.
fn unmount_storage(storage: &Path) -> Result<(), ServerError> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    for point in mount_points_below(&mounts, &storage.to_string_lossy()) {
        run(Command::new("umount").arg(point))?;
    }
    Ok(())
}

/// The places under `folder` where something is mounted, the latest first. Source: proc(5), mountinfo.
fn mount_points_below(mounts: &str, folder: &str) -> Vec<String> {
    let points = mounts.lines().rev().filter_map(|line| line.split(' ').nth(4));
    points.filter(|point| Path::new(point).starts_with(folder)).map(str::to_owned).collect()
}

/// Where the machine keeps cgroups: those of version 1 each in a folder, those of version 2 in one, or above all.
fn hierarchies() -> impl Iterator<Item = PathBuf> {
    let root = PathBuf::from("/sys/fs/cgroup");
    folders_in(&root).chain([root])
}

/// The cgroups of the containers of all sandboxes, by their ids: one in each hierarchy.
fn container_cgroups() -> BTreeMap<String, Vec<PathBuf>> {
    let mut containers: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for cgroup in hierarchies().flat_map(|hierarchy| folders_in(&hierarchy.join(CGROUP))) {
        let name = cgroup.file_name().unwrap_or_default().to_string_lossy();
        if let Some(id) = name.strip_prefix("libpod-").map(str::to_owned) {
            containers.entry(id).or_default().push(cgroup);
        }
    }
    containers
}

/// Whether no process is in it, nor in those below.
fn is_deserted(cgroup: &Path) -> bool {
    let processes = fs::read_to_string(cgroup.join("cgroup.procs"));
    processes.is_ok_and(|processes| processes.is_empty())
        && folders_in(cgroup).all(|inner| is_deserted(&inner))
}

fn remove_cgroups() {
    let all = hierarchies().map(|hierarchy| hierarchy.join(CGROUP));
    all.filter(|cgroup| is_deserted(cgroup)).for_each(|cgroup| remove_cgroup(&cgroup));
}

/// A cgroup is removed as a folder is, once no other is in it; that it stays is no harm.
fn remove_cgroup(cgroup: &Path) {
    folders_in(cgroup).for_each(|inner| remove_cgroup(&inner));
    let _ = fs::remove_dir(cgroup);
}

fn folders_in(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_a_container_that_stopped_from_one_that_was_never_finished() {
        let listed = r#"[
            {"Names": ["socle-a-server-1"], "State": "running", "Pid": 1},
            {"Names": ["socle-a-server-2"], "State": "exited"},
            {"Names": ["socle-a-server-3"], "State": "created"}
        ]"#;
        let state = |name| state_in(listed, name).unwrap();
        assert_eq!(state("socle-a-server-1"), Some(ContainerState::Running));
        assert_eq!(state("socle-a-server-2"), Some(ContainerState::Stopped));
        assert_eq!(state("socle-a-server-3"), Some(ContainerState::HalfMade));
        assert_eq!(state("socle-a-server"), None);
    }

    #[test]
    fn finds_the_mounts_of_its_own_storage_alone() {
        let mounts = "22 1 254:0 / / rw - ext4 /dev/vda rw\n\
                      31 22 254:0 /c/storage/overlay /c/storage/overlay rw - ext4 /dev/vda rw\n\
                      32 31 0:40 / /c/storage/overlay/x/merged rw - overlay overlay rw\n\
                      33 22 0:41 / /c/storage2 rw - tmpfs tmpfs rw\n";
        assert_eq!(
            mount_points_below(mounts, "/c/storage"),
            ["/c/storage/overlay/x/merged", "/c/storage/overlay"]
        );
    }
}
