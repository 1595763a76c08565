//! The files of a Vault, all in one folder that only its owner may enter.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use crate::state::StateError;

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
/// A line for every request and every answer.
pub(super) const AUDIT: &str = "audit.log";
/// The folder of what Vault stores.
pub(super) const STORAGE: &str = "storage";

/// The folder of a Vault.
#[derive(Debug, Clone)]
pub(super) struct Files(pub(super) PathBuf);

impl Files {
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(super) fn read(&self, name: &str) -> Result<String, StateError> {
        let path = self.path(name);
        fs::read_to_string(&path).map_err(StateError::at("read", &path))
    }

    /// Makes the folder and the one in it.
    pub(super) fn make(&self) -> Result<(), StateError> {
        let path = self.path(STORAGE);
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&path);
        made.map_err(StateError::at("make the folder", &path))
    }

    /// Removes the folder and all in it.
    pub(super) fn remove(&self) -> Result<(), StateError> {
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StateError::at("remove", &self.0)(error))
            }
            _ => Ok(()),
        }
    }
}
