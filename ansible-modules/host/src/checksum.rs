//! SHA-256, as `sha256sum` prints it: 64 hexadecimal digits, in lower case.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, ErrorKind, Read};

use sha2::{Digest, Sha256};

use crate::{Fault, Host};

/// How much of a file is read at once, in bytes.
const PART: usize = 1 << 18;

/// That of bytes.
pub fn of_bytes(bytes: &[u8]) -> String {
    digits(&Sha256::digest(bytes))
}

/// That of a file, read in parts; none when there is no such file.
pub fn of_file(host: &Host, path: &str) -> Result<Option<String>, Fault> {
    let place = host.path(path);
    match File::open(&place).and_then(of_reader) {
        Ok(sum) => Ok(Some(sum)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(Fault::file("read", &place)(error)),
    }
}

fn of_reader(mut file: File) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut part = vec![0; PART];
    loop {
        match file.read(&mut part)? {
            0 => return Ok(digits(&hasher.finalize())),
            count => hasher.update(&part[..count]),
        }
    }
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Root;

    #[test]
    fn a_file_has_the_sum_of_its_bytes() {
        let root = Root::with(&[("/a", "abc")]);
        // Source: FIPS 180-2, appendix B.1.
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of_bytes(b"abc"), known);
        assert_eq!(of_file(&root.host(), "/a").unwrap().as_deref(), Some(known));
        assert_eq!(of_file(&root.host(), "/b").unwrap(), None);
    }
}
