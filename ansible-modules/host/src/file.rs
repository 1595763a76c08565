//! Whole files, and the mode and owner of what exists.
//!
//! A file is written beside its place, flushed, checked by its program where there is one, and renamed: a run that is
//! killed, a full disk or a refused check leave what was there. A symbolic link is never written through.

use std::fmt::{self, Display};
use std::fs::{self, File as Open, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::{Fault, Host, Item, Program, account};

/// A file as it is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    path: String,
    content: Wanted,
    mode: u32,
    owner: Owner,
    validate: Option<Program>,
    backup: Backup,
    display: Display_,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    Absent,
    Bytes(Vec<u8>),
}

/// Whether the text may stand in a diff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Display_ {
    Text,
    Secret,
}

/// What becomes of a file that was there before our first change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backup {
    /// It is lost.
    No,
    /// It is kept in `/var/lib/socle/backups`, and never overwritten by later changes.
    Original,
}

/// User and group, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The user; a number in digits where it has no name.
    pub user: String,
    /// The group; a number in digits where it has no name.
    pub group: String,
}

impl Owner {
    /// `root` and its group.
    pub fn root() -> Owner {
        Owner { user: "root".to_owned(), group: "root".to_owned() }
    }
}

impl Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.user, self.group)
    }
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observed {
    /// Nothing.
    Missing,
    /// A regular file.
    Regular {
        /// Its content.
        content: Vec<u8>,
        /// Its permission bits, with setuid, setgid and sticky.
        mode: u32,
        /// Whose it is.
        owner: Owner,
    },
    /// A symbolic link, folder, device or socket; in words, with its target or kind.
    Other(String),
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Write the content.
    Write,
    /// Remove the file.
    Remove,
    /// Set the permission bits.
    Mode(u32, u32),
    /// Set user and group.
    Owner(Owner, Owner),
}

impl Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Write => f.write_str("write the file"),
            Change::Remove => f.write_str("remove the file"),
            Change::Mode(from, to) => write!(f, "set the mode from {from:04o} to {to:04o}"),
            Change::Owner(from, to) => write!(f, "set the owner from {from} to {to}"),
        }
    }
}

impl File {
    /// The file `path` with this content, mode 0644, owned by root.
    pub fn new(path: impl Into<String>, content: impl Into<Vec<u8>>) -> File {
        File {
            path: path.into(),
            content: Wanted::Bytes(content.into()),
            mode: 0o644,
            owner: Owner::root(),
            validate: None,
            backup: Backup::No,
            display: Display_::Text,
        }
    }

    /// No file at `path`.
    pub fn absent(path: impl Into<String>) -> File {
        File { content: Wanted::Absent, ..File::new(path, []) }
    }

    /// With these permission bits.
    #[must_use]
    pub fn mode(self, mode: u32) -> File {
        File { mode, ..self }
    }

    /// Owned by `owner`.
    #[must_use]
    pub fn owner(self, owner: Owner) -> File {
        File { owner, ..self }
    }

    /// Activated only when `program` accepts it; `{}` in its arguments is the new file's path.
    #[must_use]
    pub fn validate(self, program: Program) -> File {
        File { validate: Some(program), ..self }
    }

    /// With what was there kept.
    #[must_use]
    pub fn backup(self, backup: Backup) -> File {
        File { backup, ..self }
    }

    /// Its content is a secret: no diff shows it.
    #[must_use]
    pub fn secret(self) -> File {
        File { display: Display_::Secret, ..self }
    }

    /// The path on the host.
    pub fn path(&self) -> &str {
        &self.path
    }

    fn shown(&self, content: &[u8], mode: u32, owner: &Owner) -> String {
        match self.display {
            Display_::Secret => format!("mode {mode:04o}, owner {owner}, content hidden\n"),
            Display_::Text => shown(content, mode, owner),
        }
    }
}

/// A file's text under a line with mode and owner where these are not the usual ones.
fn shown(content: &[u8], mode: u32, owner: &Owner) -> String {
    let text = String::from_utf8_lossy(content);
    if mode == 0o644 && *owner == Owner::root() {
        return text.into_owned();
    }
    format!("# mode {mode:04o}, owner {owner}\n{text}")
}

impl Item for File {
    type Observed = Observed;
    type Change = Change;

    fn id(&self) -> String {
        format!("file {}", self.path)
    }

    fn observe(&self, host: &Host) -> Result<Observed, Fault> {
        look(host, &self.path)
    }

