//! Searches in the files of accounts.

use std::collections::HashMap;
use std::fs;
use std::hash::Hash;
use std::os::unix::fs::MetadataExt;

use crate::account::{self, Password, User};
use crate::{Fault, Host};

const PEOPLE: std::ops::Range<u32> = 1000..60000;
/// An account that nobody used for so many days is told.
const LONG: u64 = 90;

/// What is wrong with the files of accounts.
pub(super) fn account_files(host: &Host) -> Result<Vec<String>, Fault> {
    let (users, groups, shadows) = (account::users(host)?, account::groups(host)?, account::shadows(host)?);
    let passwd = host.read_text("/etc/passwd")?.unwrap_or_default();
    let mut found = Vec::new();
    let visible = passwd
        .lines()
        .filter(|line| line.split(':').nth(1).is_some_and(|field| field != "x" && field != "*"));
    found.extend(
        visible.filter_map(|line| {
            Some(format!("{}: its password stands in /etc/passwd", line.split(':').next()?))
        }),
    );
    let empty = shadows.iter().filter(|shadow| shadow.password == Password::Empty);
    found.extend(empty.map(|shadow| format!("{}: has an empty password", shadow.name)));
    let homeless = users.iter().filter(|user| groups.iter().all(|group| group.gid != user.gid));
    found.extend(homeless.map(|user| format!("{}: its group {} does not exist", user.name, user.gid)));
    found.extend(
        doubled(users.iter().map(|user| user.uid))
            .into_iter()
            .map(|uid| format!("user number {uid} is there twice")),
    );
    found.extend(
        doubled(groups.iter().map(|group| group.gid))
            .into_iter()
            .map(|gid| format!("group number {gid} is there twice")),
    );
    found.extend(
        doubled(users.iter().map(|user| &user.name))
            .into_iter()
            .map(|name| format!("user {name} is there twice")),
    );
    found.extend(
        doubled(groups.iter().map(|group| &group.name))
            .into_iter()
            .map(|name| format!("group {name} is there twice")),
    );
    Ok(found)
}

fn doubled<T: Eq + Hash + Ord>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut counts = HashMap::new();
    for one in all {
        *counts.entry(one).or_insert(0) += 1;
    }
    let mut doubled: Vec<T> =
        counts.into_iter().filter(|(_, count)| *count > 1).map(|(one, _)| one).collect();
    doubled.sort();
    doubled
}

/// Accounts and groups with root's numbers.
pub(super) fn root_doubles(host: &Host) -> Result<Vec<String>, Fault> {
    let users = account::users(host)?;
    let groups = account::groups(host)?;
    let second = users.iter().filter(|user| user.uid == 0 && user.name != "root");
    let members = users.iter().filter(|user| user.gid == 0 && user.uid != 0);
    let of_root = groups.iter().filter(|group| group.gid == 0 && group.name != "root");
    Ok(second
        .map(|user| format!("user {} has number 0", user.name))
        .chain(members.map(|user| format!("user {} has the group 0", user.name)))
        .chain(of_root.map(|group| format!("group {} has number 0", group.name)))
        .collect())
}

fn people(host: &Host) -> Result<Vec<User>, Fault> {
    Ok(account::users(host)?.into_iter().filter(|user| PEOPLE.contains(&user.uid)).collect())
}

/// Home folders and dot files that belong to others, or that others may write.
pub(super) fn home_folders(host: &Host) -> Result<Vec<String>, Fault> {
    let mut found = Vec::new();
    for user in people(host)? {
        match fs::metadata(host.path(&user.home)) {
            Err(_) => found.push(format!("{}: its home folder {} is missing", user.name, user.home)),
            Ok(home) if home.uid() != user.uid => {
                found.push(format!("{}: belongs to another than {}", user.home, user.name));
            }
            Ok(_) => {}
        }
        for name in host.names(&user.home)?.iter().filter(|name| name.starts_with('.')) {
            let path = format!("{}/{name}", user.home);
            let Ok(there) = fs::symlink_metadata(host.path(&path)) else { continue };
            if there.is_file() && (there.uid() != user.uid || there.mode() & 0o022 != 0) {
                found.push(format!("{path}: others may write it, or it belongs to another"));
            }
        }
    }
    Ok(found)
}

/// Rules that can be walked around.
pub(super) fn sudo_rules(host: &Host) -> Result<Vec<String>, Fault> {
    let mut files = vec!["/etc/sudoers".to_owned()];
    files.extend(host.names("/etc/sudoers.d")?.into_iter().map(|name| format!("/etc/sudoers.d/{name}")));
    let mut found = Vec::new();
    for file in files {
        let text = host.read_text(&file)?.unwrap_or_default();
        found.extend(text.lines().filter_map(wide).map(|why| format!("{file}: {why}")));
    }
    Ok(found)
}

fn wide(line: &str) -> Option<String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with(['#', '@']) || line.starts_with("Defaults") {
        return None;
    }
    let (_, commands) = line.split_once('=')?;
    let why = if commands.contains('!') {
        "a negation, which another name of the same program walks around"
    } else if commands.contains("NOPASSWD") && commands.trim_end().ends_with("ALL") {
        "everything without a password"
    } else {
        return None;
    };
    Some(format!("`{line}` has {why}"))
}

/// People's accounts that nobody logged in to for a long time, as `lastlog` has it.
pub(super) fn unused(host: &Host) -> Result<Vec<String>, Fault> {
    /// A record of `/var/log/lastlog`: the time, then names of the terminal and the other end.
    const RECORD: usize = 4 + 32 + 256;
    let Some(log) = host.read("/var/log/lastlog")? else { return Ok(Vec::new()) };
    let now = host.now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let last = |user: &User| {
        let start = usize::try_from(user.uid).ok()?.checked_mul(RECORD)?;
        let bytes: [u8; 4] = log.get(start..start + 4)?.try_into().ok()?;
        Some(u64::from(u32::from_le_bytes(bytes))).filter(|time| *time != 0)
    };
    let told = people(host)?.into_iter().filter_map(|user| match last(&user) {
        None => Some(format!("{}: never logged in", user.name)),
        Some(time) => {
            let days = now.saturating_sub(time) / 86_400;
            (days > LONG).then(|| format!("{}: last logged in {days} days ago", user.name))
        }
    });
    Ok(told.collect())
}

/// Folders of root's `PATH` that others may write. The path is the one that sudo and logins give.
pub(super) fn root_path(host: &Host) -> Result<Vec<String>, Fault> {
    let login = host.read_text("/etc/login.defs")?.unwrap_or_default();
    let line = login.lines().find_map(|line| line.trim().strip_prefix("ENV_SUPATH"));
    let path = line
        .and_then(|line| line.trim().strip_prefix("PATH="))
        .unwrap_or("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    let wrong = path.split(':').filter_map(|folder| {
        if !folder.starts_with('/') {
            return Some(format!("{folder:?} is no absolute folder"));
        }
        let there = fs::metadata(host.path(folder)).ok()?;
        let open = there.uid() != 0 || there.mode() & 0o022 != 0;
        open.then(|| format!("{folder} can be written by others than root"))
    });
    Ok(wrong.collect())
}
