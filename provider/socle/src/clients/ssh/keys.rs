//! Keys: reading, making, showing.

use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{HashAlg, PrivateKey, PublicKey, decode_secret_key};

use super::super::secret::Secret;

/// Why a private key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeyError {
    /// It is protected by a passphrase.
    #[error(
        "the private key is encrypted with a passphrase. Load it into an SSH agent and set `agent = true`, or give a \
         key without a passphrase from a secret store"
    )]
    Encrypted,
    /// It is a public key.
    #[error("this is a public key; give the private one, the file without `.pub`")]
    Public,
    /// It is a file name.
    #[error("this is the name of a file; give its content: `file(\"…\")`")]
    FileName,
    /// It is nothing of the kind.
    #[error("the text is no private key in OpenSSH or PEM form (Ed25519, ECDSA or RSA)")]
    Unreadable,
}

/// Reads a private key. The error says nothing of its content.
pub(super) fn private_key(text: &Secret) -> Result<PrivateKey, KeyError> {
    let text = text.expose().trim();
    let key = decode_secret_key(text, None).map_err(|error| unreadable(text, &error))?;
    if key.is_encrypted() { Err(KeyError::Encrypted) } else { Ok(key) }
}

fn unreadable(text: &str, error: &russh::keys::Error) -> KeyError {
    use russh::keys::Error;
    let encrypted = matches!(error, Error::KeyIsEncrypted) || text.contains("ENCRYPTED");
    if encrypted {
        KeyError::Encrypted
    } else if PublicKey::from_openssh(text).is_ok() {
        KeyError::Public
    } else if !text.is_empty()
        && text.lines().count() == 1
        && !text.contains(' ')
        && text.contains(['/', '~'])
    {
        KeyError::FileName
    } else {
        KeyError::Unreadable
    }
}

/// A new Ed25519 key that exists in memory alone.
pub(super) fn generate() -> PrivateKey {
    let mut seed = zeroize::Zeroizing::new([0; 32]);
    // aws-lc-rs ends the process rather than give predictable numbers.
    let filled = rustls::crypto::aws_lc_rs::default_provider().secure_random.fill(seed.as_mut());
    assert!(filled.is_ok(), "the system gives random numbers");
    PrivateKey::from(Ed25519Keypair::from_seed(&seed))
}

/// As `ssh-keygen -l` shows it: `SHA256:…`.
pub(super) fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

/// As it is written in a configuration: type and base64 text, no comment.
pub(super) fn line(key: &PublicKey) -> String {
    let text = key.to_openssh().unwrap_or_default();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// A key as OpenSSH makes it.
    fn made_by_openssh(arguments: &[&str]) -> Secret {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("key");
        let mut keygen = Command::new("ssh-keygen");
        let made = keygen.args(["-q", "-f"]).arg(&file).args(arguments).output().expect("ssh-keygen runs");
        assert!(made.status.success(), "{made:?}");
        Secret::new(std::fs::read_to_string(&file).expect("the key"))
    }

    #[test]
    fn keys_of_openssh_are_read() {
        let kinds: [&[&str]; 4] = [
            &["-t", "ed25519", "-N", ""],
            &["-t", "ecdsa", "-N", ""],
            &["-t", "rsa", "-b", "2048", "-N", ""],
            &["-t", "rsa", "-b", "2048", "-m", "PEM", "-N", ""],
        ];
        for kind in kinds {
            assert!(private_key(&made_by_openssh(kind)).is_ok(), "{kind:?}");
        }
    }

    #[test]
    fn what_is_no_usable_key_is_told_apart() {
        let encrypted = made_by_openssh(&["-t", "ed25519", "-N", "a passphrase"]);
        assert_eq!(private_key(&encrypted).unwrap_err(), KeyError::Encrypted);
        let public = Secret::new(line(generate().public_key()));
        assert_eq!(private_key(&public).unwrap_err(), KeyError::Public);
        assert_eq!(private_key(&Secret::new("~/.ssh/id_ed25519")).unwrap_err(), KeyError::FileName);
        assert_eq!(private_key(&Secret::new("")).unwrap_err(), KeyError::Unreadable);
    }

    #[test]
    fn a_generated_key_is_a_new_one_each_time() {
        assert_ne!(line(generate().public_key()), line(generate().public_key()));
    }
}
