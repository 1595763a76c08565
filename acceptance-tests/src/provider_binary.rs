//! The provider under test.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::artifacts::{Artifacts, ArtifactsError};

/// The name that Terraform looks for in the folder of a development override.
const NAME: &str = "terraform-provider-socle";

/// Where the provider's binary is.
#[derive(Debug, Clone)]
pub struct ProviderBinary {
    path: PathBuf,
}

/// Why there is no provider to test.
#[derive(Debug, thiserror::Error)]
#[error("{0}; SOCLE_PROVIDER names a provider that is built already")]
pub struct ProviderBinaryError(#[from] ArtifactsError);

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
        if let Some(path) = env::var_os("SOCLE_PROVIDER") {
            return Ok(Self { path: path.into() });
        }
        Ok(Self { path: Artifacts::built()?.program(NAME)? })
    }
}
