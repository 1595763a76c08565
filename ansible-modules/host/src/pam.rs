//! PAM: profiles of `pam-auth-update`, and arguments of modules in a stack.

use std::fmt::{self, Display};

use crate::file::{self, File, New, Observed, Owner};
use crate::pending::Triggering;
use crate::{Fault, Host, Item, Program};

/// A profile in `/usr/share/pam-configs`, enabled by `pam-auth-update` (Debian and its kin).
///
/// With the package that brings it (`libpam-pwquality`), a profile is better left to the package.
pub fn profile(name: &str, text: &str) -> Triggering<File> {
    let update = Program::new("pam-auth-update").args(["--package", "--enable", name]);
    let update = update.variable("DEBIAN_FRONTEND", "noninteractive");
    Triggering::new(File::new(format!("/usr/share/pam-configs/{name}"), text), vec![update])
}

/// Arguments that a module has on its line in a stack: `pam_unix.so … sha512 rounds=65536`.
///
/// A stack or a module that is missing is unsupported: this adds no line, because the place of a line is its meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arguments {
    stack: String,
    kind: String,
    module: String,
    wanted: Vec<String>,
}

/// Write the stack with the arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    text: String,
    mode: u32,
    owner: Owner,
    words: String,
}

impl Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl Arguments {
    /// In `/etc/pam.d/STACK`, lines of `kind` (`auth`, `account`, `password`, `session`) with `module` have these
    /// arguments; one with a value (`rounds=65536`) replaces another value.
    pub fn new(stack: &str, kind: &str, module: &str, wanted: &[&str]) -> Arguments {
        Arguments {
            stack: format!("/etc/pam.d/{stack}"),
            kind: kind.to_owned(),
            module: module.to_owned(),
            wanted: wanted.iter().map(|argument| (*argument).to_owned()).collect(),
        }
    }

    fn made_in(&self, text: &str) -> String {
        text.lines()
            .map(|line| if self.is_on(line) { self.with_arguments(line) } else { line.to_owned() } + "\n")
            .collect()
    }

    fn is_on(&self, line: &str) -> bool {
        let line = line.trim_start().trim_start_matches('-');
        !line.starts_with('#')
            && line.split_whitespace().next() == Some(self.kind.as_str())
            && line
                .split_whitespace()
                .any(|word| word == self.module || word.ends_with(&format!("/{}", self.module)))
    }

    fn with_arguments(&self, line: &str) -> String {
        let key = |argument: &str| argument.split('=').next().unwrap_or_default().to_owned();
        let missing =
            self.wanted.iter().filter(|wanted| !line.split_whitespace().any(|word| word == **wanted));
        missing.fold(line.trim_end().to_owned(), |line, wanted| {
            let other = line
                .split_whitespace()
                .find(|word| wanted.contains('=') && word.contains('=') && key(word) == key(wanted));
            match other.map(str::to_owned) {
                Some(other) => line.replacen(&other, wanted, 1),
                None => line + " " + wanted,
            }
        })
    }
}

impl Item for Arguments {
    type Observed = Observed;
    type Change = Change;

    fn id(&self) -> String {
        format!("pam {} {} {}", self.stack, self.kind, self.module)
    }

    fn observe(&self, host: &Host) -> Result<Observed, Fault> {
        file::look(host, &self.stack)
    }

    fn compare(&self, observed: &Observed) -> Result<Vec<Change>, Fault> {
        let Observed::Regular { content, mode, owner } = observed else {
            return Err(Fault::unsupported(format!("this host has no file {}", self.stack)));
        };
        let text = String::from_utf8_lossy(content);
        if !text.lines().any(|line| self.is_on(line)) {
            return Err(Fault::unsupported(format!(
                "{} has no {} line with {}",
                self.stack, self.kind, self.module
            )));
        }
        let wanted = self.made_in(&text);
        let words = format!("give {} the arguments {}", self.module, self.wanted.join(" "));
        let change = Change { text: wanted, mode: *mode, owner: owner.clone(), words };
        Ok(if change.text.lines().eq(text.lines()) { Vec::new() } else { vec![change] })
    }

    fn apply(&self, host: &Host, change: &Change) -> Result<(), Fault> {
        let new =
            New { bytes: change.text.as_bytes(), mode: change.mode, owner: &change.owner, validate: None };
        file::write(host, &self.stack, &new)
    }

    fn before(&self, observed: &Observed) -> String {
        match observed {
            Observed::Regular { content, .. } => String::from_utf8_lossy(content).into_owned(),
            _ => String::new(),
        }
    }

    fn after(&self, observed: &Observed) -> String {
        self.made_in(&self.before(observed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Root;
    use crate::{Mode, State};

    #[test]
    fn an_argument_takes_the_place_of_another_value_of_it() {
        let root = Root::with(&[(
            "/etc/pam.d/common-password",
            "# pam_unix.so\npassword [success=1 default=ignore] pam_unix.so obscure rounds=5000\npassword required pam_permit.so\n",
        )]);
        let item =
            Arguments::new("common-password", "password", "pam_unix.so", &["rounds=65536", "remember=5"]);
        assert_eq!(item.bring(&root.host(), Mode::Apply).state, State::Changed);
        assert_eq!(
            root.read("/etc/pam.d/common-password"),
            "# pam_unix.so\npassword [success=1 default=ignore] pam_unix.so obscure rounds=65536 remember=5\npassword required pam_permit.so\n"
        );
        assert_eq!(item.bring(&root.host(), Mode::Apply).state, State::Ok);
    }

    #[test]
    fn a_module_that_is_not_in_the_stack_is_unsupported() {
        let root = Root::with(&[("/etc/pam.d/su", "auth required pam_rootok.so\n")]);
        let item = Arguments::new("su", "auth", "pam_wheel.so", &["use_uid"]);
        assert_eq!(item.bring(&root.host(), Mode::Apply).state, State::Unsupported);
    }
}
