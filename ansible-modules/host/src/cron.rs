//! cron: files in `/etc/cron.d`, and who may use crontabs.

use crate::file::{Attributes, File, ModeRule, Owner};

/// A file of jobs in `/etc/cron.d`; each line names its user. cron reads it within a minute.
pub fn jobs(name: &str, lines: &[String]) -> File {
    let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
    File::new(format!("/etc/cron.d/{name}"), text)
}

/// Only these users (and root) have crontabs.
pub fn allowed(users: &[String]) -> File {
    let text: String = users.iter().flat_map(|user| [user.as_str(), "\n"]).collect();
    File::new("/etc/cron.allow", text).mode(0o640)
}

/// cron's own files and folders, which nobody but root may read.
pub fn folders() -> Vec<Attributes> {
    let folders =
        ["hourly", "daily", "weekly", "monthly", "d"].map(|name| (format!("/etc/cron.{name}"), 0o700));
    let all = std::iter::once(("/etc/crontab".to_owned(), 0o600)).chain(folders);
    all.map(|(path, mode)| Attributes::new(path, ModeRule::AtMost(mode)).owner(Owner::root())).collect()
}
