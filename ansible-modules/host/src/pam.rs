//! PAM: profiles of `pam-auth-update`, and arguments of modules in a stack.

use std::fmt::{self, Display};

use crate::file::{self, File, New, Observed, Owner};
use crate::{Fault, Host, Item, Program};

/// Arguments that a module has on its line in a stack: `pam_unix.so … sha512 rounds=65536`.
///
/// A stack or a module that is missing is unsupported: this adds no line, because the place of a line is its meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arguments {
    stack: String,
    kind: String,
    module: String,
    wanted: Vec<String>,
    unwanted: Vec<String>,
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
            unwanted: Vec::new(),
        }
    }

    /// And none of these.
    #[must_use]
    pub fn without(self, unwanted: &[&str]) -> Arguments {
        Arguments { unwanted: unwanted.iter().map(|argument| (*argument).to_owned()).collect(), ..self }
    }

    fn words(&self) -> String {
        let mut words = Vec::new();
        if !self.wanted.is_empty() {
            words.push(format!("give {} the arguments {}", self.module, self.wanted.join(" ")));
        }
        if !self.unwanted.is_empty() {
            words.push(format!("take the arguments {} from {}", self.unwanted.join(" "), self.module));
        }
        words.join("; ")
    }

    fn own_lines(&self, text: &str) -> String {
        text.lines().filter(|line| self.is_on(line)).map(|line| line.to_owned() + "\n").collect()
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

    /// The line without the unwanted words; one that has none of them keeps its spaces.
    fn stripped(&self, line: &str) -> String {
        let is_unwanted = |word: &str| self.unwanted.iter().any(|unwanted| unwanted == word);
        if !line.split_whitespace().any(is_unwanted) {
            return line.to_owned();
        }
        line.split_inclusive(char::is_whitespace)
            .filter(|word| !is_unwanted(word.trim()))
            .collect::<String>()
            .trim_end()
            .to_owned()
    }

    fn with_arguments(&self, line: &str) -> String {
        let line = &self.stripped(line);
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
        let words = self.words();
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
            Observed::Regular { content, .. } => self.own_lines(&String::from_utf8_lossy(content)),
            _ => String::new(),
        }
    }

    fn after(&self, observed: &Observed) -> String {
        self.made_in(&self.before(observed))
    }
}

/// A profile of `pam-auth-update` that must be enabled (Debian and its kin).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    name: String,
    text: Option<String>,
    stack: String,
    module: String,
}

/// What is known of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileObserved {
    file: Observed,
    /// The lines of the stack with the module.
    lines: String,
    has_program: bool,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileChange {
    /// Write the profile.
    Write,
    /// Enable it.
    Enable(String),
}

impl Display for ProfileChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProfileChange::Write => f.write_str("write the profile"),
            ProfileChange::Enable(name) => write!(f, "enable the profile {name}"),
        }
    }
}

impl Profile {
    /// The profile `name` with this text, by which `/etc/pam.d/STACK` gets `module`. Where another profile put the module
    /// there, that one is left to its owner.
    pub fn new(name: &str, text: String, stack: &str, module: &str) -> Profile {
        Profile { text: Some(text), ..Profile::of_package(name, stack, module) }
    }

    /// The profile `name` as its package brings it.
    pub fn of_package(name: &str, stack: &str, module: &str) -> Profile {
        let stack = format!("/etc/pam.d/{stack}");
        Profile { name: name.to_owned(), text: None, stack, module: module.to_owned() }
    }

    /// Its file.
    pub fn path(&self) -> String {
        format!("/usr/share/pam-configs/{}", self.name)
    }

    fn file(&self) -> Option<File> {
        self.text.as_ref().map(|text| File::new(self.path(), text.clone()))
    }
}

impl Item for Profile {
    type Observed = ProfileObserved;
    type Change = ProfileChange;

    fn id(&self) -> String {
        format!("pam profile {}", self.name)
    }

    fn observe(&self, host: &Host) -> Result<ProfileObserved, Fault> {
        let stack = host.read_text(&self.stack)?.unwrap_or_default();
        let has_it = |line: &&str| !line.trim_start().starts_with('#') && line.contains(&self.module);
        let lines = stack.lines().filter(has_it).map(|line| line.to_owned() + "\n").collect();
        let has_program = host.has_program("pam-auth-update");
        Ok(ProfileObserved { file: file::look(host, &self.path())?, lines, has_program })
    }

    fn compare(&self, observed: &ProfileObserved) -> Result<Vec<ProfileChange>, Fault> {
        if !observed.has_program {
            return Err(Fault::unsupported("this host has no pam-auth-update"));
        }
        let enable = ProfileChange::Enable(self.name.clone());
        let is_there = observed.file != Observed::Missing;
        match self.file() {
            None if !is_there => {
                Err(Fault::unsupported(format!("this host has no PAM profile {}", self.name)))
            }
            Some(_) if !is_there && !observed.lines.is_empty() => Ok(Vec::new()),
            Some(file) if !file.compare(&observed.file)?.is_empty() => Ok(vec![ProfileChange::Write, enable]),
            _ if observed.lines.is_empty() => Ok(vec![enable]),
            _ => Ok(Vec::new()),
        }
    }

    fn apply(&self, host: &Host, change: &ProfileChange) -> Result<(), Fault> {
        match (change, self.file()) {
            (ProfileChange::Write, Some(file)) => file.bring(host, crate::Mode::Apply).fault(),
            (ProfileChange::Write, None) => Ok(()),
            (ProfileChange::Enable(name), _) => {
                let update = Program::new("pam-auth-update").args(["--package", "--enable", name]);
                host.run(&update.variable("DEBIAN_FRONTEND", "noninteractive")).map(drop)
            }
        }
    }

    fn before(&self, observed: &ProfileObserved) -> String {
        observed.lines.clone()
    }

    fn after(&self, observed: &ProfileObserved) -> String {
        let words = self.text.iter().flat_map(|text| text.lines()).map(str::trim);
        let lines: String =
            words.filter(|line| line.contains(&self.module)).map(|line| line.to_owned() + "\n").collect();
        if lines.is_empty() && observed.lines.is_empty() {
            format!("{}\n", self.module)
        } else if lines.is_empty() {
            observed.lines.clone()
        } else {
            lines
        }
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
