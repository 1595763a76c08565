//! Users and groups, read from `/etc/passwd` and its kin: a static program cannot ask the name service.

use std::fmt::{self, Display};

use crate::file::Owner;
use crate::{Fault, Host, Item, Program};

/// A line of `/etc/passwd`, without the password field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// The number of its first group.
    pub gid: u32,
    /// Home folder.
    pub home: String,
    /// Login shell.
    pub shell: String,
}

/// A line of `/etc/group`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its number.
    pub gid: u32,
    /// Users that have it as a further group.
    pub members: Vec<String>,
}

/// A line of `/etc/shadow`, without the hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shadow {
    /// Login name.
    pub name: String,
    /// What stands for the password.
    pub password: Password,
    /// Day of the last change, counted from 1970-01-01; 0 asks for a new password at the next login.
    pub last_change: Option<i64>,
    /// Days before it may be changed again.
    pub minimum: Option<i64>,
    /// Days after which it must be changed.
    pub maximum: Option<i64>,
    /// Days of warning before that.
    pub warning: Option<i64>,
    /// Days after the maximum at which the account closes, **also for logins by key**.
    pub inactive: Option<i64>,
    /// Day on which the account closes.
    pub expires: Option<i64>,
}

/// What stands for a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Password {
    /// Nothing: anybody gets in.
    Empty,
    /// None fits (`*` or `!`): logins by key work.
    Locked,
    /// A hash.
    Set,
}

/// The lines of `/etc/passwd`; lines that are none are left out.
pub fn users(host: &Host) -> Result<Vec<User>, Fault> {
    Ok(host.read_text("/etc/passwd")?.unwrap_or_default().lines().filter_map(user).collect())
}

/// The lines of `/etc/group`.
pub fn groups(host: &Host) -> Result<Vec<Group>, Fault> {
    Ok(host.read_text("/etc/group")?.unwrap_or_default().lines().filter_map(group).collect())
}

/// The lines of `/etc/shadow`.
pub fn shadows(host: &Host) -> Result<Vec<Shadow>, Fault> {
    Ok(host.read_text("/etc/shadow")?.unwrap_or_default().lines().filter_map(shadow).collect())
}

fn user(line: &str) -> Option<User> {
    let mut fields = line.split(':');
    let (name, _password) = (fields.next()?, fields.next()?);
    let (uid, gid) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let (home, shell) = (fields.nth(1)?, fields.next()?);
    Some(User { name: name.to_owned(), uid, gid, home: home.to_owned(), shell: shell.to_owned() })
}

fn group(line: &str) -> Option<Group> {
    let mut fields = line.split(':');
    let (name, gid) = (fields.next()?, fields.nth(1)?.parse().ok()?);
    let members = fields.next().unwrap_or("").split(',').filter(|member| !member.is_empty());
    Some(Group { name: name.to_owned(), gid, members: members.map(str::to_owned).collect() })
}

fn shadow(line: &str) -> Option<Shadow> {
    let fields: Vec<&str> = line.split(':').collect();
    let day = |number: usize| fields.get(number).and_then(|field| field.parse().ok());
    let password = match *fields.get(1)? {
        "" => Password::Empty,
        hash if hash.starts_with(['!', '*']) => Password::Locked,
        _ => Password::Set,
    };
    Some(Shadow {
        name: fields[0].to_owned(),
        password,
        last_change: day(2),
        minimum: day(3),
        maximum: day(4),
        warning: day(5),
        inactive: day(6),
        expires: day(7),
    })
}

/// The name of a user; its number where it has none.
pub fn user_name(host: &Host, uid: u32) -> Result<String, Fault> {
    if uid == 0 {
        return Ok("root".to_owned());
    }
    let found = users(host)?.into_iter().find(|user| user.uid == uid);
    Ok(found.map_or(uid.to_string(), |user| user.name))
}

/// The name of a group; its number where it has none.
pub fn group_name(host: &Host, gid: u32) -> Result<String, Fault> {
    if gid == 0 {
        return Ok("root".to_owned());
    }
    let found = groups(host)?.into_iter().find(|group| group.gid == gid);
    Ok(found.map_or(gid.to_string(), |group| group.name))
}

