//! Programs built from pinned Go modules into the cache.
//!
//! A wrapper module (`go.mod` and `go.sum`, checked in) requires one version of what is built and names the checksums
//! of all it depends on. Go's module and build caches are the build's own and removed after it: together they are
//! fifty times the size of the programs. Only Go's own library is kept, compiled, for every build to begin with.

use std::fs::{self, File};
use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;

use crate::cache::{self, Cache, CacheError};
use crate::command::{CommandError, run};
use crate::tether;

/// The oldest Go that builds all modules here: the newest that one of them asks for. An older one that fetches another by
/// itself would do so for every build anew.
pub const OLDEST_GO: &str = "1.26.8";

/// What the largest build (Vault's) takes at its peak, in KiB.
const LARGEST: u64 = 5 << 20;

/// A wrapper module and the programs that are built from it. Everything in it is part of the key of the cache.
#[derive(Debug, Clone, Copy)]
pub struct GoModule {
    /// The name of the cache's entry.
    pub name: &'static str,
    /// The text of `go.mod`.
    pub module: &'static str,
    /// The text of `go.sum`.
    pub checksums: &'static str,
    /// The text of `main.go`, if the wrapper is a program by itself.
    pub main: Option<&'static str>,
    /// The packages to build; each program is named by the last step of its package's path.
    pub packages: &'static [&'static str],
    /// Build tags, separated by commas. Default: none.
    pub tags: &'static str,
    /// Flags of the linker besides `-s -w`, which leave out what only a debugger reads. Default: none.
    pub link_flags: &'static str,
}

