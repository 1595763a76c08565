//! The files of a Vault, all in one folder that only its owner may enter.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::VaultError;

/// What clients trust, as PEM.
pub(super) const AUTHORITY: &str = "authority.pem";
/// The server's certificate, as PEM.
pub(super) const CERTIFICATE: &str = "server.pem";
/// The server's private key, as PEM.
pub(super) const PRIVATE_KEY: &str = "server-key.pem";
/// The private key by which the tokens of jobs are signed, as PEM.
pub(super) const TOKEN_KEY: &str = "token-key.pem";
/// The server's configuration.
pub(super) const CONFIGURATION: &str = "configuration.json";
/// The addresses, written after all that is made for them.
pub(super) const LISTEN: &str = "listen.json";
/// The unseal key and the root token, written when all is set up.
pub(super) const KEYS: &str = "keys.json";
/// The folder of what Vault stores.
pub(super) const STORAGE: &str = "storage";
/// A line for every request and every answer.
pub(super) const AUDIT: &str = "audit.log";

/// The folder of a Vault.
#[derive(Debug, Clone)]
pub(super) struct Files {
    folder: PathBuf,
}

impl Files {
    pub(super) fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Makes the folder and those in it.
    pub(super) fn make(&self) -> Result<(), VaultError> {
        let path = self.path(STORAGE);
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&path);
        made.map_err(at("make the folder", &path))
    }

    /// Removes the folder and all in it.
    pub(super) fn remove(&self) -> Result<(), VaultError> {
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at("remove", &self.folder)(error)),
            _ => Ok(()),
        }
    }

    pub(super) fn read(&self, name: &str) -> Result<String, VaultError> {
        let path = self.path(name);
        fs::read_to_string(&path).map_err(at("read", &path))
    }

    /// The content of a JSON file, if there is one.
    pub(super) fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, VaultError> {
        let path = self.path(name);
        match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(at("read", &path)(error)),
            Ok(text) => {
                serde_json::from_str(&text).map(Some).map_err(|source| VaultError::Json { path, source })
            }
        }
    }

    /// Writes a file, the whole of it or nothing.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), VaultError> {
        let (path, partial) = (self.path(name), self.path("partial"));
        fs::write(&partial, text).map_err(at("write", &partial))?;
        fs::rename(&partial, &path).map_err(at("rename into place", &path))
    }

    pub(super) fn write_json(&self, name: &str, content: &impl Serialize) -> Result<(), VaultError> {
        let text = serde_json::to_string_pretty(content)
            .map_err(|source| VaultError::Json { path: self.path(name), source })?;
        self.write(name, &text)
    }
}

pub(super) fn at(step: &'static str, path: &Path) -> impl FnOnce(io::Error) -> VaultError {
    move |source| VaultError::File { step, path: path.to_owned(), source }
}