    fn compare(&self, observed: &Observed) -> Result<Vec<Change>, Fault> {
        match (&self.content, observed) {
            (_, Observed::Other(kind)) => Err(not_a_file(&self.path, kind)),
            (Wanted::Absent, Observed::Missing) => Ok(Vec::new()),
            (Wanted::Absent, Observed::Regular { .. }) => Ok(vec![Change::Remove]),
            (Wanted::Bytes(_), Observed::Missing) => Ok(vec![Change::Write]),
            (Wanted::Bytes(bytes), Observed::Regular { content, .. }) if bytes != content => {
                Ok(vec![Change::Write])
            }
            (Wanted::Bytes(_), Observed::Regular { mode, owner, .. }) => {
                Ok(attributes(*mode, Some(self.mode), owner, Some(&self.owner)))
            }
        }
    }

    fn apply(&self, host: &Host, change: &Change) -> Result<(), Fault> {
        if self.backup == Backup::Original {
            keep_original(host, &self.path)?;
        }
        match (change, &self.content) {
            (Change::Write, Wanted::Bytes(bytes)) => {
                let new =
                    New { bytes, mode: self.mode, owner: &self.owner, validate: self.validate.as_ref() };
                write(host, &self.path, &new)
            }
            (Change::Write | Change::Remove, _) => remove(host, &self.path),
            (change, _) => set_attribute(host, &self.path, change),
        }
    }

    fn before(&self, observed: &Observed) -> String {
        match observed {
            Observed::Missing => String::new(),
            Observed::Other(kind) => kind.clone(),
            Observed::Regular { content, mode, owner } => self.shown(content, *mode, owner),
        }
    }

    fn after(&self, _: &Observed) -> String {
        match &self.content {
            Wanted::Absent => String::new(),
            Wanted::Bytes(bytes) => self.shown(bytes, self.mode, &self.owner),
        }
    }
}

/// The mode and owner of a file or folder that another program makes; a missing one is left missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    path: String,
    mode: ModeRule,
    owner: Option<Owner>,
}

/// Which permission bits are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModeRule {
    /// Any.
    Any,
    /// Exactly these.
    Exactly(u32),
    /// None but these: a stricter mode is left as it is.
    AtMost(u32),
}

/// The mode and owner at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Nothing is there, so nothing is wrong.
    Missing,
    /// A symbolic link: its own mode means nothing.
    Link,
    /// A file or folder.
    There(u32, Owner),
}

impl Attributes {
    /// Permission bits of `path`.
    pub fn new(path: impl Into<String>, mode: ModeRule) -> Attributes {
        Attributes { path: path.into(), mode, owner: None }
    }

    /// Owned by `owner`, too.
    #[must_use]
    pub fn owner(self, owner: Owner) -> Attributes {
        Attributes { owner: Some(owner), ..self }
    }

    /// The group it belongs to now; none when it is missing.
    pub(crate) fn group_now(&self, host: &Host) -> Result<Option<String>, Fault> {
        Ok(match self.observe(host)? {
            Seen::There(_, owner) => Some(owner.group),
            Seen::Missing | Seen::Link => None,
        })
    }

    fn wanted_mode(&self, mode: u32) -> Option<u32> {
        match self.mode {
            ModeRule::Any => None,
            ModeRule::Exactly(wanted) => Some(wanted),
            ModeRule::AtMost(most) => Some(mode & most),
        }
    }
}

impl Item for Attributes {
    type Observed = Seen;
    type Change = Change;

    fn id(&self) -> String {
        format!("attributes {}", self.path)
    }

    fn observe(&self, host: &Host) -> Result<Seen, Fault> {
        let path = host.path(&self.path);
        match path.symlink_metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Seen::Missing),
            Err(error) => Err(Fault::file("look at", &path)(error)),
            Ok(there) if there.is_symlink() => Ok(Seen::Link),
            Ok(there) => Ok(Seen::There(there.mode() & 0o7777, owner_of(host, &there)?)),
        }
    }

    fn compare(&self, observed: &Seen) -> Result<Vec<Change>, Fault> {
        match observed {
            Seen::Missing => Ok(Vec::new()),
            Seen::Link => Err(not_a_file(&self.path, "a symbolic link")),
            Seen::There(mode, owner) => {
                Ok(attributes(*mode, self.wanted_mode(*mode), owner, self.owner.as_ref()))
            }
        }
    }

    fn apply(&self, host: &Host, change: &Change) -> Result<(), Fault> {
        set_attribute(host, &self.path, change)
    }

    fn before(&self, observed: &Seen) -> String {
        match observed {
            Seen::Missing => "missing\n".to_owned(),
            Seen::Link => "a symbolic link\n".to_owned(),
            Seen::There(mode, owner) => format!("mode {mode:04o}, owner {owner}\n"),
        }
    }

    fn after(&self, observed: &Seen) -> String {
        let Seen::There(mode, owner) = observed else { return self.before(observed) };
        let mode = self.wanted_mode(*mode).unwrap_or(*mode);
        format!("mode {mode:04o}, owner {}\n", self.owner.as_ref().unwrap_or(owner))
    }
}

