//! Whether a host is the one it should be: a pure decision on the key or certificate that it showed.

use russh::keys::ssh_key::certificate::CertType;
use russh::keys::{Certificate, HashAlg, PublicKey, PublicKeyOrCertificate};

use super::host::{FirstContact, Host};
use super::keys::{fingerprint, line};
use super::known_hosts::{KnownHosts, Role};

/// What the decision rests on.
#[derive(Clone, Debug)]
pub(super) struct Trust {
    host: Host,
    pinned: Option<PublicKey>,
    known: KnownHosts,
}

/// Why a host was not trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Distrust {
    /// Another key than the known ones.
    Differs { expected: Vec<String>, offered: String },
    /// Nothing is known of the host.
    Unknown { offered: String, key: String },
    /// The key is marked `@revoked`.
    Revoked { offered: String },
}

impl Trust {
    pub(super) fn new(host: &Host, known: &KnownHosts) -> Self {
        let pinned = host.host_key.as_deref().and_then(|key| PublicKey::from_openssh(key.trim()).ok());
        Self { host: host.clone(), pinned, known: known.clone() }
    }

    /// The keys that it may show, a pinned one above all others.
    pub(super) fn expected(&self) -> Vec<PublicKey> {
        match &self.pinned {
            Some(key) => vec![key.clone()],
            None => self.known.keys(&self.host.known_as(), Role::Host).cloned().collect(),
        }
    }

    /// Whether a certificate could be judged at all.
    pub(super) fn takes_certificates(&self) -> bool {
        self.pinned.is_none() && self.known.keys(&self.host.known_as(), Role::Authority).next().is_some()
    }

    /// Decides. `now` counts seconds from 1970.
    pub(super) fn judge(&self, offered: &PublicKeyOrCertificate, now: u64) -> Result<(), Distrust> {
        let key = offered.public_key();
        if self.is_revoked(&key) {
            return Err(Distrust::Revoked { offered: fingerprint(&key) });
        }
        if offered.certificate().is_some_and(|certificate| self.vouched_for(certificate, now)) {
            return Ok(());
        }
        let expected = self.expected();
        if expected.iter().any(|known| known.key_data() == key.key_data()) {
            return Ok(());
        }
        if !expected.is_empty() {
            let expected = expected.iter().map(fingerprint).collect();
            return Err(Distrust::Differs { expected, offered: fingerprint(&key) });
        }
        match self.host.first_contact {
            FirstContact::Accept => Ok(()),
            FirstContact::Refuse => Err(Distrust::Unknown { offered: fingerprint(&key), key: line(&key) }),
        }
    }

    fn is_revoked(&self, key: &PublicKey) -> bool {
        self.known
            .keys(&self.host.known_as(), Role::Revoked)
            .any(|revoked| revoked.key_data() == key.key_data())
    }

    /// Whether a known authority says that this host, now, has this key. A host's certificate has no critical options
    /// that we could know, so one with any is refused (PROTOCOL.certkeys).
    fn vouched_for(&self, certificate: &Certificate, now: u64) -> bool {
        if self.pinned.is_some() || certificate.cert_type() != CertType::Host {
            return false;
        }
        let name = self.host.known_as();
        let revoked = |key: &PublicKey| self.is_revoked(key);
        let authorities = self.known.keys(&name, Role::Authority).filter(|key| !revoked(key));
        let authorities: Vec<_> = authorities.map(|key| key.fingerprint(HashAlg::Sha256)).collect();
        let address = self.host.address.to_ascii_lowercase();
        let names = certificate.valid_principals();
        names.iter().any(|name| name.to_ascii_lowercase() == address)
            && certificate.critical_options().is_empty()
            && certificate.validate_at(now, &authorities).is_ok()
    }
}

#[cfg(test)]
mod tests;
