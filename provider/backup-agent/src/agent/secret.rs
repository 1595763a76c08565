//! Reading secrets from where the configuration says they are.

use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::configuration::Secret;

/// The folder in which systemd puts a unit's credentials; the variable holds a path, never a secret.
pub const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// A secret, which no message shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Value(String);

/// Why a secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The unit has no credentials.
    #[error("credential {0}: {CREDENTIALS} is not set; give it by LoadCredential= of the unit, or as a file")]
    NoCredentials(String),
    /// The file cannot be read.
    #[error("{secret}: cannot read {}: {source}", path.display())]
    Read {
        /// Which secret.
        secret: String,
        /// Its file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// Others could read it.
    #[error("{}: mode {mode:04o} lets others read this secret; make it 0600", path.display())]
    Readable {
        /// Its file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// There is nothing in it.
    #[error("{0}: is empty")]
    Empty(String),
}

impl Value {
    /// The secret itself: for the one call that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(secret)")
    }
}

/// Reads a secret; `credentials` is the folder of the unit's credentials.
pub fn read(secret: &Secret, credentials: Option<&Path>) -> Result<Value, SecretError> {
    let (path, mode_matters) = match secret {
        // systemd guards that folder, and gives the files modes of its own.
        Secret::Credential(name) => {
            (credentials.ok_or_else(|| SecretError::NoCredentials(name.clone()))?.join(name), false)
        }
        Secret::File(path) => (path.clone(), true),
    };
    let text = read_file(&path, mode_matters).map_err(|cause| match cause {
        Cause::Io(source) => SecretError::Read { secret: secret.to_string(), path: path.clone(), source },
        Cause::Mode(mode) => SecretError::Readable { path: path.clone(), mode },
    })?;
    let text = text.strip_suffix('\n').map_or(&*text, |line| line.strip_suffix('\r').unwrap_or(line));
    if text.is_empty() {
        return Err(SecretError::Empty(secret.to_string()));
    }
    Ok(Value(text.to_owned()))
}

/// The folder of this process's credentials.
pub fn credentials() -> Option<PathBuf> {
    std::env::var_os(CREDENTIALS).map(PathBuf::from)
}

enum Cause {
    Io(std::io::Error),
    Mode(u32),
}

fn read_file(path: &Path, mode_matters: bool) -> Result<String, Cause> {
    // The mode is that of the opened file: the path could lead elsewhere a moment later.
    let mut file = File::open(path).map_err(Cause::Io)?;
    let mode = file.metadata().as_ref().map(fs::Metadata::mode).map_err(|_| Cause::Mode(0))? & 0o7777;
    if mode_matters && mode & 0o077 != 0 {
        return Err(Cause::Mode(mode));
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(Cause::Io)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn file(folder: &Path, content: &str, mode: u32) -> Secret {
        let path = folder.join("secret");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        Secret::File(path)
    }

    #[test]
    fn one_line_break_at_the_end_is_not_part_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let secret = file(folder.path(), "a b \n\n", 0o600);
        assert_eq!(read(&secret, None).unwrap().reveal(), "a b \n");
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let refusal = read(&file(folder.path(), "x", 0o640), None).unwrap_err().to_string();
        assert!(refusal.contains("mode 0640"), "{refusal}");
    }

    #[test]
    fn a_credential_is_taken_from_the_units_folder() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("password"), "x\n").unwrap();
        let secret = Secret::Credential("password".to_owned());
        assert_eq!(read(&secret, Some(folder.path())).unwrap().reveal(), "x");
        assert!(matches!(read(&secret, None), Err(SecretError::NoCredentials(_))));
    }

    #[test]
    fn no_message_shows_it() {
        assert_eq!(format!("{:?}", Value("hush".to_owned())), "(secret)");
    }
}
