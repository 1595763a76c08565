//! The examples that the pages show.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// The files of the folder `examples`, as the registry has them: `provider/provider.tf`,
/// `resources/<type>/{resource.tf,import.sh,import-by-string-id.tf,import-by-identity.tf}`,
/// `data-sources/<type>/data-source.tf`, `ephemeral-resources/<type>/ephemeral-resource.tf`,
/// `functions/<name>/function.tf`. `<type>` has the provider's prefix; other folders are ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Examples(BTreeMap<String, String>);

/// A folder of examples that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the example {path}: {error}")]
pub struct ReadError {
    /// The file or folder.
    pub path: PathBuf,
    /// Why not.
    #[source]
    pub error: io::Error,
}

/// The folders that belong to pages; what else a repository shows under `examples` is its own business.
const FOLDERS: [&str; 5] = ["provider", "resources", "data-sources", "ephemeral-resources", "functions"];

impl Examples {
    /// Reads them.
    ///
    /// # Errors
    /// When a file is not text, or cannot be opened. A folder that does not exist has no examples.
    pub fn read(folder: &Path) -> Result<Self, ReadError> {
        let mut examples = Self::default();
        for below in FOLDERS {
            examples.read_folder(&folder.join(below), below)?;
        }
        Ok(examples)
    }

    fn read_folder(&mut self, folder: &Path, name: &str) -> Result<(), ReadError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            |error| ReadError { path, error }
        };
        let entries = match std::fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(failed(folder))?,
        };
        for entry in entries {
            let path = entry.map_err(failed(folder))?.path();
            let name = format!("{name}/{}", path.file_name().unwrap_or_default().display());
            if path.is_dir() {
                self.read_folder(&path, &name)?;
            } else {
                self.0.insert(name, std::fs::read_to_string(&path).map_err(failed(&path))?);
            }
        }
        Ok(())
    }

    /// The text of one file.
    pub(super) fn get(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// The folders that hold a file, each once.
    pub(super) fn folders(&self) -> impl Iterator<Item = &str> {
        let mut folders: Vec<_> = self.0.keys().filter_map(|path| Some(path.rsplit_once('/')?.0)).collect();
        folders.dedup();
        folders.into_iter()
    }
}

impl<P: Into<String>, T: Into<String>, const N: usize> From<[(P, T); N]> for Examples {
    fn from(files: [(P, T); N]) -> Self {
        Self(files.into_iter().map(|(path, text)| (path.into(), text.into())).collect())
    }
}
