//! Kernel settings: the live value, and the one that stands after a restart.
//!
//! A key that this kernel does not have, or that a container may not write, is unsupported; then no file is written
//! either, so that the file never claims what does not hold.

use std::fmt::{self, Display};
use std::fs;

use rustix::fs::{Access, access};

use crate::edit::{Edit, Separator, value_of};
use crate::file::{self, New, Owner};
use crate::{Fault, Host, Item};

/// A kernel setting as it is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sysctl {
    key: String,
    value: String,
    file: String,
    when: When,
}

/// When a value must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// Now, and after a restart.
    Now,
    /// After a restart: the live value stays, because it cannot be taken back.
    AtBoot,
}

/// What the kernel and the files say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    live: Live,
    own: Option<String>,
    /// The last file that sets the key, as systemd-sysctl reads them, and its value.
    last: Option<(String, String)>,
}

/// What the kernel says of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Live {
    /// It has no such key.
    Absent,
    /// It has this value, and takes others.
    Writable(String),
    /// It has this value, and takes no other: why.
    Fixed(String, String),
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Tell the kernel.
    Live(String, String),
    /// Write it to the file.
    Persist(String),
}

impl Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Live(from, to) => write!(f, "set the live value from {from} to {to}"),
            Change::Persist(file) => write!(f, "write it to {file}"),
        }
    }
}

/// Folders in the order in which one replaces a file of the same name in the next.
const FOLDERS: [&str; 4] = ["/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d"];

impl Sysctl {
    /// `key` (`net.ipv4.ip_forward`) has `value`, now and after a restart by `file` in `/etc/sysctl.d`.
    pub fn new(key: impl Into<String>, value: impl Into<String>, file: impl Into<String>) -> Sysctl {
        let file = format!("/etc/sysctl.d/{}", file.into());
        Sysctl { key: key.into(), value: value.into(), file, when: When::Now }
    }

    /// Only from the next boot on; for values that cannot be taken back.
    #[must_use]
    pub fn at_boot(self) -> Sysctl {
        Sysctl { when: When::AtBoot, ..self }
    }

    fn live_path(&self) -> String {
        format!("/proc/sys/{}", self.key.replace('.', "/"))
    }

    fn is_wanted(&self, value: &str) -> bool {
        value.split_whitespace().eq(self.value.split_whitespace())
    }

    fn live(&self, host: &Host) -> Result<Live, Fault> {
        let Some(value) = host.read_text(&self.live_path())? else { return Ok(Live::Absent) };
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(match access(host.path(&self.live_path()), Access::WRITE_OK) {
            Ok(()) => Live::Writable(value),
            Err(error) => Live::Fixed(value, reason(host, error)),
        })
    }
}

fn reason(host: &Host, error: rustix::io::Errno) -> String {
    let whose =
        if crate::facts::is_container(host) { "; a container shares the kernel of its machine" } else { "" };
    format!("{}{whose}", std::io::Error::from(error))
}

/// The last value that files give `key`, as after a restart.
fn last_of(host: &Host, key: &str) -> Result<Option<(String, String)>, Fault> {
    let mut files: Vec<(String, String)> = Vec::new();
    for folder in FOLDERS {
        for name in host.names(folder)? {
            let hidden = files.iter().any(|(there, _)| *there == name);
            if name.strip_suffix(".conf").is_some() && !hidden {
                files.push((name.clone(), format!("{folder}/{name}")));
            }
        }
    }
    files.sort();
    let mut last = None;
    for (_, path) in files {
        // A file that is a link to nowhere, or was removed just now, sets nothing.
        let text = host.read_text(&path)?.unwrap_or_default().replace('\r', "");
        if let Some(value) = set_by(&text, key) {
            last = Some((path, value));
        }
    }
    Ok(last)
}

/// The value of `key` in a file: both `a.b` and `a/b` are keys, and a dash in front ignores errors.
fn set_by(text: &str, key: &str) -> Option<String> {
    let normal = |line: &str| {
        let line = line.trim().trim_start_matches('-');
        line.split_once('=')
            .map_or(line.to_owned(), |(key, value)| format!("{}={value}", key.trim().replace('/', ".")))
    };
    let text: String = text.lines().map(|line| normal(line) + "\n").collect();
    value_of(&text, key, Separator::Equals)
}

impl Item for Sysctl {
    type Observed = Observed;
    type Change = Change;

    fn id(&self) -> String {
        format!("sysctl {}", self.key)
    }

    fn observe(&self, host: &Host) -> Result<Observed, Fault> {
        Ok(Observed {
            live: self.live(host)?,
            own: host.read_text(&self.file)?.and_then(|text| value_of(&text, &self.key, Separator::Equals)),
            last: last_of(host, &self.key)?,
        })
    }

