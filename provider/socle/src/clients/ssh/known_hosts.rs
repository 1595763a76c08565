//! The text of a `known_hosts` file, as sshd(8) describes it: plain, wildcard, negated and hashed names,
//! `[name]:port`, `@cert-authority` and `@revoked`.

use hmac::{Hmac, KeyInit as _, Mac as _};
use russh::keys::PublicKey;
use russh::keys::ssh_key::known_hosts::{Entry, HostPatterns, Marker};
use sha1::Sha1;

/// What is known of hosts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KnownHosts {
    entries: Vec<Entry>,
    unreadable: Vec<usize>,
}

/// What a key in `known_hosts` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The host's own key.
    Host,
    /// It signs the certificates of hosts.
    Authority,
    /// It must not be trusted, whatever else is said of it.
    Revoked,
}

impl KnownHosts {
    /// Reads the text. As ssh does, it leaves out lines that cannot be read, such as those with a kind of key from the
    /// future; [`unreadable`](Self::unreadable) tells which.
    pub fn parse(text: &str) -> Self {
        let mut known = Self::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match line.parse() {
                Ok(entry) => known.entries.push(entry),
                Err(_) => known.unreadable.push(index + 1),
            }
        }
        known
    }

    /// The numbers of the lines that cannot be read, from 1.
    pub fn unreadable(&self) -> &[usize] {
        &self.unreadable
    }

    /// The keys of that role for a host, as [`Host::known_as`](super::Host::known_as) calls it.
    pub fn keys<'k>(&'k self, host: &'k str, role: Role) -> impl Iterator<Item = &'k PublicKey> {
        let of_role = self.entries.iter().filter(move |entry| role_of(entry) == role);
        of_role.filter(move |entry| matches(entry.host_patterns(), host)).map(Entry::public_key)
    }
}

fn role_of(entry: &Entry) -> Role {
    match entry.marker() {
        None => Role::Host,
        Some(Marker::CertAuthority) => Role::Authority,
        Some(Marker::Revoked) => Role::Revoked,
    }
}

fn matches(patterns: &HostPatterns, host: &str) -> bool {
    match patterns {
        HostPatterns::HashedName { salt, hash } => hashed(salt, host).is_some_and(|found| found == *hash),
        HostPatterns::Patterns(patterns) => {
            let holds = |pattern: &str| glob(&pattern.to_ascii_lowercase(), host);
            let refused = patterns.iter().filter_map(|pattern| pattern.strip_prefix('!')).any(holds);
            !refused && patterns.iter().any(|pattern| !pattern.starts_with('!') && holds(pattern))
        }
    }
}

fn hashed(salt: &[u8], host: &str) -> Option<[u8; 20]> {
    let mut mac = Hmac::<Sha1>::new_from_slice(salt).ok()?;
    mac.update(host.as_bytes());
    Some(mac.finalize().into_bytes().into())
}

/// `*` stands for any text and `?` for one character. Greedy with one point to come back to, so a hostile pattern
/// costs no more than the product of the lengths.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut read) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while read < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                back = Some((at + 1, read));
                at += 1;
            }
            Some(&byte) if byte == b'?' || byte == text[read] => (at, read) = (at + 1, read + 1),
            _ => match back {
                Some((star, taken)) => {
                    back = Some((star, taken + 1));
                    (at, read) = (star, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests;
