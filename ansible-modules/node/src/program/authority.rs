//! The cluster's authority, where its key is: it signs client certificates that do not last.

use rcgen::{KeyPair, SigningKey};
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, X509Certificate};
use yasna::models::{ObjectIdentifier, UTCTime};
use yasna::{DERWriter, Tag};

use crate::encoding::{base64, from_base64};
use crate::failure::Failure;
use crate::files;

/// The authority's certificate.
pub(crate) const CERTIFICATE: &str = "/etc/kubernetes/pki/ca.crt";
/// Its key.
pub(crate) const KEY: &str = "/etc/kubernetes/pki/ca.key";

/// An authority that can sign.
pub(crate) struct Authority {
    /// Its certificate, as PEM.
    pub(crate) pem: String,
    key: KeyPair,
}

/// What is signed.
pub(crate) struct Subject<'s> {
    pub(crate) user: &'s str,
    pub(crate) groups: &'s [String],
    /// The public key: a `SubjectPublicKeyInfo`, in DER.
    pub(crate) public_key: &'s [u8],
    pub(crate) not_before: OffsetDateTime,
    pub(crate) not_after: OffsetDateTime,
}

fn wrong(what: &str, detail: impl std::fmt::Display) -> Failure {
    Failure::Certificate { what: what.to_owned(), detail: detail.to_string() }
}

impl Authority {
    /// The authority of this host.
    pub(crate) fn open() -> Result<Self, Failure> {
        Self::new(files::require(CERTIFICATE)?, &files::require(KEY)?)
    }

    fn new(pem: String, key: &str) -> Result<Self, Failure> {
        Ok(Self { pem, key: KeyPair::from_pem(key).map_err(|error| wrong(KEY, error))? })
    }

    /// Signs a client certificate; as PEM.
    pub(crate) fn sign(&self, subject: &Subject<'_>) -> Result<String, Failure> {
        let own = der_of(&self.pem).ok_or_else(|| wrong(CERTIFICATE, "not PEM"))?;
        let (_, own) = X509Certificate::from_der(&own).map_err(|error| wrong(CERTIFICATE, error))?;
        let serial = files::chance::<16>()?;
        let algorithm = self.algorithm()?;
        let body = yasna::construct_der(|writer| write_body(writer, &own, subject, &serial, algorithm));
        let signature = self.key.sign(&body).map_err(|error| wrong(KEY, error))?;
        let signed = yasna::construct_der(|writer| {
            writer.write_sequence(|writer| {
                writer.next().write_der(&body);
                write_algorithm(writer.next(), algorithm);
                writer.next().write_bitvec_bytes(&signature, signature.len() * 8);
            });
        });
        Ok(pem("CERTIFICATE", &signed))
    }

    fn algorithm(&self) -> Result<&'static [u64], Failure> {
        let algorithms = [
            (&rcgen::PKCS_ECDSA_P256_SHA256, ECDSA_SHA256),
            (&rcgen::PKCS_ECDSA_P384_SHA384, ECDSA_SHA384),
            (&rcgen::PKCS_RSA_SHA256, RSA_SHA256),
        ];
        let known = algorithms.iter().find(|(algorithm, _)| self.key.is_compatible(algorithm));
        known.map(|(_, identifier)| *identifier).ok_or_else(|| wrong(KEY, "neither ECDSA nor RSA"))
    }
}

/// `ecdsa-with-SHA256` (RFC 5758).
const ECDSA_SHA256: &[u64] = &[1, 2, 840, 10045, 4, 3, 2];
/// `ecdsa-with-SHA384` (RFC 5758).
const ECDSA_SHA384: &[u64] = &[1, 2, 840, 10045, 4, 3, 3];
/// `sha256WithRSAEncryption` (RFC 8017).
const RSA_SHA256: &[u64] = &[1, 2, 840, 113_549, 1, 1, 11];
const COMMON_NAME: &[u64] = &[2, 5, 4, 3];
const ORGANIZATION: &[u64] = &[2, 5, 4, 10];
const KEY_USAGE: &[u64] = &[2, 5, 29, 15];
const EXTENDED_KEY_USAGE: &[u64] = &[2, 5, 29, 37];
const BASIC_CONSTRAINTS: &[u64] = &[2, 5, 29, 19];
const CLIENT_AUTHENTICATION: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 2];

/// A `TBSCertificate` (RFC 5280, section 4.1). rcgen knows one organization a subject, and a user may have many groups.
fn write_body(
    writer: DERWriter<'_>,
    own: &X509Certificate<'_>,
    subject: &Subject<'_>,
    serial: &[u8],
    algorithm: &[u64],
) {
    writer.write_sequence(|writer| {
        writer.next().write_tagged(Tag::context(0), |writer| writer.write_u8(2));
        writer.next().write_bigint_bytes(serial, true);
        write_algorithm(writer.next(), algorithm);
        writer.next().write_der(own.subject().as_raw());
        writer.next().write_sequence(|writer| {
            writer.next().write_utctime(&whole_seconds(subject.not_before));
            writer.next().write_utctime(&whole_seconds(subject.not_after));
        });
        writer.next().write_sequence(|writer| {
            for group in subject.groups {
                write_name(writer.next(), ORGANIZATION, group);
            }
            write_name(writer.next(), COMMON_NAME, subject.user);
        });
        writer.next().write_der(subject.public_key);
        writer.next().write_tagged(Tag::context(3), |writer| writer.write_sequence(write_extensions));
    });
}