    fn compare(&self, observed: &Observed) -> Result<Vec<Change>, Fault> {
        let live = match &observed.live {
            Live::Absent => return Err(Fault::unsupported(format!("this kernel has no {}", self.key))),
            Live::Fixed(value, reason) if !self.is_wanted(value) => {
                let key = &self.key;
                return Err(Fault::unsupported(format!(
                    "{key} is {value}, and cannot be written here: {reason}"
                )));
            }
            Live::Writable(value) if !self.is_wanted(value) && self.when == When::Now => {
                Some(Change::Live(value.clone(), self.value.clone()))
            }
            Live::Writable(_) | Live::Fixed(..) => None,
        };
        if let Some((file, value)) = &observed.last
            && !self.is_wanted(value)
            && file.rsplit('/').next() > self.file.rsplit('/').next()
        {
            let (key, wanted) = (&self.key, &self.value);
            return Err(Fault::refused(format!(
                "{file} sets {key} to {value} and is read after {}: take the line out of it, or {key} = {wanted} would \
                 not outlast a restart",
                self.file
            )));
        }
        let persisted = observed.own.as_deref().is_some_and(|value| self.is_wanted(value));
        let persist = (!persisted).then(|| Change::Persist(self.file.clone()));
        Ok(live.into_iter().chain(persist).collect())
    }

    fn apply(&self, host: &Host, change: &Change) -> Result<(), Fault> {
        match change {
            Change::Live(..) => set_live(host, &self.live_path(), &self.value),
            Change::Persist(path) => {
                let text = host.read_text(path)?.unwrap_or_default();
                let text = Edit::set(&self.key, &self.value, Separator::Equals).made_in(&text);
                let new = New { bytes: text.as_bytes(), mode: 0o644, owner: &Owner::root(), validate: None };
                file::write(host, path, &new)
            }
        }
    }

    fn before(&self, observed: &Observed) -> String {
        let live = match &observed.live {
            Live::Absent => "absent",
            Live::Writable(value) | Live::Fixed(value, _) => value,
        };
        format!("live {live}\nfile {}\n", observed.own.as_deref().unwrap_or("none"))
    }

    fn after(&self, _: &Observed) -> String {
        format!("live {0}\nfile {0}\n", self.value)
    }
}

fn set_live(host: &Host, path: &str, value: &str) -> Result<(), Fault> {
    let place = host.path(path);
    fs::write(&place, format!("{value}\n")).map_err(|error| {
        // The kernel's own refusals: EINVAL, EPERM, EROFS in a container or under lockdown.
        Fault::unsupported(format!(
            "the kernel refuses {value} for {}: {error}",
            path.trim_start_matches("/proc/sys/")
        ))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::Root;
    use crate::{Mode, State};

    fn forward() -> Sysctl {
        Sysctl::new("net.ipv4.ip_forward", "1", "90-socle.conf")
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn applied_twice_is_applied_once(live in "[0-9]\n", file in proptest::option::of("(net.ipv4.ip_forward ?= ?[0-9]\n){1,3}")) {
            let root = Root::with(&[("/proc/sys/net/ipv4/ip_forward", &live)]);
            if let Some(file) = file {
                root.write("/etc/sysctl.d/90-socle.conf", &file);
            }
            prop_assert_ne!(forward().bring(&root.host(), Mode::Apply).state, State::Failed);
            prop_assert_eq!(forward().bring(&root.host(), Mode::Apply).state, State::Ok);
            prop_assert_eq!(root.read("/proc/sys/net/ipv4/ip_forward"), "1\n".to_owned());
        }
    }

    #[test]
    fn a_key_that_the_kernel_lacks_is_unsupported_and_leaves_no_file() {
        let root = Root::new();
        assert_eq!(forward().bring(&root.host(), Mode::Apply).state, State::Unsupported);
        assert!(!root.host().exists("/etc/sysctl.d"));
    }

    #[test]
    fn a_file_that_would_undo_it_at_the_next_restart_is_named() {
        let root = Root::with(&[
            ("/proc/sys/net/ipv4/ip_forward", "0\n"),
            ("/etc/sysctl.d/99-sysctl.conf", "net/ipv4/ip_forward=0\n"),
        ]);
        let outcome = forward().bring(&root.host(), Mode::Apply);
        assert_eq!(outcome.state, State::Refused);
        assert!(outcome.message.contains("/etc/sysctl.d/99-sysctl.conf"), "{}", outcome.message);
    }

    #[test]
    fn several_numbers_are_compared_without_their_spaces() {
        let root = Root::with(&[("/proc/sys/net/ipv4/tcp_rmem", "4096\t87380\t16777216\n")]);
        let item = Sysctl::new("net.ipv4.tcp_rmem", "4096 87380 16777216", "x.conf");
        let changes = item.compare(&item.observe(&root.host()).unwrap()).unwrap();
        assert_eq!(changes, [Change::Persist("/etc/sysctl.d/x.conf".to_owned())]);
    }
}