/// The numbers of an owner.
pub fn ids(host: &Host, owner: &Owner) -> Result<(u32, u32), Fault> {
    let user = match (owner.user.as_str(), owner.user.parse()) {
        ("root", _) => 0,
        (_, Ok(number)) => number,
        (name, _) => {
            let found = users(host)?.into_iter().find(|user| user.name == name);
            found.ok_or_else(|| Fault::unsupported(format!("this host has no user {name}")))?.uid
        }
    };
    let group = match (owner.group.as_str(), owner.group.parse()) {
        ("root", _) => 0,
        (_, Ok(number)) => number,
        (name, _) => {
            let found = groups(host)?.into_iter().find(|group| group.name == name);
            found.ok_or_else(|| Fault::unsupported(format!("this host has no group {name}")))?.gid
        }
    };
    Ok((user, group))
}

/// What an account that exists must be like. An account that is missing is as wanted: nothing is there to be wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    name: String,
    shell: Option<String>,
    locked: bool,
    minimum: Option<i64>,
    maximum: Option<i64>,
    warning: Option<i64>,
    inactive: Option<i64>,
}

/// What the files say of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    user: Option<User>,
    shadow: Option<Shadow>,
}

/// One step: a program that makes it, and what it does in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    program: Program,
    words: String,
}

impl Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl Account {
    /// The account `name`, with nothing asked of it yet.
    pub fn new(name: impl Into<String>) -> Account {
        Account { name: name.into(), ..Account::default() }
    }

    /// With this login shell.
    #[must_use]
    pub fn shell(self, shell: impl Into<String>) -> Account {
        Account { shell: Some(shell.into()), ..self }
    }

    /// With no password that fits; logins by key stay possible.
    #[must_use]
    pub fn locked(self) -> Account {
        Account { locked: true, ..self }
    }

    /// With days between changes of the password: at least, at most, and of warning.
    #[must_use]
    pub fn ages(self, minimum: i64, maximum: i64, warning: i64) -> Account {
        Account { minimum: Some(minimum), maximum: Some(maximum), warning: Some(warning), ..self }
    }

    /// With the days after which an expired password closes the account; -1 is never. It closes logins by key as well.
    #[must_use]
    pub fn inactive(self, days: i64) -> Account {
        Account { inactive: Some(days), ..self }
    }

    fn days(&self, shadow: &Shadow) -> Vec<Change> {
        let table = [
            ("--mindays", "minimum age", self.minimum, shadow.minimum),
            ("--maxdays", "maximum age", self.maximum, shadow.maximum),
            ("--warndays", "days of warning", self.warning, shadow.warning),
            ("--inactive", "days of inactivity", self.inactive, shadow.inactive),
        ];
        let shown = |days: Option<i64>| days.map_or("none".to_owned(), |days| days.to_string());
        let differs = |wanted: i64, there: Option<i64>| {
            if wanted < 0 { there.is_some_and(|d| d >= 0) } else { there != Some(wanted) }
        };
        let changes = table.into_iter().filter_map(|(option, words, wanted, there)| {
            let wanted = wanted.filter(|wanted| differs(*wanted, there))?;
            Some(Change {
                program: Program::new("chage").args([
                    option.to_owned(),
                    wanted.to_string(),
                    self.name.clone(),
                ]),
                words: format!("set the {words} of the password from {} to {wanted}", shown(there)),
            })
        });
        changes.collect()
    }
}

impl Item for Account {
    type Observed = Observed;
    type Change = Change;

    fn id(&self) -> String {
        format!("account {}", self.name)
    }

    fn observe(&self, host: &Host) -> Result<Observed, Fault> {
        Ok(Observed {
            user: users(host)?.into_iter().find(|user| user.name == self.name),
            shadow: shadows(host)?.into_iter().find(|shadow| shadow.name == self.name),
        })
    }

    fn compare(&self, observed: &Observed) -> Result<Vec<Change>, Fault> {
        let Some(user) = &observed.user else { return Ok(Vec::new()) };
        let mut changes = Vec::new();
        if let Some(shell) = self.shell.as_ref().filter(|shell| **shell != user.shell) {
            changes.push(Change {
                program: Program::new("usermod").args(["--shell", shell, &self.name]),
                words: format!("set the shell from {} to {shell}", user.shell),
            });
        }
        if let Some(shadow) = &observed.shadow {
            if self.locked && shadow.password != Password::Locked {
                changes.push(Change {
                    program: Program::new("usermod").args(["--lock", &self.name]),
                    words: "lock the password".to_owned(),
                });
            }
            changes.extend(self.days(shadow));
        }
        Ok(changes)
    }

