//! The provider under test.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::{env, io};

/// The name that Terraform looks for in the folder of a development override.
const NAME: &str = "terraform-provider-socle";

/// Where the provider's binary is.
#[derive(Debug, Clone)]
pub struct ProviderBinary {
    path: PathBuf,
}

/// Why there is no provider to test.
#[derive(Debug, thiserror::Error)]
pub enum ProviderBinaryError {
    /// This program is not where cargo puts its tests.
    #[error("{} is not in a folder of cargo's; set SOCLE_PROVIDER to the provider's binary", .0.display())]
    NotUnderCargo(PathBuf),
    /// Cargo, or this very program, cannot be used.
    #[error("cannot {step}: {source}")]
    Start {
        /// What was attempted.
        step: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// The provider does not compile.
    #[error("the provider does not build:\n{0}")]
    Build(String),
}

impl ProviderBinary {
    /// The binary that `$SOCLE_PROVIDER` names, else the one that cargo builds from this workspace, once per process,
    /// in the profile and the target folder of the running test.
    pub fn built() -> Result<&'static Self, &'static ProviderBinaryError> {
        static BUILT: OnceLock<Result<ProviderBinary, ProviderBinaryError>> = OnceLock::new();
        BUILT.get_or_init(Self::find).as_ref()
    }

    /// The binary itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder that a development override names.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    fn find() -> Result<Self, ProviderBinaryError> {
        match env::var_os("SOCLE_PROVIDER") {
            Some(path) => Ok(Self { path: path.into() }),
            None => Self::build(),
        }
    }

    fn build() -> Result<Self, ProviderBinaryError> {
        let artifacts = artifacts_of_this_test()?;
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo
            .args(["build", "--quiet", "-p", "socle", "--bin", NAME])
            .current_dir(env!("CARGO_MANIFEST_DIR"));
        cargo.arg("--target-dir").arg(artifacts.parent().unwrap_or(&artifacts));
        if artifacts.ends_with("release") {
            cargo.arg("--release");
        }
        let Output { status, stderr, .. } =
            cargo.output().map_err(|source| ProviderBinaryError::Start { step: "run cargo", source })?;
        if !status.success() {
            return Err(ProviderBinaryError::Build(String::from_utf8_lossy(&stderr).into_owned()));
        }
        Ok(Self { path: artifacts.join(NAME) })
    }
}

/// `target/debug` of a test that runs as `target/debug/deps/NAME-HASH`.
fn artifacts_of_this_test() -> Result<PathBuf, ProviderBinaryError> {
    let test =
        env::current_exe().map_err(|source| ProviderBinaryError::Start { step: "find this test", source })?;
    let artifacts =
        test.parent().filter(|folder| folder.ends_with("deps")).and_then(Path::parent).map(Path::to_owned);
    artifacts.ok_or(ProviderBinaryError::NotUnderCargo(test))
}
