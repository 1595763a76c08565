//! Large files that are brought to a host, and checked there before they get their names.

use std::fs::File;
use std::path::Path;

use super::error::SshError;
use super::host::Host;
use super::session::{Command, Input};
use super::{Ssh, quoted};
use crate::clients::retry::Budget;

/// What root does with the file on standard input: it gets its name only when all of it arrived.
const STORE: &str = "set -eu; umask 077; d=${1%/*}; mkdir -p \"$d\"; t=$(mktemp \"$d/.upload.XXXXXXXX\"); \
                     trap 'rm -f \"$t\"' EXIT; cat >\"$t\"; h=$(sha256sum \"$t\"); \
                     if [ \"${h%% *}\" != \"$2\" ]; then echo 'what arrived is not what the checksum says' >&2; exit 1; fi; \
                     sync \"$t\"; mv -f -- \"$t\" \"$1\"";

impl Ssh {
    /// Brings a file to the path `place` on a host, where its SHA-256 (hexadecimal digits) is checked. The file is never in
    /// memory as a whole.
    ///
    /// # Errors
    /// Why it is not there.
    pub async fn store(
        &self,
        host: &Host,
        file: &Path,
        place: &str,
        sha256: &str,
        budget: &Budget,
    ) -> Result<(), SshError> {
        let line = format!("{}sh -c {} sh {} {sha256}", self.as_root(host), quoted(STORE), quoted(place));
        let step = format!("bring {}", file.display());
        let command = Command { step: &step, line: &line, stdin: &[] };
        let open = || {
            let unreadable = |error: std::io::Error| SshError::LocalFile {
                file: file.display().to_string(),
                cause: error.to_string(),
            };
            File::open(file).map(Input::File).map_err(unreadable)
        };
        let output = self.run_reading(host, command, open, budget).await?;
        self.succeeded(host, &step, output).map(drop)
    }
}