/// Why there is no program.
#[derive(Debug, thiserror::Error)]
pub enum GoError {
    /// The cache folder could not be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// There is no Go.
    #[error("cannot run `go`: {0}; install Go {OLDEST_GO} or newer")]
    Missing(#[source] io::Error),
    /// The library could not be copied.
    #[error(transparent)]
    Copy(#[from] CommandError),
    /// Not even a shell can be started.
    #[error("cannot run sh: {0}")]
    Start(#[source] io::Error),
    /// The build failed.
    #[error("`go build` of {name} failed:\n{output}")]
    Build {
        /// The name of the module.
        name: &'static str,
        /// What the compiler said.
        output: String,
    },
    /// The wrapper module cannot be written where it is built, or what the build left over cannot be removed.
    #[error("cannot {step} {}: {source}", path.display())]
    File {
        /// What was attempted, as a verb.
        step: &'static str,
        /// What it was attempted on.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

impl GoModule {
    /// The folder of the programs: built the first time, from the cache from then on. `building` is called before they
    /// are built.
    pub fn ensured(&self, cache: &Cache, building: impl FnOnce()) -> Result<PathBuf, GoError> {
        cache.entry(self.name, &self.inputs(), |folder| {
            building();
            let _place = place(cache)?;
            self.build(&library(cache)?, folder)
        })
    }

    fn inputs(&self) -> Vec<&'static str> {
        [&[self.module, self.checksums, self.tags, self.link_flags], self.packages, self.main.as_slice()]
            .concat()
    }

    fn build(&self, library: &Path, folder: &Path) -> Result<(), GoError> {
        let workshop = folder.join(".build");
        attempt("make the folder", &workshop, fs::create_dir_all(&workshop))?;
        let files = [("go.mod", self.module), ("go.sum", self.checksums)];
        for (name, text) in files.into_iter().chain(self.main.map(|main| ("main.go", main))) {
            let path = workshop.join(name);
            attempt("write", &path, fs::write(&path, text))?;
        }
        let objects = workshop.join("objects");
        run(Command::new("cp").arg("-R").args([library, &objects]))?;
        compile(self.name, &self.command(&workshop, &objects, folder))?;
        attempt("remove", &workshop, fs::remove_dir_all(&workshop))
    }

    fn command(&self, workshop: &Path, objects: &Path, folder: &Path) -> Command {
        let mut go = go_build(objects);
        go.args(["-tags", self.tags])
            .arg(format!("-ldflags=-s -w {}", self.link_flags))
            // A folder with a slash at its end holds the programs even if there is only one.
            .args(["-o".as_ref(), folder.join("").as_os_str()])
            .args(self.packages)
            .current_dir(workshop)
            .env("GOMODCACHE", workshop.join("modules"));
        go
    }
}

/// Whether the machine has a Go that is new enough.
pub fn go_is_fit() -> bool {
    // Not of the folder that this runs in, whose module may ask for another.
    let version =
        Command::new("go").args(["env", "GOVERSION"]).env("GOTOOLCHAIN", "local").current_dir("/").output();
    version.is_ok_and(|output| is_new_enough(&String::from_utf8_lossy(&output.stdout)))
}

fn is_new_enough(version: &str) -> bool {
    numbers_of(version) >= numbers_of(OLDEST_GO)
}

/// The numbers of a version, as in `go1.26.8`.
fn numbers_of(version: &str) -> Vec<u32> {
    version.split(|letter: char| !letter.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
}

/// The folder of Go's own library, compiled.
fn library(cache: &Cache) -> Result<PathBuf, GoError> {
    let version = Command::new("go").args(["env", "GOVERSION", "GOOS", "GOARCH"]).output();
    let version = version.map_err(GoError::Missing)?.stdout;
    cache.entry("go-library", &[&String::from_utf8_lossy(&version)], |folder| {
        compile("Go's library", go_build(folder).arg("std"))
    })
}

/// `go build` as all builds here run it, which keeps in `objects` what it compiled.
fn go_build(objects: &Path) -> Command {
    let mut go = Command::new("go");
    go.args(["build", "-trimpath"])
        .env("CGO_ENABLED", "0")
        // Without `modcacherw`, the modules could not be removed.
        .env("GOFLAGS", "-mod=readonly -modcacherw -buildvcs=false")
        .env("GOWORK", "off")
        .env("GOCACHE", objects);
    go
}

fn compile(name: &'static str, go: &Command) -> Result<(), GoError> {
    let Output { status, stdout, .. } = tether::output(go).map_err(GoError::Start)?;
    if !status.success() {
        return Err(GoError::Build { name, output: String::from_utf8_lossy(&stdout).into_owned() });
    }
    Ok(())
}

/// One of the places for builds, until it is dropped. Every build uses all cores that it finds, so more of them at once
/// than there are cores, or than the memory bears, would only take longer together.
fn place(cache: &Cache) -> Result<File, CacheError> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let lock = |number| cache.root().join(format!("go-build-{number}.lock"));
    let places = places(cores, memory_in(&meminfo));
    for number in 0..places {
        if let Some(place) = cache::try_lock(&lock(number))? {
            return Ok(place);
        }
    }
    cache::lock(&lock(fastrand::usize(..places)))
}

/// How many builds run at once with this memory, in KiB.
fn places(cores: usize, memory: u64) -> usize {
    cores.min(usize::try_from(memory / LARGEST).unwrap_or(usize::MAX)).max(1)
}

/// The machine's memory in KiB, as `/proc/meminfo` tells it; 0 when it does not. Source: proc(5).
fn memory_in(meminfo: &str) -> u64 {
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    total.and_then(|total| total.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

fn attempt<T>(step: &'static str, path: &Path, result: io::Result<T>) -> Result<T, GoError> {
    result.map_err(|source| GoError::File { step, path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRAPPER: GoModule = GoModule {
        name: "wrapper",
        module: "module wrapper\n",
        checksums: "",
        main: None,
        packages: &["cmd/gofmt", "cmd/vet"],
        tags: "",
        link_flags: "",
    };

    #[test]
    fn says_what_the_compiler_said() {
        let root = tempfile::tempdir().unwrap();
        let missing = GoModule { packages: &["example.invalid/nothing"], ..WRAPPER };
        let failed = missing.ensured(&Cache::at(root.path()), || ()).unwrap_err().to_string();
        assert!(
            failed.contains("`go build` of wrapper failed") && failed.contains("example.invalid"),
            "{failed}"
        );
    }

    #[test]
    fn every_part_of_a_module_makes_another_entry() {
        let others = [
            GoModule { module: "module other\n", ..WRAPPER },
            GoModule { checksums: "other", ..WRAPPER },
            GoModule { main: Some("package main\n"), ..WRAPPER },
            GoModule { packages: &["cmd/vet"], ..WRAPPER },
            GoModule { tags: "other", ..WRAPPER },
            GoModule { link_flags: "other", ..WRAPPER },
        ];
        for other in others {
            assert_ne!(other.inputs(), WRAPPER.inputs(), "{other:?}");
        }
    }

    /// The versions of Go that the modules of the sandbox ask for.
    fn asked_for(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let in_folder = |path: PathBuf| match path.file_name() {
            _ if path.is_dir() => asked_for(&path),
            Some(name) if name == "go.mod" => {
                let text = fs::read_to_string(path).unwrap();
                text.lines().filter_map(|line| line.strip_prefix("go ")).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        };
        entries.flat_map(in_folder).collect()
    }

    #[test]
    fn the_oldest_go_is_the_newest_that_a_module_asks_for() {
        let asked = asked_for(Path::new(env!("CARGO_MANIFEST_DIR")));
        let newest = asked.iter().max_by_key(|version| numbers_of(version)).map(String::as_str);
        assert_eq!(newest, Some(OLDEST_GO), "{asked:?}");
    }

    #[test]
    fn an_older_go_is_too_old_and_so_is_none() {
        for (version, fit) in [
            ("go1.26.8\n", true),
            ("go1.27rc1\n", true),
            ("go1.26.7\n", false),
            ("go1.19.8\n", false),
            ("", false),
        ] {
            assert_eq!(is_new_enough(version), fit, "{version}");
        }
    }

    #[test]
    fn as_many_builds_at_once_as_cores_and_memory_bear() {
        let memory = memory_in("MemTotal:       24689764 kB\nMemFree:         1 kB\n");
        assert_eq!(places(2, memory), 2);
        assert_eq!(places(16, memory), 4);
        assert_eq!(places(16, memory_in("")), 1);
    }
}
