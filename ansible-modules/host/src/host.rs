//! The host that is worked on.

use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::{Fault, Missing, Output, Program, Runner, System};

/// A host: its root folder, who runs its programs, and what time it is.
pub struct Host {
    root: PathBuf,
    runner: Box<dyn Runner>,
    clock: Box<dyn Clock>,
}

/// What time it is. Injected, because the engine must do right 400 days from now, and a test cannot wait.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> SystemTime;
}

/// The clock of this machine.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

impl Host {
    /// The machine that this program runs on.
    pub fn this() -> Host {
        Host { root: PathBuf::from("/"), runner: Box::new(System), clock: Box::new(SystemClock) }
    }

    /// A folder that stands for `/`, without any program.
    pub fn at(root: impl Into<PathBuf>) -> Host {
        Host { root: root.into(), runner: Box::new(Missing), clock: Box::new(SystemClock) }
    }

    /// With another runner of programs.
    #[must_use]
    pub fn with_runner(self, runner: impl Runner + 'static) -> Host {
        Host { runner: Box::new(runner), ..self }
    }

    /// With another clock.
    #[must_use]
    pub fn with_clock(self, clock: impl Clock + 'static) -> Host {
        Host { clock: Box::new(clock), ..self }
    }

    /// Where `path`, absolute on the host, is for this process.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// The time on the host.
    pub fn now(&self) -> SystemTime {
        self.clock.now()
    }

    /// The content of a file; none when it, or a folder above it, is missing.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Fault> {
        read(&self.path(path))
    }

    /// [`Host::read`] as text; bytes that are not UTF-8 are replaced.
    pub fn read_text(&self, path: &str) -> Result<Option<String>, Fault> {
        Ok(self.read(path)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Whether something is at `path`.
    pub fn exists(&self, path: &str) -> bool {
        self.path(path).symlink_metadata().is_ok()
    }

    /// The names in a folder, sorted; empty when it is missing.
    pub fn names(&self, folder: &str) -> Result<Vec<String>, Fault> {
        let path = self.path(folder);
        let entries = match fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(Fault::file("list", &path))?,
        };
        let mut names: Vec<_> =
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        Ok(names)
    }

    /// Runs a program; a code other than 0 is an answer, not a fault.
    pub fn ask(&self, program: &Program) -> Result<Output, Fault> {
        self.runner.run(program).map_err(|source| Fault::Start { program: program.to_string(), source })
    }

    /// Runs a program that must succeed.
    pub fn run(&self, program: &Program) -> Result<Output, Fault> {
        self.ask(program)?.checked(program)
    }

    /// Waits until no other run changes this host, and keeps others out while the answer lives.
    pub fn alone(&self) -> Result<fs::File, Fault> {
        self.lock("/run/socle.lock")
    }

    /// Waits for the lock of this path, and holds it while the answer lives.
    pub fn lock(&self, path: &str) -> Result<fs::File, Fault> {
        let path = self.path(path);
        let file = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(Fault::file("lock", &path))?;
        file.lock().map_err(Fault::file("lock", &path))?;
        Ok(file)
    }

    /// Whether another run changes this host just now. Looks, and waits for nobody.
    pub fn is_busy(&self) -> bool {
        let file = fs::File::open(self.path("/run/socle.lock"));
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
    }

    /// Whether the host has a program of this name in the system's folders.
    pub fn has_program(&self, name: &str) -> bool {
        ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin"]
            .iter()
            .any(|folder| self.path(&format!("{folder}/{name}")).exists())
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, Fault> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(Fault::file("read", path)(error)),
    }
}
