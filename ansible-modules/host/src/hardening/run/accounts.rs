//! Accounts that exist.

use super::Hardening;
use super::login::{has_key, has_other_administrator};
use crate::account::{self, Account, Password, User};
use crate::file::{Attributes, Backup, File, ModeRule};
use crate::hardening::control::AccountRule;
use crate::{Fault, Host, Managed, Outcome};

/// Numbers of people's accounts in Debian.
const PEOPLE: std::ops::Range<u32> = 1000..60000;
const NOLOGIN: &str = "/usr/sbin/nologin";

impl Hardening<'_> {
    pub(super) fn accounts(&self, id: &str, rule: AccountRule) -> Outcome {
        match items(self, rule) {
            Ok(items) if items.is_empty() => Outcome::new(id),
            Ok(items) => self.items(id, &items),
            Err(fault) => Outcome::of_fault(id, &fault),
        }
    }
}

fn items(hardening: &Hardening, rule: AccountRule) -> Result<Vec<Box<dyn Managed>>, Fault> {
    let host = hardening.host;
    let users = account::users(host)?;
    match rule {
        AccountRule::SystemAccountsWithoutShell => {
            let with_shell =
                users.iter().filter(|user| user.uid != 0 && user.uid < PEOPLE.start && logs_in(user));
            let others = with_shell.filter(|user| !hardening.login.is(&user.name));
            Ok(others.map(|user| boxed(Account::new(&user.name).shell(NOLOGIN))).collect())
        }
        AccountRule::ShelllessAccountsLocked => locked(host, &users),
        AccountRule::HomeFolderMode(mode) => {
            let homes = people(&users).filter(|user| host.exists(&user.home));
            Ok(homes.map(|user| boxed(Attributes::new(&user.home, ModeRule::AtMost(mode)))).collect())
        }
        AccountRule::NoTrustFiles => Ok(trust_files(host, &users)),
        AccountRule::RootPasswordLocked => root_locked(hardening),
        AccountRule::PasswordAgeing { maximum, minimum, warning } => {
            let ageing = ageing(hardening, &users)?;
            let aged = |user: &User| {
                boxed(Account::new(&user.name).ages(minimum.into(), maximum.into(), warning.into()))
            };
            Ok(ageing.into_iter().map(aged).collect())
        }
    }
}

fn boxed(item: impl Managed + 'static) -> Box<dyn Managed> {
    Box::new(item)
}

/// Whether the account's shell is one to log in with; `sync`, `halt` and their kin are programs of one purpose.
fn logs_in(user: &User) -> bool {
    let name = user.shell.rsplit('/').next().unwrap_or_default();
    ["sh", "bash", "dash", "zsh", "ksh", "fish", "csh", "tcsh", "rbash"].contains(&name)
}

fn people(users: &[User]) -> impl Iterator<Item = &User> {
    users.iter().filter(|user| PEOPLE.contains(&user.uid) && user.home.len() > 1)
}

fn locked(host: &Host, users: &[User]) -> Result<Vec<Box<dyn Managed>>, Fault> {
    let shadows = account::shadows(host)?;
    let open = |user: &&User| {
        let shadow = shadows.iter().find(|shadow| shadow.name == user.name);
        shadow.is_some_and(|shadow| shadow.password != Password::Locked)
    };
    let shellless = users.iter().filter(|user| user.uid != 0 && !logs_in(user)).filter(open);
    Ok(shellless.map(|user| boxed(Account::new(&user.name).locked())).collect())
}

/// What is removed is kept in our backups: somebody may still want to know what it said.
fn trust_files(host: &Host, users: &[User]) -> Vec<Box<dyn Managed>> {
    let homes = users.iter().filter(|user| user.uid == 0).chain(people(users));
    let in_homes =
        homes.flat_map(|user| [".rhosts", ".shosts", ".netrc"].map(|name| format!("{}/{name}", user.home)));
    let all = in_homes.chain(["/etc/hosts.equiv".to_owned(), "/etc/ssh/shosts.equiv".to_owned()]);
    let there = all.filter(|path| host.path(path).is_file() && !host.path(path).is_symlink());
    there.map(|path| boxed(File::absent(path).backup(Backup::Original))).collect()
}

fn root_locked(hardening: &Hardening) -> Result<Vec<Box<dyn Managed>>, Fault> {
    if !has_other_administrator(hardening.host)? {
        return Err(Fault::refused(
            "no other account with sudo has an authorised key, so nobody could become root any more: give one a key, and \
             run again",
        ));
    }
    Ok(vec![boxed(Account::new("root").locked())])
}

/// Accounts whose password may run out: an expired one refuses a login by key too, so those with a key are left out, and so
/// is whoever runs this.
fn ageing<'u>(hardening: &Hardening, users: &'u [User]) -> Result<Vec<&'u User>, Fault> {
    let shadows = account::shadows(hardening.host)?;
    let by_password = |user: &&User| {
        let shadow = shadows.iter().find(|shadow| shadow.name == user.name);
        shadow.is_some_and(|shadow| shadow.password == Password::Set)
    };
    let ageing = people(users).filter(by_password);
    Ok(ageing.filter(|user| !has_key(hardening.host, user) && !hardening.login.is(&user.name)).collect())
}
