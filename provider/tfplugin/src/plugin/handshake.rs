//! What Terraform and this process tell each other before the first call.
//!
//! Terraform speaks through the environment, the plugin answers with one line on its standard output.
//! Source: go-plugin 1.8, `client.go` and `server.go`.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// Proves that Terraform started the process; no secret, the same for every provider.
const COOKIE: (&str, &str) =
    ("TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2");

/// The version of Terraform's plugin protocol that this crate speaks.
pub(super) const PROTOCOL: u32 = 6;

/// Why there is nobody to serve.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The cookie is missing: a person started the program.
    #[error("this program is a plugin: it is not meant to be run by hand")]
    StartedByHand,
    /// Terraform speaks none of our protocol versions.
    #[error(
        "this provider speaks plugin protocol {PROTOCOL}, but its caller offers `{offered}`: use \
         Terraform 1.0, OpenTofu 1.6 or newer"
    )]
    NoCommonProtocol {
        /// `PLUGIN_PROTOCOL_VERSIONS` as the caller wrote it; empty when it is missing.
        offered: String,
    },
}

/// What Terraform said in the environment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Invitation {
    /// Where the socket shall be.
    pub(super) socket_parent: PathBuf,
    /// The certificate that Terraform will show, in PEM; none asks for a plaintext connection.
    pub(super) client_certificate: Option<String>,
}

impl Invitation {
    /// Reads the environment through `variable`.
    pub(super) fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, HandshakeError> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        if variable(COOKIE.0).as_deref() != Some(COOKIE.1) {
            return Err(HandshakeError::StartedByHand);
        }
        let offered = variable("PLUGIN_PROTOCOL_VERSIONS").unwrap_or_default();
        if !offered.split(',').any(|version| version.trim().parse() == Ok(PROTOCOL)) {
            return Err(HandshakeError::NoCommonProtocol { offered });
        }
        Ok(Self {
            socket_parent: variable("PLUGIN_UNIX_SOCKET_DIR").map_or_else(env::temp_dir, PathBuf::from),
            client_certificate: variable("PLUGIN_CLIENT_CERT"),
        })
    }
}

/// The answer: one line, `1|6|unix|/path|grpc|certificate`.
///
/// A greeting without a socket tells Terraform the protocol version only, and Terraform then says to
/// the user that the versions do not match. Without a line it could only say that the plugin failed.
#[derive(Debug, Default)]
pub(super) struct Greeting<'a> {
    /// Where the plugin listens.
    pub(super) socket: Option<&'a Path>,
    /// The certificate that it will show, in DER.
    pub(super) certificate: Option<&'a [u8]>,
}

impl fmt::Display for Greeting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let socket = self.socket.unwrap_or(Path::new("")).display();
        let certificate = self.certificate.map(|der| STANDARD_NO_PAD.encode(der)).unwrap_or_default();
        write!(f, "1|{PROTOCOL}|unix|{socket}|grpc|{certificate}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Invitation, HandshakeError> {
        Invitation::read(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn takes_what_terraform_says() {
        let invitation = read(&[
            COOKIE,
            ("PLUGIN_PROTOCOL_VERSIONS", "5,6"),
            ("PLUGIN_UNIX_SOCKET_DIR", "/run/plugins"),
            ("PLUGIN_CLIENT_CERT", "PEM"),
        ]);
        let expected =
            Invitation { socket_parent: "/run/plugins".into(), client_certificate: Some("PEM".to_owned()) };
        assert_eq!(invitation, Ok(expected));
    }

    #[test]
    fn empty_variables_count_as_missing() {
        let invitation = read(&[
            COOKIE,
            ("PLUGIN_PROTOCOL_VERSIONS", "6"),
            ("PLUGIN_UNIX_SOCKET_DIR", ""),
            ("PLUGIN_CLIENT_CERT", ""),
        ]);
        let expected = Invitation { socket_parent: env::temp_dir(), client_certificate: None };
        assert_eq!(invitation, Ok(expected));
    }

    #[test]
    fn missing_or_wrong_cookie_means_started_by_hand() {
        assert_eq!(read(&[]), Err(HandshakeError::StartedByHand));
        assert_eq!(
            read(&[(COOKIE.0, "d602"), ("PLUGIN_PROTOCOL_VERSIONS", "6")]),
            Err(HandshakeError::StartedByHand)
        );
    }

    #[test]
    fn refuses_a_caller_without_protocol_six() {
        for offered in ["", "5", "16,60", "six"] {
            let refusal = Err(HandshakeError::NoCommonProtocol { offered: offered.to_owned() });
            assert_eq!(read(&[COOKIE, ("PLUGIN_PROTOCOL_VERSIONS", offered)]), refusal);
        }
    }

    #[test]
    fn finds_protocol_six_among_others() {
        for offered in ["6", "6,5", "4,5, 6"] {
            assert!(read(&[COOKIE, ("PLUGIN_PROTOCOL_VERSIONS", offered)]).is_ok(), "{offered}");
        }
    }

    #[test]
    fn greeting_carries_socket_and_unpadded_certificate() {
        let greeting =
            Greeting { socket: Some(Path::new("/tmp/plugin/socket")), certificate: Some(&[0xff, 0xfe]) };
        assert_eq!(greeting.to_string(), "1|6|unix|/tmp/plugin/socket|grpc|//4");
    }

    #[test]
    fn greeting_without_certificate_keeps_its_place() {
        let greeting = Greeting { socket: Some(Path::new("/s")), certificate: None };
        assert_eq!(greeting.to_string(), "1|6|unix|/s|grpc|");
    }
}
