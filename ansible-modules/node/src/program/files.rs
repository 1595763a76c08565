//! Files of a host, read and replaced as a whole.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::failure::Failure;
use crate::mounts::{self, Mount};

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Everybody.
    All,
    /// Root alone.
    Root,
}

impl Readers {
    const fn mode(self) -> u32 {
        match self {
            Self::All => 0o644,
            Self::Root => 0o600,
        }
    }
}

fn failed(path: &str) -> impl FnOnce(std::io::Error) -> Failure {
    move |source| Failure::File { path: path.to_owned(), source }
}

/// The text of a file; none where there is no such file.
pub(crate) fn read(path: &str) -> Result<Option<String>, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path)(error)),
    }
}

/// The text of a file that must be there.
pub(crate) fn require(path: &str) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(failed(path))
}

/// Is there such a file, with something in it?
pub(crate) fn exists(path: &str) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_dir() || found.len() > 0)
}

/// Replaces a file at once, or leaves it as it was; says whether anything changed. A power cut leaves the old or the new.
pub(crate) fn write(path: &str, text: &str, readers: Readers) -> Result<bool, Failure> {
    let same_mode =
        fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o777 == readers.mode());
    if same_mode && read(path)?.as_deref() == Some(text) {
        return Ok(false);
    }
    replace(Path::new(path), text, readers).map_err(failed(path))?;
    Ok(true)
}

fn replace(path: &Path, text: &str, readers: Readers) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    if !folder.exists() {
        fs::create_dir_all(folder)?;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!(".{name}.new"));
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(readers.mode()).open(&temporary)?;
    file.set_permissions(fs::Permissions::from_mode(readers.mode()))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    File::open(folder)?.sync_all()
}

/// Makes a folder that root alone may enter.
pub(crate) fn private_folder(path: &str) -> Result<(), Failure> {
    let made =
        fs::create_dir_all(path).and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o700)));
    made.map_err(failed(path))
}

/// Removes a file; says whether there was one.
pub(crate) fn remove(path: &str) -> Result<bool, Failure> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed(path)(error)),
    }
}

/// Removes all that a folder holds, and leaves the folder: it may be a link, or a file system of its own. Where something
/// is mounted below it, nothing is removed.
pub(crate) fn empty(path: &str) -> Result<(), Failure> {
    let Some(folder) = mounts::resolved(path)? else { return Ok(()) };
    let mounts = mounts::below(path)?;
    if !mounts.is_empty() {
        return Err(Failure::Mounted { mounts });
    }
    let mount = Mount::of(&folder).map_err(failed(path))?;
    empty_within(&folder, mount)
}

/// Looks at each folder again: what was mounted since the table was read is left as well.
fn empty_within(folder: &Path, mount: Mount) -> Result<(), Failure> {
    let name = folder.to_string_lossy();
    let failed = || failed(&name);
    for entry in fs::read_dir(folder).map_err(failed())? {
        let entry = entry.map_err(failed())?;
        let path = entry.path();
        if Mount::of(&path).map_err(failed())? != mount {
            return Err(Failure::Mounted { mounts: vec![path.to_string_lossy().into_owned()] });
        }
        if entry.file_type().map_err(failed())?.is_dir() {
            empty_within(&path, mount)?;
            fs::remove_dir(&path).map_err(failed())?;
        } else {
            fs::remove_file(&path).map_err(failed())?;
        }
    }
    Ok(())
}

/// Removes a folder with all that it holds. One that is a link, or a file system of its own, stays, empty.
pub(crate) fn remove_folder(path: &str) -> Result<(), Failure> {
    empty(path)?;
    let stays = [ErrorKind::NotFound, ErrorKind::ResourceBusy, ErrorKind::NotADirectory];
    match fs::remove_dir(path) {
        Err(error) if !stays.contains(&error.kind()) => Err(failed(path)(error)),
        _ => Ok(()),
    }
}

/// The names in a folder, in order; none where there is no such folder.
pub(crate) fn names(path: &str) -> Vec<String> {
    let entries = fs::read_dir(path).into_iter().flatten().filter_map(Result::ok);
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Some bytes of chance, from the kernel.
pub(crate) fn chance<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    let path = "/dev/urandom";
    File::open(path)
        .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut bytes))
        .map_err(failed(path))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(folder: &tempfile::TempDir, name: &str) -> String {
        folder.path().join(name).to_string_lossy().into_owned()
    }

    #[test]
    fn a_second_write_of_the_same_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = path(&folder, "deep/file");
        assert!(write(&file, "text", Readers::Root).unwrap());
        assert!(!write(&file, "text", Readers::Root).unwrap());
        assert!(write(&file, "other", Readers::Root).unwrap());
        assert_eq!(names(&path(&folder, "deep")), ["file"]);
    }

    #[test]
    fn a_secret_that_all_may_read_is_mended() {
        let folder = tempfile::tempdir().unwrap();
        let file = path(&folder, "key");
        write(&file, "text", Readers::All).unwrap();
        assert!(write(&file, "text", Readers::Root).unwrap());
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn emptying_leaves_the_folder_itself() {
        let folder = tempfile::tempdir().unwrap();
        write(&path(&folder, "a/b/c"), "text", Readers::All).unwrap();
        empty(&path(&folder, "a")).unwrap();
        assert!(folder.path().join("a").is_dir());
        assert_eq!(names(&path(&folder, "a")), Vec::<String>::new());
    }

    #[test]
    fn emptying_follows_the_link_of_the_folder_and_none_in_it() {
        let folder = tempfile::tempdir().unwrap();
        write(&path(&folder, "data/pods/file"), "text", Readers::All).unwrap();
        write(&path(&folder, "others/file"), "text", Readers::All).unwrap();
        let link = |to: &str, from: &str| {
            std::os::unix::fs::symlink(path(&folder, to), path(&folder, from)).unwrap();
        };
        link("data", "kubelet");
        link("others", "data/pods/link");
        empty(&path(&folder, "kubelet")).unwrap();
        assert_eq!(names(&path(&folder, "data")), Vec::<String>::new());
        assert_eq!(names(&path(&folder, "others")), ["file"]);
    }

    #[test]
    fn what_is_of_another_mount_stays() {
        let folder = tempfile::tempdir().unwrap();
        write(&path(&folder, "pods/volume/file"), "text", Readers::All).unwrap();
        let other = Mount::of(Path::new("/proc")).unwrap();
        let refused = empty_within(folder.path(), other).unwrap_err();
        assert!(matches!(refused, Failure::Mounted { mounts } if mounts == [path(&folder, "pods")]));
        assert_eq!(names(&path(&folder, "pods/volume")), ["file"]);
    }

    #[test]
    fn an_empty_file_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = path(&folder, "half-written");
        write(&file, "", Readers::All).unwrap();
        assert!(!exists(&file));
    }
}
