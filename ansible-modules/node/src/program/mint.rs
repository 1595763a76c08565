//! Client certificates that do not last, for whoever reaches this host as root.

use node::step::Certificate;
use time::{Duration, OffsetDateTime};

use crate::authority::{Authority, Subject, der_of};
use crate::failure::Failure;

/// The longest that a certificate holds, in seconds: a day.
const LONGEST: u64 = 86_400;
/// How long before now it begins: clocks differ.
const BACKDATED: Duration = Duration::minutes(5);
/// Members of this group pass by all authorisation; a certificate of it could not be taken back.
const MASTERS: &str = "system:masters";

/// Signs one.
pub(crate) fn mint(
    public_key: &str,
    user: &str,
    groups: &[String],
    seconds: u64,
) -> Result<Certificate, Failure> {
    let refused =
        |detail: &str| Failure::Certificate { what: "certificate refused".into(), detail: detail.into() };
    if groups.iter().any(|group| group == MASTERS) {
        return Err(refused(
            "nobody gets system:masters; kubeadm:cluster-admins has the same rights and can be revoked",
        ));
    }
    let public_key = der_of(public_key).ok_or_else(|| refused("the public key is not PEM"))?;
    let now = OffsetDateTime::now_utc();
    let seconds = i64::try_from(seconds.min(LONGEST)).unwrap_or_default();
    let not_after = now + Duration::seconds(seconds);
    let authority = Authority::open()?;
    let subject = Subject { user, groups, public_key: &public_key, not_before: now - BACKDATED, not_after };
    let certificate = authority.sign(&subject)?;
    Ok(Certificate { certificate, authority: authority.pem, expires_at: not_after.unix_timestamp() })
}
