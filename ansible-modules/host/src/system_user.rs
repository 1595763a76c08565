//! System users: those that a service runs as, and nobody logs in as.

use std::fmt::{self, Display};

use crate::{Fault, Host, Item, Program, account};

/// A system user that must be there. One that is there is left as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemUser {
    name: String,
}

/// Make the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Make;

impl Display for Make {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("make the system user")
    }
}

impl SystemUser {
    /// The user `name`, without home, password and shell, in a group of its own.
    pub fn new(name: impl Into<String>) -> SystemUser {
        SystemUser { name: name.into() }
    }
}

impl Item for SystemUser {
    type Observed = bool;
    type Change = Make;

    fn id(&self) -> String {
        format!("system user {}", self.name)
    }

    fn observe(&self, host: &Host) -> Result<bool, Fault> {
        Ok(account::users(host)?.iter().any(|user| user.name == self.name))
    }

    fn compare(&self, is_there: &bool) -> Result<Vec<Make>, Fault> {
        Ok(if *is_there { Vec::new() } else { vec![Make] })
    }

    fn apply(&self, host: &Host, _: &Make) -> Result<(), Fault> {
        let program = Program::new("useradd").args(["--system", "--user-group", "--no-create-home"]);
        let program = program.args(["--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", "--"]);
        host.run(&program.args([&self.name])).map(drop)
    }

    fn before(&self, is_there: &bool) -> String {
        if *is_there { "present\n" } else { "missing\n" }.to_owned()
    }

    fn after(&self, _: &bool) -> String {
        "present\n".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Root;

    #[test]
    fn only_a_user_that_is_missing_is_made() {
        let root = Root::with(&[("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n")]);
        let user = |name| SystemUser::new(name).observe(&root.host()).unwrap();
        assert!(user("root") && !user("socle-drill"));
        SystemUser::new("socle-drill").apply(&root.obeying(), &Make).unwrap();
        assert!(root.asked()[0].starts_with("useradd --system "), "{:?}", root.asked());
    }
}
