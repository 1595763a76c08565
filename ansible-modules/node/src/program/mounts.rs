//! What is mounted where: nothing is deleted below a mount, because the files there may be the user's data.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, StatxFlags, statx};

use crate::failure::Failure;

const TABLE: &str = "/proc/self/mounts";

fn failed(path: &str) -> impl FnOnce(std::io::Error) -> Failure {
    move |source| Failure::File { path: path.to_owned(), source }
}

/// What is mounted below a folder, deepest first. The folder may be a link, and itself a mount.
pub(crate) fn below(folder: &str) -> Result<Vec<String>, Failure> {
    let Some(folder) = resolved(folder)? else { return Ok(Vec::new()) };
    // Without the table nobody knows what a deletion would meet.
    let table = fs::read_to_string(TABLE).map_err(failed(TABLE))?;
    Ok(listed(&table, &folder))
}

/// The folder behind links, as the table of mounts names it; none where there is none.
pub(crate) fn resolved(folder: &str) -> Result<Option<PathBuf>, Failure> {
    match fs::canonicalize(folder) {
        Ok(path) => Ok(Some(path)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(folder)(error)),
    }
}

fn listed(table: &str, folder: &Path) -> Vec<String> {
    let points = table.lines().filter_map(|line| line.split(' ').nth(1)).map(unescaped);
    let mut points: Vec<_> =
        points.filter(|point| Path::new(point) != folder && Path::new(point).starts_with(folder)).collect();
    points.sort_by_key(|point| std::cmp::Reverse(point.len()));
    points
}

/// The kernel writes what would break a line in octal digits: a space is `\040`.
fn unescaped(point: &str) -> String {
    let escapes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\043", "#"), ("\\134", "\\")];
    escapes.iter().fold(point.to_owned(), |text, (escape, letter)| text.replace(escape, letter))
}

/// Which mount something is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mount {
    device: (u32, u32),
    /// Two mounts may show the same device. A kernel before Linux 5.8 does not tell: 0.
    id: u64,
}

impl Mount {
    /// That of a path; a link is not followed.
    pub(crate) fn of(path: &Path) -> std::io::Result<Self> {
        let found = statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::MNT_ID)?;
        Ok(Self { device: (found.stx_dev_major, found.stx_dev_minor), id: found.stx_mnt_id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_found_where_a_link_leads() {
        let root = tempfile::tempdir().unwrap();
        let real = root.path().join("data/kubelet");
        fs::create_dir_all(&real).unwrap();
        let link = root.path().join("kubelet");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let folder = resolved(link.to_str().unwrap()).unwrap().unwrap();
        let place = folder.display();
        let table = format!(
            "/dev/vda1 / ext4 rw 0 0\n/dev/vdb {place} ext4 rw 0 0\nnas:/a {place}/pods/1/volumes/a\\040b nfs4 rw 0 0\n\
             tmpfs {place}/pods/1 tmpfs rw 0 0\n/dev/vdc {place}-other ext4 rw 0 0\n"
        );
        let found = [format!("{place}/pods/1/volumes/a b"), format!("{place}/pods/1")];
        assert_eq!(listed(&table, &folder), found);
    }

    #[test]
    fn one_mount_is_told_from_another() {
        let of = |path| Mount::of(Path::new(path)).unwrap();
        assert_eq!(of("/proc"), of("/proc/self/status"));
        assert_ne!(of("/"), of("/proc"));
    }
}
