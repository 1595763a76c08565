//! Limits of sessions: a file in `/etc/security/limits.d`, read by `pam_limits` at the next login.

use crate::file::File;

/// One limit: whom, `soft`, `hard` or `-`, what (`core`, `nofile`), and the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// A user, `@group` or `*` (which leaves root out).
    pub domain: String,
    /// `soft`, `hard` or `-` for both.
    pub kind: String,
    /// `core`, `nofile`, `maxlogins`, …
    pub item: String,
    /// A number or `unlimited`.
    pub value: String,
}

/// The file `NAME.conf` with these limits.
pub fn file(name: &str, limits: &[Limit]) -> File {
    let line = |limit: &Limit| format!("{} {} {} {}\n", limit.domain, limit.kind, limit.item, limit.value);
    File::new(format!("/etc/security/limits.d/{name}.conf"), limits.iter().map(line).collect::<String>())
}