    fn apply(&self, host: &Host, change: &Change) -> Result<(), Fault> {
        host.run(&change.program).map(drop)
    }

    fn before(&self, observed: &Observed) -> String {
        let Some(user) = &observed.user else { return "missing\n".to_owned() };
        let ages = observed.shadow.as_ref().map_or(String::new(), |shadow| {
            let shown = |days: Option<i64>| days.map_or("none".to_owned(), |days| days.to_string());
            let (minimum, maximum) = (shown(shadow.minimum), shown(shadow.maximum));
            format!(
                "password {:?}, minimum {minimum}, maximum {maximum}, warning {}, inactive {}\n",
                shadow.password,
                shown(shadow.warning),
                shown(shadow.inactive)
            )
        });
        format!("shell {}\n{ages}", user.shell)
    }

    fn after(&self, observed: &Observed) -> String {
        let mut wanted = observed.clone();
        if let (Some(user), Some(shell)) = (&mut wanted.user, &self.shell) {
            user.shell.clone_from(shell);
        }
        if let Some(shadow) = &mut wanted.shadow {
            if self.locked {
                shadow.password = Password::Locked;
            }
            shadow.minimum = self.minimum.or(shadow.minimum);
            shadow.maximum = self.maximum.or(shadow.maximum);
            shadow.warning = self.warning.or(shadow.warning);
            shadow.inactive = self.inactive.or(shadow.inactive).filter(|days| *days >= 0);
        }
        self.before(&wanted)
    }
}

/// A group that must be there, with at least these members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    group: String,
    members: Vec<String>,
}

impl Membership {
    /// The group, made as a system group when missing, and its members (users that exist).
    pub fn new(group: impl Into<String>, members: Vec<String>) -> Membership {
        Membership { group: group.into(), members }
    }
}

impl Item for Membership {
    type Observed = Option<Vec<String>>;
    type Change = Change;

    fn id(&self) -> String {
        format!("group {}", self.group)
    }

    fn observe(&self, host: &Host) -> Result<Option<Vec<String>>, Fault> {
        Ok(groups(host)?.into_iter().find(|group| group.name == self.group).map(|group| group.members))
    }

    fn compare(&self, observed: &Option<Vec<String>>) -> Result<Vec<Change>, Fault> {
        let make = observed.is_none().then(|| Change {
            program: Program::new("groupadd").args(["--system", &self.group]),
            words: format!("make the group {}", self.group),
        });
        let there = observed.as_deref().unwrap_or_default();
        let missing = self.members.iter().filter(|member| !there.contains(member));
        let add = missing.map(|member| Change {
            program: Program::new("gpasswd").args(["--add", member, &self.group]),
            words: format!("add {member}"),
        });
        Ok(make.into_iter().chain(add).collect())
    }

    fn apply(&self, host: &Host, change: &Change) -> Result<(), Fault> {
        host.run(&change.program).map(drop)
    }

    fn before(&self, observed: &Option<Vec<String>>) -> String {
        observed.as_ref().map_or("missing\n".to_owned(), |members| format!("members {}\n", members.join(" ")))
    }

    fn after(&self, observed: &Option<Vec<String>>) -> String {
        let mut members = observed.clone().unwrap_or_default();
        let missing: Vec<_> =
            self.members.iter().filter(|member| !members.contains(member)).cloned().collect();
        members.extend(missing);
        format!("members {}\n", members.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Root;

    #[test]
    fn only_what_differs_is_changed() {
        let root = Root::with(&[
            ("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\ngames:x:5:60:games:/usr/games:/bin/sh\n"),
            ("/etc/shadow", "root:!:19000:0:99999:7:::\ngames:*:19000:0:99999:7:::\n"),
        ]);
        let account = Account::new("games").shell("/usr/sbin/nologin").locked().ages(0, 365, 7).inactive(-1);
        let observed = account.observe(&root.host()).unwrap();
        let changes: Vec<_> =
            account.compare(&observed).unwrap().iter().map(|c| c.program.to_string()).collect();
        assert_eq!(changes, ["usermod --shell /usr/sbin/nologin games", "chage --maxdays 365 games"]);
    }

    #[test]
    fn an_account_that_is_missing_is_as_wanted() {
        let account = Account::new("nobody-here").locked();
        let observed = account.observe(&Root::new().host()).unwrap();
        assert_eq!(account.compare(&observed).unwrap(), []);
    }
}
