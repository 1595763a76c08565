//! A certificate authority that signs one certificate and forgets its key.

use std::net::IpAddr;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

/// A server's certificate, and what its clients trust. All are PEM.
#[derive(Debug)]
pub struct ServerCertificate {
    /// The authority's certificate.
    pub authority: String,
    /// The server's certificate.
    pub certificate: String,
    /// The server's private key.
    pub private_key: String,
}

/// A certificate for a server at `address`, which may also be called `localhost`.
pub fn certify(address: IpAddr) -> Result<ServerCertificate, rcgen::Error> {
    let key = KeyPair::generate()?;
    let authority = authority()?;
    let authority_key = KeyPair::generate()?;
    let authority_certificate = authority.self_signed(&authority_key)?;
    let mut server = CertificateParams::new(["localhost".to_owned()])?;
    server.subject_alt_names.push(SanType::IpAddress(address));
    server.distinguished_name.push(DnType::CommonName, "Vault of a sandbox");
    server.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    let certificate = server.signed_by(&key, &Issuer::from_params(&authority, authority_key))?;
    Ok(ServerCertificate {
        authority: authority_certificate.pem(),
        certificate: certificate.pem(),
        private_key: key.serialize_pem(),
    })
}

fn authority() -> Result<CertificateParams, rcgen::Error> {
    let mut authority = CertificateParams::new([])?;
    authority.distinguished_name.push(DnType::CommonName, "Authority of a sandbox's Vault");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages.push(KeyUsagePurpose::KeyCertSign);
    Ok(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_authority_has_a_key_of_its_own() {
        let address = "10.89.0.1".parse().unwrap();
        let [one, other] = [certify(address).unwrap(), certify(address).unwrap()];
        assert_ne!(one.authority, other.authority);
        assert_ne!(one.private_key, other.private_key);
    }
}
