//! Owners and permissions of files.

use super::Hardening;
use crate::file::{Attributes, ModeRule, Owner};
use crate::{Fault, Host, Managed, Outcome, account};

impl Hardening<'_> {
    pub(super) fn permissions(
        &self,
        id: &str,
        path: &str,
        mode: u32,
        user: &str,
        groups: &[&str],
    ) -> Outcome {
        if path == "/usr/bin/sudo" && self.login_needs_sudo_for_all() {
            let reason = "the account of this session has a rule of sudo and is not in the group sudo, so it could not become \
                          root any more: add it to the group, and run again";
            return Outcome::of_fault(id, &Fault::refused(reason));
        }
        match items(self.host, path, mode, user, groups) {
            Ok(items) if items.is_empty() => Outcome::new(id),
            Ok(items) => self.items(id, &items),
            Err(fault) => Outcome::of_fault(id, &fault),
        }
    }

    fn login_needs_sudo_for_all(&self) -> bool {
        let Some(user) = self.login.user.as_deref().filter(|user| *user != "root") else { return false };
        let groups = account::groups(self.host).unwrap_or_default();
        !groups.iter().any(|group| group.name == "sudo" && group.members.iter().any(|member| member == user))
    }
}

/// One item a file that is there; links are left out, for their own permissions mean nothing.
fn items(
    host: &Host,
    path: &str,
    mode: u32,
    user: &str,
    groups: &[&str],
) -> Result<Vec<Box<dyn Managed>>, Fault> {
    let there: Vec<String> = matches(host, path)?
        .into_iter()
        .filter(|path| host.exists(path) && !host.path(path).is_symlink())
        .collect();
    let known = account::groups(host)?;
    let is_known = |name: &str| name == "root" || known.iter().any(|group| group.name == name);
    let first = groups.iter().find(|name| is_known(name)).copied().unwrap_or("root");
    let item = |path: String| -> Result<Box<dyn Managed>, Fault> {
        let attributes = Attributes::new(path, ModeRule::AtMost(mode));
        let group = attributes.group_now(host)?.filter(|group| groups.contains(&group.as_str()));
        let owner = Owner { user: user.to_owned(), group: group.unwrap_or_else(|| first.to_owned()) };
        Ok(Box::new(attributes.owner(owner)))
    };
    there.into_iter().map(item).collect()
}

/// The paths that a pattern with one `*` in its last part stands for.
fn matches(host: &Host, pattern: &str) -> Result<Vec<String>, Fault> {
    let Some((head, tail)) = pattern.split_once('*') else { return Ok(vec![pattern.to_owned()]) };
    let (folder, start) = head.rsplit_once('/').unwrap_or(("", head));
    let names = host.names(folder)?;
    let fits = |name: &&String| {
        name.len() >= start.len() + tail.len() && name.starts_with(start) && name.ends_with(tail)
    };
    Ok(names.iter().filter(fits).map(|name| format!("{folder}/{name}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Root;

    #[test]
    fn a_pattern_stands_for_the_files_that_are_there() {
        let root = Root::with(&[
            ("/etc/ssh/ssh_host_rsa_key", ""),
            ("/etc/ssh/ssh_host_rsa_key.pub", ""),
            ("/etc/ssh/sshd_config", ""),
        ]);
        let found = |pattern| matches(&root.host(), pattern).unwrap();
        assert_eq!(found("/etc/ssh/ssh_host_*_key"), ["/etc/ssh/ssh_host_rsa_key"]);
        assert_eq!(found("/etc/ssh/ssh_host_*_key.pub"), ["/etc/ssh/ssh_host_rsa_key.pub"]);
        assert_eq!(found("/boot/System.map-*"), [""; 0]);
    }
}
