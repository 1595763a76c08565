//! Key pairs of a sandbox, generated for it: of the administrator, and of each server.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::run;
use crate::state::{Claim, StateError, make_folder};

use super::ServerError;

/// An Ed25519 key pair in two files, as OpenSSH has them.
#[derive(Debug, Clone)]
pub struct KeyPair {
    path: PathBuf,
}

impl KeyPair {
    /// The pair of which the private half is in the file `path`.
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// The file of the private half.
    pub fn private(&self) -> &Path {
        &self.path
    }

    /// The public half, as in `ssh-ed25519 AAAA…`, without the comment.
    pub fn public(&self) -> Result<String, ServerError> {
        let path = self.public_file();
        let text = fs::read_to_string(&path).map_err(StateError::at("read", &path))?;
        Ok(text.split(' ').take(2).collect::<Vec<_>>().join(" "))
    }

    /// Generates the pair unless it is there, with a comment that tells people whose it is.
    pub fn ensure(&self, claim: &Claim, comment: &str) -> Result<(), ServerError> {
        // `ssh-keygen` writes the public half last: a private one without it is left over from an interruption.
        if self.public_file().exists() {
            return Ok(());
        }
        self.path.parent().map_or(Ok(()), make_folder)?;
        if self.path.exists() {
            fs::remove_file(&self.path).map_err(StateError::at("remove", &self.path))?;
        }
        let mut keygen = claim.command("ssh-keygen")?;
        run(keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f"]).arg(&self.path))?;
        Ok(())
    }

    fn public_file(&self) -> PathBuf {
        self.path.with_added_extension("pub")
    }
}