/// A folder that must be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    path: String,
    mode: u32,
}

/// Make the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FolderChange {
    /// It is missing.
    Make,
    /// It has another mode.
    Mode(u32, u32),
}

impl Display for FolderChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FolderChange::Make => f.write_str("make the folder"),
            FolderChange::Mode(from, to) => Change::Mode(*from, *to).fmt(f),
        }
    }
}

impl Folder {
    /// The folder `path`, of root, with this mode; folders above it are made with mode 0755.
    pub fn new(path: impl Into<String>, mode: u32) -> Folder {
        Folder { path: path.into(), mode }
    }
}

impl Item for Folder {
    type Observed = Option<u32>;
    type Change = FolderChange;

    fn id(&self) -> String {
        format!("folder {}", self.path)
    }

    fn observe(&self, host: &Host) -> Result<Option<u32>, Fault> {
        let path = host.path(&self.path);
        match path.symlink_metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Fault::file("look at", &path)(error)),
            Ok(there) if there.is_dir() => Ok(Some(there.mode() & 0o7777)),
            Ok(_) => {
                Err(Fault::refused(format!("{} is not a folder: move it away and run again", self.path)))
            }
        }
    }

    fn compare(&self, observed: &Option<u32>) -> Result<Vec<FolderChange>, Fault> {
        Ok(match *observed {
            None => vec![FolderChange::Make],
            Some(mode) if mode != self.mode => vec![FolderChange::Mode(mode, self.mode)],
            Some(_) => Vec::new(),
        })
    }

    fn apply(&self, host: &Host, change: &FolderChange) -> Result<(), Fault> {
        let path = host.path(&self.path);
        if *change == FolderChange::Make {
            make_folders(&path)?;
        }
        fs::set_permissions(&path, Permissions::from_mode(self.mode))
            .map_err(Fault::file("set the mode of", &path))
    }

    fn before(&self, observed: &Option<u32>) -> String {
        observed.map_or("missing\n".to_owned(), |mode| format!("mode {mode:04o}\n"))
    }

    fn after(&self, _: &Option<u32>) -> String {
        format!("mode {:04o}\n", self.mode)
    }
}

pub(crate) fn attributes(
    mode: u32,
    wanted: Option<u32>,
    owner: &Owner,
    wanted_owner: Option<&Owner>,
) -> Vec<Change> {
    let owner = wanted_owner
        .filter(|wanted| *wanted != owner)
        .map(|wanted| Change::Owner(owner.clone(), wanted.clone()));
    // After the owner: a change of owner clears the setuid and setgid bits.
    let cleared = owner.is_some() && mode & 0o6000 != 0;
    let mode = wanted.filter(|wanted| *wanted != mode || cleared).map(|wanted| Change::Mode(mode, wanted));
    owner.into_iter().chain(mode).collect()
}

pub(crate) fn not_a_file(path: &str, kind: &str) -> Fault {
    Fault::refused(format!(
        "{path} is {kind}, and is left alone: remove it, or put a regular file in its place"
    ))
}

/// What is at `path`.
pub fn look(host: &Host, path: &str) -> Result<Observed, Fault> {
    let place = host.path(path);
    let there = match place.symlink_metadata() {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Observed::Missing);
        }
        there => there.map_err(Fault::file("look at", &place))?,
    };
    if there.is_symlink() {
        let target = fs::read_link(&place).map_err(Fault::file("read", &place))?;
        return Ok(Observed::Other(format!("a symbolic link to {}", target.display())));
    }
    if !there.is_file() {
        return Ok(Observed::Other(if there.is_dir() { "a folder" } else { "a special file" }.to_owned()));
    }
    let content = fs::read(&place).map_err(Fault::file("read", &place))?;
    Ok(Observed::Regular { content, mode: there.mode() & 0o7777, owner: owner_of(host, &there)? })
}

pub(crate) fn owner_of(host: &Host, there: &fs::Metadata) -> Result<Owner, Fault> {
    Ok(Owner { user: account::user_name(host, there.uid())?, group: account::group_name(host, there.gid())? })
}

/// A file that is to be written.
pub(crate) struct New<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) mode: u32,
    pub(crate) owner: &'a Owner,
    pub(crate) validate: Option<&'a Program>,
}

