//! Whoever this run must not lock out.

use crate::{Fault, Host, account};

/// The account that the present session logged in to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Login {
    /// Its name; none when the run was not started over SSH nor through sudo.
    pub(super) user: Option<String>,
}

impl Login {
    /// Found from this process upwards, because sudo hides the environment: the first process of another than root is the
    /// login's, else an sshd whose session is root's own.
    pub(super) fn of(host: &Host) -> Login {
        Login { user: found(host).ok().flatten() }
    }

    pub(super) fn is_root(&self) -> bool {
        self.user.as_deref() == Some("root")
    }

    pub(super) fn is(&self, user: &str) -> bool {
        self.user.as_deref() == Some(user)
    }
}

fn found(host: &Host) -> Result<Option<String>, Fault> {
    let mut process = std::process::id();
    while process > 1 {
        let Some(status) = host.read_text(&format!("/proc/{process}/status"))? else { return Ok(None) };
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let uid = field("Uid:").and_then(|ids| ids.split_whitespace().next()?.parse().ok()).unwrap_or(0);
        if uid != 0 {
            return account::user_name(host, uid).map(Some);
        }
        if field("Name:").is_some_and(|name| name.starts_with("sshd")) {
            return Ok(Some("root".to_owned()));
        }
        process = field("PPid:").and_then(|number| number.parse().ok()).unwrap_or(0);
    }
    Ok(None)
}

/// Who could still log in if passwords were not taken any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// The session's own user; without a session, an administrator.
    Open,
    /// Not the session's own user.
    ClosedTo(String),
    /// No administrator at all.
    ClosedToAll,
}

/// Who could still log in by a key in a file of his own.
pub(super) fn way_without_password(host: &Host, login: &Login) -> Way {
    let users = account::users(host).unwrap_or_default();
    let own = users.iter().find(|user| login.is(&user.name));
    match own {
        Some(own) if has_key(host, own) => Way::Open,
        Some(own) => Way::ClosedTo(own.name.clone()),
        None if users.iter().any(|user| user.uid == 0 && has_key(host, user)) => Way::Open,
        None if has_other_administrator(host).unwrap_or(false) => Way::Open,
        None => Way::ClosedToAll,
    }
}

/// Whether somebody other than root can become root and log in by key.
pub(super) fn has_other_administrator(host: &Host) -> Result<bool, Fault> {
    let groups = account::groups(host)?;
    let administrators: Vec<&String> =
        groups.iter().filter(|group| group.name == "sudo").flat_map(|group| &group.members).collect();
    let rules = rules_of_sudo(host)?;
    let users = account::users(host)?;
    Ok(users.iter().any(|user| {
        let by_rule = rules.iter().any(|rule| makes_root(rule, &user.name));
        user.uid != 0 && (by_rule || administrators.contains(&&user.name)) && has_key(host, user)
    }))
}

/// Whether a line of sudo's rules lets that user become root: `NAME HOSTS = (WHO) COMMANDS`; without `(WHO)` it is root.
fn makes_root(rule: &str, user: &str) -> bool {
    let Some((head, commands)) = rule.split_once('=') else { return false };
    if head.split_whitespace().next() != Some(user) {
        return false;
    }
    let who = commands.trim_start().strip_prefix('(').and_then(|text| text.split([')', ':']).next());
    who.is_none_or(|who| who.split(',').any(|name| ["ALL", "root"].contains(&name.trim())))
}

fn rules_of_sudo(host: &Host) -> Result<Vec<String>, Fault> {
    let mut lines: Vec<String> =
        host.read_text("/etc/sudoers")?.unwrap_or_default().lines().map(str::to_owned).collect();
    for name in host.names("/etc/sudoers.d")? {
        let text = host.read_text(&format!("/etc/sudoers.d/{name}"))?.unwrap_or_default();
        lines.extend(text.lines().map(str::to_owned));
    }
    Ok(lines)
}

/// Whether the account logs in by key.
pub(super) fn has_key(host: &Host, user: &account::User) -> bool {
    let text =
        host.read_text(&format!("{}/.ssh/authorized_keys", user.home)).ok().flatten().unwrap_or_default();
    text.lines().any(|line| !line.trim().is_empty() && !line.trim().starts_with('#'))
}
