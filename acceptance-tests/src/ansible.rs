//! The real Ansible, with the collection as it stands in this checkout, or as it was built and installed.

use std::ffi::OsStr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{env, fs, io};

use sandbox::python::PythonError;
use tempfile::TempDir;

use crate::cache::Cache;
use crate::host_programs::{HostPrograms, HostProgramsError};
use crate::servers::{Servers, ServersError};

/// The sources of the collection.
pub const COLLECTION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../ansible-modules/collection");

/// A folder of playbooks, and what Ansible needs to run them.
#[derive(Debug)]
pub struct Ansible {
    folder: TempDir,
    programs: PathBuf,
    variables: Vec<(String, String)>,
}

/// What a program of Ansible's did.
#[derive(Debug, Clone)]
pub struct Run {
    /// Whether it ended well.
    pub succeeded: bool,
    /// All that it said.
    pub said: String,
}

/// How a play went for a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recap {
    /// Tasks that ended well, those that changed something among them.
    pub ok: usize,
    /// Tasks that changed something, or would.
    pub changed: usize,
    /// Tasks that failed, or for which the host was not reached.
    pub bad: usize,
}

/// Why Ansible cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AnsibleError {
    /// It cannot be installed.
    #[error(transparent)]
    Environment(#[from] PythonError),
    /// The programs of the modules do not build.
    #[error(transparent)]
    Programs(#[from] &'static HostProgramsError),
    /// The servers say nothing of themselves.
    #[error(transparent)]
    Servers(#[from] ServersError),
    /// A file or a program cannot be used.
    #[error("cannot {step}: {source}")]
    Io {
        /// What was attempted.
        step: &'static str,
        /// The system's answer.
        source: io::Error,
    },
}

impl Ansible {
    /// Without servers, with this checkout's collection.
    pub fn alone() -> Result<Self, AnsibleError> {
        let cache = Cache::of_this_user().map_err(PythonError::from)?;
        let programs = sandbox::ansible::folder(&cache, || ())?.join("bin");
        let folder = tempfile::tempdir().map_err(io_error("make a folder"))?;
        // Not `collections`: that would win over all others for a playbook beside it.
        let place = folder.path().join("checkout/ansible_collections/socle");
        fs::create_dir_all(&place).map_err(io_error("make the folder of collections"))?;
        symlink(COLLECTION, place.join("platform")).map_err(io_error("link the collection"))?;
        let collections = folder.path().join("checkout").display().to_string();
        let home = folder.path().join("home").display().to_string();
        Ok(Self { folder, programs, variables: Vec::new() }
            .with("ANSIBLE_COLLECTIONS_PATH", &collections)
            .with("ANSIBLE_HOME", &home)
            .with("ANSIBLE_NOCOLOR", "1")
            .with("PYTHONDONTWRITEBYTECODE", "1"))
    }

    /// With servers and their inventory, and the modules' programs as this workspace builds them.
    pub fn on(servers: &Servers) -> Result<Self, AnsibleError> {
        let programs = HostPrograms::built()?.folder().display().to_string();
        let inventory = servers.variable("ANSIBLE_INVENTORY")?;
        let ansible =
            Self::alone()?.with("SOCLE_HOST_PROGRAMS", &programs).with("ANSIBLE_INVENTORY", &inventory);
        // A machine that is busy compiling takes its time to answer.
        Ok(ansible.with("ANSIBLE_TIMEOUT", "60"))
    }

    /// With another variable in the environment; a later value wins.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The folder of playbooks, in which everything runs.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the folder.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf, AnsibleError> {
        let file = self.folder().join(name);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).map_err(io_error("make a folder"))?;
        }
        fs::write(&file, text).map_err(io_error("write a file"))?;
        Ok(file)
    }

    /// A copy of the collection that tools may write into, where they want to find one.
    pub fn copy_of_collection(&self) -> Result<PathBuf, AnsibleError> {
        let copy = self.folder().join("ansible_collections/socle/platform");
        fs::create_dir_all(&copy).map_err(io_error("make a folder"))?;
        let copied = Command::new("cp").arg("-r").arg(format!("{COLLECTION}/.")).arg(&copy).status();
        let copied = copied.map_err(io_error("run cp"))?.success();
        let failed = || io::Error::other("cp failed");
        copied.then_some(copy).ok_or_else(failed).map_err(io_error("copy the collection"))
    }

    /// Runs `ansible-playbook` with these words.
    pub fn playbook<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) -> Result<Run, AnsibleError> {
        self.run("ansible-playbook", words)
    }

    /// Runs one of Ansible's programs with these words.
    pub fn run<W: AsRef<OsStr>>(
        &self,
        program: &str,
        words: impl IntoIterator<Item = W>,
    ) -> Result<Run, AnsibleError> {
        let mut command = self.command(program);
        let output = command.args(words).output().map_err(io_error("run Ansible"))?;
        let Output { status, stdout, stderr } = output;
        let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        Ok(Run { succeeded: status.success(), said: stdout + &stderr })
    }

    /// One of Ansible's programs, or another that uses them: they are on its path.
    pub fn command(&self, program: &str) -> Command {
        let own = self.programs.join(program);
        let mut command = Command::new(if own.is_file() { own } else { program.into() });
        let path = env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.programs.display()));
        command.current_dir(self.folder()).stdin(Stdio::null());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

impl Run {
    /// How the play went for a host.
    pub fn recap(&self, host: &str) -> Option<Recap> {
        let line = self.said.lines().rev().find(|line| {
            line.split_once(':').is_some_and(|(name, rest)| name.trim() == host && rest.contains("ok="))
        })?;
        let count = |word: &str| {
            let value = line.split(' ').find_map(|field| field.strip_prefix(word)?.strip_prefix('='));
            value.and_then(|value| value.parse().ok()).unwrap_or(0)
        };
        let bad = count("failed") + count("unreachable");
        Some(Recap { ok: count("ok"), changed: count("changed"), bad })
    }

    /// The commands that went over ssh, when it ran with `-vvv`.
    pub fn commands(&self) -> Vec<&str> {
        self.said.lines().filter(|line| line.contains("SSH: EXEC ssh")).collect()
    }
}

fn io_error(step: &'static str) -> impl Fn(io::Error) -> AnsibleError {
    move |source| AnsibleError::Io { step, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recap_of_a_host_is_read() {
        let said =
            "PLAY RECAP ***\nserver-1   : ok=3    changed=1    unreachable=0    failed=2    skipped=0\n";
        let run = Run { succeeded: false, said: said.to_owned() };
        assert_eq!(run.recap("server-1"), Some(Recap { ok: 3, changed: 1, bad: 2 }));
        assert_eq!(run.recap("server-2"), None);
    }
}
