//! Whoever may refresh, and nothing else: members of a group may run our programs in check mode.

use crate::clients::retry::Budget;
use crate::clients::ssh::{Command, Host, Ssh, SshError};

/// Makes the group and its rule of sudo; silent where both are there, and where there is no sudo, so that all are root.
/// The folder of the programs is root's, so what the pattern finds in it root put there.
const ALLOW: &str = "set -eu; command -v visudo >/dev/null || exit 0; \
                     getent group socle-readers >/dev/null || groupadd --system socle-readers; \
                     f=/etc/sudoers.d/socle-readers; \
                     r='%socle-readers ALL=(root) NOPASSWD: /usr/local/libexec/socle/*-[0-9a-f]* --check'; \
                     [ \"$(cat \"$f\" 2>/dev/null)\" != \"$r\" ] || exit 0; umask 077; \
                     t=$(mktemp /etc/sudoers.d/.socle.XXXXXXXX); trap 'rm -f \"$t\"' EXIT; \
                     printf '%s\\n' \"$r\" >\"$t\"; chmod 0440 \"$t\"; visudo -cqf \"$t\"; mv -f \"$t\" \"$f\"";

/// Takes both away; a part of a line that ends otherwise than with an error.
pub(super) const FORGET: &str = "rm -f /etc/sudoers.d/socle-readers; groupdel socle-readers 2>/dev/null || :";

/// Lets the group `socle-readers` run our programs in check mode.
///
/// # Errors
/// The host's answer.
pub(super) async fn allow(ssh: &Ssh, host: &Host, budget: &Budget) -> Result<(), SshError> {
    let command = Command { step: "let readers look", line: ALLOW, stdin: b"" };
    ssh.run_as_root(host, command, budget).await.map(drop)
}
