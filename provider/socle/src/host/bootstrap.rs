//! The first contact with a rented server: its user, key and sudo rule.

use super::resource::Bootstrap;
use crate::clients::retry::Budget;
use crate::clients::ssh::{Command, FirstContact, Host, Ssh, SshError, quoted};

/// Logs in to the host, by way of the bootstrap where its user cannot log in yet; gives the key that it showed.
pub(super) async fn enter(
    ssh: &Ssh,
    host: &Host,
    bootstrap: Option<&Bootstrap>,
    budget: &Budget,
) -> Result<String, SshError> {
    let Some(bootstrap) = bootstrap else { return ssh.greet(host, budget).await };
    let accepts = bootstrap.accept_new_host_key.known() == Some(&true) && host.host_key.is_none();
    let first_contact = if accepts { FirstContact::Accept } else { FirstContact::Refuse };
    let host = Host { first_contact, ..host.clone() };
    let user = ssh.user_of(&host).to_owned();
    let rented = bootstrap.user.known().map_or("root", String::as_str).to_owned();
    match ssh.greet(&host, budget).await {
        Err(SshError::AuthenticationRefused { .. }) if rented != user => {}
        answer => return answer,
    }
    let first = host.clone().with_user(rented.as_str());
    let key = ssh.greet(&first, budget).await?;
    let first = first.with_host_key(key.as_str());
    let line = user_line(&user, &rented, ssh.public_key().as_deref());
    let made =
        ssh.run_as_root(&first, Command { step: "make the user", line: &line, stdin: b"" }, budget).await;
    ssh.hang_up(&first).await;
    made?;
    let host = host.with_host_key(key.as_str());
    let step = "try sudo";
    ssh.run_as_root(&host, Command { step, line: "true", stdin: b"" }, budget).await?;
    Ok(key)
}

/// A line of shell that makes the user, unless it is there, and lets it in and become root. The key is the one that we
/// log in by, else all that lead to the `rented` user.
fn user_line(user: &str, rented: &str, key: Option<&str>) -> String {
    let keys = key.map_or_else(
        || format!("$(cat \"$(getent passwd {} | cut -d: -f6)/.ssh/authorized_keys\")", quoted(rented)),
        quoted,
    );
    format!(
        "set -eu; u={}; command -v sudo >/dev/null || {{ echo 'sudo is not installed' >&2; exit 1; }}; \
         id -u \"$u\" >/dev/null 2>&1 || useradd --create-home --shell /bin/sh \"$u\"; \
         h=$(getent passwd \"$u\" | cut -d: -f6); g=$(id -gn \"$u\"); k={keys}; \
         install -d -o \"$u\" -g \"$g\" -m 0700 \"$h/.ssh\"; a=\"$h/.ssh/authorized_keys\"; touch \"$a\"; \
         printf '%s\\n' \"$k\" | while IFS= read -r l; do grep -qxF -- \"$l\" \"$a\" || printf '%s\\n' \"$l\" >>\"$a\"; done; \
         chown \"$u:$g\" \"$a\"; chmod 0600 \"$a\"; umask 077; t=$(mktemp /etc/sudoers.d/.socle.XXXXXXXX); \
         trap 'rm -f \"$t\"' EXIT; printf '%s ALL=(ALL:ALL) NOPASSWD: ALL\\n' \"$u\" >\"$t\"; chmod 0440 \"$t\"; \
         visudo -cqf \"$t\"; mv -f \"$t\" \"/etc/sudoers.d/socle-$u\"",
        quoted(user)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_that_we_came_by_is_the_one_that_is_let_in() {
        let line = user_line("admin", "root", Some("ssh-ed25519 AAAA"));
        assert!(line.contains("u='admin'") && line.contains("k='ssh-ed25519 AAAA'"), "{line}");
        assert!(user_line("admin", "debian", None).contains("getent passwd 'debian'"));
    }
}
