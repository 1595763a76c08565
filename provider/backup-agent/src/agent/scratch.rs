//! Throwaway places for drills: a folder that only a drill made, and in it a PostgreSQL that nobody else can reach.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::postgresql::Server;
use super::process::{Account, ProcessError, Program, Running};
use super::stop::{Stop, StopReason};

/// A folder with this file was made by a drill: only such folders are ever erased.
const MARK: &str = ".socle-drill";

/// The role that owns the throwaway server; one that no backup has.
const SUPERUSER: &str = "socle_drill_superuser";

/// What makes the server deaf: nobody reaches it, it archives nothing, follows nobody and runs no jobs. Its data need not
/// survive a crash.
const SETTINGS: [&str; 16] = [
    "listen_addresses=",
    "archive_mode=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_logical_replication_workers=0",
    "shared_preload_libraries=",
    "session_preload_libraries=",
    "local_preload_libraries=",
    "autovacuum=off",
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "max_wal_size=4GB",
    "maintenance_work_mem=128MB",
    "unix_socket_permissions=0700",
    "logging_collector=off",
];

/// How long a server may take to come up.
const PATIENCE: Duration = Duration::from_mins(2);

/// A folder of a drill; it is erased when this is dropped.
#[derive(Debug)]
pub struct Scratch {
    folder: PathBuf,
}

/// A throwaway server; it ends when this is dropped.
#[derive(Debug)]
pub struct Throwaway {
    /// How to reach it.
    pub server: Server,
    _postgres: Running,
}

