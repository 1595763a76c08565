//! SHA-256, as people and programs compare it.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// The SHA-256 of bytes: 64 hexadecimal digits, in lower case.
pub fn fingerprint(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// Bytes in hexadecimal digits, in lower case.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