/// A certificate knows no parts of a second.
fn whole_seconds(time: OffsetDateTime) -> UTCTime {
    UTCTime::from_datetime(time - ::time::Duration::nanoseconds(time.nanosecond().into()))
}

fn write_extensions(writer: &mut yasna::DERWriterSeq<'_>) {
    // digitalSignature alone: the first of the bits.
    write_extension(writer.next(), KEY_USAGE, |writer| writer.write_bitvec_bytes(&[0x80], 1));
    write_extension(writer.next(), BASIC_CONSTRAINTS, |writer| writer.write_sequence(|_| {}));
    write_extension(writer.next(), EXTENDED_KEY_USAGE, |writer| {
        writer.write_sequence(|writer| writer.next().write_oid(&oid(CLIENT_AUTHENTICATION)));
    });
}

fn write_extension(writer: DERWriter<'_>, identifier: &[u64], value: impl FnOnce(DERWriter<'_>)) {
    writer.write_sequence(|writer| {
        writer.next().write_oid(&oid(identifier));
        writer.next().write_bool(true);
        writer.next().write_bytes(&yasna::construct_der(value));
    });
}

fn write_name(writer: DERWriter<'_>, attribute: &[u64], value: &str) {
    writer.write_set(|writer| {
        writer.next().write_sequence(|writer| {
            writer.next().write_oid(&oid(attribute));
            writer.next().write_utf8_string(value);
        });
    });
}

fn write_algorithm(writer: DERWriter<'_>, algorithm: &[u64]) {
    writer.write_sequence(|writer| {
        writer.next().write_oid(&oid(algorithm));
        if algorithm == RSA_SHA256 {
            writer.next().write_null();
        }
    });
}

fn oid(parts: &[u64]) -> ObjectIdentifier {
    ObjectIdentifier::from_slice(parts)
}

/// DER as PEM (RFC 7468).
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let text = base64(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// The DER of the first block of a PEM text.
pub(crate) fn der_of(pem: &str) -> Option<Vec<u8>> {
    let (_, after) = pem.split_once("-----BEGIN ")?;
    let (_, after) = after.split_once("-----")?;
    let (body, _) = after.split_once("-----END")?;
    from_base64(&body.split_whitespace().collect::<String>())
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, PublicKeyData};
    use x509_parser::prelude::*;

    use super::*;

    fn authority() -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = parameters.self_signed(&key).unwrap().pem();
        Authority::new(pem, &key.serialize_pem()).unwrap()
    }

    fn signed(authority: &Authority, groups: &[&str]) -> Vec<u8> {
        let key = KeyPair::generate().unwrap();
        let groups: Vec<_> = groups.iter().map(|group| (*group).to_owned()).collect();
        let begin = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
        let not_before = begin + ::time::Duration::milliseconds(300);
        let subject = Subject {
            user: "deploy",
            groups: &groups,
            public_key: &key.subject_public_key_info(),
            not_before,
            not_after: not_before + ::time::Duration::hours(4),
        };
        der_of(&authority.sign(&subject).unwrap()).unwrap()
    }

    #[test]
    fn a_certificate_names_its_user_and_all_groups_and_ends_when_it_should() {
        let der = signed(&authority(), &["kubeadm:cluster-admins", "ops"]);
        let (_, found) = X509Certificate::from_der(&der).unwrap();
        assert_eq!(found.subject().to_string(), "O=kubeadm:cluster-admins, O=ops, CN=deploy");
        assert_eq!(found.validity().not_before.timestamp(), 1_800_000_000);
        assert_eq!(found.validity().not_after.timestamp(), 1_800_000_000 + 4 * 3600);
        assert!(!found.is_ca());
        let usage = found.extended_key_usage().unwrap().unwrap().value;
        assert!(usage.client_auth && !usage.server_auth);
    }

    #[test]
    fn the_authority_itself_vouches_for_it() {
        let authority = authority();
        let (der, own) = (signed(&authority, &["ops"]), der_of(&authority.pem).unwrap());
        let (_, own) = X509Certificate::from_der(&own).unwrap();
        let (_, found) = X509Certificate::from_der(&der).unwrap();
        assert_eq!(found.issuer(), own.subject());
        let roots = rustls::RootCertStore { roots: vec![webpki_anchor(&authority.pem)] };
        let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
            std::sync::Arc::new(roots),
            std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider()),
        );
        let verifier = verifier.build().unwrap();
        let now =
            rustls::pki_types::UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_800_000_100));
        let outcome = verifier.verify_client_cert(&der.as_slice().into(), &[], now);
        assert!(outcome.is_ok(), "{outcome:?}");
    }

    fn webpki_anchor(pem: &str) -> rustls::pki_types::TrustAnchor<'static> {
        let mut store = rustls::RootCertStore::empty();
        store.add(der_of(pem).unwrap().into()).unwrap();
        store.roots.remove(0)
    }
}