/// Why there is no throwaway place.
#[derive(Debug, thiserror::Error)]
pub enum ScratchError {
    /// The place is somebody's.
    #[error("drill.scratch: {} looks live: {reason}; give the drill a folder of its own", path.display())]
    Live {
        /// The folder.
        path: PathBuf,
        /// Why it looks so.
        reason: &'static str,
    },
    /// There is not enough room.
    #[error("drill.scratch: {} has {free} bytes free, a restore needs {needed}", path.display())]
    Room {
        /// The folder.
        path: PathBuf,
        /// Free bytes.
        free: u64,
        /// Needed bytes.
        needed: u64,
    },
    /// The folder cannot be used.
    #[error("cannot {verb} {}: {source}", path.display())]
    Folder {
        /// What was to be done.
        verb: &'static str,
        /// The folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A program failed.
    #[error("the throwaway server: {0}")]
    Process(#[from] ProcessError),
    /// It does not come up.
    #[error("the throwaway server does not answer after {} s", PATIENCE.as_secs())]
    Silent,
    /// The command is to end.
    #[error(transparent)]
    Stopped(#[from] StopReason),
}

impl Scratch {
    /// Makes a folder for a drill of this policy, owned by `owner`; first erases what a killed drill of it left.
    /// `live` are folders that must not be touched.
    pub fn make(
        parent: &Path,
        policy: &str,
        owner: Option<&Account>,
        live: &[PathBuf],
    ) -> Result<Self, ScratchError> {
        refuse_live(parent, live)?;
        let failed = |verb, path: &Path| {
            let path = path.to_owned();
            move |source| ScratchError::Folder { verb, path, source }
        };
        if !parent.exists() {
            fs::create_dir_all(parent).map_err(failed("make", parent))?;
            // The account of the drill passes through it, whatever the umask of the unit says.
            fs::set_permissions(parent, Permissions::from_mode(0o755)).map_err(failed("open", parent))?;
        }
        let folder = parent.join(policy);
        erase_left_over(&folder)?;
        DirBuilder::new().mode(0o700).create(&folder).map_err(failed("make", &folder))?;
        fs::write(folder.join(MARK), "").map_err(failed("mark", &folder))?;
        let scratch = Self { folder };
        if let Some(owner) = owner {
            let given = chown(&scratch.folder, Some(owner.uid), Some(owner.gid));
            given.map_err(failed("give away", &scratch.folder))?;
        }
        Ok(scratch)
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Refuses when it is too small.
    pub fn demand_room(&self, needed: u64) -> Result<(), ScratchError> {
        let free = rustix::fs::statvfs(&self.folder).map(|fs| fs.f_bavail.saturating_mul(fs.f_frsize));
        let free = free.map_err(|source| ScratchError::Folder {
            verb: "measure",
            path: self.folder.clone(),
            source: source.into(),
        })?;
        let path = self.folder.clone();
        if free < needed { Err(ScratchError::Room { path, free, needed }) } else { Ok(()) }
    }

    /// Starts an empty server in it, in a network of its own with nothing in it.
    pub fn server(&self, owner: &Account, programs: &Path, stop: &Stop) -> Result<Throwaway, ScratchError> {
        let data = self.folder.join("data");
        let init = Program::new(programs.join("initdb")).run_as(owner).arg("--pgdata").arg(&data);
        let init = init.arg(format!("--username={SUPERUSER}"));
        init.args(["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]).output(stop)?;
        let user = [format!("--reuid={}", owner.uid), format!("--regid={}", owner.gid)];
        let settings = SETTINGS.iter().flat_map(|setting| ["-c", setting]);
        let postgres = Program::new("unshare")
            .args(["--net", "--", "setpriv"])
            .args(user)
            // It ends with the agent, also when that is killed.
            .args(["--clear-groups", "--no-new-privs", "--pdeathsig", "QUIT", "--"])
            .arg(programs.join("postgres"))
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(&self.folder)
            .args(settings)
            .without_output();
        let mut postgres = postgres.start(stop)?;
        let server = Server {
            account: owner.clone(),
            user: SUPERUSER.to_owned(),
            socket: self.folder.clone(),
            port: 5432,
            programs: programs.to_owned(),
            stop: stop.clone(),
        };
        await_answer(&server, &mut postgres)?;
        Ok(Throwaway { server, _postgres: postgres })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be erased now is erased by the next drill.
        let _ = erase_left_over(&self.folder);
    }
}

fn await_answer(server: &Server, postgres: &mut Running) -> Result<(), ScratchError> {
    const LOOK: Duration = Duration::from_millis(100);
    let mut left = PATIENCE;
    while server.ask("postgres", "select 1").is_err() {
        if !matches!(postgres.child.try_wait(), Ok(None)) {
            postgres.finish()?;
        }
        left = left.checked_sub(LOOK).ok_or(ScratchError::Silent)?;
        server.stop.pause(LOOK)?;
    }
    Ok(())
}

/// A place that holds a server's data, or is inside of what is backed up or served, is not for throwing away.
fn refuse_live(parent: &Path, live: &[PathBuf]) -> Result<(), ScratchError> {
    let refuse = |reason| Err(ScratchError::Live { path: parent.to_owned(), reason });
    if parent.ancestors().any(|folder| folder.join("PG_VERSION").exists()) {
        return refuse("it is inside of a PostgreSQL data folder");
    }
    if live.iter().any(|folder| parent.starts_with(folder) || folder.starts_with(parent)) {
        return refuse("what is backed up is there");
    }
    if parent.parent().is_none() {
        return refuse("it is the root of the file system");
    }
    Ok(())
}

/// Erases a folder that a drill made; any other is refused.
fn erase_left_over(folder: &Path) -> Result<(), ScratchError> {
    if !folder.exists() {
        return Ok(());
    }
    let is_empty = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    if !is_empty && !folder.join(MARK).is_file() {
        let reason = "there is something that no drill made";
        return Err(ScratchError::Live { path: folder.to_owned(), reason });
    }
    end_left_over_server(folder);
    // The mark goes last, so that a half-erased folder is still known.
    let failed = |source| ScratchError::Folder { verb: "erase", path: folder.to_owned(), source };
    let _ = fs::set_permissions(folder, Permissions::from_mode(0o700));
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name() != MARK {
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let path = entry.path();
            let erased = if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            erased.map_err(failed)?;
        }
    }
    fs::remove_dir_all(folder).map_err(failed)
}

/// Ends a throwaway server that outlived its drill: a process that names this very folder.
fn end_left_over_server(folder: &Path) {
    let file = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap_or_default();
    let Some(pid) = file.lines().next().and_then(|line| line.trim().parse().ok()).and_then(Pid::from_raw)
    else {
        return;
    };
    let proc = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
    let command = fs::read(proc.join("cmdline")).unwrap_or_default();
    let names_it = command
        .split(|byte| *byte == 0)
        .any(|word| word == folder.join("data").as_os_str().as_encoded_bytes());
    if names_it && kill_process(pid, Signal::KILL).is_ok() {
        // Its children end when they notice; files that they still hold do not stop the erasing.
        while proc.join("exe").exists() {
            std::thread::yield_now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_no_drill_made_is_never_erased() {
        let parent = tempfile::tempdir().unwrap();
        fs::create_dir(parent.path().join("policy")).unwrap();
        fs::write(parent.path().join("policy/precious"), "x").unwrap();
        let refused = Scratch::make(parent.path(), "policy", None, &[]).unwrap_err();
        assert!(matches!(refused, ScratchError::Live { .. }), "{refused}");
        assert!(parent.path().join("policy/precious").exists());
    }

    #[test]
    fn places_that_look_live_are_refused() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("PG_VERSION"), "15").unwrap();
        assert!(Scratch::make(&parent.path().join("drill"), "p", None, &[]).is_err());
        let source = tempfile::tempdir().unwrap();
        let live = [source.path().to_owned()];
        assert!(Scratch::make(&source.path().join("drill"), "p", None, &live).is_err());
        assert!(Scratch::make(Path::new("/"), "p", None, &[]).is_err());
    }

    #[test]
    fn it_is_erased_at_the_end_and_what_was_left_over_before_it() {
        let parent = tempfile::tempdir().unwrap();
        let scratch = Scratch::make(parent.path(), "policy", None, &[]).unwrap();
        fs::create_dir(scratch.folder().join("data")).unwrap();
        let folder = scratch.folder().to_owned();
        std::mem::forget(scratch);
        let scratch = Scratch::make(parent.path(), "policy", None, &[]).unwrap();
        assert!(!folder.join("data").exists());
        drop(scratch);
        assert!(!folder.exists());
    }

    #[test]
    fn a_server_that_outlived_its_drill_ends_and_no_other_process() {
        use std::io::Read;
        use std::os::unix::process::ExitStatusExt;
        use std::process::{Command, Stdio};
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("policy");
        for (named, end) in [(folder.join("data"), Some(9)), (folder.join("database"), None)] {
            fs::create_dir_all(folder.join("data")).unwrap();
            fs::write(folder.join(MARK), "").unwrap();
            let mut server = Command::new("/bin/sh");
            server.args(["-c", "echo up; read never", "-D"]).arg(named);
            let mut server = server.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
            server.stdout.as_mut().unwrap().read_exact(&mut [0; 3]).unwrap();
            fs::write(folder.join("data/postmaster.pid"), format!("{}\nmore\n", server.id())).unwrap();
            drop(Scratch::make(parent.path(), "policy", None, &[]).unwrap());
            drop(server.stdin.take());
            assert_eq!(server.wait().unwrap().signal(), end);
        }
    }

    #[test]
    fn too_little_room_is_told_before_anything_is_restored() {
        let parent = tempfile::tempdir().unwrap();
        let scratch = Scratch::make(parent.path(), "policy", None, &[]).unwrap();
        assert!(matches!(scratch.demand_room(u64::MAX), Err(ScratchError::Room { .. })));
        scratch.demand_room(1).unwrap();
    }
}
