//! Programs of this workspace for the running test: built by cargo, in the test's own profile and target folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::{env, io};

/// Every program of this workspace.
#[derive(Debug)]
pub struct Artifacts {
    folder: PathBuf,
}

/// Why there is no program to test.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactsError {
    /// This program is not where cargo puts its tests.
    #[error("{} is not in a folder of cargo's; set SOCLE_PROGRAMS to the folder of the built programs", .0.display())]
    NotUnderCargo(PathBuf),
    /// Cargo, or this very program, cannot be used.
    #[error("cannot {step}: {source}")]
    Start {
        /// What was attempted.
        step: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// Something does not compile.
    #[error("the programs of this workspace do not build:\n{0}")]
    Build(String),
    /// There is no program of that name.
    #[error("there is no {}", .0.display())]
    Missing(PathBuf),
}

impl Artifacts {
    /// The programs that are in the folder `$SOCLE_PROGRAMS`, else those that cargo builds from this workspace, once per
    /// process, in the profile and the target folder of the running test.
    pub fn built() -> Result<&'static Self, ArtifactsError> {
        static BUILT: OnceLock<Artifacts> = OnceLock::new();
        if let Some(built) = BUILT.get() {
            return Ok(built);
        }
        let folder = match env::var_os("SOCLE_PROGRAMS") {
            Some(folder) => folder.into(),
            None => build()?,
        };
        Ok(BUILT.get_or_init(|| Self { folder }))
    }

    /// The program of that name.
    pub fn program(&self, name: &str) -> Result<PathBuf, ArtifactsError> {
        let program = self.folder.join(name);
        if program.is_file() { Ok(program) } else { Err(ArtifactsError::Missing(program)) }
    }
}

/// All programs at once, and a test: a package by itself, or without what tests need, would want other features of the same
/// dependencies, and all of those would be compiled again.
fn build() -> Result<PathBuf, ArtifactsError> {
    let folder = folder_of_this_test()?;
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--workspace", "--bins", "--test", "terraform_driver"]);
    cargo.arg("--target-dir").arg(folder.parent().unwrap_or(&folder));
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    let built = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let Output { status, stderr, .. } = built.map_err(start("run cargo"))?;
    if !status.success() {
        return Err(ArtifactsError::Build(String::from_utf8_lossy(&stderr).into_owned()));
    }
    Ok(folder)
}

/// `target/debug` of `target/debug/deps/NAME-HASH`.
fn folder_of_this_test() -> Result<PathBuf, ArtifactsError> {
    let test = env::current_exe().map_err(start("find this test"))?;
    let deps = test.parent().filter(|folder| folder.ends_with("deps"));
    let folder = deps.and_then(Path::parent).map(Path::to_owned);
    folder.ok_or(ArtifactsError::NotUnderCargo(test))
}

fn start(step: &'static str) -> impl Fn(io::Error) -> ArtifactsError {
    move |source| ArtifactsError::Start { step, source }
}
