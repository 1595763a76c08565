//! Searches over the whole file system.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;

use crate::{Fault, Host, account};

/// What is not searched: what the kernel makes up, what vanishes with a boot, and where containers keep theirs.
const LEFT_OUT: [&str; 14] = [
    "/proc",
    "/sys",
    "/dev",
    "/run",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/docker",
    "/var/lib/kubelet",
    "/var/lib/etcd",
    "/var/lib/lxc",
    "/var/lib/machines",
    "/var/lib/nfs",
    "/var/lib/socle/volumes",
    "/mnt",
];
const STICKY: u32 = 0o1000;

/// Calls `each` with all files and folders below a folder; links are not followed.
fn walk(host: &Host, folder: &str, each: &mut impl FnMut(&str, &Metadata)) {
    for entry in fs::read_dir(host.path(folder)).into_iter().flatten().flatten() {
        let path = format!("{}/{}", folder.trim_end_matches('/'), entry.file_name().to_string_lossy());
        let Ok(there) = entry.metadata() else { continue };
        if LEFT_OUT.contains(&path.as_str()) {
            continue;
        }
        each(&path, &there);
        if there.is_dir() {
            walk(host, &path, each);
        }
    }
}

fn search(host: &Host, folder: &str, is_found: impl Fn(&str, &Metadata) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    walk(host, folder, &mut |path, there| {
        if is_found(path, there) {
            found.push(path.to_owned());
        }
    });
    found.sort();
    found
}

/// Files that everybody may write, and such folders without the sticky bit.
pub(super) fn world_writable(host: &Host) -> Vec<String> {
    search(host, "/", |_, there| {
        let open = there.mode() & 0o002 != 0;
        open && (there.is_file() || (there.is_dir() && there.mode() & STICKY == 0))
    })
}

/// Folders that everybody may write and that are not root's.
pub(super) fn shared_folders(host: &Host) -> Vec<String> {
    search(host, "/", |_, there| there.is_dir() && there.mode() & 0o002 != 0 && there.uid() != 0)
}

/// What belongs to a number that no account or group has.
pub(super) fn unowned(host: &Host) -> Result<Vec<String>, Fault> {
    let users: HashSet<u32> = account::users(host)?.into_iter().map(|user| user.uid).collect();
    let groups: HashSet<u32> = account::groups(host)?.into_iter().map(|group| group.gid).collect();
    Ok(search(host, "/", |_, there| !users.contains(&there.uid()) || !groups.contains(&there.gid())))
}

/// Programs with a set-ID bit that no package brought.
pub(super) fn set_id(host: &Host) -> Result<Vec<String>, Fault> {
    let found = search(host, "/", |_, there| there.is_file() && there.mode() & 0o6000 != 0);
    if found.is_empty() {
        return Ok(found);
    }
    let brought = brought_by_packages(host)?;
    // With /bin a link to /usr/bin a package may name either.
    let is_known = |path: &String| {
        brought.contains(path) || path.strip_prefix("/usr").is_some_and(|path| brought.contains(path))
    };
    Ok(found.into_iter().filter(|path| !is_known(path)).collect())
}

fn brought_by_packages(host: &Host) -> Result<HashSet<String>, Fault> {
    let folder = "/var/lib/dpkg/info";
    let mut brought = HashSet::new();
    for name in host.names(folder)?.iter().filter(|name| name.strip_suffix(".list").is_some()) {
        let list = host.read_text(&format!("{folder}/{name}"))?.unwrap_or_default();
        brought.extend(list.lines().map(str::to_owned));
    }
    Ok(brought)
}

/// Logs that others may read or write; those of logins are for everybody by design, and may be read.
pub(super) fn log_files(host: &Host) -> Vec<String> {
    search(host, "/var/log", |path, there| {
        let name = path.rsplit('/').next().unwrap_or_default();
        let readable = ["wtmp", "lastlog", "btmp"].iter().any(|log| name.starts_with(log));
        there.is_file() && there.mode() & if readable { 0o002 } else { 0o006 } != 0
    })
}
