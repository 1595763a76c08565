use russh::keys::PrivateKey;
use russh::keys::ssh_key::certificate::Builder;

use super::super::keys::generate;
use super::*;

const NOW: u64 = 1_800_000_000;

fn host(host_key: Option<&PrivateKey>) -> Host {
    let host_key = host_key.map(|key| line(key.public_key()));
    Host { address: "a.example".to_owned(), port: 22, host_key, ..Host::default() }
}

fn shows(key: &PrivateKey) -> PublicKeyOrCertificate {
    key.public_key().clone().into()
}

fn judged(host: &Host, known: &str, offered: &PublicKeyOrCertificate) -> Result<(), Distrust> {
    Trust::new(host, &KnownHosts::parse(known)).judge(offered, NOW)
}

fn certificate(
    key: &PrivateKey,
    authority: &PrivateKey,
    name: &str,
    kind: CertType,
) -> PublicKeyOrCertificate {
    let nonce = [7; 16].to_vec();
    let data = key.public_key().key_data().clone();
    let mut builder = Builder::new(nonce, data, NOW - 60, NOW + 60).expect("a period");
    builder.cert_type(kind).expect("a kind").valid_principal(name).expect("a name");
    builder.sign(authority).expect("signed").into()
}

#[test]
fn the_pinned_key_is_the_only_one_whatever_known_hosts_says() {
    let [pinned, other] = [generate(), generate()];
    let known = format!("a.example {}\n", line(other.public_key()));
    assert_eq!(judged(&host(Some(&pinned)), &known, &shows(&pinned)), Ok(()));
    let distrust = judged(&host(Some(&pinned)), &known, &shows(&other)).unwrap_err();
    let expected = vec![fingerprint(pinned.public_key())];
    assert_eq!(distrust, Distrust::Differs { expected, offered: fingerprint(other.public_key()) });
}

#[test]
fn a_key_of_known_hosts_is_trusted_and_another_differs() {
    let [known, other] = [generate(), generate()];
    let text = format!("a.example {}\n", line(known.public_key()));
    assert_eq!(judged(&host(None), &text, &shows(&known)), Ok(()));
    assert!(matches!(judged(&host(None), &text, &shows(&other)), Err(Distrust::Differs { .. })));
}

#[test]
fn a_stranger_is_refused_unless_it_is_the_first_contact() {
    let stranger = generate();
    assert!(matches!(judged(&host(None), "", &shows(&stranger)), Err(Distrust::Unknown { .. })));
    let first = Host { first_contact: FirstContact::Accept, ..host(None) };
    assert_eq!(judged(&first, "", &shows(&stranger)), Ok(()));
}

#[test]
fn first_contact_excuses_no_key_that_differs() {
    let [known, other] = [generate(), generate()];
    let text = format!("a.example {}\n", line(known.public_key()));
    let first = Host { first_contact: FirstContact::Accept, ..host(None) };
    assert!(matches!(judged(&first, &text, &shows(&other)), Err(Distrust::Differs { .. })));
}

#[test]
fn a_revoked_key_is_refused_even_when_pinned() {
    let key = generate();
    let text = format!("@revoked * {}\n", line(key.public_key()));
    assert!(matches!(judged(&host(Some(&key)), &text, &shows(&key)), Err(Distrust::Revoked { .. })));
}

#[test]
fn a_certificate_counts_for_its_own_host_while_it_is_valid() {
    let [key, authority] = [generate(), generate()];
    let text = format!("@cert-authority *.example {}\n", line(authority.public_key()));
    let good = certificate(&key, &authority, "a.example", CertType::Host);
    assert_eq!(judged(&host(None), &text, &good), Ok(()));
    let trust = Trust::new(&host(None), &KnownHosts::parse(&text));
    assert!(trust.judge(&good, NOW + 61).is_err(), "expired");
    assert!(trust.judge(&good, NOW - 61).is_err(), "not yet valid");
    for (name, kind) in [("b.example", CertType::Host), ("a.example", CertType::User)] {
        let bad = certificate(&key, &authority, name, kind);
        assert!(judged(&host(None), &text, &bad).is_err(), "{name} {kind:?}");
    }
}

#[test]
fn a_certificate_of_another_or_a_revoked_authority_counts_for_nothing() {
    let [key, authority, other] = [generate(), generate(), generate()];
    let text = format!("@cert-authority * {}\n", line(authority.public_key()));
    let foreign = certificate(&key, &other, "a.example", CertType::Host);
    assert!(judged(&host(None), &text, &foreign).is_err());
    let text = format!("{text}@revoked * {}\n", line(authority.public_key()));
    let own = certificate(&key, &authority, "a.example", CertType::Host);
    assert!(judged(&host(None), &text, &own).is_err());
}
