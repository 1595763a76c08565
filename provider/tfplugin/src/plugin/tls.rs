//! The certificates of both sides.
//!
//! Each side makes a certificate for this one run and trusts exactly the other's. The check of the
//! client is ours rather than a chain of trust: a chain would also let in whatever that certificate
//! signed, for go-plugin's is a certificate authority.

use std::sync::Arc;

use rcgen::{CertifiedKey, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{self, CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};

/// Why the connection cannot be secured.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// `PLUGIN_CLIENT_CERT` holds no certificate.
    #[error("PLUGIN_CLIENT_CERT is not a certificate in PEM: {0}; unset it for a connection without TLS")]
    ClientCertificate(pem::Error),
    /// No certificate could be made.
    #[error("cannot make a certificate: {0}")]
    OwnCertificate(#[from] rcgen::Error),
    /// The certificates do not make a configuration.
    #[error("cannot configure TLS: {0}")]
    Configuration(#[from] rustls::Error),
}

/// What the server needs for TLS.
#[derive(Debug)]
pub(super) struct ServerTls {
    /// Shows our certificate, and takes the expected client only.
    pub(super) config: Arc<ServerConfig>,
    /// Our certificate in DER, for the greeting.
    pub(super) certificate: CertificateDer<'static>,
}

impl ServerTls {
    /// Makes a certificate, and pins the client's, given in PEM.
    pub(super) fn expecting(client: &str) -> Result<Self, TlsError> {
        let client =
            CertificateDer::from_pem_slice(client.as_bytes()).map_err(TlsError::ClientCertificate)?;
        let CertifiedKey { cert, signing_key } = self_signed()?;
        let certificate = cert.der().clone();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der())
            .map_err(|reason| rustls::Error::General(reason.to_owned()))?;
        let crypto = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&crypto))
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(Arc::new(PinnedClient { certificate: client, crypto }))
            .with_single_cert(vec![certificate.clone()], key)?;
        // gRPC clients refuse a TLS connection that did not agree on HTTP/2.
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self { config: Arc::new(config), certificate })
    }
}

/// A certificate for `localhost`, the name that go-plugin's client asks for.
fn self_signed() -> Result<CertifiedKey<KeyPair>, rcgen::Error> {
    let signing_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let cert = rcgen::CertificateParams::new(["localhost".to_owned()])?.self_signed(&signing_key)?;
    Ok(CertifiedKey { cert, signing_key })
}

/// Takes one certificate, byte for byte, and its owner's signature.
#[derive(Debug)]
struct PinnedClient {
    certificate: CertificateDer<'static>,
    crypto: Arc<CryptoProvider>,
}

impl ClientCertVerifier for PinnedClient {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        if *end_entity == self.certificate {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.crypto.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.crypto.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.crypto.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pinned() -> (PinnedClient, CertificateDer<'static>) {
        let certificate = self_signed().expect("a certificate").cert.der().clone();
        let crypto = Arc::new(aws_lc_rs::default_provider());
        (PinnedClient { certificate: certificate.clone(), crypto }, certificate)
    }

    #[test]
    fn takes_the_pinned_certificate_only() {
        let (verifier, certificate) = pinned();
        let (_, other) = pinned();
        let verify = |shown| verifier.verify_client_cert(shown, &[], UnixTime::now());
        assert!(verify(&certificate).is_ok());
        assert_eq!(
            verify(&other).err(),
            Some(rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        );
    }

    #[test]
    fn verifies_signatures_on_the_curve_that_go_plugin_uses() {
        let schemes = pinned().0.supported_verify_schemes();
        assert!(schemes.contains(&SignatureScheme::ECDSA_NISTP521_SHA512), "{schemes:?}");
    }

    #[test]
    fn makes_a_new_certificate_each_time() {
        let client = self_signed().expect("a certificate").cert.pem();
        let own = || ServerTls::expecting(&client).expect("TLS").certificate;
        assert_ne!(own(), own());
    }

    #[test]
    fn refuses_what_is_no_certificate() {
        for client in ["", "hello", "-----BEGIN CERTIFICATE-----\n"] {
            let error = ServerTls::expecting(client).expect_err(client);
            assert!(matches!(error, TlsError::ClientCertificate(_)), "{error}");
        }
    }

    #[test]
    fn insists_on_http2() {
        let client = self_signed().expect("a certificate").cert.pem();
        assert_eq!(ServerTls::expecting(&client).expect("TLS").config.alpn_protocols, [b"h2"]);
    }
}
