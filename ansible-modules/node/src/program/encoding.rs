//! Base64, and the one field of a foreign file that is read.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Base64.
pub(crate) fn base64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

/// What Base64 stands for.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.trim()).ok()
}