/// Writes a file beside its place, checks it, and renames it.
pub(crate) fn write(host: &Host, path: &str, new: &New) -> Result<(), Fault> {
    let place = host.path(path);
    let folder = place.parent().unwrap_or(Path::new("/")).to_owned();
    make_folders(&folder)?;
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder.join(format!(".{name}.socle-new"));
    let result =
        fill(host, &beside, new).and_then(|()| accepted(host, path, &beside, new.validate)).and_then(|()| {
            fs::rename(&beside, &place).map_err(Fault::file("rename into place", &place))?;
            flush_folder(&folder)
        });
    if result.is_err() {
        // What was there stands; the fault that led here is the one worth telling.
        drop(fs::remove_file(&beside));
    }
    result
}

fn fill(host: &Host, beside: &Path, new: &New) -> Result<(), Fault> {
    match fs::remove_file(beside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(Fault::file("write", beside)(error)),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(beside)
        .map_err(Fault::file("write", beside))?;
    file.write_all(new.bytes).map_err(Fault::file("write", beside))?;
    let (user, group) = account::ids(host, new.owner)?;
    std::os::unix::fs::fchown(&file, Some(user), Some(group))
        .map_err(Fault::file("set the owner of", beside))?;
    file.set_permissions(Permissions::from_mode(new.mode)).map_err(Fault::file("set the mode of", beside))?;
    file.sync_all().map_err(Fault::file("flush", beside))
}

fn accepted(host: &Host, path: &str, beside: &Path, validate: Option<&Program>) -> Result<(), Fault> {
    let Some(program) = validate else { return Ok(()) };
    let program = program.clone().on(&beside.to_string_lossy());
    host.run(&program).map(drop).map_err(|fault| match fault {
        Fault::Program { program, stderr, .. } => Fault::refused(format!(
            "{path} is left as it was: `{program}` does not accept the new one: {stderr}"
        )),
        other => other,
    })
}

fn flush_folder(folder: &Path) -> Result<(), Fault> {
    Open::open(folder).and_then(|open| open.sync_all()).map_err(Fault::file("flush", folder))
}

/// Makes a folder and those above it, with mode 0755 whatever the umask is.
pub(crate) fn make_folders(folder: &Path) -> Result<(), Fault> {
    let missing: Vec<PathBuf> =
        folder.ancestors().take_while(|folder| !folder.exists()).map(Path::to_owned).collect();
    for folder in missing.iter().rev() {
        fs::create_dir(folder).map_err(Fault::file("make the folder", folder))?;
        fs::set_permissions(folder, Permissions::from_mode(0o755))
            .map_err(Fault::file("set the mode of", folder))?;
    }
    Ok(())
}

/// Removes a file; that it is missing already is fine.
pub(crate) fn remove(host: &Host, path: &str) -> Result<(), Fault> {
    let place = host.path(path);
    match fs::remove_file(&place) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Fault::file("remove", &place)(error)),
        _ => Ok(()),
    }
}

pub(crate) fn set_attribute(host: &Host, path: &str, change: &Change) -> Result<(), Fault> {
    let place = host.path(path);
    match change {
        Change::Mode(_, mode) => fs::set_permissions(&place, Permissions::from_mode(*mode))
            .map_err(Fault::file("set the mode of", &place)),
        Change::Owner(_, owner) => {
            let (user, group) = account::ids(host, owner)?;
            std::os::unix::fs::lchown(&place, Some(user), Some(group))
                .map_err(Fault::file("set the owner of", &place))
        }
        Change::Write | Change::Remove => Ok(()),
    }
}

const BACKUPS: &str = "/var/lib/socle/backups";
/// How the files begin that are wholly ours.
const OURS: &[u8] = b"# Written by Socle";

/// Where the original of `path` is kept.
pub fn backup_path(path: &str) -> String {
    format!("{BACKUPS}/{}", path.trim_start_matches('/').replace('%', "%25").replace('/', "%2F"))
}

fn keep_original(host: &Host, path: &str) -> Result<(), Fault> {
    let kept = backup_path(path);
    let Observed::Regular { content, .. } = look(host, path)? else { return Ok(()) };
    // What an earlier run of ours wrote is no original.
    if host.exists(&kept) || content.starts_with(OURS) {
        return Ok(());
    }
    records_folder(host)?;
    write(host, &kept, &New { bytes: &content, mode: 0o600, owner: &Owner::root(), validate: None })
}

/// Makes `/var/lib/socle`, which only root may read.
pub(crate) fn records_folder(host: &Host) -> Result<(), Fault> {
    Folder::new("/var/lib/socle", 0o700).apply(host, &FolderChange::Make)
}

#[cfg(test)]
mod tests;
